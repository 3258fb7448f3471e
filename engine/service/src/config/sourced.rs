//! Values that may stand elsewhere: in an environment variable, in a file, or sealed in the database.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A text, or where it is to be found when it is needed.
#[derive(Clone)]
pub enum Sourced {
    /// The text itself.
    Plain(SecretString),
    /// The environment variable that has it.
    Env(String),
    /// The file that has it; a line end at its end does not count.
    File(PathBuf),
    /// The sealed secret of this name, and the text itself once it was opened.
    Sealed(String, Option<SecretString>),
}

/// A value that is not where the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum SourcedError {
    /// The variable is not set, or not text.
    #[error("the environment variable {0} is not set; the configuration says that it holds {1}")]
    Env(String, &'static str),
    /// The file cannot be read.
    #[error("{0}: {1} cannot be read from this file: {2}")]
    File(String, &'static str, std::io::Error),
    /// The secret is not in the database, or cannot be opened.
    #[error("{1} is the secret `{0}`, and it is not there or cannot be opened: `entrain secret list`, `entrain secret set {0}`")]
    Sealed(String, &'static str),
    /// There is nothing in it.
    #[error("{0} is empty; the configuration says that it holds {1}")]
    Empty(String, &'static str),
}

impl Sourced {
    /// The value. `what` says in messages what it is, as in `the client secret`.
    ///
    /// # Errors
    /// The variable or the file is not there, or is empty.
    pub fn read(&self, what: &'static str) -> Result<SecretString, SourcedError> {
        let text = match self {
            Sourced::Plain(text) => text.clone(),
            Sourced::Env(name) => std::env::var(name).map_err(|_| SourcedError::Env(name.clone(), what))?.into(),
            Sourced::File(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|cause| SourcedError::File(path.display().to_string(), what, cause))?;
                text.trim_end_matches(['\r', '\n']).to_owned().into()
            }
            Sourced::Sealed(name, opened) => opened.clone().ok_or_else(|| SourcedError::Sealed(name.clone(), what))?,
        };
        if text.expose_secret().is_empty() {
            return Err(SourcedError::Empty(self.to_string(), what));
        }
        Ok(text)
    }

    /// The same with a file path made relative to `folder`.
    pub(super) fn within(self, folder: &Path) -> Self {
        match self {
            Sourced::File(path) => Sourced::File(folder.join(path)),
            other @ (Sourced::Plain(_) | Sourced::Env(_) | Sourced::Sealed(..)) => other,
        }
    }
}

/// Names the place, never the text.
impl fmt::Display for Sourced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sourced::Plain(_) => f.write_str("a text in the configuration"),
            Sourced::Env(name) => write!(f, "the environment variable {name}"),
            Sourced::File(path) => write!(f, "the file {}", path.display()),
            Sourced::Sealed(name, _) => write!(f, "the secret {name}"),
        }
    }
}

impl fmt::Debug for Sourced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Sourced {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SourcedVisitor)
    }
}

struct SourcedVisitor;

impl<'de> Visitor<'de> for SourcedVisitor {
    type Value = Sourced;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, { env = \"NAME\" }, { file = \"PATH\" } or { secret = \"NAME\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Sourced, E> {
        Ok(Sourced::Plain(text.to_owned().into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sourced, A::Error> {
        let wrong =
            || de::Error::custom("write { env = \"NAME\" }, { file = \"PATH\" } or { secret = \"NAME\" }, and nothing else");
        let (place, value) = map.next_entry::<String, String>()?.ok_or_else(wrong)?;
        if map.next_key::<String>()?.is_some() {
            return Err(wrong());
        }
        match place.as_str() {
            "env" => Ok(Sourced::Env(value)),
            "file" => Ok(Sourced::File(value.into())),
            "secret" => Ok(Sourced::Sealed(value, None)),
            _ => Err(wrong()),
        }
    }
}
