//! What a first run would take over, make and leave alone, and with which evidence. Read off a stored plan: there is no
//! second matcher.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entrain_model::{Action, Change, Decision, Evidence, Hold, Kind, Mode, ObjectRef, Reason, RunId, Scope, TargetId, codes};
use entrain_store::{PlanLine, RunKind};

use crate::engine::{Ask, PAGE};
use crate::{Engine, Progress, Report, SyncError, Target};

/// What a first run would do about an object, or about a record that no object claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It is linked already.
    Linked,
    /// Its record carries its anchor and would be linked.
    ByAnchor,
    /// The source names its record, which would be linked.
    ById,
    /// A matching key finds its record, which would be linked.
    ByKey,
    /// Its record would come back from the recycle bin.
    Restored,
    /// A record would be made.
    Created,
    /// A record would be made although the recycle bin has one under the same key.
    InRecycleBin,
    /// Several records match, or one matches several objects.
    Ambiguous,
    /// The record is protected.
    Privileged,
    /// Another directory owns the record.
    MasteredElsewhere,
    /// The record cannot be written.
    Unwritable,
    /// The record carries another source's anchor.
    ForeignAnchor,
    /// Anything else holds the object.
    Held,
    /// A record that no object claims; it stays as it is.
    Unclaimed,
}

codes!(Class {
    Linked = "linked",
    ByAnchor = "by_anchor",
    ById = "by_id",
    ByKey = "by_key",
    Restored = "restored",
    Created = "created",
    InRecycleBin = "in_recycle_bin",
    Ambiguous = "ambiguous",
    Privileged = "privileged",
    MasteredElsewhere = "mastered_elsewhere",
    Unwritable = "unwritable",
    ForeignAnchor = "foreign_anchor",
    Held = "held",
    Unclaimed = "unclaimed",
});

impl Class {
    /// All, in the order in which they are shown.
    pub const ALL: [Class; 14] = [
        Class::Linked,
        Class::ByAnchor,
        Class::ById,
        Class::ByKey,
        Class::Restored,
        Class::Created,
        Class::InRecycleBin,
        Class::Ambiguous,
        Class::Privileged,
        Class::MasteredElsewhere,
        Class::Unwritable,
        Class::ForeignAnchor,
        Class::Held,
        Class::Unclaimed,
    ];

    /// What a run would do, in a few words.
    pub fn says(self) -> &'static str {
        match self {
            Class::Linked => "keep it in step: it is linked already",
            Class::ByAnchor => "link it: the record carries its anchor",
            Class::ById => "link it: the source names the record",
            Class::ByKey => "link it: a matching key finds the record",
            Class::Restored => "bring its record back from the recycle bin",
            Class::Created => "make a record",
            Class::InRecycleBin => "make a record, although one under the same key is in the recycle bin",
            Class::Ambiguous => "nothing: more than one fits",
            Class::Privileged => "nothing: the record is protected",
            Class::MasteredElsewhere => "nothing: another directory owns the record",
            Class::Unwritable => "nothing: the record cannot be written",
            Class::ForeignAnchor => "nothing: the record carries another source's anchor",
            Class::Held => "nothing: held for another reason",
            Class::Unclaimed => "nothing: a record that no object of the source claims",
        }
    }
}

impl std::str::FromStr for Class {
    type Err = String;

    fn from_str(code: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|class| class.code() == code);
        known.ok_or_else(|| format!("there is no class `{code}`; there are: {}", Self::CODES.join(", ")))
    }
}

/// One object, or one record without an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Adopted {
    /// What would become of it.
    pub class: Class,
    /// Its kind.
    pub kind: Kind,
    /// The object; none for a record that nobody claims.
    pub object: Option<ObjectRef>,
    /// The record, where one is known.
    pub record: Option<TargetId>,
    /// The evidence, or the reason, in words.
    pub detail: String,
}

/// Who takes what is found. A page is never held for longer than this takes.
pub trait Adoptions: Send {
    /// Takes one.
    fn take(&mut self, adopted: Adopted);
}

impl Engine {
    /// Plans everything with tied hands, whatever the mode of the target, and tells what would become of each object.
    pub async fn adoption(
        &self,
        target: &Arc<Target>,
        progress: &dyn Progress,
        into: &mut dyn Adoptions,
    ) -> Result<Report, SyncError> {
        let observed = Arc::new(Target { mode: Mode::Observe, ..target.as_ref().clone() });
        let ask = Ask { kind: RunKind::Plan, ..Ask::sync(Scope::Everything, Reason::Operator) };
        let report = self.reconcile(&observed, ask, progress).await?;
        if let Some(run) = report.run.as_ref().filter(|_| report.halt.is_none()) {
            self.adopted(target, run, into).await?;
        }
        Ok(report)
    }

    async fn adopted(&self, target: &Target, run: &RunId, into: &mut dyn Adoptions) -> Result<(), SyncError> {
        let store = self.store();
        let mut after: Option<ObjectRef> = None;
        loop {
            let page = store.links(&target.name, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.object.clone());
            let objects: Vec<_> = page.iter().map(|row| row.object.clone()).collect();
            // Whose record is gone is told among those that are made or restored.
            let made = store.made_in(run, &objects).await?;
            for row in page.into_iter().filter(|row| !made.contains(&row.object)) {
                let detail = words(&row.evidence);
                into.take(of(Class::Linked, row.object, Some(row.link.id), detail));
            }
        }
        let mut seq = 0;
        loop {
            let page = store.plan_lines(run, seq, PAGE).await?;
            let Some(last) = page.last() else { break };
            seq = last.seq;
            self.lines(target, page, into).await?;
        }
        for kind in Kind::ALL {
            let mut after = None;
            loop {
                let page = store.unclaimed_page(&target.name, run, kind, after.as_ref(), PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.clone());
                for id in page {
                    let detail = "no object of the source claims it".to_owned();
                    into.take(Adopted { class: Class::Unclaimed, kind, object: None, record: Some(id), detail });
                }
            }
        }
        Ok(())
    }

    async fn lines(&self, target: &Target, page: Vec<PlanLine>, into: &mut dyn Adoptions) -> Result<(), SyncError> {
        let store = self.store();
        let some = |wanted: fn(&Decision) -> bool| -> Vec<ObjectRef> {
            let objects: BTreeSet<_> =
                page.iter().filter(|line| wanted(&line.decision)).map(|line| line.object.clone()).collect();
            objects.into_iter().collect()
        };
        let held = some(|decision| matches!(decision, Decision::Hold(..)));
        let created = some(|decision| matches!(decision, Decision::Change(Change { action: Action::Create { .. }, .. })));
        let linked = store.link_ids(&target.name, &held).await?;
        let binned = store.binned(&target.name, &created).await?;
        for line in page {
            if let Some(adopted) = classed(line, &binned).filter(|one| !matches!(&one.object, Some(o) if linked.contains_key(o)))
            {
                into.take(adopted);
            }
        }
        Ok(())
    }
}

/// What the line says of its object as a whole; nothing if it is about a part, such as a reference.
fn classed(line: PlanLine, binned: &BTreeMap<ObjectRef, TargetId>) -> Option<Adopted> {
    let object = line.object;
    match line.decision {
        Decision::Change(change) => match change.action {
            Action::Link { id, evidence, .. } => {
                let class = match &evidence {
                    Evidence::Anchor | Evidence::Created => Class::ByAnchor,
                    Evidence::TargetId => Class::ById,
                    Evidence::Key(_) => Class::ByKey,
                };
                Some(of(class, object, Some(id), words(&evidence)))
            }
            Action::Create { .. } => Some(match binned.get(&object) {
                Some(id) => {
                    let detail = "restore it, or empty it from the recycle bin, if it is this one".to_owned();
                    of(Class::InRecycleBin, object, Some(id.clone()), detail)
                }
                None => of(Class::Created, object, None, "no record is found by any key".to_owned()),
            }),
            Action::Restore { id, .. } => {
                Some(of(Class::Restored, object, Some(id), "its anchor, in the recycle bin".to_owned()))
            }
            Action::Unlink { .. }
            | Action::Update { .. }
            | Action::AddReference { .. }
            | Action::RemoveReference { .. }
            | Action::Disable { .. }
            | Action::RevokeSessions { .. }
            | Action::Issue { .. }
            | Action::Delete { .. } => None,
        },
        Decision::Hold(_, hold) => of_hold(&hold).map(|class| of(class, object, None, hold.to_string())),
    }
}

fn of_hold(hold: &Hold) -> Option<Class> {
    let name = if let Hold::Rejected { attribute, .. } = hold { attribute.as_deref() } else { None };
    if matches!(hold, Hold::WaitingFor(_)) || name.is_some_and(|name| REFERENCES.contains(&name)) {
        return None;
    }
    Some(match hold.code() {
        "ambiguous" => Class::Ambiguous,
        "protected" => Class::Privileged,
        "on_premises_mastered" => Class::MasteredElsewhere,
        "unwritable" => Class::Unwritable,
        "foreign_anchor" => Class::ForeignAnchor,
        _ => Class::Held,
    })
}

/// What a hold of a reference names as its attribute.
pub(crate) const REFERENCES: [&str; 3] = ["member", "owner", "manager"];

fn words(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Anchor => "its anchor".to_owned(),
        Evidence::TargetId => "the id in the source".to_owned(),
        Evidence::Key(attribute) => attribute.clone(),
        Evidence::Created => "made by us".to_owned(),
    }
}

fn of(class: Class, object: ObjectRef, record: Option<TargetId>, detail: String) -> Adopted {
    Adopted { class, kind: object.kind, object: Some(object), record, detail }
}
