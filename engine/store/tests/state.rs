//! Desired state, mirror, and what a run plans from.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::cloned_ref_to_slice_refs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::*;
use entrain_model::*;
use entrain_store::*;
use serde_json::json;

on_both!(
    a_state_joins_what_is_known,
    an_object_without_a_row_is_not_taken_for_gone,
    candidates_come_by_key_in_order,
    an_anchor_is_compared_by_case,
    rivals_and_links_of_a_candidate_are_named,
    contests_name_who_wants_and_who_has,
    a_full_read_replaces_and_loses_what_it_did_not_see,
    an_incremental_read_merges_and_loses_nothing,
    slices_of_one_record_are_merged,
    a_cursor_is_kept_until_it_is_forgotten,
    the_recycle_bin_is_complete_only_with_proof,
    holders_of_roles_are_privileged,
    an_unknown_outcome_is_forgotten,
    a_new_key_is_indexed_from_what_is_known,
    objects_are_paged_users_first,
    rows_of_objects_that_are_gone_are_pruned,
    a_row_stands_as_long_as_what_it_was_made_from,
    names_are_kept_by_ruling,
    entering_and_leaving_moves_the_link,
    unchanged_rows_are_not_rewritten,
);

fn proof(since: Option<&str>, cursor: &str) -> Proof {
    let since = since.map(|since| Cursor(since.into()));
    Proof::last_page_seen(1, since.as_ref(), Some(Cursor(cursor.into())))
}

async fn complete(store: &Store, kind: Kind, proof: &Proof, generation: i64) {
    let attributes = BTreeSet::from(["login".to_owned()]);
    store.complete_mirror(&target(), kind, proof, &attributes, generation).await.unwrap();
}

/// One source user that is present with this login.
async fn one_present(store: &Store, id: &str, login: &str) -> ObjectRef {
    let object = ObjectRef::user(id);
    write(store, &[user(id)]).await;
    let row = present(&object, version(store, &object).await, login);
    store.put_desired(&target(), &[row]).await.unwrap();
    object
}

async fn a_state_joins_what_is_known(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "One@corp.example").await;
    let generation = store.next_generation(&target()).await.unwrap();
    let mut seen = record(Kind::User, "t1", json!({ "login": "One@corp.example", "anchor": anchor_value(&u1), "mail": null }));
    seen.unwritable = Some("dynamic".into());
    mirror(&store, Kind::User, Reading::Full, generation, &[seen]).await;
    link(&store, &u1, "t1").await;
    store.park(&target(), &u1, Some("asked")).await.unwrap();
    let state = &store.states(&target(), generation, &[u1.clone()], &anchors(&[u1.clone()])).await.unwrap()[0];
    assert_eq!(state.basis, Basis { source: 1, link: 2, epoch: 1 }, "parking moved the link");
    assert_eq!(state.desired, Desired::Present(wants(json!({ "login": "One@corp.example" }))));
    let link = state.link.clone().unwrap();
    assert_eq!((link.id, link.anchored), ("t1".into(), true));
    let actual = state.actual.clone().unwrap();
    assert_eq!(actual.attributes, attributes(json!({ "login": "One@corp.example", "anchor": anchor_value(&u1), "mail": null })));
    assert!(!actual.is_shielded());
    assert_eq!((actual.anchor, actual.condition, actual.unwritable.as_deref()), (Anchor::Ours, Condition::Live, Some("dynamic")));
    assert_eq!((actual.mastered_elsewhere, actual.knowledge), (false, Knowledge::Fresh));
    assert_eq!((state.parked.as_deref(), state.unsettled), (Some("asked"), false));
    assert_eq!((state.candidates.len(), state.contests.len()), (0, 0), "its own record is no contest");
    let later = &store.states(&target(), generation + 1, &[u1.clone()], &anchors(&[u1.clone()])).await.unwrap()[0];
    assert_eq!(later.actual.as_ref().unwrap().knowledge, Knowledge::Remembered);
    store.park(&target(), &u1, None).await.unwrap();
    database.shell("update users set display_name = 'new'");
    let state = &states(&store, &[u1]).await[0];
    assert_eq!((state.basis.source, state.parked.clone()), (1, None), "planned from what was mapped, though the source moved on");
}

async fn an_object_without_a_row_is_not_taken_for_gone(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1"), user("u2"), SourceChange::RemoveUser("u2".into())]).await;
    let objects = [ObjectRef::user("u9"), ObjectRef::user("u2"), ObjectRef::user("u1")];
    let states = states(&store, &objects).await;
    assert_eq!(states.iter().map(|state| state.object.clone()).collect::<Vec<_>>(), objects, "in the order given");
    assert_eq!(states[0].desired, Desired::Absent(Why::NotInCompleteRead));
    assert_eq!((&states[1].desired, states[1].basis.source), (&Desired::Absent(Why::Tombstone), 2));
    assert_eq!(states[2].desired, Desired::Held(Hold::IncompleteRead));
}

async fn candidates_come_by_key_in_order(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "one@corp.example").await;
    mirror(
        &store,
        Kind::User,
        Reading::Full,
        1,
        &[
            record(Kind::User, "by-login", json!({ "login": "ONE@corp.example" })),
            Observed { condition: Condition::Deleted, ..record(Kind::User, "by-anchor", json!({ "anchor": anchor_value(&u1) })) },
            Observed { condition: Condition::Gone, ..record(Kind::User, "gone", json!({ "login": "one@corp.example" })) },
            record(Kind::User, "other", json!({ "login": "two@corp.example", "mail": "one@corp.example" })),
        ],
    )
    .await;
    mirror(&store, Kind::Group, Reading::Full, 1, &[record(Kind::Group, "group", json!({ "login": "one@corp.example" }))]).await;
    let state = &states(&store, &[u1.clone()]).await[0];
    let found: Vec<_> = state.candidates.iter().map(|c| (c.rank, c.actual.id.as_str(), c.actual.anchor.clone())).collect();
    assert_eq!(found, vec![(0, "by-anchor", Anchor::Ours), (2, "by-login", Anchor::Absent)]);
    assert_eq!(state.candidates[0].evidence, Evidence::Anchor);
    assert_eq!(state.candidates[1].evidence, Evidence::Key("login".into()));
    // The id that the source row carries.
    let mut row = present(&u1, 1, "nobody@corp.example");
    row.keys.push(Key { rank: 1, evidence: Evidence::TargetId, attribute: String::new(), value: "OTHER".into() });
    store.put_desired(&target(), &[row]).await.unwrap();
    let state = &states(&store, &[u1]).await[0];
    let found: Vec<_> = state.candidates.iter().map(|c| (c.rank, c.actual.id.as_str())).collect();
    assert_eq!(found, vec![(0, "by-anchor"), (1, "other")]);
}

async fn an_anchor_is_compared_by_case(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "one@corp.example").await;
    let other = anchor_value(&u1).to_ascii_lowercase();
    assert_ne!(other, anchor_value(&u1));
    mirror(&store, Kind::User, Reading::Full, 1, &[record(Kind::User, "t1", json!({ "anchor": other }))]).await;
    assert_eq!(states(&store, &[u1]).await[0].candidates, vec![]);
}

async fn rivals_and_links_of_a_candidate_are_named(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "same@corp.example").await;
    let u2 = one_present(&store, "u2", "Same@corp.example").await;
    let u3 = one_present(&store, "u3", "same@corp.example").await;
    let gone = one_present(&store, "u4", "same@corp.example").await;
    write(&store, &[SourceChange::RemoveUser(gone.id)]).await;
    mirror(
        &store,
        Kind::User,
        Reading::Full,
        1,
        &[
            record(Kind::User, "t1", json!({ "login": "same@corp.example" })),
            record(Kind::User, "t3", json!({ "login": "same@corp.example" })),
        ],
    )
    .await;
    link(&store, &u3, "t3").await;
    let state = &states(&store, &[u1]).await[0];
    assert_eq!(state.candidates.len(), 2);
    assert_eq!((state.candidates[0].actual.id.as_str(), &state.candidates[0].linked_to), ("t1", &None));
    assert_eq!((state.candidates[1].actual.id.as_str(), &state.candidates[1].linked_to), ("t3", &Some(u3)));
    assert_eq!(state.candidates[0].rivals, vec![u2], "neither the linked one nor the one that is gone");
}

async fn contests_name_who_wants_and_who_has(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "same@corp.example").await;
    let u2 = one_present(&store, "u2", "SAME@corp.example").await;
    let u3 = one_present(&store, "u3", "third@corp.example").await;
    mirror(
        &store,
        Kind::User,
        Reading::Full,
        1,
        &[
            record(Kind::User, "t1", json!({ "login": "same@corp.example" })),
            record(Kind::User, "t3", json!({ "login": "same@corp.example" })),
            Observed { condition: Condition::Deleted, ..record(Kind::User, "t4", json!({ "login": "same@corp.example" })) },
        ],
    )
    .await;
    link(&store, &u1, "t1").await;
    link(&store, &u3, "t3").await;
    let states = states(&store, &[u1.clone(), u2.clone(), u3.clone()]).await;
    let contest = |wanted_by: &[&ObjectRef], held_by: &[(&str, &ObjectRef)]| Contest {
        attribute: "login".into(),
        value: "same@corp.example".into(),
        wanted_by: wanted_by.iter().map(|object| (*object).clone()).collect(),
        held_by: held_by.iter().map(|(id, object)| (TargetId::from(*id), Some((*object).clone()))).collect(),
    };
    assert_eq!(states[0].contests, vec![contest(&[&u2], &[("t3", &u3)])]);
    assert_eq!(states[1].contests, vec![contest(&[&u1], &[("t1", &u1), ("t3", &u3)])]);
    assert_eq!(states[2].contests, vec![]);
}

async fn a_full_read_replaces_and_loses_what_it_did_not_see(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "one@corp.example").await;
    let first = store.next_generation(&target()).await.unwrap();
    let mut g = record(Kind::Group, "g", json!({ "name": "G" }));
    g.references =
        vec![refers(Relation::Member, "t1", true), refers(Relation::Member, "t2", true), refers(Relation::Owner, "t2", true)];
    let users = [
        record(Kind::User, "t1", json!({ "login": "one@corp.example", "title": "x" })),
        record(Kind::User, "t2", json!({ "login": "two@corp.example" })),
    ];
    mirror(&store, Kind::User, Reading::Full, first, &users).await;
    mirror(&store, Kind::Group, Reading::Full, first, &[g.clone()]).await;
    complete(&store, Kind::User, &proof(None, "c1"), first).await;
    complete(&store, Kind::Group, &proof(None, "c1"), first).await;
    link(&store, &u1, "t1").await;
    assert_eq!(store.mirror_counts(&target()).await.unwrap(), MirrorCounts { users: 2, groups: 1, references: 3 });

    let second = store.next_generation(&target()).await.unwrap();
    g.references = vec![refers(Relation::Owner, "t2", true)];
    mirror(&store, Kind::User, Reading::Full, second, &[record(Kind::User, "t2", json!({ "login": "zwei@corp.example" }))]).await;
    mirror(&store, Kind::Group, Reading::Full, second, &[g]).await;
    assert_eq!(store.mirror_counts(&target()).await.unwrap().users, 2, "nothing is lost without proof");
    complete(&store, Kind::User, &proof(None, "c2"), second).await;
    complete(&store, Kind::Group, &proof(None, "c2"), second).await;
    assert_eq!(store.mirror_counts(&target()).await.unwrap(), MirrorCounts { users: 1, groups: 1, references: 1 });
    let state = &states(&store, &[u1.clone()]).await[0];
    assert_eq!(state.actual.as_ref().unwrap().condition, Condition::Gone, "a linked record is kept as gone");
    let u2 = one_present(&store, "u2", "two@corp.example").await;
    assert_eq!(states(&store, &[u2.clone()]).await[0].candidates, vec![], "the old key is gone");
    one_present(&store, "u2", "ZWEI@corp.example").await;
    assert_eq!(states(&store, &[u2]).await[0].candidates.len(), 1);
}

async fn an_incremental_read_merges_and_loses_nothing(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "one@corp.example").await;
    let mut g = record(Kind::Group, "g", json!({}));
    g.references = vec![refers(Relation::Member, "t1", true), refers(Relation::Member, "t2", true)];
    let mut mastered =
        record(Kind::User, "t1", json!({ "login": "one@corp.example", "address": { "city": "Bern", "zip": "1" } }));
    mastered.mastered_elsewhere = Some(true);
    let (t2, silent) = (record(Kind::User, "t2", json!({ "login": "b" })), record(Kind::User, "t5", json!({ "login": "c" })));
    mirror(&store, Kind::User, Reading::Full, 1, &[mastered, t2, silent]).await;
    mirror(&store, Kind::Group, Reading::Full, 1, &[g.clone()]).await;
    link(&store, &u1, "t1").await;
    let change = record(Kind::User, "t1", json!({ "title": "new", "address": { "city": "Basel" } }));
    let deleted = Observed { condition: Condition::Deleted, ..record(Kind::User, "t2", json!({})) };
    mirror(&store, Kind::User, Reading::Changes, 2, &[change, deleted]).await;
    complete(&store, Kind::User, &proof(Some("c1"), "c2"), 2).await;
    let actual = states(&store, &[u1.clone()]).await[0].actual.clone().unwrap();
    assert_eq!(
        serde_json::to_value(&actual.attributes).unwrap(),
        json!({ "login": "one@corp.example", "title": "new", "address": { "city": "Basel", "zip": "1" } })
    );
    assert!(actual.mastered_elsewhere, "silence of an incremental read says nothing");
    let released = Observed { mastered_elsewhere: Some(false), ..record(Kind::User, "t1", json!({})) };
    mirror(&store, Kind::User, Reading::Changes, 2, &[released]).await;
    assert!(!states(&store, &[u1.clone()]).await[0].actual.clone().unwrap().mastered_elsewhere, "it is said to be over");
    assert_eq!(
        store.mirror_counts(&target()).await.unwrap(),
        MirrorCounts { users: 2, groups: 1, references: 1 },
        "only live ones are members"
    );
    g.references =
        vec![refers(Relation::Member, "t1", false), refers(Relation::Member, "t3", true), refers(Relation::Member, "t3", false)];
    mirror(&store, Kind::Group, Reading::Changes, 3, &[g.clone()]).await;
    assert_eq!(store.mirror_counts(&target()).await.unwrap().references, 0);
    // A user has one manager.
    let mut managed = record(Kind::User, "t1", json!({}));
    managed.references = vec![refers(Relation::Manager, "t8", true)];
    mirror(&store, Kind::User, Reading::Changes, 4, &[managed.clone()]).await;
    managed.references = vec![refers(Relation::Manager, "t9", true)];
    mirror(&store, Kind::User, Reading::Changes, 5, &[managed]).await;
    assert_eq!(store.mirror_counts(&target()).await.unwrap().references, 1);
    assert_eq!(database.shell("select to_id from mirror_refs"), "t9");
}

async fn slices_of_one_record_are_merged(database: Arc<Database>) {
    let store = with_target(&database).await;
    mirror(&store, Kind::Group, Reading::Full, 1, &[record(Kind::Group, "g", json!({ "old": 1 }))]).await;
    let slice = |value, members: std::ops::Range<u32>| {
        let mut record = record(Kind::Group, "g", value);
        record.references = members.map(|n| refers(Relation::Member, &format!("t{n}"), true)).collect();
        record
    };
    mirror(&store, Kind::Group, Reading::Full, 2, &[slice(json!({ "login": "g" }), 0..10), slice(json!({}), 10..20)]).await;
    mirror(&store, Kind::Group, Reading::Full, 2, &[slice(json!({}), 20..30)]).await;
    complete(&store, Kind::Group, &proof(None, "c"), 2).await;
    assert_eq!(store.mirror_counts(&target()).await.unwrap(), MirrorCounts { users: 0, groups: 1, references: 30 });
    assert_eq!(database.shell("select attributes from mirror"), r#"{"login":"g"}"#);
}

async fn a_cursor_is_kept_until_it_is_forgotten(database: Arc<Database>) {
    let store = with_target(&database).await;
    assert_eq!(store.mirror_cursor(&target(), Kind::User).await.unwrap(), None);
    complete(&store, Kind::User, &proof(None, "c1"), 1).await;
    let first = store.mirror_cursor(&target(), Kind::User).await.unwrap().unwrap();
    assert_eq!((first.cursor, first.attributes), (Cursor("c1".into()), BTreeSet::from(["login".to_owned()])));
    assert!((store.now() - first.full_at).abs() < 5_000);
    complete(&store, Kind::User, &proof(Some("c1"), "c2"), 2).await;
    let second = store.mirror_cursor(&target(), Kind::User).await.unwrap().unwrap();
    assert_eq!((second.cursor, second.full_at), (Cursor("c2".into()), first.full_at), "an incremental read is no enumeration");
    assert_eq!(store.mirror_cursor(&target(), Kind::Group).await.unwrap(), None);
    store.index_mirror(&target(), Kind::User, "anchor", &keys()).await.unwrap();
    assert!(store.mirror_cursor(&target(), Kind::User).await.unwrap().is_some());
    store.forget_cursor(&target(), Kind::User).await.unwrap();
    assert_eq!(store.mirror_cursor(&target(), Kind::User).await.unwrap(), None);
}

async fn the_recycle_bin_is_complete_only_with_proof(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "one@corp.example").await;
    let deleted =
        |id: &str| Observed { condition: Condition::Deleted, ..record(Kind::User, id, json!({ "login": "one@corp.example" })) };
    mirror(&store, Kind::User, Reading::RecycleBin, 1, &[deleted("t1"), deleted("t2")]).await;
    mirror(&store, Kind::User, Reading::Full, 1, &[record(Kind::User, "t3", json!({}))]).await;
    mirror(&store, Kind::User, Reading::RecycleBin, 2, &[deleted("t2")]).await;
    assert_eq!(states(&store, &[u1.clone()]).await[0].candidates.len(), 2);
    store.complete_recycle_bin(&target(), Kind::User, &proof(None, "c"), 2).await.unwrap();
    let left: Vec<_> = states(&store, &[u1]).await[0].candidates.iter().map(|c| c.actual.id.to_string()).collect();
    assert_eq!(left, vec!["t2"]);
    assert_eq!(store.mirror_counts(&target()).await.unwrap().users, 1, "the living are not in the bin");
}

async fn holders_of_roles_are_privileged(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "one@corp.example").await;
    let privileged = async || states(&store, &[u1.clone()]).await[0].candidates[0].actual.is_shielded();
    store.put_privileged(&target(), &holders(&["t1", "t7"]), &proof(None, "c")).await.unwrap();
    mirror(&store, Kind::User, Reading::Full, 1, &[record(Kind::User, "t1", json!({ "login": "one@corp.example" }))]).await;
    assert!(privileged().await, "also when the record came later");
    store.put_privileged(&target(), &holders(&["t7"]), &proof(None, "c")).await.unwrap();
    assert!(!privileged().await);
    let by_nature = Observed {
        protection: BTreeSet::from([Protection::Guest]),
        ..record(Kind::User, "t1", json!({ "login": "one@corp.example" }))
    };
    mirror(&store, Kind::User, Reading::Lookup, 2, &[by_nature]).await;
    assert!(privileged().await);
}

async fn an_unknown_outcome_is_forgotten(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "one@corp.example").await;
    let known = json!({ "login": "one@corp.example", "title": "x", "ext": { "a": 1, "b": 2 } });
    mirror(&store, Kind::User, Reading::Full, 1, &[record(Kind::User, "t1", known)]).await;
    link(&store, &u1, "t1").await;
    store.accept_stored(&target(), &[(u1.clone(), attributes(json!({ "title": "X", "city": "Y" })))]).await.unwrap();
    let forgotten = ["login", "ext.a", "title"].map(str::to_owned);
    store.mark_unknown(&target(), Kind::User, &"t1".into(), &forgotten).await.unwrap();
    let state = &states(&store, &[u1]).await[0];
    let actual = state.actual.as_ref().unwrap();
    assert_eq!(actual.attributes, attributes(json!({ "ext": { "b": 2 } })));
    assert_eq!(
        (actual.value("login"), state.link.as_ref().unwrap().stored.clone()),
        (Value::Unknown, attributes(json!({ "city": "Y" })))
    );
    let u2 = one_present(&store, "u2", "one@corp.example").await;
    assert_eq!(states(&store, &[u2]).await[0].candidates, vec![], "its key is not known any more");
    store.mark_unknown(&target(), Kind::User, &"t9".into(), &forgotten).await.unwrap();
}

async fn a_new_key_is_indexed_from_what_is_known(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "one@corp.example").await;
    let mut row = present(&u1, 1, "nobody@corp.example");
    row.keys =
        vec![Key { rank: 2, evidence: Evidence::Key("ext.badge".into()), attribute: "ext.badge".into(), value: "B7".into() }];
    store.put_desired(&target(), &[row]).await.unwrap();
    let users: Vec<_> =
        (0..600).map(|n| record(Kind::User, &format!("t{n}"), json!({ "ext": { "badge": format!("b{n}") } }))).collect();
    mirror(&store, Kind::User, Reading::Full, 1, &users).await;
    assert_eq!(states(&store, &[u1.clone()]).await[0].candidates, vec![]);
    store.index_mirror(&target(), Kind::User, "anchor", &["ext.badge".to_owned()]).await.unwrap();
    assert_eq!(states(&store, &[u1]).await[0].candidates[0].actual.id, "t7".into());
}

async fn objects_are_paged_users_first(database: Arc<Database>) {
    let store = with_target(&database).await;
    let objects =
        [ObjectRef::user("b"), ObjectRef::user("a"), ObjectRef::user("Z"), ObjectRef::group("a"), ObjectRef::group("c")];
    let rows: Vec<_> = objects.iter().map(|object| plain(object, 1, Desired::OutOfScope(Why::Predicate))).collect();
    store.put_desired(&target(), &rows[..4]).await.unwrap();
    write(&store, &[user("linked")]).await;
    link(&store, &ObjectRef::user("linked"), "t1").await;
    store.put_desired(&target(), &[plain(&ObjectRef::user("linked"), 1, Desired::OutOfScope(Why::Predicate))]).await.unwrap();
    database.shell("delete from desired where id = 'linked'");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.object_page(&target(), after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        seen.extend(page);
    }
    let expected = ["Z", "a", "b", "linked"].map(ObjectRef::user).into_iter().chain([ObjectRef::group("a")]).collect::<Vec<_>>();
    assert_eq!(seen, expected);
    assert_eq!(store.links(&target(), None, 10).await.unwrap().len(), 1);
    assert_eq!(store.links(&target(), Some(&ObjectRef::user("linked")), 10).await.unwrap().len(), 0);
}

async fn rows_of_objects_that_are_gone_are_pruned(database: Arc<Database>) {
    let store = with_target(&database).await;
    for id in ["stays", "gone", "linked"] {
        one_present(&store, id, id).await;
    }
    link(&store, &ObjectRef::user("linked"), "t1").await;
    write(&store, &[SourceChange::RemoveUser("gone".into()), SourceChange::RemoveUser("linked".into())]).await;
    assert_eq!(store.prune_desired(&target()).await.unwrap(), 1);
    assert_eq!(database.shell("select id from desired order by id"), "linked\nstays");
    assert_eq!(database.shell("select count(*) from desired_keys where id = 'gone'"), "0");
    assert_eq!(database.shell("select count(*) from desired_unique where id = 'gone'"), "0");
    assert_eq!(store.prune_desired(&target()).await.unwrap(), 0);
}

async fn entering_and_leaving_moves_the_link(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "one@corp.example").await;
    link(&store, &u1, "t1").await;
    let put = async |desired: Desired| {
        store.put_desired(&target(), &[DesiredRow { desired, ..present(&u1, 1, "one@corp.example") }]).await.unwrap();
        states(&store, &[u1.clone()]).await[0].basis.link
    };
    let here = || Desired::Present(wants(json!({ "login": "x" })));
    assert_eq!(put(here()).await, 1, "another value of the same object");
    assert_eq!(put(Desired::OutOfScope(Why::NotInScopeGroup)).await, 2);
    assert_eq!(put(Desired::OutOfScope(Why::Predicate)).await, 2);
    assert_eq!(put(here()).await, 3);
}

async fn unchanged_rows_are_not_rewritten(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = one_present(&store, "u1", "one@corp.example").await;
    let changes = || match database.sort {
        Sort::Sqlite => String::new(),
        Sort::Postgres => database.shell(
            "select (select string_agg(xmin::text, ',' order by rank) from desired_keys), (select min(xmin::text) from desired)",
        ),
    };
    let before = changes();
    store.put_desired(&target(), &[present(&u1, 1, "one@corp.example")]).await.unwrap();
    assert_eq!(changes(), before);
    let mut row = present(&u1, 1, "other@corp.example");
    row.keys.remove(0);
    store.put_desired(&target(), &[row]).await.unwrap();
    assert_eq!(database.shell("select value from desired_keys"), "other@corp.example");
    assert_eq!(database.shell("select value from desired_unique"), "other@corp.example");
}

/// The objects of a kind whose rows stand, and those of them that are outside the bounding group.
async fn standing(store: &Store, kind: Kind, ruling: &str) -> (Vec<String>, Vec<String>) {
    let (mut mapped, mut outside, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = store.standing_page(&target(), kind, ruling, after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { return (mapped, outside) };
        after = Some(last.object.id.clone());
        mapped.extend(page.iter().filter(|one| one.mapped).map(|one| one.object.id.to_string()));
        outside.extend(page.iter().filter(|one| one.outside).map(|one| one.object.id.to_string()));
    }
}

async fn a_row_stands_as_long_as_what_it_was_made_from(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("a"), user("b"), user("boss"), user("new"), user("out"), group("g")]).await;
    let row = |id: &str, version| present(&ObjectRef::user(id), version, id);
    let looked_up = |id: &str, boss: (&str, i64)| DesiredRow { looks_up: Some((boss.0.into(), boss.1)), ..row(id, 1) };
    let out = plain(&ObjectRef::user("out"), 1, Desired::OutOfScope(Why::NotInScopeGroup));
    let rows = [looked_up("a", ("boss", 1)), looked_up("b", ("nobody", 0)), row("boss", 1), out];
    store.put_desired(&target(), &rows).await.unwrap();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(standing(&store, Kind::User, "r1").await, (texts(&["a", "b", "boss", "out"]), texts(&["out"])));
    assert_eq!(standing(&store, Kind::User, "r2").await.0, texts(&[]));
    assert_eq!(standing(&store, Kind::Group, "r1").await.0, texts(&[]));
    // The record that was looked up changes; one that was missed comes into being.
    write(&store, &[SourceChange::PutUser(UserRow { display_name: Some("Boss".into()), ..UserRow::new("boss", "boss") })]).await;
    assert_eq!(standing(&store, Kind::User, "r1").await.0, texts(&["b", "out"]));
    write(&store, &[user("nobody")]).await;
    assert_eq!(standing(&store, Kind::User, "r1").await.0, texts(&["out"]));
    store.put_desired(&target(), &[looked_up("a", ("boss", 2)), row("boss", 2)]).await.unwrap();
    assert_eq!(standing(&store, Kind::User, "r1").await.0, texts(&["a", "boss", "out"]));
    // What was looked up is gone.
    write(&store, &[SourceChange::RemoveUser("boss".into())]).await;
    assert_eq!(standing(&store, Kind::User, "r1").await.0, texts(&["out"]));
    // The same state under another ruling is stored, too.
    store.put_desired(&target(), &[DesiredRow { ruling: "r2".into(), ..row("a", 1) }]).await.unwrap();
    assert_eq!(standing(&store, Kind::User, "r2").await.0, texts(&["a"]));
}

async fn names_are_kept_by_ruling(database: Arc<Database>) {
    let store = with_target(&database).await;
    let row = |id: &str, name: &str, ruling: &str| DesiredRow {
        desired: Desired::Present(wants(json!({ name: "x" }))),
        ruling: ruling.into(),
        ..present(&ObjectRef::user(id), 1, id)
    };
    store.put_desired(&target(), &[row("a", "one", "r1"), row("b", "two", "r1"), row("c", "two", "r1")]).await.unwrap();
    store
        .put_desired(&target(), &[row("a", "three", "r2"), plain(&ObjectRef::group("g"), 1, Desired::OutOfScope(Why::Predicate))])
        .await
        .unwrap();
    let names = |names: &[&str]| BTreeMap::from([(Kind::User, names.iter().map(|name| (*name).to_owned()).collect())]);
    assert_eq!(store.desired_names(&target(), "r1").await.unwrap(), names(&["one", "two"]));
    store.prune_desired_names(&target(), "r2").await.unwrap();
    assert_eq!(store.desired_names(&target(), "r1").await.unwrap(), BTreeMap::new());
    assert_eq!(store.desired_names(&target(), "r2").await.unwrap(), names(&["three"]));
}
