//! From the answer of a directory to what is recorded: effect, link, mirror, hold and audit.

use entrain_model::{
    Action, Attributes, Condition, DesiredRecord, DirectoryError, Disposition, Evidence, Fault, HandedOver, Hold, Sessions,
    TargetId, Write, Written,
};
use entrain_plan::{Moment, attributes_of, flat, merge};
use entrain_store::{End, LinkWrite, MirrorWrite, Outcome};
use serde_json::Value as Json;

use crate::audited::audit;
use crate::engine::Run;
use crate::resolve::{Ready, edited};

/// What came back for one change.
pub(crate) enum Answer {
    /// Nothing was asked of the directory.
    Ours,
    /// It was done.
    Written(Written),
    /// It was not, or nobody knows.
    Failed(DirectoryError),
    /// The directory did not answer for this change.
    Lost,
}

/// What to record of one change.
pub(crate) fn end(run: &Run<'_>, ready: &Ready, answer: &Answer) -> End {
    let (outcome, request_id, written) = match answer {
        Answer::Ours => (done(Written::default()), None, Written::default()),
        Answer::Written(written) => (done(written.clone()), written.request_id.clone(), written.clone()),
        Answer::Lost => (Outcome::Unknown { detail: "no answer".into() }, None, Written::default()),
        Answer::Failed(error) => (failed(run, ready, error), error.request_id.clone(), Written::default()),
    };
    let link_without_anchor = matches!(ready.action, Action::Link { .. }) && matches!(outcome, Outcome::Refused { .. });
    let outcome = if link_without_anchor { done(Written::default()) } else { outcome };
    let (link, mirror) = match outcome {
        Outcome::Done { .. } => {
            (link(run, ready, &written, link_without_anchor), mirror(run, ready, &written).into_iter().collect())
        }
        Outcome::Unknown { .. } | Outcome::Refused { .. } | Outcome::Retry { .. } => (None, Vec::new()),
    };
    let mirror = if link_without_anchor { Vec::new() } else { mirror };
    let ends_sessions = matches!(ready.action, Action::RevokeSessions { .. } | Action::Disable { sessions: Sessions::End, .. });
    End {
        seq: ready.seq,
        object: ready.object.clone(),
        credential: credential(ready, &outcome),
        outcome,
        link,
        mirror,
        ends_sessions,
        audit: audit(run, ready),
        request_id,
    }
}

fn failed(run: &Run<'_>, ready: &Ready, error: &DirectoryError) -> Outcome {
    let detail = error.to_string();
    if matches!(ready.write, Some(Write::FirstMember { .. })) && error.fault != Fault::OutcomeUnknown {
        return Outcome::Retry { detail };
    }
    if let (Action::Link { .. }, Fault::AlreadyExists { .. }) = (&ready.action, &error.fault) {
        return Outcome::Refused { hold: Hold::Failed { detail } };
    }
    match (error.disposition(), &error.fault) {
        (Disposition::Replan, Fault::OutcomeUnknown) => Outcome::Unknown { detail },
        // What is there already may be what the first attempt made: nobody knows until it is seen.
        (Disposition::Replan, Fault::AlreadyExists { .. }) if is_repeat(run, ready) => Outcome::Unknown { detail },
        (Disposition::Replan, Fault::AlreadyExists { attribute }) => {
            let attribute = attribute.clone().unwrap_or_else(|| "a unique value".into());
            Outcome::Refused { hold: Hold::Conflict { attribute, detail } }
        }
        (Disposition::HoldObject, Fault::Rejected { attribute, .. }) => {
            Outcome::Refused { hold: Hold::Rejected { attribute: attribute.clone(), detail } }
        }
        (Disposition::HoldObject, _) => Outcome::Refused { hold: Hold::Rejected { attribute: None, detail } },
        (Disposition::Retry | Disposition::Replan | Disposition::HaltTarget, _) => Outcome::Retry { detail },
    }
}

fn is_repeat(run: &Run<'_>, ready: &Ready) -> bool {
    matches!(ready.action, Action::Create { .. }) && run.repeats.contains_key(&ready.object)
}

fn link(run: &Run<'_>, ready: &Ready, written: &Written, without_anchor: bool) -> Option<LinkWrite> {
    let schema = run.target.schema().of(ready.object.kind);
    match &ready.action {
        Action::Link { id, evidence, .. } => Some(LinkWrite::Put {
            id: id.clone(),
            evidence: evidence.clone(),
            anchored: !without_anchor,
            sent: Attributes::new(),
        }),
        Action::Create { record } => Some(LinkWrite::Put {
            id: written.id.clone()?,
            evidence: Evidence::Created,
            anchored: !written.unanchored,
            sent: flat(&created(run, ready, record, written)?, schema),
        }),
        Action::Restore { id, .. } => Some(LinkWrite::Put {
            id: id.clone(),
            evidence: Evidence::Anchor,
            anchored: true,
            sent: flat(&sent_attributes(ready)?, schema),
        }),
        Action::Update { edits, .. } => Some(LinkWrite::Sent(edited(edits))),
        Action::Disable { .. } => Some(LinkWrite::Sent(disabled(run))),
        Action::Unlink { .. } | Action::Delete { .. } => Some(LinkWrite::Removed),
        Action::RevokeSessions { .. } | Action::Issue { .. } => None,
        Action::AddReference { .. } | Action::RemoveReference { .. } => None,
    }
}

/// What became of the first credential. One that was asked for anew and not made is due still.
fn credential(ready: &Ready, outcome: &Outcome) -> Option<HandedOver> {
    match outcome {
        Outcome::Done { written } => written.credential.clone(),
        Outcome::Refused { .. } | Outcome::Retry { .. } | Outcome::Unknown { .. }
            if !matches!(ready.action, Action::Issue { .. }) =>
        {
            None
        }
        Outcome::Refused { hold } => Some(HandedOver::NotYet(hold.to_string())),
        Outcome::Retry { detail } => Some(HandedOver::NotYet(detail.clone())),
        Outcome::Unknown { detail } => Some(HandedOver::Lost(detail.clone())),
    }
}

fn done(written: Written) -> Outcome {
    Outcome::Done { written }
}

pub(crate) fn disabled(run: &Run<'_>) -> Attributes {
    run.target.schema().users.enabled.map(|name| (name.to_owned(), Json::Bool(false))).into_iter().collect()
}

pub(crate) fn sent_attributes(ready: &Ready) -> Option<Attributes> {
    match ready.write.as_ref()? {
        Write::Create(record) => Some(record.attributes.clone()),
        Write::Restore { attributes, .. } | Write::Update { attributes, .. } => Some(attributes.clone()),
        Write::Disable { .. }
        | Write::RevokeSessions { .. }
        | Write::Issue { .. }
        | Write::Delete { .. }
        | Write::AddReference { .. }
        | Write::FirstMember { .. }
        | Write::RemoveReference { .. } => None,
    }
}

/// What is known of a new record: what was sent and taken, and that whatever was to have no value has none.
fn created(run: &Run<'_>, ready: &Ready, record: &DesiredRecord, written: &Written) -> Option<Attributes> {
    let schema = run.target.schema().of(ready.object.kind);
    let mut known = attributes_of(record, Moment::Later, schema);
    merge(&mut known, &sent_attributes(ready)?, schema);
    known.retain(|name, _| !written.unset.contains(name));
    Some(known)
}

/// What the mirror now knows of the record.
fn mirror(run: &Run<'_>, ready: &Ready, written: &Written) -> Option<MirrorWrite> {
    let kind = ready.object.kind;
    let attributes = |id: &TargetId, attributes| Some(MirrorWrite::Attributes { kind, id: id.clone(), attributes });
    match &ready.action {
        Action::Create { record } => attributes(written.id.as_ref()?, created(run, ready, record, written)?),
        Action::Link { id, write_anchor: true, .. } | Action::Restore { id, .. } => attributes(id, sent_attributes(ready)?),
        Action::Update { id, edits } => attributes(id, edited(edits)),
        Action::Disable { id, .. } => attributes(id, disabled(run)),
        Action::Delete { id } => Some(MirrorWrite::Condition { kind, id: id.clone(), condition: Condition::Deleted }),
        Action::AddReference { .. } | Action::RemoveReference { .. } => reference(ready),
        Action::Link { .. } | Action::Unlink { .. } | Action::RevokeSessions { .. } | Action::Issue { .. } => None,
    }
}

fn reference(ready: &Ready) -> Option<MirrorWrite> {
    match ready.write.as_ref()? {
        Write::AddReference { relation, from, to_kind, to } => Some(MirrorWrite::Reference {
            relation: *relation,
            from_kind: ready.object.kind,
            from: from.clone(),
            to_kind: *to_kind,
            to: to.clone(),
            present: true,
        }),
        Write::RemoveReference { relation, from, to_kind, to } => Some(MirrorWrite::Reference {
            relation: *relation,
            from_kind: ready.object.kind,
            from: from.clone(),
            to_kind: *to_kind,
            to: to.clone(),
            present: false,
        }),
        Write::Create(_)
        | Write::Restore { .. }
        | Write::Update { .. }
        | Write::Disable { .. }
        | Write::RevokeSessions { .. }
        | Write::Issue { .. }
        | Write::Delete { .. }
        | Write::FirstMember { .. } => None,
    }
}
