//! Every sort of secret is planted in a service that does all that it can do, on both databases. Then all that it leaves, says and
//! answers is searched: files of the database, its dump, the log, answers over HTTP, messages, what commands say, exported files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use entrain::alarms::Secret;
use entrain::cli::Exit;
use entrain_emulator::{Emulator, Options, Running};
use entrain_model::Clock as _;
use entrain_tests::certificates::{Certificate, target};
use entrain_tests::database::{Database, Dialect};
use entrain_tests::planted::Planted;
use entrain_tests::receiver::Receiver;
use entrain_tests::server::Server;
use entrain_tests::serving::{MASTER_KEY, Serving};
use entrain_tests::written::Written;
use reqwest::Method;
use serde_json::{Value as Json, json};

const SCRIPT: &str = "#{ userPrincipalName: user.userName, displayName: user.userName, accountEnabled: user.active, \
                       mailNickname: local_part(user.userName) }";
const WRONG: &str = "wr0ng~Client.Secret-planted-4711";
const PASSWORD: &str = "Chosen-By-A-Person-8151";
const ALARMS: &str = "whsec_YWxhcm1zLWFsYXJtcy1hbGFybXMtMTIz";
const FIRST: &str = "whsec_Zmlyc3QtcGFzc3dvcmRzLWZpcnN0LTEy";

struct Stage {
    serving: Serving,
    receiver: Receiver,
    planted: Planted,
    /// The server of the database, if it is one.
    server: Option<Server>,
    log: Written,
    /// What was searched for secrets, apart from files: a name and the bytes.
    said: Vec<(String, Vec<u8>)>,
    _second: Running,
}

impl Stage {
    async fn new(dialect: Dialect, log: Written) -> Self {
        let mut planted = Planted::default();
        let (old, new) = (Certificate::of(2020), Certificate::of(2024));
        planted.plant_key("the private key of the certificate", &old.key);
        planted.plant_key("the private key of the sealed certificate", &new.key);
        let (first_key, first_public) = first_key();
        planted.plant_key("the key that opens first passwords", &first_key);
        for (name, secret) in [
            ("the wrong client secret", WRONG),
            ("the password of a person", PASSWORD),
            ("an assertion", "eyJ0eXAiOiJKV1QiLCJhbGciOiJQUzI1NiI"),
            ("the master key", MASTER_KEY.trim_end_matches('=')),
            ("the secret of alarms", &ALARMS[6..]),
            ("the secret of first passwords", &FIRST[6..]),
        ] {
            planted.plant(name, secret);
        }
        let second =
            Emulator::start(Options { certificates: vec![old.certificate.clone()], ..Options::default() }).await.unwrap();
        let receiver = Receiver::start(0).await;
        let server = (dialect == Dialect::Postgres).then(|| Server::start().unwrap());
        let database = server.as_ref().map_or_else(|| Database::new(dialect), |server| Database::on(&server.url())).unwrap();
        let files = [
            ("second-ca.pem", second.ca_pem.clone()),
            ("app.pem", old.pem()),
            ("first.pem", first_key),
            ("first.pub.pem", first_public),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let sealed = [("alarms", ALARMS), ("first", FIRST), ("wrong", WRONG), ("new", &new.pem())];
        let more = more(&second, &receiver);
        let serving = Serving::over(database, SCRIPT, &more, &files, &sealed).await.unwrap();
        planted.plant("the client secret", &serving.emulator.client_secret);
        planted.plant("a token of the tenant", &token(&serving.emulator).await);
        Self { serving, receiver, planted, server, log, said: Vec::new(), _second: second }
    }

    /// A credential that a command shows once: all of it, and its secret part is planted.
    async fn credential(&mut self, name: &str, words: &[&str], field: &str) -> String {
        let credential = self.serving.shown(words, field).await.unwrap();
        let secret = credential.rsplit('_').next().unwrap();
        self.planted.plant(name, secret);
        credential
    }

    async fn ask(&mut self, method: Method, path: &str, key: &str, body: Option<&str>) -> (u16, Json) {
        let mut request = self.serving.client.request(method.clone(), self.serving.url(path));
        if !key.is_empty() {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            let kind = if path.starts_with("/scim") { "application/scim+json" } else { "application/json" };
            request = request.header("content-type", kind).body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        self.kept(&format!("{method} {path}"), response).await
    }

    async fn kept(&mut self, what: &str, response: reqwest::Response) -> (u16, Json) {
        let (status, head) = (response.status().as_u16(), format!("{:?}", response.headers()));
        let body = response.bytes().await.unwrap();
        self.said.push((format!("{what}: {status}"), [head.as_bytes(), &body].concat()));
        (status, serde_json::from_slice(&body).unwrap_or(Json::Null))
    }

    /// Looks again and again until it is so.
    async fn until(&self, what: &str, mut so: impl AsyncFnMut(&Serving, &Receiver) -> bool) {
        for _ in 0..600 {
            if so(&self.serving, &self.receiver).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let halts = self.serving.said(&["halts"]).await.unwrap().1;
        let holds = self.serving.said(&["holds"]).await.unwrap().1;
        panic!("not within half a minute: {what}\n{halts}\n{holds}\n{:?}", self.receiver.messages.lock().unwrap());
    }
}

/// The other targets: one that signs in with a certificate and hands first passwords over, and one whose secret is wrong.
fn more(second: &Running, receiver: &Receiver) -> String {
    format!(
        "[alarms]\nwebhooks = [{{ name = \"ops\", url = \"{url}\", secret = {{ secret = \"alarms\" }} }}]\n{}{}\
         [target.first_password]\ndeliver = {{ url = \"{url}\", secret = {{ secret = \"first\" }}, seal_for = \"first.pub.pem\" }}\n",
        target("refused", second, "secret = { secret = \"wrong\" }"),
        target("second", second, "certificates = [{ file = \"app.pem\" }, { secret = \"new\" }]"),
        url = receiver.url,
    )
}

/// The key pair for which first passwords are sealed.
fn first_key() -> (String, String) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    (key.serialize_pem(), key.public_key_pem())
}

/// What every token of the tenant begins with.
async fn token(tenant: &Running) -> String {
    let authority = reqwest::Certificate::from_pem(tenant.ca_pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
    let scope = format!("{}/.default", tenant.base_url.trim_end_matches("/v1.0"));
    let form = reqwest::Url::parse_with_params(
        "x:",
        [
            ("grant_type", "client_credentials"),
            ("scope", &scope),
            ("client_id", &tenant.client_id),
            ("client_secret", &tenant.client_secret),
        ],
    );
    let request = client.post(format!("{}/{}/oauth2/v2.0/token", tenant.authority_url, tenant.tenant_id));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let said: Json = request.body(form.unwrap().query().unwrap().to_owned()).send().await.unwrap().json().await.unwrap();
    let token = said["access_token"].as_str().unwrap_or_else(|| panic!("{said}"));
    token.split('.').next().unwrap().to_owned()
}

/// What is done to fill every place where something could be left: people come in through each door and reach the tenants.
async fn live(stage: &mut Stage, keys: &Keys) {
    let user = json!({ "attributes": { "userName": "u1@contoso.example", "displayName": "One", "password": PASSWORD } });
    let (status, said) = stage.ask(Method::PUT, "/api/v1/source/users/u1", &keys.admin, Some(&user.to_string())).await;
    assert_eq!(status, 201, "{said}");
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "u2@contoso.example", "password": PASSWORD });
    let (status, said) = stage.ask(Method::POST, "/scim/v2/Users", &keys.scim, Some(&user.to_string())).await;
    assert_eq!(status, 201, "{said}");
    let patch = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "password", "value": PASSWORD }] });
    let path = format!("/scim/v2/Users/{}", said["id"].as_str().unwrap());
    let (status, said) = stage.ask(Method::PATCH, &path, &keys.scim, Some(&patch.to_string())).await;
    assert!(status < 300, "{said}");
    let event = json!({ "type": "user.put", "data": { "id": "u3", "userName": "u3@contoso.example", "password": PASSWORD } });
    let (body, seconds) = (event.to_string(), entrain::wiring::SystemClock.now() / 1000);
    for (id, secret) in [("m1", keys.sender.as_str()), ("m2", ALARMS)] {
        let signature = Secret::read(&secret.into()).unwrap().sign(id, seconds, &body);
        let request = stage.serving.client.post(stage.serving.url("/api/v1/events/hr")).header("webhook-id", id);
        let request = request.header("webhook-timestamp", seconds).header("webhook-signature", signature);
        let response = request.body(body.clone()).send().await.unwrap();
        stage.kept("POST /api/v1/events/hr", response).await;
    }
    let group = json!({ "attributes": { "displayName": "Group" } }).to_string();
    stage.ask(Method::PUT, "/api/v1/source/groups/g1", &keys.admin, Some(&group)).await;
    stage.ask(Method::PUT, "/api/v1/source/groups/g1/member/user/u1", &keys.admin, None).await;
    stage
        .until(
            "everybody is in both tenants, the refused target is halted, and it is told, as is the refused certificate",
            async |serving, receiver| {
                let mut links = 0;
                for target in ["test", "second"].map(entrain_model::TargetName::from) {
                    links += serving.store.links(&target, None, 100).await.unwrap().len();
                }
                links == 8 && ["halt", "credential_refused"].iter().all(|kind| !receiver.of(kind, "raised").is_empty())
            },
        )
        .await;
}

/// The credentials that were handed out.
struct Keys {
    admin: String,
    viewer: String,
    scim: String,
    sender: String,
}

/// Everything that can be read over HTTP, as one who may, as one who may not, and as nobody; and what is refused in other ways.
async fn ask_everything(stage: &mut Stage, keys: &Keys) {
    let (_, described) = stage.ask(Method::GET, "/api/openapi.json", "", None).await;
    let (_, runs) = stage.ask(Method::GET, "/api/v1/runs", &keys.admin, None).await;
    let run = runs["items"][0]["run"].as_str().or(runs["items"][0]["id"].as_str()).unwrap_or_else(|| panic!("{runs}"));
    let mut paths = Vec::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        if methods.get("get").is_some() {
            for target in ["test", "second", "refused"] {
                let path = path.replace("{target}", target).replace("{run}", run).replace("{kind}", "user");
                paths.push(path.replace("{id}", "u1").replace("{version}", "1"));
            }
        }
    }
    assert!(paths.len() > 50, "the description is not what it was: {paths:?}");
    let scim = [
        "Users",
        "Groups",
        "Schemas",
        "ResourceTypes",
        "ServiceProviderConfig",
        "Users?filter=password%20pr",
        "Me",
        "Users/none",
    ];
    paths.extend(scim.map(|path| format!("/scim/v2/{path}")));
    paths.extend(["/metrics", "/health/live", "/health/ready", "/api/v1/whoami", "/elsewhere"].map(str::to_owned));
    for path in paths {
        let path = if path.starts_with("/targets") { format!("/api/v1{path}") } else { path };
        for key in [&keys.admin, &keys.viewer, &keys.scim, ""] {
            stage.ask(Method::GET, &path, key, None).await;
        }
    }
    for target in ["test", "second", "refused"] {
        for (path, body) in [("test", None), ("objects/user/u1/sync", None), ("mappings/check", Some("{}")), ("resume", None)] {
            stage.ask(Method::POST, &format!("/api/v1/targets/{target}/{path}"), &keys.admin, body).await;
        }
        let body = json!({ "target": target, "job": "plan" }).to_string();
        stage.ask(Method::POST, "/api/v1/runs", &keys.admin, Some(&body)).await;
    }
    stage.ask(Method::POST, "/api/v1/targets/test/pause", &keys.viewer, Some("{\"reason\": \"none\"}")).await;
    for body in ["{", "{\"userName\": 7}", "[]"] {
        stage.ask(Method::POST, "/api/v1/source/users", &keys.admin, Some(body)).await;
        stage.ask(Method::POST, "/scim/v2/Users", &keys.scim, Some(body)).await;
    }
    let statuses: std::collections::BTreeSet<&str> =
        stage.said.iter().map(|(what, _)| what.rsplit(' ').next().unwrap()).collect();
    assert!(["200", "401", "403", "404", "400", "409"].iter().all(|status| statuses.contains(status)), "{statuses:?}");
}

/// Every command that lists, shows or writes a file.
async fn command_everything(stage: &mut Stage) {
    let folder = stage.serving.folder().to_owned();
    let file = |name: &str| folder.join(name).display().to_string();
    let words = [
        "targets",
        "halts",
        "holds",
        "runs",
        "links",
        "alarms --past",
        "leavers",
        "audit",
        "audit verify",
        "audit head",
        "secret list",
        "access key list",
        "access scim list",
        "hook sender list",
        "hook receiver list",
        "protect list",
        "password lost second",
        "mapping versions",
        "mapping check test",
        "target test",
        "preflight test",
        "adoption test",
        "plan test",
        "explain user u1 --target test",
        "sync test",
        "sync refused",
        "resume refused",
        "config export",
        "config apply --check",
        "sessions list",
        "keys rotate",
    ];
    for words in words {
        for json in [None, Some("--json")] {
            let split: Vec<&str> = words.split(' ').chain(json).collect();
            let (_, said) = stage.serving.said(&split).await.unwrap_or_else(|error| panic!("{words}: {error:#}"));
            stage.said.push((format!("entrain {words}"), said.into_bytes()));
        }
    }
    let runs = stage.serving.store.runs(Some(&"test".into()), 50).await.unwrap();
    let run = runs.iter().find(|run| run.finished_at.is_some()).unwrap().id.to_string();
    for words in [
        &["plan", "test", "--out", &file("plan.json")] as &[&str],
        &["plan", "test", "--out", &file("plan.md")],
        &["undo", &run, "--out", &file("undo.json")],
    ] {
        let (exit, said) = stage.serving.said(words).await.unwrap();
        assert!(exit != Exit::Usage && exit != Exit::Failure, "{words:?}: {said}");
    }
}

/// Opens the first passwords that were handed over, and plants them: they are to be nowhere else.
async fn plant_first_passwords(stage: &mut Stage) {
    let messages = stage.receiver.messages.lock().unwrap().clone();
    let issued: Vec<Json> = messages
        .iter()
        .map(entrain_tests::receiver::Message::json)
        .filter(|told| told["type"] == "first_password.issued")
        .collect();
    assert_eq!(issued.len(), 3, "one for each user");
    for told in issued {
        let sealed = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(sealed.path(), told["data"]["sealed"].as_str().unwrap()).unwrap();
        let (key, sealed) = (stage.serving.folder().join("first.pem"), sealed.path().display().to_string());
        let words = ["password", "open", "--key", key.to_str().unwrap(), &sealed];
        let opened = stage.serving.command(&words).await.unwrap();
        stage.planted.plant("a first password", opened["secret"].as_str().unwrap());
    }
}

/// All files of a folder, and of those in it.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Looks everywhere. The files that hold secrets because somebody put them there are not looked at.
fn search(stage: &Stage) {
    let on_purpose = ["client-secret", "app.pem", "first.pem", "master.key"];
    let mut paths = Vec::new();
    files(stage.serving.folder(), &mut paths);
    paths.retain(|path| !on_purpose.iter().any(|name| path.ends_with(name)));
    let mut places: Vec<(String, Vec<u8>)> = stage.said.clone();
    if let Some(server) = &stage.server {
        files(server.folder(), &mut paths);
        let dump = Command::new("pg_dump").args(["--inserts", stage.serving.database_url()]).output().unwrap();
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        places.push(("the dump".to_owned(), dump.stdout));
    }
    // What is removed by its server meanwhile is gone.
    let contents = paths.iter().filter_map(|path| Some((path.display().to_string(), std::fs::read(path).ok()?)));
    places.extend(contents);
    places.push(("the log".to_owned(), stage.log.bytes()));
    let messages = stage.receiver.messages.lock().unwrap().clone();
    places.extend(messages.into_iter().map(|told| (format!("message {}", told.id), format!("{told:?}").into_bytes())));

    let mut leaks = Vec::new();
    for (place, bytes) in &places {
        leaks.extend(stage.planted.seen_in(bytes).into_iter().map(|secret| format!("{secret}: in {place}")));
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
    // What was searched is what was meant: what is no secret is there.
    let mut marks = Planted::default();
    marks.plant("mark", "u1@contoso.example");
    let marked = |word: &str| places.iter().any(|(place, bytes)| place.contains(word) && marks.seen_in(bytes).contains("mark"));
    for word in ["/scim/v2/Users", "/api/v1/source/users/u1", "entrain explain", "entrain audit"] {
        assert!(marked(word), "{word}");
    }
    assert!(if stage.server.is_some() { marked("the dump") && marked("/pg_wal/") } else { marked("entrain.sqlite3") });
    let log = stage.log.text();
    assert!(log.contains("TRACE") && log.contains("target=second") || log.contains("target=\"second\""), "the log is not heard");
}

async fn nothing_leaks(dialect: Dialect) {
    let log = Written::default();
    let heard = log.clone();
    tracing_subscriber::fmt().with_env_filter("trace").with_ansi(false).with_writer(move || heard.clone()).init();
    let mut stage = Stage::new(dialect, log).await;
    let keys = Keys {
        admin: stage
            .credential("the key of an administrator", &["access", "key", "add", "root", "--role", "admin"], "credential")
            .await,
        viewer: stage.credential("the key of a viewer", &["access", "key", "add", "see", "--role", "viewer"], "credential").await,
        scim: stage.credential("the token of a client", &["access", "scim", "add", "okta"], "credential").await,
        sender: stage.credential("the secret of a sender", &["hook", "sender", "add", "hr"], "secret").await,
    };
    let url = stage.receiver.url.clone();
    stage.credential("the secret of a receiver", &["hook", "receiver", "add", "crm", "--url", &url], "secret").await;
    live(&mut stage, &keys).await;
    command_everything(&mut stage).await;
    ask_everything(&mut stage, &keys).await;
    plant_first_passwords(&mut stage).await;
    search(&stage);
    stage.serving.service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_planted_secret_is_seen_anywhere_on_sqlite() {
    for dialect in Dialect::all().into_iter().filter(|dialect| *dialect == Dialect::Sqlite) {
        nothing_leaks(dialect).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_planted_secret_is_seen_anywhere_on_postgres() {
    for dialect in Dialect::all().into_iter().filter(|dialect| *dialect != Dialect::Sqlite) {
        nothing_leaks(dialect).await;
    }
}
