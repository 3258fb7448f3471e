//! The anchor: the value on a target record that says which source object it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ObjectRef;

/// Whose anchor a target record carries, seen from one source object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// That of the object itself.
    Ours,
    /// None.
    Absent,
    /// Another one.
    Foreign(String),
}

impl Anchor {
    /// Compares what a record carries with what this object's record would carry.
    pub fn compare(carried: Option<&str>, expected: &str) -> Self {
        match carried {
            None | Some("") => Anchor::Absent,
            Some(value) if value == expected => Anchor::Ours,
            Some(value) => Anchor::Foreign(value.to_owned()),
        }
    }
}

/// The anchor of a source object: 12 bytes of SHA-256 over kind and stable id, as 16 characters of standard base64.
///
/// Sixteen characters fit every attribute that may carry it (`employeeId` holds no more), and the alphabet avoids the
/// characters that an immutable id must not contain. It depends on the operator's id alone: a database that was lost
/// and imported again finds its links.
pub fn anchor_value(object: &ObjectRef) -> String {
    let digest = Sha256::new().chain_update(object.kind.as_str()).chain_update([0]).chain_update(object.id.as_str()).finalize();
    STANDARD.encode(&digest[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_stable_short_and_distinct_by_kind() {
        let user = anchor_value(&ObjectRef::user("u00001"));
        assert_eq!(user, anchor_value(&ObjectRef::user("u00001")));
        assert_eq!(user.len(), 16);
        assert_ne!(user, anchor_value(&ObjectRef::group("u00001")));
        assert!(!user.contains(['$', '_']));
    }

    #[test]
    fn an_empty_value_is_no_anchor() {
        assert_eq!(Anchor::compare(Some(""), "x"), Anchor::Absent);
        assert_eq!(Anchor::compare(Some("y"), "x"), Anchor::Foreign("y".into()));
        assert_eq!(Anchor::compare(Some("x"), "x"), Anchor::Ours);
    }
}
