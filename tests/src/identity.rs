//! An identity provider that lies on demand, and a browser that believes everybody: for sign-ins of people.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "for tests alone, where a failure is a panic")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

/// The client's id and secret; both have what a form must write otherwise.
pub const CLIENT: (&str, &str) = ("entrain console", "p:ss%w&rd=");

type Words = BTreeMap<String, String>;

/// How a token is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// With a key that is published.
    Well,
    /// Not at all: `alg` is `none`.
    Not,
    /// With what is public, as if it were a shared secret.
    WithWhatIsPublic,
    /// With a key that is not published, under the name of one that is.
    ByAStranger,
}

/// What the provider does from now on.
pub struct Manners {
    /// What it says of whoever comes, beside what the protocol wants; `null` takes a claim away.
    pub claims: Value,
    /// How its tokens are made.
    pub signed: Signed,
    /// It takes a code twice, and does not look at its proof.
    pub lax: bool,
    /// It answers nothing but 503.
    pub down: bool,
    /// What it says of a person only if it is asked once more.
    pub more: Value,
    /// It names itself in its metadata otherwise.
    pub calls_itself: Option<String>,
    key: usize,
    given: usize,
    codes: BTreeMap<String, Words>,
}

/// The provider.
pub struct Identity {
    /// Its name and address.
    pub issuer: String,
    /// What it does.
    pub manners: Arc<Mutex<Manners>>,
}

#[derive(Clone)]
struct Shared {
    issuer: String,
    manners: Arc<Mutex<Manners>>,
    keys: Arc<Vec<(EncodingKey, String)>>,
}

impl Identity {
    /// Begins to answer. Everybody who comes is `ann`.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let claims = json!({ "sub": "1", "preferred_username": "ann", "groups": ["idp-approvers"] });
        let (signed, more, codes) = (Signed::Well, Value::Null, BTreeMap::new());
        let manners = Manners { claims, signed, lax: false, down: false, more, calls_itself: None, key: 0, given: 0, codes };
        let manners = Arc::new(Mutex::new(manners));
        let key = |_| rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = |n| (EncodingKey::from_ec_pem(key(n).serialize_pem().as_bytes()).unwrap(), format!("key {n}"));
        let keys = Arc::new((0..3).map(key).collect::<Vec<_>>());
        let shared = Shared { issuer: issuer.clone(), manners: Arc::clone(&manners), keys };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys_of))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, manners }
    }

    /// What a service is told of it.
    pub fn configuration(&self) -> String {
        format!(
            "[access.oidc]\nissuer = \"{}\"\nclient_id = \"{}\"\nclient_secret = \"{}\"\n[access.oidc.roles]\nviewer = [\"idp-viewers\", \
             \"staff\"]\noperator = [\"idp-operators\"]\napprover = [\"idp-approvers\"]\nadmin = [\"idp-admins\"]\n",
            self.issuer, CLIENT.0, CLIENT.1
        )
    }

    /// Says something else of whoever comes from now on.
    pub fn says(&self, name: &str, value: Value) {
        self.manners.lock().unwrap().claims[name] = value;
    }

    /// Changes what it does.
    pub fn behaves(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.manners.lock().unwrap());
    }

    /// Publishes and uses another key from now on.
    pub fn changes_its_key(&self) {
        self.manners.lock().unwrap().key = 1;
    }
}

fn down(shared: &Shared) -> Option<Response> {
    shared.manners.lock().unwrap().down.then(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

async fn metadata(State(shared): State<Shared>) -> Response {
    if let Some(down) = down(&shared) {
        return down;
    }
    let Shared { issuer, manners, .. } = shared;
    let (calls_itself, more) = {
        let manners = manners.lock().unwrap();
        (manners.calls_itself.clone(), !manners.more.is_null())
    };
    let mut said = json!({
        "issuer": calls_itself.unwrap_or_else(|| issuer.clone()), "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
        "authorization_response_iss_parameter_supported": true,
    });
    if more {
        said["userinfo_endpoint"] = json!(format!("{issuer}/userinfo"));
    }
    Json(said).into_response()
}

async fn keys_of(State(shared): State<Shared>) -> Response {
    let key = shared.manners.lock().unwrap().key;
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&shared.keys[key].0, Algorithm::ES256).unwrap()).unwrap();
    jwk["kid"] = json!(shared.keys[key].1);
    Json(json!({ "keys": [{ "kty": "unknown to anybody" }, jwk] })).into_response()
}

async fn authorize(State(shared): State<Shared>, Query(asked): Query<Words>) -> Response {
    let mut manners = shared.manners.lock().unwrap();
    manners.given += 1;
    let code = format!("code {}", manners.given);
    assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
    assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
    let back = [("code", code.as_str()), ("state", &asked["state"]), ("iss", &shared.issuer)];
    let back = Url::parse_with_params(&asked["redirect_uri"], back).unwrap();
    manners.codes.insert(code, asked);
    Redirect::to(back.as_str()).into_response()
}

async fn token(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response {
    if let Some(down) = down(&shared) {
        return down;
    }
    let said = words(&body);
    let mut manners = shared.manners.lock().unwrap();
    let known = manners.codes.get(&said["code"]).cloned();
    if !manners.lax {
        manners.codes.remove(&said["code"]);
    }
    let wrong = |code: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response();
    let Some(asked) = known else { return wrong("invalid_grant") };
    let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(&said["code_verifier"]));
    if !is_ours(&headers) || asked["client_id"] != CLIENT.0 {
        return wrong("invalid_client");
    }
    if !manners.lax && (proof != asked["code_challenge"] || said["redirect_uri"] != asked["redirect_uri"]) {
        return wrong("invalid_grant");
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({
        "iss": shared.issuer, "aud": CLIENT.0, "nonce": asked["nonce"], "iat": now, "exp": now + 300,
    });
    for (name, value) in manners.claims.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    let id_token = signed(&shared, manners.signed, manners.key, &claims);
    Json(json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": id_token })).into_response()
}

async fn userinfo(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    assert_eq!(headers[header::AUTHORIZATION], "Bearer opaque");
    Json(shared.manners.lock().unwrap().more.clone()).into_response()
}

fn signed(shared: &Shared, signed: Signed, key: usize, claims: &Value) -> String {
    let named = |alg| Header { kid: Some(shared.keys[key].1.clone()), ..Header::new(alg) };
    match signed {
        Signed::Well => encode(&named(Algorithm::ES256), claims, &shared.keys[key].0).unwrap(),
        Signed::ByAStranger => encode(&named(Algorithm::ES256), claims, &shared.keys[2].0).unwrap(),
        Signed::Not => {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.", part(&json!({ "alg": "none", "typ": "JWT", "kid": shared.keys[key].1 })), part(claims))
        }
        Signed::WithWhatIsPublic => {
            let public = serde_json::to_vec(&Jwk::from_encoding_key(&shared.keys[key].0, Algorithm::ES256).unwrap()).unwrap();
            encode(&named(Algorithm::HS256), claims, &EncodingKey::from_secret(&public)).unwrap()
        }
    }
}

/// Whether a request shows the client's id and secret, in the encoding of forms.
fn is_ours(headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|shown| shown.to_str().ok()?.strip_prefix("Basic "));
    let shown = String::from_utf8(STANDARD.decode(shown.unwrap_or_default()).unwrap()).unwrap();
    let (id, secret) = shown.split_once(':').unwrap_or_default();
    let read = |text: &str| words(&format!("x={text}"))["x"].clone();
    (read(id).as_str(), read(secret).as_str()) == CLIENT
}

/// The words of a form.
fn words(form: &str) -> Words {
    Url::parse(&format!("form:?{form}")).unwrap().query_pairs().into_owned().collect()
}

/// A browser: it keeps cookies of the service, follows no redirect by itself, and says of each request which page it is on.
#[derive(Clone)]
pub struct Browser {
    /// Its cookies.
    pub jar: Words,
    base: String,
    client: Client,
}

/// An answer, as a browser sees it.
#[derive(Debug)]
pub struct Seen {
    /// Its status.
    pub status: u16,
    /// Where it leads to.
    pub location: String,
    /// The cookies that it set, as they were written.
    pub cookies: Vec<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

impl Seen {
    /// The body, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Browser {
    /// A new one, for a service at this address.
    pub fn new(base: &str) -> Self {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { jar: Words::new(), base: base.to_owned(), client }
    }

    /// Goes to a path of the service, or to another address, as by a link.
    pub async fn goes(&mut self, address: &str) -> Seen {
        let request = self.request(Method::GET, address);
        self.send(request).await
    }

    /// A request to a path of the service, with its cookies; of others, without.
    pub fn request(&self, method: Method, address: &str) -> RequestBuilder {
        if !address.starts_with('/') && !address.starts_with(&self.base) {
            return self.client.request(method, address);
        }
        let path = address.strip_prefix(&self.base).unwrap_or(address);
        let cookies: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.client.request(method, format!("{}{path}", self.base)).header(header::COOKIE, cookies.join("; "))
    }

    /// Sends one, and keeps what cookies come with the answer.
    pub async fn send(&mut self, request: RequestBuilder) -> Seen {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let cookies: Vec<String> =
            headers.get_all(header::SET_COOKIE).iter().map(|set| set.to_str().unwrap().to_owned()).collect();
        for set in &cookies {
            let (name, rest) = set.split_once('=').unwrap();
            match rest.split(';').next().unwrap() {
                "" => drop(self.jar.remove(name)),
                value => drop(self.jar.insert(name.to_owned(), value.to_owned())),
            }
        }
        Seen { status, location: text(header::LOCATION), cookies, body: response.text().await.unwrap(), headers }
    }

    /// Sends a request of a page of the service itself.
    pub async fn page(&mut self, method: Method, path: &str, page_token: &str, body: &Value) -> Seen {
        let request = self.request(method, path).header("origin", &self.base).header("sec-fetch-site", "same-origin");
        let request = request.header("x-entrain-page-token", page_token).json(body);
        self.send(request).await
    }

    /// Where the provider sends it back to, once it has been there.
    pub async fn is_sent_back(&mut self, path: &str) -> String {
        let away = self.goes(path).await;
        assert_eq!(away.status, 303, "{away:?}");
        let back = self.goes(&away.location).await;
        assert_eq!(back.status, 303, "{back:?}");
        back.location
    }

    /// Signs in; what the service answers at the end.
    pub async fn signs_in(&mut self, path: &str) -> Seen {
        let back = self.is_sent_back(path).await;
        self.goes(&back).await
    }
}
