//! A page of a delta answer that is being filled.

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
        after: Option<Row>,
        partly: Option<(u32, LinkPlace)>,
    ) -> Place {
        let tenant = self.tenant;
        let tracking = self.tracking;
        let mut done = after.map(|row| row.0);
        for row in tenant.rows(kind, after).iter().filter(|row| is_told(tenant, told, **row) && tracking.has(**row)) {
            if self.is_full() {
                return Place::Enumeration { from, after: done, partly: None };
            }
            let place = partly.filter(|(known, _)| *known == row.0).map(|(_, place)| place);
            let links = if tenant.object(*row).is_live() { self.slice(*row, place) } else { Vec::new() };
            let fitting = &links[..links.len().min(self.links)];
            write::enumerated(self.item(fitting.len()), tenant, *row, tracking, fitting);
            if fitting.len() < links.len() {
                let place = fitting.last().map(|(relation, other)| (row.0, LinkPlace::new(*relation, *other)));
                return Place::Enumeration { from, after: done, partly: place };
            }
            done = Some(row.0);
        }
        Place::Idle { from }
    }

    /// Tells again some objects up to a place of an enumeration.
    pub(super) fn enumerate_again(&mut self, kind: Kind, up_to: Row, dice: &mut Dice) {
        let rows = self.tenant.rows(kind, None);
        let known = &rows[..rows.partition_point(|row| *row <= up_to)];
        for _ in 0..=dice.below(MOST_AGAIN) {
            let Some(row) = known.get(dice.below(known.len())).copied() else { return };
            if is_told(self.tenant, Told::Live, row) && self.tracking.has(row) {
                let links: Vec<(Relation, Row)> = self.slice(row, None).into_iter().take(self.most_links).collect();
                let (tenant, tracking) = (self.tenant, self.tracking);
                write::enumerated(self.extra(), tenant, row, tracking, &links);
            }
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
    pub(super) fn tell(&mut self, window: &[Changed], objects: usize, mut skip: usize, detail: Detail, span: Span) -> Place {
        let Span { from, to, since, .. } = span;
        for (at, changed) in window.iter().enumerate().skip(objects) {
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

    /// Tells again some of the changes that were told.
    pub(super) fn tell_again(&mut self, told: &[Changed], detail: Detail, dice: &mut Dice) {
        for _ in 0..=dice.below(MOST_AGAIN) {
            let Some(changed) = told.get(dice.below(told.len())) else { return };
            let links = &changed.links[..changed.links.len().min(self.most_links)];
            let (tenant, tracking) = (self.tenant, self.tracking);
            write::changed(self.extra(), tenant, changed, tracking, links, detail);
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
