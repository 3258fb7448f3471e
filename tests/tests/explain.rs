//! What `entrain explain` and `entrain adoption` are made from, on both databases.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Attributes, Desired, Kind, Mode, ObjectRef, Observed, Why};
use entrain_store::{GroupRow, Membership, Role, SourceChange, UserRow};
use entrain_sync::{Adopted, Adoptions, Class, Explanation, Knowledge, Permission, Silent, Source};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, schema};
use entrain_tests::rig::Rig;
use serde_json::{Value as Json, json};

fn user(id: &str, mail: Option<&str>) -> UserRow {
    let mut row = UserRow::new(id, format!("{id}@x.example"));
    row.display_name = Some(format!("User {id}"));
    row.mail = mail.map(str::to_owned);
    row
}

fn put(row: UserRow) -> SourceChange {
    SourceChange::PutUser(row)
}

fn attributes(value: Json) -> Attributes {
    serde_json::from_value(value).unwrap()
}

async fn rig(dialect: Dialect) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    let rig = Rig::new(dialect, memory.clone(), |_| {}).await.unwrap();
    (rig, memory)
}

async fn explain(rig: &Rig, object: &ObjectRef, knowledge: Knowledge) -> Explanation {
    rig.engine.explain(&rig.target, object, knowledge).await.unwrap()
}

fn lines(explanation: &Explanation) -> Vec<String> {
    explanation.plan.iter().map(|(decision, _)| entrain_plan::line(decision)).collect()
}

/// Nothing that a run stores, and nothing in the target.
async fn untouched(rig: &Rig, memory: &Memory) {
    let store = rig.store();
    assert_eq!(store.object_page(&rig.target.name, None, 10).await.unwrap(), Vec::new());
    assert_eq!(store.holds(None, None, 10).await.unwrap(), Vec::new());
    assert_eq!(store.runs(None, 10).await.unwrap(), Vec::new());
    assert!(memory.take_log().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlinked_user_is_explained_to_the_line_and_nothing_is_written() {
    for dialect in Dialect::all() {
        let (mut rig, memory) = rig(dialect).await;
        rig.script(Kind::User, "#{\n  jobTitle: \"Clerk\",\n}").await.unwrap();
        memory.seed(Kind::User, "r1", attributes(json!({"userPrincipalName": "a@x.example", "displayName": "User a"})));
        memory.seed(Kind::User, "r2", attributes(json!({"userPrincipalName": "o@x.example", "mail": "ann@x.example"})));
        rig.write(&[put(user("a", Some("ann@x.example")))]).await.unwrap();
        let object = ObjectRef::user("a");

        let remembered = explain(&rig, &object, Knowledge::Remembered).await;
        assert!(matches!(remembered.source, Source::Present(1, _)), "{:?}", remembered.source);
        assert!(remembered.rules.iter().all(|rule| rule.against.is_none()));
        let origin = &remembered.origins["jobTitle"];
        assert_eq!((origin.last().unwrap().script.as_str(), &origin.last().unwrap().lines[..]), ("test-user.rhai", &[2][..]));
        let line = &lines(&remembered)[0];
        assert!(line.starts_with("+ user a: create"), "the mirror is empty as yet: {line}");
        untouched(&rig, &memory).await;

        let fresh = explain(&rig, &object, Knowledge::Fresh).await;
        let found: Vec<_> = fresh.keys.iter().map(|(key, found)| (key.attribute.as_str(), found)).collect();
        let codes: Vec<(&str, Vec<(&str, &str)>)> = found
            .iter()
            .map(|(name, found)| (*name, found.iter().map(|(one, fit)| (one.actual.id.as_str(), fit.code())).collect()))
            .collect();
        let expected = [
            ("onPremisesImmutableId", Vec::new()),
            ("userPrincipalName", vec![("r1", "chosen")]),
            ("mail", vec![("r2", "weaker_key")]),
        ];
        assert_eq!(codes, expected);
        assert!(
            lines(&fresh)[0].starts_with("= user a: link to r1, found by userPrincipalName, write the anchor"),
            "{:?}",
            lines(&fresh)
        );
        assert!(fresh.plan.iter().all(|(_, permission)| *permission == Permission::Given));
        untouched(&rig, &memory).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_user_tells_of_link_effects_conflict_and_a_change_in_the_target() {
    for dialect in Dialect::all() {
        let (rig, memory) = rig(dialect).await;
        rig.write(&[put(user("a", None)), put(user("b", None))]).await.unwrap();
        rig.full().await.unwrap();
        let mut late = user("c", None);
        late.user_name = "a@x.example".into();
        rig.write(&[put(late)]).await.unwrap();
        rig.full().await.unwrap();
        let (a, c) = (ObjectRef::user("a"), ObjectRef::user("c"));

        let held = explain(&rig, &c, Knowledge::Remembered).await;
        assert_eq!(held.about.holds.len(), 1, "{:?}", held.about);
        assert_eq!(held.about.holds[0].hold.code(), "conflict");
        let contest = &held.state.as_ref().unwrap().contests[0];
        assert_eq!((contest.attribute.as_str(), &contest.held_by[0].1), ("userPrincipalName", &Some(a.clone())));
        assert!(lines(&held)[0].starts_with("! user c: held (conflict)"), "{:?}", lines(&held));

        let linked = explain(&rig, &a, Knowledge::Remembered).await;
        let link = linked.about.link.clone().expect("linked");
        assert!(link.link.anchored);
        assert_eq!(linked.about.effects[0].action.as_str(), "create");
        assert_eq!(linked.about.effects[0].state, "done");

        rig.write(&[SourceChange::RemoveUser(c.id.clone())]).await.unwrap();
        rig.full().await.unwrap();
        memory.take_log();
        memory.edit(Kind::User, link.link.id.as_str(), &attributes(json!({"displayName": "Changed"})));
        if dialect == Dialect::Sqlite {
            rig.pass(rig.target.timing.settling).await;
        }
        assert_eq!(lines(&explain(&rig, &a, Knowledge::Remembered).await), Vec::<String>::new(), "nobody looked");
        let fresh = explain(&rig, &a, Knowledge::Fresh).await;
        assert_eq!(fresh.state.as_ref().unwrap().actual.as_ref().unwrap().attributes["displayName"], json!("Changed"));
        // The time of PostgreSQL does not move at will, and what was just written has not settled.
        if dialect == Dialect::Sqlite {
            assert_eq!(lines(&fresh), ["~ user a: displayName \"Changed\" -> \"User a\""]);
        }
        assert!(memory.take_log().is_empty());
        assert!(matches!(explain(&rig, &c, Knowledge::Remembered).await.source, Source::Deleted));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_ids_failing_scripts_and_what_is_out_of_scope() {
    for dialect in Dialect::all() {
        let (mut rig, memory) = rig(dialect).await;
        rig.write(&[put(user("u100", Some("ann@x.example"))), put(user("u200", None))]).await.unwrap();
        let similar = async |id: &str| match explain(&rig, &ObjectRef::user(id), Knowledge::Remembered).await.source {
            Source::Unknown(similar) => similar.into_iter().map(|object| object.id.to_string()).collect::<Vec<_>>(),
            other @ (Source::Present(..) | Source::Deleted) => panic!("{other:?}"),
        };
        assert_eq!(similar("ANN@x.example").await[0], "u100");
        assert_eq!(similar("100").await[0], "u100");
        assert_eq!(similar("u150").await, ["u200", "u100"]);
        untouched(&rig, &memory).await;

        rig.configure(|target| target.scope.group = Some("staff".into())).await.unwrap();
        let out = explain(&rig, &ObjectRef::user("u100"), Knowledge::Remembered).await;
        assert_eq!(out.rules.last().unwrap().against, Some(Why::NotInScopeGroup));
        assert!(matches!(out.mapping, Some(Ok(Desired::OutOfScope(Why::NotInScopeGroup)))));

        rig.configure(|target| target.scope.group = None).await.unwrap();
        rig.script(Kind::User, "#{\n  jobTitle: user.no.such\n}").await.unwrap();
        let failing = explain(&rig, &ObjectRef::user("u100"), Knowledge::Remembered).await;
        let Some(Err(halt)) = failing.mapping else { panic!("{:?}", failing.mapping) };
        assert_eq!((halt.script.as_deref(), halt.line), (Some("test-user.rhai"), Some(2)));
        assert!(rig.store().target(&rig.target.name).await.unwrap().unwrap().halt.is_none(), "a question halts nothing");
    }
}

#[derive(Default)]
struct All(Vec<Adopted>);

impl Adoptions for All {
    fn take(&mut self, adopted: Adopted) {
        self.0.push(adopted);
    }
}

async fn adoption(rig: &Rig) -> BTreeMap<String, &'static str> {
    let mut all = All::default();
    rig.engine.adoption(&rig.target, &Silent, &mut all).await.unwrap();
    let name = |one: &Adopted| match (&one.object, &one.record) {
        (Some(object), _) => object.to_string(),
        (None, Some(id)) => format!("record {id}"),
        (None, None) => panic!("neither object nor record"),
    };
    let classes: BTreeMap<_, _> = all.0.iter().map(|one| (name(one), one.class.code())).collect();
    assert_eq!(classes.len(), all.0.len(), "each is counted once: {:?}", all.0);
    classes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adoption_puts_each_object_into_one_class_and_writes_nothing() {
    for dialect in Dialect::all() {
        let (mut rig, memory) = rig(dialect).await;
        let seed = |id: &str, value: Json| memory.seed(Kind::User, id, attributes(value));
        let login = |id: &str| json!({"userPrincipalName": format!("{id}@x.example"), "displayName": "There"});
        for id in ["key", "admin", "elsewhere"] {
            seed(&format!("r-{id}"), login(id));
        }
        seed("r-id", login("somebody"));
        let anchor = entrain_model::anchor_value(&ObjectRef::user("anchor"));
        seed("r-anchor", json!({"userPrincipalName": "old@x.example", "onPremisesImmutableId": anchor}));
        let anchor = entrain_model::anchor_value(&ObjectRef::user("back"));
        seed("r-back", json!({"userPrincipalName": "back@x.example", "onPremisesImmutableId": anchor}));
        seed("r-foreign", json!({"userPrincipalName": "foreign@x.example", "onPremisesImmutableId": "theirs"}));
        seed("r-bin", login("bin"));
        for id in ["r-m1", "r-m2"] {
            seed(id, json!({"userPrincipalName": format!("{id}@x.example"), "mail": "two@x.example"}));
        }
        memory.delete(Kind::User, "r-back");
        memory.delete(Kind::User, "r-bin");
        memory.mark(Kind::User, "r-admin", |marks| marks.privileged = true);
        memory.mark(Kind::User, "r-elsewhere", |marks| marks.mastered_elsewhere = true);
        let mut by_id = user("id", None);
        by_id.target_object_id = Some("r-id".into());
        rig.configure(|target| target.timing.settling = Duration::ZERO).await.unwrap();
        rig.write(&["done", "purged", "deleted"].map(|id| put(user(id, None)))).await.unwrap();
        rig.full().await.unwrap();
        let record = |login: &str| {
            let has = |record: &&Observed| record.attributes["userPrincipalName"] == json!(format!("{login}@x.example"));
            memory.dump().iter().find(has).unwrap().id.clone()
        };
        memory.purge(Kind::User, record("purged").as_str());
        memory.delete(Kind::User, record("deleted").as_str());
        memory.take_log();
        let ids = ["key", "admin", "elsewhere", "anchor", "back", "foreign", "bin", "new"];
        let mut rows: Vec<_> = ids.into_iter().map(|id| put(user(id, None))).collect();
        let mut long = user("held", None);
        long.document = attributes(json!({"title": "x".repeat(200)}));
        rows.extend([put(by_id), put(user("many", Some("two@x.example"))), put(long)]);
        rows.push(SourceChange::PutGroup(GroupRow::new("g", "G")));
        let member = Membership { group: "g".into(), member: ObjectRef::user("admin"), role: Role::Member };
        rows.push(SourceChange::PutMembership(member));
        rig.write(&rows).await.unwrap();
        rig.configure(|target| target.mode = Mode::CreateOnly).await.unwrap();

        let expected = [
            ("group g", "created"),
            ("record r-admin", "unclaimed"),
            ("record r-elsewhere", "unclaimed"),
            ("record r-foreign", "unclaimed"),
            ("record r-m1", "unclaimed"),
            ("record r-m2", "unclaimed"),
            ("user admin", "privileged"),
            ("user anchor", "by_anchor"),
            ("user back", "restored"),
            ("user bin", "in_recycle_bin"),
            ("user deleted", "restored"),
            ("user done", "linked"),
            ("user elsewhere", "mastered_elsewhere"),
            ("user foreign", "foreign_anchor"),
            ("user held", "held"),
            ("user id", "by_id"),
            ("user key", "by_key"),
            ("user many", "ambiguous"),
            ("user new", "created"),
            ("user purged", "created"),
        ];
        let expected: BTreeMap<_, _> = expected.into_iter().map(|(name, code)| (name.to_owned(), code)).collect();
        assert_eq!(adoption(&rig).await, expected);
        let codes: std::collections::BTreeSet<_> = expected.values().copied().collect();
        let missing: Vec<_> = Class::CODES.iter().filter(|code| !codes.contains(*code)).collect();
        assert_eq!(missing, [&"unwritable"], "every class is seen, but what only groups have");
        assert!(memory.take_log().is_empty());
    }
}
