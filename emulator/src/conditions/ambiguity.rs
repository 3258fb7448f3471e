//! Answers that are lost, late or damaged.

use super::Profile;
use serde::{Deserialize, Serialize};

/// Rates from 0 to 1, of requests and of the steps of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ambiguity {
    /// Instead of the work.
    pub(crate) before: Rates,
    /// After the work, instead of its answer.
    pub(crate) after: Rates,
    /// Instead of a batch, with none of its steps done.
    pub(crate) batch_before: Rates,
    /// After all steps of a batch, instead of its answer.
    pub(crate) batch_after: Rates,
    /// Instead of an answer of the token endpoint, its documents, or the machine's identity.
    pub(crate) sign_in: Rates,
    /// The rate of bodies that end in the middle.
    pub(crate) truncated: f64,
    /// The rate of pages of HTML instead of an answer.
    pub(crate) garbage: f64,
    /// The rate of slow answers.
    pub(crate) slow: f64,
    /// The least that these take, in milliseconds.
    pub(crate) slow_from: u32,
    /// The most.
    pub(crate) slow_to: u32,
    /// Whether two requests that write one object at the same time get 409, but for the first.
    pub(crate) concurrency: bool,
    /// The least that a write takes then, in milliseconds: so long another one of the same object meets it.
    pub(crate) write_from: u32,
    /// The most.
    pub(crate) write_to: u32,
    /// How many milliseconds after a write another request still counts as at the same time.
    pub(crate) concurrency_window: i64,
}

/// What is answered, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rates {
    /// 500.
    #[serde(rename = "500")]
    pub(crate) internal: f64,
    /// 502.
    #[serde(rename = "502")]
    pub(crate) gateway: f64,
    /// 503.
    #[serde(rename = "503")]
    pub(crate) unavailable: f64,
    /// 504.
    #[serde(rename = "504")]
    pub(crate) timeout: f64,
    /// The connection is cut.
    #[serde(rename = "reset")]
    pub(crate) reset: f64,
}

impl Rates {
    const fn new(internal: f64, gateway: f64, unavailable: f64, timeout: f64, reset: f64) -> Rates {
        Rates { internal, gateway, unavailable, timeout, reset }
    }
}

impl Ambiguity {
    pub(super) fn of(profile: Profile) -> Ambiguity {
        let none = Rates::new(0.0, 0.0, 0.0, 0.0, 0.0);
        let ideal = Ambiguity {
            before: none,
            after: none,
            batch_before: none,
            batch_after: none,
            sign_in: none,
            truncated: 0.0,
            garbage: 0.0,
            slow: 0.0,
            slow_from: 1000,
            slow_to: 10_000,
            concurrency: false,
            write_from: 50,
            write_to: 100,
            concurrency_window: 0,
        };
        match profile {
            Profile::Ideal => ideal,
            // One request in two thousand fails.
            Profile::Typical => Ambiguity {
                before: Rates::new(0.00005, 0.00005, 0.00015, 0.00005, 0.0),
                after: Rates::new(0.00005, 0.0, 0.0, 0.0001, 0.00005),
                batch_before: Rates::new(0.00005, 0.00005, 0.00015, 0.00005, 0.0),
                batch_after: Rates::new(0.00005, 0.0, 0.0, 0.0001, 0.0),
                sign_in: Rates::new(0.00005, 0.00005, 0.00015, 0.00005, 0.00005),
                slow: 0.002,
                concurrency: true,
                ..ideal
            },
            // One answer in twenty is lost after the work.
            Profile::Hostile => Ambiguity {
                before: Rates::new(0.005, 0.005, 0.01, 0.005, 0.01),
                after: Rates::new(0.005, 0.005, 0.005, 0.01, 0.01),
                batch_before: Rates::new(0.002, 0.002, 0.005, 0.002, 0.0),
                batch_after: Rates::new(0.002, 0.002, 0.002, 0.005, 0.0),
                sign_in: Rates::new(0.005, 0.005, 0.01, 0.005, 0.01),
                write_from: 500,
                write_to: 500,
                truncated: 0.01,
                garbage: 0.005,
                slow: 0.02,
                slow_to: 60_000,
                concurrency: true,
                ..ideal
            },
        }
    }
}
