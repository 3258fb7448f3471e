//! `entrain alarms`: what a person should know of now.

use entrain_model::TargetName;
use entrain_store::{AlarmRow, Turn};
use serde_json::{Value as Json, json};

use super::args::{AlarmsArgs, Global};
use super::session::Session;
use super::time::{utc, utc_or_dash};
use super::{Exit, Output};
use crate::alarms::{Watched, look, said};

/// How many of those that are over are shown.
const PAST: usize = 50;

pub(super) async fn run(args: &AlarmsArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    // Where no service runs nobody else has looked.
    for config in session.targets(args.target.as_deref())? {
        let watched = Watched { target: config.name.clone(), expiry: None, passed_over: None };
        let turned = look(&session.store, &session.config.alarms, &watched).await?;
        said(&turned.into_iter().filter(|(turn, _)| *turn == Turn::Cleared).collect::<Vec<_>>());
    }
    let target = args.target.as_deref().map(TargetName::from);
    let open = session.store.alarms(target.as_ref()).await?;
    let past = if args.past { session.store.past_alarms(PAST).await? } else { Vec::new() };
    for row in open.iter().chain(&past) {
        let over = row.cleared_at.map(|at| format!(", over since {}", utc(at))).unwrap_or_default();
        output.line(format_args!(
            "{}: {} since {}{over}: {}",
            row.target,
            row.alarm.kind.as_str(),
            utc(row.raised_at),
            row.alarm.message
        ));
    }
    if open.is_empty() {
        output.line("no alarm is open");
    }
    let all = |rows: &[AlarmRow]| rows.iter().map(element).collect::<Vec<_>>();
    output.object(&json!({ "alarms": all(&open), "past": all(&past) }));
    Ok(Exit::Converged)
}

fn element(row: &AlarmRow) -> Json {
    json!({
        "id": row.id, "target": row.target, "kind": row.alarm.kind, "about": row.alarm.about, "level": row.alarm.level,
        "message": row.alarm.message, "details": row.alarm.body, "raised_at": utc(row.raised_at),
        "cleared_at": utc_or_dash(row.cleared_at),
    })
}
