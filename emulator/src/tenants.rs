//! The tenants of one emulator: a token names its tenant, a sign-in names it in the path, and everything else is about
//! the first one. They share time, signing key, log, counts and quotas, and nothing else.

use crate::app::App;
use crate::auth::Signer;
use crate::clock::Clock;
use crate::control::Stats;
use crate::directory::derived;
use crate::emulator::app;
use crate::log::Log;
use crate::options::Options;
use crate::throttle::Quotas;
use anyhow::{Context, ensure};
use std::sync::{Arc, PoisonError, RwLock};

/// What the tenants share.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    /// `https://localhost:PORT`.
    pub(crate) base_url: String,
    /// Time.
    pub(crate) clock: Arc<Clock>,
    /// The key of the tokens.
    pub(crate) signer: Arc<Signer>,
    /// What was asked and answered.
    pub(crate) log: Arc<Log>,
    /// Counts of requests.
    pub(crate) stats: Arc<Stats>,
    /// What was taken from the quotas: an application has one over all tenants.
    pub(crate) quotas: Arc<Quotas>,
}

/// All tenants, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Tenants {
    options: Options,
    common: Common,
    first: Arc<App>,
    others: RwLock<Vec<Arc<App>>>,
}

impl Tenants {
    /// The tenants that the options name.
    ///
    /// # Errors
    /// A name that is there twice, or options that make no tenant.
    pub(crate) fn new(options: Options, common: Common) -> anyhow::Result<Tenants> {
        let first = Arc::new(app(&options, &common)?);
        let tenants = Tenants { options, common, first, others: RwLock::default() };
        for name in tenants.options.more_tenants.clone() {
            tenants.add(Options { tenant_name: name, ..tenants.template() })?;
        }
        Ok(tenants)
    }

    /// What another tenant has in common with the first: not its domains, credentials and ids.
    pub(crate) fn template(&self) -> Options {
        Options {
            tenant_id: None,
            client_id: None,
            client_secret: None,
            certificates: Vec::new(),
            domains: Vec::new(),
            ..self.options.clone()
        }
    }

    /// Adds a tenant. Its ids follow from the seed and its name.
    ///
    /// # Errors
    /// A tenant of that name or id exists.
    pub(crate) fn add(&self, options: Options) -> anyhow::Result<Arc<App>> {
        ensure!(!options.tenant_name.is_empty(), "a tenant has a name");
        let seed = derived(&[b"another tenant", options.tenant_name.as_bytes(), &options.seed.to_le_bytes()]).as_u64_pair().0;
        let new = Arc::new(app(&Options { seed, ..options }, &self.common)?);
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &App| known.tenant_id == new.tenant_id || known.tenant_name == new.tenant_name;
        let taken = same(&self.first) || others.iter().any(|known| same(known));
        ensure!(!taken, "there is a tenant '{}' or one of its id", new.tenant_name);
        others.push(new.clone());
        Ok(new)
    }

    /// The first tenant.
    pub(crate) fn first(&self) -> &Arc<App> {
        &self.first
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<App>> {
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.first).chain(others.iter()).cloned().collect()
    }

    /// The tenant that a name, an id or a domain stands for.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn named(&self, text: &str) -> anyhow::Result<Arc<App>> {
        let is = |app: &Arc<App>| app.is_this_tenant(text) || app.tenant_name.eq_ignore_ascii_case(text);
        self.all().into_iter().find(is).with_context(|| format!("no tenant '{text}'"))
    }

    /// The tenant of an access token; whether the token is good is asked later.
    pub(crate) fn of_token(&self, token: &str) -> Arc<App> {
        let claims = self.common.signer.claims(token);
        let named = claims.and_then(|claims| self.named(&claims.tid).ok());
        named.unwrap_or_else(|| self.first.clone())
    }
}
