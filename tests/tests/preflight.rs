//! Every planted defect is found once, and a clean organisation gives none, on both databases.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entrain_model::{Attributes, Kind, Mode, ObjectRef};
use entrain_store::{GroupRow, Membership, Role, RunState, SourceChange, UserRow};
use entrain_sync::{Check, Findings, Silent};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, schema};
use entrain_tests::rig::Rig;
use serde_json::{Value as Json, json};

fn user(id: &str) -> UserRow {
    let mut row = UserRow::new(id, format!("{id}@x.example"));
    row.display_name = Some(format!("User {id}"));
    row
}

fn with(id: &str, change: impl FnOnce(&mut UserRow)) -> SourceChange {
    let mut row = user(id);
    change(&mut row);
    SourceChange::PutUser(row)
}

fn group(id: &str) -> SourceChange {
    SourceChange::PutGroup(GroupRow::new(id, format!("Group {id}")))
}

fn member(group: &str, member: ObjectRef) -> SourceChange {
    SourceChange::PutMembership(Membership { group: group.into(), member, role: Role::Member })
}

fn attributes(value: Json) -> Attributes {
    serde_json::from_value(value).unwrap()
}

/// Anchors are in `employeeId`, as they must be where a domain is federated.
async fn rig(dialect: Dialect) -> (Rig, Arc<Memory>) {
    let mut schema = schema();
    schema.users.anchor = "employeeId".into();
    let memory = Arc::new(Memory::new(schema, 7));
    memory.domains(&["x.example", "federated.example"]);
    let mut rig =
        Rig::new(dialect, memory.clone(), |target| target.settings = Arc::new(json!({"anchor": "employeeId"}))).await.unwrap();
    rig.script(Kind::User, SCRIPT).await.unwrap();
    (rig, memory)
}

async fn preflight(rig: &Rig) -> Findings {
    let findings = rig.engine.preflight(&rig.target, &Silent).await.unwrap();
    let run = &rig.store().runs(Some(&rig.target.name), 1).await.unwrap()[0];
    assert_eq!(run.state, RunState::Planned, "the run has ended: {run:?}");
    findings
}

/// An organisation without a defect: a chain of managers, nested groups, two domains of which one is federated.
fn clean() -> Vec<SourceChange> {
    let managed = |n: usize| (n > 0).then(|| format!("n{}", n / 3).as_str().into());
    let mut rows: Vec<_> = (0..40).map(|n| with(&format!("n{n}"), |row| row.manager = managed(n))).collect();
    rows.push(with("fed", |row| {
        row.user_name = "fed@federated.example".into();
        row.document = attributes(json!({"subject": "s-1"}));
    }));
    rows.extend(["g1", "g2", "g3"].map(group));
    rows.extend([
        member("g1", ObjectRef::group("g2")),
        member("g2", ObjectRef::group("g3")),
        member("g1", ObjectRef::group("g3")),
    ]);
    rows.extend((0..40).map(|n| member("g3", ObjectRef::user(format!("n{n}").as_str()))));
    rows
}

/// Each with one defect, and the finding that it is.
fn defects() -> Vec<(&'static str, Vec<SourceChange>)> {
    let login = |id: &str, login: &str| with(id, |row| row.user_name = login.into());
    let document = |id: &str, value: Json| with(id, |row| row.document = attributes(value));
    let mail = |id: &str, mail: &str| with(id, |row| row.mail = Some(mail.into()));
    let managed = |id: &str, by: &str| with(id, |row| row.manager = Some(by.into()));
    let record = |id: &str| with(id, |row| row.target_object_id = Some("r-none".into()));
    // The nickname is made from the external id, so that the login alone occurs twice.
    let twice = |id: &str, login: &str| {
        with(id, |row| {
            row.user_name = login.into();
            row.external_id = Some(id.into());
        })
    };
    vec![
        ("login_invalid", vec![login("spaced", "no at sign")]),
        ("domain_not_verified", vec![login("stranger", "stranger@elsewhere.example")]),
        ("federated_without_id", vec![login("nosubject", "nosubject@federated.example")]),
        ("required_missing", vec![document("bare", json!({"bare": true}))]),
        ("value_too_long", vec![document("long", json!({"title": "x".repeat(200)}))]),
        ("too_many_values", vec![document("phones", json!({"phones": ["1", "2"]}))]),
        ("value_forbidden", vec![document("nick", json!({"nick": "a b"}))]),
        ("wrong_type", vec![document("typed", json!({"typed": true}))]),
        ("not_writable", vec![document("fixed", json!({"fixed": true}))]),
        ("mapping_error", vec![document("fails", json!({"fails": true}))]),
        ("duplicate_login", vec![twice("d1", "same@x.example"), twice("d2", "Same@x.example")]),
        (
            "duplicate_address",
            vec![mail("m1", "post@x.example"), document("m2", json!({"proxyAddresses": ["SMTP:Post@x.example"]}))],
        ),
        ("duplicate_nickname", vec![document("k1", json!({"nick": "nina"})), document("k2", json!({"nick": "Nina"}))]),
        ("duplicate_anchor", vec![document("a1", json!({"anchor": "s-2"})), document("a2", json!({"anchor": "s-2"}))]),
        ("duplicate_value", vec![document("v1", json!({"subject": "s-3"})), document("v2", json!({"subject": "s-3"}))]),
        ("duplicate_record", vec![record("i1"), record("i2")]),
        ("manager_missing", vec![managed("orphan", "nobody")]),
        ("manager_cycle", vec![managed("c1", "c2"), managed("c2", "c3"), managed("c3", "c1"), managed("below", "c1")]),
        ("member_missing", vec![member("g1", ObjectRef::user("ghost"))]),
        ("group_missing", vec![member("nogroup", ObjectRef::user("n1"))]),
        (
            "group_cycle",
            vec![group("ga"), group("gb"), member("ga", ObjectRef::group("gb")), member("gb", ObjectRef::group("ga"))],
        ),
        ("taken_in_target", vec![mail("taker", "by@x.example")]),
        ("in_recycle_bin", vec![login("binned", "binned@x.example")]),
        ("ambiguous", vec![mail("two", "two@x.example")]),
        ("protected", vec![login("admin", "admin@x.example")]),
        ("mastered_elsewhere", vec![login("onprem", "onprem@x.example")]),
        ("foreign_anchor", vec![login("foreign", "foreign@x.example")]),
        ("unwritable", vec![SourceChange::PutGroup(GroupRow::new("dynamic", "Dynamic"))]),
    ]
}

/// What stands in the target before: what the defects of matching find.
fn seed(memory: &Memory) {
    let seed = |kind, id: &str, value: Json| memory.seed(kind, id, attributes(value));
    for id in ["binned", "admin", "onprem"] {
        seed(Kind::User, &format!("r-{id}"), json!({"userPrincipalName": format!("{id}@x.example")}));
    }
    seed(Kind::User, "r-foreign", json!({"userPrincipalName": "foreign@x.example", "employeeId": "theirs"}));
    for id in ["t1", "t2"] {
        seed(Kind::User, id, json!({"userPrincipalName": format!("{id}@x.example"), "mail": "two@x.example"}));
    }
    seed(Kind::User, "r-taker", json!({"userPrincipalName": "other@x.example", "mail": "by@x.example"}));
    seed(Kind::User, "r-taken", json!({"userPrincipalName": "third@x.example", "onPremisesImmutableId": "s-taken"}));
    seed(Kind::Group, "r-dynamic", json!({"displayName": "Dynamic"}));
    memory.delete(Kind::User, "r-binned");
    memory.mark(Kind::User, "r-admin", |marks| marks.privileged = true);
    memory.mark(Kind::User, "r-onprem", |marks| marks.mastered_elsewhere = true);
    memory.mark(Kind::Group, "r-dynamic", |marks| marks.unwritable = Some("dynamic membership".into()));
}

/// A mapping that lets each defect through.
const SCRIPT: &str = r#"
let out = #{};
if lookup(user, "bare", false) { out.displayName = clear(); }
if lookup(user, "nick", ()) != () { out.mailNickname = lookup(user, "nick", ()); }
if lookup(user, "phones", ()) != () { out.businessPhones = lookup(user, "phones", ()); }
if lookup(user, "subject", ()) != () { out.onPremisesImmutableId = lookup(user, "subject", ()); }
if lookup(user, "anchor", ()) != () { out.employeeId = lookup(user, "anchor", ()); }
if lookup(user, "typed", false) { out.jobTitle = 7; }
if lookup(user, "fixed", false) { out.id = "x"; }
if lookup(user, "fails", false) { out.jobTitle = user.no.such; }
if user.id == "taker" { out.onPremisesImmutableId = "s-taken"; }
out
"#;

fn codes(findings: &Findings) -> BTreeMap<&'static str, u64> {
    let mut codes = BTreeMap::new();
    for ((check, _), finding) in &findings.0 {
        *codes.entry(check.code()).or_default() += finding.count;
    }
    codes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_organisation_gives_nothing() {
    for dialect in Dialect::all() {
        let (mut rig, memory) = rig(dialect).await;
        rig.write(&clean()).await.unwrap();
        assert_eq!(preflight(&rig).await, Findings::default());
        // Also where everything is linked, and in every mode.
        rig.full().await.unwrap();
        memory.take_log();
        for mode in [Mode::Observe, Mode::CreateOnly, Mode::Full] {
            rig.configure(|target| target.mode = mode).await.unwrap();
            assert_eq!(preflight(&rig).await, Findings::default(), "{mode:?}");
        }
        assert!(memory.take_log().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_defect_is_found_once_and_nothing_is_written_or_halted() {
    for dialect in Dialect::all() {
        let (rig, memory) = rig(dialect).await;
        seed(&memory);
        rig.write(&clean()).await.unwrap();
        let defects = defects();
        for (_, rows) in &defects {
            rig.write(rows).await.unwrap();
        }
        let expected: BTreeMap<_, _> = defects.iter().map(|(code, _)| (*code, 1)).collect();
        let findings = preflight(&rig).await;
        assert_eq!(codes(&findings), expected, "{findings:#?}");
        let planted: BTreeSet<_> = expected.keys().copied().chain(["anchor_refused", "not_readable", "held"]).collect();
        assert_eq!(planted, Check::CODES.iter().copied().collect(), "every check is tried, but those of the tenant as a whole");
        let example = |check: Check| {
            let found = findings.0.iter().find(|((one, _), _)| *one == check).unwrap();
            found.1.examples[0].clone()
        };
        assert!(example(Check::TakenInTarget).contains("r-taken"), "{}", example(Check::TakenInTarget));
        assert!(example(Check::InRecycleBin).contains("r-binned"));
        assert!(example(Check::MappingError).contains("user fails: test-user.rhai:"));
        assert_eq!(example(Check::ManagerCycle), "user c1 -> user c2 -> user c3 -> user c1");
        assert_eq!(example(Check::MemberMissing), "group g1 names user ghost");
        assert!(memory.take_log().is_empty());
        assert!(rig.store().target(&rig.target.name).await.unwrap().unwrap().halt.is_none());
        assert_eq!(preflight(&rig).await, findings, "a second look finds the same");
    }
}
