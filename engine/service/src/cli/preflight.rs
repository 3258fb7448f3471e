//! `entrain preflight`: everything that would go wrong, before the first write.

use entrain_entra::Missing;
use entrain_sync::Findings;
use serde_json::json;

use super::args::{Global, TargetArgs};
use super::progress::Bar;
use super::session::Session;
use super::{Exit, Output};
use crate::wiring::permissions;

pub(super) async fn run(args: &TargetArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let (mut exit, mut targets) = (Exit::Converged, Vec::new());
    for config in session.targets(args.target.as_deref())? {
        let target = session.connect(config).await?;
        let bar = Bar::new(output.form());
        let findings = session.engine().preflight(&target, &bar).await;
        drop(bar);
        let findings = findings?;
        let missing = permissions(config, session.clock.clone()).await?.map(|held| held.missing).unwrap_or_default();
        output.line(format_args!("target {}: {}", target.name, summary(&findings)));
        lacks(&missing, output);
        show(&findings, output);
        if !findings.0.is_empty() || !missing.is_empty() {
            exit = Exit::Partial;
        }
        let missing: Vec<&str> = missing.iter().map(|one| one.need.permission).collect();
        targets.push(json!({ "target": target.name, "missing_permissions": missing, "findings": findings.to_json() }));
    }
    output.object(&json!({ "targets": targets }));
    Ok(exit)
}

fn lacks(missing: &[Missing], output: &mut Output) {
    for one in missing {
        output.line(format_args!("permission `{}` is missing: it {}", one.need.permission, one.need.purpose));
    }
    if !missing.is_empty() {
        output.line("    `entrain target test` shows where an administrator consents");
    }
}

fn summary(findings: &Findings) -> String {
    match findings.0.len() {
        0 => "nothing found; `entrain adoption` says what a first run would do".to_owned(),
        1 => "one sort of finding".to_owned(),
        sorts => format!("{sorts} sorts of findings"),
    }
}

fn show(findings: &Findings, output: &mut Output) {
    for ((check, attribute), finding) in &findings.0 {
        let about = if attribute.is_empty() { String::new() } else { format!(" of {attribute}") };
        output.line(format_args!("{} times {}{about}: {}", finding.count, check.code(), check.fix()));
        for example in &finding.examples {
            let example: String = example.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            output.line(format_args!("    {example}"));
        }
        let more = finding.count.saturating_sub(finding.examples.len() as u64);
        if more > 0 {
            output.line(format_args!("    and {more} more"));
        }
    }
}
