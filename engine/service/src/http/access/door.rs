//! A door: finds out who asks before the router behind it does anything.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use entrain_model::Millis;
use entrain_store::{AccessKind, AccessToken};

use super::key::Shown;
use super::{Caller, CallerKind, Role};
use crate::http::Http;
use crate::http::pace::{CALLER, SENDER, stranger};
use crate::http::problem::Problem;

/// A use is noted if the last one was noted so long ago.
const USE_NOTED: Millis = 5 * 60 * 1000;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Peer(pub(in crate::http) SocketAddr);

/// Which credentials a door opens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Door {
    /// API keys.
    Api(&'static str),
    /// Tokens of SCIM clients.
    Scim(&'static str),
}

impl Door {
    fn path(self) -> &'static str {
        match self {
            Door::Api(path) | Door::Scim(path) => path,
        }
    }

    fn kind(self) -> AccessKind {
        match self {
            Door::Api(_) => AccessKind::Key,
            Door::Scim(_) => AccessKind::Scim,
        }
    }
}

/// Puts a router behind a door.
pub(in crate::http) fn guard(router: Router, door: Door, http: &Arc<Http>) -> Router {
    router.layer(middleware::from_fn_with_state((Arc::clone(http), door), pass))
}

async fn pass(State((http, door)): State<(Arc<Http>, Door)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let from = network(&parts.extensions);
    let (who, result) = match http.met(door, &parts).await {
        Ok((who, caller)) => {
            let paced = http.paces.take(&who, CALLER).map_err(Problem::too_often);
            (who, paced.and(caller))
        }
        Err(Unknown::Failed(problem)) => (from, Err(problem)),
        Err(Unknown::Dead(who)) => (who, Err(http.turned_away(&from))),
        Err(Unknown::Stranger) => (from.clone(), Err(http.turned_away(&from))),
    };
    let response = match result {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    };
    if let StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS = response.status() {
        http.refusals.note(&who, door.path(), response.status().as_u16(), http.store.now());
    }
    response
}

/// Why nobody is known by what was shown.
pub(super) enum Unknown {
    /// It is no credential, or its secret is wrong.
    Stranger,
    /// It was one: its secret is right, and its time is over. Which one.
    Dead(String),
    /// The database does not say.
    Failed(Problem),
}

impl Http {
    /// Who asks, for counting, and as the router takes them. A browser's cookie counts only where no credential is shown.
    async fn met(&self, door: Door, request: &Parts) -> Result<(String, Result<Caller, Problem>), Unknown> {
        if let Door::Api(_) = door
            && !request.headers.contains_key(header::AUTHORIZATION)
        {
            let visit = self.visit(request).await?;
            return Ok((format!("person {}", visit.session.name), visit.caller(request)));
        }
        let token = self.known(door, &request.headers).await?;
        Ok((format!("{} {}", token.kind.as_str(), token.id), caller(token)))
    }

    /// The live credential that a request shows.
    async fn known(&self, door: Door, headers: &HeaderMap) -> Result<AccessToken, Unknown> {
        let header = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
        let (scheme, text) = header.and_then(|header| header.split_once(' ')).ok_or(Unknown::Stranger)?;
        let shown = Shown::read(text.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer")).ok_or(Unknown::Stranger)?;
        let failed = |error| Unknown::Failed(Problem::from(error));
        let token = self.store.token(shown.id).await.map_err(failed)?.ok_or(Unknown::Stranger)?;
        if !shown.is_proved_by(&token.digest) {
            return Err(Unknown::Stranger);
        }
        let now = self.store.now();
        if token.kind != door.kind() || !token.is_live(now) {
            return Err(Unknown::Dead(format!("{} {}", token.kind.as_str(), token.id)));
        }
        if token.used_at.is_none_or(|used| used <= now - USE_NOTED) {
            self.store.note_use(&token.id, now - USE_NOTED).await.map_err(failed)?;
        }
        Ok(token)
    }

    /// Who comes with nothing good to a way in that proves its messages itself.
    pub(crate) fn stranger(&self, from: &str, wanted: &str) -> Problem {
        match self.paces.take(from, stranger(self.strangers)) {
            Ok(()) => Problem::new(StatusCode::UNAUTHORIZED, wanted),
            Err(seconds) => Problem::too_often(seconds),
        }
    }

    /// Takes one request of somebody who shows nothing, and need not.
    pub(crate) fn pace_stranger(&self, from: &str) -> Result<(), Problem> {
        self.paces.take(from, stranger(self.strangers)).map_err(Problem::too_often)
    }

    /// Takes one message of a sender that was proved.
    pub(crate) fn pace_sender(&self, sender: &str) -> Result<(), Problem> {
        self.paces.take(&format!("sender {sender}"), SENDER).map_err(Problem::too_often)
    }

    /// Counts a refusal of such a way in.
    pub(crate) fn refused(&self, who: &str, door: &str, status: u16) {
        self.refusals.note(who, door, status, self.store.now());
    }

    /// The network that a request comes from.
    pub(crate) fn network(request: &Extensions) -> String {
        network(request)
    }

    /// Who comes with nothing good too often is not answered for a while. A good credential from the same network still passes.
    fn turned_away(&self, from: &str) -> Problem {
        match self.paces.take(from, stranger(self.strangers)) {
            Ok(()) => Problem::unauthorized(),
            Err(seconds) => Problem::too_often(seconds),
        }
    }
}

fn caller(token: AccessToken) -> Result<Caller, Problem> {
    let unknown =
        |word| Problem::forbidden(format!("credential {} has a role that this program does not know: {word}", token.id));
    let role: Role = token.role.parse().map_err(unknown)?;
    let kind = match token.kind {
        AccessKind::Key => CallerKind::Key(token.id),
        AccessKind::Scim => CallerKind::Scim { id: token.id, profile: token.profile.unwrap_or_default() },
    };
    Ok(Caller { name: token.name, role, targets: token.targets, kind })
}

/// The network that a request comes from: an address, or of IPv6 the half that one household has to itself.
fn network(request: &Extensions) -> String {
    match request.get::<Peer>().map(|peer| peer.0.ip().to_canonical()) {
        Some(IpAddr::V4(address)) => format!("network {address}"),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("network {a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        None => "network unknown".to_owned(),
    }
}
