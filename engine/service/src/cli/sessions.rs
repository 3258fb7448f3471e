//! `entrain sessions`: who is signed in, and the end of that.

use clap::{Args, Subcommand};
use serde_json::json;

use super::args::{Author, Global};
use super::session::{Session, Usage};
use super::{Exit, Output};
use crate::view::OpenSession;

const PAGE: usize = 500;

/// What can be done about sessions of people.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// List the sessions that have not ended
    List,
    /// End a session, or all of a person, at once
    Revoke(RevokeArgs),
}

/// Arguments of `sessions revoke`.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// Its id, for one; or the name of a person, for all of theirs
    #[arg(value_name = "ID|NAME")]
    pub named: String,
    /// Who decides this
    #[command(flatten)]
    pub author: Author,
}

pub(super) async fn run(command: &SessionsCommand, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    match command {
        SessionsCommand::List => list(&session, output).await,
        SessionsCommand::Revoke(args) => revoke(&session.acting_as(&args.author.by), &args.named, output).await,
    }
}

async fn list(session: &Session, output: &mut Output) -> anyhow::Result<Exit> {
    let (mut after, mut first) = (String::new(), true);
    output.begin_list(&json!({}), "sessions");
    loop {
        let page = session.store.sessions(&after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        for open in page.into_iter().map(OpenSession::from) {
            let OpenSession { id, name, role, begun_at, used_at, ends_at, .. } = &open;
            output.line(format_args!("{id} {name}: {role}; since {begun_at}; last used {used_at}; ends {ends_at}"));
            output.element(first, &json!(open));
            first = false;
        }
    }
    output.end_list();
    if first {
        output.line("nobody is signed in");
    }
    Ok(Exit::Converged)
}

async fn revoke(session: &Session, named: &str, output: &mut Output) -> anyhow::Result<Exit> {
    let revoked = session.store.revoke_sessions(named).await?;
    if revoked == 0 {
        return Err(Usage(format!(
            "there is no session `{named}`, nor of a person of that name; `entrain sessions list` shows them"
        ))
        .into());
    }
    output.line(format_args!("{revoked} ended; no request with it passes any more"));
    output.object(&json!({ "revoked": revoked }));
    Ok(Exit::Converged)
}
