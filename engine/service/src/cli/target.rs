//! `entrain target test`: whether a target can be worked with, line by line.

use std::io::IsTerminal as _;

use clap::Subcommand;
use entrain_entra::{Checkup, Finding, Verdict};
use serde_json::json;

use super::args::{Global, TargetArgs};
use super::session::Session;
use super::{Exit, Output};
use crate::view::TargetCheckup;
use crate::wiring::checkup;

/// What to do about a target.
#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// Sign in and look at everything that a run needs: permissions, domains, size, quota, the end of the credential.
    /// Changes nothing. Exit code 5 with warnings, 1 if something does not work
    Test(TargetArgs),
}

pub(super) async fn run(command: &TargetCommand, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let TargetCommand::Test(args) = command;
    let session = Session::open(global).await?;
    let (mut worst, mut targets) = (Verdict::Good, Vec::new());
    for config in session.targets(args.target.as_deref())? {
        let found = checkup(config, session.clock.clone()).await?;
        output.line(format_args!("target {}", config.name));
        show(&found, output);
        worst = worst.max(found.verdict());
        targets.push(TargetCheckup::of(config.name.as_str(), &found));
    }
    output.object(&json!({ "targets": targets }));
    Ok(exit(worst))
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Good => Exit::Converged,
        Verdict::Warning => Exit::Partial,
        Verdict::Bad => Exit::Failure,
    }
}

fn show(found: &Checkup, output: &mut Output) {
    let paint = if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() { Paint::On } else { Paint::Off };
    for finding in &found.findings {
        output.line(line(finding, paint));
        if !finding.fix.is_empty() {
            output.line(format_args!("           {}", plain(&finding.fix)));
        }
    }
    if let Some(url) = &found.consent_url {
        output.line(format_args!("  consent of an administrator: {url}"));
    }
}

/// Whether lines have colours.
#[derive(Clone, Copy)]
enum Paint {
    On,
    Off,
}

fn line(finding: &Finding, paint: Paint) -> String {
    let (word, colour) = match finding.verdict {
        Verdict::Good => ("ok", 32),
        Verdict::Warning => ("warning", 33),
        Verdict::Bad => ("FAILED", 31),
    };
    let text = plain(&finding.text);
    match paint {
        Paint::On => format!("  \x1b[{colour}m{word:<8} {text}\x1b[0m"),
        Paint::Off => format!("  {word:<8} {text}"),
    }
}

/// A tenant's own words, such as its name, steer no terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
