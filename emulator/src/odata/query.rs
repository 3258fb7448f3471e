//! Query options of a request.

use super::address::{Plus, unescaped};
use crate::failure::Failure;

/// The options of a query string. Names lose their `$` and their case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    raw: String,
}

impl Query {
    /// Reads a raw query string.
    ///
    /// # Errors
    /// `$skip` and the other options that directory objects do not have.
    pub(crate) fn parse(raw: &str) -> Result<Query, Failure> {
        let pairs: Vec<(String, String)> = raw.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
        if let Some((name, _)) = pairs.iter().find(|(name, _)| matches!(name.as_str(), "skip" | "apply" | "compute")) {
            return Err(Failure::unsupported_query(format!("'${name}' is not supported by the service.")));
        }
        Ok(Query { pairs, raw: raw.to_owned() })
    }

    /// The value of an option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The names in `$select`; `None` without it or for `*`.
    pub(crate) fn select(&self) -> Option<Vec<&str>> {
        let names: Vec<&str> = self.option("select")?.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        (!names.is_empty() && !names.contains(&"*")).then_some(names)
    }

    /// Whether `$count=true` was asked.
    pub(crate) fn counts(&self) -> bool {
        self.option("count").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The page size: `$top`, from 1 to 999 (500 with sign-in reports), or the default.
    ///
    /// # Errors
    /// A `$top` that is no such number.
    pub(crate) fn top(&self, default: usize) -> Result<usize, Failure> {
        let Some(text) = self.option("top") else { return Ok(default) };
        let reports = self.select().is_some_and(|names| names.iter().any(|name| name.eq_ignore_ascii_case("signInActivity")));
        let most = if reports { 500 } else { 999 };
        text.parse().ok().filter(|top| (1..=most).contains(top)).ok_or_else(|| {
            Failure::unsupported_query(format!("Invalid page size specified: '{text}'. Must be between 1 and {most} inclusive."))
        })
    }

    /// The raw query string without one option: what a next link repeats.
    pub(crate) fn without(&self, name: &str) -> String {
        let kept: Vec<&str> = self.raw.split('&').filter(|raw| !raw.is_empty() && pair(raw).0 != name).collect();
        kept.join("&")
    }
}

fn pair(raw: &str) -> (String, String) {
    let (name, value) = raw.split_once('=').unwrap_or((raw, ""));
    let name = unescaped(name, Plus::Space).to_ascii_lowercase();
    (name.strip_prefix('$').unwrap_or(&name).to_owned(), unescaped(value, Plus::Space))
}
