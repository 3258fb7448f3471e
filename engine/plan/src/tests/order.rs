use std::collections::BTreeMap;

use entrain_model::{Change, Decision, ObjectRef, Removal};
use serde_json::json;

use super::builder::{One, schema};
use crate::{Dependency, Ordering, Suspicion, line, order};

/// Renames by `(object, from, to)`, numbered from 1; without `from` a new record.
fn changes(renames: &[(&str, &str, &str)]) -> BTreeMap<i64, Change> {
    let one = |(object, from, to): &(&str, &str, &str)| {
        let wants = One::user(object).wants(json!({"name": "x", "login": format!("{to}@x.example")}));
        if from.is_empty() {
            return wants;
        }
        let known = json!({"name": "x", "login": format!("{from}@X.example")});
        let mut linked = wants.linked(known.clone()).has(known);
        linked.state.link.as_mut().unwrap().id = format!("r-{object}").as_str().into();
        linked
    };
    (1..).zip(renames.iter().map(|rename| one(rename).only())).collect()
}

/// Who waits for whom follows from the renames themselves.
fn wants(renames: &[(&str, &str, &str)]) -> Vec<Dependency> {
    let mut wants = Vec::new();
    for (seq, (_, _, to)) in (1..).zip(renames) {
        for (holder, (object, from, _)) in (1..).zip(renames) {
            if to == from {
                wants.push(want(seq, to, object, Some(holder)));
            }
        }
    }
    wants
}

fn want(seq: i64, value: &str, holder: &str, freed_by: Option<i64>) -> Dependency {
    Dependency {
        seq,
        attribute: "login".into(),
        value: format!("{value}@x.example"),
        holder: format!("r-{holder}").as_str().into(),
        holder_object: Some(ObjectRef::user(holder)),
        freed_by,
    }
}

fn show(ordering: &Ordering) -> Vec<String> {
    let placed = ordering.placed.iter().map(|p| format!("{} {:?} {}", p.seq, p.phase, p.rank));
    let parked = ordering
        .parkings
        .iter()
        .map(|p| format!("{} {:?} {} {}", p.seq, p.change.phase, p.rank, line(&Decision::Change(p.change.clone()))));
    let held = ordering.held.iter().flat_map(|held| held.instead.iter().map(move |d| format!("{} {}", held.seq, line(d))));
    placed.chain(parked).chain(held).collect()
}

#[track_caller]
fn expect(renames: &[(&str, &str, &str)], expected: &[&str]) {
    let (changes, mut wants) = (changes(renames), wants(renames));
    assert_eq!(show(&order(&changes, &wants, &schema())), expected);
    wants.reverse();
    assert_eq!(show(&order(&changes, &wants, &schema())), expected, "the order of the wants must not matter");
}

#[test]
fn without_contest_nothing_moves() {
    expect(&[("u1", "a", "b")], &[]);
}

#[test]
fn a_change_never_waits_for_itself() {
    let ordering = order(&changes(&[("u1", "a", "b")]), &[want(1, "b", "u1", Some(1))], &schema());
    assert_eq!(ordering, Ordering::default());
}

#[test]
fn a_rename_frees_a_name_for_a_new_record() {
    expect(&[("u1", "ann", "anne"), ("u2", "", "ann")], &["1 Releases 0", "2 Users 0"]);
}

#[test]
fn a_chain_is_done_from_its_free_end() {
    expect(&[("u1", "a", "b"), ("u2", "b", "c"), ("u3", "c", "d")], &["1 Updates 0", "2 Releases 1", "3 Releases 0"]);
}

#[test]
fn who_waits_for_two_comes_after_the_later() {
    let renames = [("u1", "a", "z"), ("u2", "b", "c"), ("u3", "c", "y"), ("u4", "d", "a"), ("u5", "e", "d")];
    for turned in [false, true] {
        let mut wants = wants(&renames);
        wants.push(want(4, "b", "u2", Some(2)));
        if turned {
            wants.reverse();
        }
        assert_eq!(
            show(&order(&changes(&renames), &wants, &schema())),
            ["1 Releases 0", "2 Releases 1", "3 Releases 0", "4 Releases 2", "5 Updates 0"]
        );
    }
}

#[test]
fn two_that_swap_need_one_parking() {
    expect(
        &[("u2", "a", "b"), ("u1", "b", "a")],
        &["1 Releases 1", "2 Updates 0", "2 Releases 0 ~ user u1: login \"b@X.example\" -> \"parking-5c05c270@x.example\""],
    );
}

#[test]
fn a_ring_of_three_needs_one_parking_too() {
    expect(
        &[("u1", "a", "b"), ("u2", "b", "c"), ("u3", "c", "a")],
        &[
            "1 Updates 0",
            "2 Releases 2",
            "3 Releases 1",
            "1 Releases 0 ~ user u1: login \"a@X.example\" -> \"parking-5c05c270@x.example\"",
        ],
    );
}

#[test]
fn who_only_waits_for_a_ring_is_not_parked() {
    expect(
        &[("u9", "a", "b"), ("u8", "b", "a"), ("u1", "z", "y"), ("u2", "", "z")],
        &[
            "1 Releases 1",
            "2 Updates 0",
            "3 Releases 0",
            "4 Users 0",
            "2 Releases 0 ~ user u8: login \"b@X.example\" -> \"parking-770dd8f6@x.example\"",
        ],
    );
    let renames = [("u9", "a", "b"), ("u8", "b", "a"), ("u1", "z", "b")];
    let mut wants = wants(&renames);
    wants.retain(|want| (want.seq, want.freed_by) != (3, Some(2)));
    wants.push(want(3, "a", "u9", Some(1)));
    let ordering = order(&changes(&renames), &wants, &schema());
    assert_eq!(ordering.parkings.iter().map(|p| p.seq).collect::<Vec<_>>(), [2]);
    assert_eq!(ordering.placed.len(), 3);
}

#[test]
fn two_rings_are_broken_apart() {
    let renames = [("u1", "a", "b"), ("u2", "b", "a"), ("u3", "c", "d"), ("u4", "d", "c")];
    let ordering = order(&changes(&renames), &wants(&renames), &schema());
    assert_eq!(ordering.parkings.iter().map(|p| p.seq).collect::<Vec<_>>(), [1, 3]);
    assert!(ordering.held.is_empty());
}

#[test]
fn what_nothing_frees_is_held_and_so_is_who_waits_for_it() {
    let renames = [("u1", "a", "b"), ("u2", "", "a")];
    let wants = [want(1, "b", "u9", None), want(2, "a", "u1", Some(1))];
    assert_eq!(
        show(&order(&changes(&renames), &wants, &schema())),
        [
            "1 ! user u1: held (conflict): login: \"b@x.example\" belongs to user u9 (record r-u9), \
             and no change of this run frees it: give one of them another value",
            "2 ! user u2: held (conflict): login: \"a@x.example\" belongs to user u1 (record r-u1), \
             and the change that would free it is held itself",
        ]
    );
}

#[test]
fn a_ring_behind_a_held_change_is_held() {
    let renames = [("u1", "a", "b"), ("u2", "b", "a")];
    let mut wants = wants(&renames);
    wants.push(want(1, "c", "u9", None));
    let ordering = order(&changes(&renames), &wants, &schema());
    assert_eq!(ordering.held.iter().map(|held| held.seq).collect::<Vec<_>>(), [1, 2]);
    assert!(ordering.placed.is_empty() && ordering.parkings.is_empty());
}

#[test]
fn a_value_that_a_deletion_frees_is_for_the_next_run() {
    let mut changes = changes(&[("u2", "", "a")]);
    let leaver = One::user("u1").removal(Removal::DELETE).linked(json!({})).has(json!({"login": "a@x.example"}));
    changes.insert(2, leaver.only());
    let ordering = order(&changes, &[want(1, "a", "u1", Some(2))], &schema());
    assert_eq!(
        show(&ordering),
        ["1 ! user u2: held (conflict): login: \"a@x.example\" belongs to user u1 (record r-u1), \
          which this run deletes at its end: the value is free for the next"]
    );
    let pair = Suspicion::Recreated {
        attribute: "login".into(),
        value: "a@x.example".into(),
        deleted: ObjectRef::user("u1"),
        created: ObjectRef::user("u2"),
    };
    assert_eq!(ordering.recreated, [pair]);
}

#[test]
fn only_a_new_record_is_a_recreation() {
    let mut changes = changes(&[("u2", "b", "a"), ("u3", "", "b")]);
    let leaver = One::user("u1").removal(Removal::DELETE).linked(json!({})).has(json!({"login": "a@x.example"}));
    changes.insert(3, leaver.only());
    let wants = [want(1, "a", "u1", Some(3)), want(2, "b", "u2", Some(1))];
    assert_eq!(order(&changes, &wants, &schema()).recreated, []);
}

fn leaver() -> Change {
    One::user("u1")
        .wants(json!({"login": "b@x.example", "enabled": false}))
        .linked(json!({}))
        .has(json!({"login": "a@x.example", "enabled": true}))
        .only()
}

#[test]
fn a_held_rename_still_blocks_the_sign_in() {
    let changes = BTreeMap::from([(1, leaver())]);
    let ordering = order(&changes, &[want(1, "b", "u9", None)], &schema());
    let lines = show(&ordering);
    assert_eq!(lines[0], "1 - user u1: enabled true -> false".replace("- ", "~ "));
    assert!(lines[1].starts_with("1 ! user u1: held (conflict)"), "{lines:?}");
}

#[test]
fn a_leaver_stays_first_unless_it_must_wait() {
    let mut frees = changes(&[("u2", "", "a")]);
    frees.insert(2, leaver());
    assert_eq!(show(&order(&frees, &[want(1, "a", "u1", Some(2))], &schema())), ["1 Users 0", "2 Leavers 0"]);
    let mut waits = changes(&[("u2", "b", "c")]);
    waits.insert(2, leaver());
    assert_eq!(show(&order(&waits, &[want(2, "b", "u2", Some(1))], &schema())), ["1 Releases 0", "2 Releases 1"]);
}

#[test]
fn a_parked_list_loses_the_contested_values_alone() {
    let swap = |object: &str, id: &str, from: &str, to: &str| {
        let known = json!({"mails": [format!("{from}@X.example"), "own@x.example"]});
        let wanted = json!({"mails": [format!("{to}@x.example"), "own@x.example"]});
        let mut one = One::user(object).wants(wanted).linked(json!({})).has(known);
        one.state.link.as_mut().unwrap().id = id.into();
        one.only()
    };
    let changes = BTreeMap::from([(1, swap("u1", "r1", "a", "b")), (2, swap("u2", "r2", "b", "a"))]);
    let mails = |want: Dependency| Dependency { attribute: "mails".into(), ..want };
    let wants = [mails(want(1, "b", "u2", Some(2))), mails(want(2, "a", "u1", Some(1)))];
    let ordering = order(&changes, &wants, &schema());
    assert_eq!(
        line(&Decision::Change(ordering.parkings[0].change.clone())),
        "~ user u1: mails [\"a@X.example\",\"own@x.example\"] -> [\"own@x.example\"]"
    );
}
