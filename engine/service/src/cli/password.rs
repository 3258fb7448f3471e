//! `entrain password`: first passwords that reached nobody, others in their place, and sealed ones to be opened.

use std::io::Read as _;

use anyhow::Context as _;
use entrain_model::Kind;
use entrain_store::CredentialRow;
use serde_json::{Value as Json, json};

use super::args::{Global, OpenArgs, PasswordCommand, ReissueArgs};
use super::session::{Session, Usage};
use super::time::utc;
use super::{Exit, Output};
use crate::config::TargetConfig;
use crate::handover;

const PAGE: usize = 500;

pub(super) async fn run(command: &PasswordCommand, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    match command {
        PasswordCommand::Lost(args) => lost(args.target.as_deref(), global, output).await,
        PasswordCommand::Reissue(args) => reissue(args, global, output).await,
        PasswordCommand::Open(args) => open(args, output),
    }
}

async fn lost(target: Option<&str>, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    output.begin_list(&json!({}), "passwords");
    let mut first = true;
    for config in session.targets(target)? {
        for row in all(&session, config).await? {
            let next = if row.due { "another one is issued with the next sync" } else { "nobody has it" };
            output.line(format_args!("{}: {}: {next}, since {}: {}", config.name, row.object, utc(row.since), row.detail));
            let element = json!({
                "target": config.name, "object": row.object, "due": row.due, "detail": row.detail, "since": utc(row.since),
            });
            output.element(first, &element);
            first = false;
        }
    }
    output.end_list();
    if first {
        output.line("no first password is lost");
    }
    Ok(Exit::Converged)
}

async fn all(session: &Session, config: &TargetConfig) -> anyhow::Result<Vec<CredentialRow>> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = session.store.undelivered(&config.name, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(rows) };
        after = Some(last.object.clone());
        rows.extend(page);
    }
}

async fn reissue(args: &ReissueArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?.acting_as(&args.author.by);
    let config = session.only_target(args.target.as_deref())?;
    if config.first_password.deliver.is_none() {
        let why = "has no [target.first_password.deliver]: nobody would learn the password";
        return Err(Usage(format!("target `{}` {why}", config.name)).into());
    }
    let objects: Vec<_> = match &args.object {
        Some(object) if object.kind != Kind::User => return Err(Usage(format!("{object} signs in nowhere: name a user")).into()),
        Some(object) => vec![object.clone()],
        None => all(&session, config).await?.into_iter().map(|row| row.object).collect(),
    };
    for object in &objects {
        if !session.store.reissue(&config.name, object).await? {
            return Err(Usage(format!("{object} has no record in target `{}`", config.name)).into());
        }
        output.line(format_args!("{}: {object} gets another first password with the next sync", config.name));
    }
    output.object(&json!({ "target": config.name, "reissued": objects }));
    Ok(Exit::Converged)
}

fn open(args: &OpenArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let envelope = match &args.file {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?,
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("the standard input cannot be read")?;
            text
        }
    };
    let opened = handover::open(&envelope, &args.key)?;
    let inside: Json = serde_json::from_str(&opened).context("the envelope holds something else")?;
    for name in ["login", "kind", "secret", "valid_until"] {
        if let Some(value) = inside[name].as_str() {
            output.line(format_args!("{name}: {value}"));
        }
    }
    output.object(&inside);
    Ok(Exit::Converged)
}
