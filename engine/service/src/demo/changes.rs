//! A handful of changes of the source, each with the event, the requests that went out for it, and how long that took.

use std::time::Duration;

use anyhow::{Context as _, bail};
use entrain_model::{Clock as _, Millis, ObjectRef};
use entrain_store::{Membership, Role, SourceChange, UserRow};
use serde_json::json;

use super::requests::Request;
use super::stage::Stage;
use crate::cli::Output;
use crate::wiring::SystemClock;

/// How long a change may take to be sent.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes the changes one after the other; how many milliseconds after its commit each was answered.
pub(super) async fn play(stage: &Stage, output: &mut Output) -> anyhow::Result<Vec<f64>> {
    let (worker, stop) = stage.work();
    quiet(stage).await?;
    let mut latencies = Vec::new();
    for (what, changes) in script(stage)? {
        stage.requests.take();
        let before = last_event(stage).await?;
        let mut writer = stage.store.source_writer().await?;
        writer.apply(&changes).await?;
        writer.commit().await?;
        let committed = SystemClock.now();
        let requests = answered(stage).await?;
        output.line(format!("  {what}"));
        for event in stage.store.events(before, 100).await? {
            output.line(format!("    event    {} {}", event.object, event.change.as_str()));
        }
        for request in &requests {
            output.line(format!("    request  {}", request.text));
        }
        let took = took(committed, &requests);
        output.line(format!("    latency  {took:.0} ms"));
        latencies.push(took);
    }
    let _ = stop.send(true);
    worker.await.context("the worker died")?;
    Ok(latencies)
}

/// The value below which that share of the numbers lies.
pub(super) fn percentile(numbers: &[f64], share: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a handful of numbers"
    )]
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn took(committed: Millis, requests: &[Request]) -> f64 {
    let last = requests.iter().map(|request| request.answered_at).max().unwrap_or(committed);
    f64::from(i32::try_from((last - committed).max(0)).unwrap_or(i32::MAX))
}

/// Waits until nothing waits any more.
async fn quiet(stage: &Stage) -> anyhow::Result<()> {
    let until = SystemClock.now() + Millis::try_from(PATIENCE.as_millis())?;
    while SystemClock.now() < until {
        if stage.store.queue_depth(&stage.target.name).await?.rows == 0 {
            return Ok(());
        }
        SystemClock.sleep(Duration::from_millis(5)).await;
    }
    let held = stage.store.holds(Some(&stage.target.name), None, 3).await?;
    bail!("direct sync did not come to rest within {} s; held: {held:?}", PATIENCE.as_secs())
}

async fn answered(stage: &Stage) -> anyhow::Result<Vec<Request>> {
    quiet(stage).await?;
    Ok(stage.requests.take())
}

async fn last_event(stage: &Stage) -> anyhow::Result<i64> {
    let mut after = 0;
    loop {
        let page = stage.store.events(after, 1000).await?;
        let Some(last) = page.last() else { return Ok(after) };
        after = last.seq;
    }
}

/// Hire, promotion, rename, move, group membership, leave.
fn script(stage: &Stage) -> anyhow::Result<Vec<(String, Vec<SourceChange>)>> {
    let people: Vec<&UserRow> = stage
        .organisation
        .people
        .iter()
        .map(|person| &person.row)
        .filter(|row| !row.service_account && row.manager.is_some())
        .collect();
    let [promoted, married, moved, leaver] = [1, 2, 3, 4].map(|n| people.get(n).copied());
    let (promoted, married) = (promoted.context("few people")?, married.context("few people")?);
    let (moved, leaver) = (moved.context("few people")?, leaver.context("few people")?);
    let boss = people.last().context("few people")?;
    let group = &stage.organisation.groups.first().context("no group")?.id;

    let mut hired = UserRow::new("u999999", "robin.newcomer@contoso.example");
    hired.display_name = Some("Robin Newcomer".into());
    hired.given_name = Some("Robin".into());
    hired.family_name = Some("Newcomer".into());
    hired.manager = Some(boss.id.clone());
    hired.document = [("title".to_owned(), json!("Engineer"))].into();

    let with = |row: &UserRow, name: &str, value: &str| {
        let mut row = row.clone();
        row.document.insert(name.to_owned(), json!(value));
        SourceChange::PutUser(row)
    };
    let renamed = UserRow {
        user_name: format!("{}.married@contoso.example", married.id),
        family_name: Some("Married".into()),
        display_name: Some(format!("{} Married", married.given_name.clone().unwrap_or_default())),
        ..married.clone()
    };
    let relocated = UserRow { manager: Some(hired.id.clone()), ..moved.clone() };
    let left = UserRow { active: false, ..leaver.clone() };
    let membership = Membership { group: group.clone(), member: ObjectRef::user(hired.id.clone()), role: Role::Member };
    Ok(vec![
        ("somebody is hired".into(), vec![SourceChange::PutUser(hired)]),
        ("somebody is promoted".into(), vec![with(promoted, "title", "Director")]),
        ("somebody marries".into(), vec![SourceChange::PutUser(renamed)]),
        ("somebody moves to another team".into(), vec![SourceChange::PutUser(relocated)]),
        ("somebody joins a group".into(), vec![SourceChange::PutMembership(membership.clone())]),
        ("and leaves it again".into(), vec![SourceChange::RemoveMembership(membership)]),
        ("somebody leaves".into(), vec![SourceChange::PutUser(left)]),
    ])
}
