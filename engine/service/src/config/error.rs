//! What is wrong with a configuration file.

use std::fmt;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: the configuration cannot be read: {cause}; `entrain init` writes one, `--config FILE` names another")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It says something wrong.
    #[error("{}", lines(.file, .problems))]
    Wrong {
        /// The file.
        file: String,
        /// Every problem, in the order of the file.
        problems: Vec<Problem>,
    },
}

/// One problem and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// The key, as in `target #1: schedule.cron`; empty for the file as a whole.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    /// Key and message, without a place.
    pub fn said(&self) -> String {
        if self.key.is_empty() { self.message.clone() } else { format!("{}: {}", self.key, self.message) }
    }
}

fn lines(file: &str, problems: &[Problem]) -> String {
    let shown: Vec<String> = problems.iter().map(|problem| format!("{file}{problem}")).collect();
    shown.join("\n")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}
