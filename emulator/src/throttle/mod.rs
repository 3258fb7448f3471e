//! Quotas: buckets per application and tenant, per tenant, and per application (Graph "Throttling guidance").

mod bucket;

use crate::conditions::Throttling;
use crate::dice::Dice;
use bucket::{Bucket, Limit};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Resource units.
    pub(crate) units: u32,
    /// Writes.
    pub(crate) writes: u32,
    /// Reads of sign-in reports.
    pub(crate) reports: u32,
    /// Writes of applications for organisations.
    pub(crate) applications: u32,
    /// Writes of applications that personal accounts may use.
    pub(crate) personal: u32,
    /// Requests about open and schema extensions.
    pub(crate) extensions: u32,
}

/// Who is throttled first: `x-ms-throttle-priority`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Priority {
    /// First.
    Low,
    /// Then.
    #[default]
    Normal,
    /// Last.
    High,
}

/// Whose request it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    /// The application's id.
    pub(crate) application: &'a str,
    /// The tenant's id.
    pub(crate) tenant: &'a str,
    /// How many users the tenant has.
    pub(crate) users: usize,
    /// How urgent it says it is.
    pub(crate) priority: Priority,
}

/// What the quotas say of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// The largest share of a limit that is used.
    pub(crate) share: f64,
    /// Why it is refused, if it is.
    pub(crate) refusal: Option<Refusal>,
}

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// `x-ms-throttle-scope`.
    pub(crate) scope: String,
    /// `x-ms-throttle-information`.
    pub(crate) information: &'static str,
    /// When it would pass, in milliseconds from now.
    pub(crate) wait: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    ApplicationInTenant,
    Tenant,
    Application,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    Units,
    Writes,
    Reports,
    Requests,
    Applications,
    Personal,
    Extensions,
}

/// All buckets.
#[derive(Debug, Default)]
pub(crate) struct Quotas(Mutex<BTreeMap<(Scope, Counted, String), Bucket>>);

impl Quotas {
    /// Charges a request to every bucket that it concerns. A refused one is charged as well.
    pub(crate) fn charge(&self, rules: &Throttling, caller: Caller<'_>, cost: Cost, now: i64, dice: &mut Dice) -> Verdict {
        let mut verdict = Verdict::default();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (scope, counted, limit) in limits(rules, caller.users) {
            let amount = f64::from(match counted {
                Counted::Units => cost.units,
                Counted::Writes => cost.writes,
                Counted::Reports => cost.reports,
                Counted::Requests => 1,
                Counted::Applications => cost.applications,
                Counted::Personal => cost.personal,
                Counted::Extensions => cost.extensions,
            });
            if amount <= 0.0 {
                continue;
            }
            let bucket = buckets.entry((scope, counted, key(scope, caller))).or_default();
            bucket.settle(limit, now);
            let wait = bucket.wait(limit, amount, left(rules, caller.priority));
            bucket.take(limit, amount);
            // Where nothing is limited, no share of a limit is used.
            if rules.on {
                verdict.share = verdict.share.max(bucket.share(limit));
            }
            if rules.on && wait > 0.0 && verdict.refusal.as_ref().is_none_or(|refusal| refusal.wait < wait) {
                // The wait of someone who asks once more, after this has been charged.
                let wait = bucket.wait(limit, amount, left(rules, caller.priority));
                verdict.refusal = Some(Refusal { scope: named(scope, counted, caller), information: information(counted), wait });
            }
        }
        if rules.on && verdict.refusal.is_none() && dice.strikes(rules.below_limits) {
            let scope = named(Scope::ApplicationInTenant, Counted::Units, caller);
            verdict.refusal = Some(Refusal { scope, information: "CPULimitExceeded", wait: 0.0 });
        }
        verdict
    }
}

fn limits(rules: &Throttling, users: usize) -> [(Scope, Counted, Limit); 10] {
    let limit = |capacity, seconds| Limit { capacity, seconds };
    [
        (Scope::ApplicationInTenant, Counted::Units, limit(rules.units(users), rules.units_seconds)),
        (Scope::ApplicationInTenant, Counted::Writes, limit(rules.writes, rules.writes_seconds)),
        (Scope::ApplicationInTenant, Counted::Reports, limit(rules.reports, rules.reports_seconds)),
        (Scope::Tenant, Counted::Writes, limit(rules.tenant_writes, rules.tenant_writes_seconds)),
        (Scope::Application, Counted::Units, limit(rules.application_units, rules.application_units_seconds)),
        (Scope::Application, Counted::Writes, limit(rules.application_writes, rules.application_writes_seconds)),
        (Scope::Application, Counted::Requests, limit(rules.requests, rules.requests_seconds)),
        (Scope::Application, Counted::Applications, limit(rules.applications, rules.applications_seconds)),
        (Scope::Application, Counted::Personal, limit(rules.personal_applications, rules.personal_applications_seconds)),
        (Scope::ApplicationInTenant, Counted::Extensions, limit(rules.extensions, rules.extensions_seconds)),
    ]
}

fn left(rules: &Throttling, priority: Priority) -> f64 {
    match priority {
        Priority::Low => rules.low_leaves,
        Priority::Normal => rules.normal_leaves,
        Priority::High => 0.0,
    }
}

fn key(scope: Scope, caller: Caller<'_>) -> String {
    match scope {
        Scope::ApplicationInTenant => format!("{} {}", caller.application, caller.tenant),
        Scope::Tenant => caller.tenant.to_owned(),
        Scope::Application => caller.application.to_owned(),
    }
}

/// `Tenant_Application/Write/<application>/<tenant>`.
fn named(scope: Scope, counted: Counted, caller: Caller<'_>) -> String {
    let scope = match scope {
        Scope::ApplicationInTenant => "Tenant_Application",
        Scope::Tenant => "Tenant",
        Scope::Application => "Application",
    };
    let counted = match counted {
        Counted::Units | Counted::Requests | Counted::Extensions => "ReadWrite",
        Counted::Writes | Counted::Applications | Counted::Personal => "Write",
        Counted::Reports => "Read",
    };
    format!("{scope}/{counted}/{}/{}", caller.application, caller.tenant)
}

fn information(counted: Counted) -> &'static str {
    match counted {
        Counted::Units | Counted::Reports | Counted::Requests | Counted::Extensions => "ResourceUnitLimitExceeded",
        Counted::Writes | Counted::Applications | Counted::Personal => "WriteLimitExceeded",
    }
}
