//! A page of a delta answer that is being filled.

use super::order::{Order, Reordered};
use super::token::{LinkPlace, Place};
use super::tracking::Tracking;
use super::window::Changed;
use super::write::{self, Detail};
use crate::dice::Dice;
use crate::directory::{Kind, Life, Relation, Row, Span, View};

/// The most items that a page tells again.
const MOST_AGAIN: usize = 3;

/// Which objects an enumeration tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The live ones.
    Live,
    /// Those in the recycle bin as well, as removed.
    Removed,
}

/// The changes of a round, and how they are told.
pub(super) struct Window<'w> {
    /// What changed.
    pub(super) changes: &'w [Changed],
    /// In which order it is told.
    pub(super) order: Order,
    /// How much of it.
    pub(super) detail: Detail,
}

/// What a page is filled with, and how much fits.
pub(super) struct Page<'a> {
    tenant: &'a View<'a>,
    tracking: &'a Tracking,
    /// Objects that still fit.
    room: usize,
    /// References that still fit.
    links: usize,
    /// References that fit on an empty page.
    most_links: usize,
    items: Vec<Vec<u8>>,
}

impl<'a> Page<'a> {
    /// An empty page for so many objects and references.
    pub(super) fn new(tenant: &'a View<'a>, tracking: &'a Tracking, room: usize, links: usize) -> Page<'a> {
        Page { tenant, tracking, room, links, most_links: links, items: Vec::new() }
    }

    /// The tenant as it is told.
    pub(super) fn tenant(&self) -> &'a View<'a> {
        self.tenant
    }

    /// The items, in the order in which they were told.
    pub(super) fn items(self) -> Vec<Vec<u8>> {
        self.items
    }

    fn is_full(&self) -> bool {
        self.room == 0 || self.links == 0
    }

    fn item(&mut self, links: usize) -> &mut Vec<u8> {
        self.room -= 1;
        self.links -= links;
        self.extra()
    }

    /// An item beyond those that count.
    fn extra(&mut self) -> &mut Vec<u8> {
        let at = self.items.len();
        self.items.push(Vec::new());
        &mut self.items[at]
    }

    /// Tells objects from a place on; returns where the next page begins.
    pub(super) fn enumerate(
        &mut self,
        kind: Kind,
        told: Told,
        from: u64,
        after: Option<u32>,
        partly: Option<(u32, LinkPlace)>,
        order: Option<Reordered>,
    ) -> Place {
        let tenant = self.tenant;
        let tracking = self.tracking;
        let mut done = after;
        for (at, row) in ordered(tenant.rows(kind, None), after, order) {
            if !is_told(tenant, told, row) || !tracking.has(row) {
                continue;
            }
            if self.is_full() {
                return Place::Enumeration { from, after: done, partly: None };
            }
            let place = partly.filter(|(known, _)| *known == row.0).map(|(_, place)| place);
            let links = if tenant.object(row).is_live() { self.slice(row, place) } else { Vec::new() };
            let fitting = &links[..links.len().min(self.links)];
            write::enumerated(self.item(fitting.len()), tenant, row, tracking, fitting);
            if fitting.len() < links.len() {
                let place = fitting.last().map(|(relation, other)| (row.0, LinkPlace::new(*relation, *other)));
                return Place::Enumeration { from, after: done, partly: place };
            }
            done = Some(at);
        }
        Place::Idle { from }
    }

    /// Tells again some objects up to a place of an enumeration; of those that are seen from `past`, only what they held then.
    /// Returns these.
    pub(super) fn enumerate_again(
        &mut self,
        kind: Kind,
        up_to: u32,
        order: Option<Reordered>,
        past: Option<&View<'_>>,
        dice: &mut Dice,
    ) -> Vec<u32> {
        let (tenant, tracking) = (self.tenant, self.tracking);
        let rows = tenant.rows(kind, None);
        let (known, all) = match order {
            Some(order) => (up_to as usize + 1, order.objects),
            None => (rows.partition_point(|row| row.0 <= up_to), rows.len()),
        };
        let mut stale = Vec::new();
        for _ in 0..=dice.below(MOST_AGAIN) {
            let at = Order::of(order, all.min(rows.len())).at(dice.below(known));
            let Some(row) = rows.get(at).copied() else { return stale };
            if !is_told(tenant, Told::Live, row) || !tracking.has(row) {
                continue;
            }
            match past.filter(|past| past.object(row).is_live()) {
                // A reference that is gone by now would stay for ever.
                Some(past) => {
                    write::enumerated(self.extra(), past, row, tracking, &[]);
                    stale.push(row.0);
                }
                None => {
                    let links: Vec<(Relation, Row)> = self.slice(row, None).into_iter().take(self.most_links).collect();
                    write::enumerated(self.extra(), tenant, row, tracking, &links);
                }
            }
        }
        stale
    }

    /// Tells objects of an enumeration as they are that the page before told as they were.
    pub(super) fn correct_enumeration(&mut self, kind: Kind, stale: &[u32]) {
        let (tenant, tracking) = (self.tenant, self.tracking);
        // A token may be older than the tenant: it names rows that there are not yet.
        let known = |row: &Row| tenant.rows(kind, None).binary_search(row).is_ok();
        for row in stale.iter().map(|row| Row(*row)).filter(known) {
            write::enumerated(self.extra(), tenant, row, tracking, &[]);
        }
    }

    /// The references of an object after a place: one more than fits, to know whether they end here.
    fn slice(&self, row: Row, after: Option<LinkPlace>) -> Vec<(Relation, Row)> {
        let rest = self.tracking.relations.iter().filter_map(|relation| Some((*relation, LinkPlace::resume(after, *relation)?)));
        let links = rest
            .flat_map(|(relation, after)| self.tenant.links().targets(relation, row, after).map(move |other| (relation, other)));
        links.take(self.links + 1).collect()
    }

    /// Tells changes from a place on; returns where the next page begins.
    pub(super) fn tell(&mut self, window: &Window<'_>, objects: usize, mut skip: usize, span: Span) -> Place {
        let Span { from, to, since, .. } = span;
        let detail = window.detail;
        for at in objects..window.changes.len() {
            let changed = &window.changes[window.order.at(at)];
            if self.is_full() {
                return Place::Changes { from, to, since, objects: at, links: skip };
            }
            let rest = changed.links.get(skip..).unwrap_or(&[]);
            let links = &rest[..rest.len().min(self.links)];
            let (tenant, tracking) = (self.tenant, self.tracking);
            write::changed(self.item(links.len()), tenant, changed, tracking, links, detail);
            if links.len() < rest.len() {
                return Place::Changes { from, to, since, objects: at, links: skip + links.len() };
            }
            skip = 0;
        }
        Place::Idle { from: to }
    }

    /// Tells again some of the first changes; those that are seen from `past` as they were then. Returns these.
    pub(super) fn tell_again(&mut self, window: &Window<'_>, told: usize, past: Option<&View<'_>>, dice: &mut Dice) -> Vec<u32> {
        let mut stale = Vec::new();
        for _ in 0..=dice.below(MOST_AGAIN) {
            let at = window.order.at(dice.below(told));
            let Some(changed) = window.changes.get(at).filter(|_| told > 0) else { return stale };
            let past = past.filter(|past| past.object(changed.row).is_live());
            stale.extend(past.and(u32::try_from(at).ok()));
            self.tell_extra(changed, past, window.detail);
        }
        stale
    }

    /// Tells changes as they are that the page before told as they were.
    pub(super) fn correct(&mut self, window: &Window<'_>, stale: &[u32]) {
        for changed in stale.iter().filter_map(|at| window.changes.get(*at as usize)) {
            self.tell_extra(changed, None, window.detail);
        }
    }

    fn tell_extra(&mut self, changed: &Changed, past: Option<&View<'_>>, detail: Detail) {
        let links = &changed.links[..changed.links.len().min(self.most_links)];
        let (tenant, tracking) = (self.tenant, self.tracking);
        write::changed(self.extra(), past.unwrap_or(tenant), changed, tracking, links, detail);
    }
}

/// The objects of an enumeration after a place, each with its own.
fn ordered<'t>(rows: &'t [Row], after: Option<u32>, order: Option<Reordered>) -> Box<dyn Iterator<Item = (u32, Row)> + 't> {
    match order {
        None => {
            let start = after.map_or(0, |after| rows.partition_point(|row| row.0 <= after));
            Box::new(rows[start..].iter().map(|row| (row.0, *row)))
        }
        Some(reordered) => {
            let rows = &rows[..reordered.objects.min(rows.len())];
            let order = Order::of(order, rows.len());
            let start = after.map_or(0, |after| after as usize + 1);
            let numbered = (0u32..).zip(0..rows.len()).skip(start);
            Box::new(numbered.map(move |(number, position)| (number, rows[order.at(position)])))
        }
    }
}

fn is_told(tenant: &View<'_>, told: Told, row: Row) -> bool {
    match tenant.object(row).life {
        Life::Live => true,
        Life::Recycled(_) => told == Told::Removed,
        Life::Purged => false,
    }
}
