//! For unit tests: a clock that never waits, tokens without sign-in, and a script in place of the wire.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use entrain_model::{Clock, DirectoryError, Millis};
use serde_json::{Value as Json, json};

use crate::token::{Token, TokenSource};
use crate::wire::{Incoming, Outgoing, Wire, WireError};
use crate::{CredentialConfig, Entra, EntraConfig};

/// Sleeps by moving its hand, and remembers for how long.
#[derive(Debug, Default)]
pub(crate) struct FakeClock {
    now: AtomicI64,
    slept: Mutex<Vec<Duration>>,
}

impl FakeClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { now: AtomicI64::new(1_800_000_000_000), slept: Mutex::default() })
    }
    pub(crate) fn set(&self, now: Millis) {
        self.now.store(now, Ordering::SeqCst);
    }
    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.slept.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Millis {
        self.now.load(Ordering::SeqCst)
    }
    async fn sleep(&self, duration: Duration) {
        self.now.fetch_add(duration.as_millis() as i64, Ordering::SeqCst);
        self.slept.lock().unwrap().push(duration);
        tokio::task::yield_now().await;
    }
}

/// Tokens `t0`, `t1` ... one more each time one is refused.
#[derive(Default)]
pub(crate) struct FakeTokens(AtomicU64);

#[async_trait]
impl TokenSource for FakeTokens {
    async fn token(&self) -> Result<Token, DirectoryError> {
        let generation = self.0.load(Ordering::SeqCst);
        Ok(Token { secret: format!("t{generation}").into(), generation })
    }
    fn forget(&self, token: &Token, _: Option<&Json>) {
        self.0.store(token.generation + 1, Ordering::SeqCst);
    }
}

/// One request as a script sees it; a batch is taken apart first.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub method: String,
    pub url: String,
    pub headers: Json,
    pub body: Json,
}

/// What a script answers.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Status(u16, Json),
    Header(u16, Json, &'static str, &'static str),
    /// With this status.
    Garbage(u16),
    Lost,
    NotSent,
}

type Play = dyn FnMut(&Asked) -> Say + Send;

/// Plays Graph by a function, and records what was asked.
pub(crate) struct Script {
    play: Mutex<Box<Play>>,
    pub asked: Mutex<Vec<Asked>>,
    /// The paths of the HTTP requests: a batch shows as `/$batch`.
    pub posted: Mutex<Vec<String>>,
}

impl Script {
    pub(crate) fn new(play: impl FnMut(&Asked) -> Say + Send + 'static) -> Arc<Self> {
        Arc::new(Self { play: Mutex::new(Box::new(play)), asked: Mutex::default(), posted: Mutex::default() })
    }
    /// `METHOD url` of each request, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| format!("{} {}", asked.method, asked.url)).collect()
    }
    fn say(&self, asked: Asked) -> Say {
        let said = (self.play.lock().unwrap())(&asked);
        self.asked.lock().unwrap().push(asked);
        said
    }
    fn batch(&self, body: &Json) -> Result<Incoming, WireError> {
        let mut responses = Vec::new();
        for part in body["requests"].as_array().unwrap() {
            let text = |name: &str| part[name].as_str().unwrap().to_owned();
            let asked =
                Asked { method: text("method"), url: text("url"), headers: part["headers"].clone(), body: part["body"].clone() };
            let (status, body, headers) = match self.say(asked) {
                Say::Status(status, body) => (status, body, json!({"request-id": format!("r{}", text("id"))})),
                Say::Header(status, body, name, value) => (status, body, json!({name: value})),
                Say::Lost | Say::Garbage(_) => continue,
                Say::NotSent => return Err(WireError::NotSent("script".into())),
            };
            responses.push(json!({"id": text("id"), "status": status, "body": body, "headers": headers}));
        }
        responses.reverse();
        Ok(Incoming { status: 200, headers: Vec::new(), body: json!({ "responses": responses }).to_string().into_bytes() })
    }
}

#[async_trait]
impl Wire for Script {
    async fn exchange(&self, request: Outgoing) -> Result<Incoming, WireError> {
        let url = request.url.strip_prefix("https://graph.test/v1.0").unwrap_or(&request.url).to_owned();
        self.posted.lock().unwrap().push(url.clone());
        let body: Json = request.body.map_or(Json::Null, |body| serde_json::from_slice(&body).unwrap());
        if url == "/$batch" {
            return self.batch(&body);
        }
        let headers = request.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let incoming = |status, body: Vec<u8>, headers| Ok(Incoming { status, headers, body });
        let id = ("request-id".to_owned(), "r-alone".to_owned());
        match self.say(Asked { method: request.method.to_owned(), url, headers: Json::Object(headers), body }) {
            Say::Status(status, Json::Null) => incoming(status, Vec::new(), vec![id]),
            Say::Status(status, body) => incoming(status, body.to_string().into_bytes(), vec![id]),
            Say::Header(status, body, name, value) => {
                incoming(status, body.to_string().into_bytes(), vec![id, (name.to_lowercase(), value.to_owned())])
            }
            Say::Garbage(status) => incoming(status, b"{\"value\": [".to_vec(), vec![id]),
            Say::Lost => Err(WireError::Lost("script".into())),
            Say::NotSent => Err(WireError::NotSent("script".into())),
        }
    }
}

/// A tenant behind a script.
pub(crate) fn entra(script: &Arc<Script>) -> (Entra, Arc<FakeClock>) {
    behind(script.clone())
}

/// A tenant behind anything that answers.
pub(crate) fn behind(wire: Arc<dyn Wire>) -> (Entra, Arc<FakeClock>) {
    let clock = FakeClock::new();
    let mut config = EntraConfig::new("contoso.com", CredentialConfig::ManagedIdentity { client_id: None }, clock.clone());
    config.cloud = crate::Cloud::Custom { authority: "https://login.test".into(), graph: "https://graph.test".into() };
    (Entra::assemble(config, wire, Arc::new(FakeTokens::default())), clock)
}

/// An error body of Graph.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Say {
    Say::Status(status, json!({"error": {"code": code, "message": message}}))
}
