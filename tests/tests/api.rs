//! The administrative interface, end to end: the real service, a tenant, both databases, requests over the wire.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use entrain::cli::Exit;
use entrain_tests::database::Dialect;
use entrain_tests::served::{Served, answer};
use reqwest::Method;
use serde_json::{Value as Json, json};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

/// The answer to a request that succeeds.
async fn ok(served: &Served, method: Method, path: &str, key: &str, body: Option<Json>) -> Json {
    let (status, said) = served.ask(method, path, key, body.as_ref()).await.unwrap();
    assert!((200..300).contains(&status), "{path}: {status} {said}");
    said
}

/// Status and code of a request that is refused.
async fn refused(served: &Served, method: Method, path: &str, key: &str, body: Option<Json>) -> (u16, String) {
    let (status, said) = served.ask(method, path, key, body.as_ref()).await.unwrap();
    assert_eq!(said["status"], status, "{path}: {said}");
    assert_eq!(said["type"], format!("urn:entrain:problem:{}", said["code"].as_str().unwrap()), "{said}");
    (status, said["code"].as_str().unwrap().to_owned())
}

/// The run when it has ended.
async fn ended(served: &Served, run: &str, key: &str) -> Json {
    for _ in 0..600 {
        let said = ok(served, GET, &format!("/runs/{run}"), key, None).await;
        if said["finished_at"].is_string() {
            return said;
        }
        tokio::task::yield_now().await;
    }
    panic!("run {run} does not end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_service_did_is_seen_and_paged() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 5, "").await.unwrap();
        let key = served.key("eye", &["--role", "viewer"]).await.unwrap();
        let targets = ok(&served, GET, "/targets", &key, None).await;
        assert_eq!((&targets["items"][0]["name"], &targets["items"][0]["state"]), (&json!("test"), &json!("running")));
        let run = ok(&served, GET, "/runs?target=test&state=converged&limit=1", &key, None).await["items"][0].clone();
        assert_eq!((&run["counts"]["created"], &run["counts"]["seen"]), (&json!(6), &json!(6)), "{run}");
        let id = run["id"].as_str().unwrap();

        let mut seen = Vec::new();
        let mut path = format!("/runs/{id}/changes?limit=2");
        loop {
            let page = ok(&served, GET, &path, &key, None).await;
            seen.extend(page["items"].as_array().unwrap().iter().map(|line| line["seq"].as_i64().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/runs/{id}/changes?limit=2&cursor={next}");
        }
        assert_eq!(seen, (1..=6).collect::<Vec<_>>());

        let link = ok(&served, GET, "/targets/test/links/user/u1", &key, None).await;
        assert_eq!(link["anchored"], true);
        let explained = ok(&served, GET, "/targets/test/objects/user/u1", &key, None).await;
        assert_eq!(explained["source"]["attributes"]["userName"], "user1@contoso.example");
        let timeline = ok(&served, GET, "/targets/test/objects/user/u1/timeline", &key, None).await;
        let what: Vec<_> = timeline["items"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
        assert_eq!(what, ["audit", "effect", "source"]);
        let (mut one_by_one, mut path) = (Vec::new(), "/targets/test/objects/user/u1/timeline?limit=1".to_owned());
        loop {
            let page = ok(&served, GET, &path, &key, None).await;
            one_by_one.push(page["items"][0].clone());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/targets/test/objects/user/u1/timeline?limit=1&cursor={next}");
        }
        assert_eq!(json!(one_by_one), timeline["items"], "no page hides or repeats anything");

        let audit = ok(&served, GET, "/audit?kind=user&id=u1&action=create", &key, None).await;
        assert_eq!(audit["items"][0]["after"]["displayName"]["value"], "User 1");
        let users = ok(&served, GET, "/source/users?limit=500", &key, None).await;
        assert_eq!(users["items"].as_array().unwrap().len(), 5);
        let schedules = ok(&served, GET, "/schedules", &key, None).await;
        assert_eq!(schedules["items"][0]["job"], "delta-sync");
        assert!(schedules["items"][0]["next_due_at"].is_string() && schedules["items"][1]["last_at"].is_string());
        let (_, said) = served.entrain(&["runs", id]).await.unwrap();
        assert_eq!(said["counts"], run["counts"], "the command says the same");
    }
}

/// A target that nobody can reach.
const ELSEWHERE: &str = r#"[[target]]
name = "elsewhere"
tenant = "contoso.example"
cloud = "custom"
mode = "observe"
endpoints = { authority = "https://127.0.0.1:1", graph = "https://127.0.0.1:1" }
credential = { client_id = "c", secret = { file = "secret" } }
mapping = { users = ["user.rhai"] }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_does_more_than_their_key_allows() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 1, ELSEWHERE).await.unwrap();
        let viewer = served.key("eye", &["--role", "viewer"]).await.unwrap();
        let operator = served.key("hand", &["--role", "operator"]).await.unwrap();
        let narrow = served.key("other", &["--role", "admin", "--target", "elsewhere"]).await.unwrap();
        let run = json!({ "target": "test", "job": "delta-sync" });
        let forbidden = (403, "forbidden".to_owned());
        let reason = json!({ "reason": "because" });
        assert_eq!(refused(&served, POST, "/runs", &viewer, Some(run.clone())).await, forbidden);
        assert_eq!(refused(&served, POST, "/targets/test/pause", &viewer, Some(reason.clone())).await, forbidden);
        assert_eq!(refused(&served, DELETE, "/source/users/u0", &viewer, None).await, forbidden);
        assert_eq!(refused(&served, POST, "/targets/test/links/user/u0/unlink", &operator, Some(reason)).await, forbidden);
        let publish = refused(&served, POST, "/targets/test/mappings/publish", &operator, Some(json!({}))).await;
        assert_eq!(publish, forbidden);
        for path in ["/targets/test", "/targets/test/links", "/runs", "/holds", "/audit", "/source/users", "/runs?target=test"] {
            assert_eq!(refused(&served, GET, path, &narrow, None).await, forbidden, "{path}");
        }
        assert_eq!(refused(&served, POST, "/runs", &narrow, Some(run)).await, forbidden);
        let seen = ok(&served, GET, "/targets", &narrow, None).await["items"].clone();
        assert_eq!((seen.as_array().unwrap().len(), &seen[0]["name"]), (1, &json!("elsewhere")));

        let invalid = (400, "invalid".to_owned());
        for path in ["/runs?stat=held", "/runs?state=hold", "/runs?limit=0", "/runs?limit=many", "/targets?x=1", "/holds?kind=x"]
        {
            assert_eq!(refused(&served, GET, path, &viewer, None).await, invalid, "{path}");
        }
        let unknown = json!({ "target": "test", "job": "delta-sync", "force": true });
        assert_eq!(refused(&served, POST, "/runs", &operator, Some(unknown)).await, invalid);
        assert_eq!(refused(&served, GET, "/runs/none", &viewer, None).await.0, 404);
        assert_eq!(refused(&served, GET, "/targets/none", &viewer, None).await.0, 404);
        let cursor = refused(&served, GET, "/runs?cursor=xyz", &viewer, None).await;
        assert_eq!(cursor, (422, "unknown_cursor".to_owned()));
        let plain = served.send(POST, "/runs", &operator, &[("content-type", "text/plain")], None).await.unwrap();
        assert_eq!(plain.status(), 415);
        assert_eq!(refused(&served, PUT, "/runs", &operator, Some(json!({}))).await.0, 405);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_acts_and_the_tenant_follows() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 3, "").await.unwrap();
        let key = served.key("hand", &["--role", "operator"]).await.unwrap();
        let started = ok(&served, POST, "/runs", &key, Some(json!({ "target": "test", "job": "plan" }))).await;
        let run = ended(&served, started["run"].as_str().unwrap(), &key).await;
        assert_eq!((&run["state"], &run["kind"]), (&json!("planned"), &json!("plan")), "{run}");
        let before = ok(&served, GET, "/schedules", &key, None).await["items"][1]["last_at"].clone();
        let started = ok(&served, POST, "/runs", &key, Some(json!({ "target": "test", "job": "full-sync" }))).await;
        assert_eq!(ended(&served, started["run"].as_str().unwrap(), &key).await["state"], "converged");
        let after = ok(&served, GET, "/schedules", &key, None).await["items"][1]["last_at"].clone();
        assert!(after.as_str() >= before.as_str(), "{before} {after}");

        // A direct sync would do it by itself; parked, only the request after it does.
        ok(&served, POST, "/targets/test/objects/user/u1/park", &key, Some(json!({ "reason": "case 7" }))).await;
        let user = served.send(GET, "/source/users/u1", &key, &[], None).await.unwrap();
        let tag = user.headers()["etag"].to_str().unwrap().to_owned();
        let put = json!({ "attributes": { "userName": "user1@contoso.example", "displayName": "Changed", "title": "Chief" } });
        let stale = served.send(PUT, "/source/users/u1", &key, &[("if-match", "\"0\"")], Some(&put)).await.unwrap();
        assert_eq!(answer(stale).await.unwrap().0, 412);
        let changed = served.send(PUT, "/source/users/u1", &key, &[("if-match", &tag)], Some(&put)).await.unwrap();
        assert_eq!(answer(changed).await.unwrap().1["attributes"]["title"], "Chief");
        ok(&served, POST, "/targets/test/objects/user/u1/sync", &key, None).await;
        let holds = ok(&served, GET, "/holds?target=test&kind=user&code=parked", &key, None).await;
        assert_eq!(holds["items"][0]["object"]["id"], "u1", "{holds}");
        assert_eq!(holds["items"][0]["remedy"], "`entrain unpark`, when it may go on");
        ok(&served, POST, "/targets/test/objects/user/u1/unpark", &key, None).await;
        ok(&served, POST, "/targets/test/objects/user/u1/sync", &key, None).await;
        let audit = ok(&served, GET, "/audit?kind=user&id=u1&action=update", &key, None).await;
        assert_eq!(audit["items"][0]["after"]["jobTitle"]["value"], "Chief", "{audit}");
        let decided = ok(&served, GET, "/audit?by=hand&action=park", &key, None).await;
        assert_eq!(decided["items"][0]["after"]["reason"]["value"], "case 7");

        let new = json!({ "id": "u9", "attributes": { "userName": "user9@contoso.example", "displayName": "Nine" } });
        ok(&served, POST, "/source/users", &key, Some(new.clone())).await;
        assert_eq!(refused(&served, POST, "/source/users", &key, Some(new)).await, (409, "exists".to_owned()));
        let taken = json!({ "attributes": { "userName": "USER9@contoso.example" } });
        assert_eq!(refused(&served, POST, "/source/users", &key, Some(taken)).await, (409, "login_taken".to_owned()));
        ok(&served, PUT, "/source/groups/g0/member/user/u9", &key, None).await;
        let members = ok(&served, GET, "/source/groups/g0/members", &key, None).await;
        assert_eq!(members["items"], json!([{ "kind": "user", "id": "u9", "role": "member" }]));
        ok(&served, DELETE, "/source/groups/g0/member/user/u9", &key, None).await;
        ok(&served, DELETE, "/source/users/u9", &key, None).await;
        assert_eq!(refused(&served, GET, "/source/users/u9", &key, None).await.0, 404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_target_goes_on_only_when_it_is_resumed() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 1, "").await.unwrap();
        let key = served.key("hand", &["--role", "operator"]).await.unwrap();
        let paused = ok(&served, POST, "/targets/test/pause", &key, Some(json!({ "reason": "maintenance" }))).await;
        assert_eq!((&paused["state"], &paused["halt"]["kind"]), (&json!("halted"), &json!("operator")));
        let run = json!({ "target": "test", "job": "delta-sync" });
        assert_eq!(refused(&served, POST, "/runs", &key, Some(run)).await, (409, "halted".to_owned()));
        let halts = ok(&served, GET, "/halts", &key, None).await;
        assert_eq!(halts["items"][0]["halt"]["message"], "paused: maintenance");
        // A changed script lets a target go on that a script has halted, but not one that somebody has paused.
        let scripts = json!({ "name": "user.rhai", "text": "#{ userPrincipalName: user.userName, accountEnabled: user.active, \
            displayName: user.userName, mailNickname: local_part(user.userName) }" });
        let admin = served.key("root", &["--role", "admin"]).await.unwrap();
        let draft = ok(&served, POST, "/targets/test/mappings", &admin, Some(scripts)).await;
        let publish = json!({ "version": draft["version"] });
        assert_eq!(ok(&served, POST, "/targets/test/mappings/publish", &admin, Some(publish)).await["changed"], true);
        assert_eq!(ok(&served, GET, "/targets/test", &key, None).await["state"], "halted");
        let (_, said) = served.entrain(&["halts"]).await.unwrap();
        assert_eq!(said["halts"][0]["halt"]["kind"], "operator");
        assert_eq!(ok(&served, POST, "/targets/test/resume", &key, Some(json!({}))).await["resumed"], "released");
        assert_eq!(ok(&served, POST, "/targets/test/resume", &key, Some(json!({}))).await["resumed"], "not_halted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_is_drafted_compared_published_and_taken_back() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 3, "").await.unwrap();
        let key = served.key("root", &["--role", "admin"]).await.unwrap();
        let at = |what: &str| format!("/targets/test/mappings{what}");
        let wrong = json!({ "name": "user.rhai", "text": "#{ userPrincipalName: " });
        assert_eq!(refused(&served, POST, &at(""), &key, Some(wrong.clone())).await, (422, "mapping_fails".to_owned()));
        let text = "#{ userPrincipalName: user.userName, accountEnabled: user.active, displayName: \"X \" + user.displayName, \
            mailNickname: local_part(user.userName) }";
        let script = json!({ "name": "user.rhai", "text": text });
        let checked = ok(&served, POST, &at("/check"), &key, Some(json!({ "script": script }))).await;
        assert_eq!(checked["checked"]["objects"]["present"], 4, "{checked}");
        let draft = ok(&served, POST, &at(""), &key, Some(script)).await;
        let version = draft["version"].as_i64().unwrap();
        let diff = ok(&served, POST, &at("/diff"), &key, Some(json!({ "version": version }))).await;
        assert_eq!(diff["diff"]["differ"], 3, "{diff}");
        let published = ok(&served, POST, &at("/publish"), &key, Some(json!({ "version": version }))).await;
        assert_eq!((&published["published"], &published["changed"]), (&json!(version), &json!(true)));
        let kept = ok(&served, GET, &at(&format!("/{version}")), &key, None).await;
        assert_eq!((&kept["state"], &kept["published_by"]), (&json!("published"), &json!("root")));
        assert_eq!(kept["scripts"][0]["text"], text);
        let back = ok(&served, POST, &at("/rollback"), &key, Some(json!({}))).await;
        assert_eq!((&back["published"], &back["previous"]), (&json!(1), &json!(version)));
        let (_, said) = served.entrain(&["mapping", "versions"]).await.unwrap();
        assert_eq!(said["versions"], ok(&served, GET, &at(""), &key, None).await["items"]);
    }
}

const TIGHT: &str = "[target.removal]\nusers = \"disable\"\n[target.limits]\ndisable = { count = 0 }\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_plan_is_decided_by_its_digest() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 3, TIGHT).await.unwrap();
        let operator = served.key("hand", &["--role", "operator"]).await.unwrap();
        let approver = served.key("head", &["--role", "approver"]).await.unwrap();
        for user in ["u1", "u2"] {
            ok(&served, DELETE, &format!("/source/users/{user}"), &operator, None).await;
        }
        let started = ok(&served, POST, "/runs", &operator, Some(json!({ "target": "test", "job": "delta-sync" }))).await;
        let held = ended(&served, started["run"].as_str().unwrap(), &operator).await;
        assert_eq!(held["state"], "held", "{held}");
        let (id, digest) = (held["id"].as_str().unwrap(), held["digest"].clone());
        let guarded = ok(&served, GET, &format!("/runs/{id}/changes?part=guarded"), &operator, None).await;
        assert_eq!(guarded["items"].as_array().unwrap().len(), 2, "{guarded}");
        let approve = format!("/runs/{id}/approve");
        let choice = json!({ "digest": digest, "only": [{ "kind": "user", "id": "u1" }] });
        assert_eq!(refused(&served, POST, &approve, &operator, Some(choice.clone())).await.0, 403);
        let other = json!({ "digest": "0000" });
        assert_eq!(refused(&served, POST, &approve, &approver, Some(other)).await, (409, "another_plan".to_owned()));
        let approved = ok(&served, POST, &approve, &approver, Some(choice.clone())).await;
        assert_eq!(approved["state"], "carried_out");
        let run = ended(&served, approved["run"].as_str().unwrap(), &operator).await;
        assert_eq!(run["counts"]["disabled"], 1, "{run}");
        assert_eq!(refused(&served, POST, &approve, &approver, Some(choice)).await, (409, "conflict".to_owned()));
        let troubles = ok(&served, GET, &format!("/runs/{}/errors", run["id"].as_str().unwrap()), &operator, None).await;
        assert_eq!((&troubles["items"][0]["code"], &troubles["items"][0]["object"]["id"]), (&json!("parked"), &json!("u2")));
        let audit = ok(&served, GET, "/audit?by=head&action=approve", &operator, None).await;
        assert_eq!(audit["items"][0]["run"], *id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_taken_away_and_set_on_another_record() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 2, "").await.unwrap();
        let key = served.key("head", &["--role", "approver"]).await.unwrap();
        let at = |id: &str, what: &str| format!("/targets/test/links/user/{id}{what}");
        let records: Vec<Json> =
            [ok(&served, GET, &at("u0", ""), &key, None).await, ok(&served, GET, &at("u1", ""), &key, None).await]
                .map(|link| link["id"].clone())
                .to_vec();
        let swap = json!({ "record": records[1], "reason": "mixed up" });
        assert_eq!(refused(&served, POST, &at("u0", "/relink"), &key, Some(swap.clone())).await, (409, "conflict".to_owned()));
        ok(&served, POST, &at("u1", "/unlink"), &key, Some(json!({ "reason": "mixed up" }))).await;
        assert_eq!(refused(&served, GET, &at("u1", ""), &key, None).await.0, 404);
        let (status, said) = served.ask(POST, &at("u0", "/relink"), &key, Some(&swap)).await.unwrap();
        assert_eq!(status, 409, "the record carries the anchor of another object: {said}");
        let nobody = json!({ "record": "00000000-0000-0000-0000-000000000000", "reason": "x" });
        assert_eq!(refused(&served, POST, &at("u1", "/relink"), &key, Some(nobody)).await.0, 404);
        let own = json!({ "record": records[1], "reason": "it was right" });
        let again = ok(&served, POST, &at("u1", "/relink"), &key, Some(own)).await;
        assert_eq!((&again["id"], &again["anchored"]), (&records[1], &json!(true)));
        ok(&served, POST, "/targets/test/objects/user/u1/unpark", &key, None).await;
        let run = ok(&served, POST, "/targets/test/objects/user/u1/sync", &key, None).await;
        assert_eq!(run["state"], "converged", "{run}");
        let audit = ok(&served, GET, "/audit?kind=user&id=u1&by=head&action=relink", &key, None).await;
        assert_eq!(audit["items"][0]["after"]["reason"]["value"], "it was right");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_sent_again_is_done_once() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 1, "").await.unwrap();
        let key = served.key("hand", &["--role", "operator"]).await.unwrap();
        let other = served.key("else", &["--role", "operator"]).await.unwrap();
        let new = |name: &str| json!({ "attributes": { "userName": format!("{name}@contoso.example") } });
        let send = async |key: &str, word: &str, body: &Json| {
            let response = served.send(POST, "/source/users", key, &[("idempotency-key", word)], Some(body)).await.unwrap();
            let again = response.headers().contains_key("idempotency-replayed");
            let (status, said) = answer(response).await.unwrap();
            (status, again, said)
        };
        let (status, again, first) = send(&key, "k1", &new("a")).await;
        assert_eq!((status, again), (201, false));
        assert_eq!(send(&key, "k1", &new("a")).await, (201, true, first), "it is answered as it was");
        let (status, _, said) = send(&key, "k1", &new("b")).await;
        assert_eq!((status, &said["code"]), (422, &json!("key_reused")));
        assert_eq!(send(&other, "k1", &new("b")).await.0, 201, "another caller has keys of its own");
        assert_eq!(send(&key, "k2", &new("a")).await.0, 409, "without the first key it is another request");
        assert_eq!(send(&key, "not visible", &new("c")).await.0, 400);
        let fourth = new("d");
        let (one, two) = tokio::join!(send(&key, "k3", &fourth), send(&key, "k3", &fourth));
        let mut statuses = [one.0, two.0];
        statuses.sort_unstable();
        assert!(statuses == [201, 201] || statuses == [201, 409], "{statuses:?}");
        let users = ok(&served, GET, "/source/users", &key, None).await;
        assert_eq!(users["items"].as_array().unwrap().len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduler_elsewhere_runs_a_job_and_learns_its_end() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 2, "").await.unwrap();
        let key = served.key("cron", &["--role", "operator"]).await.unwrap();
        let (url, id) = (served.url().unwrap(), key.split('_').nth(1).unwrap().to_owned());
        let run = async |job: &str, id: &str, secret: &str| {
            let words = ["jobs", "run", job, "--url", &url, "--client-id", id, "--client-secret", secret];
            served.entrain(&words).await.unwrap()
        };
        let (exit, said) = run("full-sync", &id, &key).await;
        assert_eq!((exit, &said["run"]["state"]), (Exit::Converged, &json!("converged")), "{said}");
        let bare = key.rsplit('_').next().unwrap();
        let (exit, said) = run("plan", &id, bare).await;
        assert_eq!((exit, &said["run"]["kind"]), (Exit::Converged, &json!("plan")), "{said}");
        assert_eq!(run("delta-sync", &id, &"0".repeat(64)).await.0, Exit::Usage, "a wrong secret");
        assert_eq!(run("delta-sync", "0000000000000000", &key).await.0, Exit::Usage, "the secret of another key");
        ok(&served, POST, "/targets/test/pause", &key, Some(json!({ "reason": "maintenance" }))).await;
        assert_eq!(run("delta-sync", &id, &key).await.0, Exit::Halted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_is_tested_by_command_and_over_the_wire() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 1, "").await.unwrap();
        let (exit, said) = served.entrain(&["target", "test", "test"]).await.unwrap();
        let found = &said["targets"][0];
        assert_eq!((exit, &found["target"], &found["verdict"]), (Exit::Partial, &json!("test"), &json!("warning")), "{said}");
        let surplus = found["permissions"]["surplus"].as_array().unwrap();
        assert!(surplus.iter().any(|one| one["permission"] == "RoleManagement.ReadWrite.Directory"), "{said}");
        assert_eq!(found["permissions"]["missing"], json!([]));

        let (viewer, operator) =
            (served.key("eye", &["--role", "viewer"]).await.unwrap(), served.key("hand", &["--role", "operator"]).await.unwrap());
        assert_eq!(refused(&served, POST, "/targets/test/test", &viewer, None).await.0, 403);
        assert_eq!(refused(&served, POST, "/targets/none/test", &operator, None).await.0, 404);
        let over_the_wire = ok(&served, POST, "/targets/test/test", &operator, None).await;
        assert_eq!(over_the_wire["permissions"], found["permissions"]);

        // The tenant takes a permission away: it is named by all three, and nothing was written.
        let emulator = &served.emulator;
        let roles = json!({ "clientId": emulator.client_id, "roles": ["User.ReadWrite.All", "Group.ReadWrite.All"] });
        emulator.control("POST", "credentials", &roles).unwrap();
        let missing = ok(&served, POST, "/targets/test/test", &operator, None).await;
        assert_eq!(
            (&missing["verdict"], &missing["permissions"]["missing"][0]["permission"]),
            (&json!("bad"), &json!("Organization.Read.All"))
        );
        assert_eq!(served.entrain(&["target", "test"]).await.unwrap().0, Exit::Failure);
    }
}
