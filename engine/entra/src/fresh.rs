//! What we wrote a moment ago. Graph answers from replicas that may not have it yet, so a refusal that contradicts our own
//! recent write is no proof of anything: the request is sent again (Graph documentation, "eventual consistency").

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use entrain_model::{Millis, TargetId};

use crate::call::Doubt;

/// After this time every replica has a write. Production clients have waited eleven minutes for one.
const SETTLED: Millis = 15 * 60 * 1000;
/// Before this time it is likely that a replica does not have a new record yet.
const JUST_NOW: Millis = 30 * 1000;
/// So many writes are kept at most, the latest ones.
const KEPT: usize = 100_000;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Fact {
    Made(String),
    Added(String, String),
    Removed(String, String),
}

/// The recent writes of one process to one tenant.
#[derive(Default)]
pub(crate) struct Fresh(Mutex<Facts>);

#[derive(Default)]
struct Facts {
    known: HashMap<Fact, Millis>,
    order: VecDeque<(Millis, Fact)>,
}

impl Fresh {
    /// A record was made, or came back.
    pub(crate) fn made(&self, id: &TargetId, now: Millis) {
        self.lock().add(Fact::Made(key(id)), now);
    }

    /// A reference was added.
    pub(crate) fn added(&self, from: &TargetId, to: &TargetId, now: Millis) {
        let mut facts = self.lock();
        facts.known.remove(&Fact::Removed(key(from), key(to)));
        facts.add(Fact::Added(key(from), key(to)), now);
    }

    /// A reference was taken away.
    pub(crate) fn removed(&self, from: &TargetId, to: &TargetId, now: Millis) {
        let mut facts = self.lock();
        facts.known.remove(&Fact::Added(key(from), key(to)));
        facts.add(Fact::Removed(key(from), key(to)), now);
    }

    /// Whether the record is so new that its absence proves nothing.
    fn is_new(&self, id: &TargetId, now: Millis) -> bool {
        self.lock().has(&Fact::Made(key(id)), now)
    }

    /// Whether the record is so new that most replicas may not have it.
    pub(crate) fn was_made_just_now(&self, id: &TargetId, now: Millis) -> bool {
        self.lock().has_since(&Fact::Made(key(id)), now.saturating_sub(JUST_NOW))
    }

    /// Whether the reference was added so lately that its absence proves nothing.
    fn was_added(&self, from: &TargetId, to: &TargetId, now: Millis) -> bool {
        self.lock().has(&Fact::Added(key(from), key(to)), now)
    }

    /// Whether the reference was taken away so lately that its presence proves nothing.
    fn was_removed(&self, from: &TargetId, to: &TargetId, now: Millis) -> bool {
        self.lock().has(&Fact::Removed(key(from), key(to)), now)
    }

    /// What is not believed when a reference is added.
    pub(crate) fn adding(&self, from: &TargetId, to: &TargetId, now: Millis) -> Doubt {
        let absence = self.is_new(from, now) || self.is_new(to, now);
        Doubt { absence, presence: self.was_removed(from, to, now) }
    }

    /// What is not believed when a reference is taken away.
    pub(crate) fn removing(&self, from: &TargetId, to: &TargetId, now: Millis) -> Doubt {
        Doubt { absence: self.was_added(from, to, now) || self.is_new(from, now), presence: false }
    }

    /// What is not believed when a record is changed.
    pub(crate) fn changing(&self, id: &TargetId, now: Millis) -> Doubt {
        Doubt { absence: self.is_new(id, now), presence: false }
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    fn add(&mut self, fact: Fact, now: Millis) {
        while self.order.len() >= KEPT || self.order.front().is_some_and(|(at, _)| at.saturating_add(SETTLED) <= now) {
            let Some((at, old)) = self.order.pop_front() else { break };
            // The same may have been written again since.
            if self.known.get(&old) == Some(&at) {
                self.known.remove(&old);
            }
        }
        self.known.insert(fact.clone(), now);
        self.order.push_back((now, fact));
    }

    fn has(&self, fact: &Fact, now: Millis) -> bool {
        self.has_since(fact, now.saturating_sub(SETTLED))
    }

    fn has_since(&self, fact: &Fact, since: Millis) -> bool {
        self.known.get(fact).is_some_and(|at| *at > since)
    }
}

/// Ids are compared without case.
fn key(id: &TargetId) -> String {
    id.as_str().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_fresh_for_a_quarter_of_an_hour() {
        let (fresh, id) = (Fresh::default(), TargetId::from("A"));
        fresh.made(&id, 0);
        assert!(fresh.is_new(&TargetId::from("a"), SETTLED - 1));
        assert!(!fresh.is_new(&id, SETTLED));
        assert!(fresh.was_made_just_now(&id, JUST_NOW - 1) && !fresh.was_made_just_now(&id, JUST_NOW));
        fresh.made(&TargetId::from("b"), SETTLED);
        assert_eq!(fresh.lock().known.len(), 1, "what has settled is forgotten");
    }

    #[test]
    fn the_last_of_an_addition_and_a_removal_counts() {
        let (fresh, group, user) = (Fresh::default(), TargetId::from("g"), TargetId::from("u"));
        fresh.added(&group, &user, 1);
        fresh.removed(&group, &user, 2);
        assert!(!fresh.was_added(&group, &user, 3) && fresh.was_removed(&group, &user, 3));
        fresh.added(&group, &user, 4);
        assert!(fresh.was_added(&group, &user, 5) && !fresh.was_removed(&group, &user, 5));
    }

    #[test]
    fn only_so_much_is_kept() {
        let fresh = Fresh::default();
        for n in 0..=KEPT {
            fresh.made(&TargetId::from(n.to_string()), 1);
        }
        assert_eq!(fresh.lock().order.len(), KEPT);
        assert!(!fresh.is_new(&TargetId::from("0"), 2));
    }
}
