//! People come in with their own accounts, at `/auth`: OpenID Connect, the authorization code flow with PKCE. What comes of it is a
//! session, which the door of the administrative interface takes as it takes a key.

mod id_token;
mod page;
mod pending;
mod provider;

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use entrain_model::Clock;
use entrain_store::{NewSession, Person, StoreError};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::config::{AccessConfig, OidcConfig, SessionsConfig, is_safe};
use crate::http::problem::Problem;
use crate::http::{Cookie, Drawn, Http, Lasting, Origin, Role};
use id_token::{Claims, values};
use pending::Pending;
pub use provider::ProviderError;
use provider::{Failure, Provider, plain};

const DOOR: &str = "/auth";

/// The largest form, in bytes.
const LARGEST_FORM: usize = 4_096;

/// The longest code of a provider.
const LONGEST_CODE: usize = 4_096;

/// The longest name of a person, in characters.
const LONGEST_NAME: usize = 120;

/// What the way in needs.
pub(crate) struct SignIn {
    http: Arc<Http>,
    config: OidcConfig,
    sessions: SessionsConfig,
    provider: Provider,
}

/// What the provider sends a browser back with.
#[derive(Deserialize)]
struct Answer {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

#[derive(Deserialize)]
struct Wanted {
    return_to: Option<String>,
}

/// Why nobody comes in: what the person is told, and for whom it is counted.
struct Refusal {
    status: StatusCode,
    told: String,
    who: Option<String>,
}

/// The way in, relative to `/auth`; nothing where no provider is named.
///
/// # Errors
/// The provider cannot be used.
pub(crate) fn router(http: &Arc<Http>, config: &AccessConfig, clock: &Arc<dyn Clock>) -> Result<Router, ProviderError> {
    let Some(oidc) = config.oidc.clone() else { return Ok(Router::new()) };
    let provider = Provider::new(oidc.clone(), Arc::clone(clock))?;
    let state = Arc::new(SignIn { http: Arc::clone(http), config: oidc, sessions: config.sessions, provider });
    Ok(Router::new()
        .route("/", get(home))
        .route("/session", get(session))
        .route("/sign-in", get(begin))
        .route("/callback", get(come_back))
        .route("/sign-out", post(leave))
        .with_state(state))
}

async fn home(State(sign_in): State<Arc<SignIn>>, request: Parts) -> Result<Response, Problem> {
    Ok(sign_in.http.visitor(&request).await?.map_or_else(page::signed_out, |visit| page::signed_in(&visit)))
}

/// Who is signed in, for a page, and what it needs to change something.
async fn session(State(sign_in): State<Arc<SignIn>>, request: Parts) -> Result<Response, Problem> {
    let visit = sign_in.http.visitor(&request).await?.ok_or_else(Problem::unauthorized)?;
    let (session, idle) = (&visit.session, sign_in.sessions.idle);
    Ok(Json(json!({
        "id": session.id, "name": session.name, "role": session.role, "page_token": visit.page_token,
        "expires_at": crate::cli::utc(session.expires_at), "idle_seconds": idle / 1000,
    }))
    .into_response())
}

async fn begin(State(sign_in): State<Arc<SignIn>>, Query(wanted): Query<Wanted>, request: Parts) -> Response {
    let result = sign_in.lead_away(&request, wanted.return_to.as_deref()).await;
    result.unwrap_or_else(|refusal| sign_in.refuse(&request, &refusal))
}

async fn come_back(State(sign_in): State<Arc<SignIn>>, Query(answer): Query<Answer>, request: Parts) -> Response {
    let result = sign_in.take(&request, &answer).await;
    let mut response = result.unwrap_or_else(|refusal| sign_in.refuse(&request, &refusal));
    // Whatever came of it, this sign-in is over.
    if let Some(gone) = origin(&request).and_then(|origin| Cookie::SignIn.set("", Lasting::Gone, origin)) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    response
}

async fn leave(State(sign_in): State<Arc<SignIn>>, request: Request) -> Result<Response, Problem> {
    let (request, body) = request.into_parts();
    let visit = sign_in.http.visitor(&request).await?;
    let origin = origin(&request);
    if let Some(visit) = visit {
        let body = to_bytes(body, LARGEST_FORM).await.map_err(|_| Problem::invalid("the form is too large"))?;
        let result = visit.require_own_page(&request.headers, origin, page_token(&body).as_deref());
        if let Err(problem) = result {
            sign_in.http.refused(&format!("person {}", visit.session.name), DOOR, StatusCode::FORBIDDEN.as_u16());
            return Err(problem);
        }
        sign_in.http.store.sign_out(&visit.session).await?;
    }
    let mut response = led(DOOR);
    if let Some(gone) = origin.and_then(|origin| Cookie::Session.set("", Lasting::Gone, origin)) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}

impl SignIn {
    /// Sends a browser to the provider.
    async fn lead_away(&self, request: &Parts, return_to: Option<&str>) -> Result<Response, Refusal> {
        let origin = self.met(request)?;
        let pending = Pending::begin(self.http.store.now(), return_to).map_err(|_| Refusal::ours())?;
        let address = self.provider.address(&pending, &redirect(origin)).await?;
        let seconds = u32::try_from(pending::LONGEST / 1000).unwrap_or_default();
        Ok(with_cookie(led(&address), Cookie::SignIn.set(pending.cookie(), Lasting::Seconds(seconds), origin)))
    }

    /// Takes the answer of the provider: whoever it is about has a session from now on.
    async fn take(&self, request: &Parts, answer: &Answer) -> Result<Response, Refusal> {
        let origin = self.met(request)?;
        let pending = Cookie::SignIn.read(&request.headers, origin).and_then(Pending::read);
        let state = answer.state.as_deref().unwrap_or_default();
        let pending = pending.filter(|pending| pending.is_answered_by(state, self.http.store.now()));
        let pending = pending.ok_or_else(|| {
            Refusal::new(StatusCode::BAD_REQUEST, "this browser has no such sign-in under way, or it took too long")
        })?;
        if !self.provider.has_said(answer.iss.as_deref()).await? {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "the answer is of another identity provider"));
        }
        let code = match (&answer.error, &answer.code) {
            (None, Some(code)) if code.len() <= LONGEST_CODE => code,
            (error, _) => return Err(Failure::Refused(plain(error.as_deref().unwrap_or("no_code"))).into()),
        };
        let claims = self.provider.exchange(code, &pending, &redirect(origin)).await?;
        let (drawn, new) = self.admitted(&claims, &pending)?;
        let before = self.http.visitor(request).await.map_err(|_| Refusal::ours())?;
        self.http.store.begin_session(&new, before.as_ref().map(|visit| visit.session.id.as_str())).await?;
        Ok(with_cookie(led(pending.return_to()), Cookie::Session.set(drawn.text.expose_secret(), Lasting::Browser, origin)))
    }

    /// The session of somebody who has a role.
    fn admitted(&self, claims: &Claims, pending: &Pending) -> Result<(Drawn, NewSession), Refusal> {
        let subject = claims.get("sub").and_then(serde_json::Value::as_str).unwrap_or_default();
        let Some(role) = role(&self.config, claims) else {
            let told = "you are known, and nothing gives you a role here: ask whoever runs Entrain";
            let who = Some(format!("subject {subject}"));
            return Err(Refusal { who, ..Refusal::new(StatusCode::FORBIDDEN, told) });
        };
        let drawn = Drawn::new().map_err(|_| Refusal::ours())?;
        let new = NewSession {
            id: drawn.id.clone(),
            digest: drawn.digest.clone(),
            person: Person { issuer: self.config.issuer.clone(), subject: subject.to_owned(), name: name(&self.config, claims) },
            role: role.as_str().to_owned(),
            rules: self.config.rules(),
            expires_at: self.http.store.now() + self.sessions.longest,
            state: Sha256::digest(pending.state()).iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        Ok((drawn, new))
    }

    /// Whoever asks, if not too often, and at an address that a session may be kept for.
    fn met<'a>(&self, request: &'a Parts) -> Result<&'a Origin, Refusal> {
        let too_often = |_| Refusal::new(StatusCode::TOO_MANY_REQUESTS, "this network asks too often; wait a little");
        self.http.pace_stranger(&Http::network(&request.extensions)).map_err(too_often)?;
        let private = || Refusal::new(StatusCode::FORBIDDEN, "people sign in over https:// only, unless it is on this machine");
        origin(request).filter(|origin| is_safe(&origin.0)).ok_or_else(private)
    }

    /// Says so to the person, to the log without saying who it is, and counts it for the audit.
    fn refuse(&self, request: &Parts, refusal: &Refusal) -> Response {
        let Refusal { status, told, who } = refusal;
        tracing::warn!(status = status.as_u16(), "a sign-in came to nothing: {told}");
        if status.is_client_error() {
            self.http.refused(&who.clone().unwrap_or_else(|| Http::network(&request.extensions)), DOOR, status.as_u16());
        }
        page::failed(*status, told)
    }
}

impl Refusal {
    fn new(status: StatusCode, told: impl Into<String>) -> Self {
        Self { status, told: told.into(), who: None }
    }

    fn ours() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "this does not work at the moment; try again later")
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let status = match failure {
            Failure::Provider(_) => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Refused(_) | Failure::Disbelieved(_) => StatusCode::FORBIDDEN,
        };
        Self::new(status, failure.to_string())
    }
}

impl From<StoreError> for Refusal {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are failures of the database")]
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(told) => Self::new(StatusCode::CONFLICT, told),
            other => {
                tracing::error!("a session could not be kept: {other}");
                Self::ours()
            }
        }
    }
}

/// The highest role that what is said of somebody gives.
fn role(config: &OidcConfig, claims: &Claims) -> Option<Role> {
    let said = values(claims, &config.roles_claim);
    let given = config.roles.iter().filter(|(_, values)| said.iter().any(|value| values.contains(value)));
    given.map(|(role, _)| *role).max()
}

/// The name that is wished for; where the claim is missing, what the provider calls them.
fn name(config: &OidcConfig, claims: &Claims) -> String {
    let said = values(claims, &config.name_claim).into_iter().chain(values(claims, "sub"));
    let clean = |name: String| name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect::<String>().trim().to_owned();
    said.map(clean).find(|name| !name.is_empty()).unwrap_or_default()
}

fn origin(request: &Parts) -> Option<&Origin> {
    request.extensions.get::<Origin>()
}

/// Where the provider sends a browser back to.
fn redirect(origin: &Origin) -> String {
    format!("{}/auth/callback", origin.0)
}

fn page_token(body: &[u8]) -> Option<String> {
    let url = reqwest::Url::parse(&format!("form:?{}", std::str::from_utf8(body).ok()?)).ok()?;
    url.query_pairs().find(|(name, _)| name == "page_token").map(|(_, value)| value.into_owned())
}

fn led(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static(DOOR));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
