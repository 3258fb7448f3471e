//! Commands as an operator types them, in a folder with a configuration.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser as _;
use entrain::cli::{Cli, Exit, Form, Output, run};
use entrain_model::ObjectRef;
use entrain_sync::{Direct, Report, SyncError};
use serde_json::Value as Json;

use crate::written::Written;

/// Nobody listens to what a service does.
pub struct Unheard;

impl Direct for Unheard {
    fn synced(&self, _: &BTreeSet<ObjectRef>, _: &Result<Report, SyncError>) {}
}

/// Runs a command with `entrain.toml` of the folder; how it ended, and what it said, its error last. A word after the first that
/// names a file of the folder, or a plan to be written, is a path in it.
///
/// # Errors
/// The arguments are wrong.
pub async fn entrain(folder: &Path, words: &[&str]) -> anyhow::Result<(Exit, String)> {
    let place = |word: &&str| match folder.join(word) {
        path if path.is_file() || path.extension().is_some_and(|extension| extension == "json") => path.display().to_string(),
        _ => (*word).to_owned(),
    };
    let start = ["entrain".to_owned(), "--config".to_owned(), folder.join("entrain.toml").display().to_string()];
    let (command, rest) = words.split_at(words.len().min(1));
    let words = command.iter().map(|word| (*word).to_owned()).chain(rest.iter().map(place));
    let cli = Cli::try_parse_from(start.into_iter().chain(words))?;
    let written = Written::default();
    let mut output = Output::to(if cli.global.json { Form::Json } else { Form::Text }, written.clone());
    let result = run(&cli, &mut output).await;
    let said = written.text();
    Ok(match result {
        Ok(exit) => (exit, said),
        Err(error) => (Exit::of_error(&error), format!("{said}{error:#}")),
    })
}

/// The same for programs: the object that it answers, or its error as a text.
///
/// # Errors
/// The arguments are wrong.
pub async fn answer(folder: &Path, words: &[&str]) -> anyhow::Result<(Exit, Json)> {
    let (exit, said) = entrain(folder, &[words, &["--json"]].concat()).await?;
    Ok((exit, serde_json::from_str(&said).unwrap_or(Json::String(said))))
}
