//! Values that only one object may hold.

use crate::directory::{Kind, Name, Object, Row, Value};
use crate::failure::Failure;
use crate::world::World;

/// The object that would hold new values; `own` is its row when it exists already.
#[derive(Clone, Copy)]
pub(crate) struct Claimant {
    /// What it is.
    pub(crate) kind: Kind,
    /// The object itself, which does not conflict with itself.
    pub(crate) own: Option<Row>,
    /// Whether it is a Microsoft 365 group.
    pub(crate) unified: bool,
}

/// Checks new values against every other object.
///
/// # Errors
/// 400 with `ObjectConflict` for the first value that another one holds.
pub(crate) fn check(world: &World, claimant: Claimant, edits: &[(Name, Value)]) -> Result<(), Failure> {
    edits.iter().try_for_each(|(name, value)| {
        let texts = value.as_text().into_iter().chain(value.items().iter().map(|item| &**item));
        texts.into_iter().try_for_each(|text| free(world, claimant, *name, text))
    })
}

fn free(world: &World, claimant: Claimant, name: Name, text: &str) -> Result<(), Failure> {
    let property = world.tenant.schema.spell(name);
    let taken = |counts: &dyn Fn(&Object) -> bool| {
        let mut others = world.tenant.holders_of_any(name, text).filter(|row| claimant.own != Some(*row));
        others.any(|row| counts(world.tenant.object(row)))
    };
    let same_kind = |object: &Object| object.is_live() && object.kind == claimant.kind;
    let conflict = match name {
        Name::USER_PRINCIPAL_NAME => taken(&same_kind),
        Name::IMMUTABLE_ID => world.switches.immutable_id_unique && taken(&same_kind),
        Name::UNIQUE_NAME => {
            taken(&|object| object.kind == claimant.kind && (object.is_live() || world.switches.unique_name_held_by_deleted))
        }
        Name::APP_ID => taken(&same_kind),
        Name::MAIL_NICKNAME => claimant.unified && taken(&|object| object.is_live() && object.is_unified()),
        Name::PROXY_ADDRESSES if taken(&Object::is_live) => {
            return Err(Failure::conflict(property).detail("ConflictingObjects", property));
        }
        _ => false,
    };
    if conflict { Err(Failure::conflict(property)) } else { Ok(()) }
}

/// `proxyAddresses` after `mail` was written: the new address is primary, the former primary becomes an alias.
pub(crate) fn proxies(before: &[Box<str>], mail: &str) -> Value {
    let is_same = |address: &str| address.get(5..).is_some_and(|bare| bare.eq_ignore_ascii_case(mail));
    let demoted = |address: &str| address.strip_prefix("SMTP:").map_or_else(|| address.to_owned(), |bare| format!("smtp:{bare}"));
    let kept = before.iter().filter(|address| !is_same(address)).map(|address| demoted(address));
    Value::texts(std::iter::once(format!("SMTP:{mail}")).chain(kept))
}
