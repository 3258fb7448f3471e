//! Sends requests: packed, paced, with a token, and again where that is safe.

mod decide;

use std::sync::Arc;
use std::time::{Duration, Instant};

use entrain_model::{Clock, DirectoryError, Lane, RefusedCredential};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;
use tracing::Instrument as _;

use crate::EntraConfig;
use crate::batch;
use crate::call::{Answer, Call, Outcome};
use crate::classify::Refusal;
use crate::pacing::{Charge, Gate, Limit, Pacing, Told, charge, priority};
use crate::retry::{LONGEST_WAIT, Spread, backoff, http_date, retry_after, throttled_backoff};
use crate::token::{Token, TokenSource, challenged};
use crate::traffic::{self, Carriage, Exchange, Meter};
use crate::wire::{Incoming, Outgoing, Wire, WireError};
use decide::{Next, Pause, Tries, gave_up};

/// What a request came to.
pub(crate) type Reply = Result<Answer, Refusal>;

/// Graph for one tenant.
pub(crate) struct Client {
    wire: Arc<dyn Wire>,
    tokens: Arc<dyn TokenSource>,
    base: String,
    clock: Arc<dyn Clock>,
    pacing: Pacing,
    spread: Spread,
    meter: Meter,
    attempts: u32,
    bulky: usize,
}

/// What one HTTP request weighs.
#[derive(Clone, Copy)]
struct Load {
    gate: Gate,
    lane: Lane,
    cost: Charge,
    /// How many of its parts change something.
    writes: u64,
}

/// A request that has no reply yet.
#[derive(Default)]
struct Pending {
    place: usize,
    lost: bool,
    /// How often it was sent and not refused with 429.
    tried: u32,
    /// How often it was refused so.
    throttled: u32,
}

impl Client {
    pub(crate) fn new(config: &EntraConfig, wire: Arc<dyn Wire>, tokens: Arc<dyn TokenSource>) -> Self {
        Self {
            wire,
            tokens,
            base: format!("{}/v1.0", config.cloud.graph()),
            clock: config.clock.clone(),
            pacing: Pacing::new(config.concurrency, config.quota, config.clock.clone()),
            spread: Spread::default(),
            meter: Meter::new(config.observer.clone()),
            attempts: config.attempts.max(1),
            bulky: config.bind_batch,
        }
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// A token as requests carry it.
    pub(crate) async fn token(&self) -> Result<Token, DirectoryError> {
        self.tokens.token().await
    }

    /// The credentials that are passed over, see [`TokenSource::passed_over`].
    pub(crate) fn passed_over(&self) -> Option<Vec<RefusedCredential>> {
        self.tokens.passed_over()
    }

    /// The most links of one request at the least cost for each.
    pub(crate) fn links(&self) -> usize {
        self.pacing.links()
    }

    /// How long such work takes from now on, see [`Pacing::time_for`].
    pub(crate) fn time_for(&self, changes: u64, links: u64, groups: u64) -> Duration {
        self.pacing.time_for(changes, links, groups)
    }

    fn pause(&self, gate: Gate, lane: Lane, pause: Pause, wait: Duration) {
        if wait > LONGEST_WAIT && pause != Pause::Nobody {
            tracing::warn!(seconds = wait.as_secs(), ?gate, ?lane, "Graph asks for a long pause, which is kept");
        }
        match pause {
            Pause::Nobody => {}
            Pause::Gate => self.pacing.pause(gate, lane, wait),
            Pause::Both => [Gate::Reads, Gate::Writes].into_iter().for_each(|gate| self.pacing.pause(gate, lane, wait)),
        }
    }

    /// The whole address of a path, as references need it in a body.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether an address leads to this Graph. A token goes nowhere else.
    pub(crate) fn owns(&self, address: &str) -> bool {
        address.strip_prefix(&self.base).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Sends one request.
    pub(crate) async fn send(&self, call: Call) -> Reply {
        let mut reply = None;
        self.send_pack(std::slice::from_ref(&call), |_, settled| reply = Some(settled)).await;
        reply.unwrap_or_else(|| Err(gave_up(&call, "it was not sent", 0)))
    }

    /// Sorts requests, by their places, into those that travel together.
    pub(crate) fn packs(&self, calls: &[Call]) -> Vec<Vec<usize>> {
        batch::pack(calls, self.bulky)
    }

    /// Sends what travels together, none of which may depend on another. Each reply is handed over as it comes: one that has to be asked for again keeps no other
    /// waiting.
    pub(crate) async fn send_pack(&self, calls: &[Call], mut take: impl FnMut(usize, Reply)) {
        let mut pending: Vec<Pending> = (0..calls.len()).map(|place| Pending { place, ..Pending::default() }).collect();
        while !pending.is_empty() {
            let outcomes = self.carry(pending.iter().map(|pending| &calls[pending.place]).collect()).await;
            let (mut wait, mut again) = (Duration::ZERO, Vec::new());
            for (mut pending, outcome) in pending.into_iter().zip(outcomes) {
                let call = &calls[pending.place];
                match outcome.answer().and_then(|answer| answer.told.throttled) {
                    Some(_) => pending.throttled += 1,
                    None => pending.tried += 1,
                }
                match self.tries(&pending).next(call, outcome) {
                    Next::Settled(reply) => take(pending.place, reply),
                    Next::Again { wait: this, pause, lost } => {
                        self.pause(call.gate(), call.lane, pause, this);
                        wait = wait.max(this);
                        pending.lost |= lost;
                        again.push(pending);
                    }
                }
            }
            pending = again;
            if !pending.is_empty() {
                self.clock.sleep(wait).await;
            }
        }
    }

    /// Sends each once. Where the token is refused, for all or for parts of a batch, those are sent once more with one that has
    /// what the refusal asks for; the second sending waits and pays as the first did.
    async fn carry(&self, calls: Vec<&Call>) -> Vec<Outcome> {
        let mut outcomes = self.once(&calls).await;
        let refused: Vec<usize> = (0..calls.len()).filter(|place| outcomes[*place].status() == Some(401)).collect();
        if !refused.is_empty() {
            let again: Vec<&Call> = refused.iter().map(|place| calls[*place]).collect();
            for (place, outcome) in refused.into_iter().zip(self.once(&again).await) {
                outcomes[place] = outcome;
            }
        }
        outcomes
    }

    /// Alone if it is one, else as a batch.
    async fn once(&self, calls: &[&Call]) -> Vec<Outcome> {
        if let [call] = calls {
            let load = Load { gate: call.gate(), lane: call.lane, cost: charge(call), writes: u64::from(call.writes()) };
            let (outcome, token) = self.exchange(call, load).await;
            return self.taken(load, token, vec![outcome]);
        }
        let begun = begin();
        let writes = calls.iter().filter(|call| call.writes()).count() as u64;
        let gate = if writes > 0 { Gate::Writes } else { Gate::Reads };
        let cost = calls.iter().fold(Charge::default(), |sum, call| sum + charge(call));
        let batch = batch::encode(calls);
        let load = Load { gate, lane: batch.lane, cost, writes };
        let (whole, token) = self.exchange(&batch, load).await;
        let outcomes = match whole.success() {
            Some(answer) => batch::decode(answer, calls.len(), self.clock.now()),
            None => vec![whole; calls.len()],
        };
        let outcomes = self.taken(load, token, outcomes);
        for (call, outcome) in calls.iter().zip(&outcomes) {
            self.report(call, outcome, begun.elapsed(), Carriage::InBatch);
        }
        outcomes
    }

    /// What came back, once it is known what follows for the token and for the quotas.
    fn taken(&self, load: Load, token: Option<Token>, outcomes: Vec<Outcome>) -> Vec<Outcome> {
        let mut refused = outcomes.iter().filter_map(Outcome::answer).filter(|answer| answer.status == 401).peekable();
        if let Some(token) = token.filter(|_| refused.peek().is_some()) {
            self.tokens.forget(&token, refused.find_map(|answer| answer.challenge.as_ref()));
        }
        self.learn(load, &outcomes);
        outcomes
    }

    /// Takes what the answers of one HTTP request say of the quotas, before the next one leaves.
    fn learn(&self, load: Load, outcomes: &[Outcome]) {
        for answer in outcomes.iter().filter_map(Outcome::answer) {
            match (answer.retry_after, answer.told.throttled) {
                (Some(wait), Some(Limit::Units)) => self.pause(load.gate, load.lane, Pause::Both, wait),
                (Some(wait), Some(_)) => self.pause(load.gate, load.lane, Pause::Gate, wait),
                // Whoever cannot serve it has not looked at its priority.
                (Some(wait), None) => self.pause(load.gate, Lane::Leaver, Pause::Gate, wait),
                (None, _) => {}
            }
        }
        if outcomes.iter().all(|outcome| outcome.accounted().is_none()) {
            return;
        }
        let told = outcomes.iter().map(|outcome| outcome.accounted().map(|answer| answer.told).unwrap_or_default());
        if let Some(told) = told.reduce(Told::and) {
            self.pacing.learn(load.cost, told);
        }
    }

    /// One HTTP request, and the token that it went with.
    async fn exchange(&self, call: &Call, load: Load) -> (Outcome, Option<Token>) {
        let _place = self.pacing.admit(load.gate, load.lane, load.cost).await;
        let token = match self.tokens.token().await {
            Ok(token) => token,
            Err(error) => return (Outcome::NoToken(error), None),
        };
        let request = self.outgoing(call, token.secret.expose_secret());
        self.meter.sent(load.writes);
        let begun = begin();
        let span = traffic::span(call.method.as_str(), &call.shape, load.writes);
        let outcome = match self.wire.exchange(request).instrument(span.clone()).await {
            Ok(incoming) => self.answered(incoming),
            Err(WireError::NotSent(why)) => Outcome::NotSent(why),
            Err(WireError::Lost(why)) => Outcome::Lost(why),
        };
        traffic::answered(&span, outcome.status(), outcome.answer().and_then(|answer| answer.request_id.as_deref()));
        self.report(call, &outcome, begun.elapsed(), Carriage::Alone);
        (outcome, Some(token))
    }

    fn outgoing(&self, call: &Call, token: &str) -> Outgoing {
        #[expect(clippy::disallowed_methods, reason = "it traces one request and decides nothing")]
        let client_request_id = uuid::Uuid::new_v4().to_string();
        tracing::debug!(client_request_id, method = call.method.as_str(), path = call.shape, "to graph");
        let mut headers = vec![
            ("authorization", format!("Bearer {token}")),
            ("client-request-id", client_request_id),
            ("accept", "application/json".to_owned()),
            (batch::PRIORITY, priority(call.lane).to_owned()),
        ];
        headers.extend(call.headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        if call.body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let url = if call.path.starts_with('/') { self.address(&call.path) } else { call.path.clone() };
        Outgoing {
            method: call.method.as_str(),
            url,
            headers,
            body: call.body.as_ref().map(|body| body.to_string().into_bytes()),
        }
    }

    fn answered(&self, incoming: Incoming) -> Outcome {
        let body = match incoming.body.is_empty() {
            true => Some(Json::Null),
            false => serde_json::from_slice(&incoming.body).ok(),
        };
        // Whoever wrote that, cut short or not, it is not Graph's word on the request: a page of a proxy, say.
        if body.is_none() && !matches!(incoming.status, 401 | 429 | 500..) {
            return Outcome::Lost(format!("the answer, with status {}, is no complete JSON", incoming.status));
        }
        // Graph never says without a word that a record is missing.
        if incoming.status == 404 && incoming.body.is_empty() {
            return Outcome::Lost("the answer, with status 404, is empty".to_owned());
        }
        let date = incoming.header("date").and_then(http_date);
        let at = self.clock.now();
        Outcome::Answered(Answer {
            status: incoming.status,
            body: body.unwrap_or(Json::Null),
            request_id: incoming.header("request-id").map(str::to_owned),
            retry_after: incoming.header("retry-after").and_then(|value| retry_after(value, date.unwrap_or(at))),
            at,
            told: Told::read(incoming.status, |name| incoming.header(name).map(str::to_owned)),
            date,
            challenge: incoming.all("www-authenticate").find_map(challenged),
        })
    }

    fn report(&self, call: &Call, outcome: &Outcome, elapsed: Duration, carriage: Carriage) {
        let answer = outcome.answer();
        self.meter.seen(&Exchange {
            method: call.method.as_str(),
            path: &call.shape,
            properties: call.properties(),
            status: answer.map(|answer| answer.status),
            request_id: answer.and_then(|answer| answer.request_id.as_deref()),
            elapsed,
            carriage,
        });
    }

    fn tries(&self, pending: &Pending) -> Tries {
        let draw = self.spread.draw(self.clock.now());
        let (wait, throttled_wait) = (backoff(pending.tried, draw), throttled_backoff(pending.throttled, draw));
        let (made, throttled) = (pending.tried, pending.throttled);
        let now = self.clock.now();
        Tries { made, most: self.attempts, throttled, lost_before: pending.lost, wait, throttled_wait, now }
    }
}

fn begin() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "it measures a duration that is shown")]
    Instant::now()
}

#[cfg(test)]
mod tests;
