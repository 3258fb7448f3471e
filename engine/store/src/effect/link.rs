//! What outcomes do with links.

use std::collections::BTreeMap;

use entrain_model::{Attributes, LinkState, Millis, ObjectRef, RunId, TargetId, TargetName};
use sqlx::AnyConnection;

use super::end::Owners;
use super::{End, LinkWrite};
use crate::Result;
use crate::link::{self, LinkRow};
use crate::mirror::merge;

/// The lines that would link a record which is linked to another object, or which an earlier line links to another.
pub(super) async fn taken(connection: &mut AnyConnection, target: &TargetName, ends: &[End]) -> Result<Owners> {
    let puts: Vec<(&End, &TargetId)> = ends.iter().filter_map(|end| Some((end, put(end)?))).collect();
    let ids: Vec<&TargetId> = puts.iter().map(|(_, id)| *id).collect();
    let mut owners = link::owners(connection, target, &ids).await?;
    let mut taken = Owners::new();
    for (end, id) in puts {
        let owner = owners.entry(id.clone()).or_insert_with(|| end.object.clone());
        if *owner != end.object {
            taken.insert(end.seq, owner.clone());
        }
    }
    Ok(taken)
}

fn put(end: &End) -> Option<&TargetId> {
    match &end.link {
        Some(LinkWrite::Put { id, .. }) => Some(id),
        Some(LinkWrite::Anchored | LinkWrite::Sent(_) | LinkWrite::Removed) | None => None,
    }
}

/// The links that a list of outcomes changes.
#[derive(Default)]
pub(super) struct Links {
    /// Whose identity changed: they get a new version, and the run as its author.
    moved: BTreeMap<ObjectRef, LinkRow>,
    /// Whose sent values changed.
    sent: BTreeMap<ObjectRef, LinkRow>,
}

impl Links {
    pub(super) async fn write(
        connection: &mut AnyConnection,
        target: &TargetName,
        run: &RunId,
        ends: &[&End],
        now: Millis,
    ) -> Result<()> {
        let changing = ends.iter().filter(|end| end.link.is_some()).map(|end| &end.object);
        let mut known = link::load(connection, target, changing).await?;
        let mut links = Links::default();
        let mut removed = Vec::new();
        for end in ends {
            match &end.link {
                None => {}
                Some(LinkWrite::Removed) => removed.push(&end.object),
                Some(write) => links.apply(&mut known, &end.object, write, now),
            }
        }
        link::remove(connection, target, &removed).await?;
        link::store(connection, target, Some(run), &links.moved.values().collect::<Vec<_>>()).await?;
        link::store(connection, target, None, &links.sent.values().collect::<Vec<_>>()).await
    }

    fn apply(&mut self, known: &mut BTreeMap<ObjectRef, LinkRow>, object: &ObjectRef, write: &LinkWrite, now: Millis) {
        let mut row = self.moved.remove(object).or_else(|| self.sent.remove(object)).or_else(|| known.remove(object));
        match write {
            LinkWrite::Put { id, evidence, anchored, sent } => {
                let version = row.as_ref().map_or(1, |row| row.link.version + 1);
                let same = row.take().filter(|row| row.link.id == *id);
                let linked_at = same.as_ref().map_or(now, |row| row.linked_at);
                let (old, stored) = same.map(|row| (row.link.sent, row.link.stored)).unwrap_or_default();
                let link = LinkState { id: id.clone(), version, anchored: *anchored, sent: old, stored };
                let mut row = LinkRow { object: object.clone(), link, evidence: evidence.clone(), linked_at };
                add_sent(&mut row, sent);
                self.moved.insert(object.clone(), row);
            }
            LinkWrite::Anchored => {
                if let Some(mut row) = row {
                    row.link.anchored = true;
                    row.link.version += 1;
                    self.moved.insert(object.clone(), row);
                }
            }
            LinkWrite::Sent(sent) => {
                if let Some(mut row) = row {
                    add_sent(&mut row, sent);
                    self.sent.insert(object.clone(), row);
                }
            }
            LinkWrite::Removed => {}
        }
    }
}

/// What the target made of an earlier value says nothing about the new one.
fn add_sent(row: &mut LinkRow, sent: &Attributes) {
    merge(&mut row.link.sent, sent);
    row.link.stored.retain(|name, _| !sent.contains_key(name));
}
