//! An explanation for programs.

use entrain_model::{Actual, Candidate, Decision, Desired, ObjectState};
use entrain_plan::Fit;
use entrain_store::{About, Key};
use entrain_sync::{Explanation, Permission, Source, Target};
use serde_json::{Value as Json, json};

use crate::cli::utc;

/// All of it as one JSON object.
pub(crate) fn object(explanation: &Explanation, target: &Target) -> Json {
    let rules: Vec<_> = explanation
        .rules
        .iter()
        .map(|rule| json!({ "rule": rule.rule, "code": rule.against.as_ref().map(entrain_model::Why::code) }))
        .collect();
    let plan: Vec<_> = explanation.plan.iter().map(planned).collect();
    let keys: Vec<_> = explanation.keys.iter().map(|(key, found)| matched(key, found)).collect();
    json!({
        "target": target.name, "mode": target.mode.as_str(), "halt": explanation.halt, "source": source(&explanation.source),
        "scope": rules, "mapping": mapping(explanation), "matching": keys,
        "record": explanation.state.as_ref().and_then(|state| state.actual.as_ref()).map(record),
        "contests": explanation.state.as_ref().map(contests), "plan": plan,
        "left_to_target": explanation.left_to_target, "about": about(&explanation.about),
        "left": explanation.state.as_ref().and_then(|state| state.left.as_ref()).map(|left| {
            json!({ "at": utc(left.at), "deletes_at": explanation.deletes_at.map(utc) })
        }),
    })
}

fn source(source: &Source) -> Json {
    match source {
        Source::Present(version, attributes) => json!({ "state": "present", "version": version, "attributes": attributes }),
        Source::Deleted => json!({ "state": "deleted" }),
        Source::Unknown(similar) => json!({ "state": "unknown", "similar": similar }),
    }
}

fn mapping(explanation: &Explanation) -> Json {
    match &explanation.mapping {
        None => Json::Null,
        Some(Err(halt)) => json!({ "error": halt }),
        Some(Ok(Desired::Present(record))) => {
            let settings: serde_json::Map<String, Json> = record
                .settings
                .iter()
                .map(|(name, setting)| {
                    let from = explanation.origins.get(name).into_iter().flatten();
                    let from: Vec<_> =
                        from.map(|one| json!({ "script": one.script, "lines": one.lines, "setting": one.setting })).collect();
                    (name.clone(), json!({ "setting": setting, "from": from }))
                })
                .collect();
            json!({ "state": "present", "attributes": settings })
        }
        Some(Ok(other)) => json!(other),
    }
}

fn matched(key: &Key, found: &[(Candidate, Fit)]) -> Json {
    let found: Vec<_> = found
        .iter()
        .map(|(candidate, fit)| {
            let refused = if let Fit::Refused(hold) = fit { Some(hold) } else { None };
            let hold = refused.map(|hold| json!({ "code": hold.code(), "text": hold.to_string() }));
            json!({
                "id": candidate.actual.id, "code": fit.code(), "hold": hold, "linked_to": candidate.linked_to,
                "rivals": candidate.rivals, "record": record(&candidate.actual),
            })
        })
        .collect();
    json!({ "rank": key.rank, "evidence": key.evidence, "attribute": key.attribute, "value": key.value, "found": found })
}

fn record(actual: &Actual) -> Json {
    json!({
        "id": actual.id, "condition": actual.condition, "anchor": actual.anchor, "protection": actual.protection,
        "mastered_elsewhere": actual.mastered_elsewhere, "unwritable": actual.unwritable, "attributes": actual.attributes,
    })
}

fn contests(state: &ObjectState) -> Json {
    let contests = state.contests.iter();
    contests
        .map(|contest| {
            let held: Vec<_> = contest.held_by.iter().map(|(id, object)| json!({ "id": id, "object": object })).collect();
            json!({ "attribute": contest.attribute, "value": contest.value, "wanted_by": contest.wanted_by, "held_by": held })
        })
        .collect()
}

fn planned((decision, permission): &(Decision, Permission)) -> Json {
    json!({ "decision": entrain_plan::json(decision), "permitted": *permission == Permission::Given })
}

fn about(about: &About) -> Json {
    let link = about.link.as_ref().map(|link| {
        json!({ "id": link.link.id, "anchored": link.link.anchored, "evidence": link.evidence, "since": utc(link.linked_at) })
    });
    let holds: Vec<_> = about
        .holds
        .iter()
        .map(|row| json!({ "code": row.hold.code(), "text": row.hold.to_string(), "since": utc(row.since), "run": row.run }))
        .collect();
    let queued = about.queued.as_ref().map(
        |row| json!({ "since": utc(row.since), "not_before": utc(row.not_before), "attempts": row.attempts, "error": row.error }),
    );
    let effects: Vec<_> = about
        .effects
        .iter()
        .map(|row| {
            json!({
                "run": row.run, "line": row.line, "action": row.action, "state": row.state, "detail": row.detail,
                "request_id": row.request_id, "started_at": utc(row.started_at), "ended_at": row.ended_at.map(utc),
            })
        })
        .collect();
    let waiting: Vec<_> = about
        .waiting
        .iter()
        .map(|run| json!({ "run": run.run, "scope": run.scope, "since": utc(run.since), "reasons": run.reasons }))
        .collect();
    let lease = about.lease.as_ref().map(|(holder, until)| json!({ "holder": holder, "until": utc(*until) }));
    json!({ "link": link, "holds": holds, "queue": queued, "lease": lease, "approval": waiting, "effects": effects })
}
