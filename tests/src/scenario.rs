//! Scenarios as transcripts: commands and what came of them, in one text that is compared whole.
//!
//! ```text
//! # Two users swap their logins.
//! > user set u1 userName=bob@x.example
//! > user set u2 userName=ann@x.example
//! > sync full
//! ~ user u1: userPrincipalName "ann@x.example" -> "parking-0f0f0f0f@x.example"
//! ```
//!
//! A line that begins with `>` is a command. The lines after it, up to the next command, comment (`#`) or empty line, are
//! what it must answer. `ENTRAIN_UPDATE_SCENARIOS=1` writes down what it answers now, to be reviewed as a difference.

mod diff;
mod parse;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use async_trait::async_trait;

pub use diff::difference;
pub use parse::{Command, Entry, Transcript};

/// Set to `1`, transcripts are rewritten instead of compared.
pub const UPDATE: &str = "ENTRAIN_UPDATE_SCENARIOS";

/// What a scenario acts on: a source, a target and the engine between them.
#[async_trait]
pub trait World: Send {
    /// Does what the command says and answers with lines, in an order that is the same every time.
    ///
    /// # Errors
    /// The command is not understood, or something broke that is no subject of the scenario.
    async fn run(&mut self, command: &Command) -> anyhow::Result<Vec<String>>;
}

/// What becomes of answers that differ from the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differences {
    /// They are an error.
    Fail,
    /// They are written down.
    Accept,
}

impl Differences {
    /// As the environment says.
    pub fn from_environment() -> Self {
        if std::env::var(UPDATE).is_ok_and(|value| value == "1") { Differences::Accept } else { Differences::Fail }
    }
}

/// Runs one transcript in a fresh world.
///
/// # Errors
/// The file cannot be read or written, a command fails, or an answer differs: the error then shows how.
pub async fn check(path: &Path, world: &mut dyn World, differences: Differences) -> anyhow::Result<()> {
    let expected = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut transcript = Transcript::parse(&expected).with_context(|| path.display().to_string())?;
    for command in transcript.commands() {
        let (command, answer) = command;
        *answer = world.run(command).await.with_context(|| format!("{}:{}: {}", path.display(), command.line, command.text))?;
    }
    let actual = transcript.to_string();
    match differences {
        _ if actual == expected => Ok(()),
        Differences::Accept => std::fs::write(path, actual).with_context(|| format!("{} cannot be written", path.display())),
        Differences::Fail => {
            let shown = difference(&expected, &actual);
            anyhow::bail!("{} answers differently ({UPDATE}=1 accepts it):\n{shown}", path.display())
        }
    }
}

/// The transcripts of a folder, by name.
///
/// # Errors
/// The folder cannot be read or has none: a test that finds nothing to run must not pass.
pub fn transcripts(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
    found.sort();
    anyhow::ensure!(!found.is_empty(), "{} has no transcripts", folder.display());
    Ok(found)
}

#[cfg(test)]
mod tests;
