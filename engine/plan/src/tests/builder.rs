//! A small schema, and a builder of states.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{
    Actual, Anchor, AttributeSchema, Attributes, Basis, Candidate, Change, Condition, Contest, Decision, Desired, DesiredRecord,
    Evidence, Hold, KindSchema, Knowledge, Left, LinkState, ObjectRef, ObjectState, Outstanding, Policy, Removal, Schema,
    Setting, Shape, TargetId, Why, Writable,
};
use serde_json::{Value as Json, json};

use crate::{drift, line, plan};

pub(super) const BOX: &[&str] = &["one", "two"];

fn of(shape: Shape) -> AttributeSchema {
    AttributeSchema {
        shape,
        max_length: None,
        max_values: None,
        unique: false,
        writable: Writable::Always,
        clearable: true,
        forbidden: "",
        ascii: false,
    }
}

pub(super) fn schema() -> Schema {
    let text = of(Shape::Text);
    let users = BTreeMap::from([
        ("login", AttributeSchema { unique: true, clearable: false, ..of(Shape::Login) }),
        ("name", AttributeSchema { max_length: Some(12), clearable: false, ..text.clone() }),
        ("nick", AttributeSchema { ascii: true, forbidden: "@ ", unique: true, ..text.clone() }),
        ("title", AttributeSchema { max_length: Some(128), ..text.clone() }),
        ("enabled", of(Shape::Boolean)),
        ("hired", of(Shape::DateTime)),
        ("phones", AttributeSchema { max_values: Some(1), ..of(Shape::Texts) }),
        ("mails", AttributeSchema { unique: true, ..of(Shape::Texts) }),
        ("box", AttributeSchema { max_length: Some(8), ..of(Shape::Parts(BOX)) }),
        ("box.two", AttributeSchema { max_length: Some(4), ..text.clone() }),
        ("org", of(Shape::Whole)),
        ("birth", AttributeSchema { writable: Writable::AtCreation, ..text.clone() }),
        ("badge", AttributeSchema { writable: Writable::Once, ..text.clone() }),
        ("serial", AttributeSchema { writable: Writable::Never, ..text.clone() }),
        ("anchor", AttributeSchema { unique: true, clearable: false, ..text.clone() }),
    ]);
    let groups = BTreeMap::from([
        ("name", AttributeSchema { clearable: false, ..text.clone() }),
        ("about", text),
        ("nick", AttributeSchema { unique: true, ..of(Shape::Text) }),
    ]);
    let kind = |login, enabled, attributes| KindSchema {
        login,
        name: "name",
        enabled,
        anchor: "anchor".to_owned(),
        created_by_anchor: false,
        subject: None,
        nickname: None,
        privileging: None,
        required: &["name"],
        match_keys: Vec::new(),
        attributes,
    };
    Schema { users: kind(Some("login"), Some("enabled"), users), groups: kind(None, None, groups) }
}

/// `null` clears; `{"create_only": x}` is for new records, `{"yield": x}` for those that have no value.
pub(super) fn record(wanted: Json) -> DesiredRecord {
    let setting = |value: Json| match value.get("create_only") {
        Some(first) => Setting::CreateOnly(first.clone()),
        None if value.get("yield").is_some() => Setting::Yield(value["yield"].clone()),
        None if value.is_null() => Setting::Clear,
        None => Setting::Set(value),
    };
    DesiredRecord { settings: attributes(wanted).into_iter().map(|(name, value)| (name, setting(value))).collect() }
}

pub(super) fn attributes(object: Json) -> Attributes {
    serde_json::from_value(object).unwrap()
}

pub(super) fn actual(id: &str, known: Json) -> Actual {
    Actual {
        id: id.into(),
        condition: Condition::Live,
        attributes: attributes(known),
        anchor: Anchor::Absent,
        protection: BTreeSet::new(),
        approved: false,
        mastered_elsewhere: false,
        unwritable: None,
        knowledge: Knowledge::Fresh,
    }
}

/// One object of which a test says what matters.
#[derive(Clone)]
pub(super) struct One {
    pub(super) state: ObjectState,
    pub(super) policy: Policy,
}

impl One {
    pub(super) fn user(id: &str) -> Self {
        Self::of(ObjectRef::user(id))
    }

    pub(super) fn group(id: &str) -> Self {
        Self::of(ObjectRef::group(id))
    }

    fn of(object: ObjectRef) -> Self {
        let state = ObjectState {
            object,
            basis: Basis { source: 3, link: 0, epoch: 1 },
            desired: Desired::Absent(Why::Tombstone),
            link: None,
            actual: None,
            candidates: Vec::new(),
            contests: Vec::new(),
            unsettled: false,
            written_at: None,
            parked: None,
            left: None,
            retained: None,
            outstanding: None,
        };
        Self { state, policy: Policy::default() }
    }

    pub(super) fn wants(mut self, wanted: Json) -> Self {
        self.state.desired = Desired::Present(record(wanted));
        self
    }

    pub(super) fn desired(mut self, desired: Desired) -> Self {
        self.state.desired = desired;
        self
    }

    /// Linked to `r1`, anchored, after `sent` was sent.
    pub(super) fn linked(mut self, sent: Json) -> Self {
        self.state.link =
            Some(LinkState { id: "r1".into(), version: 1, anchored: true, sent: attributes(sent), stored: Attributes::new() });
        self.state.basis.link = 1;
        self
    }

    pub(super) fn unanchored(mut self) -> Self {
        self.state.link.as_mut().unwrap().anchored = false;
        self
    }

    pub(super) fn stored(mut self, stored: Json) -> Self {
        self.state.link.as_mut().unwrap().stored = attributes(stored);
        self
    }

    /// The linked record, just read.
    pub(super) fn has(mut self, known: Json) -> Self {
        self.state.actual = Some(Actual { anchor: Anchor::Ours, ..actual("r1", known) });
        self
    }

    pub(super) fn record(mut self, change: impl FnOnce(&mut Actual)) -> Self {
        change(self.state.actual.as_mut().unwrap());
        self
    }

    pub(super) fn remembered(self) -> Self {
        self.record(|actual| actual.knowledge = Knowledge::Remembered)
    }

    /// A live record without an anchor that the key of this rank finds.
    pub(super) fn found(self, rank: i64, id: &str, change: impl FnOnce(&mut Candidate)) -> Self {
        self.finds(rank, actual(id, json!({})), change)
    }

    pub(super) fn finds(mut self, rank: i64, actual: Actual, change: impl FnOnce(&mut Candidate)) -> Self {
        let evidence = match rank {
            0 => Evidence::Anchor,
            1 => Evidence::TargetId,
            2 => Evidence::Key("login".into()),
            _ => Evidence::Key("name".into()),
        };
        let mut candidate = Candidate { rank, evidence, actual, linked_to: None, rivals: Vec::new() };
        if rank == 0 {
            candidate.actual.anchor = Anchor::Ours;
        }
        change(&mut candidate);
        self.state.candidates.push(candidate);
        self
    }

    pub(super) fn contest(mut self, attribute: &str, value: &str, wanted_by: &[&str], held_by: &[(&str, Option<&str>)]) -> Self {
        let held = |(id, object): &(&str, Option<&str>)| (TargetId::from(*id), object.map(ObjectRef::user));
        self.state.contests.push(Contest {
            attribute: attribute.into(),
            value: value.into(),
            wanted_by: wanted_by.iter().map(|id| ObjectRef::user(*id)).collect(),
            held_by: held_by.iter().map(held).collect(),
        });
        self
    }

    pub(super) fn unsettled(mut self) -> Self {
        self.state.unsettled = true;
        self
    }

    /// Written by us so recently that a read may show what was before.
    pub(super) fn just_written(mut self) -> Self {
        self.state.written_at = Some(20);
        self.policy.unsettled_since = Some(10);
        self
    }

    /// Written by us, and visible everywhere since.
    pub(super) fn written_long_ago(self) -> Self {
        let mut one = self.just_written();
        one.state.written_at = Some(9);
        one
    }

    pub(super) fn parked(mut self, reason: &str) -> Self {
        self.state.parked = Some(reason.into());
        self
    }

    pub(super) fn removal(mut self, removal: Removal) -> Self {
        self.policy = Policy { user_removal: removal, group_removal: removal, ..self.policy };
        self
    }

    /// It left so many days ago.
    pub(super) fn left_days_ago(mut self, days: i64) -> Self {
        self.state.left = Some(Left { at: 0, sessions_ended: None });
        self.policy.now = days * 24 * 3600 * 1000;
        self
    }

    pub(super) fn sessions_ended(mut self) -> Self {
        self.state.left = Some(Left { at: self.state.left.map_or(0, |left| left.at), sessions_ended: Some(1) });
        self
    }

    pub(super) fn retained(mut self, reason: &str) -> Self {
        self.state.retained = Some(reason.into());
        self
    }

    pub(super) fn outstanding(mut self, outstanding: Outstanding) -> Self {
        self.state.outstanding = Some(outstanding);
        self
    }

    pub(super) fn domains(mut self, domains: &[&str]) -> Self {
        self.policy.verified_domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        self
    }

    pub(super) fn plan(&self) -> Vec<Decision> {
        plan(&self.state, &schema(), &self.policy)
    }

    /// The only decision is a change.
    #[track_caller]
    pub(super) fn only(&self) -> Change {
        let mut decisions = self.plan();
        match (decisions.pop(), decisions.pop()) {
            (Some(Decision::Change(change)), None) => change,
            _ => panic!("not one change: {:?}", self.lines()),
        }
    }

    /// What each change puts right that somebody did in the target.
    pub(super) fn drift(&self) -> Vec<String> {
        let changes = self.plan().into_iter().filter_map(|decision| match decision {
            Decision::Change(change) => Some(change),
            Decision::Hold(..) => None,
        });
        changes.flat_map(|change| drift(&change, &self.state, &schema())).collect()
    }

    /// Phase and line of each decision.
    pub(super) fn lines(&self) -> Vec<String> {
        let phase = |decision: &Decision| match decision {
            Decision::Change(change) => format!("{:?} ", change.phase),
            Decision::Hold(..) => String::new(),
        };
        self.plan().iter().map(|decision| format!("{}{}", phase(decision), line(decision))).collect()
    }

    #[track_caller]
    pub(super) fn expect(&self, lines: &[&str]) {
        assert_eq!(self.lines(), lines);
    }

    /// The only decision is a hold with this code; gives its text.
    #[track_caller]
    pub(super) fn held(&self, code: &str) -> String {
        let decisions = self.plan();
        let [Decision::Hold(object, hold)] = decisions.as_slice() else { panic!("not one hold: {:?}", self.lines()) };
        assert_eq!(*object, self.state.object);
        assert_eq!(hold.code(), code, "{hold}");
        hold.to_string()
    }
}

pub(super) fn conflict(attribute: &str, detail: &str) -> Hold {
    Hold::Conflict { attribute: attribute.into(), detail: detail.into() }
}
