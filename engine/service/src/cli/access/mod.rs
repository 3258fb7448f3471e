//! `entrain access`: credentials are made, shown once, listed without their secrets, renewed and taken back.

mod args;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context as _;
use entrain_model::{Millis, TargetName};
use entrain_store::{AccessKind, AccessToken, NewToken};
use secrecy::ExposeSecret as _;
use serde_json::json;

pub(super) use args::AccessCommand;
use args::{KeyAddArgs, KeyCommand, NamedArgs, RotateArgs, ScimAddArgs, ScimCommand};

use super::args::Global;
use super::session::{Session, Usage};
use super::time::utc;
use super::{Exit, Output};
use crate::http::{Drawn, Role};

const PAGE: usize = 500;
const DAY: Millis = 24 * 3600 * 1000;

pub(super) async fn run(command: &AccessCommand, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    match command {
        AccessCommand::Key(KeyCommand::Add(args)) => add_key(&session, args, output).await,
        AccessCommand::Key(KeyCommand::List) => list(&session, AccessKind::Key, output).await,
        AccessCommand::Key(KeyCommand::Revoke(args)) => revoke(&session, AccessKind::Key, args, output).await,
        AccessCommand::Key(KeyCommand::Rotate(args)) => rotate(&session, AccessKind::Key, args, output).await,
        AccessCommand::Scim(ScimCommand::Add(args)) => add_client(&session, args, output).await,
        AccessCommand::Scim(ScimCommand::List) => list(&session, AccessKind::Scim, output).await,
        AccessCommand::Scim(ScimCommand::Revoke(args)) => revoke(&session, AccessKind::Scim, args, output).await,
        AccessCommand::Scim(ScimCommand::Rotate(args)) => rotate(&session, AccessKind::Scim, args, output).await,
    }
}

async fn add_key(session: &Session, args: &KeyAddArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let mut targets = BTreeSet::new();
    for name in &args.targets {
        targets.insert(session.only_target(Some(name))?.name.clone());
    }
    let targets = if targets.is_empty() { None } else { Some(targets) };
    let (name, role) = (args.name.clone(), args.role);
    add(session, Wanted { kind: AccessKind::Key, name, role, targets, profile: None, days: args.expires_days }, output).await
}

/// A client keeps the source, and has no other way in: its role says what an operator may, who may change the source too.
async fn add_client(session: &Session, args: &ScimAddArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let (name, profile) = (args.name.clone(), Some(args.profile.clone()));
    let wanted = Wanted { kind: AccessKind::Scim, name, role: Role::Operator, targets: None, profile, days: args.expires_days };
    add(session, wanted, output).await
}

struct Wanted {
    kind: AccessKind,
    name: String,
    role: Role,
    targets: Option<BTreeSet<TargetName>>,
    profile: Option<String>,
    days: Option<u32>,
}

async fn add(session: &Session, wanted: Wanted, output: &mut Output) -> anyhow::Result<Exit> {
    if wanted.name.trim().is_empty() || wanted.name.chars().any(char::is_control) {
        return Err(Usage("a credential needs a name, under which its acts stand in the audit".to_owned()).into());
    }
    let drawn = draw()?;
    let new = NewToken {
        id: drawn.id.clone(),
        kind: wanted.kind,
        name: wanted.name,
        role: wanted.role.as_str().to_owned(),
        targets: wanted.targets,
        profile: wanted.profile,
        digest: drawn.digest.clone(),
        expires_at: wanted.days.map(|days| session.store.now() + Millis::from(days) * DAY),
    };
    session.store.add_token(&new).await?;
    show(&new, &drawn, output);
    Ok(Exit::Converged)
}

async fn rotate(session: &Session, kind: AccessKind, args: &RotateArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let drawn = draw()?;
    let grace = Duration::from_secs(u64::from(args.grace_hours) * 3600);
    let new = session.store.rotate_token((kind, &args.name), (&drawn.id, &drawn.digest), Some(grace)).await?;
    show(&new, &drawn, output);
    output.line(format_args!("the one before it ends in {} hours", args.grace_hours));
    Ok(Exit::Converged)
}

fn draw() -> anyhow::Result<Drawn> {
    Drawn::new().context("the system gives no random numbers")
}

/// The only time that the secret is seen.
fn show(new: &NewToken, drawn: &Drawn, output: &mut Output) {
    output.line(drawn.text.expose_secret());
    let until = new.expires_at.map_or("until it is revoked".to_owned(), |end| format!("until {}", utc(end)));
    output.line(format_args!("{} {} for {} ({}), {until}; it is not shown again", new.kind.as_str(), new.id, new.name, new.role));
    output.object(&json!({
        "id": new.id, "kind": new.kind, "name": new.name, "role": new.role, "targets": new.targets, "profile": new.profile,
        "expiresAt": new.expires_at.map(utc), "credential": drawn.text.expose_secret(),
    }));
}

async fn list(session: &Session, kind: AccessKind, output: &mut Output) -> anyhow::Result<Exit> {
    let (mut after, mut first, now) = (String::new(), true, session.store.now());
    output.begin_list(&json!({}), "credentials");
    loop {
        let page = session.store.tokens(kind, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        for token in &page {
            row(token, now, first, output);
            first = false;
        }
    }
    output.end_list();
    if first {
        output.line("there is none");
    }
    Ok(Exit::Converged)
}

fn row(token: &AccessToken, now: Millis, first: bool, output: &mut Output) {
    let state = match (token.revoked_at, token.is_live(now)) {
        (Some(at), _) => format!("revoked {}", utc(at)),
        (None, true) => token.expires_at.map_or("live".to_owned(), |end| format!("live until {}", utc(end))),
        (None, false) => "expired".to_owned(),
    };
    let targets = token
        .targets
        .as_ref()
        .map_or("all targets".to_owned(), |targets| targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let what = token.profile.as_ref().map_or(format!("{}, {targets}", token.role), |profile| format!("profile {profile}"));
    let used = token.used_at.map_or("never used".to_owned(), |at| format!("last used {}", utc(at)));
    output.line(format_args!("{} {}: {what}; {state}; {used}; made by {}", token.id, token.name, token.created_by));
    output.element(
        first,
        &json!({
            "id": token.id, "name": token.name, "role": token.role, "targets": token.targets, "profile": token.profile,
            "live": token.is_live(now), "createdAt": utc(token.created_at), "createdBy": token.created_by,
            "expiresAt": token.expires_at.map(utc), "revokedAt": token.revoked_at.map(utc), "usedAt": token.used_at.map(utc),
        }),
    );
}

async fn revoke(session: &Session, kind: AccessKind, args: &NamedArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let revoked = session.store.revoke_tokens(kind, &args.named).await?;
    if revoked == 0 {
        let (kind, named) = (kind.as_str(), &args.named);
        return Err(Usage(format!("there is no live {kind} `{named}`; `entrain access {kind} list` shows them")).into());
    }
    output.line(format_args!("{revoked} revoked; no request with it passes any more"));
    output.object(&json!({ "revoked": revoked }));
    Ok(Exit::Converged)
}
