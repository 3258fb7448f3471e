//! First passwords as an operator gets them: sealed, signed, once; and nowhere else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use entrain::alarms::Secret;
use entrain::cli::{self, Cli, Exit, Form, Output};
use entrain_emulator::{Emulator, Options, Running};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SCRIPT: &str = "#{ userPrincipalName: user.userName, displayName: or_clear(user.displayName), accountEnabled: user.active, \
                       mailNickname: local_part(user.userName) }";

/// What any JOSE library does, with a library for the two ciphers alone.
const OPEN: &str = r#"
import base64, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
key = serialization.load_pem_private_key(open(sys.argv[1], "rb").read(), None)
header, *rest = sys.stdin.read().strip().split(".")
wrapped, nonce, text, tag = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in rest)
oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
print(AESGCM(key.decrypt(wrapped, oaep)).decrypt(nonce, text + tag, header.encode()).decode())
"#;

/// Somebody who listens, and refuses while `refusing`.
struct Receiver {
    url: String,
    refusing: Arc<AtomicBool>,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/first", listener.local_addr().unwrap());
        let (refusing, bodies) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (refuses, kept) = (Arc::clone(&refusing), Arc::clone(&bodies));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some((body, signed)) = receive(&mut stream).await else { continue };
                assert!(signed, "the signature does not fit: {body}");
                let refused = refuses.load(Ordering::SeqCst);
                if !refused {
                    kept.lock().unwrap().push(body);
                }
                let status = if refused { "503 Service Unavailable" } else { "204 No Content" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, refusing, bodies }
    }

    /// The messages since the last call.
    fn take(&self) -> Vec<Json> {
        self.bodies.lock().unwrap().drain(..).map(|body| serde_json::from_str(&body).unwrap()).collect()
    }
}

/// The body, and whether its signature fits.
async fn receive(stream: &mut TcpStream) -> Option<(String, bool)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
            };
            if body.len() >= header("content-length")?.parse().ok()? {
                let secret = Secret::read(&KEY.into()).unwrap();
                let seconds = header("webhook-timestamp")?.parse().ok()?;
                let signature = secret.sign(&header("webhook-id")?, seconds, body);
                return Some((body.to_owned(), header("webhook-signature")? == signature));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// What a command prints.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::Write::write(&mut *self.0.lock().unwrap(), bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Site {
    folder: tempfile::TempDir,
    tenant: Running,
    receiver: Receiver,
}

impl Site {
    async fn new(first_password: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tenant = Emulator::start(Options::default()).await.unwrap();
        let receiver = Receiver::start().await;
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &tenant.ca_pem);
        write("secret", &tenant.client_secret);
        write("whsec", KEY);
        write("user.rhai", SCRIPT);
        openssl(folder.path(), &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "first.pem"]);
        openssl(folder.path(), &["pkey", "-in", "first.pem", "-pubout", "-out", "first.pub.pem"]);
        let text = format!(
            r#"[store]
url = "sqlite://{folder}/entrain.sqlite3"
[[target]]
name = "test"
tenant = "{}"
cloud = "custom"
mode = "full"
endpoints = {{ authority = "{}", graph = "{}", ca_file = "ca.pem" }}
credential = {{ client_id = "{}", secret = {{ file = "secret" }} }}
mapping = {{ users = ["user.rhai"] }}
[target.first_password]
{first_password}
deliver = {{ url = "{}", secret = {{ file = "whsec" }}, seal_for = "first.pub.pem" }}
"#,
            tenant.tenant_id,
            tenant.authority_url,
            tenant.base_url,
            tenant.client_id,
            receiver.url,
            folder = folder.path().display(),
        );
        write("entrain.toml", &text);
        Self { folder, tenant, receiver }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn hire(&self, n: usize) {
        let row = json!({"type": "user", "id": format!("u{n}"), "userName": format!("user{n}@contoso.example"),
            "displayName": format!("User {n}"), "active": true});
        std::fs::write(self.path("new.jsonl"), format!("{row}\n")).unwrap();
        let file = self.path("new.jsonl").display().to_string();
        assert_eq!(self.run(&["import", &file]).await.0, Exit::Converged);
    }

    async fn run(&self, words: &[&str]) -> (Exit, String) {
        let config = self.path("entrain.toml").display().to_string();
        let start = ["entrain", "--config", &config];
        let cli = Cli::try_parse_from(start.iter().chain(words)).unwrap();
        let said = Said::default();
        let exit = cli::run(&cli, &mut Output::to(Form::Text, said.clone())).await;
        let exit = exit.unwrap_or_else(|error| panic!("{words:?}: {error:#}"));
        let said = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
        (exit, said)
    }

    /// What is in a message, by our own command and by other software.
    async fn opened(&self, message: &Json) -> Json {
        let (sealed, key) = (message["data"]["sealed"].as_str().unwrap(), self.path("first.pem").display().to_string());
        std::fs::write(self.path("sealed.txt"), sealed).unwrap();
        let python = std::env::var("ENTRAIN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let python = Command::new(python)
            .args(["-c", OPEN, &key])
            .stdin(std::fs::File::open(self.path("sealed.txt")).unwrap())
            .output()
            .unwrap();
        assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
        let inside: Json = serde_json::from_slice(&python.stdout).unwrap();
        let file = self.path("sealed.txt").display().to_string();
        let (_, shown) = self.run(&["password", "open", "--key", &key, &file]).await;
        assert!(shown.contains(&format!("secret: {}", inside["secret"].as_str().unwrap())), "{shown}");
        std::fs::remove_file(self.path("sealed.txt")).unwrap();
        inside
    }

    /// The secret stands in no file: not in the database, nor in its journal, nor in the log of the tenant's requests.
    fn is_nowhere(&self, secret: &str) {
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let (path, needle) = (entry.unwrap().path(), secret.as_bytes());
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(needle.len()).any(|part| part == needle), "{} has the secret", path.display());
        }
    }
}

fn openssl(folder: &Path, words: &[&str]) {
    let done = Command::new("openssl").current_dir(folder).args(words).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_password_reaches_the_receiver_sealed_and_stands_nowhere_else() {
    let site = Site::new("kind = \"random\"").await;
    site.hire(1).await;
    site.run(&["sync"]).await;
    let messages = site.receiver.take();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["type"], "first_password.issued");
    assert_eq!(messages[0]["data"]["object"], json!({"kind": "user", "id": "u1"}));
    let inside = site.opened(&messages[0]).await;
    assert_eq!((&inside["login"], &inside["kind"]), (&json!("user1@contoso.example"), &json!("password")));
    let secret = inside["secret"].as_str().unwrap();
    assert!(secret.len() >= 24 && !messages[0].to_string().contains(secret));
    site.is_nowhere(secret);
    assert_eq!(site.run(&["password", "lost"]).await.1, "no first password is lost\n");
    site.run(&["sync"]).await;
    assert!(site.receiver.take().is_empty(), "it is told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_takes_is_held_until_another_one_is_issued() {
    let site = Site::new("kind = \"random\"").await;
    site.receiver.refusing.store(true, Ordering::SeqCst);
    site.hire(1).await;
    let (exit, said) = site.run(&["sync"]).await;
    assert_eq!(exit, Exit::Partial, "the run that lost it says so: {said}");
    assert!(said.contains("undelivered"), "{said}");
    let (_, holds) = site.run(&["holds"]).await;
    assert!(holds.contains("(undelivered, since") && holds.contains("the receiver answered 503"), "{holds}");
    assert!(holds.contains("`entrain password reissue \"user u1\"`"), "{holds}");
    site.receiver.refusing.store(false, Ordering::SeqCst);
    assert_eq!(site.run(&["sync"]).await.0, Exit::Partial);
    assert!(site.receiver.take().is_empty(), "nothing is kept that could be sent again");
    site.run(&["password", "reissue", "--lost"]).await;
    assert_eq!(site.run(&["sync"]).await.0, Exit::Converged);
    let messages = site.receiver.take();
    let inside = site.opened(&messages[0]).await;
    site.is_nowhere(inside["secret"].as_str().unwrap());
    assert_eq!(site.run(&["holds"]).await.1, "nothing is held\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_is_made_for_the_new_user_and_says_when_it_runs_out() {
    let site = Site::new("kind = \"temporary_access_pass\"\nlifetime_minutes = 120").await;
    site.hire(1).await;
    site.run(&["sync"]).await;
    let messages = site.receiver.take();
    let inside = site.opened(&messages[0]).await;
    assert_eq!((&inside["kind"], inside["secret"].as_str().unwrap().len()), (&json!("temporary_access_pass"), 8));
    assert!(inside["valid_until"].as_str().is_some_and(|until| until.ends_with('Z')), "{inside}");
    site.is_nowhere(inside["secret"].as_str().unwrap());
    let made = site.tenant.stats().shapes;
    assert_eq!(made.get("POST /users/{id}/authentication/temporaryaccesspassmethods"), Some(&1), "{made:?}");
}
