use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use clap::{CommandFactory as _, Parser as _};
use serde_json::Value as Json;

use super::*;

/// What a command wrote.
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

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Runs a command line against a configuration in `folder`.
async fn entrain(folder: &Path, words: &[&str]) -> (anyhow::Result<Exit>, String) {
    let config = folder.join("entrain.toml");
    let start = ["entrain", "--config", config.to_str().unwrap()];
    let cli = Cli::try_parse_from(start.iter().chain(words)).unwrap();
    let written = Written::default();
    let mut output = Output::to(if cli.global.json { Form::Json } else { Form::Text }, written.clone());
    let result = run(&cli, &mut output).await;
    (result, written.text())
}

fn exit_of(result: anyhow::Result<Exit>) -> Exit {
    result.unwrap_or_else(|error| Exit::of_error(&error))
}

/// A configuration without a network: the commands of these tests never call the target.
fn configure(folder: &Path) {
    let text = format!(
        "[store]\nurl = \"sqlite://{}/entrain.sqlite3\"\n[[target]]\nname = \"corp\"\ntenant = \"corp.example\"\n\
         credential = {{ type = \"managed_identity\" }}\n",
        folder.display()
    );
    std::fs::write(folder.join("entrain.toml"), text).unwrap();
}

#[cfg(feature = "demo")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_comes_to_its_end_without_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let (result, text) = entrain(folder.path(), &["demo", "--once", "--users", "250", "--json"]).await;
    assert_eq!(exit_of(result), Exit::Converged, "{text}");
    let summary: Json = serde_json::from_str(&text).unwrap();
    assert_eq!((&summary["users"], &summary["repeat_writes"]), (&250.into(), &0.into()), "{summary}");
    assert!(summary["linked"].as_u64().unwrap() > 50 && summary["created"].as_u64().unwrap() > 150, "{summary}");
}

#[test]
fn the_arguments_are_well_formed_and_help_names_the_exit_codes() {
    Cli::command().debug_assert();
    let help = Cli::command().render_help().to_string();
    assert!(help.starts_with("Makes a local directory true in Microsoft Entra ID"), "{help}");
    for line in ["3  a target is halted", "4  a plan needs approval", "5  converged apart from what is held"] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn sync_takes_a_target_or_one_object() {
    let parsed = |words: &[&str]| match Cli::try_parse_from(["entrain", "sync"].iter().chain(words)).map(|cli| cli.command) {
        Ok(Command::Sync(args)) => Ok(args),
        other => Err(format!("{other:?}")),
    };
    assert_eq!(parsed(&["corp", "--dry-run"]).unwrap().target.as_deref(), Some("corp"));
    let Some(args::SyncObject::User(user)) = parsed(&["user", "u1", "--target", "corp"]).unwrap().object else { panic!() };
    assert_eq!((user.id.as_str(), user.target.as_deref()), ("u1", Some("corp")));
    assert!(parsed(&["user"]).is_err());
    assert!(parsed(&["corp", "user", "u1"]).is_err());
}

#[tokio::test]
async fn init_writes_a_configuration_that_loads_and_keeps_one_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("entrain.toml");
    assert_eq!(exit_of(entrain(folder.path(), &["init"]).await.0), Exit::Converged);
    crate::config::Config::load(&path).unwrap();
    std::fs::write(&path, "mine").unwrap();
    let refused = entrain(folder.path(), &["init"]).await.0.unwrap_err();
    assert!(refused.to_string().contains("is there already; --force replaces it"), "{refused}");
    assert_eq!(Exit::of_error(&refused), Exit::Usage);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    let (result, text) = entrain(folder.path(), &["init", "--force", "--json"]).await;
    assert_eq!(exit_of(result), Exit::Converged);
    assert_eq!(serde_json::from_str::<Json>(&text).unwrap()["written"].as_str(), path.to_str());
    crate::config::Config::load(&path).unwrap();
}

#[tokio::test]
async fn a_wrong_configuration_is_usage_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let missing = entrain(folder.path(), &["halts"]).await.0.unwrap_err();
    assert_eq!(Exit::of_error(&missing), Exit::Usage);
    assert!(missing.to_string().contains("`entrain init` writes one"), "{missing}");
    configure(folder.path());
    let unknown = entrain(folder.path(), &["sync", "nowhere"]).await.0.unwrap_err();
    assert!(unknown.to_string().ends_with("there is no target `nowhere`; there are: corp"), "{unknown}");
    assert_eq!(Exit::of_error(&unknown), Exit::Usage);
}

#[tokio::test]
async fn import_answers_people_and_programs() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    let file = folder.path().join("people.jsonl");
    std::fs::write(&file, "{\"type\":\"user\",\"id\":\"u1\",\"userName\":\"a@corp.example\"}\n{\"type\":\"user\"}\n").unwrap();
    let name = file.to_str().unwrap();
    let refused = entrain(folder.path(), &["import", name]).await.0.unwrap_err();
    assert!(refused.to_string().contains(":2: `id` is missing\nnothing was imported"), "{refused}");
    assert_eq!(Exit::of_error(&refused), Exit::Failure);
    let (result, text) = entrain(folder.path(), &["import", "--skip-bad", name]).await;
    assert_eq!(exit_of(result), Exit::Converged);
    assert!(
        text.ends_with("people.jsonl: 1 users, 0 groups, 0 memberships: 1 new, 0 changed, 0 unchanged, 1 left out\n"),
        "{text}"
    );
    let (_, json) = entrain(folder.path(), &["import", "--skip-bad", "--json", name]).await;
    let imported = &serde_json::from_str::<Json>(&json).unwrap()["files"][0]["imported"];
    assert_eq!((&imported["unchanged"], &imported["bad"][0]["line"]), (&1.into(), &2.into()));
}

#[tokio::test]
async fn listings_answer_on_an_empty_database() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    for (words, text, key) in [
        (vec!["halts"], "no target is halted\n", "halts"),
        (vec!["holds"], "nothing is held\n", "holds"),
        (vec!["links"], "nothing is linked yet\n", "links"),
        (vec!["runs"], "no run yet; `entrain sync` or `entrain plan` makes one\n", "runs"),
        (vec!["alarms"], "no alarm is open\n", "alarms"),
        (vec!["resume"], "no target is halted\n", "targets"),
    ] {
        let (result, said) = entrain(folder.path(), &words).await;
        assert_eq!(exit_of(result), Exit::Converged, "{words:?}");
        assert_eq!(said, text, "{words:?}");
        let (_, said) = entrain(folder.path(), &[&words[..], &["--json"]].concat()).await;
        assert_eq!(serde_json::from_str::<Json>(&said).unwrap()[key], Json::Array(Vec::new()), "{words:?}: {said}");
    }
    let (_, said) = entrain(folder.path(), &["targets"]).await;
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("corp    corp.example  observe  new"), "{said}");
    let (result, _) = entrain(folder.path(), &["runs", "nothing"]).await;
    assert_eq!(exit_of(result), Exit::Usage);
}

#[tokio::test]
async fn the_audit_names_who_decided_what_and_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    let (result, said) = entrain(folder.path(), &["audit"]).await;
    assert_eq!((exit_of(result), said.as_str()), (Exit::Converged, "the audit has no such row\n"));
    let file = folder.path().join("people.jsonl");
    std::fs::write(&file, "{\"type\":\"user\",\"id\":\"u1\",\"userName\":\"a@corp.example\"}\n").unwrap();
    entrain(folder.path(), &["import", file.to_str().unwrap()]).await.0.unwrap();
    entrain(folder.path(), &["park", "user u1", "--by", "alice", "--reason", "on leave"]).await.0.unwrap();
    let (_, head) = entrain(folder.path(), &["audit", "head"]).await;
    entrain(folder.path(), &["unpark", "user u1", "--by", "bob"]).await.0.unwrap();
    let (_, said) = entrain(folder.path(), &["audit", "--object", "user u1", "--since", "1h"]).await;
    assert!(said.contains("corp: park user u1: done by alice\n    reason: ? -> \"on leave\"\n"), "{said}");
    assert!(said.contains("corp: unpark user u1: done by bob\n"), "{said}");
    let (result, said) = entrain(folder.path(), &["audit", "verify", "--head", head.trim()]).await;
    assert_eq!(exit_of(result), Exit::Converged, "{said}");
    let other = format!("1:{}", "0".repeat(64));
    let (result, said) = entrain(folder.path(), &["audit", "verify", "--json", "--head", &other]).await;
    assert_eq!(exit_of(result), Exit::Failure);
    assert_eq!(serde_json::from_str::<Json>(&said).unwrap()["row"], 1, "{said}");
    let (_, said) = entrain(folder.path(), &["audit", "redact", "user u1", "--by", "carol"]).await;
    assert_eq!(said, "1 values in 1 rows about user u1 are gone\n");
    let (_, said) = entrain(folder.path(), &["audit", "--json", "--object", "user u1"]).await;
    assert_eq!(serde_json::from_str::<Json>(&said).unwrap()["audit"][0]["after"]["reason"], "redacted", "{said}");
    assert_eq!(exit_of(entrain(folder.path(), &["audit", "verify"]).await.0), Exit::Converged);
    assert_eq!(exit_of(entrain(folder.path(), &["audit", "--since", "yesterday"]).await.0), Exit::Usage);
}

#[tokio::test]
async fn mapping_check_shows_script_line_and_object_and_ends_as_halted() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    let text = std::fs::read_to_string(folder.path().join("entrain.toml")).unwrap();
    std::fs::write(folder.path().join("entrain.toml"), text + "mapping.users = [\"own.rhai\"]\n").unwrap();
    std::fs::write(folder.path().join("own.rhai"), "#{\n  displayName: user.nothing.such\n}").unwrap();
    let file = folder.path().join("people.jsonl");
    std::fs::write(&file, "{\"type\":\"user\",\"id\":\"u1\",\"userName\":\"a@corp.example\"}\n").unwrap();
    entrain(folder.path(), &["import", file.to_str().unwrap()]).await.0.unwrap();
    let (result, said) = entrain(folder.path(), &["mapping", "check"]).await;
    assert_eq!(exit_of(result), Exit::Halted, "{said}");
    assert!(said.contains("own.rhai, line 2, column"), "{said}");
    assert!(said.contains("for user u1"), "{said}");
}

#[test]
fn the_gravest_target_decides_how_a_command_ends() {
    let codes = [Exit::Converged, Exit::Partial, Exit::NeedsApproval, Exit::Halted, Exit::Usage, Exit::Failure];
    assert!(codes.is_sorted());
    assert_eq!(codes.map(Exit::code), [0, 5, 4, 3, 2, 1]);
}

#[test]
fn tables_are_aligned_and_long_lists_are_one_object() {
    let written = Written::default();
    let mut text = Output::to(Form::Text, written.clone());
    text.table(["A", "LONG"], &[["münchen".to_owned(), "x".to_owned()]]);
    text.object(&Json::Null);
    assert_eq!(written.text(), "A        LONG\nmünchen  x\n");
    let written = Written::default();
    let mut json = Output::to(Form::Json, written.clone());
    json.line("not this");
    json.begin_list(&json!({ "a": 1 }), "list");
    json.element(true, &json!(1));
    json.element(false, &json!({ "b": 2 }));
    json.end_list();
    json.finish().unwrap();
    assert_eq!(serde_json::from_str::<Json>(&written.text()).unwrap(), json!({ "a": 1, "list": [1, { "b": 2 }] }));
}
