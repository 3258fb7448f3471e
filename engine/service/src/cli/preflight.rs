//! `entrain preflight`: everything that would go wrong, before the first write.

use entrain_sync::Findings;
use serde_json::json;

use super::args::{Global, TargetArgs};
use super::progress::Bar;
use super::session::Session;
use super::{Exit, Output};

pub(super) async fn run(args: &TargetArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let (mut exit, mut targets) = (Exit::Converged, Vec::new());
    for config in session.targets(args.target.as_deref())? {
        let target = session.connect(config).await?;
        let bar = Bar::new(output.form());
        let findings = session.engine().preflight(&target, &bar).await;
        drop(bar);
        let findings = findings?;
        output.line(format_args!("target {}: {}", target.name, summary(&findings)));
        show(&findings, output);
        if !findings.0.is_empty() {
            exit = Exit::Partial;
        }
        targets.push(json!({ "target": target.name, "findings": findings.to_json() }));
    }
    output.object(&json!({ "targets": targets }));
    Ok(exit)
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
