use entrain_model::{Limit, Limits, ObjectRef};

use crate::{Counts, Population, Recreated, Verdict, judge};

const POPULATION: Population = Population { users: 250, groups: 40, references: 2_000 };

fn reasons(counts: &Counts) -> Vec<String> {
    match judge(counts, &POPULATION, &Limits::default()) {
        Verdict::Apply => Vec::new(),
        Verdict::NeedsApproval(reasons) => reasons,
    }
}

#[test]
fn within_the_limits_a_run_goes_on() {
    assert_eq!(reasons(&Counts { disable: 10, delete: 10, remove_reference: 40, ..Counts::default() }), [""; 0]);
}

#[test]
fn beyond_a_limit_the_reason_has_the_numbers() {
    let counts = Counts { disable: 44, delete: 11, remove_reference: 41, ..Counts::default() };
    assert_eq!(
        reasons(&counts),
        [
            "the run would block the sign-in of 44 users; 10 are allowed without approval \
             (the larger of 10 and 2 % of 250 linked users)",
            "the run would delete 11 records; 10 are allowed without approval (the larger of 10 and 2 % of 290 linked records)",
            "the run would take away 41 references; 40 are allowed without approval \
             (the larger of 10 and 2 % of 2000 references between linked records)",
        ]
    );
}

#[test]
fn a_limit_of_nothing_stops_the_first() {
    let limits = Limits { delete: Limit { count: 0, percent: 0.0 }, ..Limits::default() };
    let counts = Counts { delete: 1, ..Counts::default() };
    let Verdict::NeedsApproval(reasons) = judge(&counts, &POPULATION, &limits) else { panic!("not stopped") };
    assert!(reasons[0].starts_with("the run would delete 1 record; 0 are allowed"), "{reasons:?}");
}

#[test]
fn deleting_and_making_one_login_needs_approval() {
    let pair = Recreated {
        attribute: "login".into(),
        value: "ann@x.example".into(),
        deleted: ObjectRef::user("old"),
        created: ObjectRef::user("new"),
    };
    assert_eq!(
        reasons(&Counts { recreated: vec![pair], ..Counts::default() }),
        ["the run would delete the record of user old and make one for user new with the same login \"ann@x.example\": \
          if this is one person or group under a new id, give it back its old id in the source"]
    );
}
