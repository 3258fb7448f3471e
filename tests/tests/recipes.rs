//! The examples of `docs/recipes` and `docs/hooks.md`, as they are printed there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::path::Path;
use std::process::Command;

use entrain_store::{GroupRow, SourceChange};
use entrain_tests::database::{Dialect, psql};
use entrain_tests::patience::until;
use entrain_tests::serving::Serving;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SCRIPT: &str = "#{ userPrincipalName: user.userName, displayName: user.displayName, accountEnabled: user.active, \
                      mailNickname: local_part(user.userName), department: or_clear(user.department) }";

/// The block of a page that begins with this.
fn block(page: &str, fence: &str) -> String {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page)).unwrap();
    let (_, from) = text.split_once(&format!("```{fence}\n")).unwrap_or_else(|| panic!("{page} has no block {fence}"));
    from.split_once("\n```").unwrap().0.to_owned()
}

fn tenant(stage: &Serving) -> String {
    stage.emulator.control("GET", "state?kind=users&top=100", &Json::Null).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_in_postgres_with_a_trigger() {
    if !Dialect::all().contains(&Dialect::Postgres) {
        return;
    }
    let stage = Serving::start(Dialect::Postgres, SCRIPT, "", &[]).await.unwrap();
    let say = |sql: &str| psql(stage.database_url(), sql).unwrap();
    say(&block("recipes/postgres.md", "sql"));
    say(
        "insert into hr.people (id, login, name, department) values ('p1', 'ada@contoso.example', 'Ada', 'Engines'), ('p2', 'bob@contoso.example', 'Bob', null)",
    );
    until("both are in the tenant", async || tenant(&stage).contains("Engines") && tenant(&stage).contains("bob@")).await;
    say(
        "update hr.people set name = 'Ada Byron', department = null where id = 'p1'; update hr.people set id = 'p3' where id = 'p2'",
    );
    until("the change is", async || tenant(&stage).contains("Ada Byron") && !tenant(&stage).contains("Engines")).await;
    assert!(stage.store.user_row(&"p2".into()).await.unwrap().is_none());
    assert!(stage.store.user_row(&"p3".into()).await.unwrap().is_some());
    say("update hr.people set works = false where id = 'p1'; delete from hr.people where id = 'p3'");
    assert!(!stage.store.user_row(&"p1".into()).await.unwrap().unwrap().active);
    assert!(stage.store.user_row(&"p3".into()).await.unwrap().is_none());
    stage.service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_authentik_sends() {
    for dialect in Dialect::all() {
        let stage = Serving::start(dialect, SCRIPT, "", &[]).await.unwrap();
        let token = stage.shown(&["access", "scim", "add", "authentik"], "credential").await.unwrap();
        let send = async |method: reqwest::Method, path: &str, body: String| {
            let request = stage.client.request(method, stage.url(&format!("/scim/v2{path}"))).bearer_auth(&token);
            let answer = request.header("content-type", "application/scim+json").body(body).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let (status, made) = send(reqwest::Method::POST, "/Users", block("recipes/authentik.md", "json user")).await;
        assert_eq!(status, 201, "{made}");
        let made: Json = serde_json::from_str(&made).unwrap();
        let id = made["id"].as_str().unwrap();
        assert_eq!(stage.store.user_row(&id.into()).await.unwrap().unwrap().mail.as_deref(), Some("ada@contoso.example"));
        let mut writer = stage.store.source_writer().await.unwrap();
        writer.apply(&[SourceChange::PutGroup(GroupRow::new("g", "G"))]).await.unwrap();
        writer.commit().await.unwrap();
        let members = block("recipes/authentik.md", "json members").replace("USER", id);
        assert_eq!(send(reqwest::Method::PATCH, "/Groups/g", members).await, (204, String::new()));
        until("the user is in the tenant", async || tenant(&stage).contains("Ada Byron")).await;
        stage.service.stop().await;
    }
}

/// Answers as Keycloak does: a token, one page of admin events, a user who is there and one who is not.
async fn keycloak() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 8192];
            let read = stream.read(&mut head).await.unwrap();
            let asked = String::from_utf8_lossy(&head[..read]).into_owned();
            let path = asked.split(' ').nth(1).unwrap_or_default();
            let event = |time: i64, operation: &str, path: &str| json!({ "time": time, "operationType": operation, "resourceType": "USER", "resourcePath": path });
            let (status, body) = match path {
                path if path.ends_with("/token") => ("200 OK", json!({ "access_token": "t" })),
                path if path.contains("/admin-events") && path.contains("first=0") => (
                    "200 OK",
                    json!([event(8, "UPDATE", "users/k1"), event(9, "DELETE", "users/k2"), event(7, "CREATE", "users/k1")]),
                ),
                path if path.contains("/admin-events") => ("200 OK", json!([])),
                path if path.ends_with("/users/k1") => (
                    "200 OK",
                    json!({ "id": "k1", "username": "ada@contoso.example", "enabled": true, "firstName": "Ada", "lastName": "Byron", "email": "ada@contoso.example" }),
                ),
                _ => ("404 Not Found", json!({ "error": "User not found" })),
            };
            let body = body.to_string();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keycloak_has_in_its_log_is_handed_over() {
    let python = std::env::var_os("ENTRAIN_TEST_PYTHON").expect("ENTRAIN_TEST_PYTHON is not set: run tests/run");
    for dialect in Dialect::all() {
        let stage = Serving::start(dialect, SCRIPT, "", &[]).await.unwrap();
        let secret = stage.shown(&["hook", "sender", "add", "keycloak"], "secret").await.unwrap();
        std::fs::write(stage.folder().join("send.py"), block("hooks.md", "python send.py")).unwrap();
        std::fs::write(stage.folder().join("keycloak.py"), block("recipes/keycloak.md", "python keycloak.py")).unwrap();
        let mut gone = entrain_store::UserRow::new("k2", "gone@contoso.example");
        gone.display_name = Some("Gone".into());
        let mut writer = stage.store.source_writer().await.unwrap();
        writer.apply(&[SourceChange::PutUser(gone)]).await.unwrap();
        writer.commit().await.unwrap();
        let mut command = Command::new(&python);
        command.arg("keycloak.py").current_dir(stage.folder()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("KEYCLOAK_URL", keycloak().await).env("KEYCLOAK_REALM", "corp");
        command.env("KEYCLOAK_CLIENT", "entrain").env("KEYCLOAK_SECRET", "s");
        command.env("ENTRAIN_EVENTS", stage.url("/api/v1/events/keycloak")).env("ENTRAIN_SECRET", secret);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let row = stage.store.user_row(&"k1".into()).await.unwrap().unwrap();
        assert_eq!((row.given_name.as_deref(), row.mail.as_deref()), (Some("Ada"), Some("ada@contoso.example")));
        assert!(stage.store.user_row(&"k2".into()).await.unwrap().is_none());
        assert_eq!(std::fs::read_to_string(stage.folder().join("keycloak.state")).unwrap(), "9");
        until("the user is in the tenant", async || tenant(&stage).contains("Ada Byron")).await;
        stage.service.stop().await;
    }
}
