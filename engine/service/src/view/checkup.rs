//! What a look at a target found.

use entrain_entra::{Checkup, Missing};
use serde::Serialize;
use utoipa::ToSchema;

/// What a look at a target found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TargetCheckup {
    /// The target.
    pub(crate) target: String,
    /// The gravest of the verdicts: `good`, `warning` or `bad`.
    pub(crate) verdict: &'static str,
    /// Everything that was looked at, in order.
    pub(crate) checks: Vec<Check>,
    /// What the token may; none if there is no token, or none that can be read.
    pub(crate) permissions: Option<Permissions>,
    /// Where an administrator of the tenant consents to the permissions of the application.
    pub(crate) consent_url: Option<String>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    /// What: `token`, `permissions`, `permission_missing`, `permission_perhaps`, `permission_surplus`, `tenant`, `anchor`, `domains`,
    /// `users`, `groups`, `recycle_bin`, `role_holders`, `credential`, `quota` or `headroom`.
    pub(crate) check: &'static str,
    /// `good`, `warning` or `bad`.
    pub(crate) verdict: &'static str,
    /// What was found.
    pub(crate) text: String,
    /// What to do about it; empty if nothing.
    pub(crate) fix: String,
}

/// What a token may, beside what is needed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Permissions {
    /// All that it carries.
    pub(crate) held: Vec<String>,
    /// Needed and not held.
    pub(crate) missing: Vec<Lacking>,
    /// Not held, and needed under a condition that the configuration does not tell.
    pub(crate) perhaps: Vec<Lacking>,
    /// Held and not needed.
    pub(crate) surplus: Vec<Spare>,
}

/// A permission that is not held.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lacking {
    /// Its name.
    pub(crate) permission: &'static str,
    /// What it does.
    pub(crate) purpose: &'static str,
    /// When it is needed.
    pub(crate) when: &'static str,
}

/// A permission that could be taken away.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Spare {
    /// Its name.
    pub(crate) permission: String,
    /// Why nothing needs it, and what it would allow whoever gets hold of the credential.
    pub(crate) why: String,
}

impl TargetCheckup {
    /// Of this target.
    pub(crate) fn of(target: &str, found: &Checkup) -> Self {
        let check = |finding: &entrain_entra::Finding| Check {
            check: finding.check,
            verdict: finding.verdict.as_str(),
            text: finding.text.clone(),
            fix: finding.fix.clone(),
        };
        let permissions = found.permissions.as_ref().map(|compared| Permissions {
            held: compared.held.clone(),
            missing: lacking(&compared.missing),
            perhaps: lacking(&compared.perhaps),
            surplus: compared
                .surplus
                .iter()
                .map(|one| Spare { permission: one.permission.clone(), why: one.why.clone() })
                .collect(),
        });
        Self {
            target: target.to_owned(),
            verdict: found.verdict().as_str(),
            checks: found.findings.iter().map(check).collect(),
            permissions,
            consent_url: found.consent_url.clone(),
        }
    }
}

fn lacking(list: &[Missing]) -> Vec<Lacking> {
    let row =
        |one: &Missing| Lacking { permission: one.need.permission, purpose: one.need.purpose, when: one.need.feature.when() };
    list.iter().map(row).collect()
}
