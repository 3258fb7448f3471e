//! The scripts that a target uses unless its configuration names others.

use entrain_model::Kind;

use crate::Script;

/// `user.rhai` and `group.rhai` as they were when this was built.
pub fn default_scripts() -> Vec<Script> {
    [
        ("user.rhai", Kind::User, include_str!("../../../mappings/entra/user.rhai")),
        ("group.rhai", Kind::Group, include_str!("../../../mappings/entra/group.rhai")),
    ]
    .map(|(name, kind, text)| Script { name: name.to_owned(), kind, text: text.to_owned() })
    .into()
}
