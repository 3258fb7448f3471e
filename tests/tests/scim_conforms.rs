//! The conformance suite scim2-tester against the SCIM service provider, on both databases.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::path::Path;
use std::process::Command;

use entrain_scim::{Catalog, Profile, SiteDocument};
use entrain_tests::database::Dialect;
use entrain_tests::scim::ScimServer;

/// Runs it, on users, groups and a type of the site, which has no dates and decimals: the suite draws texts for those. `tests/run`
/// says where it comes from.
async fn conforms(dialect: Dialect) {
    let python = std::env::var_os("ENTRAIN_TEST_PYTHON").expect("ENTRAIN_TEST_PYTHON is not set: run tests/run");
    let site = SiteDocument { name: "site.json".into(), text: include_str!("../clients/site.json").into() };
    let server = ScimServer::with(dialect, Profile::Standard, Catalog::load(&[site]).unwrap()).await;
    let mut command = Command::new(python);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/with_scim2_tester.py"))
        .env("SCIM_URL", &server.url)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}\n{complained}");
    // A suite that stopped early would end well too.
    for check in [
        "check_add_attribute",
        "check_remove_attribute",
        "check_replace_attribute",
        "object_replacement",
        "search_with_attributes",
    ] {
        assert!(said.contains(&format!("{check}: SUCCESS")), "{check} did not run:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_tester_on_sqlite() {
    conforms(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_tester_on_postgres() {
    if Dialect::all().contains(&Dialect::Postgres) {
        conforms(Dialect::Postgres).await;
    }
}
