//! Quotas (Graph "Identity and access service limits").

use super::Profile;
use serde::{Deserialize, Serialize};

/// Limits, their windows in seconds, and how a refusal looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Throttling {
    /// Whether requests are refused at all. They are charged in any case.
    pub(crate) on: bool,
    /// The size of the tenant; `auto` follows from the number of its users.
    pub(crate) size: Size,
    /// Resource units of an application in a tenant below 50 users.
    pub(crate) units_small: f64,
    /// In a tenant of 50 to 500 users.
    pub(crate) units_medium: f64,
    /// In a larger one.
    pub(crate) units_large: f64,
    /// The window of these.
    pub(crate) units_seconds: f64,
    /// Writes of an application in a tenant.
    pub(crate) writes: f64,
    /// Their window.
    pub(crate) writes_seconds: f64,
    /// Writes in a tenant, over all applications.
    pub(crate) tenant_writes: f64,
    /// Their window.
    pub(crate) tenant_writes_seconds: f64,
    /// Resource units of an application over all tenants.
    pub(crate) application_units: f64,
    /// Their window.
    pub(crate) application_units_seconds: f64,
    /// Writes of an application over all tenants.
    pub(crate) application_writes: f64,
    /// Their window.
    pub(crate) application_writes_seconds: f64,
    /// Reads of `signInActivity` by an application in a tenant.
    pub(crate) reports: f64,
    /// Their window.
    pub(crate) reports_seconds: f64,
    /// Requests of an application over all tenants.
    pub(crate) requests: f64,
    /// Their window.
    pub(crate) requests_seconds: f64,
    /// Writes by an application of applications for organisations.
    pub(crate) applications: f64,
    /// Their window.
    pub(crate) applications_seconds: f64,
    /// Writes by an application of applications that personal accounts may use.
    pub(crate) personal_applications: f64,
    /// Their window.
    pub(crate) personal_applications_seconds: f64,
    /// Requests of an application in a tenant about open and schema extensions.
    pub(crate) extensions: f64,
    /// Their window.
    pub(crate) extensions_seconds: f64,
    /// What references cost that are bound in one request.
    pub(crate) bind_cost: BindCost,
    /// The share of a bucket that requests with `x-ms-throttle-priority: Low` leave to others.
    pub(crate) low_leaves: f64,
    /// The share that requests without a priority leave to those with `High`.
    pub(crate) normal_leaves: f64,
    /// How a refusal says when to come again.
    pub(crate) retry_after: RetryAfter,
    /// The least that it says, in seconds.
    pub(crate) retry_after_least: f64,
    /// The rate of refusals below every limit.
    pub(crate) below_limits: f64,
}

/// The size of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Size {
    /// By the number of users.
    Auto,
    /// Below 50 users.
    Small,
    /// From 50 to 500.
    Medium,
    /// More.
    Large,
}

/// The writes that a request costs which binds `n` references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum BindCost {
    /// One, as the table says.
    One,
    /// A third of `n`, rounded up, as has been seen.
    Third,
}

/// The form of `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RetryAfter {
    /// A number of seconds.
    Seconds,
    /// An HTTP date.
    Date,
    /// No header.
    Absent,
    /// Each of these, at random.
    Mixed,
}

impl Throttling {
    pub(super) fn of(profile: Profile) -> Throttling {
        let documented = Throttling {
            on: true,
            size: Size::Auto,
            units_small: 3500.0,
            units_medium: 5000.0,
            units_large: 8000.0,
            units_seconds: 10.0,
            writes: 3000.0,
            writes_seconds: 150.0,
            tenant_writes: 18_000.0,
            tenant_writes_seconds: 300.0,
            application_units: 150_000.0,
            application_units_seconds: 20.0,
            application_writes: 35_000.0,
            application_writes_seconds: 300.0,
            reports: 5.0,
            reports_seconds: 10.0,
            requests: 130_000.0,
            requests_seconds: 10.0,
            applications: 70_000.0,
            applications_seconds: 300.0,
            personal_applications: 60.0,
            personal_applications_seconds: 60.0,
            extensions: 455.0,
            extensions_seconds: 10.0,
            bind_cost: BindCost::Third,
            low_leaves: 0.1,
            normal_leaves: 0.0,
            retry_after: RetryAfter::Seconds,
            retry_after_least: 1.0,
            below_limits: 0.0,
        };
        match profile {
            Profile::Ideal => Throttling { on: false, ..documented },
            Profile::Typical => documented,
            Profile::Hostile => {
                Throttling { retry_after: RetryAfter::Mixed, retry_after_least: 5.0, below_limits: 0.002, ..documented }
            }
        }
    }

    /// The resource units of a tenant with so many users.
    pub(crate) fn units(&self, users: usize) -> f64 {
        match (self.size, users) {
            (Size::Small, _) | (Size::Auto, ..50) => self.units_small,
            (Size::Medium, _) | (Size::Auto, 50..=500) => self.units_medium,
            (Size::Large, _) | (Size::Auto, _) => self.units_large,
        }
    }
}
