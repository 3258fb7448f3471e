//! A tenant that counts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use entrain_emulator::{Options, Profile};
use entrain_entra::Quota;
use entrain_model::{Kind, Lane, Query, Relation, Sessions, TargetId, Work, WritableDirectory as _, Write};
use serde_json::{Value as Json, json};

use crate::stage::{Fast, Stage, add, update};

const RATE: u32 = 100;

/// A tenant that grants so many writes in 150 seconds, and the adapter, which believes that it grants `believed`.
async fn stage(granted: u32, believed: u32, bind_cost: &str, retry_after: &str) -> (Stage, Vec<TargetId>) {
    stage_at(RATE, granted, believed, bind_cost, retry_after).await
}

/// The same with a clock of this rate.
async fn stage_at(rate: u32, granted: u32, believed: u32, bind_cost: &str, retry_after: &str) -> (Stage, Vec<TargetId>) {
    let options = Options { profile: Profile::Typical, clock_rate: f64::from(rate), ..Options::default() };
    let stage = Stage::with(options, |config| {
        config.clock = Arc::new(Fast(rate));
        config.quota = Quota { writes: believed, units: 3500 };
        config.concurrency = 1;
    })
    .await;
    let conditions = json!({
        "throttling": { "writes": granted, "bindCost": bind_cost, "retryAfter": retry_after },
        "replication": { "replicas": 0 }, "ambiguity": { "slow": 0.0, "concurrency": false },
    });
    stage.tenant.control("PATCH", "conditions", &conditions).unwrap();
    let users: Vec<Json> =
        (0..400).map(|n| json!({ "userPrincipalName": format!("u{n}@contoso.example"), "displayName": "U" })).collect();
    let groups = json!([{ "displayName": "G" }, { "displayName": "H" }]);
    let seeded = stage.seed(&json!({ "users": users, "groups": groups }));
    let ids =
        |kind: &str| -> Vec<TargetId> { seeded[kind].as_array().unwrap().iter().map(|id| id.as_str().unwrap().into()).collect() };
    let all = ids("groups").into_iter().chain(ids("users")).collect();
    (stage, all)
}

fn titles(ids: &[TargetId]) -> Vec<Write> {
    ids.iter().map(|id| update(id, json!({ "jobTitle": "x" }))).collect()
}

#[tokio::test]
async fn nothing_is_throttled_when_the_account_is_kept_and_the_estimate_comes_true() {
    let (stage, ids) = stage_at(SLOW, 300, 300, "third", "seconds").await;
    let writes = titles(&ids[2..402]);
    let expected = stage.entra.time_for(&Work { changes: 400, ..Work::default() }).unwrap().as_secs_f64();
    #[expect(clippy::disallowed_methods, reason = "it measures what the clock of the test made of a wait")]
    let began = Instant::now();
    assert!(stage.write_in(Lane::Bulk, &writes).await.iter().all(Result::is_ok));
    let took = began.elapsed().as_secs_f64() * f64::from(SLOW);
    assert_eq!(stage.tenant.stats().throttled, 0);
    // 400 writes and a rest of 36 out of 300 at once, then two a second.
    assert!((67.0..69.0).contains(&expected), "{expected}");
    let ratio = took / expected;
    assert!((0.95..1.1).contains(&ratio), "{took} of the tenant's seconds where {expected} were expected");
}

#[tokio::test]
async fn a_refusal_is_obeyed_to_the_second_and_reads_go_on_meanwhile() {
    for form in ["seconds", "date"] {
        let (stage, ids) = stage(100, 3000, "third", form).await;
        let read = async {
            while stage.tenant.stats().throttled == 0 {
                tokio::task::yield_now().await;
            }
            let record = Query::Record { kind: Kind::User, id: ids[2].clone(), attributes: BTreeSet::new() };
            stage.ask(record).await.unwrap().records.len()
        };
        let writes = titles(&ids[2..162]);
        let (done, seen) = tokio::join!(stage.write(&writes), read);
        assert!(done.iter().all(Result::is_ok), "{:?}", done.iter().find(|done| done.is_err()));
        assert_eq!(seen, 1);
        assert!(stage.tenant.stats().throttled > 0);
        let log = stage.tenant.control("GET", "log?after=0&top=1000", &Json::Null).unwrap();
        let mut wait_until = 0.0;
        for entry in log["value"].as_array().unwrap().iter().filter(|entry| entry["path"] == "/v1.0/$batch") {
            let arrived = entry["arrived"].as_f64().unwrap() * f64::from(RATE);
            assert!(arrived >= wait_until, "{form}: a request came {} tenant ms early", wait_until - arrived);
            for part in entry["responseBody"]["responses"].as_array().unwrap() {
                let text = part["headers"]["Retry-After"].as_str().unwrap_or_default();
                if let Ok(seconds) = text.parse::<f64>() {
                    wait_until = f64::max(wait_until, arrived + seconds * 1000.0);
                }
            }
        }
        assert!(form == "date" || wait_until > 0.0);
    }
}

/// A second is long enough here that a busy machine does not look like a second pause.
const SLOW: u32 = 10;

/// When each request came, in seconds of the tenant, and how many of its parts were refused.
fn arrivals(stage: &Stage) -> Vec<(f64, usize)> {
    let log = stage.tenant.control("GET", "log?after=0&top=1000", &Json::Null).unwrap();
    let batches = log["value"].as_array().unwrap().iter().filter(|entry| entry["path"] == "/v1.0/$batch");
    batches
        .map(|entry| {
            let parts = entry["responseBody"]["responses"].as_array().unwrap();
            let refused = parts.iter().filter(|part| part["status"] == 429).count();
            (entry["arrived"].as_f64().unwrap() * f64::from(SLOW) / 1000.0, refused)
        })
        .collect()
}

#[tokio::test]
async fn a_refusal_is_waited_out_once_in_each_of_its_forms() {
    // What is asked for; a date has whole seconds and is never too early; without either the first wait is ten seconds.
    for (form, least, most) in [("seconds", 8.0, 8.0), ("date", 8.0, 10.0), ("absent", 10.0, 10.0)] {
        let (stage, ids) = stage_at(SLOW, 3000, 3000, "third", form).await;
        let refuse = |share: f64| {
            let conditions = json!({ "throttling": { "belowLimits": share, "retryAfterLeast": 8.0 } });
            stage.tenant.control("PATCH", "conditions", &conditions).unwrap();
        };
        refuse(1.0);
        let relent = async {
            while stage.tenant.stats().throttled < 20 {
                tokio::task::yield_now().await;
            }
            refuse(0.0);
        };
        let writes = titles(&ids[2..62]);
        let (done, ()) = tokio::join!(stage.write(&writes), relent);
        assert!(done.iter().all(Result::is_ok), "{form}");
        let came = arrivals(&stage);
        assert_eq!(came.iter().map(|(_, refused)| *refused).collect::<Vec<_>>(), [20, 0, 0, 0], "{form}");
        for (at, _) in &came[1..] {
            let waited = at - came[0].0;
            assert!((least..most + 3.0).contains(&waited), "{form}: it came after {waited} s, and {least} to {most} are right");
        }
        assert_eq!(
            stage.entra.time_for(&Work { changes: 2000, ..Work::default() }),
            Some(Duration::ZERO),
            "no account is emptied"
        );
    }
}

#[tokio::test]
async fn the_size_of_a_bind_follows_the_price() {
    for (price, size) in [("one", 20), ("third", 18)] {
        let (stage, ids) = stage(120, 120, price, "seconds").await;
        let members = |group: usize| ids[2..362].iter().map(move |id| (group, id));
        let members: Vec<Write> =
            members(0).chain(members(1)).map(|(group, id)| add(Relation::Member, &ids[group], id)).collect();
        for some in members.chunks(90) {
            assert!(stage.write(some).await.iter().all(Result::is_ok));
        }
        let log = stage.tenant.control("GET", "log?after=0&top=1000", &Json::Null).unwrap();
        let bodies = log["value"].as_array().unwrap().iter().map(|entry| &entry["requestBody"]);
        let sizes: Vec<usize> = bodies.filter_map(|body| Some(body["members@odata.bind"].as_array()?.len())).collect();
        assert_eq!((sizes.first(), sizes.iter().max()), (Some(&18), Some(&size)), "{price}: {sizes:?}");
        assert_eq!(stage.tenant.stats().throttled, 0, "{price}");
    }
}

#[tokio::test]
async fn a_direct_change_of_many_members_overtakes_a_full_run_that_waits() {
    let (stage, ids) = stage(300, 300, "third", "seconds").await;
    let bulk = titles(&ids[2..402]);
    let members: Vec<Write> = ids[2..62].iter().map(|id| add(Relation::Member, &ids[0], id)).collect();
    let edit = async {
        while stage.tenant.stats().writes < 260 {
            tokio::task::yield_now().await;
        }
        assert!(stage.write(&members).await.iter().all(Result::is_ok));
        stage.tenant.stats().shapes["PATCH /users/{id}"]
    };
    let (done, then) = tokio::join!(stage.write_in(Lane::Bulk, &bulk), edit);
    assert!(done.iter().all(Result::is_ok));
    assert!(then < 330, "{then} of 400 changes of the full run were made before sixty members were added");
}

#[tokio::test]
async fn a_leaver_is_blocked_while_a_full_run_that_was_refused_is_held() {
    let (stage, ids) = stage_at(SLOW, 300, 3000, "third", "seconds").await;
    stage.tenant.control("PATCH", "conditions", &json!({ "throttling": { "retryAfterLeast": 30.0 } })).unwrap();
    let (bulk, leaver) = (titles(&ids[2..282]), Write::Disable { id: ids[401].clone(), sessions: Sessions::End });
    let leaves = async {
        while stage.tenant.stats().throttled == 0 {
            tokio::task::yield_now().await;
        }
        stage.write_in(Lane::Leaver, &[leaver]).await.remove(0).unwrap();
    };
    let (done, ()) = tokio::join!(stage.write_in(Lane::Bulk, &bulk), leaves);
    assert!(done.iter().all(Result::is_ok));
    let log = stage.tenant.control("GET", "log?after=0&top=1000", &Json::Null).unwrap();
    let entries = log["value"].as_array().unwrap().iter();
    let at = |entry: &Json| entry["arrived"].as_f64().unwrap() * f64::from(SLOW) / 1000.0;
    let revoked =
        entries.filter(|entry| entry["path"].as_str().unwrap().ends_with("revokeSignInSessions")).map(at).next().unwrap();
    let came = arrivals(&stage);
    let refused = came.iter().position(|(_, refused)| *refused > 0).unwrap();
    let (told, next) = (came[refused].0, came[refused + 1].0);
    assert!(revoked - told < 10.0, "the leaver was blocked {} s after the refusal", revoked - told);
    assert!(next - told >= 30.0, "the full run went on after {} s of 30", next - told);
}

#[tokio::test]
async fn a_leaver_is_blocked_while_a_full_run_waits_for_its_quota() {
    let (stage, ids) = stage(300, 300, "third", "seconds").await;
    let (bulk, leaver) = (titles(&ids[2..402]), Write::Disable { id: ids[401].clone(), sessions: Sessions::End });
    let leaves = async {
        // The full run has used what it may use at once.
        while stage.tenant.stats().writes < 260 {
            tokio::task::yield_now().await;
        }
        stage.write_in(Lane::Leaver, &[leaver]).await.remove(0).unwrap();
        stage.tenant.stats().writes
    };
    let (done, then) = tokio::join!(stage.write_in(Lane::Bulk, &bulk), leaves);
    assert!(done.iter().all(Result::is_ok));
    assert!(then < 330, "{then} of 402 writes were made when the leaver was blocked");
    let log = stage.tenant.control("GET", "log?after=0&top=1000", &Json::Null).unwrap();
    let entries = log["value"].as_array().unwrap();
    let priority = |entry: &Json| entry["requestHeaders"]["x-ms-throttle-priority"].as_str().unwrap_or_default().to_owned();
    let revoked = entries.iter().find(|entry| entry["path"].as_str().unwrap().ends_with("revokeSignInSessions")).unwrap();
    let batch = entries.iter().find(|entry| entry["path"] == "/v1.0/$batch").unwrap();
    assert_eq!((priority(revoked).as_str(), priority(batch).as_str()), ("High", "Low"));
    assert_eq!(batch["requestBody"]["requests"][0]["headers"]["x-ms-throttle-priority"], "Low");
}
