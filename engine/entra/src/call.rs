//! A request to Graph and its answer, as the rest of the crate speaks of them.

use std::time::Duration;

use entrain_model::{Lane, Millis};
use serde_json::Value as Json;

use crate::pacing::{Gate, Told};

/// What a request does, by its HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Patch,
    Put,
    Delete,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// Whether a request whose answer was lost may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A second time changes nothing more.
    Safe,
    /// A second time might make a second record.
    Never,
}

/// What our own recent writes contradict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// That a record or a reference is missing.
    pub absence: bool,
    /// That a reference is there already.
    pub presence: bool,
}

/// A request. It shows in no debug output: a body may carry a first password.
#[derive(Clone)]
pub(crate) struct Call {
    pub method: Method,
    /// Below `/v1.0`, with its query; or a whole address that Graph gave (a next page).
    pub path: String,
    /// The path as it may be logged: ids, and placeholders for names.
    pub shape: String,
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: Option<Json>,
    pub repeat: Repeat,
    /// How many links it adds together; 0 for every other request. Such requests cost more, and few of them fit a batch.
    pub links: usize,
    /// Who goes first.
    pub lane: Lane,
    /// What of a refusal is not believed at once, because we have just written the contrary.
    pub doubt: Doubt,
}

impl Call {
    fn new(method: Method, path: String, body: Option<Json>) -> Self {
        let shape = path.split('?').next().unwrap_or_default().to_owned();
        Self {
            method,
            path,
            shape,
            headers: Vec::new(),
            body,
            repeat: Repeat::Safe,
            links: 0,
            lane: Lane::Direct,
            doubt: Doubt::default(),
        }
    }
    pub(crate) fn get(path: String) -> Self {
        Self::new(Method::Get, path, None)
    }
    pub(crate) fn patch(path: String, body: Json) -> Self {
        Self::new(Method::Patch, path, Some(body))
    }
    pub(crate) fn put(path: String, body: Json) -> Self {
        Self::new(Method::Put, path, Some(body))
    }
    pub(crate) fn post(path: String, body: Json) -> Self {
        Self::new(Method::Post, path, Some(body))
    }
    pub(crate) fn delete(path: String) -> Self {
        Self::new(Method::Delete, path, None)
    }
    /// Its answer, once lost, is not to be asked for again.
    pub(crate) fn never_repeated(self) -> Self {
        Self { repeat: Repeat::Never, ..self }
    }
    pub(crate) fn bulky(self, links: usize) -> Self {
        Self { links, ..self }
    }
    pub(crate) fn doubting(self, doubt: Doubt) -> Self {
        Self { doubt, ..self }
    }
    pub(crate) fn in_lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }
    /// What it waits for.
    pub(crate) fn gate(&self) -> Gate {
        if self.writes() { Gate::Writes } else { Gate::Reads }
    }
    /// What logs show for its path.
    pub(crate) fn shown_as(self, shape: impl Into<String>) -> Self {
        Self { shape: shape.into(), ..self }
    }
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
    /// For filters that only the search index answers. It lags behind.
    pub(crate) fn advanced(self) -> Self {
        self.with("ConsistencyLevel", "eventual")
    }
    pub(crate) fn writes(&self) -> bool {
        self.method != Method::Get
    }
    /// The properties of its body, sorted, without values.
    pub(crate) fn properties(&self) -> Vec<&str> {
        self.body.as_ref().and_then(Json::as_object).into_iter().flat_map(|body| body.keys().map(String::as_str)).collect()
    }
}

/// An answer with any status.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub status: u16,
    /// `null` when there was none, or none that is JSON.
    pub body: Json,
    pub request_id: Option<String>,
    pub retry_after: Option<Duration>,
    /// When it came.
    pub at: Millis,
    /// What it says of the quotas.
    pub told: Told,
    /// The time of whoever wrote it: dates in its headers are by that clock.
    pub date: Option<Millis>,
    /// The claims that a refusal of the token asks for.
    pub challenge: Option<Json>,
}

impl Answer {
    pub(crate) fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// How much is left of the wait that it asks for.
    pub(crate) fn rest(&self, now: Millis) -> Option<Duration> {
        let passed = Duration::from_millis(u64::try_from(now.saturating_sub(self.at)).unwrap_or(0));
        Some(self.retry_after?.saturating_sub(passed))
    }
}

/// What became of one sending of a request.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// There was an answer.
    Answered(Answer),
    /// It did not leave.
    NotSent(String),
    /// It may have been done; nobody knows.
    Lost(String),
    /// There was no token to send it with.
    NoToken(entrain_model::DirectoryError),
}

impl Outcome {
    /// The answer, if there was one.
    pub(crate) fn answer(&self) -> Option<&Answer> {
        if let Outcome::Answered(answer) = self { Some(answer) } else { None }
    }
    /// The answer, if it tells what is left of the quotas, were it by silence. Who lost the request on its way, or refused its
    /// token, kept no account of it.
    pub(crate) fn accounted(&self) -> Option<&Answer> {
        self.answer().filter(|answer| answer.told.share.is_some() || answer.status < 500 && answer.status != 401)
    }
    pub(crate) fn success(&self) -> Option<&Answer> {
        self.answer().filter(|answer| answer.succeeded())
    }
    pub(crate) fn status(&self) -> Option<u16> {
        self.answer().map(|answer| answer.status)
    }
}
