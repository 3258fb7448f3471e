//! What a simulation acts on: a database, a directory with strangers in it, and the target between them.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use entrain_mapping::{Limits as Meter, Mapping, ScopeRules as Predicates, default_scripts};
use entrain_model::{Allowance, Kind, Limit, Limits, Observed, Operation, Removal, Share};
use entrain_store::Store;
use entrain_sync::{Target, Timing};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::clock::VirtualClock;
use super::deeds::{Case, Weather};
use super::errors::Errors;
use super::others::Others;
use super::source::Source;
use crate::memory::{Arrived, Faults, Lag, Memory, schema};
use crate::rig;

/// How long the target may need to show what was written; the directory keeps to it.
pub(super) const SETTLING: Duration = Duration::from_secs(60);

/// Everything of one simulation that outlives the process.
pub(super) struct World {
    pub(super) clock: Arc<VirtualClock>,
    pub(super) memory: Arc<Memory>,
    pub(super) target: Arc<Target>,
    pub(super) errors: Errors,
    pub(super) source: Mutex<Source>,
    pub(super) others: Mutex<Others>,
    /// The strangers as they were in the beginning.
    pub(super) strangers: Vec<Observed>,
    wrong: Mutex<Vec<String>>,
    story: Mutex<Vec<String>>,
    folder: TempDir,
}

impl World {
    pub(super) async fn new(case: &Case) -> anyhow::Result<Self> {
        let clock = Arc::new(VirtualClock::new());
        let memory = Arc::new(Memory::new(schema(), case.seed));
        memory.delay(clock.clone(), weather(Weather::Fair).1);
        memory.page_size(3);
        memory.take_with_new_groups(usize::try_from(case.seed % 3)?);
        seed(&memory);
        let mut target = rig::target_with(memory.clone(), mapping()?);
        (target.policy.user_removal, target.policy.group_removal) = (case.removal, case.removal);
        let (run, window) = (Limit::of(case.limit), Limit::of(3 * case.limit));
        target.limits = Limits(Vec::new());
        for operation in [Operation::Disable, Operation::Delete, Operation::RemoveReference] {
            target.limits.allow(operation, Share::Linked, Allowance { run, hour: window, day: window });
        }
        target.timing = Timing { settling: SETTLING, lease: Duration::from_secs(20), ..Timing::default() };
        let folder = folder()?;
        std::fs::write(folder.path().join(FILE), template().await?)?;
        let strangers = memory.dump();
        Ok(Self {
            clock,
            memory,
            target: Arc::new(target),
            errors: Errors::default(),
            source: Mutex::new(Source::new(case.removal != Removal::DELETE)),
            others: Mutex::default(),
            strangers,
            wrong: Mutex::default(),
            story: Mutex::default(),
            folder,
        })
    }

    /// Opens the database, as a process does that starts.
    pub(super) async fn open(&self) -> anyhow::Result<Store> {
        Ok(Store::open(&url(self.folder.path()), self.clock.clone()).await?)
    }

    /// Notes what happens, with the writes that arrived before it.
    pub(super) fn note(&self, what: &dyn std::fmt::Display) {
        let mut story = self.story.lock().unwrap_or_else(PoisonError::into_inner);
        for Arrived { write, committed, answer, .. } in self.memory.take_log() {
            let done = if committed { "done" } else { "not done" };
            story.push(format!("        {done}: {write:?} -> {answer:?}"));
        }
        story.push(format!("{:>10} {what}", self.clock.passed()));
    }

    pub(super) fn story(&self) -> String {
        self.story.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// Notes something that must never happen.
    pub(super) fn wrong(&self, what: String) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    pub(super) fn take_wrong(&self) -> Vec<String> {
        std::mem::take(&mut self.wrong.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn change_weather(&self, to: Weather) {
        let (faults, lag) = weather(to);
        self.memory.break_down(faults);
        self.memory.delay(self.clock.clone(), lag);
    }
}

fn weather(weather: Weather) -> (Faults, Lag) {
    let latency = Duration::from_millis(400);
    let late = Lag { share: 0.5, longest: SETTLING.mul_f64(0.9), latency };
    let prompt = Lag { latency, ..Lag::default() };
    let storm = Faults {
        lost_after: 0.12,
        lost_before: 0.08,
        throttled: 0.08,
        unreachable: 0.04,
        broken_reads: 0.05,
        replays: 0.3,
        reorders: 0.5,
    };
    match weather {
        Weather::Fair => (Faults::default(), prompt),
        Weather::Late => (Faults::default(), late),
        Weather::Stormy => (storm, prompt),
        Weather::Worst => (storm, late),
    }
}

/// Records that are none of ours: some that a source user matches and that are not to be touched, and some that nobody knows.
fn seed(memory: &Memory) {
    let user = |id: &str, login: &str, more: Json| {
        let mut attributes = json!({ "userPrincipalName": login, "displayName": id, "accountEnabled": true, "mailNickname": id });
        if let (Some(all), Some(more)) = (attributes.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        memory.seed(Kind::User, id, serde_json::from_value(attributes).unwrap_or_default());
    };
    user("s-boss", "boss@x.example", json!({}));
    memory.mark(Kind::User, "s-boss", |marks| marks.privileged = true);
    user("s-foreign", "foreign@x.example", json!({ "onPremisesImmutableId": "somebody-else's" }));
    user("s-mastered", "mastered@x.example", json!({}));
    memory.mark(Kind::User, "s-mastered", |marks| marks.mastered_elsewhere = true);
    user("s-guest", "guest@x.example", json!({ "jobTitle": "Guest" }));
    user("s-visitor", "visitor@x.example", json!({}));
    memory.seed(Kind::Group, "s-club", [("displayName".to_owned(), json!("Club"))].into());
    memory.refer(entrain_model::Relation::Member, "s-club", Kind::User, "s-guest");
}

fn mapping() -> anyhow::Result<Arc<Mapping>> {
    static COMPILED: OnceLock<Arc<Mapping>> = OnceLock::new();
    if let Some(mapping) = COMPILED.get() {
        return Ok(Arc::clone(mapping));
    }
    let mapping = Mapping::compile(&default_scripts(), &Predicates { users: None, groups: None }, Meter::default())?;
    Ok(Arc::clone(COMPILED.get_or_init(|| Arc::new(mapping))))
}

const FILE: &str = "entrain.sqlite3";

fn url(folder: &Path) -> String {
    format!("sqlite://{}/{FILE}", folder.display())
}

/// In memory where the machine has such a file system: nobody needs these files after the test.
fn folder() -> anyhow::Result<TempDir> {
    let shared = Path::new("/dev/shm");
    let folder = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    folder.context("no folder for the database")
}

/// An empty database of the newest schema, as the bytes of its file.
async fn template() -> anyhow::Result<&'static [u8]> {
    static TEMPLATE: tokio::sync::OnceCell<Vec<u8>> = tokio::sync::OnceCell::const_new();
    let bytes = TEMPLATE.get_or_try_init(|| async {
        let folder = folder()?;
        let store = Store::open(&url(folder.path()), Arc::new(VirtualClock::new())).await?;
        store.close().await;
        anyhow::Ok(std::fs::read(folder.path().join(FILE))?)
    });
    Ok(bytes.await?)
}
