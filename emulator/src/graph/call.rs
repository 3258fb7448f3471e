//! One request to Graph, alone or within a batch.

use crate::app::App;
use crate::auth::Rights;
use crate::failure::Failure;
use crate::odata::{Mode, Part, Query};
use axum::http::{HeaderMap, Method};

/// The characters that the URL of an advanced query may have.
const LONGEST_URL: usize = 2048;

/// A request whose token has been checked.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The emulator.
    pub(crate) app: &'a App,
    /// GET, POST, PATCH, PUT or DELETE.
    pub(crate) method: &'a Method,
    /// The path after the version, as it was written.
    pub(crate) path: &'a str,
    /// The path's parts.
    pub(crate) parts: &'a [Part],
    /// The query options.
    pub(crate) query: &'a Query,
    /// The request's headers (a sub-request's own headers in a batch).
    pub(crate) headers: &'a HeaderMap,
    /// The body.
    pub(crate) body: &'a [u8],
    /// Where the request came from.
    pub(crate) origin: Origin,
    /// What the token allows.
    pub(crate) rights: &'a Rights,
    /// Its number among requests and steps of batches.
    pub(crate) step: u64,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A request of its own.
    Direct,
    /// A part of a batch.
    Batch,
}

impl Call<'_> {
    /// A header's text; empty if absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// Whether `Prefer` contains a preference.
    pub(crate) fn prefers(&self, preference: &str) -> bool {
        let all = self.headers.get_all("prefer");
        all.iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|one| one.trim().eq_ignore_ascii_case(preference))
    }

    /// Whether the request carries the header of advanced queries.
    pub(crate) fn is_eventual(&self) -> bool {
        self.header("consistencylevel").eq_ignore_ascii_case("eventual")
    }

    /// Whether the index of advanced queries answers it.
    pub(crate) fn is_indexed(&self) -> bool {
        let counted = || self.parts.last().is_some_and(|part| part.word() == "$count");
        self.is_eventual() && (self.query.counts() || self.query.option("search").is_some() || counted())
    }

    /// Whether filters are answered as advanced queries.
    pub(crate) fn mode(&self) -> Mode {
        if self.is_eventual() && self.query.counts() { Mode::Advanced } else { Mode::Plain }
    }

    /// Refuses an advanced query whose URL is too long. A step of a batch has none of its own.
    ///
    /// # Errors
    /// 400.
    pub(crate) fn fits(&self, query: &str) -> Result<(), Failure> {
        let advanced = self.origin == Origin::Direct && self.is_indexed();
        if advanced && self.url(self.path).len() + 1 + query.len() > LONGEST_URL {
            return Err(Failure::new(400, "UnknownError", "Bad Request - Request Too Long"));
        }
        Ok(())
    }

    /// The URL of a path below the version.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.app.graph_url)
    }

    /// The value of `@odata.context` for a fragment such as `users/$entity`.
    pub(crate) fn context(&self, fragment: &str) -> String {
        format!("{}/$metadata#{fragment}", self.app.graph_url)
    }

    /// Refuses a write of a role-assignable group without the permission that it needs.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn needs_for_roles(&self, role_assignable: bool) -> Result<(), Failure> {
        let held = || self.rights.roles.iter().any(|role| role == "RoleManagement.ReadWrite.Directory");
        if role_assignable && !held() { Err(Failure::denied()) } else { Ok(()) }
    }

    /// Refuses a token that allows nothing.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn needs_any_role(&self) -> Result<(), Failure> {
        if self.rights.roles.is_empty() { Err(Failure::denied()) } else { Ok(()) }
    }
}
