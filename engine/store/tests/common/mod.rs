//! A database of its own for each test, on both sorts; and the words that tests share.
//!
//! `ENTRAIN_TEST_POSTGRES` holds the URL of a PostgreSQL server on which databases may be created. Without it the
//! PostgreSQL tests fail, unless `ENTRAIN_TEST_STORE=sqlite` says that they are left out on purpose.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use entrain_model::*;
use entrain_store::*;
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

/// The system's clock, which a test can put forward.
#[derive(Debug, Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Millis {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_millis() as Millis + self.0.load(Ordering::SeqCst)
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Sqlite,
    Postgres,
}

/// An empty database, dropped at the end.
pub struct Database {
    pub sort: Sort,
    pub url: String,
    pub clock: Arc<TestClock>,
    server: Option<(String, String)>,
    pub directory: tempfile::TempDir,
}

impl Database {
    pub async fn sqlite() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/store.sqlite3", directory.path().display());
        Some(Self { sort: Sort::Sqlite, url, clock: Arc::default(), server: None, directory })
    }

    pub async fn postgres() -> Option<Self> {
        if std::env::var("ENTRAIN_TEST_STORE").as_deref() == Ok("sqlite") {
            eprintln!("left out: ENTRAIN_TEST_STORE=sqlite");
            return None;
        }
        let server = std::env::var("ENTRAIN_TEST_POSTGRES")
            .expect("ENTRAIN_TEST_POSTGRES must hold the URL of a PostgreSQL server (or set ENTRAIN_TEST_STORE=sqlite)");
        let name = format!("entrain_test_{}", uuid::Uuid::now_v7().simple());
        let mut admin = sqlx::PgConnection::connect(&server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}");
        let directory = tempfile::tempdir().unwrap();
        Some(Self { sort: Sort::Postgres, url, clock: Arc::default(), server: Some((server, name)), directory })
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.url, self.clock.clone()).await.unwrap()
    }

    /// Runs plain SQL in the command-line program of the database, as an operator does.
    pub fn shell(&self, sql: &str) -> String {
        let output = match self.sort {
            Sort::Sqlite => Command::new("sqlite3").args(["-bail", "-cmd", ".timeout 10000"]).arg(self.path()).arg(sql).output(),
            Sort::Postgres => {
                Command::new("psql").args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]).arg(&self.url).output()
            }
        }
        .expect("sqlite3 and psql must be installed");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("store.sqlite3")
    }

    pub async fn drop(self) {
        if let Some((server, name)) = &self.server {
            let mut admin = sqlx::PgConnection::connect(server).await.unwrap();
            admin.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await.unwrap();
        }
    }
}

/// Makes each function a test on SQLite and one on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::common::run($crate::common::Database::sqlite().await, super::$name).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::common::run($crate::common::Database::postgres().await, super::$name).await;
            })+
        }
    };
}

/// Runs a test and drops its database whatever happens.
pub async fn run<F: Future<Output = ()> + Send + 'static>(database: Option<Database>, test: fn(Arc<Database>) -> F) {
    let Some(database) = database else { return };
    let database = Arc::new(database);
    let result = tokio::spawn(test(database.clone())).await;
    if let Ok(database) = Arc::try_unwrap(database).map_err(|_| "still used") {
        database.drop().await;
    }
    if let Err(error) = result {
        std::panic::resume_unwind(error.into_panic());
    }
}

pub const QUIET: Duration = Duration::from_millis(10);
pub const AT_MOST: Duration = Duration::from_millis(100);
pub const LEASE: Duration = Duration::from_secs(60);

pub fn target() -> TargetName {
    TargetName::from("contoso")
}

pub async fn with_target(database: &Database) -> Store {
    let store = database.open().await;
    assert_eq!(store.put_target(&target(), Mode::Full, "c1", "m1").await.unwrap(), Put::New);
    store
}

pub async fn write(store: &Store, changes: &[SourceChange]) -> Applied {
    let mut writer = store.source_writer().await.unwrap();
    let applied = writer.apply(changes).await.unwrap();
    writer.commit().await.unwrap();
    applied
}

pub fn user(id: &str) -> SourceChange {
    SourceChange::PutUser(UserRow { display_name: Some(id.to_uppercase()), ..UserRow::new(id, format!("{id}@corp.example")) })
}

pub fn group(id: &str) -> SourceChange {
    SourceChange::PutGroup(GroupRow::new(id, id.to_uppercase()))
}

pub fn member(group: &str, member: ObjectRef) -> Membership {
    Membership { group: group.into(), member, role: Role::Member }
}

pub fn joins(group: &str, who: ObjectRef) -> SourceChange {
    SourceChange::PutMembership(member(group, who))
}

/// Takes everything that is due, and ends it.
pub async fn drain(store: &Store) -> BTreeSet<ObjectRef> {
    let mut due = Vec::new();
    for of in [Who::Leavers, Who::Others] {
        let rule = DueRule { of, quiet: Duration::ZERO, at_most: Duration::ZERO };
        due.extend(store.lease_due(&target(), "drain", 100_000, rule, LEASE).await.unwrap());
    }
    let rows: Vec<_> = due.iter().map(|due| (due.object.clone(), due.version)).collect();
    store.done(&target(), &rows).await.unwrap();
    store.release(&target(), "drain", None).await.unwrap();
    due.into_iter().map(|due| due.object).collect()
}

pub fn attributes(value: Json) -> Attributes {
    serde_json::from_value(value).unwrap()
}

pub fn wants(value: Json) -> DesiredRecord {
    DesiredRecord { settings: attributes(value).into_iter().map(|(name, value)| (name, Setting::Set(value))).collect() }
}

/// A present object that wants a login, with the keys that a sync would give it.
pub fn present(object: &ObjectRef, version: i64, login: &str) -> DesiredRow {
    DesiredRow {
        object: object.clone(),
        source_version: version,
        desired: Desired::Present(wants(json!({ "login": login }))),
        keys: vec![
            Key { rank: 0, evidence: Evidence::Anchor, attribute: "anchor".into(), value: anchor_value(object) },
            Key { rank: 2, evidence: Evidence::Key("login".into()), attribute: "login".into(), value: login.into() },
        ],
        unique: vec![("login".into(), login.into())],
        ruling: "r1".into(),
        looks_up: None,
    }
}

pub fn plain(object: &ObjectRef, version: i64, desired: Desired) -> DesiredRow {
    let (keys, unique) = (Vec::new(), Vec::new());
    DesiredRow { object: object.clone(), source_version: version, desired, keys, unique, ruling: "r1".into(), looks_up: None }
}

pub fn record(kind: Kind, id: &str, value: Json) -> Observed {
    Observed {
        kind,
        id: id.into(),
        condition: Condition::Live,
        attributes: attributes(value),
        references: Vec::new(),
        mastered_elsewhere: None,
        unwritable: None,
        protection: BTreeSet::new(),
    }
}

pub fn refers(relation: Relation, to: &str, present: bool) -> ObservedReference {
    ObservedReference { relation, to: to.into(), to_kind: Some(Kind::User), present }
}

pub fn keys() -> Vec<String> {
    vec!["login".into(), "mail".into()]
}

pub async fn mirror(store: &Store, kind: Kind, reading: Reading, generation: i64, records: &[Observed]) {
    let keys = keys();
    let page = MirrorPage { kind, generation, anchor: "anchor", keys: &keys, records, reading };
    store.put_mirror(&target(), page).await.unwrap();
}

pub fn anchors(objects: &[ObjectRef]) -> BTreeMap<ObjectRef, String> {
    objects.iter().map(|object| (object.clone(), anchor_value(object))).collect()
}

pub async fn states(store: &Store, objects: &[ObjectRef]) -> Vec<ObjectState> {
    store.states(&target(), 0, objects, &anchors(objects)).await.unwrap()
}

pub async fn begin(store: &Store) -> RunId {
    store.begin_run(&target(), &Scope::Everything, Reason::Operator, "me", RunKind::Sync, "m1").await.unwrap()
}

/// The version of a source object now.
pub async fn version(store: &Store, object: &ObjectRef) -> i64 {
    store.source_records(std::slice::from_ref(object)).await.unwrap()[0].version
}

/// Links an object to a record, as a run does.
pub async fn link(store: &Store, object: &ObjectRef, id: &str) {
    let action = Action::Link { id: id.into(), evidence: Evidence::Anchor, write_anchor: false };
    let run = begin(store).await;
    store.lease(&target(), "me", std::slice::from_ref(object), LEASE).await.unwrap();
    let state = &states(store, std::slice::from_ref(object)).await[0];
    let start = Start {
        seq: plan(store, &run, object, &action, state.basis).await,
        object: object.clone(),
        basis: state.basis,
        action,
        record: None,
        blocks: None,
        hands_over: false,
        sent: json!({}),
    };
    assert_eq!(store.start_effects(&target(), &run, "me", std::slice::from_ref(&start)).await.unwrap(), vec![]);
    let put = LinkWrite::Put { id: id.into(), evidence: Evidence::Anchor, anchored: true, sent: Attributes::new() };
    store.end_effects(&target(), &run, &[done(&start, Some(put), Vec::new())]).await.unwrap();
    store.release(&target(), "me", None).await.unwrap();
}

/// Adds a line to a plan; its place in it.
pub async fn plan(store: &Store, run: &RunId, object: &ObjectRef, action: &Action, basis: Basis) -> i64 {
    let change = Change { object: object.clone(), phase: Phase::Updates, action: action.clone(), basis };
    let line = PlannedLine::from(Decision::Change(change));
    store.put_plan(run, &[line]).await.unwrap();
    store.plan_lines(run, 0, 100_000).await.unwrap().last().unwrap().seq
}

pub fn done(start: &Start, link: Option<LinkWrite>, mirror: Vec<MirrorWrite>) -> End {
    End {
        ends_sessions: false,
        credential: None,
        seq: start.seq,
        object: start.object.clone(),
        outcome: Outcome::Done { written: Written::default() },
        link,
        mirror,
        audit: Audit::default(),
        request_id: Some("r-1".into()),
    }
}

/// Holders of a role.
pub fn holders(ids: &[&str]) -> BTreeMap<TargetId, BTreeSet<Protection>> {
    ids.iter().map(|id| ((*id).into(), BTreeSet::from([Protection::Role]))).collect()
}
