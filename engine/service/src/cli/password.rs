//! `entrain password`: first credentials that have reached nobody, and new ones. The credentials themselves are never shown here.

use entrain_model::ObjectRef;
use serde_json::json;

use super::args::{Global, ObjectArgs, PasswordCommand, TargetArgs};
use super::session::{Session, Usage};
use super::time::utc;
use super::{Exit, Output};

const PAGE: usize = 500;

pub(super) async fn run(command: &PasswordCommand, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    match command {
        PasswordCommand::List(args) => list(args, global, output).await,
        PasswordCommand::Reissue(args) => reissue(args, global, output).await,
    }
}

async fn list(args: &TargetArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    output.begin_list(&json!({}), "undelivered");
    let mut first = true;
    for config in session.targets(args.target.as_deref())? {
        let mut after: Option<ObjectRef> = None;
        loop {
            let page = session.store.undelivered(&config.name, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.object.clone());
            for row in &page {
                let next = if row.due { "made with the next sync" } else { "`entrain password reissue` makes another one" };
                output.line(format_args!("{}: {} since {}: {}; {next}", config.name, row.object, utc(row.since), row.detail));
                let element = json!({
                    "target": config.name, "object": row.object, "since": utc(row.since), "due": row.due, "detail": row.detail,
                });
                output.element(first, &element);
                first = false;
            }
        }
    }
    output.end_list();
    if first {
        output.line("every first credential has reached somebody");
    }
    Ok(if first { Exit::Converged } else { Exit::Partial })
}

async fn reissue(args: &ObjectArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?.acting_as(&args.author.by);
    let mut asked = Vec::new();
    for config in session.targets(args.target.as_deref())? {
        if config.first.deliver.is_none() {
            let why = format!("target {} tells nobody of first credentials: add [target.first_password] deliver", config.name);
            return Err(Usage(why).into());
        }
        if session.store.reissue(&config.name, &args.object).await? {
            output.line(format_args!("{}: {} gets another first credential with the next sync", config.name, args.object));
            asked.push(config.name.clone());
        } else {
            output.line(format_args!("{}: {} has no record", config.name, args.object));
        }
    }
    output.object(&json!({ "object": args.object, "targets": asked }));
    Ok(if asked.is_empty() { Exit::Usage } else { Exit::Converged })
}
