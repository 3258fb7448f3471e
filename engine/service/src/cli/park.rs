//! `entrain park` and `entrain unpark`: an object is left alone, or goes on.

use entrain_model::ObjectRef;
use serde_json::json;

use super::args::{Global, ParkArgs, UnparkArgs};
use super::session::{Session, Usage};
use super::{Exit, Output};
use crate::acts::{self, Unknown};

pub(super) async fn park(args: &ParkArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?.acting_as(&args.author.by);
    set(&session, args.target.as_deref(), &args.object, Some(&args.reason), output).await
}

pub(super) async fn unpark(args: &UnparkArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?.acting_as(&args.author.by);
    set(&session, args.target.as_deref(), &args.object, None, output).await
}

/// Parks the object with a reason, or without one lets it go and queues it.
async fn set(
    session: &Session,
    target: Option<&str>,
    object: &ObjectRef,
    reason: Option<&str>,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let mut names = Vec::new();
    for config in session.targets(target)? {
        match reason {
            Some(reason) => acts::park(&session.store, &config.name, object, reason).await.map_err(usage)?,
            None => acts::unpark(&session.store, &config.name, object).await?,
        }
        let what = if reason.is_some() { "is left alone from now on" } else { "goes on with the next sync" };
        output.line(format_args!("{}: {object} {what}", config.name));
        names.push(config.name.clone());
    }
    output.object(&json!({ "object": object, "parked": reason.is_some(), "targets": names }));
    Ok(Exit::Converged)
}

fn usage(unknown: Unknown) -> anyhow::Error {
    match unknown {
        Unknown::Object(_) => Usage(unknown.to_string()).into(),
        Unknown::Store(error) => error.into(),
    }
}
