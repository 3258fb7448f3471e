//! The mirror: what was last known of the target.

mod complete;
mod doubts;
mod image;
mod index;
mod moves;
mod page;
mod references;

use std::collections::BTreeSet;

use entrain_model::{Kind, TargetId, TargetName};

use crate::sql::{Columns as _, Sql};
use crate::{Result, Store, link};

pub use complete::MirrorCursor;
use image::forget;
pub(crate) use image::{Images, is_unset, merge};
pub(crate) use moves::forget_moves;
pub(crate) use page::condition_word;
pub use page::{MirrorPage, Reading};
pub(crate) use references::{ReferenceWrite, drop_references, write_references};

/// How much the mirror holds alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MirrorCounts {
    /// Users.
    pub users: u64,
    /// Groups.
    pub groups: u64,
    /// References.
    pub references: u64,
}

impl Store {
    /// Begins a new generation of the mirror.
    pub async fn next_generation(&self, target: &TargetName) -> Result<i64> {
        let mut transaction = self.begin_derived().await?;
        let generation = Sql::new("update targets set generation = generation + 1 where name = $1 returning generation as n")
            .arg(target)
            .number(&mut transaction)
            .await?;
        transaction.commit().await?;
        Ok(generation)
    }

    /// Forgets attributes whose write has an unknown outcome: what the mirror says of them, and what was sent and stored by
    /// the link. A dotted path names a part.
    pub async fn mark_unknown(&self, target: &TargetName, kind: Kind, id: &TargetId, attributes: &[String]) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        let mut images = Images::load(&mut transaction, target, kind, &BTreeSet::from([id])).await?;
        if let Some(image) = images.known(id) {
            attributes.iter().for_each(|attribute| forget(&mut image.attributes, attribute));
            images.store(&mut transaction, target).await?;
        }
        let owner = link::owners(&mut transaction, target, &[id]).await?;
        let mut links = link::load(&mut transaction, target, owner.values()).await?;
        for row in links.values_mut() {
            for attribute in attributes {
                forget(&mut row.link.sent, attribute);
                forget(&mut row.link.stored, attribute);
            }
        }
        link::store(&mut transaction, target, None, &links.values().collect::<Vec<_>>()).await?;
        Ok(transaction.commit().await?)
    }

    /// How much it holds alive.
    pub async fn mirror_counts(&self, target: &TargetName) -> Result<MirrorCounts> {
        let row = Sql::new(
            "select (select count(*) from mirror where target = $1 and kind = 'user' and condition = 'live') as users,
               (select count(*) from mirror where target = $1 and kind = 'group' and condition = 'live') as groups,
               (select count(*) from mirror_refs where target = $1) as refs",
        )
        .arg(target)
        .one(&mut *self.read().await?)
        .await?;
        let Some(row) = row else { return Ok(MirrorCounts::default()) };
        Ok(MirrorCounts { users: row.count("users")?, groups: row.count("groups")?, references: row.count("refs")? })
    }
}

/// The current generation: what is written to the mirror now counts as seen by the run that reads now.
pub(crate) async fn generation(connection: &mut sqlx::AnyConnection, target: &TargetName) -> Result<i64> {
    Sql::new("select generation as n from targets where name = $1").arg(target).number(connection).await
}
