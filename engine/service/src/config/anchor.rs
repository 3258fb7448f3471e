//! Which attribute of a user record carries the anchor.

use std::fmt;
use std::str::FromStr;

/// The attribute that says, on a user record, which source object it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserAnchor {
    /// `onPremisesImmutableId`: for tenants without directory synchronisation and managed domains.
    #[default]
    ImmutableId,
    /// One of the extension attributes, 1 to 15.
    Extension(u8),
    /// `employeeId`.
    EmployeeId,
}

impl UserAnchor {
    /// The attribute's path in the target's vocabulary, dotted where it is nested.
    pub fn path(self) -> String {
        match self {
            UserAnchor::ImmutableId => "onPremisesImmutableId".to_owned(),
            UserAnchor::Extension(number) => format!("onPremisesExtensionAttributes.extensionAttribute{number}"),
            UserAnchor::EmployeeId => "employeeId".to_owned(),
        }
    }
}

impl fmt::Display for UserAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UserAnchor::Extension(number) => write!(f, "extensionAttribute{number}"),
            UserAnchor::ImmutableId | UserAnchor::EmployeeId => f.write_str(&self.path()),
        }
    }
}

/// A word that names no attribute that can carry an anchor.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` cannot carry the anchor of users: choose onPremisesImmutableId, employeeId or extensionAttribute1 to 15")]
pub struct UnknownAnchor(String);

impl FromStr for UserAnchor {
    type Err = UnknownAnchor;
    fn from_str(word: &str) -> Result<Self, UnknownAnchor> {
        let unknown = || UnknownAnchor(word.to_owned());
        match word {
            "onPremisesImmutableId" => Ok(UserAnchor::ImmutableId),
            "employeeId" => Ok(UserAnchor::EmployeeId),
            _ => {
                let number = word.strip_prefix("extensionAttribute").ok_or_else(unknown)?;
                let number: u8 = number.parse().map_err(|_| unknown())?;
                if (1..=15).contains(&number) { Ok(UserAnchor::Extension(number)) } else { Err(unknown()) }
            }
        }
    }
}
