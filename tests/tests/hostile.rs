//! The engine against a tenant that does everything that Graph was ever seen to do: lag, lost answers, replays, throttling.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use entrain_emulator::{Emulator, Options, Profile, Running};
use entrain_entra::{Cloud, CredentialConfig, Entra, EntraConfig, Quota};
use entrain_model::{Clock as _, ObjectRef};
use entrain_store::{GroupRow, Membership, Role, RunState, SourceChange, UserRow};
use entrain_tests::database::Dialect;
use entrain_tests::rig::{MovableClock, Rig};
use secrecy::SecretString;
use serde_json::{Value as Json, json};

/// A minute of the tenant is a third of a second here.
const RATE: u32 = 180;
const USERS: usize = 150;
const GROUPS: usize = 10;
/// So few writes in 150 seconds are granted that a load soon waits for them.
const GRANTED: u32 = 150;

async fn rig(emulator: &Running) -> Rig {
    let clock = Arc::new(MovableClock::fast(RATE));
    let credential = CredentialConfig::Secret {
        client_id: emulator.client_id.clone(),
        secret: SecretString::from(emulator.client_secret.as_str()),
    };
    let mut config = EntraConfig::new(emulator.tenant_id.clone(), credential, clock.clone());
    config.cloud = Cloud::Custom { authority: emulator.authority_url.clone(), graph: emulator.base_url.clone() };
    config.quota = Quota { writes: GRANTED, units: 3500 };
    config.ca_pem = Some(emulator.ca_pem.clone().into_bytes());
    Rig::at(clock, Dialect::Sqlite, Arc::new(Entra::connect(config).unwrap()), |target| {
        target.timing.lease = Duration::from_secs(3600);
        target.timing.settling = Duration::from_secs(900);
    })
    .await
    .unwrap()
}

fn user(n: usize, title: &str) -> SourceChange {
    let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
    row.display_name = Some(format!("User {n}"));
    row.manager = (n > 10).then(|| format!("u{}", n % 10).into());
    row.document = [("title".to_owned(), json!(title))].into();
    SourceChange::PutUser(row)
}

fn organisation() -> Vec<SourceChange> {
    let mut changes: Vec<_> = (0..USERS).map(|n| user(n, "Analyst")).collect();
    changes.extend((0..GROUPS).map(|n| SourceChange::PutGroup(GroupRow::new(format!("g{n}"), format!("Group {n}")))));
    for n in 0..USERS {
        for group in [n % GROUPS, (n + 3) % GROUPS] {
            let member = ObjectRef::user(format!("u{n}"));
            changes.push(SourceChange::PutMembership(Membership {
                group: format!("g{group}").into(),
                member,
                role: Role::Member,
            }));
        }
    }
    changes
}

/// Runs until one converges and writes nothing, at most so often; between runs five minutes of the tenant pass.
async fn converge(rig: &Rig, runs: usize) {
    for _ in 0..runs {
        match rig.full().await {
            Ok(report) if report.state == RunState::Converged && report.done.is_empty() => return,
            Ok(_) => {}
            // A read that breaks off ends a run; nothing is concluded from it.
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        rig.clock.sleep(Duration::from_secs(300)).await;
    }
    panic!("not at rest after {runs} runs: {:?}", rig.store().holds(None, None, 20).await.unwrap());
}

fn records(emulator: &Running, kind: &str) -> Vec<Json> {
    let state = emulator.control("GET", &format!("state?kind={kind}&top=5000"), &Json::Null).unwrap();
    state["value"].as_array().unwrap().clone()
}

fn by_anchor(records: &[Json], attribute: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(record[attribute].as_str().unwrap_or("none").to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_object_has_exactly_one_record_in_the_end() {
    let options = Options { profile: Profile::Hostile, clock_rate: f64::from(RATE), seed: 7, ..Options::default() };
    let emulator = Emulator::start(options).await.unwrap();
    let quota = json!({ "throttling": { "writes": GRANTED } });
    emulator.control("PATCH", "conditions", &quota).unwrap();
    let rig = rig(&emulator).await;
    rig.write(&organisation()).await.unwrap();
    converge(&rig, 40).await;
    let (users, groups) = (records(&emulator, "users"), records(&emulator, "groups"));
    let anchors = (by_anchor(&users, "onPremisesImmutableId"), by_anchor(&groups, "uniqueName"));
    assert_eq!((users.len(), anchors.0.len()), (USERS, USERS), "no duplicate, none missing");
    assert_eq!((groups.len(), anchors.1.len()), (GROUPS, GROUPS), "no duplicate, none missing");
    let members: usize = groups.iter().map(|group| group["members"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(members, 2 * USERS);
    let managed = users.iter().filter(|user| !user["manager"].is_null()).count();
    assert_eq!(managed, USERS - 11);

    let changes: Vec<_> = (0..USERS).filter(|n| n % 7 == 0).map(|n| user(n, "Director")).collect();
    rig.write(&changes).await.unwrap();
    converge(&rig, 40).await;
    let directors = records(&emulator, "users").iter().filter(|user| user["jobTitle"] == "Director").count();
    assert_eq!(directors, changes.len());

    let stats = emulator.stats();
    assert!(stats.writes_charged > 2 * u64::from(GRANTED), "the quota was never reached: {stats:?}");
    let share = stats.throttled as f64 / stats.charged as f64;
    assert!(share < 0.01, "{} of {} requests were throttled", stats.throttled, stats.charged);
}
