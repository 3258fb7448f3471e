//! What takes a run back as a file: written, signed, reviewed, and carried out by `entrain apply`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use entrain::cli::{Cli, Exit, Form, Output, run};
use entrain::wiring::SystemClock;
use entrain_emulator::{Emulator, Options, Running};
use entrain_store::{SourceChange, Store, UserRow};
use serde_json::{Value as Json, json};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Stage {
    folder: tempfile::TempDir,
    emulator: Running,
    store: Store,
}

impl Stage {
    async fn new() -> Self {
        let (folder, emulator) = (tempfile::tempdir().unwrap(), Emulator::start(Options::default()).await.unwrap());
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("ca.pem"), &emulator.ca_pem).unwrap();
        std::fs::write(path("secret"), &emulator.client_secret).unwrap();
        let url = format!("sqlite://{}", path("entrain.sqlite3").display());
        let text = format!(
            "[store]\nurl = \"{url}\"\n[[target]]\nname = \"test\"\ntenant = \"{}\"\ncloud = \"custom\"\nmode = \"full\"\n\
             plan_public_key = \"plan.pub.pem\"\n\
             endpoints = {{ authority = \"{}\", graph = \"{}\", ca_file = \"ca.pem\" }}\n\
             credential = {{ client_id = \"{}\", secret = {{ file = \"secret\" }} }}\n",
            emulator.tenant_id, emulator.authority_url, emulator.base_url, emulator.client_id,
        );
        std::fs::write(path("entrain.toml"), text).unwrap();
        for arguments in [
            &["genpkey", "-algorithm", "ed25519", "-out", "plan.pem"][..],
            &["pkey", "-in", "plan.pem", "-pubout", "-out", "plan.pub.pem"],
        ] {
            assert!(Command::new("openssl").args(arguments).current_dir(folder.path()).output().unwrap().status.success());
        }
        let store = Store::open(&url, Arc::new(SystemClock)).await.unwrap();
        Self { folder, emulator, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn write(&self, n: usize, title: &str) {
        let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
        row.display_name = Some(format!("User {n}"));
        row.document = [("title".to_owned(), json!(title))].into();
        let mut writer = self.store.source_writer().await.unwrap();
        writer.apply(&[SourceChange::PutUser(row)]).await.unwrap();
        writer.commit().await.unwrap();
    }

    /// Runs a command; a word with a dot is a file of the stage.
    async fn entrain(&self, words: &[&str]) -> (Exit, Json) {
        let place = |word: &&str| if word.contains('.') { self.path(word).display().to_string() } else { (*word).to_owned() };
        let config = self.path("entrain.toml").display().to_string();
        let start = ["entrain".to_owned(), "--json".to_owned(), "--config".to_owned(), config];
        let cli = Cli::try_parse_from(start.into_iter().chain(words.iter().map(place))).unwrap();
        let written = Written::default();
        let mut output = Output::to(Form::Json, written.clone());
        let result = run(&cli, &mut output).await;
        let said = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        match result {
            Ok(exit) => (exit, serde_json::from_str(&said).unwrap_or(Json::String(said))),
            Err(error) => (Exit::of_error(&error), Json::String(format!("{error:#}"))),
        }
    }

    fn titles(&self) -> Vec<Json> {
        let dump = self.emulator.control("GET", "state?kind=users&top=100", &Json::Null).unwrap();
        let mut users: Vec<_> = dump["value"].as_array().unwrap().clone();
        users.sort_by_key(|user| user["userPrincipalName"].to_string());
        users.into_iter().map(|user| user["jobTitle"].clone()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_a_run_back_is_reviewed_as_a_file_and_applied() {
    let stage = Stage::new().await;
    stage.write(0, "Clerk").await;
    stage.write(1, "Clerk").await;
    assert_eq!(stage.entrain(&["sync"]).await.0, Exit::Converged);
    stage.write(0, "Boss").await;
    stage.write(1, "Boss").await;
    let (exit, done) = stage.entrain(&["sync"]).await;
    assert_eq!(exit, Exit::Converged, "{done}");
    let id = stage.store.runs(None, 1).await.unwrap()[0].id.to_string();

    let (_, plan) = stage.entrain(&["undo", &id, "--out", "undo.json", "--sign", "plan.pem"]).await;
    assert!(plan["signature"].is_string(), "{plan}");
    assert_eq!(stage.titles(), ["Boss", "Boss"], "it is only written down");
    let file = std::fs::read_to_string(stage.path("undo.json")).unwrap();
    assert_eq!(serde_json::from_str::<Json>(&file).unwrap()["undo"], json!(id));

    // One record is changed before the file is applied: that object is refused, the other is taken back.
    stage.write(1, "Guest").await;
    assert_eq!(stage.entrain(&["sync"]).await.0, Exit::Converged);
    let (_, applied) = stage.entrain(&["apply", "undo.json"]).await;
    assert_eq!(applied["report"]["reviewed"]["same"], 1, "{applied}");
    assert_eq!(stage.titles(), ["Clerk", "Guest"]);

    std::fs::write(stage.path("undo.json"), format!("{file} ")).unwrap();
    let (exit, refused) = stage.entrain(&["apply", "undo.json"]).await;
    assert!(exit != Exit::Converged && refused.as_str().unwrap().contains("signature"), "{refused}");
}
