//! The difference of references.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::cloned_ref_to_slice_refs)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::*;
use entrain_model::*;
use entrain_store::*;
use serde_json::json;

on_both!(
    additions_removals_waits_and_itself,
    ends_that_are_not_ours_are_passed_over,
    a_manager_is_replaced_and_not_removed,
    records_that_must_not_be_written_have_no_changes,
    a_scope_sees_its_own_references,
    large_groups_are_paged,
    links_that_are_planned_count_as_made,
    what_does_not_differ_is_read_in_pages,
    the_end_of_a_run_forgets_what_it_was_to_link,
    tables_that_grow_are_measured,
);

fn gr(id: &str) -> ObjectRef {
    ObjectRef::group(id)
}
fn us(id: &str) -> ObjectRef {
    ObjectRef::user(id)
}
fn add(group: ObjectRef, relation: Relation, to: ObjectRef) -> ReferenceChange {
    ReferenceChange { object: group, relation, edit: ReferenceEdit::Add(to), moved: None }
}
fn remove(group: ObjectRef, relation: Relation, to: &str) -> ReferenceChange {
    ReferenceChange { object: group, relation, edit: ReferenceEdit::Remove { to_kind: Kind::User, to: to.into() }, moved: None }
}

/// All changes, read in pages of `rows`.
async fn all(store: &Store, run: &RunId, scope: ReferenceScope<'_>, rows: usize) -> Vec<ReferenceChange> {
    let (mut changes, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = store.reference_page(&target(), run, (scope, Leavers::Stay), after, rows).await.unwrap();
        assert!(page.len() <= rows.max(250), "a page is a page");
        // Who moved a reference has tests of its own.
        changes.extend(page.into_iter().map(|change| ReferenceChange { moved: None, ..change }));
        match next {
            Some(cursor) => after = Some(cursor),
            None => return changes,
        }
    }
}

async fn changes(store: &Store) -> Vec<ReferenceChange> {
    changes_of(store, &"nothing planned".into()).await
}

async fn changes_of(store: &Store, run: &RunId) -> Vec<ReferenceChange> {
    let whole = all(store, run, ReferenceScope::Everything, 1000).await;
    let one_by_one = all(store, run, ReferenceScope::Everything, 1).await;
    assert_eq!(whole, one_by_one, "the size of a page changes nothing");
    whole
}

async fn make_present(store: &Store, objects: &[ObjectRef]) {
    let records = store.source_records(objects).await.unwrap();
    let rows: Vec<_> = records.iter().map(|record| present(&record.object, record.version, record.object.id.as_str())).collect();
    store.put_desired(&target(), &rows).await.unwrap();
}

async fn make(store: &Store, object: &ObjectRef, desired: Desired) {
    let row = plain(object, version(store, object).await, desired);
    store.put_desired(&target(), &[row]).await.unwrap();
}

fn team(id: &str, members: &[&str]) -> Observed {
    Observed {
        references: members.iter().map(|to| refers(Relation::Member, to, true)).collect(),
        ..record(Kind::Group, id, json!({}))
    }
}

async fn additions_removals_waits_and_itself(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(
        &store,
        &[
            user("in"),
            user("new"),
            user("out"),
            user("held"),
            group("g"),
            group("h"),
            joins("g", us("in")),
            joins("g", us("new")),
            joins("g", us("held")),
            joins("g", gr("g")),
            joins("g", gr("h")),
            SourceChange::PutMembership(Membership { role: Role::Owner, ..member("g", us("in")) }),
        ],
    )
    .await;
    make_present(&store, &[us("in"), us("new"), us("out"), gr("g"), gr("h")]).await;
    make(&store, &us("held"), Desired::Held(Hold::Settling)).await;
    for (object, id) in [(gr("g"), "tg"), (us("in"), "t-in"), (us("out"), "t-out")] {
        link(&store, &object, id).await;
    }
    mirror(&store, Kind::Group, Reading::Full, 1, &[team("tg", &["t-in", "t-out", "t-foreign"])]).await;
    let waits =
        ReferenceChange { object: gr("g"), relation: Relation::Member, edit: ReferenceEdit::Waits(us("held")), moved: None };
    let itself = ReferenceChange { object: gr("g"), relation: Relation::Member, edit: ReferenceEdit::Itself, moved: None };
    assert_eq!(
        changes(&store).await,
        vec![
            itself,
            add(gr("g"), Relation::Member, gr("h")),
            waits,
            add(gr("g"), Relation::Member, us("new")),
            add(gr("g"), Relation::Owner, us("in")),
            remove(gr("g"), Relation::Member, "t-out"),
        ]
    );
}

async fn ends_that_are_not_ours_are_passed_over(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(
        &store,
        &[
            user("left"),
            user("gone"),
            user("never-linked"),
            user("outside"),
            user("unmapped"),
            group("g"),
            group("outer"),
            joins("g", us("outside")),
            joins("g", us("unmapped")),
            joins("g", us("never")),
            joins("outer", us("left")),
        ],
    )
    .await;
    make_present(&store, &[us("left"), us("gone"), gr("g")]).await;
    make(&store, &gr("outer"), Desired::OutOfScope(Why::GroupsOut)).await;
    make(&store, &us("outside"), Desired::OutOfScope(Why::Predicate)).await;
    for (object, id) in [(gr("g"), "tg"), (us("left"), "t-left"), (us("gone"), "t-gone"), (gr("outer"), "t-outer")] {
        link(&store, &object, id).await;
    }
    mirror(&store, Kind::Group, Reading::Full, 1, &[team("tg", &["t-left", "t-gone"]), team("t-outer", &["t-left", "t-gone"])])
        .await;
    assert_eq!(
        changes(&store).await,
        vec![remove(gr("g"), Relation::Member, "t-gone"), remove(gr("g"), Relation::Member, "t-left")]
    );
    // One left the scope, the other the source: both keep what they have.
    make(&store, &us("left"), Desired::OutOfScope(Why::NotInScopeGroup)).await;
    write(&store, &[SourceChange::RemoveUser("gone".into())]).await;
    assert_eq!(changes(&store).await, vec![]);
    // Nor does a group that is gone from the source.
    make_present(&store, &[us("left")]).await;
    assert_eq!(changes(&store).await.len(), 1);
    write(&store, &[SourceChange::RemoveGroup("g".into())]).await;
    assert_eq!(changes(&store).await, vec![]);
}

async fn a_manager_is_replaced_and_not_removed(database: Arc<Database>) {
    let store = with_target(&database).await;
    let managed = |id: &str, manager: Option<&str>| {
        SourceChange::PutUser(UserRow { manager: manager.map(SourceId::from), ..UserRow::new(id, id) })
    };
    write(
        &store,
        &[
            managed("moves", Some("b")),
            managed("free", None),
            managed("same", Some("a")),
            managed("self", Some("self")),
            managed("a", None),
            managed("b", None),
            managed("out", None),
            managed("to-out", Some("out")),
        ],
    )
    .await;
    let ids = ["moves", "free", "same", "self", "a", "b", "to-out"];
    make_present(&store, &ids.map(us)).await;
    make(&store, &us("out"), Desired::OutOfScope(Why::Predicate)).await;
    for id in ids {
        link(&store, &us(id), &format!("t-{id}")).await;
    }
    let reports =
        |id: &str| Observed { references: vec![refers(Relation::Manager, "t-a", true)], ..record(Kind::User, id, json!({})) };
    mirror(
        &store,
        Kind::User,
        Reading::Full,
        1,
        &[reports("t-moves"), reports("t-free"), reports("t-same"), reports("t-to-out")],
    )
    .await;
    let expected = vec![
        add(us("moves"), Relation::Manager, us("b")),
        ReferenceChange { object: us("self"), relation: Relation::Manager, edit: ReferenceEdit::Itself, moved: None },
        remove(us("free"), Relation::Manager, "t-a"),
        remove(us("to-out"), Relation::Manager, "t-a"),
    ];
    assert_eq!(changes(&store).await, expected);
    let scope: Vec<_> = ids.map(us).to_vec();
    let mut found = all(&store, &"nothing planned".into(), ReferenceScope::Only(&scope), 100).await;
    found.sort_by_key(|change| expected.iter().position(|other| other == change));
    assert_eq!(found, expected);
}

async fn records_that_must_not_be_written_have_no_changes(database: Arc<Database>) {
    let store = with_target(&database).await;
    let names = ["plain", "mastered", "dynamic", "role", "holder", "parked"];
    let mut rows = vec![user("u")];
    for name in names {
        rows.push(group(name));
        rows.push(joins(name, us("u")));
    }
    write(&store, &rows).await;
    make_present(&store, &names.map(gr)).await;
    make_present(&store, &[us("u")]).await;
    let mut records = Vec::new();
    for name in names {
        link(&store, &gr(name), name).await;
        let mut record = record(Kind::Group, name, json!({}));
        record.mastered_elsewhere = Some(name == "mastered");
        record.unwritable = (name == "dynamic").then(|| "dynamic".to_owned());
        record.protection = (name == "role").then_some(Protection::RoleGroup).into_iter().collect();
        records.push(record);
    }
    mirror(&store, Kind::Group, Reading::Full, 1, &records).await;
    let proof = Proof::last_page_seen(1, None, None);
    store.put_privileged(&target(), &holders(&["holder"]), &proof).await.unwrap();
    store.park(&target(), &gr("parked"), Some("asked")).await.unwrap();
    assert_eq!(changes(&store).await, vec![add(gr("plain"), Relation::Member, us("u"))]);
}

async fn a_scope_sees_its_own_references(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(
        &store,
        &[
            SourceChange::PutUser(UserRow { manager: Some("b".into()), ..UserRow::new("a", "a") }),
            user("b"),
            group("g"),
            group("h"),
            group("i"),
            joins("g", us("a")),
            joins("h", us("a")),
            joins("g", us("b")),
        ],
    )
    .await;
    make_present(&store, &[us("a"), us("b"), gr("g"), gr("h"), gr("i")]).await;
    let only = async |objects: &[ObjectRef]| {
        let whole = all(&store, &"nothing planned".into(), ReferenceScope::Only(objects), 100).await;
        assert_eq!(whole, all(&store, &"nothing planned".into(), ReferenceScope::Only(objects), 1).await);
        whole
    };
    assert_eq!(only(&[us("a")]).await, vec![add(us("a"), Relation::Manager, us("b"))]);
    assert_eq!(only(&[us("b"), gr("i")]).await, vec![]);
    let found = only(&[us("a"), us("b"), gr("g"), gr("i")]).await;
    assert_eq!(found.len(), 3);
    assert_eq!(found[1], add(gr("g"), Relation::Member, us("a")));
    assert_eq!(only(&[]).await, vec![]);
    for (object, id) in [(gr("i"), "ti"), (us("a"), "ta"), (us("b"), "tb")] {
        link(&store, &object, id).await;
    }
    mirror(&store, Kind::Group, Reading::Full, 1, &[team("ti", &["ta", "tb"])]).await;
    assert_eq!(only(&[gr("i")]).await, vec![remove(gr("i"), Relation::Member, "ta"), remove(gr("i"), Relation::Member, "tb")]);
}

async fn large_groups_are_paged(database: Arc<Database>) {
    let store = with_target(&database).await;
    let ids: Vec<String> = (0..3_000).map(|n| format!("u{n:05}")).collect();
    let mut rows: Vec<_> = ids.iter().map(|id| user(id)).collect();
    rows.push(group("g"));
    rows.extend(ids.iter().map(|id| joins("g", us(id))));
    write(&store, &rows).await;
    make_present(&store, &ids.iter().map(|id| us(id)).collect::<Vec<_>>()).await;
    make_present(&store, &[gr("g")]).await;
    let scope = [gr("g")];
    for scope in [ReferenceScope::Everything, ReferenceScope::Only(&scope)] {
        let found = all(&store, &"nothing planned".into(), scope, 250).await;
        let members: BTreeSet<_> = found.iter().map(|change| format!("{:?}", change.edit)).collect();
        assert_eq!((found.len(), members.len()), (3_000, 3_000));
    }
}

async fn links_that_are_planned_count_as_made(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("old"), user("new"), user("other"), group("g"), joins("g", us("old")), joins("g", us("new"))]).await;
    write(&store, &[joins("g", us("other"))]).await;
    make_present(&store, &[us("old"), us("new"), us("other"), gr("g")]).await;
    link(&store, &us("old"), "t-old").await;
    mirror(&store, Kind::Group, Reading::Full, 1, &[team("tg", &["t-old", "t-new"])]).await;
    let three = ["new", "old", "other"].map(|id| add(gr("g"), Relation::Member, us(id)));
    assert_eq!(changes(&store).await, three);
    let run = begin(&store).await;
    let to = |id: &str| Action::Link { id: id.into(), evidence: Evidence::Anchor, write_anchor: false };
    plan(&store, &run, &gr("g"), &to("tg"), Basis::default()).await;
    plan(&store, &run, &us("new"), &to("t-new"), Basis::default()).await;
    let missing = add(gr("g"), Relation::Member, us("other"));
    assert_eq!(changes_of(&store, &run).await, [missing.clone()]);
    let only = [gr("g")];
    assert_eq!(all(&store, &run, ReferenceScope::Only(&only), 10).await, [missing]);
    assert_eq!(changes(&store).await, three, "the plan of another run says nothing");
}

async fn what_does_not_differ_is_read_in_pages(database: Arc<Database>) {
    let store = with_target(&database).await;
    let ids: Vec<String> = (0..40).map(|n| format!("u{n:02}")).collect();
    let mut rows: Vec<_> = ids.iter().map(|id| user(id)).collect();
    rows.push(group("g"));
    rows.extend(ids.iter().map(|id| joins("g", us(id))));
    write(&store, &rows).await;
    make_present(&store, &ids.iter().map(|id| us(id)).collect::<Vec<_>>()).await;
    make_present(&store, &[gr("g")]).await;
    link(&store, &gr("g"), "tg").await;
    for id in &ids {
        link(&store, &us(id), &format!("t-{id}")).await;
    }
    let members: Vec<String> = ids.iter().map(|id| format!("t-{id}")).collect();
    mirror(&store, Kind::Group, Reading::Full, 1, &[team("tg", &members.iter().map(String::as_str).collect::<Vec<_>>())]).await;
    let (mut pages, mut after) = (0, None);
    loop {
        let scope = ReferenceScope::Everything;
        let (page, next) =
            store.reference_page(&target(), &"nothing planned".into(), (scope, Leavers::Stay), after, 2).await.unwrap();
        assert_eq!(page, []);
        pages += 1;
        match next {
            Some(cursor) => after = Some(cursor),
            None => break,
        }
    }
    // Twice 20 managers that nobody has, twice 20 members, twice 20 references; each stage learns by a last page that it ends.
    assert_eq!(pages, 9);
}

async fn the_end_of_a_run_forgets_what_it_was_to_link(database: Arc<Database>) {
    let store = with_target(&database).await;
    let planned = || database.shell("select count(*) from plan_links");
    let to = Action::Link { id: "t".into(), evidence: Evidence::Anchor, write_anchor: false };
    let dead = begin(&store).await;
    plan(&store, &dead, &us("a"), &to, Basis::default()).await;
    let busy = begin(&store).await;
    plan(&store, &busy, &us("a"), &to, Basis::default()).await;
    store.finish_run(&busy, RunState::Failed, &json!({})).await.unwrap();
    assert_eq!(planned(), "1", "a run that could not begin says nothing of the one that goes on");
    let run = begin(&store).await;
    plan(&store, &run, &us("a"), &to, Basis::default()).await;
    let later = begin(&store).await;
    plan(&store, &later, &us("a"), &to, Basis::default()).await;
    store.finish_run(&run, RunState::Converged, &json!({})).await.unwrap();
    assert_eq!(planned(), "1", "its own and those of the dead");
    store.finish_run(&later, RunState::Planned, &json!({})).await.unwrap();
    assert_eq!(planned(), "1", "what was only planned can be reported");
    let last = begin(&store).await;
    store.finish_run(&last, RunState::Converged, &json!({})).await.unwrap();
    assert_eq!(planned(), "0", "until the next full run");
}

async fn tables_that_grow_are_measured(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("a"), user("b")]).await;
    store.keep_statistics().await.unwrap();
    store.settle_statistics().await.unwrap();
    if database.sort == Sort::Postgres {
        let measured = |table: &str| database.shell(&format!("select reltuples from pg_class where relname = '{table}'"));
        assert_eq!(measured("users"), "2");
        let many: Vec<_> = (0..1_000).map(|n| user(&format!("u{n}"))).collect();
        write(&store, &many).await;
        store.settle_statistics().await.unwrap();
        assert_eq!(measured("users"), "1002");
    }
}
