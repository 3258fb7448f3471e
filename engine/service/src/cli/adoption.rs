//! `entrain adoption`: what a first run would take over, make and leave alone.

use std::collections::BTreeMap;

use entrain_model::Kind;
use entrain_sync::{Adopted, Adoptions, Class};
use serde_json::json;

use super::args::{AdoptionArgs, Global};
use super::progress::Bar;
use super::session::Session;
use super::{Exit, Form, Output, report};

/// Counts all, and shows those of the class that is asked for as they come.
struct Counted<'a> {
    counts: BTreeMap<(Class, Kind), u64>,
    list: Option<Class>,
    first: bool,
    output: &'a mut Output,
}

impl Adoptions for Counted<'_> {
    fn take(&mut self, adopted: Adopted) {
        *self.counts.entry((adopted.class, adopted.kind)).or_default() += 1;
        if self.list == Some(adopted.class) {
            self.show(&adopted);
        }
    }
}

impl Counted<'_> {
    fn show(&mut self, adopted: &Adopted) {
        let Adopted { kind, object, record, detail, .. } = adopted;
        let object_text = object.as_ref().map_or_else(|| kind.to_string(), ToString::to_string);
        let record_text = record.as_ref().map_or_else(String::new, |id| format!(" record {id}"));
        self.output.line(format_args!("{object_text}:{record_text} ({detail})"));
        let element = json!({ "kind": kind, "object": object, "record": record, "detail": detail });
        self.output.element(std::mem::take(&mut self.first), &element);
    }

    fn count(&self, class: Class, kind: Kind) -> u64 {
        self.counts.get(&(class, kind)).copied().unwrap_or(0)
    }
}

pub(super) async fn run(args: &AdoptionArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let target = session.connect(session.only_target(args.target.as_deref())?).await?;
    let bar = Bar::new(output.form());
    if let Some(class) = args.list {
        output.begin_list(&json!({ "target": target.name, "class": class.code() }), "objects");
    }
    let mut counted = Counted { counts: BTreeMap::new(), list: args.list, first: true, output: &mut *output };
    let made = session.engine().adoption(&target, &bar, &mut counted).await;
    drop(bar);
    let made = match made {
        Ok(made) => made,
        Err(error) => return Err(error.into()),
    };
    let rows: Vec<_> = Class::ALL
        .into_iter()
        .map(|class| (class, counted.count(class, Kind::User), counted.count(class, Kind::Group)))
        .collect();
    if args.list.is_some() {
        output.end_list();
        return Ok(end(&made, output));
    }
    if made.halt.is_none() {
        show(&rows, output);
    }
    let classes: serde_json::Map<_, _> = rows
        .iter()
        .map(|(class, users, groups)| (class.code().to_owned(), json!({ "users": users, "groups": groups })))
        .collect();
    output.object(&json!({ "target": target.name, "run": made.run, "halt": made.halt, "classes": classes }));
    Ok(end(&made, output))
}

fn end(made: &entrain_sync::Report, output: &mut Output) -> Exit {
    match &made.halt {
        Some(halt) => {
            report::show_halted(&made.target, halt, output);
            Exit::Halted
        }
        None => Exit::Converged,
    }
}

fn show(rows: &[(Class, u64, u64)], output: &mut Output) {
    if output.form() == Form::Json {
        return;
    }
    let rows: Vec<[String; 4]> = rows
        .iter()
        .map(|(class, users, groups)| [class.code().to_owned(), users.to_string(), groups.to_string(), class.says().to_owned()])
        .collect();
    output.table(["CLASS", "USERS", "GROUPS", "WHAT A RUN WOULD DO"], &rows);
    output.line("`entrain adoption --list CLASS` names them; `entrain explain user ID` tells why");
}
