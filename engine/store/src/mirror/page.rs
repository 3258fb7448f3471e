//! Pages of what was read of the target.

use std::collections::BTreeSet;

use entrain_model::{Condition, Kind, Observed, TargetId, TargetName};

use super::doubts::{self, contradicts};
use super::image::{Image, Images, merge};
use super::moves;
use super::references::{ReferenceWrite, drop_references, write_references};
use crate::sql::CHUNK;
use crate::{Result, Store};

/// How a page was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// From a read of everything: attributes and flags are replaced, references that stand are added. A record that comes
    /// again in the same generation (with more of its members) is merged.
    Full,
    /// From an incremental read: attributes are merged, references come and go. What was said before against writing a
    /// record stands until a read of another sort says otherwise: an incremental read may be silent about it.
    Changes,
    /// From a look at single records: attributes and flags are replaced, references that stand are added. What contradicts the
    /// mirror is doubted.
    Lookup,
    /// From the recycle bin: attributes and flags are replaced.
    RecycleBin,
}

/// A page for the mirror.
#[derive(Clone, Debug)]
pub struct MirrorPage<'a> {
    /// The kind of its records.
    pub kind: Kind,
    /// The generation of the run that read it.
    pub generation: i64,
    /// The attribute that carries anchors; nested ones by a dotted path.
    pub anchor: &'a str,
    /// The attributes that are indexed, for matching and for uniqueness.
    pub keys: &'a [String],
    /// The records.
    pub records: &'a [Observed],
    /// How it was read.
    pub reading: Reading,
}

impl Store {
    /// Takes a page.
    pub async fn put_mirror(&self, target: &TargetName, page: MirrorPage<'_>) -> Result<()> {
        self.index_mirror(target, page.kind, page.anchor, page.keys).await?;
        let mut transaction = self.begin_derived().await?;
        for records in page.records.chunks(CHUNK) {
            let ids: BTreeSet<&TargetId> = records.iter().map(|record| &record.id).collect();
            let mut images = Images::load(&mut transaction, target, page.kind, &ids).await?;
            let mut references = Vec::new();
            let (mut lost, mut doubted) = (BTreeSet::new(), BTreeSet::new());
            for record in records {
                // What was never seen and is gone needs no row.
                if record.condition == Condition::Gone && images.known(&record.id).is_none() {
                    continue;
                }
                if page.reading == Reading::Lookup && images.known(&record.id).is_some_and(|known| contradicts(known, record)) {
                    doubted.insert(&record.id);
                }
                lay_over(&mut images, record, &page);
                if record.condition == Condition::Live {
                    lost.remove(&record.id);
                    references.extend(record.references.iter().map(|reference| ReferenceWrite {
                        from_kind: page.kind,
                        from: &record.id,
                        relation: reference.relation,
                        to_kind: reference.to_kind,
                        to: &reference.to,
                        present: reference.present,
                    }));
                } else {
                    lost.insert(&record.id);
                }
            }
            images.store(&mut transaction, target).await?;
            doubts::note(&mut transaction, target, page.kind, &doubted, self.now()).await?;
            drop_references(&mut transaction, target, &lost.into_iter().collect::<Vec<_>>()).await?;
            moves::note(&mut transaction, target, page.generation, &references).await?;
            write_references(&mut transaction, target, page.generation, &references).await?;
        }
        Ok(transaction.commit().await?)
    }
}

fn lay_over(images: &mut Images, record: &Observed, page: &MirrorPage<'_>) {
    let known = images.known(&record.id).is_some();
    let image = images.entry(&record.id, page.generation);
    let first = !known || image.generation != page.generation;
    let replaces = match page.reading {
        Reading::Full => first,
        Reading::Changes => !known,
        Reading::Lookup | Reading::RecycleBin => true,
    };
    if replaces {
        *image = Image {
            mastered: record.mastered_elsewhere == Some(true),
            unwritable: record.unwritable.clone(),
            protection: record.protection.clone(),
            attributes: record.attributes.clone(),
            ..Image::new(page.generation)
        };
    } else {
        merge(&mut image.attributes, &record.attributes);
        image.mastered = record.mastered_elsewhere.unwrap_or(image.mastered);
        image.protection.extend(&record.protection);
        image.unwritable = record.unwritable.clone().or(image.unwritable.take());
    }
    image.condition = record.condition;
    image.generation = page.generation;
}

/// The stored word of a condition.
pub(crate) fn condition_word(condition: Condition) -> &'static str {
    match condition {
        Condition::Live => "live",
        Condition::Deleted => "deleted",
        Condition::Gone => "gone",
    }
}
