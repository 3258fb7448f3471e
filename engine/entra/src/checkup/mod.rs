//! Whether a target can be worked with: token, permissions, and harmless reads of everything that a run reads.

mod claims;
mod probes;

use std::collections::BTreeSet;

use entrain_model::DirectoryError;
use secrecy::ExposeSecret as _;

use crate::permission::{Comparison, Feature};
use crate::{CredentialConfig, Entra, EntraConfig, Quota};
use claims::Claims;

/// How a check came out, the gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work.
    Bad,
}

impl Verdict {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Warning => "warning",
            Verdict::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What: a stable word.
    pub check: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub text: String,
    /// What to do about it; empty if nothing.
    pub fix: String,
}

/// All that was looked at, in order.
#[derive(Clone, Debug, Default)]
pub struct Checkup {
    /// One for each check.
    pub findings: Vec<Finding>,
    /// What the token may; `None` if there is no token, or none that can be read.
    pub permissions: Option<Comparison>,
    /// Where an administrator of the tenant consents to the permissions of the application.
    pub consent_url: Option<String>,
}

impl Checkup {
    /// The gravest verdict.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Good)
    }

    fn add(&mut self, check: &'static str, verdict: Verdict, text: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(Finding { check, verdict, text: text.into(), fix: fix.into() });
    }

    fn failed(&mut self, check: &'static str, error: &DirectoryError) {
        self.add(check, Verdict::Bad, error.to_string(), "");
    }
}

/// What of the configuration is compared with what the tenant says.
pub(crate) struct Setup {
    tenant: String,
    authority: String,
    client_id: Option<String>,
    quota: Quota,
}

impl Setup {
    pub(crate) fn of(config: &EntraConfig) -> Self {
        let client_id = match &config.credential {
            CredentialConfig::Secret { client_id, .. } | CredentialConfig::Certificate { client_id, .. } => {
                Some(client_id.clone())
            }
            CredentialConfig::WorkloadIdentity { client_id, .. } | CredentialConfig::ManagedIdentity { client_id } => {
                client_id.clone()
            }
        };
        Self { tenant: config.tenant.clone(), authority: config.cloud.authority().to_owned(), client_id, quota: config.quota }
    }

    /// The page on which an administrator consents (Microsoft identity platform, "admin consent endpoint").
    fn consent_url(&self) -> Option<String> {
        Some(format!("{}/{}/adminconsent?client_id={}", self.authority, self.tenant, self.client_id.as_deref()?))
    }
}

impl Entra {
    /// Compares the permissions of a token with what these features need, and with what others might: nothing else is asked.
    ///
    /// # Errors
    /// There is no token. `Ok(None)`: the token cannot be read.
    pub async fn permissions(
        &self,
        needed: &BTreeSet<Feature>,
        perhaps: &BTreeSet<Feature>,
    ) -> Result<Option<Comparison>, DirectoryError> {
        Ok(self.claims().await?.map(|claims| Comparison::of(claims.roles, needed, perhaps)))
    }

    /// Looks at everything that a run needs, and changes nothing.
    pub async fn checkup(&self, needed: &BTreeSet<Feature>, perhaps: &BTreeSet<Feature>) -> Checkup {
        let mut checkup = Checkup { consent_url: self.setup.consent_url(), ..Checkup::default() };
        let claims = match self.claims().await {
            Ok(claims) => claims,
            Err(error) => {
                checkup.failed("token", &error);
                return checkup;
            }
        };
        match claims {
            None => {
                let text = "a token was given; it is of a form that tells nothing of its permissions";
                checkup.add("token", Verdict::Warning, text, "");
            }
            Some(claims) => {
                let text = format!("a token was given for application {} in tenant {}", claims.application, claims.tenant);
                checkup.add("token", Verdict::Good, text, "");
                self.compare(claims, needed, perhaps, &mut checkup);
            }
        }
        self.probe(&mut checkup).await;
        checkup
    }

    async fn claims(&self) -> Result<Option<Claims>, DirectoryError> {
        Ok(Claims::of(self.client.token().await?.secret.expose_secret()))
    }

    fn compare(&self, claims: Claims, needed: &BTreeSet<Feature>, perhaps: &BTreeSet<Feature>, checkup: &mut Checkup) {
        let none = claims.roles.is_empty();
        let found = Comparison::of(claims.roles, needed, perhaps);
        let consent = checkup.consent_url.clone().map_or_else(
            || "give the managed identity the application role of this name in Microsoft Graph".to_owned(),
            |url| format!("add it to the application, then let an administrator consent: {url}"),
        );
        if none {
            let text = "the token carries no application permission: none was added, or nobody consented";
            checkup.add("permissions", Verdict::Bad, text, consent.clone());
        }
        for missing in &found.missing {
            let text = format!("`{}` is missing: it {}", missing.need.permission, missing.need.purpose);
            checkup.add("permission_missing", Verdict::Bad, text, consent.clone());
        }
        for missing in &found.perhaps {
            let (permission, purpose, when) = (missing.need.permission, missing.need.purpose, missing.need.feature.when());
            let text = format!("`{permission}` is not there: it {purpose}, if {when}");
            checkup.add("permission_perhaps", Verdict::Good, text, "");
        }
        for surplus in &found.surplus {
            let text = format!("`{}` is more than is needed: {}", surplus.permission, surplus.why);
            let fix = "take it away from the application: whoever gets hold of the credential has it too";
            checkup.add("permission_surplus", Verdict::Warning, text, fix);
        }
        if found.missing.is_empty() {
            let text = format!("all {} permissions that are needed are there", needed_count(needed));
            checkup.add("permissions", Verdict::Good, text, "");
        }
        checkup.permissions = Some(found);
    }
}

fn needed_count(needed: &BTreeSet<Feature>) -> usize {
    crate::permission::NEEDS.iter().filter(|need| needed.contains(&need.feature)).count()
}
