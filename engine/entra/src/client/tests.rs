use std::collections::BTreeMap;

use entrain_model::Fault;
use serde_json::json;

use super::*;
use crate::testing::{Say, Script, entra, error};

impl Client {
    /// Sends one pack, and answers in the order of the requests.
    async fn send_all(&self, calls: &[Call]) -> Vec<Reply> {
        let mut replies = BTreeMap::new();
        self.send_pack(calls, |place, reply| drop(replies.insert(place, reply))).await;
        assert_eq!(replies.len(), calls.len());
        replies.into_values().collect()
    }
}

fn patch(id: &str) -> Call {
    Call::patch(format!("/users/{id}"), json!({"jobTitle": "x"}))
}

#[tokio::test]
async fn a_single_request_goes_alone_and_more_go_as_one_batch() {
    let script = Script::new(|_| Say::Status(204, Json::Null));
    let (entra, _) = entra(&script);
    entra.client.send(patch("1")).await.unwrap();
    let replies = entra.client.send_all(&[patch("2"), patch("3")]).await;
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(*script.posted.lock().unwrap(), ["/users/1", "/$batch"]);
    assert_eq!(entra.traffic(), crate::Traffic { requests: 2, writes: 3 });
}

#[tokio::test]
async fn every_request_carries_token_id_and_type() {
    let script = Script::new(|_| Say::Status(204, Json::Null));
    let (entra, _) = entra(&script);
    entra.client.send(patch("1").with("Prefer", "p")).await.unwrap();
    let headers = script.asked.lock().unwrap()[0].headers.clone();
    assert_eq!((&headers["authorization"], &headers["Prefer"]), (&json!("Bearer t0"), &json!("p")));
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["client-request-id"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let script = Script::new(|asked| match asked.headers["authorization"].as_str().unwrap() {
        "Bearer t0" => error(401, "InvalidAuthenticationToken", "expired"),
        _ => Say::Status(204, Json::Null),
    });
    let (entra, clock) = entra(&script);
    entra.client.send(patch("1")).await.unwrap();
    assert_eq!((script.lines().len(), clock.slept().len()), (2, 0));
}

#[tokio::test]
async fn the_second_sending_after_a_refused_token_pays_and_is_held_by_a_pause() {
    let within = Arc::new(std::sync::OnceLock::<std::sync::Weak<crate::Entra>>::new());
    let held = within.clone();
    let script = Script::new(move |asked| match asked.headers["authorization"].as_str().unwrap() {
        "Bearer t0" => {
            held.get().unwrap().upgrade().unwrap().client.pacing.pause(Gate::Writes, Lane::Bulk, Duration::from_secs(9));
            error(401, "InvalidAuthenticationToken", "expired")
        }
        _ => Say::Status(204, Json::Null),
    });
    let (entra, clock) = entra(&script);
    let entra = Arc::new(entra);
    within.set(Arc::downgrade(&entra)).unwrap();
    entra.client.send(patch("1")).await.unwrap();
    assert_eq!(clock.slept(), [Duration::from_secs(9)], "the second sending waits");
}

/// How long a request of a lane waits after one of another lane was told so to wait an hour.
async fn held(told: Lane, status: u16, lane: Lane) -> Duration {
    let mut first = true;
    let script = Script::new(move |_| match std::mem::take(&mut first) {
        true => Say::Header(status, Json::Null, "retry-after", "3600"),
        false => Say::Status(204, Json::Null),
    });
    let (entra, clock) = entra(&script);
    entra.client.send(patch("1").in_lane(told)).await.unwrap_err();
    entra.client.send(patch("2").in_lane(lane)).await.unwrap();
    clock.slept().iter().sum()
}

#[tokio::test]
async fn a_refused_request_holds_its_lane_and_those_below_but_no_leaver() {
    let hour = Duration::from_secs(3600);
    for (told, lane) in [
        (Lane::Bulk, Lane::Bulk),
        (Lane::Bulk, Lane::Direct),
        (Lane::Direct, Lane::Direct),
        (Lane::Direct, Lane::Bulk),
        (Lane::Leaver, Lane::Leaver),
        (Lane::Leaver, Lane::Bulk),
    ] {
        assert_eq!(held(told, 429, lane).await, hour, "{told:?} {lane:?}");
    }
    for told in [Lane::Bulk, Lane::Direct] {
        assert!(held(told, 429, Lane::Leaver).await < Duration::from_secs(1), "{told:?}");
        assert_eq!(held(told, 503, Lane::Leaver).await, hour, "{told:?}: the service is not there for anybody");
    }
}

#[tokio::test]
async fn each_sending_is_paid_for_once() {
    let script = Script::new(|_| error(401, "InvalidAuthenticationToken", "expired"));
    let (entra, _) = entra(&script);
    entra.client.send(patch("1")).await.unwrap_err();
    assert_eq!(entra.client.time_for(2641, 0, 0), Duration::from_millis(150), "two sendings and the one write more");
}

/// A batch of three, whose second part is refused so often for its token; what became of the parts, and what was posted.
async fn part_refused(times: usize) -> (Vec<Reply>, Vec<String>, Vec<String>) {
    let mut refusals = 0;
    let script = Script::new(move |asked| {
        if asked.url == "/users/2" && refusals < times {
            refusals += 1;
            return error(401, "InvalidAuthenticationToken", "expired");
        }
        Say::Status(204, Json::Null)
    });
    let (entra, clock) = entra(&script);
    let replies = entra.client.send_all(&[patch("1"), patch("2"), patch("3")]).await;
    assert_eq!(clock.slept(), Vec::<Duration>::new());
    let asked = script.asked.lock().unwrap();
    let tokens = asked.iter().filter_map(|asked| Some(asked.headers["authorization"].as_str()?.to_owned())).collect();
    let posted = script.posted.lock().unwrap().clone();
    (replies, tokens, posted)
}

#[tokio::test]
async fn a_part_whose_token_is_refused_is_sent_once_more_with_a_new_one() {
    let (replies, tokens, posted) = part_refused(1).await;
    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
    assert_eq!((tokens, posted), (vec!["Bearer t1".to_owned()], vec!["/$batch".to_owned(), "/users/2".to_owned()]));
    let (replies, _, posted) = part_refused(usize::MAX).await;
    let faults: Vec<_> = replies.into_iter().map(|reply| reply.err().map(|refusal| refusal.error.fault)).collect();
    assert_eq!((faults, posted.len()), (vec![None, Some(Fault::Unauthorized), None], 2));
}

#[tokio::test]
async fn a_batch_whose_token_stays_refused_is_sent_twice() {
    let script = Script::new(|_| error(401, "InvalidAuthenticationToken", "expired"));
    let (entra, _) = entra(&script);
    let replies = entra.client.send_all(&[patch("1"), patch("2")]).await;
    assert!(replies.iter().all(|reply| reply.as_ref().is_err_and(|refusal| refusal.error.fault == Fault::Unauthorized)));
    assert_eq!(*script.posted.lock().unwrap(), ["/$batch", "/$batch"]);
}

#[tokio::test]
async fn what_an_answer_asks_for_counts_from_when_it_came() {
    let answer = Answer { status: 429, retry_after: Some(Duration::from_secs(11)), at: 1_000, ..Answer::default() };
    let tries = |now| Tries {
        made: 0,
        most: 6,
        throttled: 1,
        lost_before: false,
        wait: Duration::ZERO,
        throttled_wait: Duration::from_secs(10),
        now,
    };
    for (now, rest) in [(1_000, 11_000), (9_000, 3_000), (20_000, 0)] {
        let next = tries(now).next(&patch("1"), Outcome::Answered(answer.clone()));
        let Next::Again { wait, pause, .. } = next else { panic!("it is sent again") };
        assert_eq!((wait, pause), (Duration::from_millis(rest), Pause::Nobody));
    }
}

#[tokio::test]
async fn a_token_that_stays_refused_is_unauthorized_after_two_requests() {
    let script = Script::new(|_| error(401, "InvalidAuthenticationToken", "expired"));
    let (entra, _) = entra(&script);
    let refusal = entra.client.send(patch("1")).await.unwrap_err();
    assert_eq!((refusal.error.fault, script.lines().len()), (Fault::Unauthorized, 2));
}

#[tokio::test]
async fn the_longest_wait_that_a_batch_asks_for_is_kept_and_only_the_refused_are_repeated() {
    let mut tries = BTreeMap::<String, u32>::new();
    let script = Script::new(move |asked| {
        let seen = tries.entry(asked.url.clone()).or_default();
        *seen += 1;
        match (asked.url.as_str(), *seen) {
            ("/users/2", 1) => Say::Header(429, json!({}), "Retry-After", "3"),
            ("/users/3", 1) => Say::Header(429, json!({}), "Retry-After", "11"),
            _ => Say::Status(204, Json::Null),
        }
    });
    let (entra, clock) = entra(&script);
    let replies = entra.client.send_all(&[patch("1"), patch("2"), patch("3")]).await;
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(clock.slept().iter().sum::<Duration>(), Duration::from_secs(11));
    assert_eq!(script.lines()[3..], ["PATCH /users/2", "PATCH /users/3"]);
}

#[tokio::test]
async fn throttling_without_an_end_is_given_back_after_forty_refusals() {
    let script = Script::new(|_| Say::Status(429, Json::Null));
    let (entra, _) = entra(&script);
    let refusal = entra.client.send(patch("1")).await.unwrap_err();
    assert_eq!((refusal.error.fault, script.lines().len()), (Fault::Throttled { retry_after: None }, 40));
}

#[tokio::test]
async fn a_wait_beyond_patience_is_left_to_the_caller() {
    let script = Script::new(|_| Say::Header(429, Json::Null, "retry-after", "3600"));
    let (entra, clock) = entra(&script);
    let refusal = entra.client.send(patch("1")).await.unwrap_err();
    assert_eq!(refusal.error.fault, Fault::Throttled { retry_after: Some(Duration::from_secs(3600)) });
    assert_eq!((script.lines().len(), clock.slept().len()), (1, 0));
}

/// What a request must come to, by how often it is sent.
async fn outcome(call: Call, say: Say) -> (Fault, usize) {
    let script = Script::new(move |_| say.clone());
    let (entra, _) = entra(&script);
    let refusal = entra.client.send(call).await.unwrap_err();
    (refusal.error.fault, script.lines().len())
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_only_where_that_is_safe() {
    let create = || Call::post("/users".into(), json!({})).never_repeated();
    let read = || Call::get("/users".into());
    for lost in [
        Say::Lost,
        Say::Garbage(200),
        Say::Garbage(404),
        Say::Garbage(400),
        Say::Garbage(502),
        Say::Status(504, Json::Null),
        Say::Status(503, Json::Null),
    ] {
        assert_eq!(outcome(create(), lost.clone()).await, (Fault::OutcomeUnknown, 1), "{lost:?}");
        assert_eq!(outcome(patch("1"), lost.clone()).await, (Fault::OutcomeUnknown, 6), "{lost:?}");
        assert_eq!(outcome(read(), lost.clone()).await, (Fault::Unreachable, 6), "{lost:?}");
    }
    assert_eq!(outcome(create(), Say::NotSent).await, (Fault::Unreachable, 6));
    assert_eq!(outcome(create(), Say::Status(429, Json::Null)).await.1, 40, "it was not done");
}

#[tokio::test]
async fn a_part_that_the_batch_leaves_out_is_lost() {
    let script = Script::new(|asked| if asked.url == "/users" { Say::Lost } else { Say::Status(204, Json::Null) });
    let (entra, _) = entra(&script);
    let create = Call::post("/users".into(), json!({})).never_repeated();
    let replies = entra.client.send_all(&[patch("1"), create]).await;
    assert!(replies[0].is_ok());
    assert_eq!(replies[1].as_ref().unwrap_err().error.fault, Fault::OutcomeUnknown);
}

#[tokio::test]
async fn what_has_just_been_written_is_given_two_more_chances() {
    let unripe = || error(400, "Request_BadRequest", "Not a valid reference update.");
    let Say::Status(status, body) = unripe() else { unreachable!() };
    let (fault, sent) = outcome(patch("1"), Say::Status(status, body)).await;
    assert_eq!((fault, sent), (Fault::Rejected { code: "Request_BadRequest".into(), attribute: None }, 3));
}

#[derive(Default)]
struct Seen(std::sync::Mutex<Vec<String>>);

impl crate::Observer for Seen {
    fn seen(&self, exchange: &Exchange<'_>) {
        let line = format!(
            "{:?} {} {} {:?} {:?} {:?}",
            exchange.carriage, exchange.method, exchange.path, exchange.properties, exchange.status, exchange.request_id
        );
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn the_observer_sees_each_part_and_no_name() {
    let script = Script::new(|_| Say::Status(204, Json::Null));
    let seen = Arc::new(Seen::default());
    let (mut entra, _) = entra(&script);
    entra.client.meter = Meter::new(Some(seen.clone()));
    let named = Call::get("/users/ann@contoso.com?$select=id".into()).shown_as("/users/{userPrincipalName}");
    entra.client.send_all(&[patch("1"), named]).await;
    assert_eq!(
        *seen.0.lock().unwrap(),
        [
            r#"Alone POST /$batch ["requests"] Some(200) None"#,
            r#"InBatch PATCH /users/1 ["jobTitle"] Some(204) Some("r0")"#,
            r#"InBatch GET /users/{userPrincipalName} [] Some(204) Some("r1")"#,
        ]
    );
}

#[tokio::test]
async fn who_lost_a_request_says_nothing_of_the_quota_by_silence() {
    for said in [Say::Lost, Say::Garbage(200), error(503, "ServiceUnavailable", ""), error(401, "InvalidAuthenticationToken", "")]
    {
        let shown = format!("{said:?}");
        let script = Script::new(move |_| said.clone());
        let (entra, _) = entra(&script);
        let pacing = &entra.client.pacing;
        // The dearer account is nearly empty, the cheaper one nearly full: silence would prove the cheaper one right.
        let links = Charge { units: 1.0, writes_flat: 1.0, writes_by_three: 7.0 };
        for _ in 0..370 {
            drop(pacing.admit(Gate::Writes, entrain_model::Lane::Leaver, links).await);
        }
        let before = entra.client.time_for(1000, 0, 0);
        for calls in [vec![patch("1").never_repeated()], vec![patch("2").never_repeated(), patch("3").never_repeated()]] {
            entra.client.send_all(&calls).await.into_iter().for_each(|reply| drop(reply.unwrap_err()));
        }
        assert_eq!(entra.client.links(), 18, "{shown}");
        assert!(entra.client.time_for(1000, 0, 0) > before, "{shown}: what was sent is not forgotten");
    }
}

#[tokio::test]
async fn an_empty_404_is_not_believed() {
    let mut first = true;
    let script = Script::new(move |_| match std::mem::take(&mut first) {
        true => Say::Status(404, Json::Null),
        false => Say::Status(200, json!({ "id": "1" })),
    });
    let (entra, _) = entra(&script);
    let answer = entra.client.send(Call::get("/users/1".into())).await.unwrap();
    assert_eq!((answer.body["id"].as_str(), script.lines().len()), (Some("1"), 2));
}
