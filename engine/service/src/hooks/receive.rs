//! `POST /api/v1/events/SENDER`: another program says what has changed. A message is proved by its signature, and taken once.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use entrain_model::{ObjectRef, SourceId};
use entrain_store::{HookKey, HookSide, SourceChange, SourceWriter, StoreError};
use serde_json::json;

use super::keys::Keyring;
use super::message::{Said, What, read};
use crate::http::Http;
use crate::http::problem::Problem;
use crate::scim::{HandOver, Scim};

/// The largest message, in bytes.
const LARGEST: usize = 1 << 20;
/// So far may the clock of a sender be from ours, in seconds; so long are messages remembered, and twice that.
const TOLERANCE: i64 = 5 * 60;
const DOOR: &str = "/api/v1/events";

/// What the way in needs.
#[derive(Clone)]
pub(crate) struct Events {
    pub(crate) http: Arc<Http>,
    pub(crate) scim: Scim,
    pub(crate) keys: Arc<Keyring>,
}

/// What became of a message.
#[derive(Debug, Default)]
struct Taken {
    events: usize,
    unknown: usize,
}

/// The way in, relative to where it is mounted, which is `/api/v1/events`.
pub(crate) fn router(events: Events) -> Router {
    Router::new().route("/{sender}", post(take)).with_state(events)
}

async fn take(State(events): State<Events>, Path(sender): Path<String>, request: Request) -> Response {
    let from = Http::network(request.extensions());
    let (who, result) = match proved(&events, &sender, &from, request).await {
        Ok((message, body)) => (format!("sender {sender}"), work(&events, &sender, &message, &body).await),
        Err(problem) => (from, Err(problem)),
    };
    let response = result.unwrap_or_else(Problem::into_response);
    if response.status().is_client_error() {
        events.http.refused(&who, DOOR, response.status().as_u16());
    }
    response
}

/// The id and the body of a message that the sender has signed.
async fn proved(events: &Events, sender: &str, from: &str, request: Request) -> Result<(String, Vec<u8>), Problem> {
    let (parts, body) = request.into_parts();
    let hook = events.http.store.hook(HookSide::Sender, sender).await?;
    let stranger = || events.http.stranger(from, "sign the message as standardwebhooks.com says, with the secret of this sender");
    // A stranger's body is not read to its end.
    let Some(hook) = hook else { return Err(stranger()) };
    let header = |name: &str| header(&parts.headers, name);
    let (Some(id), Some(time), Some(signatures)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    else {
        return Err(stranger());
    };
    let seconds: i64 = time.parse().map_err(|_| stranger())?;
    if (seconds - events.http.store.now() / 1000).abs() > TOLERANCE || id.len() > 200 {
        return Err(stranger());
    }
    let body = to_bytes(body, LARGEST).await;
    let body = body.map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a message has at most {LARGEST} bytes")))?;
    let keys = events.keys.keys(&hook).await.map_err(|error| {
        tracing::error!(sender, "the messages of a sender cannot be proved: {error}");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the key of this sender cannot be opened; the log says why")
    })?;
    if !keys.iter().any(|key| key.proves(id, seconds, &body, signatures)) {
        return Err(stranger());
    }
    events.http.pace_sender(sender)?;
    Ok((id.to_owned(), body.into()))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Does what a message says, in one transaction.
async fn work(events: &Events, sender: &str, message: &str, body: &[u8]) -> Result<Response, Problem> {
    let said = read(body).map_err(|why| Problem::new(StatusCode::BAD_REQUEST, why))?;
    let store = events.http.store.clone().acting_as(&format!("sender {sender}"));
    let mut writer = store.source_writer().await?;
    if !writer.first_time(sender, message).await? {
        return Ok((StatusCode::OK, Json(json!({ "replay": true, "events": 0 }))).into_response());
    }
    let (mut taken, mut looked) = (Taken::default(), Vec::new());
    for (index, one) in said.into_iter().enumerate() {
        let done = make(&events.scim, &mut writer, one, &mut looked).await;
        let known = done.map_err(|refused| refused.problem(index))?;
        taken.events += 1;
        taken.unknown += usize::from(!known);
    }
    writer.look_at(&looked).await?;
    writer.commit().await?;
    let said = json!({ "replay": false, "events": taken.events, "unknown": taken.unknown });
    Ok((StatusCode::ACCEPTED, Json(said)).into_response())
}

/// Why an event is not taken, and with it the whole message.
enum Refused {
    Store(StoreError),
    Object(u16, String),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Refused::Store(error)
    }
}

impl Refused {
    fn problem(self, index: usize) -> Problem {
        match self {
            Refused::Store(error) => error.into(),
            Refused::Object(status, detail) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
                Problem::new(status, format!("event {index}: {detail}; nothing of the message was taken"))
            }
        }
    }
}

/// Does what one event says; whether its object is known.
async fn make(scim: &Scim, writer: &mut SourceWriter, said: Said, looked: &mut Vec<ObjectRef>) -> Result<bool, Refused> {
    let named = writer.named(said.kind, &said.key).await?;
    match said.what {
        What::Changed => {
            looked.extend(named.iter().cloned());
            Ok(!named.is_empty())
        }
        What::Removed => {
            let gone = |object: &ObjectRef| match object.kind {
                entrain_model::Kind::User => SourceChange::RemoveUser(object.id.clone()),
                entrain_model::Kind::Group => SourceChange::RemoveGroup(object.id.clone()),
            };
            let [object] = named.as_slice() else { return one_of(&named) };
            writer.apply(&[gone(object)]).await?;
            Ok(true)
        }
        What::Put(document) => {
            let id = match (named.as_slice(), said.key) {
                ([object], _) => object.id.clone(),
                ([], HookKey::Id(id)) => SourceId::from(id),
                ([], _) => SourceId::from(uuid::Uuid::now_v7().to_string()),
                (several, _) => return one_of(several),
            };
            let object = ObjectRef { kind: said.kind, id };
            match scim.hand_over(writer, &object, document).await {
                HandOver::Taken => Ok(true),
                HandOver::Refused(status, detail) => Err(Refused::Object(status, detail)),
                HandOver::Failed(error) => Err(error.into()),
            }
        }
    }
}

/// Nobody is removed, or several could be meant.
fn one_of(named: &[ObjectRef]) -> Result<bool, Refused> {
    if named.is_empty() {
        return Ok(false);
    }
    Err(Refused::Object(409, format!("{} objects have this key: name one by its `id`", named.len())))
}
