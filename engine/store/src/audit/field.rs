//! One value in the audit. The chain covers a salted digest of it, so that the value can be taken away later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use entrain_model::Attributes;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

/// A value as the audit still has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditValue {
    /// It is there.
    Value(Json),
    /// It was taken away, or never kept.
    Redacted,
}

/// A value with its salt, or the digest of both. Without the salt nobody can try values until one fits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Field {
    Open { salt: String, value: Json },
    Closed { digest: String },
}

pub(crate) type Fields = BTreeMap<String, Field>;

/// Both sides, as stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sides {
    pub(crate) before: Fields,
    pub(crate) after: Fields,
}

impl Field {
    pub(crate) fn digest(&self) -> String {
        match self {
            Field::Open { salt, value } => hex(&Sha256::new().chain_update(salt).chain_update(value.to_string()).finalize()),
            Field::Closed { digest } => digest.clone(),
        }
    }

    pub(crate) fn kept(self) -> AuditValue {
        match self {
            Field::Open { value, .. } => AuditValue::Value(value),
            Field::Closed { .. } => AuditValue::Redacted,
        }
    }

    fn close(&mut self) -> bool {
        let open = matches!(self, Field::Open { .. });
        if open {
            *self = Field::Closed { digest: self.digest() };
        }
        open
    }
}

impl Sides {
    /// Takes away the values of the fields that are meant; how many that were.
    pub(crate) fn close(&mut self, meant: impl Fn(&str) -> bool) -> u64 {
        let sides = self.before.iter_mut().chain(&mut self.after);
        sides.filter(|(name, _)| meant(name)).map(|(_, field)| u64::from(field.close())).sum()
    }

    /// Name and digest of each field, in order.
    pub(crate) fn digests(&self) -> [BTreeMap<&str, String>; 2] {
        [&self.before, &self.after].map(|side| side.iter().map(|(name, field)| (name.as_str(), field.digest())).collect())
    }
}

/// Whether a field is one of these attributes or a part of one.
pub(crate) fn is_among(name: &str, attributes: &BTreeSet<String>) -> bool {
    attributes.contains(name) || name.split_once('.').is_some_and(|(whole, _)| attributes.contains(whole))
}

/// Whether a name is that of a secret. No mapping may set one; should one ever come this far, its value is not kept.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "credential"].iter().any(|word| name.contains(word))
}

/// Draws salts: from a key of this process that nobody else knows, so that one drawing of randomness is enough.
#[derive(Debug)]
pub(crate) struct Sealer {
    key: [u8; 32],
    drawn: AtomicU64,
}

impl Sealer {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key, drawn: AtomicU64::new(0) }
    }

    fn salt(&self) -> String {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let hash = Sha256::new().chain_update(self.key).chain_update(number.to_be_bytes()).finalize();
        hex(&hash[..16])
    }

    /// Puts a salt to each value; values of `redact` are closed at once.
    pub(crate) fn seal(&self, attributes: Attributes, redact: &BTreeSet<String>) -> Fields {
        let sealed = attributes.into_iter().map(|(name, value)| {
            let mut field = Field::Open { salt: self.salt(), value: exact(value) };
            if is_among(&name, redact) || is_secret(&name) {
                field.close();
            }
            (name, field)
        });
        sealed.collect()
    }
}

/// The value with every fraction as text: that is read back as it was written, to the last digit.
fn exact(value: Json) -> Json {
    match value {
        Json::Number(number) if number.is_f64() => Json::String(number.to_string()),
        Json::Array(values) => Json::Array(values.into_iter().map(exact).collect()),
        Json::Object(fields) => Json::Object(fields.into_iter().map(|(name, value)| (name, exact(value))).collect()),
        plain @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) => plain,
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_closed_field_has_the_digest_of_the_open_one_and_nothing_of_its_value() {
        let sealer = Sealer::new([7; 32]);
        let given = Attributes::from([("mobilePhone".into(), json!("+41 1")), ("title".into(), json!(1.25))]);
        let open = sealer.seal(given.clone(), &BTreeSet::new());
        let mut closed = Sides { before: Fields::new(), after: open.clone() };
        assert_eq!(closed.close(|name| name == "mobilePhone"), 1);
        assert_eq!(closed.close(|name| name == "mobilePhone"), 0, "it is closed already");
        assert_eq!(closed.digests()[1]["mobilePhone"], open["mobilePhone"].digest());
        let stored = serde_json::to_string(&closed).unwrap();
        assert!(!stored.contains("+41"), "{stored}");
        assert_eq!(serde_json::from_str::<Sides>(&stored).unwrap(), closed);
        assert_eq!(open["title"].clone().kept(), AuditValue::Value(json!("1.25")));
        let again = sealer.seal(given, &BTreeSet::new());
        assert_ne!(again["title"].digest(), open["title"].digest(), "each value has a salt of its own");
    }

    #[test]
    fn redacted_names_stand_for_their_parts_and_secrets_are_never_kept() {
        let names: BTreeSet<String> = ["address".to_owned(), "ext.a".to_owned()].into();
        let among = ["address", "address.city", "ext.a", "ext.b", "ext"].map(|name| is_among(name, &names));
        assert_eq!(among, [true, true, true, false, false]);
        let given = Attributes::from([("passwordProfile".into(), json!({ "password": "pa55" }))]);
        let sealed = Sealer::new([0; 32]).seal(given, &BTreeSet::new());
        assert!(matches!(sealed["passwordProfile"], Field::Closed { .. }));
    }
}
