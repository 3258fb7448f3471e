//! What a run looks at before its first write: a few objects at once, and nothing before it can show anything new.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use entrain_model::{
    Directory, DirectoryError, Hold, Kind, Lane, Millis, ObjectRef, Pages, Query, Read, Schema, Tenant, WritableDirectory, Write,
    Written,
};
use entrain_store::{DueRule, SourceChange, UserRow, Who};
use entrain_sync::Target;
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, Next, schema};
use entrain_tests::rig::Rig;

/// A directory that takes its time for reads, and counts them.
struct Watched {
    memory: Memory,
    /// Reads of users, recycle bin apart.
    looks: AtomicUsize,
    under_way: AtomicUsize,
    at_once: AtomicUsize,
}

impl Watched {
    /// How many looks there were since the last call, and how many at once at most.
    fn take(&self) -> (usize, usize) {
        (self.looks.swap(0, Ordering::SeqCst), self.at_once.swap(0, Ordering::SeqCst))
    }
}

#[async_trait]
impl Directory for Watched {
    async fn read(&self, query: &Query, into: &mut dyn Pages) -> Result<Read, DirectoryError> {
        if matches!(query, Query::Matching { .. } | Query::Record { .. }) {
            self.looks.fetch_add(1, Ordering::SeqCst);
        }
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.at_once.fetch_max(under_way, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        self.memory.read(query, into).await
    }

    fn schema(&self) -> &Schema {
        self.memory.schema()
    }

    async fn tenant(&self) -> Result<Tenant, DirectoryError> {
        self.memory.tenant().await
    }
}

#[async_trait]
impl WritableDirectory for Watched {
    async fn write(&self, lane: Lane, writes: &[Write]) -> Vec<Result<Written, DirectoryError>> {
        self.memory.write(lane, writes).await
    }

    fn hands_over(&self) -> bool {
        self.memory.hands_over()
    }
}

const SETTLING: Duration = Duration::from_secs(900);
const LINGER: Duration = Duration::from_secs(30);

async fn rig(dialect: Dialect, change: impl FnOnce(&mut Target)) -> (Rig, Arc<Watched>) {
    let memory = Memory::new(schema(), 7);
    let (looks, under_way, at_once) = Default::default();
    let watched = Arc::new(Watched { memory, looks, under_way, at_once });
    let rig = Rig::new(dialect, watched.clone(), |target| {
        target.timing.settling = SETTLING;
        change(target);
    });
    (rig.await.unwrap(), watched)
}

fn hires(numbers: std::ops::Range<usize>) -> Vec<SourceChange> {
    numbers.map(|n| SourceChange::PutUser(UserRow::new(format!("u{n}"), format!("user{n}@x.example")))).collect()
}

fn objects(numbers: std::ops::Range<usize>) -> Vec<ObjectRef> {
    numbers.map(|n| ObjectRef::user(format!("u{n}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_objects_are_looked_up_at_once() {
    for dialect in Dialect::all() {
        let (rig, watched) = rig(dialect, |_| {}).await;
        rig.full().await.unwrap();
        // Some are there already: they are found as if one had been asked for after the other.
        for n in 0..10 {
            let login = serde_json::json!(format!("user{n}@x.example"));
            watched.memory.seed(Kind::User, &format!("r{n}"), [("userPrincipalName".to_owned(), login)].into());
        }
        rig.write(&hires(0..80)).await.unwrap();
        watched.take();
        let report = rig.only(&objects(0..80)).await.unwrap();
        let (looks, at_once) = watched.take();
        assert_eq!((report.count("link"), report.count("create")), (10, 70), "{dialect:?}: {report:?}");
        assert!(looks >= 80, "{dialect:?}: each is asked for: {looks}");
        assert_eq!(at_once, 8, "{dialect:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_lost_creates_are_looked_for_at_once() {
    for dialect in Dialect::all() {
        let (rig, watched) = rig(dialect, |_| {}).await;
        rig.write(&hires(0..20)).await.unwrap();
        watched.memory.next((0..20).map(|n| if n % 2 == 0 { Next::LostAfter } else { Next::LostBefore }));
        watched.take();
        rig.full().await.unwrap();
        let (looks, at_once) = watched.take();
        assert!(looks >= 20 && at_once == 8, "{dialect:?}: a full run looks for its own: {looks}, {at_once} at once");
        let report = rig.only(&objects(0..20)).await.unwrap();
        assert_eq!(report.held.get("settling"), Some(&10), "{dialect:?}: an absent answer proves nothing: {report:?}");
        assert_eq!(watched.take().1, 8, "{dialect:?}");
        assert_eq!(watched.memory.dump().len(), 10, "{dialect:?}");
    }
}

/// When the worker looks at one of these next, from now on.
async fn due_in(rig: &Rig, of: Who) -> Duration {
    let due = rig
        .store()
        .next_due(&rig.target.name, DueRule { of, quiet: Duration::ZERO, at_most: Duration::ZERO })
        .await
        .unwrap()
        .unwrap();
    Duration::from_millis(u64::try_from(due - rig.store().now()).unwrap_or(0))
}

fn activity(active: bool) -> [SourceChange; 1] {
    [SourceChange::PutUser(UserRow { active, ..UserRow::new("u0", "user0@x.example") })]
}

#[tokio::test]
async fn a_lost_create_that_does_not_show_is_looked_for_when_it_may_be_sent_again() {
    let (rig, watched) = rig(Dialect::Sqlite, |target| target.timing.linger = LINGER).await;
    rig.write(&hires(0..1)).await.unwrap();
    watched.memory.next([Next::LostBefore]);
    rig.direct().await.unwrap();
    let sent: Millis = rig.store().now();
    rig.clock.advance(Duration::from_secs(2));
    rig.direct().await.unwrap();
    assert!(due_in(&rig, Who::Others).await < Duration::from_secs(10), "it may show soon: {:?}", due_in(&rig, Who::Others).await);
    rig.clock.advance(LINGER);
    rig.direct().await.unwrap();
    let left = Duration::from_millis(u64::try_from(sent - rig.store().now()).unwrap_or(0)).saturating_add(SETTLING - LINGER * 2);
    assert!(due_in(&rig, Who::Others).await > left, "it had its time to show: {:?}", due_in(&rig, Who::Others).await);
    watched.take();
    rig.clock.advance(Duration::from_secs(300));
    assert_eq!(rig.direct().await.unwrap().len(), 0, "nothing can be said of it");

    rig.write(&activity(false)).await.unwrap();
    rig.direct().await.unwrap();
    assert!(watched.take().0 > 0, "a change of the source does not wait");
    assert!(
        due_in(&rig, Who::Leavers).await < Duration::from_secs(10),
        "who is to have no access does not wait: {:?}",
        due_in(&rig, Who::Leavers).await
    );
    rig.write(&activity(true)).await.unwrap();
    rig.direct().await.unwrap();
    assert!(due_in(&rig, Who::Others).await > Duration::from_secs(300), "{:?}", due_in(&rig, Who::Others).await);
    assert_eq!(rig.store().holds(None, None, 9).await.unwrap()[0].hold, Hold::Settling);
    rig.clock.advance(SETTLING);
    rig.direct().await.unwrap();
    assert_eq!(watched.memory.dump().len(), 1, "it is sent again once the target has settled");
}
