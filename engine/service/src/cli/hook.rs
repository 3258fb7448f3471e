//! `entrain hook`: senders and receivers are added, listed, given another secret and removed. A secret is shown once.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use entrain_model::Millis;
use entrain_store::{Hook, HookSide};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::args::Global;
use super::session::{Session, Usage};
use super::time::utc;
use super::{Exit, Output};
use crate::config::is_safe;
use crate::hooks::{EVENT_TYPES, draw_secret, vault_name};
use crate::vault::Vault;

const HOUR: Millis = 3600 * 1000;

/// Who tells us of changes, and who is told.
#[derive(Debug, Subcommand)]
pub enum HookCommand {
    /// Programs that tell us of changes
    #[command(subcommand)]
    Sender(SenderCommand),
    /// Programs that are told
    #[command(subcommand)]
    Receiver(ReceiverCommand),
}

/// What can be done about senders.
#[derive(Debug, Subcommand)]
pub enum SenderCommand {
    /// Add one and show its secret, once
    Add(NameArgs),
    /// List them, without their secrets
    List,
    /// Give it another secret; the first is good for a while longer
    Rotate(RotateArgs),
    /// Remove it, at once
    Remove(NameArgs),
}

/// What can be done about receivers.
#[derive(Debug, Subcommand)]
pub enum ReceiverCommand {
    /// Add one and show its secret, once
    Add(ReceiverArgs),
    /// List them, without their secrets
    List,
    /// Give it another secret; messages are signed with both for a while
    Rotate(RotateArgs),
    /// Remove it, and what it was still to be told
    Remove(NameArgs),
}

/// The name of a hook.
#[derive(Args, Debug)]
pub struct NameArgs {
    /// The name: letters, digits, dashes and underscores
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// A new receiver.
#[derive(Args, Debug)]
pub struct ReceiverArgs {
    /// The name: letters, digits, dashes and underscores
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Where it listens, over HTTPS or on this machine
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// Only events of this type; may be given several times. Without it all
    #[arg(long = "event", value_name = "TYPE", value_parser = EVENT_TYPES)]
    pub events: Vec<String>,
}

/// Which hook, and how long its first secret is good.
#[derive(Args, Debug)]
pub struct RotateArgs {
    /// The name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// For how many hours the secret before it is good
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=720))]
    pub grace_hours: u32,
}

pub(super) async fn run(command: &HookCommand, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    match command {
        HookCommand::Sender(SenderCommand::Add(args)) => {
            add(&session, HookSide::Sender, &args.name, None, BTreeSet::new(), output).await
        }
        HookCommand::Sender(SenderCommand::List) => list(&session, HookSide::Sender, output).await,
        HookCommand::Sender(SenderCommand::Rotate(args)) => rotate(&session, HookSide::Sender, args, output).await,
        HookCommand::Sender(SenderCommand::Remove(args)) => remove(&session, HookSide::Sender, &args.name, output).await,
        HookCommand::Receiver(ReceiverCommand::Add(args)) => {
            let events = args.events.iter().cloned().collect();
            add(&session, HookSide::Receiver, &args.name, Some(&args.url), events, output).await
        }
        HookCommand::Receiver(ReceiverCommand::List) => list(&session, HookSide::Receiver, output).await,
        HookCommand::Receiver(ReceiverCommand::Rotate(args)) => rotate(&session, HookSide::Receiver, args, output).await,
        HookCommand::Receiver(ReceiverCommand::Remove(args)) => remove(&session, HookSide::Receiver, &args.name, output).await,
    }
}

async fn add(
    session: &Session,
    side: HookSide,
    name: &str,
    url: Option<&str>,
    events: BTreeSet<String>,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || name.len() > 40 || !name.bytes().all(fits) {
        return Err(Usage("a name has up to 40 letters, digits, dashes and underscores".to_owned()).into());
    }
    if let Some(url) = url.filter(|url| !is_safe(url)) {
        return Err(Usage(format!("`{url}` is not safe: write an address that begins with https://")).into());
    }
    let (sealed, secret) = seal(session, side, name).await?;
    if let Err(error) = session.store.add_hook(side, name, url, &events, &sealed).await {
        session.store.remove_secret(&sealed).await?;
        return Err(error.into());
    }
    show(side, name, &secret, output);
    Ok(Exit::Converged)
}

async fn rotate(session: &Session, side: HookSide, args: &RotateArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let (sealed, secret) = seal(session, side, &args.name).await?;
    let until = session.store.now() + Millis::from(args.grace_hours) * HOUR;
    match session.store.rotate_hook(side, &args.name, &sealed, until).await {
        Ok(Hook { previous: Some((oldest, _)), .. }) => drop(session.store.remove_secret(&oldest).await?),
        Ok(_) => {}
        Err(error) => {
            session.store.remove_secret(&sealed).await?;
            return Err(error.into());
        }
    }
    show(side, &args.name, &secret, output);
    output.line(format_args!("the one before it is good for {} hours", args.grace_hours));
    Ok(Exit::Converged)
}

async fn remove(session: &Session, side: HookSide, name: &str, output: &mut Output) -> anyhow::Result<Exit> {
    let hook = session.store.remove_hook(side, name).await?;
    for secret in std::iter::once(&hook.secret).chain(hook.previous.iter().map(|(name, _)| name)) {
        session.store.remove_secret(secret).await?;
    }
    output.line(format_args!("{} {name} is removed", side.as_str()));
    output.object(&json!({ "removed": name }));
    Ok(Exit::Converged)
}

/// Draws a secret and seals it; its name and itself.
async fn seal(session: &Session, side: HookSide, name: &str) -> anyhow::Result<(String, SecretString)> {
    let (sealed, secret) = (vault_name(side, name), draw_secret()?);
    Vault::open(&session.config, &session.store).await?.set(&sealed, &secret).await?;
    Ok((sealed, secret))
}

/// The only time that the secret is seen.
fn show(side: HookSide, name: &str, secret: &SecretString, output: &mut Output) {
    output.line(secret.expose_secret());
    output.line(format_args!("the secret of {} {name}; it is not shown again", side.as_str()));
    output.object(&json!({ "side": side.as_str(), "name": name, "secret": secret.expose_secret() }));
}

async fn list(session: &Session, side: HookSide, output: &mut Output) -> anyhow::Result<Exit> {
    let hooks = session.store.hooks(side).await?;
    let deliveries = session.store.webhooks().await?;
    output.begin_list(&json!({}), "hooks");
    for (index, hook) in hooks.iter().enumerate() {
        let stands = deliveries.iter().find(|one| one.webhook == hook.delivered_as());
        let (waiting, given_up) = stands.map_or((0, 0), |one| (one.waiting, one.given_up));
        let url = hook.url.as_deref().unwrap_or_default();
        let events: Vec<&str> = hook.events.iter().map(String::as_str).collect();
        let what = match side {
            HookSide::Sender => String::new(),
            HookSide::Receiver if events.is_empty() => format!("{url}, all events; {waiting} wait, {given_up} given up; "),
            HookSide::Receiver => format!("{url}, {}; {waiting} wait, {given_up} given up; ", events.join(" ")),
        };
        output.line(format_args!("{}: {what}made {} by {}", hook.name, utc(hook.created_at), hook.created_by));
        output.element(index == 0, &shown(hook, waiting, given_up));
    }
    output.end_list();
    if hooks.is_empty() {
        output.line("there is none");
    }
    Ok(Exit::Converged)
}

fn shown(hook: &Hook, waiting: i64, given_up: i64) -> Json {
    json!({
        "name": hook.name, "url": hook.url, "events": hook.events, "waiting": waiting, "givenUp": given_up,
        "createdAt": utc(hook.created_at), "createdBy": hook.created_by,
        "previousUntil": hook.previous.as_ref().map(|(_, until)| utc(*until)),
    })
}
