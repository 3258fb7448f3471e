//! `entrain secret` and `entrain keys`: secrets go in and are never shown again.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use secrecy::SecretString;
use serde_json::json;

use super::args::Global;
use super::session::{Session, Usage};
use super::time::utc;
use super::{Exit, Output};
use crate::vault::Vault;

const PAGE: usize = 500;

/// No secret of a configuration is longer: a certificate with its key has a few thousand bytes.
const LONGEST: u64 = 64 << 10;

/// What can be done about secrets.
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Seal what the standard input, or a file, says; a line end at its end does not count
    Set(SetArgs),
    /// List the names, never the secrets
    List,
    /// Remove a secret
    Remove(NameArgs),
}

/// What can be done about the keys of secrets.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Draw a new data key and put every secret under it; goes on where one before was broken off
    Rotate(RotateArgs),
}

/// Arguments of `secret set`.
#[derive(Args, Debug)]
pub struct SetArgs {
    /// The name, as in { secret = "NAME" }
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Read it from this file instead; remove the file afterwards
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// The name of a secret.
#[derive(Args, Debug)]
pub struct NameArgs {
    /// The name, as in { secret = "NAME" }
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Arguments of `keys rotate`.
#[derive(Args, Debug)]
pub struct RotateArgs {
    /// Put the data keys under the new master key in this file instead; name it in the configuration at once afterwards
    #[arg(long, value_name = "FILE")]
    pub master: Option<PathBuf>,
}

pub(super) async fn run(command: &SecretCommand, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    match command {
        SecretCommand::Set(SetArgs { name, file: None }) => set(&session, name, std::io::stdin().take(LONGEST + 1), output).await,
        SecretCommand::Set(SetArgs { name, file: Some(file) }) => {
            let opened = std::fs::File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
            set(&session, name, opened.take(LONGEST + 1), output).await
        }
        SecretCommand::List => list(&session, output).await,
        SecretCommand::Remove(args) => remove(&session, &args.name, output).await,
    }
}

pub(super) async fn keys(command: &KeysCommand, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let KeysCommand::Rotate(args) = command;
    let Session { config, store, .. } = Session::open(global).await?;
    if let Some(file) = &args.master {
        let keys = Vault::rewrap(&config, &store, file).await?;
        output.line(format_args!("{keys} data keys are under the new master key: name it in [secrets] master_key now"));
        output.object(&json!({ "dataKeys": keys }));
    } else {
        let secrets = Vault::rotate(&config, &store).await?;
        output.line(format_args!("{secrets} secrets are under a new data key"));
        output.object(&json!({ "secrets": secrets }));
    }
    Ok(Exit::Converged)
}

async fn set(session: &Session, name: &str, mut from: impl std::io::Read, output: &mut Output) -> anyhow::Result<Exit> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > 100 || !name.bytes().all(fits) {
        return Err(Usage("a name has up to 100 letters, digits, dots, dashes and underscores".to_owned()).into());
    }
    let mut text = String::new();
    from.read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(Usage(format!("a secret has at most {LONGEST} bytes")).into());
    }
    let secret = SecretString::from(text.trim_end_matches(['\r', '\n']));
    drop(SecretString::from(text));
    if secrecy::ExposeSecret::expose_secret(&secret).is_empty() {
        return Err(Usage("there is nothing to seal: write the secret to the standard input".to_owned()).into());
    }
    Vault::open(&session.config, &session.store).await?.set(name, &secret).await?;
    output.line(format_args!("secret {name} is set; a running service takes it at its next start or change of configuration"));
    output.object(&json!({ "set": name }));
    Ok(Exit::Converged)
}

async fn list(session: &Session, output: &mut Output) -> anyhow::Result<Exit> {
    let (mut after, mut first) = (String::new(), true);
    output.begin_list(&json!({}), "secrets");
    loop {
        let page = session.store.secrets(&after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.name);
        for row in &page {
            output.line(format_args!("{}: set {} by {}, key {}", row.name, utc(row.changed_at), row.changed_by, row.key_id));
            let element = json!({ "name": row.name, "setAt": utc(row.changed_at), "setBy": row.changed_by, "key": row.key_id });
            output.element(first, &element);
            first = false;
        }
    }
    output.end_list();
    if first {
        output.line("there is none");
    }
    Ok(Exit::Converged)
}

async fn remove(session: &Session, name: &str, output: &mut Output) -> anyhow::Result<Exit> {
    if !session.store.remove_secret(name).await? {
        return Err(Usage(format!("there is no secret `{name}`; `entrain secret list` shows them")).into());
    }
    output.line(format_args!("secret {name} is removed"));
    output.object(&json!({ "removed": name }));
    Ok(Exit::Converged)
}
