//! Spans for traces: ids, counts and words of ours, never what a record says. Where nobody takes them they cost nothing.

use entrain_model::{Lane, Scope, TRACE};
use tracing::{Span, field, info_span};

use crate::engine::{Ask, Run};
use crate::report::Report;

/// A run, from its claim to its report.
pub(crate) fn run(run: &Run<'_>, ask: &Ask) -> Span {
    let (scope, objects) = match &ask.scope {
        Scope::Everything => ("everything", None),
        Scope::Only(objects) => ("objects", Some(objects.len())),
    };
    info_span!(
        target: TRACE, "run", run.id = %run.id, run.target = %run.target.name, run.reason = ?ask.reason,
        run.kind = ask.kind.as_str(), run.scope = scope, run.objects = objects, run.state = field::Empty
    )
}

/// Says of a run how it ended.
pub(crate) fn ended(span: &Span, report: Option<&Report>) {
    span.record("run.state", report.map_or("stopped", |report| report.state.as_str()));
}

/// A page of objects that are mapped.
pub(crate) fn mapped(objects: usize) -> Span {
    info_span!(target: TRACE, "page", page.step = "map", page.objects = objects)
}

/// A page of records that were read.
pub(crate) fn read(kind: entrain_model::Kind, records: usize) -> Span {
    info_span!(target: TRACE, "page", page.step = "read", page.kind = kind.as_str(), page.records = records)
}

/// A page of objects that are decided about.
pub(crate) fn decided(objects: usize) -> Span {
    info_span!(target: TRACE, "page", page.step = "decide", page.objects = objects)
}

/// Changes that are carried out together.
pub(crate) fn batch(lane: Lane, changes: usize) -> Span {
    let lane = match lane {
        Lane::Leaver => "leaver",
        Lane::Direct => "direct",
        Lane::Bulk => "bulk",
    };
    info_span!(target: TRACE, "batch", batch.lane = lane, batch.changes = changes)
}
