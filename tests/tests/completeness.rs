//! A page of a list that is lost without a trace leads to no removal.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use entrain_model::*;
use entrain_store::{GroupRow, Membership, Role, SourceChange, UserRow};
use entrain_sync::SyncError;
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, schema};
use entrain_tests::rig::Rig;
use serde_json::json;

const USERS: usize = 24;
const GROUPS: usize = 14;
const PAGE: usize = 6;
const NOTHING: usize = usize::MAX;

/// A directory that loses one page of one list and says that it was all.
struct Leaky {
    memory: Arc<Memory>,
    /// Which query, and which of its pages, is lost.
    loses: Mutex<(Option<Query>, usize)>,
    asked: Mutex<Vec<Query>>,
    lost: AtomicBool,
    counts: bool,
}

struct Sieve<'a> {
    into: &'a mut dyn Pages,
    at: AtomicUsize,
    loses: usize,
    lost: &'a AtomicBool,
}

#[async_trait]
impl Pages for Sieve<'_> {
    async fn page(&mut self, page: Vec<Observed>) -> Result<(), SinkError> {
        if self.at.fetch_add(1, Ordering::SeqCst) == self.loses {
            self.lost.store(true, Ordering::SeqCst);
            return Ok(());
        }
        self.into.page(page).await
    }
}

#[async_trait]
impl Directory for Leaky {
    async fn read(&self, query: &Query, into: &mut dyn Pages) -> Result<Read, DirectoryError> {
        let loses = {
            let loses = self.loses.lock().unwrap();
            if loses.0.as_ref() == Some(query) { loses.1 } else { NOTHING }
        };
        self.asked.lock().unwrap().push(query.clone());
        let mut sieve = Sieve { into, at: AtomicUsize::new(0), loses, lost: &self.lost };
        let read = self.memory.read(query, &mut sieve).await?;
        let (Read::Complete(proof), Query::Everything { kind, since: None, .. }) = (&read, query) else { return Ok(read) };
        let live = self.memory.dump().into_iter().filter(|r| r.kind == *kind && r.condition == Condition::Live).count();
        Ok(Read::Complete(proof.clone().with_count(self.counts.then_some(live as u64))))
    }
    fn schema(&self) -> &Schema {
        self.memory.schema()
    }
    async fn tenant(&self) -> Result<Tenant, DirectoryError> {
        self.memory.tenant().await
    }
}

#[async_trait]
impl WritableDirectory for Leaky {
    async fn write(&self, lane: Lane, writes: &[Write]) -> Vec<Result<Written, DirectoryError>> {
        self.memory.write(lane, writes).await
    }
}

fn source() -> Vec<SourceChange> {
    let users = (0..USERS).map(|n| SourceChange::PutUser(UserRow::new(format!("u{n}").as_str(), format!("u{n}@x.example"))));
    let groups = (0..GROUPS).map(|n| SourceChange::PutGroup(GroupRow::new(format!("g{n}").as_str(), format!("Group {n}"))));
    let members = (0..USERS).map(|n| {
        let group = format!("g{}", n % GROUPS).as_str().into();
        SourceChange::PutMembership(Membership { group, member: ObjectRef::user(format!("u{n}").as_str()), role: Role::Member })
    });
    users.chain(groups).chain(members).collect()
}

async fn converged(counts: bool) -> (Rig, Arc<Leaky>) {
    let memory = Arc::new(Memory::new(schema(), 5));
    memory.page_size(PAGE);
    let (loses, asked) = (Mutex::new((None, NOTHING)), Mutex::default());
    let leaky = Arc::new(Leaky { memory, loses, asked, lost: AtomicBool::new(false), counts });
    let rig = Rig::new(Dialect::Sqlite, leaky.clone(), |target| {
        target.policy.user_removal = Removal::DELETE;
        target.policy.group_removal = Removal::DELETE;
        target.timing.enumeration = Duration::ZERO;
        target.timing.settling = Duration::ZERO;
    });
    let rig = rig.await.unwrap();
    rig.write(&source()).await.unwrap();
    rig.full().await.unwrap();
    // Some more for the recycle bin, and holders of roles.
    let record = |id: &str| Attributes::from([("userPrincipalName".into(), json!(format!("{id}@x.example")))]);
    for id in (0..=PAGE).map(|n| format!("x{n}")) {
        leaky.memory.seed(Kind::User, &id, record(&id));
        leaky.memory.delete(Kind::User, &id);
    }
    for id in (0..=PAGE).map(|n| format!("a{n}")) {
        leaky.memory.seed(Kind::User, &id, record(&id));
        leaky.memory.mark(Kind::User, &id, |marks| marks.privileged = true);
    }
    rig.full().await.unwrap();
    leaky.memory.take_log();
    leaky.asked.lock().unwrap().clear();
    rig.full().await.unwrap();
    (rig, leaky)
}

/// Loses each page of each list in turn. Returns how many runs noticed.
async fn lose_each(counts: bool) -> (usize, usize) {
    let (rig, leaky) = converged(counts).await;
    let lists: Vec<Query> = std::mem::take(&mut *leaky.asked.lock().unwrap());
    let links = rig.store().population(&rig.target.name).await.unwrap();
    let (mut lost, mut noticed) = (0, 0);
    for list in &lists {
        for page in 0.. {
            leaky.lost.store(false, Ordering::SeqCst);
            *leaky.loses.lock().unwrap() = (Some(list.clone()), page);
            let result = rig.full().await;
            if !leaky.lost.load(Ordering::SeqCst) {
                break;
            }
            lost += 1;
            match result {
                Ok(report) => assert!(report.planned.is_empty(), "page {page} of {list:?}: {:?}", report.planned),
                Err(SyncError::Incomplete(why)) => {
                    noticed += 1;
                    assert!(why.contains("nothing is concluded"), "{why}");
                }
                Err(error) => panic!("page {page} of {list:?}: {error}"),
            }
            let log = leaky.memory.take_log();
            assert!(log.is_empty(), "page {page} of {list:?}: {log:?}");
            assert_eq!(rig.store().population(&rig.target.name).await.unwrap(), links, "no link is forgotten");
        }
    }
    *leaky.loses.lock().unwrap() = (None, NOTHING);
    let report = rig.full().await.unwrap();
    assert!(report.planned.is_empty() && report.held.is_empty(), "and nothing is left of it: {report:?}");
    (lost, noticed)
}

#[tokio::test]
async fn each_page_of_each_list_may_be_lost_without_a_removal() {
    let (lost, noticed) = lose_each(false).await;
    assert!(lost >= 10, "only {lost} pages were lost");
    assert_eq!(noticed, 0, "there was nothing to notice it by");
}

#[tokio::test]
async fn a_lost_page_is_noticed_where_the_target_counts() {
    let (lost, noticed) = lose_each(true).await;
    assert!(noticed >= (USERS / PAGE) + (GROUPS / PAGE), "{noticed} of {lost} losses were noticed");
}

/// Three users are new in the source: of one there is a record with the same login, of one a record with our anchor and another
/// login, of one a record with our anchor in the recycle bin.
async fn newcomers() -> (Rig, Arc<Leaky>, Vec<ObjectRef>) {
    let (rig, leaky) = converged(false).await;
    let objects = ["same", "anchored", "binned"].map(ObjectRef::user);
    let anchor = schema().users.anchor.clone();
    for (object, login) in objects.iter().zip(["same", "renamed", "binned"]) {
        let mut record = Attributes::from([("userPrincipalName".into(), json!(format!("{login}@x.example")))]);
        if login != "same" {
            record.insert(anchor.clone(), json!(anchor_value(object)));
        }
        leaky.memory.seed(Kind::User, &format!("n-{login}"), record);
    }
    leaky.memory.delete(Kind::User, "n-binned");
    let rows = objects.iter().map(|object| UserRow::new(object.id.as_str(), format!("{}@x.example", object.id)));
    rig.write(&rows.map(SourceChange::PutUser).collect::<Vec<_>>()).await.unwrap();
    leaky.memory.take_log();
    leaky.asked.lock().unwrap().clear();
    (rig, leaky, objects.to_vec())
}

/// Nothing was deleted, no link was forgotten, and each object has one live record.
async fn assert_one_each(rig: &Rig, leaky: &Leaky, objects: &[ObjectRef], links: u64, when: &str) {
    let log = leaky.memory.take_log();
    assert!(!log.iter().any(|arrived| matches!(arrived.write, Write::Delete { .. })), "{when}: {log:?}");
    assert_eq!(rig.store().population(&rig.target.name).await.unwrap().users, links + objects.len() as u64, "{when}: links");
    let anchor = schema().users.anchor.clone();
    let records = leaky.memory.dump();
    for object in objects {
        let value = json!(anchor_value(object));
        let live =
            records.iter().filter(|record| record.condition == Condition::Live && record.attributes.get(&anchor) == Some(&value));
        assert_eq!(live.count(), 1, "{when}: records of {object}");
    }
}

#[tokio::test]
async fn each_page_of_each_look_up_may_be_lost_without_a_second_record() {
    let (rig, leaky, objects) = newcomers().await;
    let links = rig.store().population(&rig.target.name).await.unwrap().users;
    rig.only(&objects).await.unwrap();
    let asked = std::mem::take(&mut *leaky.asked.lock().unwrap());
    rig.full().await.unwrap();
    assert_one_each(&rig, &leaky, &objects, links, "nothing is lost").await;
    let mut lost = [0, 0];
    for query in &asked {
        for page in 0.. {
            let when = format!("page {page} of {query:?}");
            let (rig, leaky, objects) = newcomers().await;
            *leaky.loses.lock().unwrap() = (Some(query.clone()), page);
            leaky.lost.store(false, Ordering::SeqCst);
            rig.only(&objects).await.unwrap();
            if !leaky.lost.load(Ordering::SeqCst) {
                break;
            }
            lost[usize::from(matches!(query, Query::Deleted { .. }))] += 1;
            *leaky.loses.lock().unwrap() = (None, NOTHING);
            rig.full().await.unwrap();
            rig.full().await.unwrap();
            assert_one_each(&rig, &leaky, &objects, links, &when).await;
        }
    }
    assert!(lost[0] >= 2 && lost[1] >= 1, "look-ups by login and anchor, and in the recycle bin, were lost: {lost:?}");
}
