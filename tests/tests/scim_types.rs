//! What a site adds to SCIM: resource types of its own, which are kept like any other, and extensions, which mappings read.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use entrain_scim::{Catalog, Profile, SiteDocument};
use entrain_tests::database::Dialect;
use entrain_tests::scim::ScimServer;
use entrain_tests::serving::Serving;
use reqwest::Method;
use serde_json::{Value as Json, json};

const DEVICE: &str = "urn:example:schemas:Device";
const COST: &str = "urn:example:schemas:extension:Cost";
const SITE: &str = include_str!("../clients/site.json");

fn catalog() -> Catalog {
    Catalog::load(&[SiteDocument { name: "site.json".into(), text: SITE.into() }]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_of_the_site_is_kept_like_any_other() {
    for dialect in Dialect::all() {
        let server = ScimServer::with(dialect, Profile::Standard, catalog()).await;
        let device = |serial: &str, size: i64| json!({ "schemas": [DEVICE], "serial": serial, "size": size, "externalId": serial, "members": ["x"] });
        let made = server.post("/Devices", device("S1", 3)).await;
        assert_eq!((made.status, &made.body["meta"]["resourceType"]), (201, &json!("Device")), "{}", made.body);
        let path = format!("/Devices/{}", made.body["id"].as_str().unwrap());
        assert_eq!(made.headers["location"], format!("{}{path}", server.url));
        let etag = made.headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(server.get(&path).await.body, made.body);
        assert_eq!(server.ask(Method::GET, &path, None, &[("if-none-match", &etag)]).await.status, 304);
        let twice = server.post("/Devices", device("s1", 3)).await;
        assert_eq!((twice.status, &twice.body["scimType"]), (409, &json!("uniqueness")), "{dialect:?}");

        let moved = server.patch(&path, json!([{ "op": "replace", "path": "size", "value": 4 }])).await;
        assert_eq!((moved.status, &moved.body["size"]), (200, &json!(4)));
        let late = server.ask(Method::PUT, &path, Some(device("S1", 5)), &[("if-match", &etag)]).await;
        assert_eq!(late.status, 412);
        assert_eq!(server.ask(Method::PUT, &path, Some(device("S2", 5)), &[]).await.body["scimType"], "mutability");
        assert_eq!(server.ask(Method::PUT, &path, Some(device("S1", 5)), &[]).await.body["size"], 5);

        for n in 2..8 {
            assert_eq!(server.post("/Devices", device(&format!("S{n}"), n)).await.status, 201);
        }
        let count = |answer: Json| answer["totalResults"].as_u64().unwrap();
        for (filter, found) in [
            ("externalId+eq+%22S1%22", 1),
            ("serial+eq+%22s3%22", 1),
            ("size+gt+4+and+meta.lastModified+gt+%222011-05-13T04:42:34Z%22", 4),
            ("not+(externalId+eq+%22S1%22)", 6),
            ("members+eq+%22x%22", 7),
            ("members+eq+%22y%22", 0),
        ] {
            assert_eq!(count(server.get(&format!("/Devices?filter={filter}")).await.body), found, "{dialect:?} {filter}");
        }
        let (mut cursor, mut seen) = (String::new(), 0);
        loop {
            let page = server.get(&format!("/Devices?count=3&cursor={cursor}")).await.body;
            seen += page["Resources"].as_array().unwrap().len();
            match page["nextCursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, 7);
        assert_eq!(server.get("/Devices?sortBy=displayName").await.status, 400);
        // The root lists them with users and groups, and no event is emitted for them.
        server.user("ada@x.example").await;
        assert_eq!(count(server.get("").await.body), 8);
        assert_eq!(server.store.events(0, 100).await.unwrap().len(), 1);

        let bulk = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
            { "method": "POST", "path": "/Devices", "bulkId": "a", "data": device("S9", 9) }, { "method": "DELETE", "path": path },
        ] });
        let states = server.post("/Bulk", bulk).await.body["Operations"].clone();
        assert_eq!((&states[0]["status"], &states[1]["status"]), (&json!("201"), &json!("204")), "{states}");
        assert_eq!(server.get(&path).await.status, 404);
        // Its serial is free again.
        assert_eq!(server.post("/Devices", device("S1", 1)).await.status, 201);
    }
}

const SCRIPT: &str = "let cost = user[\"urn:example:schemas:extension:Cost\"]; #{ userPrincipalName: user.userName, displayName: user.userName, \
                      accountEnabled: user.active, mailNickname: local_part(user.userName), \
                      department: if cost == () { clear() } else { cost.centre } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_may_wait_for_the_targets_and_a_mapping_reads_what_the_site_added() {
    for dialect in Dialect::all() {
        let site = [("scim/site.json", SITE), ("scim/readme.txt", "not read")];
        let stage = Serving::start(dialect, SCRIPT, "[scim]\nschemas = \"scim\"\n", &site).await.unwrap();
        let token = stage.shown(&["access", "scim", "add", "hr"], "credential").await.unwrap();
        let send = async |method: Method, path: &str, wait: &str, body: Json| {
            let request = stage.client.request(method, stage.url(&format!("/scim/v2{path}"))).bearer_auth(&token);
            let request = request.header("content-type", "application/scim+json").header("prefer", wait);
            let answer = request.body(body.to_string()).send().await.unwrap();
            let outcome = answer.headers().get("entrain-outcome").map(|value| value.to_str().unwrap().to_owned());
            let text = answer.text().await.unwrap();
            (outcome.unwrap_or_default(), serde_json::from_str::<Json>(&text).unwrap_or_default())
        };
        let user = |login: &str| json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", COST], "userName": login, COST: { "centre": "C7" } });
        let (outcome, made) = send(Method::POST, "/Users", "return=minimal, wait=45", user("ada@contoso.example")).await;
        assert_eq!(outcome, "test=synced", "{dialect:?} {made}");
        let records = stage.emulator.control("GET", "state?kind=users&top=100", &Json::Null).unwrap();
        assert!(records.to_string().contains("\"C7\""), "{records}");
        let base = stage.url("/scim/v2");
        assert!(made["meta"]["location"].as_str().unwrap().starts_with(&base), "{made}");

        let (outcome, _) = send(Method::POST, "/Users", "wait=45", user("ada@nowhere.invalid")).await;
        assert!(outcome.starts_with("test=held:"), "{outcome}");
        let (outcome, _) = send(Method::POST, "/Users", "wait=0", user("bob@contoso.example")).await;
        assert_eq!(outcome, "test=waiting");

        let name = entrain_model::TargetName::from("test");
        std::fs::write(stage.folder().join("user.rhai"), "#{ userPrincipalName: ").unwrap();
        while stage.store.target(&name).await.unwrap().unwrap().halt.is_none() {
            tokio::task::yield_now().await;
        }
        let (outcome, _) = send(Method::POST, "/Users", "wait=45", user("eve@contoso.example")).await;
        assert_eq!(outcome, "test=halted");
        stage.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_site_adds_is_checked_at_the_start() {
    let begin = async |files: &[(&str, &str)]| {
        let started = Serving::start(Dialect::Sqlite, SCRIPT, "[scim]\nschemas = \"scim\"\n", files).await;
        started.err().expect("it does not start").to_string()
    };
    assert!(begin(&[]).await.contains("scim (scim.schemas) cannot be read"));
    assert!(begin(&[("scim/a.txt", "")]).await.contains("holds no file that ends with .json"));
    let said = begin(&[("scim/a.json", "{\n  \"schemas\": [{}]\n}")]).await;
    assert!(said.contains("a.json: missing field `id` at line 2"), "{said}");
}
