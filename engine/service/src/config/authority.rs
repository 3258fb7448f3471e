//! Whose word counts for which attribute: `[target.authority]`.

use entrain_entra::names;
use entrain_model::{Authorities, Authority, Kind};

use super::UserAnchor;

/// What is wrong with the table, each with its key.
pub(super) fn wrong(authorities: &Authorities, anchor: Option<UserAnchor>) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for (kind, table) in [(Kind::User, "users"), (Kind::Group, "groups")] {
        for (name, authority) in authorities.of(kind) {
            if let Some(message) = wrong_name(kind, name, *authority, anchor) {
                wrong.push((format!("authority.{table}.{name}"), message));
            }
        }
    }
    wrong
}

fn wrong_name(kind: Kind, name: &str, authority: Authority, anchor: Option<UserAnchor>) -> Option<String> {
    let carrier = match kind {
        Kind::User => anchor.map(UserAnchor::path),
        Kind::Group => Some("uniqueName".to_owned()),
    };
    if authority != Authority::Manage && carrier.as_deref() == Some(name) {
        return Some(format!("`{name}` carries the anchor, which is always ours: leave it out"));
    }
    if let Some((parent, _)) = name.split_once('.') {
        return Some(format!(
            "parts have no authority of their own: name the whole, `{parent}`, or leave the part out of the mapping"
        ));
    }
    if ["manager", "member", "members", "owner", "owners"].contains(&name) {
        return Some(format!("`{name}` is a reference, and references are always managed: take it out"));
    }
    if is_extension(name) || names(kind).contains(name) {
        return None;
    }
    let alike = names(kind).into_iter().find(|known| known.eq_ignore_ascii_case(name));
    let hint = alike.map_or_else(String::new, |known| format!("; did you mean `{known}`?"));
    Some(format!("a {kind} has no attribute `{name}` that could be written{hint}"))
}

/// Extensions, of an application or of a schema, have names that only the tenant knows; no other attribute has a `_`.
fn is_extension(name: &str) -> bool {
    name.contains('_')
}
