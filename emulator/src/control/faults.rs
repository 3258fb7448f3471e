//! Faults on purpose: rules that delay, refuse or cut requests.

use crate::dice::Dice;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// When a fault strikes, seen from the work that the request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Moment {
    /// The work is not done.
    #[default]
    Before,
    /// The work is done, but the caller does not hear of it.
    After,
}

/// What a fault does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Answers with this instead.
    Answer {
        /// Before or after the work.
        when: Moment,
        /// The status.
        status: u16,
        /// `error.code`.
        code: String,
        /// `error.message`.
        message: String,
        /// More headers, such as `Retry-After`.
        headers: Vec<(String, String)>,
    },
    /// Cuts the connection.
    Drop {
        /// Before or after the work.
        when: Moment,
    },
    /// Waits first.
    Delay {
        /// How long.
        milliseconds: u64,
    },
    /// Answers a page of a list with less than it has.
    Page {
        /// What is lost.
        loses: Loss,
    },
}

/// What a page of a list loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Loss {
    /// The link to the next page: the list ends early.
    Next,
    /// All items.
    Items,
    /// The second half of its bytes.
    Half,
}

/// An action as it is configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", deny_unknown_fields)]
enum Wish {
    Answer {
        status: u16,
        #[serde(default)]
        when: Moment,
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    Drop {
        #[serde(default)]
        when: Moment,
    },
    Delay {
        milliseconds: u64,
    },
    Page {
        loses: Loss,
    },
}

/// Which requests, how often, and what then.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    /// Only this method.
    #[serde(default)]
    method: Option<String>,
    /// Only paths (with version and query, as `/v1.0/users?..`) that this regular expression finds.
    #[serde(default)]
    path: Option<String>,
    /// Only writes: every method but GET, except a batch, whose steps count each.
    #[serde(default)]
    writes: bool,
    /// The first match that is struck, from 1.
    #[serde(default = "first")]
    nth: u64,
    /// How many matches are struck; all by default.
    #[serde(default)]
    times: Option<u64>,
    /// The share of matches that is struck.
    #[serde(default = "always")]
    probability: f64,
    action: Wish,
    /// Matches so far.
    #[serde(default)]
    matched: u64,
    /// Strikes so far.
    #[serde(default)]
    struck: u64,
}

fn first() -> u64 {
    1
}

fn always() -> f64 {
    1.0
}

impl Rule {
    fn matches(&self, path: Option<&Regex>, method: &str, target: &str) -> bool {
        let write = method != "GET" && !target.eq_ignore_ascii_case("/v1.0/$batch");
        self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && path.is_none_or(|path| path.is_match(target))
            && (write || !self.writes)
    }

    fn action(&self) -> Action {
        match self.action.clone() {
            Wish::Drop { when } => Action::Drop { when },
            Wish::Delay { milliseconds } => Action::Delay { milliseconds },
            Wish::Page { loses } => Action::Page { loses },
            Wish::Answer { status, when, code, message, headers } => Action::Answer {
                when,
                status,
                code: if code.is_empty() { default_code(status).to_owned() } else { code },
                message,
                headers: headers.into_iter().collect(),
            },
        }
    }
}

fn default_code(status: u16) -> &'static str {
    match status {
        409 => "Directory_ConcurrencyViolation",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "UnknownError",
    }
}

/// The rules in force. The first one that strikes decides.
#[derive(Debug)]
pub(crate) struct Faults(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    rules: Vec<(Rule, Option<Regex>)>,
    dice: Dice,
}

impl Faults {
    /// No faults; the seed decides about probabilities.
    pub(crate) fn new(seed: u64) -> Faults {
        Faults(Mutex::new(Kept { rules: Vec::new(), dice: Dice::new(seed) }))
    }

    /// Puts rules in force in place of the present ones.
    ///
    /// # Errors
    /// A path that is no regular expression.
    pub(crate) fn replace(&self, rules: Vec<Rule>) -> Result<(), String> {
        let compiled = rules.into_iter().map(|rule| {
            let path = rule.path.as_deref().map(Regex::new).transpose().map_err(|error| error.to_string())?;
            Ok((rule, path))
        });
        let compiled: Vec<(Rule, Option<Regex>)> = compiled.collect::<Result<_, String>>()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rules = compiled;
        Ok(())
    }

    /// The rules with what they did so far.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.rules.iter().map(|(rule, _)| rule.clone()).collect()
    }

    /// What is to happen to a request to sign in. Only a rule that names its path is about one.
    pub(crate) fn strike_sign_in(&self, method: &str, target: &str) -> Option<Action> {
        self.first(method, target, |rule| rule.path.is_some() && !rule.writes)
    }

    /// What is to happen to a request to Graph.
    pub(crate) fn strike(&self, method: &str, target: &str) -> Option<Action> {
        self.first(method, target, |_| true)
    }

    fn first(&self, method: &str, target: &str, about: impl Fn(&Rule) -> bool) -> Option<Action> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { rules, dice } = &mut *kept;
        for (rule, path) in rules {
            if !about(rule) || !rule.matches(path.as_ref(), method, target) {
                continue;
            }
            rule.matched += 1;
            let due = rule.matched >= rule.nth && rule.times.is_none_or(|times| rule.struck < times);
            if due && dice.strikes(rule.probability) {
                rule.struck += 1;
                return Some(rule.action());
            }
        }
        None
    }
}
