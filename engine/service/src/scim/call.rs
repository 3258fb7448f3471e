//! One request: who asks, for what, under which conditions.

use axum::http::request::Parts;
use axum::http::{Uri, header};
use entrain_scim::{Catalog, ResourceType, Result as ScimResult, ScimError, Shape};
use entrain_store::Store;

use super::{Scim, ScimClient};
use crate::http::Origin;

/// What all parts of a request share.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) scim: Scim,
    pub(super) client: ScimClient,
    /// The address of the root, without a slash at its end.
    pub(super) base: String,
    /// `If-Match`.
    pub(super) if_match: Option<String>,
    /// `If-None-Match`.
    pub(super) if_none_match: Option<String>,
    /// `Prefer: wait=N`.
    pub(super) wait: Option<u64>,
}

/// The longest that a client may wait, in seconds: less than a request may take.
const LONGEST_WAIT: u64 = 50;

impl Call {
    pub(super) fn new(scim: Scim, client: ScimClient, parts: &Parts, original: &Uri) -> Self {
        let text = |name: header::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let host = || text(header::HOST).unwrap_or_else(|| "localhost".into());
        // Served alone there is no frame that notes it.
        let origin = parts.extensions.get::<Origin>().map_or_else(|| format!("http://{}", host()), |origin| origin.0.clone());
        let prefix = original.path().strip_suffix(parts.uri.path()).unwrap_or_default();
        let base = format!("{origin}{prefix}");
        let preferences =
            parts.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let wait = preferences.filter_map(|one| one.trim().strip_prefix("wait=")?.parse().ok()).next();
        Self {
            if_match: text(header::IF_MATCH),
            if_none_match: text(header::IF_NONE_MATCH),
            wait: wait.map(|seconds: u64| seconds.min(LONGEST_WAIT)),
            base,
            client,
            scim,
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.scim.inner.store
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.scim.inner.catalog
    }

    pub(super) fn shape<'a>(&'a self, resource_type: &'a ResourceType) -> Shape<'a> {
        self.catalog().shape(resource_type)
    }

    /// The address of a resource.
    pub(super) fn location(&self, resource_type: &ResourceType, id: &str) -> String {
        format!("{}{}/{}", self.base, resource_type.endpoint, encoded(id))
    }

    /// Refuses a change of another version than the client has seen.
    pub(super) fn still(&self, version: i64) -> ScimResult<()> {
        match &self.if_match {
            Some(wanted) if !names(wanted, version) => {
                Err(ScimError::new(412, format!("the resource is at version W/\"{version}\" now: read it again")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the client has seen this version already.
    pub(super) fn seen(&self, version: i64) -> bool {
        self.if_none_match.as_ref().is_some_and(|seen| names(seen, version))
    }
}

/// Whether a list of entity tags names a version; strong or weak is the same here.
fn names(tags: &str, version: i64) -> bool {
    let own = format!("\"{version}\"");
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == own)
}

/// An id as a segment of a path.
fn encoded(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte);
    id.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
