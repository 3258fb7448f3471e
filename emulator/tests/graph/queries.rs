//! `$select`, `$filter`, `$orderby`, `$top`, `$count`, `$search`, `$expand`, paging.

use crate::client::{Tenant, id, ids};
use serde_json::{Value, json};

const USERS: usize = 7;

async fn tenant() -> Tenant {
    let tenant = Tenant::start().await;
    let user = |at: usize| {
        json!({
            "userPrincipalName": format!("u{at}@contoso.example"), "displayName": format!("Name {}", USERS - at), "accountEnabled": at.is_multiple_of(2),
            "department": if at < 3 { "Kitchen" } else { "Hall" }, "employeeType": "Staff", "employeeId": at.to_string(),
            "onPremisesImmutableId": format!("anchor{at}"), "proxyAddresses": [format!("SMTP:u{at}@mail.example")],
            "otherMails": [format!("other{at}@mail.example")], "onPremisesExtensionAttributes": { "extensionAttribute1": format!("x{at}") },
        })
    };
    tenant.control("POST", "seed", json!({ "users": (0..USERS).map(user).collect::<Vec<_>>() }));
    tenant
}

async fn names(tenant: &Tenant, query: &str) -> Vec<String> {
    let list = tenant.get(&format!("/users?$select=userPrincipalName&{query}")).await.ok(200);
    collect(&list)
}

async fn advanced(tenant: &Tenant, query: &str) -> Vec<String> {
    collect(&tenant.eventual(&format!("/users?$select=userPrincipalName&$count=true&{query}")).await.ok(200))
}

fn collect(list: &Value) -> Vec<String> {
    list["value"].as_array().unwrap().iter().map(|user| user["userPrincipalName"].as_str().unwrap()[..2].to_owned()).collect()
}

#[tokio::test]
async fn plain_filters() {
    let tenant = tenant().await;
    let all = ["u0", "u1", "u2", "u3", "u4", "u5", "u6"];
    for (filter, wanted) in [
        ("userPrincipalName eq 'U1@contoso.example'", vec!["u1"]),
        ("department eq 'kitchen'", vec!["u0", "u1", "u2"]),
        ("department eq 'Kitchen' and accountEnabled eq true", vec!["u0", "u2"]),
        ("displayName in ('Name 1','Name 2')", vec!["u5", "u6"]),
        ("employeeId eq '1' or employeeId eq '2' or department eq 'Hall'", vec!["u1", "u2", "u3", "u4", "u5", "u6"]),
        ("startsWith(displayName,'name')", all.to_vec()),
        ("startswith(userPrincipalName,'u3') and (department eq 'Hall' or department eq 'x')", vec!["u3"]),
        ("proxyAddresses/any(p:p eq 'smtp:u4@mail.example')", vec!["u4"]),
        ("otherMails/any(m:startsWith(m,'other5'))", vec!["u5"]),
        ("employeeId ge '5'", vec!["u5", "u6"]),
        ("mail eq null and employeeId eq '0'", vec!["u0"]),
        ("userPrincipalName eq 'nobody@contoso.example'", vec![]),
    ] {
        assert_eq!(names(&tenant, &format!("$filter={filter}")).await, wanted, "{filter}");
    }
}

#[tokio::test]
async fn advanced_filters() {
    let tenant = tenant().await;
    for (filter, wanted) in [
        ("onPremisesImmutableId eq 'anchor3'", vec!["u3"]),
        ("onPremisesExtensionAttributes/extensionAttribute1 eq 'x2'", vec!["u2"]),
        ("employeeType eq 'Staff' and employeeId eq '1'", vec!["u1"]),
        ("department ne 'Hall'", vec!["u0", "u1", "u2"]),
        ("not(department eq 'Hall')", vec!["u0", "u1", "u2"]),
        ("endsWith(userPrincipalName,'6@contoso.example')", vec!["u6"]),
    ] {
        let query = format!("/users?$filter={filter}");
        assert_eq!(tenant.get(&query).await.status, 400, "{filter}");
        assert_eq!(tenant.eventual(&query).await.status, 400, "the header without $count: {filter}");
        assert_eq!(tenant.get(&format!("{query}&$count=true")).await.status, 400, "$count without the header: {filter}");
        assert_eq!(advanced(&tenant, &format!("$filter={filter}")).await, wanted, "{filter}");
    }
    let text = "Operator 'endsWith' is not supported because the required parameters might be missing.";
    tenant.get("/users?$filter=endsWith(mail,'x')").await.refused(400, "Request_UnsupportedQuery", text);
}

#[tokio::test]
async fn filters_that_cannot_be() {
    let tenant = tenant().await;
    tenant.get("/users?$filter=shoeSize eq 4").await.refused(400, "BadRequest", "shoeSize");
    tenant.get("/users?$filter=contains(displayName,'x')").await.refused(400, "Request_UnsupportedQuery", "displayName");
    tenant.get("/users?$filter=displayName eq 'it's'").await.refused(400, "BadRequest", "Invalid filter clause");
    let list: Vec<String> = (0..16).map(|at| format!("'{at}'")).collect();
    let many = tenant.get(&format!("/users?$filter=employeeId in ({})", list.join(","))).await;
    many.refused(
        400,
        "Request_UnsupportedQuery",
        "Too many child clauses specified in search filter expression containing 'OR' operators: 16. Max allowed: 15",
    );
    assert_eq!(names(&tenant, &format!("$filter=employeeId in ({})", list[..15].join(","))).await.len(), USERS);
    tenant.get("/users?$skip=1").await.refused(400, "Request_UnsupportedQuery", "$skip");
    tenant.get("/users?$top=1000").await.refused(400, "Request_UnsupportedQuery", "1000");
    tenant.get("/users?$select=shoeSize").await.refused(400, "BadRequest", "Could not find a property named 'shoeSize'");
}

#[tokio::test]
async fn counts() {
    let tenant = tenant().await;
    tenant.get("/users/$count").await.refused(400, "Request_BadRequest", "$count is not currently supported.");
    assert_eq!(tenant.eventual("/users/$count").await.ok(200), json!(USERS));
    let silent = tenant.get("/users?$count=true").await.ok(200);
    assert!(silent.get("@odata.count").is_none(), "ignored without the header");
    let first = tenant.eventual("/users?$count=true&$top=3").await.ok(200);
    assert_eq!(first["@odata.count"], USERS);
    let second = tenant.eventual(first["@odata.nextLink"].as_str().unwrap()).await.ok(200);
    assert!(second.get("@odata.count").is_none(), "only the first page counts");
}

#[tokio::test]
async fn pages_are_complete() {
    let tenant = tenant().await;
    for query in ["$top=3", "$top=3&$orderby=displayName", "$top=2&$filter=department eq 'Hall'"] {
        let mut found = Vec::new();
        let mut next = Some(format!("/users?{query}"));
        while let Some(url) = next {
            let page = tenant.get(&url).await.ok(200);
            found.extend(ids(&page));
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        let wanted =
            ids(&tenant.get(&format!("/users?{}&$top=999", query.split_once('&').map_or("", |(_, rest)| rest))).await.ok(200));
        assert_eq!(found, wanted, "{query}");
    }
    assert_eq!(tenant.get("/users?$skiptoken=rubbish").await.status, 400);
}

#[tokio::test]
async fn order_and_search() {
    let tenant = tenant().await;
    assert_eq!(names(&tenant, "$orderby=displayName").await[0], "u6");
    assert_eq!(names(&tenant, "$orderby=displayName desc").await[0], "u0");
    let both = "$orderby=displayName&$filter=department eq 'Kitchen'";
    tenant.get(&format!("/users?{both}")).await.refused(400, "Request_UnsupportedQuery", "");
    assert_eq!(advanced(&tenant, both).await, ["u2", "u1", "u0"]);
    let search = "/users?$select=userPrincipalName&$search=\"displayName:name 3\"";
    tenant.get(search).await.refused(
        400,
        "Request_UnsupportedQuery",
        "Request with $search query parameter only works through MSGraph",
    );
    assert_eq!(collect(&tenant.eventual(search).await.ok(200)), ["u4"]);
}

#[tokio::test]
async fn expanded_members_end_at_twenty() {
    let tenant = Tenant::start().await;
    let users: Vec<Value> = (0..25).map(|at| json!({ "userPrincipalName": format!("u{at}@contoso.example") })).collect();
    let members = tenant.control("POST", "seed", json!({ "users": users }))["users"].clone();
    tenant.control("POST", "seed", json!({ "groups": [{ "displayName": "g", "members": members }] }));
    let list = tenant.get("/groups?$select=id&$expand=members($select=id,userPrincipalName)").await.ok(200);
    assert_eq!(list["value"][0]["members"].as_array().unwrap().len(), 20);
    tenant.get("/groups?$expand=manager").await.refused(400, "ExpandNotSupported", "manager");
}

#[tokio::test]
async fn searches() {
    let tenant = Tenant::start().await;
    let user = |alias: &str, name: &str, mail: &str| json!({ "userPrincipalName": format!("{alias}@contoso.example"), "displayName": name, "mail": mail });
    let users = [
        user("u1", "OneVideo Club", "video@x.example"),
        user("u2", "Ann Marie", "ann@x.example"),
        user("u3", "Video 1", "v@x.example"),
    ];
    tenant.control("POST", "seed", json!({ "users": users }));
    for (search, wanted) in [
        (r#""displayName:video""#, vec!["u1", "u3"]),
        (r#""displayName:video" AND "mail:v@""#, vec!["u3"]),
        (r#""displayName:marie" OR "displayName:club""#, vec!["u1", "u2"]),
        (r#""displayName:mar ann""#, vec!["u2"]),
        (r#""mail:x.example""#, vec![]),
        (r#"("displayName:ann" OR "displayName:1") "mail:v""#, vec!["u3"]),
    ] {
        let list = tenant.eventual(&format!("/users?$select=userPrincipalName&$search={search}")).await.ok(200);
        assert_eq!(collect(&list), wanted, "{search}");
    }
    tenant.eventual("/users?$search=displayName:video").await.refused(400, "BadRequest", "$search");
    tenant.eventual("/users?$search=\"jobTitle:x\"").await.refused(400, "Request_UnsupportedQuery", "jobTitle");
    let both = "/users?$select=userPrincipalName&$count=true&$search=\"displayName:video\"&$filter=startsWith(mail,'v@')";
    assert_eq!(collect(&tenant.eventual(both).await.ok(200)), ["u3"]);
}

#[tokio::test]
async fn filters_have_a_height() {
    let tenant = tenant().await;
    let deep = "department eq 'Hall' and (employeeId eq '1' or (accountEnabled eq true and displayName eq 'x'))";
    tenant.get(&format!("/users?$filter={deep}")).await.refused(
        400,
        "Request_UnsupportedQuery",
        "search filter expression has excessive height: 4. Max allowed: 3",
    );
    assert_eq!(advanced(&tenant, &format!("$filter={deep}")).await, Vec::<String>::new());
    let two = "(employeeId eq '1' or employeeId eq '2') and department eq 'Kitchen'";
    assert_eq!(names(&tenant, &format!("$filter={two}")).await, ["u1", "u2"]);
}

#[tokio::test]
async fn only_addresses_end_and_collections_are_counted() {
    let tenant = tenant().await;
    let ends = tenant.eventual("/users?$count=true&$filter=endsWith(displayName,'1')").await;
    ends.refused(400, "Request_UnsupportedQuery", "displayName");
    assert_eq!(advanced(&tenant, "$filter=otherMails/$count eq 1 and employeeId eq '3'").await, ["u3"]);
    assert_eq!(advanced(&tenant, "$filter=businessPhones/$count ne 0").await, Vec::<String>::new());
    tenant.get("/users?$filter=otherMails/$count eq 1").await.refused(400, "Request_UnsupportedQuery", "otherMails");
}

#[tokio::test]
async fn what_an_expansion_cannot_be() {
    let tenant = tenant().await;
    tenant.get("/users?$expand=manager($select=id)").await.ok(200);
    for inner in ["manager($levels=max)", "manager($expand=manager)", "manager($select=id;$top=1)"] {
        tenant.get(&format!("/users?$expand={inner}")).await.refused(400, "ExpandNotSupported", "manager");
    }
    let both = tenant.eventual("/users?$count=true&$expand=manager").await;
    both.refused(400, "Request_UnsupportedQuery", "$expand");
    // The header has to come again with every page: the next link carries only the query.
    let first = tenant.eventual("/users?$count=true&$top=3&$filter=department ne 'x'").await.ok(200);
    let next = first["@odata.nextLink"].as_str().unwrap();
    tenant.get(next).await.refused(400, "Request_UnsupportedQuery", "ne");
    tenant.eventual(next).await.ok(200);
}

#[tokio::test]
async fn the_url_of_an_advanced_query_is_limited() {
    let tenant = Tenant::start().await;
    let names: Vec<String> = (0..60).map(|number| format!("'{number:032}'")).collect();
    let path = format!("/users?$count=true&$filter=displayName in ({})", names.join(","));
    tenant.eventual(&path).await.refused(400, "UnknownError", "Request Too Long");
    let step = json!({ "id": "1", "method": "GET", "url": path, "headers": { "ConsistencyLevel": "eventual" } });
    let body = tenant.post("/$batch", json!({ "requests": [step] })).await.ok(200);
    assert_eq!(body["responses"][0]["status"], 200, "in a batch it is not: {body}");
    tenant.eventual("/users?$count=true&$filter=displayName in ('a')").await.ok(200);
}

#[tokio::test]
async fn each_property_is_compared_in_its_own_way() {
    let tenant = tenant().await;
    tenant.new_group("g").await;
    let refused = [
        "/users?$filter=employeeId gt '5'",
        "/users?$filter=displayName lt 'x'",
        "/users?$filter=startsWith(id,'0')",
        "/users?$filter=id ge '0'",
        "/users?$filter=accountEnabled ge true",
        "/users?$filter=startsWith(userType,'M')",
        "/users?$filter=startsWith(department,'K')",
        "/users?$filter=startsWith(createdDateTime,'2')",
        "/groups?$filter=securityEnabled ge true",
        "/groups?$filter=createdDateTime gt 2020-01-01T00:00:00Z",
        "/applications?$filter=startsWith(id,'0')",
    ];
    for path in refused {
        tenant.get(path).await.refused(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause");
        let advanced = tenant.eventual(&format!("{path}&$count=true")).await;
        advanced.refused(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause");
    }
    let created = "/groups?$filter=createdDateTime ge 2020-01-01T00:00:00Z";
    tenant.get(created).await.refused(
        400,
        "Request_UnsupportedQuery",
        "Unsupported or invalid query filter clause specified for property 'createdDateTime' of resource 'Group'.",
    );
    assert_eq!(ids(&tenant.eventual(&format!("{created}&$count=true")).await.ok(200)).len(), 1);
    assert_eq!(names(&tenant, "$filter=department ge 'Kitchen'").await, ["u0", "u1", "u2"]);
    assert_eq!(names(&tenant, "$filter=createdDateTime le 2020-01-01T00:00:00Z").await, Vec::<String>::new());
}

#[tokio::test]
async fn several_keys_order_one_after_the_other() {
    let tenant = Tenant::start().await;
    let users = [("u1", "Same"), ("u2", "Other"), ("u3", "Same")];
    let user =
        |(alias, name): &(&str, &str)| json!({ "userPrincipalName": format!("{alias}@contoso.example"), "displayName": name });
    tenant.control("POST", "seed", json!({ "users": users.iter().map(user).collect::<Vec<_>>() }));
    assert_eq!(names(&tenant, "$orderby=displayName,userPrincipalName desc").await, ["u2", "u3", "u1"]);
    assert_eq!(names(&tenant, "$orderby=displayName desc, userPrincipalName").await, ["u1", "u3", "u2"]);
    tenant.get("/users?$orderby=displayName,jobTitle").await.refused(400, "Request_UnsupportedQuery", "jobTitle");
}

#[tokio::test]
async fn pages_with_sign_ins_are_smaller() {
    let tenant = tenant().await;
    tenant.get("/users?$select=id,signInActivity&$top=501").await.refused(400, "Request_UnsupportedQuery", "between 1 and 500");
    tenant.get("/users?$select=id,signInActivity&$top=500").await.ok(200);
    tenant.get("/users?$select=id&$top=999").await.ok(200);
}

#[tokio::test]
async fn members_are_counted_as_filtered_and_their_references_have_pages() {
    let tenant = tenant().await;
    let members: Vec<String> = (0..USERS).map(|at| format!("u{at}@contoso.example")).collect();
    let seeded = tenant.control("POST", "seed", json!({ "groups": [{ "displayName": "g", "members": members }] }));
    let path = format!("/groups/{}/members", seeded["groups"][0].as_str().unwrap());
    assert_eq!(tenant.eventual(&format!("{path}/$count")).await.ok(200), json!(USERS));
    let kitchen = "$filter=startsWith(userPrincipalName,'u1') or startsWith(userPrincipalName,'u2')";
    assert_eq!(tenant.eventual(&format!("{path}/microsoft.graph.user/$count?{kitchen}")).await.ok(200), json!(2));
    tenant.get(&format!("{path}/$count")).await.refused(400, "Request_BadRequest", "$count is not currently supported.");
    let mut found = Vec::new();
    let mut next = Some(format!("{path}/$ref?$top=3"));
    let mut pages = 0;
    while let Some(url) = next {
        let page = tenant.get(&url).await.ok(200);
        found.extend(page["value"].as_array().unwrap().iter().map(|link| link["@odata.id"].as_str().unwrap().to_owned()));
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
        pages += 1;
    }
    let all = ids(&tenant.get(&path).await.ok(200));
    assert_eq!((pages, found), (3, all.iter().map(|id| tenant.url(id)).collect()));
    assert_eq!(tenant.get(&format!("{path}/$ref?$skiptoken=x")).await.status, 400);
}

#[tokio::test]
async fn a_list_may_begin_with_an_empty_page() {
    let tenant = tenant().await;
    tenant.conditions(json!({ "lists": { "emptyPages": 1.0 } }));
    for query in ["$top=4", "$top=4&$orderby=displayName", "$count=true&$filter=department ne 'x'"] {
        let first = tenant.eventual(&format!("/users?{query}")).await.ok(200);
        assert!(ids(&first).is_empty(), "{query}");
        let (mut found, mut next) = (0, first["@odata.nextLink"].as_str().map(str::to_owned));
        while let Some(url) = next {
            let page = tenant.eventual(&url).await.ok(200);
            assert!(!ids(&page).is_empty(), "only once: {query}");
            found += ids(&page).len();
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        assert_eq!(found, USERS, "{query}");
    }
    assert_eq!(tenant.control("PUT", "profile", json!({ "name": "hostile" }))["lists"]["emptyPages"], 0.05);
}

#[tokio::test]
async fn groups_without_owners_are_found() {
    let tenant = Tenant::start().await;
    let (owned, alone) = (tenant.new_group("owned").await, tenant.new_group("alone").await);
    let ann = tenant.new_user("ann").await;
    tenant.post(&format!("/groups/{owned}/owners/$ref"), tenant.link(&ann)).await.ok(204);
    let found = async |filter: &str| ids(&tenant.eventual(&format!("/groups?$count=true&$filter={filter}")).await.ok(200));
    assert_eq!(found("owners/$count eq 0").await, [alone.as_str()]);
    assert_eq!(found("owners/$count gt 0").await, [owned.as_str()]);
    let plain = tenant.get("/groups?$filter=owners/$count eq 0").await;
    plain.refused(400, "Request_UnsupportedQuery", "owners");
    let users = tenant.eventual("/users?$count=true&$filter=owners/$count eq 0").await;
    assert_eq!(users.status, 400, "nobody owns a user");
}

#[tokio::test]
async fn what_leads_to_an_object_is_expanded_too() {
    let tenant = Tenant::start().await;
    let (ann, bob) = (tenant.new_user("ann").await, tenant.new_user("bob").await);
    let group = tenant.new_group("g").await;
    tenant.put(&format!("/users/{bob}/manager/$ref"), tenant.link(&ann)).await.ok(204);
    tenant.post(&format!("/groups/{group}/members/$ref"), tenant.link(&ann)).await.ok(204);
    let expanded = async |name: &str| {
        let body = tenant.get(&format!("/users/{ann}?$select=id&$expand={name}($select=id)")).await.ok(200);
        body[name].as_array().unwrap().iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(expanded("directReports").await, [bob]);
    assert_eq!(expanded("memberOf").await, [group.as_str()]);
    assert!(expanded("ownedObjects").await.is_empty());
    tenant.get(&format!("/groups/{group}?$expand=directReports")).await.refused(400, "ExpandNotSupported", "directReports");
}
