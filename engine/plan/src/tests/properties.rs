//! Over many states: the planner never panics, and what a plan leads to needs no further plan.

use std::collections::BTreeSet;

use entrain_model::{
    Action, Actual, Anchor, Attributes, Candidate, Change, Condition, Contest, Decision, Desired, Edit, Evidence, Hold,
    Knowledge, Left, LinkState, ObjectRef, ObjectState, Outstanding, Policy, Protection, Removal, Step, TargetId, Why,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

use super::builder::{One, record, schema};
use crate::{Moment, attributes_of, attributes_of_edits, claims, counted, flat, json as render, line, merge, plan};

fn text() -> impl Strategy<Value = Json> {
    select(vec![
        json!("a"),
        json!("B"),
        json!(""),
        json!("long enough to be too long"),
        json!("é@"),
        json!("a@x.example"),
        Json::Null,
    ])
}

fn value() -> impl Strategy<Value = Json> {
    prop_oneof![
        4 => text(),
        1 => any::<bool>().prop_map(Json::Bool),
        1 => (0..3i64).prop_map(Json::from),
        1 => vec(text(), 0..3).prop_map(Json::Array),
        1 => select(vec![json!("2020-01-01"), json!("2020-01-01T00:00:00.000Z")]),
        2 => (option::of(text()), option::of(text())).prop_map(|(one, two)| {
            let parts = [("one", one), ("two", two)];
            Json::Object(parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
        }),
    ]
}

fn named() -> impl Strategy<Value = Attributes> {
    let schema = schema();
    let names = schema
        .users
        .attributes
        .keys()
        .filter(|name| !name.contains('.'))
        .map(|name| (*name).to_owned())
        .chain(["extension".to_owned()]);
    btree_map(select(names.collect::<Vec<_>>()), value(), 0..6)
}

fn wanted() -> impl Strategy<Value = Json> {
    (named(), option::of(value()), option::of(value())).prop_map(|(mut attributes, first, missing)| {
        attributes.extend(missing.map(|missing| ("title".to_owned(), json!({"yield": missing}))));
        attributes.extend(first.map(|first| ("nick".to_owned(), json!({"create_only": first}))));
        Json::Object(attributes.into_iter().collect())
    })
}

/// As a mapping that knows the schema would make it.
fn valid() -> impl Strategy<Value = Json> {
    let word = || select(vec![json!("a"), json!("B"), Json::Null]);
    let hired = select(vec!["2020-01-01", "2021-01-01T00:00:00Z"]);
    (word(), word(), word(), any::<bool>(), option::of(word()), hired, any::<bool>()).prop_map(
        |(title, one, nick, enabled, two, hired, yields)| {
            let extension = if yields { json!({"yield": one}) } else { one.clone() };
            let mut parts = json!({"one": one});
            if let Some(two) = two {
                parts["two"] = two;
            }
            json!({"name": "Ann", "login": "a@x.example", "title": title, "enabled": enabled, "box": parts, "nick": nick,
                "hired": hired, "org": {"a": title}, "phones": ["1"], "birth": "here", "badge": "7", "extension": extension})
        },
    )
}

fn anchor() -> impl Strategy<Value = Anchor> {
    select(vec![Anchor::Ours, Anchor::Absent, Anchor::Foreign("x".into())])
}

prop_compose! {
    fn record_at_target()(
        condition in select(vec![Condition::Live, Condition::Deleted, Condition::Gone]),
        attributes in named(), anchor in anchor(), privileged in prop::bool::weighted(0.1),
        mastered_elsewhere in prop::bool::weighted(0.1), knowledge in select(vec![Knowledge::Fresh, Knowledge::Remembered]),
    ) -> Actual {
        let protection = privileged.then_some(Protection::Role).into_iter().collect();
        let id = "r1".into();
        Actual { id, condition, attributes, anchor, protection, approved: false, mastered_elsewhere, unwritable: None, knowledge }
    }
}

prop_compose! {
    fn candidate()(
        rank in 0..4i64, actual in record_at_target(), linked in prop::bool::weighted(0.2), rival in prop::bool::weighted(0.2),
    ) -> Candidate {
        let evidence = if rank == 0 { Evidence::Anchor } else { Evidence::Key("login".into()) };
        let linked_to = linked.then(|| ObjectRef::user("u8"));
        Candidate { rank, evidence, actual, linked_to, rivals: rival.then(|| ObjectRef::user("u9")).into_iter().collect() }
    }
}

fn contest() -> impl Strategy<Value = Contest> {
    let holder = option::of(option::of(Just(ObjectRef::user("u8"))));
    (select(vec!["login", "nick"]), vec(Just(ObjectRef::user("u8")), 0..2), holder).prop_map(|(attribute, wanted_by, holder)| {
        Contest {
            attribute: attribute.into(),
            value: "a@x.example".into(),
            wanted_by,
            held_by: holder.into_iter().map(|object| (TargetId::from("r3"), object)).collect(),
        }
    })
}

prop_compose! {
    fn link()(anchored in any::<bool>(), sent in named(), stored in named()) -> LinkState {
        let (sent, stored) = (flat(&sent, &schema().users), flat(&stored, &schema().users));
        LinkState { id: "r1".into(), version: 1, anchored, sent, stored }
    }
}

fn desired() -> impl Strategy<Value = Desired> {
    prop_oneof![
        4 => wanted().prop_map(|wanted| Desired::Present(record(wanted))),
        4 => valid().prop_map(|wanted| Desired::Present(record(wanted))),
        1 => Just(Desired::Absent(Why::Tombstone)),
        1 => Just(Desired::OutOfScope(Why::Predicate)),
        1 => Just(Desired::Held(Hold::IncompleteRead)),
    ]
}

prop_compose! {
    fn state()(
        desired in desired(), link in option::of(link()), actual in option::of(record_at_target()),
        candidates in vec(candidate(), 0..3), contests in vec(contest(), 0..2), unsettled in prop::bool::weighted(0.05),
        parked in prop::bool::weighted(0.05), due in prop::bool::weighted(0.1),
    ) -> ObjectState {
        let state = One::user("u1").state;
        let wants = |contest: &Contest| match &desired {
            Desired::Present(record) => record.text(&contest.attribute) == Some(contest.value.as_str()),
            _ => false,
        };
        let contests = contests.into_iter().filter(wants).collect();
        let actual = link.as_ref().and(actual).map(|actual| Actual { id: "r1".into(), ..actual });
        let mut candidates = if link.is_some() { Vec::new() } else { candidates };
        for (candidate, id) in candidates.iter_mut().zip(["r1", "r2", "r3"]) {
            candidate.actual.id = id.into();
        }
        let live = actual.as_ref().is_none_or(|actual| actual.condition == Condition::Live);
        let outstanding = (due && live && link.is_some()).then_some(Outstanding::Due);
        let parked = parked.then(|| "x".to_owned());
        ObjectState { desired, link, actual, candidates, contests, unsettled, parked, outstanding, ..state }
    }
}

fn policy() -> impl Strategy<Value = Policy> {
    let later = Removal { delete_after_days: Some(1), ..Removal::DISABLE };
    let revoke = Removal { revoke_sessions: Step::Take, ..Removal::DELETE };
    let removal = || select(vec![Removal::LEAVE, Removal::DISABLE, Removal::DELETE, later, revoke]);
    (removal(), removal(), any::<bool>()).prop_map(|(user_removal, group_removal, verified)| Policy {
        user_removal,
        group_removal,
        verified_domains: if verified { vec!["x.example".to_owned()] } else { Vec::new() },
        ..Policy::default()
    })
}

/// The state after all changes; `None` if something is held.
fn apply_all(state: ObjectState, decisions: &[Decision]) -> Option<ObjectState> {
    decisions.iter().try_fold(state, |state, decision| match decision {
        Decision::Change(change) => Some(apply(state, change)),
        Decision::Hold(..) => None,
    })
}

/// A target that does what it is told, and remembers it as the engine would.
fn apply(mut state: ObjectState, change: &Change) -> ObjectState {
    let schema = schema();
    let schema = &schema.users;
    match &change.action {
        Action::Link { id, .. } => {
            let found = state.candidates.drain(..).find(|candidate| candidate.actual.id == *id).map(|candidate| candidate.actual);
            let actual = state.actual.take().or(found).map(|actual| Actual { anchor: Anchor::Ours, ..actual });
            let sent = state.link.take().map_or_else(Attributes::new, |link| link.sent);
            state.actual = actual.map(|mut actual| {
                actual.attributes.insert(schema.anchor.clone(), json!("mine"));
                actual
            });
            state.link = Some(LinkState { id: id.clone(), version: 1, anchored: true, sent, stored: Attributes::new() });
        }
        Action::Create { record } => {
            let sent = attributes_of(record, Moment::Creation, schema);
            let mut known = attributes_of(record, Moment::Later, schema);
            merge(&mut known, &sent, schema);
            state = with_record(state, "r7".into(), &sent, known);
        }
        Action::Restore { id, record } => {
            let sent = attributes_of(record, Moment::Later, schema);
            let mut known = state.actual.take().map_or_else(Attributes::new, |actual| actual.attributes);
            merge(&mut known, &sent, schema);
            state = with_record(state, id.clone(), &sent, known);
        }
        Action::Update { edits, .. } => update(&mut state, edits),
        Action::Disable { .. } => {
            update(&mut state, &[Edit { attribute: "enabled".into(), was: None, to: json!(false) }]);
        }
        Action::RevokeSessions { .. } => state.left = Some(Left { at: 0, sessions_ended: Some(0) }),
        Action::Issue { .. } => state.outstanding = None,
        Action::Unlink { .. } | Action::Delete { .. } => {
            state.link = None;
            state.actual = None;
        }
        Action::AddReference { .. } | Action::RemoveReference { .. } => unreachable!("not planned per object"),
    }
    state
}

fn with_record(state: ObjectState, id: TargetId, sent: &Attributes, known: Attributes) -> ObjectState {
    let schema = schema();
    let actual = Actual {
        id: id.clone(),
        condition: Condition::Live,
        attributes: known,
        anchor: Anchor::Ours,
        protection: BTreeSet::new(),
        approved: false,
        mastered_elsewhere: false,
        unwritable: None,
        knowledge: Knowledge::Fresh,
    };
    let link = LinkState { id, version: 1, anchored: true, sent: flat(sent, &schema.users), stored: Attributes::new() };
    ObjectState { link: Some(link), actual: Some(actual), candidates: Vec::new(), ..state }
}

fn update(state: &mut ObjectState, edits: &[Edit]) {
    let schema = schema();
    let written = attributes_of_edits(edits, &schema.users);
    if let Some(link) = &mut state.link {
        link.sent.extend(flat(&written, &schema.users));
    }
    if let Some(actual) = &mut state.actual {
        merge(&mut actual.attributes, &written, &schema.users);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_state_can_be_planned(state in state(), policy in policy()) {
        for decision in plan(&state, &schema(), &policy) {
            prop_assert!(!line(&decision).is_empty());
            prop_assert!(render(&decision).is_object());
            if let Decision::Change(change) = &decision {
                claims(change, &state, &schema());
                counted(change, &schema(), &entrain_model::Limits::default());
                prop_assert_eq!(change.basis, state.basis);
            }
        }
    }

    #[test]
    fn what_a_plan_leads_to_needs_no_plan(state in state(), policy in policy()) {
        let decisions = plan(&state, &schema(), &policy);
        let Some(mut after) = apply_all(state, &decisions) else { return Ok(()) };
        if decisions.iter().any(|decision| matches!(decision, Decision::Change(Change { action: Action::Restore { .. }, .. }))) {
            // What a restore must not send, because the record may have it, is seen afterwards.
            let seen = plan(&after, &schema(), &policy);
            after = apply_all(after, &seen).expect("a restored record is not held");
        }
        let again = plan(&after, &schema(), &policy);
        prop_assert!(again.is_empty(), "{:?}\nthen {:?}", decisions, again);
    }

    #[test]
    fn protected_records_are_never_touched(mut state in state(), policy in policy(), privileged in any::<bool>()) {
        let shield = |actual: &mut Actual| {
            actual.protection = privileged.then_some(Protection::Guest).into_iter().collect();
            actual.mastered_elsewhere = !privileged;
        };
        state.actual.iter_mut().for_each(shield);
        state.candidates.iter_mut().for_each(|candidate| shield(&mut candidate.actual));
        if state.actual.is_none() {
            state.link = None;
        }
        for decision in plan(&state, &schema(), &policy) {
            let Decision::Change(change) = decision else { continue };
            prop_assert!(matches!(change.action, Action::Create { .. } | Action::Unlink { .. }), "{:?}", change);
        }
    }
}
