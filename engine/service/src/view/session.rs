//! Sessions of people.

use entrain_store::PersonSession;
use serde::Serialize;
use utoipa::ToSchema;

use crate::cli::utc;

/// A session that has not ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenSession {
    pub(crate) id: String,
    /// Under which name the person's acts stand in the audit.
    pub(crate) name: String,
    /// What they may.
    pub(crate) role: String,
    /// Who says who they are.
    pub(crate) issuer: String,
    /// What that calls them.
    pub(crate) subject: String,
    #[schema(format = DateTime)]
    pub(crate) begun_at: String,
    /// When it was used last, to within a minute.
    #[schema(format = DateTime)]
    pub(crate) used_at: String,
    /// When it ends, however much it is used.
    #[schema(format = DateTime)]
    pub(crate) ends_at: String,
}

impl From<PersonSession> for OpenSession {
    fn from(session: PersonSession) -> Self {
        let PersonSession { id, name, role, issuer, subject, created_at, used_at, expires_at, .. } = session;
        let (begun_at, used_at, ends_at) = (utc(created_at), utc(used_at), utc(expires_at));
        Self { id, name, role, issuer, subject, begun_at, used_at, ends_at }
    }
}
