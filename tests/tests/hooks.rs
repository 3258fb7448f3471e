//! Hooks over the wire, on both databases: who may tell us what, and what receivers are told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use entrain::alarms::Secret;
use entrain_model::Clock as _;
use entrain_store::{AuditScope, SourceChange, SourceQuery, SourceTest, UserRow};
use entrain_tests::database::Dialect;
use entrain_tests::patience::until;
use entrain_tests::receiver::Receiver;
use entrain_tests::serving::Serving;
use serde_json::{Value as Json, json};

const SCRIPT: &str = "#{ userPrincipalName: user.userName, displayName: user.userName, accountEnabled: user.active, \
                      mailNickname: local_part(user.userName) }";

struct Sender<'s> {
    stage: &'s Serving,
    secret: Secret,
}

impl Sender<'_> {
    async fn send(&self, id: &str, body: &str) -> (u16, Json) {
        self.send_at(id, entrain::wiring::SystemClock.now() / 1000, body, body).await
    }

    /// What is sent may differ from what is signed.
    async fn send_at(&self, id: &str, seconds: i64, signed: &str, body: &str) -> (u16, Json) {
        let request = self.stage.client.post(self.stage.url("/api/v1/events/hr")).header("webhook-id", id);
        let request =
            request.header("webhook-timestamp", seconds).header("webhook-signature", self.secret.sign(id, seconds, signed));
        let answer = request.body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

fn users(stage: &Serving) -> Vec<Json> {
    let state = stage.emulator.control("GET", "state?kind=users&top=100", &Json::Null).unwrap();
    state["value"].as_array().unwrap().clone()
}

async fn only_user(stage: &Serving) -> UserRow {
    let test = SourceTest::All(Vec::new());
    let query = SourceQuery { test: &test, order: Default::default(), after: None, skip: 0, rows: 2 };
    let mut found = stage.store.find_users(&query).await.unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0).row
}

async fn stage(dialect: Dialect) -> (Serving, String) {
    let stage = Serving::start(dialect, SCRIPT, "", &[]).await.unwrap();
    let secret = stage.shown(&["hook", "sender", "add", "hr"], "secret").await.unwrap();
    (stage, secret)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_says_what_changed_or_hands_it_over_and_a_replay_is_harmless() {
    for dialect in Dialect::all() {
        let (stage, secret) = stage(dialect).await;
        let sender = Sender { stage: &stage, secret: Secret::read(&secret.clone().into()).unwrap() };
        let ada = json!({ "type": "user.put", "data": { "externalId": "e1", "userName": "ada@contoso.example", "displayName": "Ada" } }).to_string();
        let (status, said) = sender.send("m1", &ada).await;
        assert_eq!((status, &said), (202, &json!({ "replay": false, "events": 1, "unknown": 0 })), "{dialect:?}");
        until("the user is in the tenant", async || users(&stage).len() == 1).await;

        // The same message again, after another: it puts nothing back.
        let other = ada.replace("\"Ada\"", "\"Ada Byron\"");
        assert_eq!(sender.send("m2", &other).await.0, 202);
        let (status, said) = sender.send("m1", &ada).await;
        assert_eq!((status, &said["replay"]), (200, &json!(true)));
        let row = only_user(&stage).await;
        assert_eq!(row.display_name.as_deref(), Some("Ada Byron"));

        // By key; whom nobody knows is counted.
        let many = json!({ "events": [
            { "type": "user.changed", "data": { "id": row.id.as_str() } }, { "type": "user.changed", "data": { "externalId": "e1" } },
            { "type": "user.changed", "data": { "userName": "ADA@contoso.example" } }, { "type": "user.changed", "data": { "id": "nobody" } },
        ] });
        let (status, said) = sender.send("m3", &many.to_string()).await;
        assert_eq!((status, &said["events"], &said["unknown"]), (202, &json!(4), &json!(1)));

        // All of a message or nothing of it, and what is refused may be sent again under the same id.
        let half = json!({ "events": [{ "type": "user.put", "data": { "id": "b", "userName": "bob@contoso.example" } },
            { "type": "user.put", "data": { "id": "c", "userName": "ADA@contoso.example" } }] });
        let (status, said) = sender.send("m4", &half.to_string()).await;
        assert_eq!(status, 409, "{said}");
        assert!(said["detail"].as_str().unwrap().starts_with("event 1: the login"), "{said}");
        assert!(stage.store.user_row(&"b".into()).await.unwrap().is_none());
        assert_eq!(
            sender.send("m4", &json!({ "type": "user.removed", "data": { "externalId": "e1" } }).to_string()).await.0,
            202
        );
        assert!(stage.store.user_row(&row.id).await.unwrap().is_none());
        stage.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_about_one_user_is_one_row_of_the_queue() {
    for dialect in Dialect::all() {
        let (stage, secret) = stage(dialect).await;
        let name = entrain_model::TargetName::from("test");
        until("the first full sync is over", async || stage.store.target(&name).await.unwrap().unwrap().last_full_at.is_some())
            .await;
        // A halted target keeps its queue to be counted.
        std::fs::write(stage.folder().join("user.rhai"), "#{").unwrap();
        until("the target is halted", async || stage.store.target(&name).await.unwrap().unwrap().halt.is_some()).await;
        let mut writer = stage.store.source_writer().await.unwrap();
        writer.apply(&[SourceChange::PutUser(UserRow::new("a", "ada@contoso.example"))]).await.unwrap();
        writer.commit().await.unwrap();
        let sender = Sender { stage: &stage, secret: Secret::read(&secret.into()).unwrap() };
        for n in 0..100 {
            let body = json!({ "type": "user.changed", "data": { "id": "a" } }).to_string();
            assert_eq!(sender.send(&format!("burst{n}"), &body).await.0, 202);
        }
        assert_eq!(stage.store.queue_depth(&name).await.unwrap().rows, 1, "{dialect:?}");
        stage.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_signed_by_the_sender_is_refused_and_audited() {
    for dialect in Dialect::all() {
        let (stage, secret) = stage(dialect).await;
        let sender = Sender { stage: &stage, secret: Secret::read(&secret.clone().into()).unwrap() };
        let now = entrain::wiring::SystemClock.now() / 1000;
        let body = json!({ "type": "user.put", "data": { "id": "x", "userName": "x@contoso.example" } }).to_string();
        assert_eq!(sender.send_at("a", now, &body, &body.replace("x@", "y@")).await.0, 401, "another body");
        assert_eq!(sender.send_at("b", now - 301, &body, &body).await.0, 401, "too old");
        assert_eq!(sender.send_at("c", now + 330, &body, &body).await.0, 401, "from the future");
        let stranger = Sender { stage: &stage, secret: Secret::read(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap() };
        assert_eq!(stranger.send("d", &body).await.0, 401, "another key");
        let bare = stage.client.post(stage.url("/api/v1/events/hr")).body(body.clone()).send().await.unwrap();
        assert_eq!(bare.status(), 401);
        let unknown = stage.client.post(stage.url("/api/v1/events/nobody")).body(body.clone()).send().await.unwrap();
        assert_eq!(unknown.status(), 401, "a name that is none is not told");
        assert_eq!(sender.send("e", "{}").await.0, 400);
        assert_eq!(sender.send("f", &"x".repeat((1 << 20) + 1)).await.0, 413);
        assert!(stage.store.user_row(&"x".into()).await.unwrap().is_none());

        // Two secrets live while it changes; then the first is none.
        let new = stage.shown(&["hook", "sender", "rotate", "hr"], "secret").await.unwrap();
        let newer = Sender { stage: &stage, secret: Secret::read(&new.clone().into()).unwrap() };
        assert_eq!((sender.send("g", &body).await.0, newer.send("h", &body).await.0), (202, 202));
        stage.command(&["hook", "sender", "rotate", "hr", "--grace-hours", "0"]).await.unwrap();
        assert_eq!((sender.send("i", &body).await.0, newer.send("j", &body).await.0), (401, 401));
        stage.command(&["hook", "sender", "remove", "hr"]).await.unwrap();
        let list = stage.command(&["secret", "list"]).await.unwrap();
        assert_eq!(list["secrets"], json!([]), "no secret is left behind");

        stage.service.stop().await;
        let rows = stage.store.audit(&AuditScope::default(), 0, 1000).await.unwrap();
        let said = format!("{rows:?}");
        for word in ["access_refused", "/api/v1/events", "sender hr", "hook_added", "hook_rotated", "hook_removed"] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(!said.contains(&secret[6..]) && !said.contains(&new[6..]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_are_told_what_they_want_signed_and_until_they_take_it() {
    for dialect in Dialect::all() {
        let (stage, _) = stage(dialect).await;
        let (all, few) = (Receiver::start(1).await, Receiver::start(0).await);
        let secret = stage.shown(&["hook", "receiver", "add", "all", "--url", &all.url], "secret").await.unwrap();
        stage.command(&["hook", "receiver", "add", "few", "--url", &few.url, "--event", "user.held"]).await.unwrap();
        assert!(stage.command(&["hook", "receiver", "add", "bad", "--url", "http://far.example"]).await.is_err());
        let write = async |change: SourceChange| {
            let mut writer = stage.store.source_writer().await.unwrap();
            writer.apply(&[change]).await.unwrap();
            writer.commit().await.unwrap();
        };
        write(SourceChange::PutUser(UserRow::new("a", "ada@contoso.example"))).await;
        write(SourceChange::PutUser(UserRow::new("h", "held@nowhere.invalid"))).await;
        let told = |receiver: &Receiver, event: Json| {
            let told = receiver.messages.lock().unwrap();
            told.iter()
                .filter(|message| message.json()["type"] == event["type"] && message.json()["data"] == event["data"])
                .count()
        };
        let of = |event: &str, data: Json| json!({ "type": event, "data": data });
        let expected = [
            of("user.created", json!({ "id": "a" })),
            of("user.synced", json!({ "id": "a", "target": "test" })),
            of("user.created", json!({ "id": "h" })),
        ];
        for event in expected {
            until(&format!("{dialect:?} {event}"), async || told(&all, event.clone()) >= 1).await;
        }
        until("the held one is told to both", async || {
            let held = |receiver: &Receiver| {
                let told = receiver.messages.lock().unwrap();
                told.iter().any(|message| message.json()["type"] == "user.held" && message.json()["data"]["id"] == "h")
            };
            held(&all) && held(&few)
        })
        .await;
        assert!(few.messages.lock().unwrap().iter().all(|message| message.json()["type"] == "user.held"));
        write(SourceChange::RemoveUser("a".into())).await;
        until("the removal is told", async || told(&all, of("user.removed", json!({ "id": "a" }))) == 1).await;
        until("what was refused at first comes again as the same message", async || {
            let told = all.messages.lock().unwrap();
            told[1..].iter().any(|message| message.id == told[0].id)
        })
        .await;
        let key = Secret::read(&secret.into()).unwrap();
        let messages = all.messages.lock().unwrap().clone();
        for message in &messages {
            assert_eq!(message.signature, key.sign(&message.id, message.seconds, &message.body));
        }
        stage.service.stop().await;
    }
}
