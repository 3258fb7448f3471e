//! Identifiers. Each is a string with one meaning, so that no two can be exchanged by mistake.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The identifier as it is stored and shown.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }
        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// The operator's stable id of a source object: primary key of the source tables and root of its anchor.
    SourceId
);
id!(
    /// The id that the target gave to one of its records.
    TargetId
);
id!(
    /// The name under which a target is configured.
    TargetName
);
id!(
    /// One run: a UUIDv7, so that runs sort by their start.
    RunId
);
