//! Opening, and what a broken or full disk does.

#![allow(clippy::disallowed_methods)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use async_trait::async_trait;
use entrain_model::{Mode, TargetName};

use super::*;
use crate::{GroupRow, SourceChange, TargetRow, UserRow};

/// Time stands still, and waiting takes as long as it does.
#[derive(Debug)]
pub(crate) struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Millis {
        1_000
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn path(&self) -> PathBuf {
        self.0.path().join("store.sqlite3")
    }
    fn url(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }
    async fn open(&self) -> Result<Store> {
        Store::open(&self.url(), Arc::new(Still)).await
    }
    fn shell(&self, sql: &str) -> String {
        let output = std::process::Command::new("sqlite3").arg(self.path()).arg(sql).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

#[tokio::test]
async fn the_file_is_made_for_its_owner_alone() {
    let place = Place::new();
    let store = place.open().await.unwrap();
    store.put_target(&TargetName::from("t"), Mode::Full, "c", "m").await.unwrap();
    for name in ["store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm"] {
        let mode = std::fs::metadata(place.0.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(place.shell("pragma journal_mode"), "wal");
    store.close().await;
    assert_eq!(place.open().await.unwrap().targets().await.unwrap().len(), 1, "it is there when it is opened again");
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let error = Store::open("sqlite:///nowhere/at/all.sqlite3", Arc::new(Still)).await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all.sqlite3") && error.contains("directory must exist"), "{error}");
    let error = Store::open("postgres://me:secret@127.0.0.1:1/x", Arc::new(Still)).await.unwrap_err().to_string();
    assert!(error.contains("postgres://me@127.0.0.1:1/x cannot be opened") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let place = Place::new();
    place.open().await.unwrap().close().await;
    place.shell("insert into schema_versions values (700)");
    let (error, newest) = (place.open().await.unwrap_err(), MIGRATIONS.last().unwrap().version);
    assert!(matches!(error, StoreError::NewerSchema { found: 700, known } if known == newest), "{error}");
    assert!(error.to_string().contains("version 700") && error.to_string().contains(&format!("up to {newest}")), "{error}");
}

#[tokio::test]
async fn a_database_of_another_program_is_left_alone() {
    let place = Place::new();
    place.shell("create table songs (title text)");
    let error = place.open().await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert_eq!(place.shell("select name from sqlite_master"), "songs");
    let other = Place::new();
    std::fs::write(other.path(), "these are no pages of a database, but it is long enough to be taken for one".repeat(20))
        .unwrap();
    let error = other.open().await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
}

const FIRST: &[Migration] = MIGRATIONS.first_chunk::<1>().unwrap();
const NEXT: &[Migration] = &[
    Migration { version: 1, sqlite: MIGRATIONS[0].sqlite, postgres: MIGRATIONS[0].postgres },
    Migration { version: 1_000, sqlite: "alter table users add column shoe_size integer", postgres: "" },
];
const BROKEN: &[Migration] = &[
    Migration { version: 1, sqlite: MIGRATIONS[0].sqlite, postgres: MIGRATIONS[0].postgres },
    Migration {
        version: 1_000,
        sqlite: "alter table users add column hat integer; alter table nothing add column x integer",
        postgres: "",
    },
];

#[tokio::test]
async fn an_upgrade_backs_up_first_and_keeps_all() {
    let place = Place::new();
    let store = Store::open_with(&place.url(), Arc::new(Still), FIRST).await.unwrap();
    let mut writer = store.source_writer().await.unwrap();
    writer.apply(&[SourceChange::PutUser(UserRow::new("u1", "one"))]).await.unwrap();
    writer.commit().await.unwrap();
    store.close().await;
    let upgraded = Store::open_with(&place.url(), Arc::new(Still), NEXT).await.unwrap();
    assert_eq!(upgraded.source_counts().await.unwrap().users, 1);
    assert_eq!(
        place.shell("select max(version), (select count(*) from users where shoe_size is null) from schema_versions"),
        "1000|1"
    );
    let backup = place.0.path().join("store.sqlite3.before-upgrade-from-1");
    let old = Store::open_with(&format!("sqlite://{}", backup.display()), Arc::new(Still), FIRST).await.unwrap();
    assert_eq!(old.source_counts().await.unwrap().users, 1, "the backup is a database of the version before");
    assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    let again = Store::open_with(&place.url(), Arc::new(Still), FIRST).await.unwrap_err();
    assert!(matches!(again, StoreError::NewerSchema { found: 1_000, known: 1 }));
}

#[tokio::test]
async fn a_database_of_the_first_version_becomes_one_of_the_newest() {
    let (old, new) = (Place::new(), Place::new());
    Store::open_with(&old.url(), Arc::new(Still), FIRST).await.unwrap().close().await;
    old.open().await.unwrap().close().await;
    new.open().await.unwrap().close().await;
    let schema = "select group_concat(name) from (select name from sqlite_master order by name)";
    assert_eq!(old.shell(schema), new.shell(schema));
}

#[tokio::test]
async fn a_target_from_before_the_settings_keeps_what_it_has_when_a_file_is_adopted() {
    let (place, name) = (Place::new(), TargetName::from("t"));
    let with = MIGRATIONS.iter().position(|migration| migration.sqlite.contains("create table target_settings")).unwrap();
    let old = Store::open_with(&place.url(), Arc::new(Still), &MIGRATIONS[..with]).await.unwrap();
    old.put_target(&name, Mode::Upsert, "c", "m").await.unwrap();
    old.set_last_full(&name, 700).await.unwrap();
    old.close().await;
    let store = place.open().await.unwrap();
    let row = store.target(&name).await.unwrap().unwrap();
    assert_eq!((row.settings, row.last_full_at, store.settings_revision().await.unwrap()), (None, Some(700), 0));
    store.adopt_settings(&[(name.clone(), serde_json::Map::new())]).await.unwrap();
    let adopted = store.target(&name).await.unwrap().unwrap();
    assert_eq!(adopted, TargetRow { settings: Some(1), ..row }, "nothing else of it is another");
}

#[tokio::test]
async fn a_broken_upgrade_changes_nothing() {
    let place = Place::new();
    Store::open_with(&place.url(), Arc::new(Still), FIRST).await.unwrap().close().await;
    Store::open_with(&place.url(), Arc::new(Still), BROKEN).await.unwrap_err();
    assert_eq!(place.shell("select max(version) from schema_versions"), "1");
    assert!(!place.shell("select sql from sqlite_master where name = 'users'").contains("hat"));
    let again = Store::open_with(&place.url(), Arc::new(Still), NEXT).await.unwrap_err().to_string();
    assert!(again.contains("before-upgrade-from-1 is there already"), "a backup is never written over: {again}");
}

#[tokio::test]
async fn two_processes_may_open_a_new_file_at_once() {
    let place = Place::new();
    let (a, b, c) = tokio::join!(place.open(), place.open(), place.open());
    assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{a:?} {b:?} {c:?}");
    assert_eq!(place.shell("select count(*) from schema_versions"), MIGRATIONS.len().to_string());
}

#[tokio::test]
async fn a_full_disk_is_named_and_loses_nothing() {
    let place = Place::new();
    let store = place.open().await.unwrap();
    let target = TargetName::from("t");
    store.put_target(&target, Mode::Full, "c", "m").await.unwrap();
    let groups = |from: usize| -> Vec<SourceChange> {
        (from..from + 500).map(|n| SourceChange::PutGroup(GroupRow::new(format!("g{n}").as_str(), "x".repeat(200)))).collect()
    };
    let write = async |from: usize| -> Result<()> {
        let mut writer = store.source_writer().await?;
        writer.apply(&groups(from)).await?;
        writer.commit().await
    };
    write(0).await.unwrap();
    let pages: i64 = place.shell("pragma page_count").parse().unwrap();
    let limit = format!("pragma max_page_count = {}", pages + 20);
    store.inner.write.acquire().await.unwrap().execute(sqlx::AssertSqlSafe(limit)).await.unwrap();
    let error = write(500).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("no space left") && error.to_string().contains("free space"), "{error}");
    assert_eq!(store.source_counts().await.unwrap().groups, 500, "the whole transaction or none of it");
    assert_eq!(store.queue_depth(&target).await.unwrap().rows, 500);
    store.inner.write.acquire().await.unwrap().execute("pragma max_page_count = 1000000").await.unwrap();
    write(500).await.unwrap();
    assert_eq!(store.queue_depth(&target).await.unwrap().rows, 1_000, "and it goes on");
    assert_eq!(place.shell("pragma integrity_check"), "ok");
}

#[tokio::test]
async fn only_what_can_be_made_again_does_not_wait_for_the_disk() {
    let place = Place::new();
    let store = place.open().await.unwrap();
    let level = async || {
        Sql::new("select synchronous as n from pragma_synchronous")
            .number(&mut store.inner.write.acquire().await.unwrap())
            .await
            .unwrap()
    };
    let (normal, full) = (1, 2);
    drop(store.begin_derived().await.unwrap());
    assert_eq!(level().await, normal);
    drop(store.begin().await.unwrap());
    assert_eq!(level().await, full);
}

#[tokio::test]
async fn a_life_ends_before_a_commit_with_nothing_and_after_it_with_everything() {
    let place = Place::new();
    let store = place.open().await.unwrap();
    let mut left = Vec::new();
    for n in 1.. {
        let points = Arc::new(FailPoints::count_only());
        points.die_in(n);
        let life = crate::mortal(Arc::clone(&points), async {
            let mut writer = store.source_writer().await?;
            writer.apply(&[SourceChange::PutGroup(GroupRow::new(format!("g{n}").as_str(), "x"))]).await?;
            writer.commit().await
        });
        let death = async {
            while !points.died() {
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::select! {
            biased;
            ended = life => Some(ended),
            () = death => None,
        };
        if let Some(ended) = ended {
            ended.unwrap();
            break;
        }
        left.push(store.source_counts().await.unwrap().groups);
    }
    // At least once before the statement, once before the commit, once after it.
    let (told, before) = left.split_last().unwrap();
    assert!(before.len() >= 2 && before.iter().all(|groups| *groups == 0), "{left:?}");
    assert_eq!(*told, 1, "what is committed stays although nobody was told");
}
