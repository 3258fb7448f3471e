//! Counts of requests.

use crate::throttle::Cost;
use axum::http::{Method, Version};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What was counted since the start or the last reset.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// HTTP requests to Graph; a batch is one.
    pub requests: u64,
    /// HTTP requests to the token endpoint and its documents.
    pub token_requests: u64,
    /// Connections that were accepted, those of the control plane and of the machine's identity too.
    pub connections: u64,
    /// HTTP requests to Graph and to the sign-in by the version that they came in: `HTTP/2.0`.
    pub versions: BTreeMap<String, u64>,
    /// Batches.
    pub batches: u64,
    /// Requests within batches.
    pub sub_requests: u64,
    /// Writes, alone or within a batch.
    pub writes: u64,
    /// Reads, alone or within a batch.
    pub reads: u64,
    /// Requests, alone or within a batch, that were charged to the quotas.
    pub charged: u64,
    /// Those of them that a quota refused.
    pub throttled: u64,
    /// Resource units of the requests that no quota refused.
    pub units_charged: u64,
    /// Writes that these were charged: a request that binds references may cost several.
    pub writes_charged: u64,
    /// Requests, batches and steps that chance kept from being done.
    pub undone: u64,
    /// Those that were done, but whose answer chance lost or damaged.
    pub lost: u64,
    /// HTTP answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers within batches by status.
    pub sub_statuses: BTreeMap<u16, u64>,
    /// Requests and sub-requests by method and shape: `PATCH /users/{id}`.
    pub shapes: BTreeMap<String, u64>,
}

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Counts>);

impl Stats {
    /// Counts an HTTP request to Graph; `path` is below the version.
    pub(crate) fn request(&self, method: &Method, path: &str) {
        self.change(|counts| {
            counts.requests += 1;
            if path.eq_ignore_ascii_case("$batch") { counts.batches += 1 } else { count(counts, method, path) }
        });
    }

    /// Counts a connection.
    pub(crate) fn connected(&self) {
        self.change(|counts| counts.connections += 1);
    }

    /// Counts an HTTP request by its version.
    pub(crate) fn version(&self, version: Version) {
        self.change(|counts| *counts.versions.entry(format!("{version:?}")).or_default() += 1);
    }

    /// Counts a request within a batch.
    pub(crate) fn sub_request(&self, method: &Method, path: &str) {
        self.change(|counts| {
            counts.sub_requests += 1;
            count(counts, method, path);
        });
    }

    /// Counts what chance kept from being done.
    pub(crate) fn undone(&self) {
        self.change(|counts| counts.undone += 1);
    }

    /// Counts an answer that chance lost.
    pub(crate) fn lost(&self) {
        self.change(|counts| counts.lost += 1);
    }

    /// Counts an answer within a batch.
    pub(crate) fn sub_answered(&self, status: u16) {
        self.change(|counts| *counts.sub_statuses.entry(status).or_default() += 1);
    }

    /// Counts what the quotas did to a request.
    pub(crate) fn charged(&self, cost: Cost, refused: bool) {
        self.change(|counts| {
            counts.charged += 1;
            if refused {
                counts.throttled += 1;
            } else {
                counts.units_charged += u64::from(cost.units);
                counts.writes_charged += u64::from(cost.writes);
            }
        });
    }

    /// Counts a request to the token endpoint.
    pub(crate) fn token_request(&self) {
        self.change(|counts| counts.token_requests += 1);
    }

    /// Counts an HTTP answer.
    pub(crate) fn answered(&self, status: u16) {
        self.change(|counts| *counts.statuses.entry(status).or_default() += 1);
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts again at zero; returns the counts until now.
    pub(crate) fn reset(&self) -> Counts {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn count(counts: &mut Counts, method: &Method, path: &str) {
    if *method == Method::GET {
        counts.reads += 1
    } else {
        counts.writes += 1
    }
    *counts.shapes.entry(format!("{method} /{}", shape(path))).or_default() += 1;
}

/// The path with `{id}` for every id and key.
fn shape(path: &str) -> String {
    let mut quoted = false;
    let at_slash = |letter: char| {
        quoted ^= letter == '\'';
        letter == '/' && !quoted
    };
    let mut after_collection = false;
    let segment = |segment: &str| {
        let word = segment.split_once('(').map_or(segment, |(word, _)| word).to_ascii_lowercase();
        let keyed = segment.contains("('") || segment.contains("='");
        let named = matches!(word.as_str(), "delta" | "$count" | "$ref") || word.starts_with("microsoft.graph.");
        let id = after_collection && !named;
        after_collection = !id
            && !keyed
            && matches!(
                word.as_str(),
                "users" | "groups" | "members" | "owners" | "deleteditems" | "directoryobjects" | "domains"
            );
        if id {
            "{id}".to_owned()
        } else if keyed {
            format!("{word}({{key}})")
        } else {
            word
        }
    };
    path.split(at_slash).filter(|segment| !segment.is_empty()).map(segment).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn ids_are_left_out() {
        assert_eq!(shape("users/a@b.c"), "users/{id}");
        assert_eq!(shape("/groups/1-2/members/3/$ref"), "groups/{id}/members/{id}/$ref");
        assert_eq!(shape("groups(uniqueName='a/b')"), "groups({key})");
        assert_eq!(shape("users/delta"), "users/delta");
        assert_eq!(shape("groups/1/members/$ref"), "groups/{id}/members/$ref");
        assert_eq!(shape("directory/deletedItems/microsoft.graph.user"), "directory/deleteditems/microsoft.graph.user");
    }
}
