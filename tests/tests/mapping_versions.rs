//! `entrain mapping ..` on the command line, on both databases: compare, draft, publish, roll back. The target is never called: its
//! credential does not exist.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use entrain::cli::Exit;
use entrain::config::Config;
use entrain::wiring::{SystemClock, in_force};
use entrain_store::{SourceChange, Store, UserRow};
use entrain_tests::command;
use entrain_tests::database::{Database, Dialect};
use serde_json::Value as Json;

/// A configuration with three people, and the script `user.rhai`.
struct Stage {
    database: Database,
    store: Store,
}

const SCRIPT: &str =
    "#{ userPrincipalName: user.userName, displayName: join([user.name.givenName, user.name.familyName], \" \") }";

impl Stage {
    async fn new(dialect: Dialect, publish: &str) -> Self {
        let database = Database::new(dialect).unwrap();
        let store = Store::open(database.url(), Arc::new(SystemClock)).await.unwrap();
        let stage = Self { database, store };
        stage.script("user.rhai", SCRIPT);
        stage.configure(publish);
        let mut people = Vec::new();
        for (id, given) in [("u1", "Ann"), ("u2", "Bob"), ("u3", "Cid")] {
            let mut row = UserRow::new(id, format!("{given}@x.example"));
            (row.given_name, row.family_name) = (Some(given.to_owned()), Some("Lee".to_owned()));
            people.push(SourceChange::PutUser(row));
        }
        let mut writer = stage.store.source_writer().await.unwrap();
        writer.apply(&people).await.unwrap();
        writer.commit().await.unwrap();
        stage
    }

    fn configure(&self, publish: &str) {
        let text = format!(
            "[store]\nurl = \"{}\"\n[[target]]\nname = \"corp\"\ntenant = \"corp.example\"\n\
             credential = {{ type = \"managed_identity\" }}\nmapping = {{ users = [\"user.rhai\"], publish = \"{publish}\" }}\n",
            self.database.url()
        );
        std::fs::write(self.path("entrain.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.database.folder().join(name)
    }

    fn script(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Runs a command; how it ended and what it said. A word that names a file of the stage is its path.
    async fn entrain(&self, words: &[&str]) -> (Exit, String) {
        command::entrain(self.database.folder(), words).await.unwrap()
    }

    async fn json(&self, words: &[&str]) -> (Exit, Json) {
        let (exit, said) = self.entrain(&[words, &["--json"]].concat()).await;
        (exit, serde_json::from_str(&said).unwrap_or_else(|_| panic!("{words:?}: {said}")))
    }

    /// Version and state of all, newest first.
    async fn versions(&self) -> String {
        let (exit, versions) = self.json(&["mapping", "versions"]).await;
        assert_eq!(exit, Exit::Converged);
        let one = |row: &Json| format!("{} {}", row["version"], row["state"].as_str().unwrap());
        versions["versions"].as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// What commands and the service take for the mapping.
    async fn in_force(&self) -> Result<i64, String> {
        let config = Config::load(Path::new(&self.path("entrain.toml"))).unwrap();
        let row = in_force(&self.store, config.target("corp").unwrap()).await;
        row.map(|row| row.version).map_err(|error| error.to_string())
    }
}

const OTHER: &str =
    "#{ userPrincipalName: user.userName, displayName: join([user.name.familyName, user.name.givenName], \", \") }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_in_force_when_it_is_published_and_not_before() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect, "explicit").await;
        let (exit, said) = stage.entrain(&["mapping", "versions"]).await;
        assert_eq!((exit, said.starts_with("no version yet")), (Exit::Converged, true), "{said}");
        assert_eq!(stage.in_force().await, Ok(1), "the first files need nobody's leave");

        stage.script("user.rhai", OTHER);
        assert_eq!(stage.in_force().await, Ok(1));
        let (exit, said) = stage.entrain(&["mapping", "diff"]).await;
        assert_eq!(exit, Exit::Converged, "{said}");
        for line in [
            "target corp: the scripts on disk beside version 1, which is in force",
            "3 of 3 objects would differ",
            "user displayName: 3 objects",
            "3  `{givenName} {familyName}` -> `{familyName}, {givenName}`",
            "user u1: \"Ann Lee\" -> \"Lee, Ann\"",
        ] {
            assert!(said.contains(line), "{line} in {said}");
        }
        let (exit, published) = stage.json(&["mapping", "publish", "--by", "ann"]).await;
        assert_eq!(
            (exit, &published["published"], &published["previous"]),
            (Exit::Converged, &2.into(), &1.into()),
            "{published}"
        );
        assert_eq!(published["accepted"]["attributes"]["user"]["displayName"], 3);
        assert_eq!(stage.in_force().await, Ok(2));
        assert_eq!(stage.versions().await, "2 published, 1 superseded");
        let (exit, said) = stage.entrain(&["mapping", "publish"]).await;
        assert_eq!((exit, said.as_str()), (Exit::Converged, "target corp: nothing to publish, version 2 is in force already\n"));

        stage.script("user.rhai", "#{ nothing: ");
        assert_eq!(stage.in_force().await, Ok(2), "what is published goes on, whatever is on disk");
        assert_eq!(stage.entrain(&["mapping", "diff"]).await.0, Exit::Halted);
        assert_eq!(stage.entrain(&["mapping", "publish"]).await.0, Exit::Halted);
        let (exit, said) = stage.entrain(&["mapping", "rollback"]).await;
        assert_eq!(exit, Exit::Converged, "{said}");
        assert!(said.starts_with("target corp: version 2 is rolled back, version 1 is in force"), "{said}");
        assert_eq!(stage.in_force().await, Ok(1));
        assert_eq!(stage.versions().await, "3 draft, 2 rolled_back, 1 published");
        let (exit, said) = stage.entrain(&["mapping", "rollback"]).await;
        assert_eq!(exit, Exit::Usage, "{said}");
        let (_, shown) = stage.json(&["mapping", "show", "2"]).await;
        assert_eq!(shown["scripts"][0]["text"].as_str(), Some(OTHER), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_under_which_an_object_fails_is_not_published() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect, "explicit").await;
        stage.script("broken.rhai", "#{ displayName: ");
        let (exit, said) = stage.entrain(&["mapping", "draft", "broken.rhai"]).await;
        assert_eq!(exit, Exit::Halted, "{said}");
        assert_eq!(stage.versions().await, "1 published", "what does not compile is not kept");
        stage.script("failing.rhai", "#{\n  displayName: if user.id == \"u2\" { throw \"no name\" } else { user.id } }");
        let (exit, drafted) = stage.json(&["mapping", "draft", "failing.rhai", "--by", "ann"]).await;
        assert_eq!((exit, &drafted["version"]), (Exit::Converged, &2.into()));
        let (exit, said) = stage.entrain(&["mapping", "diff", "2"]).await;
        assert_eq!(exit, Exit::Halted);
        assert!(said.contains("1 objects fail, 1 of them pass now; a run would halt the target"), "{said}");
        assert!(said.contains("failing.rhai, line 2, column 37: no name"), "{said}");
        let (exit, said) = stage.entrain(&["mapping", "publish", "2"]).await;
        assert_eq!(exit, Exit::Halted);
        assert!(said.starts_with("target corp: version 2 (draft) is not published, since 1 objects fail under it"), "{said}");
        assert_eq!((stage.in_force().await, stage.versions().await), (Ok(1), "2 draft, 1 published".to_owned()));

        stage.script("user.rhai", OTHER);
        let (exit, said) = stage.entrain(&["mapping", "publish"]).await;
        assert_eq!(exit, Exit::Usage, "which of the two? {said}");
        stage.script("user.rhai", SCRIPT);
        stage.script("good.rhai", "#{ jobTitle: \"Head\" }");
        let (exit, said) = stage.entrain(&["mapping", "draft", "good.rhai", "--add"]).await;
        assert_eq!(exit, Exit::Converged, "{said}");
        let (exit, said) = stage.entrain(&["mapping", "publish"]).await;
        assert_eq!(exit, Exit::Converged, "the newest draft: {said}");
        assert!(said.contains("user jobTitle: 3 objects\n          3  newly set; was left alone"), "{said}");
        assert_eq!((stage.in_force().await, stage.versions().await), (Ok(3), "3 published, 2 draft, 1 superseded".to_owned()));
        for words in [&["mapping", "publish", "9"][..], &["mapping", "diff", "nowhere.rhai"], &["mapping", "rollback", "3"]] {
            assert_eq!(stage.entrain(words).await.0, Exit::Usage, "{words:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_in_force_at_once_where_that_is_configured() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect, "on_change").await;
        assert_eq!(stage.in_force().await, Ok(1));
        assert_eq!(stage.in_force().await, Ok(1));
        stage.script("user.rhai", OTHER);
        assert_eq!(stage.in_force().await, Ok(2));
        assert_eq!(stage.versions().await, "2 published, 1 superseded");
        // Taken back it stays back, until the file is changed again.
        assert_eq!(stage.entrain(&["mapping", "rollback"]).await.0, Exit::Converged);
        assert_eq!((stage.in_force().await, stage.versions().await), (Ok(1), "2 rolled_back, 1 published".to_owned()));
        stage.script("user.rhai", "#{ nothing: ");
        assert!(stage.in_force().await.unwrap_err().contains("user.rhai:1:"), "what does not compile is told");
        assert_eq!(stage.entrain(&["mapping", "publish", "2"]).await.0, Exit::Converged);
        assert_eq!(stage.in_force().await, Ok(2), "what was published since wins over the broken file");
        stage.script("user.rhai", SCRIPT);
        assert_eq!(stage.in_force().await, Ok(4));
        assert_eq!(stage.versions().await, "4 published, 3 draft, 2 superseded, 1 superseded");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_takes_the_place_that_its_name_and_kind_say() {
    let stage = Stage::new(Dialect::Sqlite, "explicit").await;
    stage.in_force().await.unwrap();
    stage.script("group.rhai", "#{ displayName: group.displayName + \"!\" }");
    let (_, draft) = stage.json(&["mapping", "draft", "group.rhai"]).await;
    let (_, shown) = stage.json(&["mapping", "show", &draft["version"].to_string()]).await;
    let scripts: Vec<_> = shown["scripts"].as_array().unwrap().iter().map(|script| script["kind"].as_str().unwrap()).collect();
    assert_eq!(scripts, ["user", "group"], "the built-in script of that name is replaced");
    stage.script("more.rhai", "#{ description: \"x\" }");
    let (_, draft) = stage.json(&["mapping", "draft", "more.rhai", "--kind", "group", "--add"]).await;
    let (_, shown) = stage.json(&["mapping", "show", &draft["version"].to_string()]).await;
    let scripts: Vec<_> = shown["scripts"].as_array().unwrap().iter().map(|script| script["kind"].as_str().unwrap()).collect();
    assert_eq!(scripts, ["user", "group", "group"]);
}
