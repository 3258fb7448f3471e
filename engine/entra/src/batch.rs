//! `$batch`: up to twenty requests in one (JSON batching, Graph documentation). It saves time, not quota.

use entrain_model::Lane;
use serde_json::{Map, Value as Json, json};

use crate::call::{Answer, Call, Outcome};
use crate::pacing::{Told, priority};
use crate::retry::retry_after;
use crate::token::challenged;

/// The most requests in one batch.
pub(crate) const BATCH: usize = 20;

/// Sorts requests, by their places, into those that travel together. At most `bulky` bulky ones share a batch.
pub(crate) fn pack(calls: &[Call], bulky: usize) -> Vec<Vec<usize>> {
    let (heavy, light): (Vec<usize>, Vec<usize>) = (0..calls.len()).partition(|place| calls[*place].links > 0);
    let light = light.chunks(BATCH).map(<[usize]>::to_vec);
    let heavy = heavy.chunks(bulky.clamp(1, BATCH)).map(<[usize]>::to_vec);
    light.chain(heavy).collect()
}

/// Says who is to be throttled first (Graph documentation, "Throttling priority").
pub(crate) const PRIORITY: &str = "x-ms-throttle-priority";

/// One request that carries these.
pub(crate) fn encode(calls: &[&Call]) -> Call {
    let requests: Vec<Json> = calls.iter().enumerate().map(|(place, call)| part(place, call)).collect();
    let lane = calls.iter().map(|call| call.lane).min().unwrap_or(Lane::Bulk);
    Call::post("/$batch".to_owned(), json!({ "requests": requests })).in_lane(lane)
}

fn part(place: usize, call: &Call) -> Json {
    let mut headers: Map<String, Json> = call.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    headers.insert(PRIORITY.to_owned(), json!(priority(call.lane)));
    let mut part = json!({ "id": place.to_string(), "method": call.method.as_str(), "url": call.path });
    if let Some(body) = &call.body {
        headers.insert("Content-Type".to_owned(), json!("application/json"));
        part["body"] = body.clone();
    }
    part["headers"] = Json::Object(headers);
    part
}

/// The answers in the order of the requests. One that is missing is lost: its request may have been done.
pub(crate) fn decode(batch: &Answer, count: usize, now: entrain_model::Millis) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::Lost("the answer to the batch leaves this request out".to_owned()); count];
    for response in batch.body["responses"].as_array().into_iter().flatten() {
        let place = response["id"].as_str().and_then(|id| id.parse::<usize>().ok());
        if let (Some(slot), Some(status)) = (place.and_then(|place| outcomes.get_mut(place)), response["status"].as_u64()) {
            *slot = Outcome::Answered(answer(batch, response, u16::try_from(status).unwrap_or(500), now));
        }
    }
    outcomes
}

fn answer(batch: &Answer, response: &Json, status: u16, now: entrain_model::Millis) -> Answer {
    let header = |wanted: &str| {
        response["headers"].as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?.1.as_str().map(str::to_owned)
    };
    Answer {
        status,
        body: response["body"].clone(),
        request_id: header("request-id").or_else(|| batch.request_id.clone()),
        retry_after: header("retry-after").and_then(|value| retry_after(&value, batch.date.unwrap_or(now))),
        at: now,
        told: Told::read(status, header),
        date: batch.date,
        challenge: header("www-authenticate").as_deref().and_then(challenged),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn light(path: &str) -> Call {
        Call::patch(path.to_owned(), json!({"x": 1}))
    }

    #[test]
    fn twenty_light_or_five_bulky_requests_travel_together() {
        let mut calls: Vec<Call> = (0..21).map(|_| light("/users/1")).collect();
        calls.extend((0..6).map(|_| light("/groups/1").bulky(20)));
        let sizes: Vec<usize> = pack(&calls, 5).iter().map(Vec::len).collect();
        assert_eq!(sizes, [20, 1, 5, 1]);
        assert_eq!(pack(&calls[20..23], 0), [vec![0], vec![1], vec![2]]);
    }

    #[test]
    fn a_part_has_a_content_type_exactly_when_it_has_a_body() {
        let batch = encode(&[&light("/users/1").with("Prefer", "return=minimal"), &Call::delete("/users/2".into())]);
        let requests = batch.body.unwrap()["requests"].clone();
        assert_eq!(
            requests[0]["headers"],
            json!({"Prefer": "return=minimal", "Content-Type": "application/json", "x-ms-throttle-priority": "Normal"})
        );
        assert_eq!(
            requests[1],
            json!({"id": "1", "method": "DELETE", "url": "/users/2", "headers": {"x-ms-throttle-priority": "Normal"}})
        );
    }

    #[test]
    fn a_part_may_ask_for_claims_of_the_next_token() {
        let header = r#"Bearer error="insufficient_claims", claims="eyJhIjp7fX0=""#;
        let body = json!({"responses": [{"id": "0", "status": 401, "headers": {"WWW-Authenticate": header}, "body": {}}]});
        let outcomes = decode(&Answer { status: 200, body, ..Answer::default() }, 1, 0);
        assert_eq!(outcomes[0].answer().and_then(|answer| answer.challenge.clone()), Some(json!({"a": {}})));
    }

    #[test]
    fn answers_come_in_any_order_and_a_missing_one_is_lost() {
        let body = json!({"responses": [
            {"id": "2", "status": 429, "headers": {"Retry-After": "7", "request-id": "r"}, "body": {}},
            {"id": "0", "status": 204},
        ]});
        let batch = Answer { status: 200, body, request_id: Some("outer".into()), ..Answer::default() };
        let outcomes = decode(&batch, 3, 0);
        assert!(matches!(&outcomes[0], Outcome::Answered(a) if a.status == 204 && a.request_id.as_deref() == Some("outer")));
        assert!(matches!(&outcomes[1], Outcome::Lost(_)));
        assert!(
            matches!(&outcomes[2], Outcome::Answered(a) if a.retry_after == Some(Duration::from_secs(7)) && a.request_id.as_deref() == Some("r"))
        );
    }
}
