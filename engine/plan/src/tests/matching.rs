use entrain_model::{Anchor, Condition, Desired, Evidence, Hold, ObjectRef, Protection};
use serde_json::json;

use super::builder::{One, actual};

fn hire() -> One {
    One::user("u1").wants(json!({"name": "Ann", "login": "ann@x.example"}))
}

const CREATE: &str = "Users + user u1: create login \"ann@x.example\", name \"Ann\"";

#[test]
fn parked_objects_are_left_alone() {
    assert_eq!(hire().parked("asked by Ann").held("parked"), "parked: asked by Ann");
}

#[test]
fn unsettled_objects_wait() {
    hire().unsettled().held("settling");
    One::user("u1").linked(json!({})).unsettled().held("settling");
}

#[test]
fn a_desired_hold_is_passed_on() {
    One::user("u1").desired(Desired::Held(Hold::IncompleteRead)).held("incomplete_read");
}

#[test]
fn without_candidates_a_record_is_made() {
    hire().expect(&[CREATE]);
    One::group("g1").wants(json!({"name": "Staff"})).expect(&["Groups + group g1: create name \"Staff\""]);
}

#[test]
fn the_anchor_links_without_being_written() {
    hire()
        .finds(0, actual("r1", json!({"name": "Ann", "login": "ann@x.example"})), |_| {})
        .expect(&["Links = user u1: link to r1, found by its anchor"]);
}

#[test]
fn a_key_links_and_writes_the_anchor_alone_and_then_what_differs() {
    hire().finds(2, actual("r1", json!({"name": "Anne", "login": "ann@x.example"})), |_| {}).expect(&[
        "Links = user u1: link to r1, found by login, write the anchor",
        "Updates ~ user u1: name \"Anne\" -> \"Ann\"",
    ]);
}

#[test]
fn a_record_with_our_anchor_that_a_key_finds_is_linked_without_writing_it() {
    let found = actual("r1", json!({"name": "Ann", "login": "ann@x.example"}));
    hire().finds(2, found, |c| c.actual.anchor = Anchor::Ours).expect(&["Links = user u1: link to r1, found by login"]);
}

#[test]
fn the_strongest_key_that_finds_something_decides() {
    let known = json!({"name": "Ann", "login": "ann@x.example"});
    hire()
        .finds(2, actual("r2", known.clone()), |_| {})
        .finds(1, actual("r1", known.clone()), |_| {})
        .expect(&["Links = user u1: link to r1, found by its id, write the anchor"]);
    hire()
        .finds(3, actual("r3", known.clone()), |_| {})
        .finds(0, actual("r0", known), |_| {})
        .expect(&["Links = user u1: link to r0, found by its anchor"]);
}

#[test]
fn several_records_are_ambiguous() {
    let text = hire().found(2, "r1", |_| {}).found(2, "r2", |_| {}).held("ambiguous");
    assert_eq!(
        text,
        "ambiguous: login finds 2 records (r1, r2): name the right one by its id in the source, or change the others"
    );
    hire().found(0, "r1", |_| {}).found(0, "r2", |_| {}).held("ambiguous");
    hire().found(1, "r1", |_| {}).found(2, "r2", |_| {}).found(2, "r3", |_| {}).expect(&[
        "Links = user u1: link to r1, found by its id, write the anchor",
        "Updates ~ user u1: login ? -> \"ann@x.example\", name ? -> \"Ann\"",
    ]);
}

#[test]
fn a_record_of_another_object_is_not_taken() {
    let text = hire().found(2, "r1", |c| c.linked_to = Some(ObjectRef::user("u2"))).held("ambiguous");
    assert!(text.contains("record r1 is found by login and is linked to user u2 already"), "{text}");
}

#[test]
fn a_unique_value_of_another_object_is_waited_for_and_not_matched() {
    hire()
        .found(2, "r2", |c| c.linked_to = Some(ObjectRef::user("u2")))
        .contest("login", "ann@x.example", &[], &[("r2", Some("u2"))])
        .expect(&[CREATE]);
}

#[test]
fn a_name_that_another_object_has_too_is_no_match() {
    hire().found(3, "r2", |c| c.linked_to = Some(ObjectRef::user("u2"))).expect(&[CREATE]);
    hire().found(3, "r2", |_| {}).found(3, "r3", |_| {}).held("ambiguous");
}

#[test]
fn a_weaker_key_still_matches_when_the_stronger_finds_a_contested_value() {
    hire()
        .found(2, "r2", |c| c.linked_to = Some(ObjectRef::user("u2")))
        .finds(3, actual("r3", json!({"name": "Ann", "login": "old@x.example"})), |_| {})
        .contest("login", "ann@x.example", &[], &[("r2", Some("u2"))])
        .expect(&[
            "Links = user u1: link to r3, found by name, write the anchor",
            "Updates ~ user u1: login \"old@x.example\" -> \"ann@x.example\"",
        ]);
}

#[test]
fn rivals_for_one_record_are_all_held() {
    let text = hire().found(2, "r1", |c| c.rivals = vec![ObjectRef::user("u2"), ObjectRef::user("u3")]).held("ambiguous");
    assert!(text.contains("record r1 is found by login for user u2, user u3 as well"), "{text}");
}

#[test]
fn a_foreign_anchor_is_never_overwritten() {
    let text = hire().found(2, "r1", |c| c.actual.anchor = Anchor::Foreign("theirs".into())).held("foreign_anchor");
    assert!(text.contains("`theirs`"), "{text}");
}

#[test]
fn protected_records_are_never_linked() {
    hire().found(2, "r1", |c| _ = c.actual.protection.insert(Protection::Role)).held("protected");
    hire().found(0, "r1", |c| _ = c.actual.protection.insert(Protection::Role)).held("protected");
    hire().found(2, "r1", |c| c.actual.mastered_elsewhere = true).held("on_premises_mastered");
    let text = hire().found(2, "r1", |c| c.actual.unwritable = Some("its members follow a rule".into())).held("unwritable");
    assert!(text.contains("record r1: its members follow a rule"), "{text}");
}

#[test]
fn the_recycle_bin_gives_back_what_carries_our_anchor() {
    let restore = "Users + user u1: restore r1 from the recycle bin login \"ann@x.example\", name \"Ann\"";
    hire().found(0, "r1", |c| c.actual.condition = Condition::Deleted).expect(&[restore]);
    let by_login = hire().found(2, "r1", |c| {
        c.actual.condition = Condition::Deleted;
        c.actual.anchor = Anchor::Ours;
    });
    by_login.expect(&[restore]);
}

#[test]
fn the_recycle_bin_does_not_matter_otherwise() {
    hire().found(2, "r1", |c| c.actual.condition = Condition::Deleted).expect(&[CREATE]);
    hire().found(0, "r1", |c| c.actual.condition = Condition::Gone).expect(&[CREATE]);
}

#[test]
fn a_live_record_comes_before_one_in_the_recycle_bin() {
    let known = json!({"name": "Ann", "login": "ann@x.example"});
    hire()
        .found(0, "r1", |c| c.actual.condition = Condition::Deleted)
        .finds(0, actual("r2", known), |_| {})
        .expect(&["Links = user u1: link to r2, found by its anchor"]);
}

#[test]
fn several_in_the_recycle_bin_are_ambiguous() {
    let deleted = |c: &mut entrain_model::Candidate| c.actual.condition = Condition::Deleted;
    let text = hire().found(0, "r1", deleted).found(0, "r2", deleted).held("ambiguous");
    assert!(text.contains("its anchor finds 2 records (r1, r2): empty all but one from the recycle bin"), "{text}");
}

#[test]
fn a_privileged_record_is_not_restored() {
    let deleted = |c: &mut entrain_model::Candidate| {
        c.actual.condition = Condition::Deleted;
        c.actual.protection.insert(Protection::Role);
    };
    hire().found(0, "r1", deleted).held("protected");
}

#[test]
fn nothing_is_linked_when_the_record_would_be_refused() {
    let long = One::user("u1").wants(json!({"name": "Ann Sophie Longname"}));
    long.found(2, "r1", |_| {}).held("rejected");
}

#[test]
fn the_change_carries_the_versions_it_was_planned_from() {
    let one = hire();
    assert_eq!(one.only().basis, one.state.basis);
}

#[test]
fn evidence_is_recorded() {
    let one = hire().finds(2, actual("r1", json!({"name": "Ann", "login": "ann@x.example"})), |_| {});
    let entrain_model::Action::Link { evidence, .. } = one.only().action else { panic!("no link") };
    assert_eq!(evidence, Evidence::Key("login".into()));
}
