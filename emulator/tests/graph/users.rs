//! Users: create, read, update; strictness.

use crate::client::{Tenant, id, user, with, without};
use entrain_emulator::Options;
use serde_json::{Value, json};

#[tokio::test]
async fn create_read_update() {
    let tenant = Tenant::start().await;
    let created =
        tenant.send("POST", "/users", with(user("ann"), json!({ "jobTitle": "Cook" })), &[("client-request-id", "mine")]).await;
    assert_eq!(created.header("client-request-id"), "mine");
    assert!(!created.header("request-id").is_empty() && created.header("x-ms-ags-diagnostic").contains("ServerInfo"));
    assert!(!created.header("date").is_empty());
    let location = created.header("location").to_owned();
    let body = created.ok(201);
    assert!(body["@odata.context"].as_str().unwrap().ends_with("/$metadata#users/$entity"));
    assert_eq!((&body["businessPhones"], &body["jobTitle"], body.get("passwordProfile")), (&json!([]), &json!("Cook"), None));
    assert!(body.get("accountEnabled").is_none(), "only the default properties come back");
    let by_name = tenant.get("/users/ANN@contoso.example?$select=id,accountEnabled,userType,passwordProfile").await.ok(200);
    assert_eq!(by_name["id"], body["id"]);
    assert_eq!(
        (&by_name["accountEnabled"], &by_name["userType"], &by_name["passwordProfile"]),
        (&json!(true), &json!("Member"), &Value::Null)
    );
    tenant.get(&location).await.ok(200);
    let path = format!("/users/{}", id(&body).to_uppercase());
    assert_eq!(tenant.patch(&path, json!({ "jobTitle": null, "department": "Kitchen" })).await.ok(204), Value::Null);
    let changed = tenant.get(&format!("{path}?$select=jobTitle,department")).await.ok(200);
    assert_eq!((&changed["jobTitle"], &changed["department"]), (&Value::Null, &json!("Kitchen")));
    // The path and the version ignore case; so does $select.
    let shouted = format!("{}/USERS('ann@contoso.example')?$SELECT=DEPARTMENT", tenant.running.graph_url.replace("v1.0", "V1.0"));
    assert_eq!(tenant.get(&shouted).await.ok(200)["department"], "Kitchen");
}

#[tokio::test]
async fn an_apostrophe_in_a_name() {
    let tenant = Tenant::start().await;
    let created = tenant.new_user("o'brien").await;
    for path in ["/users/o'brien@contoso.example", "/users('o''brien@contoso.example')", "/users/o%27brien%40contoso.example"] {
        assert_eq!(id(&tenant.get(path).await.ok(200)), created, "{path}");
    }
    let found = tenant.get("/users?$filter=userPrincipalName eq 'o''brien@contoso.example'").await.ok(200);
    assert_eq!(crate::client::ids(&found), [created]);
}

#[tokio::test]
async fn what_a_create_must_have() {
    let tenant = Tenant::start().await;
    for name in ["accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"] {
        tenant.post("/users", without(user("a"), name)).await.refused(400, "Request_BadRequest", name);
    }
    let fed = with(user("a"), json!({ "userPrincipalName": "a@fed.example" }));
    tenant.post("/users", fed.clone()).await.refused(400, "Request_BadRequest", "onPremisesImmutableId");
    tenant.post("/users", with(fed, json!({ "onPremisesImmutableId": "x1" }))).await.ok(201);
    let empty = tenant.send("POST", "/users", Value::Null, &[]).await;
    empty.refused(400, "Request_BadRequest", "An unexpected 'EndOfInput' node was found when reading from the JSON reader.");
}

#[tokio::test]
async fn properties_are_checked() {
    let tenant = Tenant::start().await;
    let path = format!("/users/{}", tenant.new_user("ann").await);
    let long = |length: usize| "x".repeat(length);
    let refused = [
        json!({ "nonsense": 1 }),
        json!({ "DisplayName": "wrong case" }),
        json!({ "accountEnabled": "yes" }),
        json!({ "accountEnabled": null }),
        json!({ "displayName": null }),
        json!({ "displayName": long(257) }),
        json!({ "jobTitle": long(129) }),
        json!({ "jobTitle": "" }),
        json!({ "jobTitle": 7 }),
        json!({ "identities": 5 }),
        json!({ "employeeId": long(17) }),
        json!({ "givenName": long(65) }),
        json!({ "postalCode": long(41) }),
        json!({ "businessPhones": ["1", "2"] }),
        json!({ "businessPhones": "1" }),
        json!({ "otherMails": ["ä@x.y"] }),
        json!({ "mail": null }),
        json!({ "mail": "é@contoso.example" }),
        json!({ "usageLocation": "GBR" }),
        json!({ "usageLocation": "XX" }),
        json!({ "usageLocation": "UK" }),
        json!({ "usageLocation": null }),
        json!({ "userType": "Boss" }),
        json!({ "passwordPolicies": "Anything" }),
        json!({ "ageGroup": "Old" }),
        json!({ "employeeHireDate": "yesterday" }),
        json!({ "employeeOrgData": { "room": "1" } }),
        json!({ "onPremisesExtensionAttributes": { "extensionAttribute16": "x" } }),
        json!({ "onPremisesExtensionAttributes": { "extensionAttribute1": long(1025) } }),
        json!({ "extension_0123456789abcdef0123456789abcdef_shoe": "42" }),
        json!({ "mailNickname": "a b" }),
        json!({ "onPremisesImmutableId": "a$b" }),
        json!({ "onPremisesImmutableId": "a_b" }),
    ];
    for body in refused {
        let reply = tenant.patch(&path, body.clone()).await;
        assert_eq!((reply.status, reply.body["error"]["code"].as_str()), (400, Some("Request_BadRequest")), "{body}");
    }
    for name in ["id", "createdDateTime", "proxyAddresses", "onPremisesSyncEnabled", "assignedLicenses"] {
        let reply = tenant.patch(&path, json!({ name: "x" })).await;
        reply.refused(400, "Request_BadRequest", &format!("Property '{name}' is read-only and cannot be set."));
    }
    let good = json!({ "displayName": long(256), "employeeId": long(16), "usageLocation": "GB", "businessPhones": ["1"], "jobTitle": long(128) });
    tenant.patch(&path, good).await.ok(204);
}

#[tokio::test]
async fn principal_names() {
    let tenant = Tenant::start().await;
    let create = async |name: String| tenant.post("/users", with(user("x"), json!({ "userPrincipalName": name }))).await;
    let unverified = create("x@new.example".into()).await;
    unverified.refused(400, "Request_BadRequest", "The domain portion of the userPrincipalName property is invalid.");
    assert_eq!(unverified.body["error"]["details"][0]["target"], "userPrincipalName");
    assert_eq!(unverified.body["error"]["details"][0]["code"], "InvalidValue");
    for name in ["x", "x.@contoso.example", "ü@contoso.example", "a b@contoso.example", "@contoso.example"] {
        create(name.into()).await.refused(400, "Request_BadRequest", "One or more properties contains invalid values.");
    }
    create(format!("{}@contoso.example", "x".repeat(65))).await.refused(400, "Request_BadRequest", "invalid values");
    create(format!("{}@contoso.example", "x".repeat(64))).await.ok(201);
}

#[tokio::test]
async fn passwords() {
    let tenant = Tenant::start().await;
    let create = async |alias: &str, password: &str, policies: &str| {
        let profile = json!({ "password": password, "forceChangePasswordNextSignIn": false });
        let over = json!({ "passwordProfile": profile, "passwordPolicies": policies });
        tenant.post("/users", with(user(alias), over)).await
    };
    for weak in ["Ab1!", "alllowercase", "lowercase1", "Pässword1!"] {
        create("a", weak, "None").await.refused(400, "Request_BadRequest", "password complexity requirements");
    }
    create("b", "alllowercase", "DisableStrongPassword, DisablePasswordExpiration").await.ok(201);
    create("c", "Lowercase1", "None").await.ok(201);
    let odd = json!({ "passwordProfile": { "password": "Correct-Horse-1", "forceChangePasswordNextSignIn": true, "hint": "x" } });
    tenant.post("/users", with(user("d"), odd)).await.refused(400, "Request_BadRequest", "hint");
    // A create says both; an update need not.
    for (half, missing) in [
        (json!({ "password": "Correct-Horse-1" }), "passwordProfile/forceChangePasswordNextSignIn"),
        (json!({ "forceChangePasswordNextSignIn": true }), "passwordProfile/password"),
    ] {
        let refused = tenant.post("/users", with(user("d"), json!({ "passwordProfile": half }))).await;
        refused.refused(400, "Request_BadRequest", missing);
        tenant.patch("/users/c@contoso.example", json!({ "passwordProfile": half })).await.ok(204);
    }
    let federated = with(
        without(user("f"), "passwordProfile"),
        json!({ "userPrincipalName": "f@fed.example", "onPremisesImmutableId": "F" }),
    );
    tenant.post("/users", federated).await.refused(400, "Request_BadRequest", "passwordProfile");
}

#[tokio::test]
async fn banned_passwords() {
    let tenant = Tenant::start().await;
    let change = async |password: &str| {
        tenant.patch("/users/ann@contoso.example", json!({ "passwordProfile": { "password": password } })).await
    };
    tenant.new_user("ann").await;
    for banned in ["Password1!", "P@ssw0rd12", "Welcome-22"] {
        change(banned).await.refused(400, "Request_BadRequest", "password complexity requirements");
    }
    change("Password-of-the-whale-1").await.ok(204);
    change("Bluewhale1").await.ok(204);
    tenant.control("PATCH", "switches", json!({ "bannedPasswords": ["bluewhale"] }));
    change("Bluewhale1").await.refused(400, "Request_BadRequest", "password complexity requirements");
    change("Password1!").await.ok(204);
}

#[tokio::test]
async fn values_that_only_one_may_hold() {
    let tenant = Tenant::start().await;
    tenant.post("/users", with(user("ann"), json!({ "mail": "ann@mail.example", "onPremisesImmutableId": "A1" }))).await.ok(201);
    let bob = format!("/users/{}", tenant.new_user("bob").await);
    let conflict = |property: &str| format!("Another object with the same value for property {property} already exists.");
    let same = tenant.patch(&bob, json!({ "userPrincipalName": "Ann@Contoso.example" })).await;
    same.refused(400, "Request_BadRequest", &conflict("userPrincipalName"));
    assert_eq!(same.body["error"]["details"][0]["code"], "ObjectConflict");
    let mail = tenant.patch(&bob, json!({ "mail": "ANN@mail.example" })).await;
    mail.refused(400, "Request_BadRequest", &conflict("proxyAddresses"));
    let codes: Vec<&str> =
        mail.body["error"]["details"].as_array().unwrap().iter().map(|detail| detail["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["ObjectConflict", "ConflictingObjects"]);
    tenant.patch(&bob, json!({ "onPremisesImmutableId": "A1" })).await.refused(
        400,
        "Request_BadRequest",
        &conflict("onPremisesImmutableId"),
    );
    // A name that was given up is free at once.
    tenant.patch("/users/ann@contoso.example", json!({ "userPrincipalName": "anna@contoso.example" })).await.ok(204);
    tenant.patch(&bob, json!({ "userPrincipalName": "ann@contoso.example" })).await.ok(204);
}

#[tokio::test]
async fn mail_becomes_a_proxy_address() {
    let tenant = Tenant::start().await;
    let path = format!("/users/{}", tenant.new_user("ann").await);
    for mail in ["one@mail.example", "two@mail.example"] {
        tenant.patch(&path, json!({ "mail": mail })).await.ok(204);
    }
    let read = tenant.get(&format!("{path}?$select=mail,proxyAddresses")).await.ok(200);
    assert_eq!(
        (&read["mail"], &read["proxyAddresses"]),
        (&json!("two@mail.example"), &json!(["SMTP:two@mail.example", "smtp:one@mail.example"]))
    );
}

#[tokio::test]
async fn nested_values() {
    let tenant = Tenant::start().await;
    let path = format!("/users/{}", tenant.new_user("ann").await);
    tenant.patch(&path, json!({ "employeeOrgData": { "division": "D", "costCenter": "C" } })).await.ok(204);
    tenant.patch(&path, json!({ "employeeOrgData": { "division": "E" } })).await.ok(204);
    for at in [1, 2] {
        tenant
            .patch(&path, json!({ "onPremisesExtensionAttributes": { format!("extensionAttribute{at}"): at.to_string() } }))
            .await
            .ok(204);
    }
    tenant.patch(&path, json!({ "employeeHireDate": "2026-01-31T10:00:00+02:00" })).await.ok(204);
    let read =
        tenant.get(&format!("{path}?$select=employeeOrgData,onPremisesExtensionAttributes,employeeHireDate")).await.ok(200);
    assert_eq!(read["employeeOrgData"], json!({ "division": "E", "costCenter": null }), "sending one nulls the other");
    assert_eq!(read["onPremisesExtensionAttributes"]["extensionAttribute1"], "1");
    assert_eq!(read["onPremisesExtensionAttributes"]["extensionAttribute2"], "2");
    assert_eq!(read["onPremisesExtensionAttributes"]["extensionAttribute15"], Value::Null);
    assert_eq!(read["employeeHireDate"], "2026-01-31T08:00:00Z");
}

#[tokio::test]
async fn what_lives_outside_the_directory() {
    let tenant = Tenant::start().await;
    let path = format!("/users/{}", tenant.new_user("ann").await);
    tenant.patch(&path, json!({ "aboutMe": "x", "jobTitle": "y" })).await.refused(400, "Request_BadRequest", "aboutMe");
    tenant.patch(&path, json!({ "aboutMe": "x" })).await.refused(403, "Authorization_RequestDenied", "Insufficient");
    tenant.control("PATCH", "switches", json!({ "hireDateByApplication": false }));
    tenant.patch(&path, json!({ "employeeHireDate": "2026-01-31T10:00:00Z" })).await.refused(
        403,
        "Authorization_RequestDenied",
        "",
    );
}

#[tokio::test]
async fn paths_and_methods() {
    let tenant = Tenant::start().await;
    tenant.get("/users/nobody@contoso.example").await.refused(
        404,
        "Request_ResourceNotFound",
        "Resource 'nobody@contoso.example' does not exist",
    );
    tenant.get("/groups/nonsense").await.refused(400, "Request_BadRequest", "Invalid object identifier 'nonsense'.");
    tenant.get("/planets").await.refused(400, "BadRequest", "Resource not found for the segment 'planets'.");
    let method = tenant.put("/users", json!({})).await;
    method.refused(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.");
    assert!(method.body["error"]["innerError"]["request-id"].is_string());
    assert!(method.body["error"]["innerError"]["date"].as_str().unwrap().len() == "2026-01-01T00:00:00".len());
}

#[tokio::test]
async fn sessions_are_revoked() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let answer = tenant.post(&format!("/users/{ann}/revokeSignInSessions"), Value::Null).await.ok(200);
    assert_eq!(answer["value"], true);
    let read = tenant.get(&format!("/users/{ann}?$select=signInSessionsValidFromDateTime")).await.ok(200);
    assert!(read["signInSessionsValidFromDateTime"].is_string());
}

#[tokio::test]
async fn texts_by_switch() {
    let tenant = Tenant::start().await;
    let path = format!("/users/{}", tenant.new_user("ann").await);
    tenant.patch(&path, json!({ "jobTitle": "" })).await.refused(400, "Request_BadRequest", "jobTitle");
    tenant.control("PATCH", "switches", json!({ "refuseEmptyTexts": false, "trimTexts": true }));
    tenant.patch(&path, json!({ "jobTitle": "" })).await.ok(204);
    tenant.patch(&path, json!({ "city": " Ulm " })).await.ok(204);
    assert_eq!(tenant.get(&format!("{path}?$select=city")).await.ok(200)["city"], "Ulm");
    tenant.control("PATCH", "switches", json!({ "trimTexts": false }));
    tenant.patch(&path, json!({ "city": " Ulm " })).await.ok(204);
    assert_eq!(tenant.get(&format!("{path}?$select=city")).await.ok(200)["city"], " Ulm ");
}

#[tokio::test]
async fn a_hundred_extension_values() {
    let name = |at: usize| format!("extension_0123456789abcdef0123456789abcdef_x{at}");
    let tenant = Tenant::with(Options { extensions: (0..102).map(name).collect(), ..Options::default() }).await;
    let path = format!("/users/{}", tenant.new_user("ann").await);
    let values = |range: std::ops::Range<usize>| Value::Object(range.map(|at| (name(at), json!("v"))).collect());
    tenant.patch(&path, values(0..100)).await.ok(204);
    tenant.patch(&path, values(99..100)).await.ok(204);
    tenant.patch(&path, values(100..101)).await.refused(400, "Request_BadRequest", "100");
    tenant.patch(&path, json!({ name(0): null, name(100): "v" })).await.ok(204);
    tenant.patch(&path, json!({ name(0): "x".repeat(257) })).await.refused(400, "Request_BadRequest", "x0");
}
