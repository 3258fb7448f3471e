//! A service that is killed again and again while its source changes: nothing may be lost, made twice or left different.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use entrain::wiring::FastClock;
use entrain_model::{Kind, Millis, ObjectRef, SourceId, TargetName, anchor_value};
use entrain_store::{GroupRow, Membership, Role, RunState, SourceChange, Store, UserRow};
use entrain_tests::database::{Database, Dialect};
use serde_json::{Value as Json, json};
use tokio::process::{Child, Command};

use crate::process::{Emulator, Quotas, binary, configuration_on, engine_at};
use crate::rounded;

/// How the organisation looks before the first kill.
const USERS: u64 = 300;
const GROUPS: u64 = 15;
/// Edits of the source between two kills.
const EDITS: u64 = 12;
/// The longest that the tenant may take to show what was written, in its own time.
const SETTLING: u64 = 45;
/// How long the service may take to come to rest when it is left alone.
const REST: Duration = Duration::from_secs(600);

/// What is counted by default, and is not what this is about.
const SORTS: [&str; 9] = [
    "link",
    "disable",
    "rename",
    "change.\"*\"",
    "clear.\"*\"",
    "add_reference",
    "add_reference_to_group",
    "remove_reference",
    "remove_reference_of_group",
];

/// Kills a service so many times, then lets it come to rest and compares.
pub(crate) async fn run(times: u64, kind: &str, seed: u64) -> anyhow::Result<Json> {
    // PostgreSQL keeps its own time, so there the tenant keeps it too.
    let (dialect, rate) = match kind {
        "sqlite" => (Dialect::Sqlite, 20),
        "postgres" => (Dialect::Postgres, 1),
        other => bail!("--store takes sqlite or postgres, not `{other}`"),
    };
    let database = Database::new(dialect)?;
    let folder = database.folder().to_owned();
    let fast = rate.to_string();
    let emulator = Emulator::start(&folder, &["--profile", "typical", "--clock-rate", &fast, "--log-kept", "1000"]).await?;
    let lost = json!({ "500": 0.003, "504": 0.003, "reset": 0.002 });
    emulator.patch("conditions", &json!({ "throttling": { "on": false }, "ambiguity": { "after": lost } })).await?;
    let config = configuration_on(database.url(), &folder, &emulator, Quotas::Without)?;
    let text = std::fs::read_to_string(&config)?
        .replace("mode = \"full\"\n", &format!("mode = \"full\"\nsettling_seconds = {SETTLING}\n"));
    let unlimited = "{ count = 1000000, percent = 100.0, minimum_population = 1000000 }";
    let tables = SORTS.map(|sort| format!("{sort} = {unlimited}\n")).concat();
    std::fs::write(&config, format!("{text}\n[target.removal]\nusers = \"disable\"\n[target.limits]\n{tables}"))?;
    let store = Store::open(database.url(), Arc::new(FastClock::new(rate))).await?;
    let mut source = Source { store: store.clone(), dice: seed | 1, users: 0 };
    source.found().await?;

    let began = std::time::Instant::now();
    let mut kills = 0;
    while kills < times {
        let mut service = serve(&config, rate)?;
        source.edit(EDITS / 2).await?;
        tokio::time::sleep(source.moment(rate)).await;
        source.edit(EDITS / 2).await?;
        tokio::time::sleep(Duration::from_millis(source.dice(300))).await;
        if let Some(status) = service.try_wait()? {
            bail!("the service ended by itself: {status}");
        }
        // SIGKILL, which nothing can catch.
        service.kill().await?;
        kills += 1;
        eprint!("\r{kills} kills");
    }
    eprintln!(", {:.0} s", began.elapsed().as_secs_f64());
    let mut service = serve(&config, rate)?;
    let rested = rest(&store, store.now()).await;
    service.kill().await?;
    let seconds = rested?;
    let found = compare(&source, &emulator).await?;
    let second = engine_at(u64::from(rate), &config, &["sync"]).await?;
    let stats = emulator.get("stats").await?;
    Ok(json!({
        "benchmark": "kill", "store": kind, "kills": kills, "lost": found.lost, "duplicates": found.duplicates,
        "diverged": found.diverged, "users": source.users, "answers_lost": stats["lost"], "seconds_to_rest": rounded(seconds),
        "second_run": second.sync()["done"], "examples": found.examples, "seed": seed,
    }))
}

fn serve(config: &Path, rate: u32) -> anyhow::Result<Child> {
    let log = config.with_file_name("serve.log");
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
    Ok(Command::new(binary("entrain")?)
        .args(["serve", "--config"])
        .arg(config)
        .arg(format!("--clock-rate={rate}"))
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?)
}

/// Waits until nothing is queued or open, after a full sync that began since.
async fn rest(store: &Store, since: Millis) -> anyhow::Result<f64> {
    let (name, began) = (TargetName::from("bench"), std::time::Instant::now());
    loop {
        let queue = store.queue_depth(&name).await?;
        let open = store.open_effects(&name, i64::MAX).await?.len();
        let runs = store.runs(Some(&name), 20).await?;
        let full = runs.iter().find(|run| run.scope == "everything" && run.started_at > since && run.finished_at.is_some());
        let ended = full.is_some_and(|run| matches!(run.state, RunState::Converged | RunState::Partial));
        if queue.rows == 0 && open == 0 && ended {
            return Ok(began.elapsed().as_secs_f64());
        }
        if began.elapsed() > REST {
            let holds = store.holds(Some(&name), None, 5).await?;
            bail!("not at rest after {REST:?}: {} queued, {open} open, last full run {full:?}, holds {holds:?}", queue.rows);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The source of truth, edited at random.
struct Source {
    store: Store,
    dice: u64,
    users: u64,
}

impl Source {
    fn dice(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % sides
    }

    /// How long the service lives this time. Leases of a killed one live for half a minute of the database: now and then
    /// the next must outlive them, or it never comes to its work.
    fn moment(&mut self, rate: u32) -> Duration {
        let outlives = self.dice(4) == 0;
        let lease = if outlives { 30_500 / u64::from(rate) } else { 0 };
        Duration::from_millis(lease + 50 + self.dice(2_000))
    }

    /// A user with a few random values.
    fn user(&mut self, n: u64) -> UserRow {
        let mut row = UserRow::new(format!("u{n}").as_str(), format!("user{n}@contoso.example"));
        row.display_name = Some(format!("User {n} {}", self.dice(1_000)));
        row.document = [("title".to_owned(), json!(format!("Title {}", self.dice(50))))].into();
        row
    }

    fn membership(&mut self) -> Membership {
        let (group, user) = (self.dice(GROUPS), self.dice(self.users));
        let (group, member) = (format!("g{group}").as_str().into(), ObjectRef::user(format!("u{user}").as_str()));
        Membership { group, member, role: Role::Member }
    }

    async fn found(&mut self) -> anyhow::Result<()> {
        self.users = USERS;
        let groups = (0..GROUPS).map(|n| SourceChange::PutGroup(GroupRow::new(format!("g{n}").as_str(), format!("Group {n}"))));
        let mut changes: Vec<_> = groups.collect();
        for n in 0..USERS {
            changes.push(SourceChange::PutUser(self.user(n)));
        }
        for _ in 0..3 * USERS {
            changes.push(SourceChange::PutMembership(self.membership()));
        }
        self.write(changes).await
    }

    async fn edit(&mut self, edits: u64) -> anyhow::Result<()> {
        for _ in 0..edits {
            let n = self.dice(self.users);
            let change = match self.dice(10) {
                0 => {
                    self.users += 1;
                    SourceChange::PutUser(self.user(self.users - 1))
                }
                1 => SourceChange::RemoveUser(format!("u{n}").as_str().into()),
                2 | 3 => SourceChange::PutMembership(self.membership()),
                4 | 5 => SourceChange::RemoveMembership(self.membership()),
                _ => SourceChange::PutUser(self.user(n)),
            };
            self.write(vec![change]).await?;
        }
        Ok(())
    }

    async fn write(&self, changes: Vec<SourceChange>) -> anyhow::Result<()> {
        let mut writer = self.store.source_writer().await?;
        writer.apply(&changes).await?;
        Ok(writer.commit().await?)
    }
}

#[derive(Default)]
struct Found {
    lost: u64,
    duplicates: u64,
    diverged: u64,
    examples: Vec<String>,
}

impl Found {
    fn differs(&mut self, what: String) {
        self.diverged += 1;
        if self.examples.len() < 10 {
            self.examples.push(what);
        }
    }
}

/// The records of a kind by anchor, and how many there are more than anchors.
async fn records(emulator: &Emulator, kind: &str, anchor: &str) -> anyhow::Result<(BTreeMap<String, Json>, u64)> {
    let (mut found, mut more, mut after) = (BTreeMap::new(), 0, String::new());
    loop {
        let page = emulator.get(&format!("state?kind={kind}{after}")).await?;
        for record in page["value"].as_array().context("no records")? {
            let anchor = record[anchor].as_str().unwrap_or("none").to_owned();
            more += u64::from(found.insert(anchor, record.clone()).is_some());
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok((found, more)),
        }
    }
}

/// The tenant against the source.
async fn compare(source: &Source, emulator: &Emulator) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let (users, more_users) = records(emulator, "users", "onPremisesImmutableId").await?;
    let (groups, more_groups) = records(emulator, "groups", "uniqueName").await?;
    found.duplicates = more_users + more_groups;
    let mut anchors = BTreeSet::new();
    let mut ids: BTreeMap<ObjectRef, String> = BTreeMap::new();
    for n in 0..source.users {
        let object = ObjectRef::user(format!("u{n}").as_str());
        let anchor = anchor_value(&object);
        let (row, record) = (source.store.user_row(&object.id).await?, users.get(&anchor));
        anchors.insert(anchor);
        match (row, record) {
            (Some(_), None) => found.lost += 1,
            (Some(row), Some(record)) => {
                let title = row.document.get("title").cloned().unwrap_or_default();
                let wanted = [
                    ("userPrincipalName", json!(row.user_name)),
                    ("displayName", json!(row.display_name)),
                    ("jobTitle", title),
                    ("accountEnabled", json!(true)),
                ];
                for (name, value) in wanted.iter().filter(|(name, value)| record[*name] != *value) {
                    found.differs(format!("{object}: {name} is {} and shall be {value}", record[*name]));
                }
                ids.insert(object, record["id"].as_str().unwrap_or_default().to_owned());
            }
            // Who came and went between two looks was never made.
            (None, Some(record)) if record["accountEnabled"] != json!(false) => {
                found.differs(format!("{object} left and is not blocked"))
            }
            (None, Some(_) | None) => {}
        }
    }
    found.duplicates += users.keys().filter(|anchor| !anchors.contains(*anchor)).count() as u64;
    for n in 0..GROUPS {
        let id = SourceId::from(format!("g{n}").as_str());
        let Some(record) = groups.get(&anchor_value(&ObjectRef { kind: Kind::Group, id: id.clone() })) else {
            found.lost += 1;
            continue;
        };
        let rows = source.store.memberships_of(&id, None, 100_000).await?;
        let wanted: BTreeSet<&str> = rows.iter().filter_map(|row| ids.get(&row.member)).map(String::as_str).collect();
        let members = record["members"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let ours: BTreeSet<&str> = ids.values().map(String::as_str).collect();
        let is: BTreeSet<&str> = members.filter(|id| ours.contains(id)).collect();
        if is != wanted {
            found.differs(format!("group g{n} has {} members and shall have {}", is.len(), wanted.len()));
        }
    }
    Ok(found)
}
