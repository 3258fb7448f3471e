//! The SCIM service provider over HTTP, on both databases: what real clients do, conditions, paging, bulk, a large group, and malformed
//! requests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, clippy::print_stdout)]

use std::time::Instant;

use entrain_scim::Profile;
use entrain_store::{GroupRow, Membership, Role, SourceChange, Store, UserRow};
use entrain_tests::database::Dialect;
use entrain_tests::scim::{Answer, GROUP, ScimServer, USER};
use reqwest::Method;
use serde_json::{Value as Json, json};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[tokio::test(flavor = "multi_thread")]
async fn a_user_lives() {
    for dialect in Dialect::all() {
        let server = ScimServer::start(dialect, Profile::Standard).await;
        let boss = server.user("boss@corp.example").await;
        let given = json!({
            "schemas": [USER, ENTERPRISE], "userName": "Ada@corp.example", "externalId": "e1", "password": "Geheim-7", "title": "Engineer",
            "name": { "givenName": "Ada", "familyName": "Byron", "middleName": "K" }, "usageLocation": "ignored",
            "emails": [{ "value": "h@x.example", "type": "home" }, { "value": "ada@corp.example", "type": "work", "primary": true }],
            ENTERPRISE: { "department": "Engines", "employeeNumber": "7", "manager": { "value": boss } },
        });
        let made = server.post("/Users", given).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let id = made.body["id"].as_str().unwrap().to_owned();
        assert_eq!(made.headers["location"], format!("{}/Users/{id}", server.url));
        assert_eq!(made.headers["content-type"], "application/scim+json; charset=utf-8");
        let etag = made.headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(made.body["meta"]["version"], etag);
        assert!(!made.body.to_string().contains("Geheim"));
        // A mapping sees it as it sees what is imported.
        let row = server.store.user_row(&id.as_str().into()).await.unwrap().unwrap();
        assert_eq!(
            (row.mail.as_deref(), row.manager.as_ref().map(ToString::to_string)),
            (Some("ada@corp.example"), Some(boss.clone()))
        );
        assert_eq!((&row.document["department"], &row.document["employeeNumber"]), (&json!("Engines"), &json!("7")));
        assert!(!format!("{row:?}").contains("Geheim"));

        let path = format!("/Users/{id}");
        let read = server.get(&path).await;
        assert_eq!((read.status, &read.body), (200, &made.body));
        assert_eq!(server.ask(Method::GET, &path, None, &[("if-none-match", &etag)]).await.status, 304);
        let twice = server.post("/Users", json!({ "schemas": [USER], "userName": "ADA@CORP.example" })).await;
        assert_eq!((twice.status, &twice.body["scimType"]), (409, &json!("uniqueness")));

        let moved = server
            .patch(&path, json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "a@new.example" }]))
            .await;
        assert_eq!((moved.status, &moved.body["emails"][1]["value"]), (200, &json!("a@new.example")));
        assert_eq!(server.store.user_row(&id.as_str().into()).await.unwrap().unwrap().mail.as_deref(), Some("a@new.example"));
        let late = server.ask(Method::DELETE, &path, None, &[("if-match", &etag)]).await;
        assert_eq!(late.status, 412);
        let put = json!({ "schemas": [USER], "userName": "ada@corp.example", "active": false });
        let put = server.ask(Method::PUT, &path, Some(put), &[("if-match", moved.headers["etag"].to_str().unwrap())]).await;
        assert_eq!(
            (put.status, &put.body["active"], &put.body["title"], &put.body[ENTERPRISE]),
            (200, &json!(false), &Json::Null, &Json::Null)
        );
        assert_eq!(server.ask(Method::DELETE, &path, None, &[]).await.status, 204);
        assert_eq!((server.get(&path).await.status, server.ask(Method::DELETE, &path, None, &[]).await.status), (404, 404));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_keeps_what_scim_does_not_show() {
    for dialect in Dialect::all() {
        let server = ScimServer::start(dialect, Profile::Okta).await;
        let mut row = UserRow::new("u/1 ä", "ada@corp.example");
        row.document = [("shoeSize".to_owned(), json!(45)), ("title".to_owned(), json!("T"))].into();
        row.target_object_id = Some("7f0c1e9a-0000-4000-8000-000000000001".into());
        let mut writer = server.store.source_writer().await.unwrap();
        writer.apply(&[SourceChange::PutUser(row.clone())]).await.unwrap();
        writer.commit().await.unwrap();
        let listed = server.get("/Users").await;
        let location =
            listed.body["Resources"][0]["meta"]["location"].as_str().unwrap().strip_prefix(&server.url).unwrap().to_owned();
        let put = json!({ "schemas": [USER], "userName": "ada@corp.example", "groups": [], "password": "x" });
        assert_eq!(server.ask(Method::PUT, &location, Some(put), &[]).await.status, 200);
        let after = server.store.user_row(&row.id).await.unwrap().unwrap();
        assert_eq!((after.document, after.target_object_id), ([("shoeSize".to_owned(), json!(45))].into(), row.target_object_id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_find_the_same_with_and_without_an_index() {
    for dialect in Dialect::all() {
        let server = ScimServer::start(dialect, Profile::Standard).await;
        for (login, title, external) in
            [("a@x.example", "Chief", Some("E1")), ("B@x.example", "", None), ("c@x.example", "Clerk", Some("e1"))]
        {
            let body = json!({ "schemas": [USER], "userName": login, "title": title, "externalId": external, "active": login != "c@x.example", "displayName": login });
            assert_eq!(server.post("/Users", body).await.status, 201);
        }
        let a = server.found("/Users", "userName eq \"A@X.example\"").await;
        assert_eq!(a, ["a@x.example"]);
        for (filter, expected) in [
            ("externalId eq \"E1\"", vec!["a@x.example"]),
            ("not (externalId eq \"E1\")", vec!["B@x.example", "c@x.example"]),
            ("externalId ne \"E1\" and active eq true", vec!["B@x.example"]),
            ("displayName eq \"b@X.EXAMPLE\" or active eq false", vec!["B@x.example", "c@x.example"]),
            ("meta.lastModified gt \"2011-05-13T04:42:34Z\" and title sw \"c\"", vec!["a@x.example", "c@x.example"]),
            ("title sw \"ch\"", vec!["a@x.example"]),
            ("userName sw \"b\"", vec!["B@x.example"]),
            ("title pr and not (active eq true)", vec!["c@x.example"]),
            ("meta.lastModified lt \"2011-05-13T04:42:34Z\"", vec![]),
            ("id eq \"nobody\"", vec![]),
            ("userName eq \"'; drop table users; --\"", vec![]),
        ] {
            assert_eq!(server.found("/Users", filter).await, expected, "{dialect:?} {filter}");
        }
        let refused = server.get("/Users?filter=shoeSize+eq+4").await;
        assert_eq!((refused.status, &refused.body["scimType"]), (400, &json!("invalidFilter")));
        // Over all types; what one does not know is not set there.
        assert_eq!(server.post("/Groups", json!({ "schemas": [GROUP], "displayName": "G" })).await.status, 201);
        assert_eq!(server.found("", "displayName eq \"g\" or userName eq \"a@x.example\"").await, ["a@x.example", "G"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_by_index_and_by_cursor() {
    for dialect in Dialect::all() {
        let server = ScimServer::start(dialect, Profile::Standard).await;
        for n in 0..7 {
            server.user(&format!("u{}@x.example", (n * 3) % 7)).await;
        }
        let names = |answer: &Answer| -> Vec<String> {
            let list = answer.body["Resources"].as_array().unwrap();
            list.iter().map(|one| one["userName"].as_str().unwrap()[..2].to_owned()).collect()
        };
        let page = server.get("/Users?startIndex=3&count=2&sortBy=userName").await;
        assert_eq!(
            (names(&page), &page.body["totalResults"], &page.body["startIndex"]),
            (vec!["u2".into(), "u3".into()], &json!(7), &json!(3))
        );
        let page = server.get("/Users?count=2&sortBy=userName&sortOrder=descending").await;
        assert_eq!(names(&page), ["u6", "u5"]);
        assert_eq!(server.get("/Users?count=0").await.body["totalResults"], 7);
        assert_eq!(server.get("/Users?startIndex=100").await.body["itemsPerPage"], 0);
        for query in ["", "&sortBy=userName", "&filter=title+eq+null", "&filter=title+eq+null&sortBy=userName"] {
            let (mut cursor, mut all, mut pages) = (String::new(), Vec::new(), 0);
            loop {
                let page = server.get(&format!("/Users?count=3&cursor={cursor}{query}")).await;
                assert_eq!((page.status, &page.body["totalResults"]), (200, &json!(7)), "{query} {}", page.body);
                all.extend(names(&page));
                pages += 1;
                match page.body["nextCursor"].as_str() {
                    Some(next) => cursor = next.to_owned(),
                    None => break,
                }
            }
            if query.contains("sortBy") {
                assert!(all.is_sorted(), "{query}: {all:?}");
            }
            all.sort();
            all.dedup();
            assert_eq!((all.len(), pages), (7, 3), "{dialect:?} {query}");
        }
        let first = server.get("/Users?count=3&cursor=").await;
        let other =
            server.get(&format!("/Users?count=3&filter=title+pr&cursor={}", first.body["nextCursor"].as_str().unwrap())).await;
        assert_eq!((other.status, &other.body["scimType"]), (400, &json!("invalidCursor")));
        let search =
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 1, "attributes": ["userName"] });
        let found = server.post("/Users/.search", search).await;
        let keys: Vec<&str> = found.body["Resources"][0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["id", "schemas", "userName"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_have_members_and_users_have_groups() {
    for dialect in Dialect::all() {
        let server = ScimServer::start(dialect, Profile::Entra).await;
        let (ada, bob) = (server.user("ada@x.example").await, server.user("bob@x.example").await);
        let made = server.post("/Groups", json!({ "displayName": "G", "members": [{ "value": ada }] })).await;
        assert_eq!((made.status, &made.body["members"][0]["type"]), (201, &json!("User")), "{}", made.body);
        let path = format!("/Groups/{}", made.body["id"].as_str().unwrap());
        let nested = server.post("/Groups", json!({ "displayName": "N" })).await.body["id"].clone();
        let ids = |answer: Answer| -> Vec<String> {
            let list = answer.body["members"].as_array().cloned().unwrap_or_default();
            let mut ids: Vec<String> = list.iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect();
            ids.sort();
            ids
        };
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        let answer = server
            .patch(&path, json!([{ "op": "Add", "path": "members", "value": [{ "value": bob }, { "value": nested }] }]))
            .await;
        assert_eq!((answer.status, answer.body), (204, Json::Null));
        let everybody = sorted(vec![ada.clone(), bob.clone(), nested.as_str().unwrap().to_owned()]);
        assert_eq!(ids(server.get(&path).await), everybody);
        assert_eq!(server.found("/Groups", &format!("members.value eq \"{bob}\"")).await, ["G"]);
        assert_eq!(server.found("/Groups", &format!("displayName eq \"g\" and members[value eq \"{bob}\"]")).await, ["G"]);
        let group = server.get(&format!("/Users/{bob}")).await.body["groups"][0].clone();
        assert_eq!((&group["display"], &group["type"]), (&json!("G"), &json!("direct")));
        assert_eq!(
            server.patch(&path, json!([{ "op": "Remove", "path": format!("members[value eq \"{bob}\"]") }])).await.status,
            204
        );
        assert_eq!(server.patch(&path, json!([{ "op": "Remove", "path": "members", "value": [] }])).await.status, 204);
        assert_eq!(ids(server.get(&path).await).len(), 2);
        let wrong = server.patch(&path, json!([{ "op": "Replace", "path": "displayName", "value": "H" }, { "op": "Add", "path": "members", "value": [{ "value": "nobody" }] }])).await;
        assert_eq!(wrong.status, 400);
        // Nothing of a PATCH that fails is kept.
        assert_eq!(server.get(&path).await.body["displayName"], "G");
        let itself = made.body["id"].clone();
        assert_eq!(
            server.patch(&path, json!([{ "op": "Add", "path": "members", "value": [{ "value": itself }] }])).await.status,
            400
        );
        let put = json!({ "displayName": "G", "members": [{ "value": bob }] });
        assert_eq!(ids(server.ask(Method::PUT, &path, Some(put), &[]).await), std::slice::from_ref(&bob));
        let bare = server.get(&format!("{path}?excludedAttributes=members")).await;
        assert_eq!(bare.body.get("members"), None);
        assert_eq!(server.patch(&path, json!([{ "op": "Remove", "path": "members" }])).await.status, 204);
        assert!(ids(server.get(&path).await).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_request_makes_what_names_each_other() {
    for dialect in Dialect::all() {
        let server = ScimServer::start(dialect, Profile::Standard).await;
        let of = |own: &str, other: &str| {
            json!({
                "method": "POST", "path": "/Groups", "bulkId": own,
                "data": { "schemas": [GROUP], "displayName": own, "members": [{ "value": format!("bulkId:{other}") }] },
            })
        };
        let user = json!({ "method": "POST", "path": "/Users", "bulkId": "u", "data": { "schemas": [USER], "userName": "ada@x.example" } });
        let again = json!({ "method": "POST", "path": "/Users", "bulkId": "w", "data": { "schemas": [USER], "userName": "ADA@x.example" } });
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [of("a", "b"), of("b", "a"), of("c", "u"), user, again] });
        let answer = server.post("/Bulk", body).await;
        let states: Vec<&str> =
            answer.body["Operations"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
        assert_eq!(states, ["201", "201", "201", "201", "409"], "{}", answer.body);
        for name in ["a", "b", "c"] {
            let group = server.get(&format!("/Groups?filter=displayName+eq+%22{name}%22")).await;
            assert_eq!(group.body["Resources"][0]["members"].as_array().unwrap().len(), 1, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_what_it_is_and_what_it_is_not() {
    let server = ScimServer::start(Dialect::Sqlite, Profile::Standard).await;
    for (method, path, status) in [
        (Method::GET, "/ServiceProviderConfig", 200),
        (Method::GET, "/ResourceTypes/User", 200),
        (Method::GET, "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group", 200),
        (Method::GET, "/Schemas?filter=id+pr", 403),
        (Method::GET, "/Schemas/urn:unknown", 404),
        (Method::POST, "/Schemas", 405),
        (Method::GET, "/Me", 501),
        (Method::PATCH, "/Me", 501),
        (Method::GET, "/Bulk", 405),
        (Method::DELETE, "/Users", 405),
        (Method::POST, "/Users/x", 405),
        (Method::GET, "/Unknown", 404),
        (Method::GET, "/Users/a/b", 404),
        (Method::GET, "/Users/%00", 400),
        (Method::GET, "/Users/%ff", 400),
        (Method::GET, "/Users?count=x", 400),
        (Method::GET, "/Users?attributes=id&excludedAttributes=title", 400),
        (Method::GET, "/Users?sortBy=title", 400),
    ] {
        assert_eq!(server.ask(method.clone(), path, None, &[]).await.status, status, "{method} {path}");
    }
    let large = json!({ "schemas": [USER], "userName": "x".repeat(5 << 20) });
    assert_eq!(server.post("/Users", large).await.status, 413);
    assert_eq!(server.ask(Method::POST, "/Users", None, &[("content-type", "text/xml")]).await.status, 415);
}

/// Fills the source with users who are all in one group.
async fn large_group(store: &Store, members: usize) {
    let mut writer = store.source_writer().await.unwrap();
    writer.apply(&[SourceChange::PutGroup(GroupRow::new("g", "Everybody"))]).await.unwrap();
    for first in (0..members).step_by(5000) {
        let ids: Vec<String> = (first..(first + 5000).min(members)).map(|n| format!("u{n:06}")).collect();
        let users: Vec<SourceChange> =
            ids.iter().map(|id| SourceChange::PutUser(UserRow::new(id.as_str(), format!("{id}@x.example")))).collect();
        writer.apply(&users).await.unwrap();
        let member = |id: &String| Membership {
            group: "g".into(),
            member: entrain_model::ObjectRef::user(id.as_str()),
            role: Role::Member,
        };
        let rows: Vec<SourceChange> = ids.iter().map(member).map(SourceChange::PutMembership).collect();
        writer.apply(&rows).await.unwrap();
    }
    writer.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_group_is_changed_by_one_row() {
    for dialect in Dialect::all() {
        let server = ScimServer::start(dialect, Profile::Standard).await;
        large_group(&server.store, 20_000).await;
        let one = server.user("new@x.example").await;
        let last = server.store.events(0, usize::MAX).await.unwrap().last().unwrap().seq;
        let began = Instant::now();
        assert_eq!(
            server.patch("/Groups/g", json!([{ "op": "add", "path": "members", "value": [{ "value": one }] }])).await.status,
            204
        );
        println!("{dialect:?}: {:?}", began.elapsed());
        let events = server.store.events(last, 100).await.unwrap();
        assert_eq!(events.iter().map(|event| event.change.as_str()).collect::<Vec<_>>(), ["member added"]);
        let whole = server.get("/Groups/g").await;
        assert_eq!(whole.body["members"].as_array().unwrap().len(), 20_001);
    }
}

/// A seeded source of numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    /// A text with some of its bytes changed, doubled or gone.
    fn spoil(&mut self, text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len().max(1));
            match self.roll(4) {
                0 => drop(bytes.get_mut(at).map(|byte| *byte = 32 + (self.0 >> 40) as u8 % 95)),
                1 => bytes.truncate(at),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.extend_from_within(at.min(bytes.len())..),
            }
        }
        bytes
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_malformed_requests_are_refused_properly() {
    const PATHS: &[&str] = &[
        "/Users",
        "/Groups",
        "/Users/x",
        "/Groups/g",
        "/Bulk",
        "/.search",
        "/Users/.search",
        "/Me",
        "/Schemas",
        "/",
        "/Users/%zz",
        "/Users//",
        "/%00",
        "/Users?filter=userName+eq+%22a%22",
        "/Users?filter=(((title+pr",
        "/Users?filter=%5B%5D",
        "/Users?startIndex=99999999999999999999",
        "/Groups?count=-1",
        "/Users?cursor=AAAA",
        "/Groups?filter=members+pr",
        "/Users?sortBy=emails[&attributes=%22",
        "/Users?filter=meta.created+gt+%22x%22",
        "/Users?startIndex=9223372036854775807",
        "/Users?filter=externalId+eq+%22%5Cu0000%22",
        "/Users?excludedAttributes=,,,&attributes=",
    ];
    const BODIES: &[&str] = &[
        r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"FUZZ","emails":[{"value":"a","type":"work","primary":true}],"active":true}"#,
        r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"x","members":[{"value":"g","type":"Group"}]}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"emails[type eq \"work\"].value","value":"\u0000"}]}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove","path":"members[value eq \"a\" or (value eq \"b\")]"}]}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"not (title pr) and emails[value co \"x\"]","count":3,"startIndex":2}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"POST","path":"/Users","bulkId":"q","data":{"userName":"bulkId:q"}},{"method":"DELETE","path":"/Users/bulkId:q"}]}"#,
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "\"\\ud800\"",
        "1e999",
        "",
        "null",
        "{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}",
    ];
    for dialect in Dialect::all() {
        let server = ScimServer::start(dialect, Profile::Entra).await;
        server.post("/Groups", json!({ "displayName": "g" })).await;
        let mut dice = Dice(20_261_126);
        let (mut refused, mut taken) = (0, 0);
        for n in 0..10_000 {
            let method: Method =
                dice.pick(&["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "QUERY"]).parse().unwrap();
            let path = dice.pick(PATHS);
            let fresh = dice.pick(BODIES).replace("FUZZ", &format!("u{n}@x.example"));
            let body = dice.spoil(&fresh);
            let kind =
                dice.pick(&["application/scim+json", "application/json", "text/plain", "application/scim+json; charset=x"]);
            let request = server.http.request(method.clone(), format!("{}{path}", server.url)).header("content-type", kind);
            let request = request.header("if-match", dice.pick(&["*", "W/\"1\"", "\"", "x,,"])).body(body);
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            // /Me is not implemented, and says so; nothing else is the server's fault.
            assert!(
                status < 500 || (status == 501 && path == "/Me"),
                "{n}: {method} {path} {fresh}: {status} {}",
                answer.text().await.unwrap()
            );
            *(if status < 400 { &mut taken } else { &mut refused }) += 1;
        }
        println!("{dialect:?}: {refused} refused, {taken} taken");
        assert!(refused > 6000 && taken > 200, "{refused} {taken}");
    }
}
