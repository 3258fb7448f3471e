//! The objects that changed between two places of the journal, each once.

use super::token::Tracked;
use super::tracking::Tracking;
use crate::directory::{Kind, Name, Relation, Row, Span, Tenant, What};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// An object that changed, and how.
#[derive(Debug)]
pub(crate) struct Changed {
    /// The object.
    pub(crate) row: Row,
    /// The properties that changed.
    pub(crate) names: BTreeSet<Name>,
    /// Whether everything of it is new (created or restored).
    pub(crate) whole: bool,
    /// The references that came or went.
    pub(crate) links: Vec<(Relation, Row)>,
}

/// The changes of a window, in the order in which they began. Of an object that is not told yet nothing is told.
pub(crate) fn changes(tenant: &Tenant, kind: Kind, tracking: &Tracking, span: Span) -> Vec<Changed> {
    let mut found: Vec<Changed> = Vec::new();
    let mut places: HashMap<Row, usize> = HashMap::new();
    let mut seen: BTreeSet<(Row, Relation, Row)> = BTreeSet::new();
    let unborn = tenant.journal().unborn(span);
    for entry in tenant.journal().told(span) {
        let object = tenant.object(entry.row);
        if object.kind != kind || unborn.contains(&entry.row) || !tracking.has(entry.row) || !tracking.sees(entry.what) {
            continue;
        }
        let place = *places.entry(entry.row).or_insert_with(|| {
            found.push(Changed { row: entry.row, names: BTreeSet::new(), whole: false, links: Vec::new() });
            found.len() - 1
        });
        let changed = &mut found[place];
        match entry.what {
            What::Property(name) => drop(changed.names.insert(name)),
            What::Link(relation, other) if seen.insert((entry.row, relation, other)) => changed.links.push((relation, other)),
            What::Link(..) | What::Recycled | What::Purged => {}
            What::Created => changed.whole = true,
            What::Restored => {
                changed.whole = true;
                add_all_links(tenant, tracking, changed, &mut seen);
            }
        }
    }
    found
}

/// A restored object comes back with the references that it kept.
fn add_all_links(tenant: &Tenant, tracking: &Tracking, changed: &mut Changed, seen: &mut BTreeSet<(Row, Relation, Row)>) {
    for relation in &tracking.relations {
        for other in tenant.links().targets(*relation, changed.row, None) {
            if seen.insert((changed.row, *relation, other)) {
                changed.links.push((*relation, other));
            }
        }
    }
}

type Key = (Kind, Span, Tracked);

/// Windows that were read lately, so that their next pages need not read the journal again.
#[derive(Debug, Default)]
pub(crate) struct Windows(Mutex<Vec<(Key, Arc<Vec<Changed>>)>>);

impl Windows {
    const KEPT: usize = 16;

    /// The window, from memory or read anew: both are the same, for the journal only grows and what is late stays so.
    pub(crate) fn window(
        &self,
        tenant: &Tenant,
        kind: Kind,
        tracked: &Tracked,
        tracking: &Tracking,
        span: Span,
    ) -> Arc<Vec<Changed>> {
        let key = (kind, span, tracked.clone());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, window)) = kept.iter().find(|(known, _)| *known == key) {
            return window.clone();
        }
        let window = Arc::new(changes(tenant, kind, tracking, span));
        if kept.len() == Self::KEPT {
            kept.remove(0);
        }
        kept.push((key, window.clone()));
        window
    }
}
