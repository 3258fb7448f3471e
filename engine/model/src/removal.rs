//! What becomes of records whose objects left: steps, each of which may be left out.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::{Millis, UnknownWord};

const DAY: Millis = 24 * 3600 * 1000;

/// Whether a step is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Step {
    /// It is left out.
    #[default]
    Skip,
    /// It is taken.
    Take,
}

impl Step {
    /// Whether it is taken.
    pub fn is_taken(self) -> bool {
        self == Step::Take
    }
}

impl From<bool> for Step {
    fn from(taken: bool) -> Self {
        if taken { Step::Take } else { Step::Skip }
    }
}

/// What becomes of a record whose object left the source or the scope. Without any step it stays as it is, linked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Sign-in is blocked.
    pub disable: Step,
    /// Sessions are revoked.
    pub revoke_sessions: Step,
    /// It is taken out of the groups that are linked to us.
    pub remove_from_groups: Step,
    /// So many days after its object left it goes to the recycle bin; `None`: never.
    pub delete_after_days: Option<u32>,
}

impl Removal {
    /// It stays as it is.
    pub const LEAVE: Self =
        Self { disable: Step::Skip, revoke_sessions: Step::Skip, remove_from_groups: Step::Skip, delete_after_days: None };
    /// Sign-in is blocked and sessions are revoked.
    pub const DISABLE: Self = Self { disable: Step::Take, revoke_sessions: Step::Take, ..Self::LEAVE };
    /// It goes to the recycle bin at once.
    pub const DELETE: Self = Self { delete_after_days: Some(0), ..Self::LEAVE };

    /// When the record of an object that left then is deleted.
    pub fn deletes_at(self, left: Millis) -> Option<Millis> {
        self.delete_after_days.map(|days| left.saturating_add(Millis::from(days).saturating_mul(DAY)))
    }
}

/// The plain words.
const WORDS: [(&str, Removal); 3] = [("leave", Removal::LEAVE), ("disable", Removal::DISABLE), ("delete", Removal::DELETE)];

impl std::str::FromStr for Removal {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, removal)| *removal).ok_or_else(|| UnknownWord(word.to_owned()))
    }
}

/// The steps by name, as a table of the configuration has them.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Table {
    disable: bool,
    revoke_sessions: bool,
    remove_from_groups: bool,
    delete_after_days: Option<u32>,
}

impl<'de> Deserialize<'de> for Removal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrTable)
    }
}

struct WordOrTable;

impl<'de> Visitor<'de> for WordOrTable {
    type Value = Removal;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("leave, disable, delete, or a table of steps")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Removal, E> {
        word.parse().map_err(|_| E::custom(format_args!("`{word}` is none of leave, disable and delete")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Removal, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map)).map_err(A::Error::custom)?;
        Ok(Removal {
            disable: table.disable.into(),
            revoke_sessions: table.revoke_sessions.into(),
            remove_from_groups: table.remove_from_groups.into(),
            delete_after_days: table.delete_after_days,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_its_steps_and_a_table_names_them() {
        let read = |text: &str| serde_json::from_str::<Removal>(text);
        assert_eq!(read("\"disable\"").unwrap(), Removal::DISABLE);
        assert_eq!(
            read(r#"{"disable": true, "remove_from_groups": true, "delete_after_days": 30}"#).unwrap(),
            Removal { disable: Step::Take, remove_from_groups: Step::Take, delete_after_days: Some(30), ..Removal::LEAVE }
        );
        assert_eq!(read("{}").unwrap(), Removal::LEAVE);
        assert!(read("\"purge\"").unwrap_err().to_string().contains("`purge` is none of leave, disable and delete"));
        assert!(read(r#"{"delete_after": 3}"#).unwrap_err().to_string().contains("delete_after_days"));
    }

    #[test]
    fn a_deletion_is_due_days_after_the_object_left() {
        let removal = Removal { delete_after_days: Some(30), ..Removal::DISABLE };
        assert_eq!(removal.deletes_at(1_000), Some(1_000 + 30 * 86_400_000));
        assert_eq!((Removal::DELETE.deletes_at(7), Removal::DISABLE.deletes_at(7)), (Some(7), None));
    }
}
