use entrain_model::{Allowance, Kind, Limit, Limits, ObjectRef, Operation, Rule, Share};

use crate::{Count, Suspicion, Verdict, judge};

fn rule(operation: Operation, kind: Kind, share: Share) -> Rule {
    Limits::default().rule(operation, kind, share).expect("a default").clone()
}

fn count(rule: &Rule, run: u64, population: u64) -> Count<'_> {
    Count { rule, about: String::new(), run, hour: run, day: run, population }
}

fn reasons(counts: &[Count<'_>]) -> Vec<String> {
    match judge(counts, &[]) {
        Verdict::Apply => Vec::new(),
        Verdict::NeedsApproval(reasons) => reasons.into_iter().map(|reason| reason.text).collect(),
    }
}

/// The most of it that one run may do by default.
fn most(rule: &Rule, population: u64) -> u64 {
    (0..).find(|n| !reasons(&[count(rule, n + 1, population)]).is_empty()).expect("an end")
}

#[test]
fn the_defaults_are_safe_for_small_and_large() {
    let (users, groups) = (Kind::User, Kind::Group);
    for (operation, kind, share, expected) in [
        (Operation::Disable, users, Share::Linked, [3, 3, 3, 3, 20, 250, 250]),
        (Operation::Create, users, Share::Linked, [100, 100, 100, 100, 100, 1_250, 5_000]),
        (Operation::Unlink, users, Share::Linked, [3, 3, 3, 3, 20, 100, 100]),
        (Operation::Unlink, groups, Share::Linked, [3, 3, 3, 3, 20, 100, 100]),
        (Operation::Link, users, Share::Linked, [10, 10, 10, 10, 20, 250, 500]),
        (Operation::Change, users, Share::Linked, [25, 25, 25, 25, 50, 625, 5_000]),
        (Operation::AddReference, users, Share::Linked, [25, 25, 25, 25, 50, 625, 5_000]),
        (Operation::AddReference, groups, Share::Linked, [125, 125, 125, 125, 125, 625, 10_000]),
        (Operation::AddReference, groups, Share::EachGroup, [100, 100, 100, 100, 500, 2_000, 2_000]),
    ] {
        let rule = rule(operation, kind, share);
        assert_eq!([0, 1, 50, 150, 1_000, 12_500, 500_000].map(|n| most(&rule, n)), expected, "{operation:?} {kind} {share:?}");
    }
}

#[test]
fn beyond_a_limit_the_reason_has_the_numbers() {
    let (users, groups) =
        (rule(Operation::Disable, Kind::User, Share::Linked), rule(Operation::Delete, Kind::Group, Share::Linked));
    let (all, each) = (
        rule(Operation::RemoveReference, Kind::Group, Share::Linked),
        rule(Operation::RemoveReference, Kind::Group, Share::EachGroup),
    );
    let clear = rule(Operation::Clear, Kind::User, Share::Linked);
    let (made, forgotten) =
        (rule(Operation::Create, Kind::User, Share::Linked), rule(Operation::Unlink, Kind::Group, Share::Linked));
    let counts = [
        count(&made, 101, 0),
        count(&forgotten, 4, 40),
        count(&users, 44, 250),
        count(&groups, 4, 40),
        count(&all, 201, 10_000),
        Count { about: "g1".into(), ..count(&each, 51, 100) },
        Count { about: "title".into(), ..count(&clear, 13, 250) },
    ];
    assert_eq!(
        reasons(&counts),
        [
            "the run would make or restore 101 users; 100 are allowed in one run without approval \
             (at most 5000, and at most 10 % of 0 linked users, taken as 1000)",
            "the run would give up the records of 4 groups; 3 are allowed in one run without approval \
             (at most 100, and at most 2 % of 40 linked groups, taken as 150)",
            "the run would block the sign-in of 44 users; 5 are allowed in one run without approval \
             (at most 250, and at most 2 % of 250 linked users)",
            "the run would delete 4 groups; 3 are allowed in one run without approval \
             (at most 100, and at most 2 % of 40 linked groups, taken as 150)",
            "the run would take away 201 references of groups; 200 are allowed in one run without approval \
             (at most 5000, and at most 2 % of 10000 references between linked records)",
            "the run would take 51 references away from group g1; 50 are allowed in one run without approval \
             (at most 1000, and at most 50 % of 100 references that it has)",
            "the run would clear title of 13 users; 12 are allowed in one run without approval \
             (at most 1000, and at most 5 % of 250 linked users)",
        ]
    );
}

#[test]
fn what_many_small_runs_did_counts() {
    let rule = rule(Operation::Disable, Kind::User, Share::Linked);
    assert_eq!(reasons(&[Count { hour: 3, day: 7, ..count(&rule, 1, 50) }]), [""; 0]);
    assert_eq!(
        reasons(&[Count { hour: 4, day: 4, ..count(&rule, 1, 50) }]),
        ["with what was done before, the run would block the sign-in of 4 users within an hour; 3 are allowed within an hour \
          without approval (at most 250, and at most 2 % of 50 linked users, taken as 150)"]
    );
    assert!(reasons(&[Count { hour: 1, day: 8, ..count(&rule, 1, 50) }])[0].contains("8 users within 24 hours; 7 are allowed"));
    assert_eq!(reasons(&[Count { hour: 9, day: 9, ..count(&rule, 0, 50) }]), [""; 0], "a run that does none is not to blame");
}

#[test]
fn a_limit_of_nothing_stops_the_first() {
    let rule = Rule { allowance: Allowance::of(Limit::of(0)), ..rule(Operation::Delete, Kind::User, Share::Linked) };
    assert_eq!(reasons(&[count(&rule, 1, 250)]), ["the run would delete 1 user; 0 are allowed in one run without approval"]);
}

#[test]
fn what_is_suspicious_needs_approval_whatever_its_number() {
    let told = |suspicion| match judge(&[], &[suspicion]) {
        Verdict::NeedsApproval(reasons) => reasons.into_iter().map(|reason| reason.text).collect::<Vec<_>>().join("; "),
        Verdict::Apply => String::new(),
    };
    let pair = Suspicion::Recreated {
        attribute: "login".into(),
        value: "ann@x.example".into(),
        deleted: ObjectRef::user("old"),
        created: ObjectRef::user("new"),
    };
    assert_eq!(
        told(pair),
        "the run would delete the record of user old and make one for user new with the same login \"ann@x.example\": \
         if this is one person or group under a new id, give it back its old id in the source"
    );
    assert_eq!(
        told(Suspicion::Emptied { what: "user".into(), linked: 3 }),
        "the source has not a single user, and 3 are linked: if an import failed or a mount is lost, fill the source again"
    );
    assert_eq!(
        told(Suspicion::Vanished { kind: Kind::User, linked: 3 }),
        "not one record of the 3 linked users is in the target any more: look whether it is the right tenant, and in its audit log \
         who deleted them, before they are made anew"
    );
    assert_eq!(
        told(Suspicion::Unmatched { kind: Kind::User, made: 300, unclaimed: 250 }),
        "the run would make 300 users in a target that no full run has filled yet, and 250 are there that nobody claims: if they \
         are the same, change [target.match], else each gets a second record; `entrain adoption` lists both. One approval is enough, \
         however many runs the filling takes"
    );
    assert_eq!(
        told(Suspicion::Awaited { changes: 1, run: "r".into() }),
        "1 change of this run is part of run r, which waits for approval"
    );
}
