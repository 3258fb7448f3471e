//! Many members or owners of one group: twenty in a PATCH, and singly those that Graph refuses.
//!
//! A PATCH with `members@odata.bind` takes all or none (Graph documentation, add members). One link that is there already, or
//! leads nowhere, poisons the rest: the set is halved until the culprits stand alone, so that each costs only itself.

use std::collections::VecDeque;

use entrain_model::{Relation, TargetId, Write, Written};
use serde_json::json;

use super::desk::Desk;
use super::reference::same;
use super::{Done, written};
use crate::Entra;
use crate::call::{Call, Doubt};
use crate::classify::{Meaning, Refusal};
use crate::odata;

/// Whose place in the answer it is, and the other end.
pub(super) type Link = (usize, TargetId);

/// The additions of one relation with which the rest of a record's writes begins.
pub(super) fn leading(writes: &[Write], places: &[usize], wanted: Relation) -> Vec<Link> {
    let link = |place: &usize| {
        let Write::AddReference { relation, to, .. } = &writes[*place] else { return None };
        (*relation == wanted).then(|| (*place, to.clone()))
    };
    places.iter().map_while(link).collect()
}

/// Links that are to be sent together.
struct Set {
    links: Vec<Link>,
    /// A sending of these links was lost, perhaps among others: they may be there by it.
    after_loss: bool,
}

/// Whom a refusal of many links concerns.
enum Culprit {
    /// The group, the application, the service: all links fail alike.
    All,
    /// This link.
    One(usize),
    /// One link or more, nobody knows which.
    Some,
}

impl Set {
    /// What became of one of its links.
    fn explains(&self, written: Written) -> Written {
        Written { after_lost_sending: written.after_lost_sending || written.already && self.after_loss, ..written }
    }
}

impl Entra {
    /// Adds these links. `after_loss`: a sending of them, perhaps among others, got no answer.
    pub(super) async fn bind(
        &self,
        desk: &Desk,
        relation: Relation,
        from: &TargetId,
        links: Vec<Link>,
        after_loss: bool,
    ) -> Vec<(usize, Done)> {
        let mut done = Vec::with_capacity(links.len());
        let mut waiting = sets(links, self.client.links(), after_loss);
        while let Some(mut set) = waiting.pop_front() {
            if let [(place, to)] = &set.links[..] {
                done.push((*place, self.add(desk, relation, from, to).await.map(|written| set.explains(written))));
                continue;
            }
            match desk.send(self.bound(relation, from, &set.links)).await {
                Ok(answer) => {
                    let now = self.clock.now();
                    set.links.iter().for_each(|(_, to)| self.fresh.added(from, to, now));
                    done.extend(set.links.into_iter().map(|(place, _)| (place, Ok(written(&answer)))));
                }
                Err(refusal) => {
                    set.after_loss |= refusal.after_loss;
                    match culprit(&refusal, from, &set.links) {
                        Culprit::All => done.extend(set.links.into_iter().map(|(place, _)| (place, Err(refusal.error.clone())))),
                        Culprit::One(index) => part(&mut waiting, set, index),
                        // It was done when the answer was lost: then all are there, and each has to say so.
                        Culprit::Some if set.after_loss => single(&mut waiting, set),
                        Culprit::Some => halve(&mut waiting, set),
                    }
                }
            }
        }
        done
    }

    fn bound(&self, relation: Relation, from: &TargetId, links: &[Link]) -> Call {
        let name = match relation {
            Relation::Owner => "owners@odata.bind",
            Relation::Member | Relation::Manager => "members@odata.bind",
        };
        let others: Vec<String> = links.iter().map(|(_, to)| self.other(relation, to)).collect();
        let now = self.clock.now();
        // Of what is there already only the single links tell whether it was removed a moment ago.
        let absence = links.iter().any(|(_, to)| self.fresh.adding(from, to, now).absence);
        Call::patch(format!("/groups/{}", odata::escape(from.as_str())), json!({ name: others }))
            .bulky(links.len())
            .doubting(Doubt { absence, presence: false })
    }
}

/// Sets of at most so many, none with the same link twice.
fn sets(links: Vec<Link>, most: usize, after_loss: bool) -> VecDeque<Set> {
    let mut sets: VecDeque<Set> = VecDeque::new();
    for link in links {
        let room = |set: &&mut Set| set.links.len() < most && !set.links.iter().any(|(_, to)| same(to, &link.1));
        match sets.back_mut().filter(room) {
            Some(set) => set.links.push(link),
            None => sets.push_back(Set { links: vec![link], after_loss }),
        }
    }
    sets
}

fn culprit(refusal: &Refusal, from: &TargetId, links: &[Link]) -> Culprit {
    match refusal.meaning {
        Meaning::Missing => match refusal.missing() {
            Some(id) if same(id, from) => Culprit::All,
            Some(id) => links.iter().position(|(_, to)| same(to, id)).map_or(Culprit::Some, Culprit::One),
            None => Culprit::Some,
        },
        Meaning::LinkExists
        | Meaning::LinkTwice
        | Meaning::Quota
        | Meaning::Barred
        | Meaning::Conflict
        | Meaning::Unripe
        | Meaning::Invalid => Culprit::Some,
        Meaning::Throttled
        | Meaning::Unavailable
        | Meaning::Concurrent
        | Meaning::Unauthorized
        | Meaning::Forbidden
        | Meaning::LinkMissing
        | Meaning::Mastered
        | Meaning::Unwritable
        | Meaning::AnchorRefused
        | Meaning::CursorExpired
        | Meaning::Query
        | Meaning::Unsupported => Culprit::All,
    }
}

/// The culprit goes singly, the others once more together.
fn part(waiting: &mut VecDeque<Set>, mut set: Set, index: usize) {
    let culprit = set.links.remove(index);
    let after_loss = set.after_loss;
    waiting.push_front(set);
    waiting.push_front(Set { links: vec![culprit], after_loss });
}

fn single(waiting: &mut VecDeque<Set>, set: Set) {
    let Set { links, after_loss } = set;
    links.into_iter().rev().for_each(|link| waiting.push_front(Set { links: vec![link], after_loss }));
}

fn halve(waiting: &mut VecDeque<Set>, mut set: Set) {
    let second = Set { links: set.links.split_off(set.links.len() / 2), ..set };
    waiting.push_front(second);
    waiting.push_front(set);
}
