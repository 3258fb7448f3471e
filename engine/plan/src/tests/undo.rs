use std::collections::BTreeMap;

use entrain_model::{Action, Change, Condition, DesiredRecord, Edit, Kind, ObjectRef, Phase, Relation, Sessions, TargetId};
use serde_json::{Value as Json, json};

use super::builder::{One, schema};
use crate::{Ends, Inverse, undo};

fn edit(attribute: &str, was: Option<Json>, to: Json) -> Edit {
    Edit { attribute: attribute.into(), was, to }
}

fn change(action: Action) -> Change {
    Change { object: ObjectRef::user("u1"), phase: Phase::Updates, action, basis: Default::default() }
}

/// What takes back an action of a linked user whose record has these attributes.
fn back(has: Json, action: Action) -> Inverse {
    let one = One::user("u1").linked(json!({})).has(has);
    undo(&change(action), Some(&one.state), &Ends::default(), &schema())
}

fn id() -> TargetId {
    One::user("u1").linked(json!({})).state.link.expect("a link").id
}

#[test]
fn values_go_back_to_what_they_were() {
    let edits = vec![edit("title", Some(json!("Chief")), json!("Boss")), edit("nick", Some(Json::Null), json!("ann"))];
    let inverse = back(json!({"title": "Boss", "nick": "ann"}), Action::Update { id: id(), edits });
    let expected = vec![edit("title", Some(json!("Boss")), json!("Chief")), edit("nick", Some(json!("ann")), Json::Null)];
    assert_eq!(inverse.action, Some((Phase::Updates, Action::Update { id: id(), edits: expected })));
    assert_eq!(inverse.left, [""; 0]);
}

#[test]
fn what_others_changed_since_stays() {
    let edits = vec![edit("title", Some(json!("Chief")), json!("Boss")), edit("nick", Some(Json::Null), json!("ann"))];
    let inverse = back(json!({"title": "Other", "nick": "ann"}), Action::Update { id: id(), edits });
    let expected = vec![edit("nick", Some(json!("ann")), Json::Null)];
    assert_eq!(inverse.action, Some((Phase::Updates, Action::Update { id: id(), edits: expected })));
    assert_eq!(inverse.left, ["title: somebody changed it since"]);
    let unknown = back(json!({"title": "Boss"}), Action::Update { id: id(), edits: vec![edit("title", None, json!("Boss"))] });
    assert_eq!((unknown.action, unknown.left.join("")), (None, "title: what it was before is not known".to_owned()));
}

#[test]
fn a_blocked_sign_in_is_allowed_again_unless_somebody_did() {
    let inverse = back(json!({"enabled": false}), Action::Disable { id: id(), sessions: Sessions::End });
    let edits = vec![edit("enabled", Some(json!(false)), json!(true))];
    assert_eq!(inverse.action, Some((Phase::Updates, Action::Update { id: id(), edits })));
    assert_eq!(back(json!({"enabled": true}), Action::Disable { id: id(), sessions: Sessions::End }).action, None);
}

#[test]
fn records_come_and_go() {
    let made = Action::Create { record: DesiredRecord::default() };
    assert_eq!(back(json!({}), made.clone()).action, Some((Phase::Removals, Action::Delete { id: id() })));
    let unlinked = One::user("u1");
    assert_eq!(undo(&change(made), Some(&unlinked.state), &Ends::default(), &schema()).action, None);
    let deleted = undo(&change(Action::Delete { id: id() }), None, &Ends::default(), &schema());
    assert_eq!(deleted.action, Some((Phase::Users, Action::Restore { id: id(), record: DesiredRecord::default() })));
}

#[test]
fn references_go_the_other_way() {
    let (g, u) = (ObjectRef::group("g1"), ObjectRef::user("u1"));
    let ends = Ends { records: BTreeMap::from([(u.clone(), "r1".into())]), objects: BTreeMap::from([("r1".into(), u.clone())]) };
    let of = |action| undo(&Change { object: g.clone(), ..change(action) }, None, &ends, &schema());
    let add = |relation, to: &ObjectRef| Action::AddReference { relation, to: to.clone() };
    let remove = |to: &str| Action::RemoveReference { relation: Relation::Member, to_kind: Kind::User, to: to.into() };
    assert_eq!(of(add(Relation::Member, &u)).action, Some((Phase::ReferenceRemovals, remove("r1"))));
    assert_eq!(of(remove("r1")).action, Some((Phase::References, add(Relation::Member, &u))));
    assert_eq!(of(remove("r2")).left, ["record r2 is linked to no object any more"]);
    assert_eq!(of(add(Relation::Manager, &u)).action, None, "who the manager was before is not known");
}

#[test]
fn a_record_that_is_protected_by_now_stays() {
    let mut one = One::user("u1").linked(json!({})).has(json!({"title": "Boss"}));
    let actual = one.state.actual.as_mut().expect("a record");
    assert_eq!(actual.condition, Condition::Live);
    actual.protection.insert(entrain_model::Protection::Role);
    let update = Action::Update { id: id(), edits: vec![edit("title", Some(json!("Chief")), json!("Boss"))] };
    let inverse = undo(&change(update), Some(&one.state), &Ends::default(), &schema());
    assert!(inverse.action.is_none() && inverse.left[0].contains("protected"), "{inverse:?}");
}
