//! Bulk requests: each operation is a transaction of its own.

use std::collections::BTreeMap;

use entrain_scim::{Bulk, BulkOperation, BulkStep, Map, readable};
use serde_json::{Value as Json, json};

use super::answer::{Failure, Reply};
use super::call::Call;
use super::{LIMITS, dispatch};

const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// Carries a bulk request out.
pub(super) async fn run(call: &Call, body: Json) -> Result<Reply, Failure> {
    let mut bulk = Bulk::parse(body, &LIMITS)?;
    let mut answers: BTreeMap<usize, Json> = BTreeMap::new();
    while let Some(step) = bulk.advance() {
        match step {
            BulkStep::Make(index, operation) => {
                let made = make(call, &operation).await;
                bulk.settle(&operation, made.as_ref().ok().map(|reply| reply.id.clone().unwrap_or_default()));
                answers.insert(index, part(call, &operation, made));
            }
            BulkStep::Complete(index, operation) => {
                // The resource stands already; only that it could not be completed is news.
                if let Err(failure) = make(call, &operation).await {
                    bulk.settle(&operation, None);
                    answers.insert(index, part(call, &operation, Err(failure)));
                }
            }
            BulkStep::Refuse(index, operation, error) => {
                bulk.settle(&operation, None);
                answers.insert(index, part(call, &operation, Err(error.into())));
            }
        }
    }
    let operations: Vec<Json> = answers.into_values().collect();
    Ok(Reply::document(json!({ "schemas": [RESPONSE], "Operations": operations })))
}

async fn make(call: &Call, operation: &BulkOperation) -> Result<Reply, Failure> {
    readable(&operation.data)?;
    let mut own = call.clone();
    own.if_match = operation.version.clone();
    own.if_none_match = None;
    dispatch::inner(&own, operation.method.as_str(), &operation.path, operation.data.clone()).await
}

fn part(call: &Call, operation: &BulkOperation, made: Result<Reply, Failure>) -> Json {
    let mut answer = Map::new();
    answer.insert("method".into(), operation.method.as_str().into());
    if let Some(bulk_id) = &operation.bulk_id {
        answer.insert("bulkId".into(), bulk_id.clone().into());
    }
    match made {
        Ok(reply) => {
            let location = reply.location.unwrap_or_else(|| format!("{}{}", call.base, operation.path));
            answer.insert("location".into(), location.into());
            if let Some(etag) = reply.etag {
                answer.insert("version".into(), etag.into());
            }
            answer.insert("status".into(), reply.status.to_string().into());
        }
        Err(failure) => {
            let error = failure.told();
            answer.insert("status".into(), error.status.to_string().into());
            answer.insert("response".into(), error.body());
        }
    }
    Json::Object(answer)
}
