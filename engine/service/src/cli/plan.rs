//! `entrain plan`: a full run that only plans, and its plan.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use entrain_model::{Reason, RunId, Scope};
use entrain_store::{RunKind, Store};
use entrain_sync::{Ask, Report};
use serde_json::{Value as Json, json};

use super::args::{Global, PlanArgs, PlanForm};
use super::plan_text::{self, Part};
use super::progress::Bar;
use super::session::{Session, Usage};
use super::time::utc;
use super::{Exit, Form, Output, report};
use crate::plan_file::{FORMAT, markdown, sign};

pub(super) async fn run(args: &PlanArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let form = form(args.out.as_deref(), args.format, args.sign.as_deref(), output)?;
    let session = Session::open(global).await?;
    let target = session.connect(session.only_target(args.target.as_deref())?).await?;
    let ask = Ask { kind: RunKind::Plan, ..Ask::sync(Scope::Everything, Reason::Operator) };
    let bar = Bar::new(output.form());
    let made = session.engine().reconcile(&target, ask, &bar).await?;
    drop(bar);
    let Some(run) = &made.run else {
        output.object(&json!({ "report": made.to_json() }));
        return Ok(report::show(&made, output));
    };
    let digest = session.store.run(run).await?.and_then(|row| row.digest).unwrap_or_default();
    let fields = json!({
        "format": FORMAT, "target": target.name, "run": run, "made_at": utc(session.clock.now()), "digest": digest,
        "report": made.to_json(),
    });
    match &args.out {
        None if form == PlanForm::Markdown => markdown(&session.store, run, &made, &digest, &mut io::stdout()).await?,
        None => plan_text::write(&session.store, run, Part::All, &fields, output).await?,
        Some(path) => {
            let file = PlanFile { path, form, sign: args.sign.as_deref() };
            let signature = file.write(&session.store, run, &made, &fields, output).await?;
            output.object(&json!({ "report": made.to_json(), "digest": digest, "written": path, "signature": signature }));
        }
    }
    if form == PlanForm::Markdown && args.out.is_none() {
        return Ok(Exit::of_run(made.state));
    }
    Ok(report::show(&made, output))
}

/// The form: what is asked for, else by the name of the file.
pub(super) fn form(
    out: Option<&Path>,
    format: Option<PlanForm>,
    sign: Option<&Path>,
    output: &Output,
) -> Result<PlanForm, Usage> {
    let by_name = out.and_then(Path::extension).and_then(|extension| match extension.to_str()? {
        "md" => Some(PlanForm::Markdown),
        "txt" => Some(PlanForm::Text),
        _ => None,
    });
    let of_output = if out.is_none() && output.form() == Form::Text { PlanForm::Text } else { PlanForm::Json };
    let form = format.or(by_name).unwrap_or(of_output);
    if sign.is_some() && form != PlanForm::Json {
        return Err(Usage("--sign is for plans that can be applied: --format json".to_owned()));
    }
    if out.is_none() && form != PlanForm::Markdown && (form == PlanForm::Json) != (output.form() == Form::Json) {
        return Err(Usage("without --out, `--json` says whether the plan is shown as text or JSON".to_owned()));
    }
    Ok(form)
}

/// A file that a plan is written to.
pub(super) struct PlanFile<'a> {
    pub path: &'a Path,
    pub form: PlanForm,
    /// The key that signs it.
    pub sign: Option<&'a Path>,
}

impl PlanFile<'_> {
    /// Writes the plan of the run and signs it; the signature's own file comes back.
    pub(super) async fn write(
        &self,
        store: &Store,
        run: &RunId,
        made: &Report,
        fields: &Json,
        output: &mut Output,
    ) -> anyhow::Result<Option<PathBuf>> {
        written(store, run, made, fields, self.form, self.path).await?;
        let signature = self.sign.map(|key| sign(self.path, key)).transpose()?;
        output.line(format_args!("wrote {}", self.path.display()));
        if let Some(signature) = &signature {
            output.line(format_args!("signed it in {}", signature.display()));
        }
        Ok(signature)
    }
}

async fn written(store: &Store, run: &RunId, made: &Report, fields: &Json, form: PlanForm, path: &Path) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut out = BufWriter::new(file);
    let whole = || format!("{} could not be written whole", path.display());
    match form {
        PlanForm::Markdown => {
            markdown(store, run, made, fields["digest"].as_str().unwrap_or_default(), &mut out).await?;
            out.flush().with_context(whole)?;
        }
        PlanForm::Json | PlanForm::Text => {
            let to = if form == PlanForm::Json { Form::Json } else { Form::Text };
            let mut file = Output::to(to, out);
            plan_text::write(store, run, Part::All, fields, &mut file).await?;
            file.finish().with_context(whole)?;
        }
    }
    Ok(())
}
