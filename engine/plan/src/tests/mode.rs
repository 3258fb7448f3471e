use entrain_model::{Action, DesiredRecord, Evidence, Kind, Mode, ObjectRef, Relation, Sessions};

use crate::{Origin, permits};

/// Every action, and whether it is permitted in mode create-only and in mode upsert.
fn table() -> Vec<(Action, Origin, bool, bool)> {
    let (id, record) = (|| "r1".into(), DesiredRecord::default);
    let link = |write_anchor| Action::Link { id: id(), evidence: Evidence::Anchor, write_anchor };
    let add = || Action::AddReference { relation: Relation::Member, to: ObjectRef::user("u1") };
    let remove = Action::RemoveReference { relation: Relation::Member, to_kind: Kind::User, to: id() };
    vec![
        (link(false), Origin::Found, true, true),
        (link(true), Origin::Found, false, true),
        (Action::Unlink { id: id() }, Origin::Found, true, true),
        (Action::Create { record: record() }, Origin::Found, true, true),
        (Action::Restore { id: id(), record: record() }, Origin::Found, true, true),
        (Action::Update { id: id(), edits: Vec::new() }, Origin::Made, false, true),
        (add(), Origin::Found, false, true),
        (add(), Origin::Made, true, true),
        (remove, Origin::Made, false, false),
        (Action::Disable { id: id(), sessions: Sessions::End }, Origin::Made, false, false),
        (Action::RevokeSessions { id: id() }, Origin::Made, false, false),
        (Action::Issue { id: id(), login: "a".into() }, Origin::Found, true, true),
        (Action::Delete { id: id() }, Origin::Made, false, false),
    ]
}

#[test]
fn each_mode_permits_what_it_says() {
    for (action, origin, create_only, upsert) in table() {
        assert_eq!(permits(Mode::CreateOnly, &action, origin), create_only, "create-only {action:?} {origin:?}");
        assert_eq!(permits(Mode::Upsert, &action, origin), upsert, "upsert {action:?} {origin:?}");
        assert!(permits(Mode::Full, &action, origin) && permits(Mode::Observe, &action, origin));
    }
}
