use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use entrain_model::{Clock, CredentialKind, Hold, Mode, ObjectRef, Reason, RunId, Scope, TargetCredential};
use entrain_store::{RunKind, RunState};

use super::*;
use crate::config::FightConfig;

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

/// A clock that is moved.
#[derive(Debug)]
struct At(AtomicI64);

#[async_trait]
impl Clock for At {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
    async fn sleep(&self, _: Duration) {}
}

struct Stage {
    _folder: tempfile::TempDir,
    clock: Arc<At>,
    store: Store,
    expiry: Option<Vec<Expiry>>,
    passed_over: Option<Vec<RefusedCredential>>,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(At(AtomicI64::new(1_800_000_000_000)));
        let url = format!("sqlite://{}/store.sqlite3", folder.path().display());
        let store = Store::open(&url, clock.clone()).await.unwrap();
        store.put_target(&"corp".into(), Mode::Full, "c", "m").await.unwrap();
        Self { _folder: folder, clock, store, expiry: None, passed_over: None }
    }

    fn pass(&self, time: Millis) {
        self.clock.0.fetch_add(time, Ordering::SeqCst);
    }

    async fn begin(&self) -> RunId {
        let (target, scope) = ("corp".into(), Scope::Everything);
        self.store.begin_run(&target, &scope, Reason::Schedule, "h", RunKind::Sync, "m").await.unwrap()
    }

    /// What turned since the last look. A second look at the same moment finds nothing.
    async fn turned(&self) -> Vec<(Turn, AlarmKind)> {
        let config = AlarmsConfig {
            no_full_sync: Duration::from_secs(12 * 3600),
            holds_after: Duration::from_secs(3600),
            fight: FightConfig::default(),
            webhooks: Vec::new(),
        };
        let watched = Watched { target: "corp".into(), expiry: self.expiry.clone(), passed_over: self.passed_over.clone() };
        let turned = look(&self.store, &config, &watched).await.unwrap();
        assert_eq!(look(&self.store, &config, &watched).await.unwrap(), [], "each turns once");
        turned.into_iter().map(|(turn, row)| (turn, row.alarm.kind)).collect()
    }
}

#[tokio::test]
async fn a_plan_that_waits_is_told_until_it_is_decided() {
    let stage = Stage::new().await;
    let run = stage.begin().await;
    assert_eq!(stage.turned().await, []);
    stage.store.finish_run(&run, RunState::Held, &json!({ "reasons": ["too many"] })).await.unwrap();
    assert_eq!(stage.turned().await, [(Turn::Raised, AlarmKind::Approval)]);
    let open = stage.store.alarms(None).await.unwrap();
    assert!(open[0].alarm.message.contains("too many") && open[0].alarm.message.contains("--guarded"), "{open:?}");
    stage.pass(HOUR);
    assert_eq!(stage.turned().await, []);
    let next = stage.begin().await;
    stage.store.finish_run(&next, RunState::Converged, &json!({})).await.unwrap();
    assert_eq!(stage.turned().await, [(Turn::Cleared, AlarmKind::Approval)]);
}

#[tokio::test]
async fn objects_that_are_held_for_long_are_told_and_graver_at_each_tenfold() {
    let stage = Stage::new().await;
    let target = TargetName::from("corp");
    let run = stage.begin().await;
    let holds = |n: usize| -> Vec<_> {
        let held = |n| (ObjectRef::user(format!("u{n}")), Hold::IncompleteRead);
        (0..n).map(held).collect()
    };
    stage.store.put_holds(&target, &run, &holds(9)).await.unwrap();
    let parked = (ObjectRef::user("p"), Hold::Parked { detail: "by hand".into() });
    stage.store.put_holds(&target, &run, &[parked]).await.unwrap();
    stage.pass(HOUR - 1);
    assert_eq!(stage.turned().await, [], "not yet for long");
    stage.pass(1);
    assert_eq!(stage.turned().await, [(Turn::Raised, AlarmKind::Holds)]);
    stage.store.put_holds(&target, &run, &holds(10)).await.unwrap();
    assert_eq!(stage.turned().await, [], "the tenth is young");
    stage.pass(HOUR);
    assert_eq!(stage.turned().await, [(Turn::Graver, AlarmKind::Holds)]);
    let objects: Vec<_> = holds(10).into_iter().map(|(object, _)| object).collect();
    stage.store.clear_holds(&target, &objects).await.unwrap();
    assert_eq!(stage.turned().await, [(Turn::Cleared, AlarmKind::Holds)], "who is parked is no news");
}

#[tokio::test]
async fn a_full_sync_that_does_not_come_is_told_until_one_is_successful() {
    let stage = Stage::new().await;
    stage.pass(12 * HOUR - 1);
    assert_eq!(stage.turned().await, []);
    stage.pass(1);
    assert_eq!(stage.turned().await, [(Turn::Raised, AlarmKind::NoFullSync)]);
    stage.store.set_last_full(&"corp".into(), stage.clock.now()).await.unwrap();
    assert_eq!(stage.turned().await, [(Turn::Cleared, AlarmKind::NoFullSync)]);
    stage.pass(12 * HOUR);
    assert_eq!(stage.turned().await, [(Turn::Raised, AlarmKind::NoFullSync)]);
}

#[tokio::test]
async fn a_credential_that_runs_out_is_told_at_each_step_until_another_is_in_use() {
    let mut stage = Stage::new().await;
    let ends = |name: &str, expires_at| {
        Expiry(TargetCredential { id: name.into(), name: name.into(), kind: CredentialKind::Secret, expires_at })
    };
    stage.store.set_last_full(&"corp".into(), i64::MAX / 2).await.unwrap();
    stage.expiry = Some(vec![ends("old", stage.clock.now() + 61 * DAY)]);
    let mut seen = Vec::new();
    for day in 0..61 {
        seen.extend(stage.turned().await.into_iter().map(|(turn, kind)| (61 - day, turn, kind)));
        stage.pass(DAY);
    }
    let of = |days, turn| (days, turn, AlarmKind::CredentialExpiring);
    let graver = [30, 14, 7, 1].map(|days| of(days, Turn::Graver));
    assert_eq!(seen, [&[of(60, Turn::Raised)], &graver[..]].concat());
    stage.expiry = None;
    assert_eq!(stage.turned().await, [], "what cannot be read now is as it was");
    stage.expiry = Some(vec![ends("new", stage.clock.now() + 700 * DAY)]);
    assert_eq!(stage.turned().await, [(Turn::Cleared, AlarmKind::CredentialExpiring)]);
}

#[tokio::test]
async fn a_credential_that_is_passed_over_is_told_until_it_signs_in() {
    let mut stage = Stage::new().await;
    let credential =
        TargetCredential { id: "k2".into(), name: "new".into(), kind: CredentialKind::Certificate, expires_at: i64::MAX };
    stage.passed_over = Some(vec![RefusedCredential { credential, why: "AADSTS700027".into(), since: 1 }]);
    assert_eq!(stage.turned().await, [(Turn::Raised, AlarmKind::CredentialRefused)]);
    let alarm = stage.store.alarms(Some(&"corp".into())).await.unwrap().remove(0).alarm;
    assert!(alarm.message.contains("certificate `new` does not sign in") && alarm.message.contains("AADSTS700027"), "{alarm:?}");
    stage.passed_over = None;
    assert_eq!(stage.turned().await, [], "a process that has not signed in yet knows nothing");
    stage.passed_over = Some(Vec::new());
    assert_eq!(stage.turned().await, [(Turn::Cleared, AlarmKind::CredentialRefused)]);
}
