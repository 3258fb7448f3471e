//! Who loses access waits for nobody: not for what a person has to approve, not for another run over the whole target, not for a
//! change of others that is under way, and not for the first full sync of a process. And a process that is told to end does so.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entrain_model::{Attributes, Reason, Removal, Scope};
use entrain_store::{DueRule, RunState, SourceChange, UserRow, Who};
use entrain_sync::{Ask, Engine, Progress, Report, Silent, Step, SyncError, Worker};
use entrain_tests::command::Unheard;
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, schema};
use entrain_tests::patience::until;
use entrain_tests::rig::Rig;
use entrain_tests::serving::Serving;
use serde_json::{Value as Json, json};
use tokio::sync::watch;

/// More than a worker takes for single changes.
const PEOPLE: usize = 620;
/// More new titles than one run may give without approval.
const MANY: usize = 520;

fn row(n: usize, title: &str) -> UserRow {
    let mut row = UserRow::new(format!("u{n:03}"), format!("user{n:03}@x.example"));
    row.display_name = Some(format!("User {n}"));
    row.document = [("title".to_owned(), json!(title))].into();
    row
}

fn titled(some: std::ops::Range<usize>, title: &str) -> Vec<SourceChange> {
    some.map(|n| SourceChange::PutUser(row(n, title))).collect()
}

/// A change that no mapping reads.
fn noted(some: std::ops::Range<usize>) -> Vec<SourceChange> {
    let note = |n| {
        let mut row = row(n, "Clerk");
        row.document.insert("note".to_owned(), json!("new"));
        SourceChange::PutUser(row)
    };
    some.map(note).collect()
}

fn gone(n: usize) -> SourceChange {
    SourceChange::RemoveUser(format!("u{n:03}").into())
}

/// Everybody is there, and linked.
async fn filled(dialect: Dialect) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    let rig = Rig::new(dialect, memory.clone(), |target| target.policy.user_removal = Removal::DISABLE).await.unwrap();
    rig.write(&titled(0..PEOPLE, "Clerk")).await.unwrap();
    assert_eq!(rig.full().await.unwrap().state, RunState::Converged);
    (rig, memory)
}

fn record(memory: &Memory, n: usize) -> Attributes {
    let login = json!(format!("user{n:03}@x.example"));
    let found = memory.dump().into_iter().find(|seen| seen.attributes.get("userPrincipalName") == Some(&login));
    found.unwrap().attributes
}

fn is_blocked(memory: &Memory, n: usize) -> bool {
    record(memory, n).get("accountEnabled") == Some(&json!(false))
}

fn title(memory: &Memory, n: usize) -> Json {
    record(memory, n).get("jobTitle").cloned().unwrap_or_default()
}

fn count(reports: &[Result<Report, SyncError>], action: &str) -> u64 {
    reports.iter().map(|report| report.as_ref().unwrap().count(action)).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unrelated_plan_that_is_held_keeps_nobody_waiting() {
    for dialect in Dialect::all() {
        let (rig, memory) = filled(dialect).await;
        // In one go: too many titles, one who leaves, and some whose change is nothing to the target.
        let mut changes = titled(0..MANY, "Chief");
        changes.extend(noted(MANY..MANY + 50));
        changes.push(gone(MANY + 60));
        rig.write(&changes).await.unwrap();
        let reports = rig.direct().await.unwrap();
        assert!(is_blocked(&memory, MANY + 60), "{reports:?}");
        assert_eq!(count(&reports, "update"), 0, "{reports:?}");
        let runs = rig.store().runs(Some(&rig.target.name), 100).await.unwrap();
        assert_eq!(runs.iter().filter(|run| run.state == RunState::Held).count(), 1, "a person is asked once: {reports:?}");
        let depth = rig.store().queue_depth(&rig.target.name).await.unwrap();
        assert_eq!(
            (depth.rows, depth.due),
            (i64::try_from(MANY).unwrap(), 0),
            "only what is held waits, and none of it comes back at once"
        );

        // Whoever comes later does not wait either, alone or with one who is held.
        rig.write(&[titled(MANY + 70..MANY + 71, "Chief"), titled(3..4, "Chief "), vec![gone(MANY + 71)]].concat())
            .await
            .unwrap();
        let reports = rig.direct().await.unwrap();
        assert!(is_blocked(&memory, MANY + 71), "{reports:?}");
        assert_eq!((title(&memory, MANY + 70), title(&memory, 3)), (json!("Chief"), json!("Clerk")), "{reports:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_by_a_plan_that_is_held_goes_ahead() {
    let (rig, memory) = filled(Dialect::Sqlite).await;
    rig.write(&[titled(0..MANY, "Chief"), vec![gone(MANY)]].concat()).await.unwrap();
    // The news of it is lost: only a full run sees what is to be done.
    for of in [Who::Leavers, Who::Others] {
        let rule = DueRule { of, quiet: Duration::ZERO, at_most: Duration::ZERO };
        let due = rig.store().lease_due(&rig.target.name, "lost", PEOPLE, rule, Duration::from_secs(60)).await.unwrap();
        let rows: Vec<_> = due.into_iter().map(|due| (due.object, due.version)).collect();
        rig.store().done(&rig.target.name, &rows).await.unwrap();
    }
    rig.store().release(&rig.target.name, "lost", None).await.unwrap();

    assert_eq!(rig.full().await.unwrap().state, RunState::Held);
    assert!(!is_blocked(&memory, MANY));
    let reports = rig.direct().await.unwrap();
    assert!(is_blocked(&memory, MANY), "{reports:?}");
    assert_eq!(title(&memory, 0), json!("Clerk"), "what is over the limit waits for a person");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_over_the_whole_target_keeps_nobody_waiting() {
    for dialect in Dialect::all() {
        let (rig, memory) = filled(dialect).await;
        assert!(rig.store().claim_target(&rig.target.name, "another process", Duration::from_secs(120)).await.unwrap());
        rig.write(&[titled(0..20, "Chief"), noted(20..PEOPLE - 1), vec![gone(PEOPLE - 1)]].concat()).await.unwrap();
        let reports = rig.direct().await.unwrap();
        assert_eq!(count(&reports, "update"), 20, "{reports:?}");
        assert!(is_blocked(&memory, PEOPLE - 1));
        assert_eq!(rig.store().queue_depth(&rig.target.name).await.unwrap().rows, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_first_full_sync_of_a_process_only_leavers_are_looked_at() {
    let (rig, memory) = filled(Dialect::Sqlite).await;
    let (_keep, target) = watch::channel(Arc::clone(&rig.target));
    let ((stop, stopped), (begin, begun)) = (watch::channel(false), watch::channel(false));
    let worker = Worker::new(rig.engine.clone(), target, Arc::new(Unheard), Arc::new(Silent));
    let working = tokio::spawn(worker.run(stopped, begun));
    rig.write(&[titled(0..1, "Chief"), vec![gone(1)]].concat()).await.unwrap();
    until("the leaver is blocked", async || is_blocked(&memory, 1)).await;
    assert_eq!(title(&memory, 0), json!("Clerk"), "the others wait for the enumeration");
    begin.send_replace(true);
    until("the others have their turn", async || title(&memory, 0) == json!("Chief")).await;
    stop.send_replace(true);
    working.await.unwrap();
}

/// Says that the process is to end as soon as something of this step is done.
struct EndsEarly {
    end: watch::Sender<bool>,
    at: Step,
    there: AtomicBool,
}

impl Progress for EndsEarly {
    fn begin(&self, step: Step, _: Option<u64>) {
        self.there.store(step == self.at, Ordering::SeqCst);
    }
    fn advance(&self, _: u64) {
        if self.there.load(Ordering::SeqCst) {
            self.end.send_replace(true);
        }
    }
}

async fn ended_at(rig: &Rig, at: Step) -> Result<Report, SyncError> {
    let (end, ending) = watch::channel(false);
    let engine = Engine::new(rig.store().clone(), rig.clock.clone(), "ends").ending_with(ending);
    let ends = EndsEarly { end, at, there: false.into() };
    engine.reconcile(&rig.target, Ask::sync(Scope::Everything, Reason::Startup), &ends).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_told_to_end_leaves_a_full_run_at_the_next_page_or_batch() {
    let memory = Arc::new(Memory::new(schema(), 7));
    let rig = Rig::new(Dialect::Sqlite, memory.clone(), |_| {}).await.unwrap();
    rig.write(&titled(0..PEOPLE, "Clerk")).await.unwrap();
    let ended = ended_at(&rig, Step::Write).await;
    assert!(matches!(ended, Err(SyncError::Stopped)), "{ended:?}");
    let written = memory.dump().len();
    assert!((1..PEOPLE).contains(&written), "{written}");
    assert_eq!(rig.store().open_effects(&rig.target.name, rig.store().now()).await.unwrap().len(), 0, "all of it is recorded");
    memory.page_size(50);
    let ended = ended_at(&rig, Step::Discover).await;
    assert!(matches!(ended, Err(SyncError::Stopped)), "{ended:?}");
    let next = rig.full().await.unwrap();
    assert_eq!((next.state, next.count("create")), (RunState::Converged, u64::try_from(PEOPLE - written).unwrap()));
}

const SCRIPT: &str = "#{ userPrincipalName: user.userName, displayName: or_clear(user.displayName), accountEnabled: user.active, \
                       mailNickname: local_part(user.userName) }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_others_that_is_under_way_keeps_no_leaver_waiting() {
    let serving = Serving::start(Dialect::Sqlite, SCRIPT, "", &[]).await.unwrap();
    let put = async |change: SourceChange| {
        let mut writer = serving.store.source_writer().await.unwrap();
        writer.apply(&[change]).await.unwrap();
        writer.commit().await.unwrap();
    };
    let person = |n: usize, name: &str| {
        let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
        row.display_name = Some(name.to_owned());
        SourceChange::PutUser(row)
    };
    let seen = |n: usize, what: &str| {
        let all = serving.emulator.control("GET", "state?kind=users", &Json::Null).unwrap();
        let login = format!("user{n}@contoso.example");
        let found = all["value"].as_array().unwrap().iter().find(|user| user["userPrincipalName"] == login.as_str()).cloned();
        found.map_or(Json::Null, |user| user[what].clone())
    };
    for n in [1, 2] {
        put(person(n, "New")).await;
        until("is made", async || seen(n, "displayName") == json!("New")).await;
    }
    let slow =
        json!([{ "method": "PATCH", "path": "/users/", "times": 1, "action": { "type": "delay", "milliseconds": 20_000 } }]);
    serving.emulator.control("PUT", "faults", &slow).unwrap();
    put(person(1, "Renamed")).await;
    until("the change is under way", async || {
        serving.emulator.control("GET", "faults", &Json::Null).unwrap()[0]["struck"] == json!(1)
    })
    .await;
    let mut inactive = UserRow::new("u2", "user2@contoso.example");
    inactive.active = false;
    put(SourceChange::PutUser(inactive)).await;
    until("the leaver is blocked", async || seen(2, "accountEnabled") == json!(false)).await;
    assert_eq!(seen(1, "displayName"), json!("New"), "the other one is still under way");
    serving.service.stop().await;
}
