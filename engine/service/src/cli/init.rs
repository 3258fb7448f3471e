//! `entrain init`: a commented configuration.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use anyhow::Context as _;
use serde_json::json;

use super::args::{Global, InitArgs};
use super::session::Usage;
use super::{Exit, Output};
use crate::config::TEMPLATE;

pub(super) fn run(args: &InitArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let path = &global.config;
    let mut options = OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let opened = options.open(path);
    if opened.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists) {
        let message = format!("{} is there already; --force replaces it, --config FILE names another", path.display());
        return Err(Usage(message).into());
    }
    let mut file = opened.with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(TEMPLATE.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
    output.line(format_args!("wrote {}", path.display()));
    output.line("Next: name your tenant and credential in it, `entrain import FILE`, then `entrain plan`.");
    output.object(&json!({ "written": path }));
    Ok(Exit::Converged)
}
