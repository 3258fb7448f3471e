//! Microsoft's own Python clients against the emulated tenant: what they make of it is what it is worth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use entrain_emulator::{Emulator, Options};

const PYTHON: &str = "ENTRAIN_TEST_PYTHON";

/// Runs a program of `tests/clients` against a tenant of its own.
async fn run(program: &str) {
    let python = std::env::var_os(PYTHON);
    let python = python.unwrap_or_else(|| panic!("{PYTHON} is not set: run tests/run, which installs the clients and sets it"));
    let folder = tempfile::tempdir().unwrap();
    let options = Options { imds_port: Some(0), ca_directory: Some(folder.path().to_owned()), ..Options::default() };
    let tenant = Emulator::start(options).await.unwrap();
    let ca = folder.path().join("ca.pem");
    let mut command = Command::new(python);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(program))
        .env("EMULATOR_URL", &tenant.base_url)
        .env("EMULATOR_TENANT", &tenant.tenant_id)
        .env("EMULATOR_CLIENT", &tenant.client_id)
        .env("EMULATOR_SECRET", &tenant.client_secret)
        .env("EMULATOR_IMDS", tenant.imds_url.as_deref().unwrap())
        .env("EMULATOR_IDENTITY_HEADER", &tenant.identity_header)
        .env("SSL_CERT_FILE", &ca)
        .env("REQUESTS_CA_BUNDLE", &ca)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} ended with {}\n{said}\n{complained}", output.status);
    // A program that did nothing would end well too.
    assert!(said.lines().filter(|line| line.ends_with(": ok")).count() >= 6, "{program} said only:\n{said}");
}

#[tokio::test]
async fn msal() {
    run("with_msal.py").await;
}

#[tokio::test]
async fn azure_identity() {
    run("with_azure_identity.py").await;
}

#[tokio::test]
async fn msgraph_sdk() {
    run("with_msgraph_sdk.py").await;
}
