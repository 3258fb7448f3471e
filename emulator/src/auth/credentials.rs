//! Applications and their secrets, certificates and permissions.

use super::certificate::Certificate;
use super::federated::Federated;
use crate::directory::derived;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use uuid::Uuid;

/// A client secret.
#[derive(Clone)]
pub(crate) struct Secret {
    /// The text.
    pub(crate) value: String,
    /// What it is called.
    pub(crate) name: Option<String>,
    /// When it was made, in unix milliseconds of the tenant's time.
    pub(crate) starts: i64,
    /// When it expires, in unix milliseconds of the tenant's time.
    pub(crate) expires: Option<i64>,
}

impl Secret {
    /// The id under which the application lists it.
    pub(crate) fn key_id(&self) -> Uuid {
        derived(&[b"secret key id", self.value.as_bytes(), &self.starts.to_le_bytes()])
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret")
    }
}

/// An application of the tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Application {
    /// Its client id, in lower case.
    pub(crate) client_id: String,
    /// What it is called, if it was said.
    pub(crate) name: Option<String>,
    /// Its secrets.
    pub(crate) secrets: Vec<Secret>,
    /// Its certificates.
    pub(crate) certificates: Vec<Certificate>,
    /// The assertions of other identity providers that it takes.
    pub(crate) federated: Vec<Federated>,
    /// Whether it is a managed identity of the machine.
    pub(crate) on_this_machine: bool,
    /// As what it stands in Azure, if it was said: `/subscriptions/../userAssignedIdentities/..`.
    pub(crate) resource_id: Option<String>,
    /// Tokens that understand challenges and answer none as late as this (unix seconds) are challenged.
    pub(crate) challenge: Option<i64>,
    /// Its application permissions.
    pub(crate) roles: Vec<String>,
}

/// All applications.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    applications: RwLock<Vec<Application>>,
    generation: AtomicU64,
}

impl Credentials {
    /// The application with this client id.
    pub(crate) fn find(&self, client_id: &str) -> Option<Application> {
        let applications = self.applications.read().unwrap_or_else(PoisonError::into_inner);
        applications.iter().find(|known| known.client_id.eq_ignore_ascii_case(client_id)).cloned()
    }

    /// All of them, in the order in which they came.
    pub(crate) fn all(&self) -> Vec<Application> {
        self.applications.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes an application, which comes into being if it is new.
    pub(crate) fn change(&self, client_id: &str, change: impl FnOnce(&mut Application)) {
        let mut applications = self.applications.write().unwrap_or_else(PoisonError::into_inner);
        let at = applications.iter().position(|known| known.client_id.eq_ignore_ascii_case(client_id));
        let at = at.unwrap_or_else(|| {
            applications.push(Application { client_id: client_id.to_ascii_lowercase(), ..Application::default() });
            applications.len() - 1
        });
        change(&mut applications[at]);
    }

    /// Tokens of another generation are refused.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Makes every token issued so far expire.
    pub(crate) fn expire_tokens(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }
}
