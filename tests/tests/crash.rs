//! The process dies before and after every effect, and in the middle of every call. After it: converged, nothing twice, nothing lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, clippy::wildcard_enum_match_arm)]

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use entrain_model::{Condition, Kind, Millis, ObjectRef, Relation, anchor_value};
use entrain_store::{Committed, FailPoint, FailPoints, GroupRow, Membership, Role, RunState, SourceChange, StoreError, UserRow};
use entrain_sync::SyncError;
use entrain_tests::database::{DISK, Database, Dialect, psql};
use entrain_tests::memory::{Crash, Memory, schema};
use entrain_tests::rig::Rig;
use entrain_tests::server::Server;
use serde_json::json;

const USERS: usize = 3;

/// Three users, one with a manager, one of them in the tenant already; two groups, one inside the other.
fn source() -> Vec<SourceChange> {
    let user = |n: usize| {
        let mut row = UserRow::new(format!("u{n}"), format!("user{n}@x.example"));
        row.display_name = Some(format!("User {n}"));
        row.manager = (n > 0).then(|| "u0".into());
        SourceChange::PutUser(row)
    };
    let member =
        |group: &str, member: ObjectRef, role| SourceChange::PutMembership(Membership { group: group.into(), member, role });
    let mut changes: Vec<_> = (0..USERS).map(user).collect();
    changes.push(SourceChange::PutGroup(GroupRow::new("g0", "Outer")));
    changes.push(SourceChange::PutGroup(GroupRow::new("g1", "Inner")));
    changes.push(member("g0", ObjectRef::group("g1"), Role::Member));
    changes.push(member("g1", ObjectRef::user("u0"), Role::Member));
    changes.push(member("g1", ObjectRef::user("u1"), Role::Member));
    changes.push(member("g1", ObjectRef::user("u2"), Role::Owner));
    changes
}

async fn rig(dialect: Dialect) -> (Rig, Arc<Memory>) {
    rig_in(Database::new(dialect).unwrap(), dialect).await
}

async fn rig_in(database: Database, dialect: Dialect) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    let present = json!({ "userPrincipalName": "user1@x.example", "displayName": "User 1", "accountEnabled": true, "mailNickname": "user1" });
    memory.seed(Kind::User, "t1", serde_json::from_value(present).unwrap());
    let rig = Rig::over(database, Arc::default(), dialect, memory.clone(), |target| {
        if dialect == Dialect::Postgres {
            // Its time cannot be moved, so it is short.
            target.timing.lease = Duration::from_millis(1200);
            target.timing.settling = Duration::from_millis(100);
        }
    })
    .await
    .unwrap();
    rig.write(&source()).await.unwrap();
    (rig, memory)
}

/// Goes on in a new process.
async fn recover(rig: &mut Rig, memory: &Memory) {
    rig.restart(None).await;
    memory.recover();
    come_to_rest(rig).await;
}

/// Runs until a run changes nothing; time passes between runs, so that what was in doubt settles.
async fn come_to_rest(rig: &Rig) {
    for _ in 0..6 {
        let report = rig.full().await.unwrap();
        if report.state == RunState::Converged && report.done.is_empty() {
            return;
        }
        rig.pass(rig.target.timing.settling + Duration::from_millis(50)).await;
    }
    panic!("six runs did not converge: {:?}", rig.store().holds(None, None, 10).await.unwrap());
}

/// Exactly one live record for each object, with its anchor, and exactly the references of the source.
fn assert_true(memory: &Memory, when: &str) {
    let records: Vec<_> = memory.dump().into_iter().filter(|record| record.condition == Condition::Live).collect();
    let id_of = |object: &ObjectRef| {
        let anchor = schema().of(object.kind).anchor.clone();
        let found: Vec<_> = records
            .iter()
            .filter(|record| record.kind == object.kind && record.attributes.get(&anchor) == Some(&json!(anchor_value(object))))
            .collect();
        assert_eq!(found.len(), 1, "{when}: {object} has {} records", found.len());
        found[0].id.clone()
    };
    let users: Vec<_> = (0..USERS).map(|n| id_of(&ObjectRef::user(format!("u{n}")))).collect();
    let groups: Vec<_> = (0..2).map(|n| id_of(&ObjectRef::group(format!("g{n}")))).collect();
    assert_eq!(records.len(), USERS + 2, "{when}: something was made that nobody asked for");
    let mut references: Vec<_> = records
        .iter()
        .flat_map(|record| record.references.iter().map(|r| (record.id.clone(), r.relation, r.to.clone())))
        .collect();
    references.sort();
    let mut expected = vec![
        (users[1].clone(), Relation::Manager, users[0].clone()),
        (users[2].clone(), Relation::Manager, users[0].clone()),
        (groups[0].clone(), Relation::Member, groups[1].clone()),
        (groups[1].clone(), Relation::Member, users[0].clone()),
        (groups[1].clone(), Relation::Member, users[1].clone()),
        (groups[1].clone(), Relation::Owner, users[2].clone()),
    ];
    expected.sort();
    assert_eq!(references, expected, "{when}");
}

async fn stops_at_every_effect(dialect: Dialect) {
    let (mut clean, memory) = rig(dialect).await;
    let count = Arc::new(FailPoints::count_only());
    clean.restart(Some(Arc::clone(&count))).await;
    clean.full().await.unwrap();
    assert_true(&memory, "without a crash");
    let passages = count.passages(FailPoint::BeforeStart);
    assert!(passages >= 5, "a run has links, users, groups, managers and references: {passages} effects");
    for point in FailPoint::ALL {
        for nth in 1..=passages {
            let when = format!("{dialect:?}, {point:?} of effect {nth}");
            let (mut rig, memory) = rig(dialect).await;
            let failpoints = Arc::new(FailPoints::at(point, nth));
            rig.restart(Some(Arc::clone(&failpoints))).await;
            assert!(rig.full().await.is_err(), "{when}: the run must stop");
            assert!(failpoints.tripped(), "{when}");
            recover(&mut rig, &memory).await;
            assert_true(&memory, &when);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_at_every_effect_on_sqlite() {
    stops_at_every_effect(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_at_every_effect_on_postgres() {
    if Dialect::all().contains(&Dialect::Postgres) {
        stops_at_every_effect(Dialect::Postgres).await;
    }
}

/// The length of a file, 0 if it is not there.
fn length(path: &str) -> usize {
    std::fs::metadata(path).map_or(0, |file| usize::try_from(file.len()).unwrap())
}

/// What else of the log is on the disk when the power goes: nothing, a part of what came after, something else.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Nothing,
    Torn,
    Garbage,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loses_its_power_around_every_effect() {
    let (mut clean, _memory) = rig(Dialect::Sqlite).await;
    let count = Arc::new(FailPoints::count_only());
    clean.restart(Some(Arc::clone(&count))).await;
    clean.full().await.unwrap();
    let passages = count.passages(FailPoint::BeforeStart);
    let mut lost = 0;
    for point in FailPoint::ALL {
        for (nth, rest) in (1..=passages).flat_map(|nth| [Rest::Nothing, Rest::Torn, Rest::Garbage].map(|rest| (nth, rest))) {
            let when = format!("{point:?} of effect {nth}, {rest:?}");
            let (mut rig, memory) = rig(Dialect::Sqlite).await;
            let log = format!("{}-wal", rig.url().trim_start_matches("sqlite://"));
            let synced = Arc::new(AtomicUsize::new(length(&log)));
            let (seen, file) = (Arc::clone(&synced), log.clone());
            let failpoints = FailPoints::at(point, nth).observed(move |point, committed| {
                if matches!(point, FailPoint::AfterStart | FailPoint::AfterEnd) && committed == Committed::OnDisk {
                    seen.store(length(&file), Ordering::SeqCst);
                }
            });
            rig.restart(Some(Arc::new(failpoints))).await;
            assert!(rig.full().await.is_err(), "{when}: the run must stop");
            let (kept, whole) = (synced.load(Ordering::SeqCst), length(&log));
            lost += usize::from(whole > kept);
            let (kept, torn) = match rest {
                Rest::Nothing => (kept, Vec::new()),
                Rest::Torn => (kept + (whole - kept) / 2, Vec::new()),
                Rest::Garbage => (kept, vec![0xA5; 5_000]),
            };
            rig.lose_power(kept, &torn).await.unwrap();
            rig.restart(None).await;
            let open = rig.store().open_effects(&rig.target.name, Millis::MAX).await.unwrap();
            match point {
                FailPoint::AfterStart | FailPoint::BeforeEnd => {
                    assert!(!open.is_empty(), "{when}: the intent is not on the disk")
                }
                FailPoint::AfterEnd => assert_eq!(open, [], "{when}: the outcome is not on the disk"),
                FailPoint::BeforeStart => {}
            }
            recover(&mut rig, &memory).await;
            assert_true(&memory, &when);
        }
    }
    assert!(lost > 0, "what did not wait for the disk was never lost, so nothing was tried");
}

/// What a door has said yes to is there after a loss of power.
#[tokio::test]
async fn loses_its_power_after_an_edit_of_the_source() {
    let (mut rig, memory) = rig(Dialect::Sqlite).await;
    let log = format!("{}-wal", rig.url().trim_start_matches("sqlite://"));
    let failpoints = Arc::new(FailPoints::count_only());
    rig.restart(Some(Arc::clone(&failpoints))).await;
    let before = length(&log);
    let mut hired = UserRow::new("u9", "user9@x.example");
    hired.display_name = Some("User 9".into());
    rig.write(&[SourceChange::PutUser(hired)]).await.unwrap();
    let kept = if failpoints.committed() == Committed::OnDisk { length(&log) } else { before };
    rig.lose_power(kept, &[]).await.unwrap();
    recover(&mut rig, &memory).await;
    let logins: Vec<_> =
        memory.dump().into_iter().filter_map(|record| record.attributes.get("userPrincipalName").cloned()).collect();
    assert!(logins.contains(&json!("user9@x.example")), "{logins:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dies_in_the_middle_of_every_call() {
    let (clean, memory) = rig(Dialect::Sqlite).await;
    clean.full().await.unwrap();
    let writes = memory.take_log().len() as u64;
    assert!(writes >= 10, "{writes} writes");
    for crash in [Crash::Before, Crash::After] {
        for nth in 1..=writes {
            let when = format!("{crash:?} write {nth} is done");
            let (mut rig, memory) = rig(Dialect::Sqlite).await;
            let crashed = memory.crash_at(nth, crash);
            tokio::select! {
                result = rig.full() => panic!("{when}: the run must not end: {result:?}"),
                signal = crashed => signal.unwrap(),
            }
            recover(&mut rig, &memory).await;
            assert_true(&memory, &when);
        }
    }
}

/// What happens to the database around an effect.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    /// The clock of the database goes forward by a day.
    Later,
    /// It goes back by a day.
    Earlier,
    /// The server ends every connection.
    Disconnected,
    /// The server dies and is started again.
    Restarted,
    /// Its disk has no space left.
    Full,
}

/// The place of a database, as far as a trouble needs one that others do not share.
struct Place {
    dialect: Dialect,
    server: Option<Arc<Server>>,
}

impl Place {
    fn of(dialect: Dialect, trouble: Trouble) -> Self {
        let own = trouble == Trouble::Restarted;
        Self { dialect, server: own.then(|| Arc::new(Server::start().unwrap())) }
    }

    fn database(&self, trouble: Trouble) -> Database {
        match (&self.server, self.dialect, trouble) {
            (Some(server), ..) => Database::on(&server.url()).unwrap(),
            (None, Dialect::Sqlite, Trouble::Full) => Database::on_small_disk(8).unwrap(),
            (None, dialect, _) => Database::new(dialect).unwrap(),
        }
    }
}

/// How a disk is filled and freed.
#[derive(Clone)]
enum Disk {
    /// With a file that takes all that is left.
    File(PathBuf),
    /// The server says so for every statement that writes: it is what it says when a table cannot grow.
    Said(String),
}

impl Disk {
    fn of(rig: &Rig, dialect: Dialect) -> Self {
        if dialect == Dialect::Sqlite {
            return Self::File(rig.folder().join("filler"));
        }
        let refusal = "create table disk as select false as is_full;
            create function disk() returns trigger language plpgsql as $$ begin
              if exists (select from disk where is_full) then
                raise exception using errcode = 'disk_full', message = 'could not extend file: No space left on device';
              end if;
              return null;
            end $$;
            do $$ declare name text; begin
              for name in select tablename from pg_tables where schemaname = current_schema() and tablename <> 'disk' loop
                execute format('create trigger disk before insert or update or delete on %I for each statement execute function disk()', name);
              end loop;
            end $$";
        psql(rig.url(), refusal).unwrap();
        Self::Said(rig.url().to_owned())
    }

    fn fill(&self) {
        match self {
            Self::Said(url) => psql(url, "update disk set is_full = true").unwrap(),
            Self::File(path) => {
                let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
                // The last pages of the disk, too.
                while file.write_all(&[0; 4096]).is_ok() {}
            }
        }
    }

    fn free(&self) {
        match self {
            Self::Said(url) => psql(url, "update disk set is_full = false").unwrap(),
            Self::File(path) => std::fs::remove_file(path).unwrap(),
        }
    }
}

async fn goes_on_after(dialect: Dialect, trouble: Trouble) {
    let (mut clean, _memory) = rig(dialect).await;
    let count = Arc::new(FailPoints::count_only());
    clean.restart(Some(Arc::clone(&count))).await;
    clean.full().await.unwrap();
    let place = Place::of(dialect, trouble);
    for nth in 1..=count.passages(FailPoint::AfterStart) {
        let when = format!("{dialect:?}, {trouble:?} at the start of effect {nth}");
        let (mut rig, memory) = rig_in(place.database(trouble), dialect).await;
        let disk = (trouble == Trouble::Full).then(|| Disk::of(&rig, dialect));
        let failpoints = FailPoints::count_only().observed(strikes(&rig, &place, trouble, disk.clone(), nth));
        rig.restart(Some(Arc::new(failpoints))).await;
        // Whether the run notices or not, nothing may come of it but delay.
        let result = rig.full().await;
        if let Some(disk) = disk {
            assert!(matches!(result, Err(SyncError::Store(StoreError::Full { .. }))), "{when}: {result:?}");
            memory.take_log();
            let again = rig.full().await;
            assert!(matches!(again, Err(SyncError::Store(StoreError::Full { .. }))), "{when}, once more: {again:?}");
            assert!(memory.take_log().is_empty(), "{when}: what cannot be recorded is not done");
            disk.free();
        }
        rig.pass(rig.target.timing.lease + Duration::from_millis(50)).await;
        come_to_rest(&rig).await;
        assert_true(&memory, &when);
    }
}

/// Makes trouble at the start of the `nth` effect.
fn strikes(
    rig: &Rig,
    place: &Place,
    trouble: Trouble,
    disk: Option<Disk>,
    nth: u64,
) -> impl Fn(FailPoint, Committed) + Send + Sync + use<> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let (clock, url, server, passed) = (Arc::clone(&rig.clock), rig.url().to_owned(), place.server.clone(), AtomicU64::new(0));
    move |point, _| {
        if point != FailPoint::AfterStart || passed.fetch_add(1, Ordering::SeqCst) + 1 != nth {
            return;
        }
        match trouble {
            Trouble::Later => clock.advance(DAY),
            Trouble::Earlier => clock.turn_back(DAY),
            Trouble::Disconnected => {
                let end = "select pg_terminate_backend(pid) from pg_stat_activity
                           where datname = current_database() and pid <> pg_backend_pid()";
                psql(&url, end).unwrap();
            }
            Trouble::Restarted => server.as_ref().unwrap().crash().unwrap(),
            Trouble::Full => disk.as_ref().unwrap().fill(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_forward_does_no_harm() {
    goes_on_after(Dialect::Sqlite, Trouble::Later).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_back_does_no_harm() {
    goes_on_after(Dialect::Sqlite, Trouble::Earlier).await;
}

/// The process dies at the same moment: what it had begun is looked for in a time that is not its own.
async fn dies_as_the_clock_jumps(trouble: Trouble) {
    let (mut clean, _memory) = rig(Dialect::Sqlite).await;
    let count = Arc::new(FailPoints::count_only());
    clean.restart(Some(Arc::clone(&count))).await;
    clean.full().await.unwrap();
    let place = Place::of(Dialect::Sqlite, trouble);
    for point in [FailPoint::AfterStart, FailPoint::BeforeEnd] {
        for nth in 1..=count.passages(FailPoint::AfterStart) {
            let when = format!("{trouble:?} as the process dies at {point:?} of effect {nth}");
            let (mut rig, memory) = rig(Dialect::Sqlite).await;
            let failpoints = FailPoints::at(point, nth).observed(strikes(&rig, &place, trouble, None, nth));
            rig.restart(Some(Arc::new(failpoints))).await;
            assert!(rig.full().await.is_err(), "{when}: the run must stop");
            recover(&mut rig, &memory).await;
            assert_true(&memory, &when);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_as_the_clock_jumps_does_no_harm() {
    dies_as_the_clock_jumps(Trouble::Later).await;
    dies_as_the_clock_jumps(Trouble::Earlier).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_does_no_harm() {
    if Dialect::all().contains(&Dialect::Postgres) {
        goes_on_after(Dialect::Postgres, Trouble::Disconnected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restarts_does_no_harm() {
    if Dialect::all().contains(&Dialect::Postgres) {
        goes_on_after(Dialect::Postgres, Trouble::Restarted).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_stops_the_run_and_does_no_harm_on_sqlite() {
    if std::env::var(DISK).as_deref() != Ok("no") {
        goes_on_after(Dialect::Sqlite, Trouble::Full).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_stops_the_run_and_does_no_harm_on_postgres() {
    if Dialect::all().contains(&Dialect::Postgres) {
        goes_on_after(Dialect::Postgres, Trouble::Full).await;
    }
}
