//! A person in a browser: known by the cookie of their session, and believed to mean what the browser sends only where no other page
//! can have made it do so.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use entrain_model::Millis;
use entrain_store::PersonSession;

use super::door::Unknown;
use super::key::Shown;
use super::{Caller, CallerKind, Cookie, Role};
use crate::http::problem::Problem;
use crate::http::{Http, Origin};

/// A use is noted if the last one was noted so long ago.
const USE_NOTED: Millis = 60_000;

/// The header with which a page says that a request is its own.
const PAGE_TOKEN: &str = "x-entrain-page-token";

/// What makes a session good.
#[derive(Clone, Debug)]
pub(crate) struct Visitors {
    /// It ends when it was not used for so long.
    pub(crate) idle: Millis,
    /// The rules by which roles are given: a session of others is none.
    pub(crate) rules: String,
}

/// A live session, as a request shows it.
pub(crate) struct Visit {
    pub(crate) session: PersonSession,
    pub(crate) page_token: String,
}

impl Visit {
    /// The person as a router takes them.
    pub(super) fn caller(&self, request: &Parts) -> Result<Caller, Problem> {
        if !request.method.is_safe() {
            let origin = request.extensions.get::<Origin>();
            self.require_own_page(&request.headers, origin, header(&request.headers, PAGE_TOKEN))?;
        }
        let PersonSession { id, name, role, .. } = &self.session;
        let role: Role = role.parse().map_err(Problem::forbidden)?;
        Ok(Caller { name: name.clone(), role, targets: None, kind: CallerKind::Person(id.clone()) })
    }

    /// Goes on only if a page of ours sent this: the browser says that it did, and the page shows what only it can read.
    ///
    /// # Errors
    /// The answer that says what is missing.
    pub(crate) fn require_own_page(
        &self,
        headers: &HeaderMap,
        ours: Option<&Origin>,
        shown: Option<&str>,
    ) -> Result<(), Problem> {
        let cross = |detail: &str| Problem::forbidden(detail).coded("cross_site");
        let (site, origin) = (header(headers, "sec-fetch-site"), header(headers, "origin"));
        let same_site = site.is_none_or(|site| site == "same-origin");
        let same_origin = origin.is_none_or(|origin| ours.is_some_and(|ours| ours.0 == origin));
        if !same_site || !same_origin || (site.is_none() && origin.is_none()) {
            return Err(cross("a page from elsewhere sent this, or a program with a person's cookie: programs use a key"));
        }
        let shown = shown.unwrap_or_default();
        verify_slices_are_equal(shown.as_bytes(), self.page_token.as_bytes())
            .map_err(|_| cross("send X-Entrain-Page-Token with the value that /auth/session shows"))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

impl Http {
    /// The live session whose cookie a request has.
    pub(crate) async fn visitor(&self, request: &Parts) -> Result<Option<Visit>, Problem> {
        match self.visit(request).await {
            Ok(visit) => Ok(Some(visit)),
            Err(Unknown::Failed(problem)) => Err(problem),
            Err(Unknown::Dead(_) | Unknown::Stranger) => Ok(None),
        }
    }

    pub(super) async fn visit(&self, request: &Parts) -> Result<Visit, Unknown> {
        let visitors = self.visitors.as_ref().ok_or(Unknown::Stranger)?;
        let origin = request.extensions.get::<Origin>().ok_or(Unknown::Stranger)?;
        let cookie = Cookie::Session.read(&request.headers, origin).ok_or(Unknown::Stranger)?;
        let shown = Shown::read(cookie).ok_or(Unknown::Stranger)?;
        let failed = |error| Unknown::Failed(Problem::from(error));
        let session = self.store.session(shown.id).await.map_err(failed)?.ok_or(Unknown::Stranger)?;
        if !shown.is_proved_by(&session.digest) {
            return Err(Unknown::Stranger);
        }
        let now = self.store.now();
        if !session.is_live(now, visitors.idle) || session.rules != visitors.rules {
            return Err(Unknown::Dead(format!("person {}", session.name)));
        }
        if session.used_at <= now - USE_NOTED {
            self.store.note_session_use(&session.id, now - USE_NOTED).await.map_err(failed)?;
        }
        Ok(Visit { session, page_token: shown.page_token() })
    }
}
