//! The administrative interface against its own description: schemathesis asks whatever the description allows and forbids, and
//! finds nothing that it does not say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use entrain_tests::database::Dialect;
use entrain_tests::served::Served;

const PYTHON: &str = "ENTRAIN_TEST_PYTHON";

/// The same requests each time.
const SEED: &str = "20260922";

async fn fuzz(dialect: Dialect) {
    let python = std::env::var_os(PYTHON);
    let python = python.unwrap_or_else(|| panic!("{PYTHON} is not set: run tests/run, which installs the clients and sets it"));
    let served = Served::start(dialect, 3, "").await.unwrap();
    let key = served.key("root", &["--role", "admin"]).await.unwrap();
    let url = served.url().unwrap();
    let configuration = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/schemathesis.toml");
    let mut command = Command::new(python);
    command
        .args(["-m", "schemathesis.cli", "--no-color", "--config-file"])
        .arg(configuration)
        .args(["run", &format!("{url}/api/openapi.json"), "--checks", "all", "--seed", SEED, "--continue-on-failure"])
        .args(["--max-examples", "8", "--max-time", "42", "--rate-limit", "80/s"])
        .args(["--header", &format!("Authorization: Bearer {key}")])
        .current_dir(served.database.folder());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "schemathesis ended with {}\n{said}\n{complained}", output.status);
    // One that tested nothing would end well too.
    let tested = said.lines().find_map(|line| line.trim().strip_prefix("Tested:")?.trim().parse::<usize>().ok());
    assert!(tested.is_some_and(|operations| operations > 40), "it tested only {tested:?} operations:\n{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing_on_sqlite() {
    for dialect in Dialect::all().into_iter().filter(|dialect| *dialect == Dialect::Sqlite) {
        fuzz(dialect).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing_on_postgres() {
    for dialect in Dialect::all().into_iter().filter(|dialect| *dialect != Dialect::Sqlite) {
        fuzz(dialect).await;
    }
}
