//! The audit: what stands in it, and that the chain shows whoever touched it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use entrain_model::*;
use entrain_store::*;
use serde_json::{Value as Json, json};

on_both!(
    an_untouched_chain_fits,
    every_tampering_is_found_at_its_first_row,
    rows_cut_off_at_the_end_are_found_with_a_kept_head,
    several_writers_append_to_one_chain,
    values_are_taken_away_and_the_chain_still_fits,
    old_values_go_by_age,
    pruned_rows_are_signed_off,
    operators_stand_in_it_by_name,
    the_side_before_comes_from_the_mirror,
    a_settled_create_names_its_record,
);

async fn rows(store: &Store) -> Vec<AuditRow> {
    store.audit(&AuditScope::default(), 0, 1000).await.unwrap()
}

/// Acts of an operator, each a row.
async fn acts(store: &Store, number: usize) {
    for n in 0..number {
        store.park(&target(), &ObjectRef::user(format!("u{n}")), Some(&format!("reason {n}"))).await.unwrap();
    }
}

async fn broken(store: &Store, known: Option<&Head>) -> Broken {
    store.verify_audit(known).await.unwrap().expect_err("the chain does not fit")
}

async fn an_untouched_chain_fits(database: Arc<Database>) {
    let store = database.open().await;
    let verified = store.verify_audit(None).await.unwrap().unwrap();
    assert_eq!((verified.rows, verified.head.to_string().as_str()), (0, "0:"), "an empty one");
    let store = with_target(&database).await;
    acts(&store, 3).await;
    let verified = store.verify_audit(None).await.unwrap().unwrap();
    assert_eq!((verified.rows, verified.pruned), (4, 0), "the target was added, and three were parked");
    assert_eq!(verified.head, store.audit_head().await.unwrap());
    assert_eq!(rows(&store).await.last().unwrap().hash, verified.head.hash);
}

async fn every_tampering_is_found_at_its_first_row(database: Arc<Database>) {
    let store = with_target(&database).await;
    acts(&store, 6).await;
    let copy = "create table kept as select * from audit; create table kept_chain as select * from audit_chain";
    database.shell(copy);
    let all = "seq, at, target, run, line, kind, id, record, action, outcome, author, mapping_version, request_id, fields, hash";
    for (what, sql, first) in [
        ("an author", "update audit set author = 'nobody' where seq = 3", 3),
        ("a time", "update audit set at = at + 1 where seq = 3", 3),
        ("an object", "update audit set id = 'u9' where seq = 3", 3),
        ("a value", "update audit set fields = replace(fields, 'reason 1', 'reason 2') where seq = 3", 3),
        ("a salt", "update audit set fields = replace(fields, '\"salt\":\"', '\"salt\":\"0') where seq = 3", 3),
        ("no JSON", "update audit set fields = 'x' where seq = 3", 3),
        ("a field less", "update audit set fields = '{\"before\":{},\"after\":{}}' where seq = 3", 3),
        ("a hash", "update audit set hash = (select k.hash from kept k where k.seq = 2) where seq = 3", 3),
        ("removed", "delete from audit where seq = 4", 4),
        ("removed at the beginning", "delete from audit where seq = 1", 1),
        ("removed at the end", "delete from audit where seq >= 6", 6),
        ("all removed", "delete from audit", 1),
        (
            "reordered",
            "update audit set seq = 100 where seq = 3; update audit set seq = 3 where seq = 4; update audit set seq = 4 where seq = 100",
            3,
        ),
        (
            "put in, the others moved on",
            "update audit set seq = seq + 100 where seq >= 4; update audit set seq = seq - 99 where seq > 100; \
             insert into audit select 4, at, target, run, line, kind, id, record, action, outcome, author, mapping_version, request_id, fields, hash \
             from kept where seq = 2",
            4,
        ),
        (
            "put in behind the end",
            "insert into audit select 8, at, target, run, line, kind, id, record, action, outcome, author, mapping_version, request_id, fields, hash \
             from kept where seq = 7",
            8,
        ),
        (
            "a pruning that nobody signed off",
            "delete from audit where seq <= 3; update audit_chain set pruned_seq = 3, pruned_hash = (select hash from kept where seq = 3)",
            3,
        ),
    ] {
        database.shell(sql);
        let broken = broken(&store, None).await;
        assert_eq!(broken.seq, first, "{what}: {broken}");
        let restore = format!(
            "delete from audit; insert into audit ({all}) select {all} from kept; delete from audit_chain; \
             insert into audit_chain select * from kept_chain"
        );
        database.shell(&restore);
        assert!(store.verify_audit(None).await.unwrap().is_ok(), "restored after: {what}");
    }
}

async fn rows_cut_off_at_the_end_are_found_with_a_kept_head(database: Arc<Database>) {
    let store = with_target(&database).await;
    acts(&store, 4).await;
    let head = store.audit_head().await.unwrap();
    acts(&store, 2).await;
    assert!(store.verify_audit(Some(&head)).await.unwrap().is_ok(), "the chain went on from there");
    // Whoever can write the database can also set the end back: only a head that was kept elsewhere shows it.
    let cut = "delete from audit where seq > 3; update audit_chain set seq = 3, hash = (select hash from audit where seq = 3)";
    database.shell(cut);
    assert!(store.verify_audit(None).await.unwrap().is_ok());
    assert_eq!(broken(&store, Some(&head)).await.seq, 4);
    acts(&store, 4).await;
    let made_anew = broken(&store, Some(&head)).await;
    assert_eq!(made_anew.seq, 5, "as long as before, and not the same: {made_anew}");
}

async fn several_writers_append_to_one_chain(database: Arc<Database>) {
    with_target(&database).await;
    let mut writers = Vec::new();
    for writer in 0..4 {
        let store = database.open().await.acting_as(&format!("writer {writer}"));
        writers.push(tokio::spawn(async move { acts(&store, 15).await }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let store = database.open().await;
    let verified = store.verify_audit(None).await.unwrap().unwrap();
    assert_eq!((verified.rows, verified.head.seq), (61, 61), "no gap and no fork");
    let authors: BTreeSet<String> = rows(&store).await.into_iter().map(|row| row.author).collect();
    assert_eq!(authors.len(), 5);
}

/// One change of `u1` with these sides, as a run makes it.
async fn change(store: &Store, action: Action, audit: Audit) -> i64 {
    let user = ObjectRef::user("u1");
    if store.source_records(std::slice::from_ref(&user)).await.unwrap().is_empty() {
        write(store, &[common::user("u1")]).await;
    }
    let run = begin(store).await;
    store.lease(&target(), "me", std::slice::from_ref(&user), LEASE).await.unwrap();
    let basis = states(store, std::slice::from_ref(&user)).await[0].basis;
    let seq = plan(store, &run, &user, &action, basis).await;
    let start = Start { seq, object: user, basis, action, record: None, blocks: None, hands_over: false, sent: json!({}) };
    assert_eq!(store.start_effects(&target(), &run, "me", std::slice::from_ref(&start)).await.unwrap(), vec![]);
    let end = End { audit, ..done(&start, None, Vec::new()) };
    store.end_effects(&target(), &run, &[end]).await.unwrap();
    store.release(&target(), "me", None).await.unwrap();
    rows(store).await.last().unwrap().seq
}

fn update() -> Action {
    Action::Update { id: "t1".into(), edits: Vec::new() }
}

fn moved() -> Audit {
    Audit {
        record: Some("t1".into()),
        before: attributes(json!({ "mobilePhone": "+41 44 111", "title": "Clerk" })),
        after: attributes(json!({ "mobilePhone": "+41 44 222", "title": null, "weight": 1.1 })),
        recall: Recall::Nothing,
    }
}

async fn values_are_taken_away_and_the_chain_still_fits(database: Arc<Database>) {
    let store = with_target(&database).await;
    let open = change(&store, update(), moved()).await;
    let strict = store.clone().redacting(["mobilePhone".to_owned()]);
    let closed = change(&strict, update(), moved()).await;
    let text = database.shell(&format!("select fields from audit where seq = {closed}"));
    assert!(!text.contains("+41") && text.contains("Clerk"), "{text}");
    let row = &store.audit(&AuditScope::default(), closed - 1, 1).await.unwrap()[0];
    assert_eq!((&row.before["mobilePhone"], &row.before["title"]), (&AuditValue::Redacted, &AuditValue::Value(json!("Clerk"))));
    assert_eq!(row.after["title"], AuditValue::Value(Json::Null), "no value is something else than no longer known");
    assert!(store.verify_audit(None).await.unwrap().is_ok());

    let only = BTreeSet::from(["mobilePhone".to_owned()]);
    let redacted = store.redact_audit_of(&ObjectRef::user("u1"), Some(&only)).await.unwrap();
    assert_eq!((redacted.rows, redacted.values), (1, 2), "those of the row that was written openly");
    let text = database.shell(&format!("select fields from audit where seq = {open}"));
    assert!(!text.contains("+41") && text.contains("Clerk"), "{text}");
    let head = store.verify_audit(None).await.unwrap().unwrap().head;
    assert_eq!(rows(&store).await.last().unwrap().action, "audit_redacted", "the redaction is an act itself");
    store.redact_audit_of(&ObjectRef::user("u1"), None).await.unwrap();
    assert!(!database.shell("select fields from audit").contains("Clerk"));
    assert!(store.verify_audit(Some(&head)).await.unwrap().is_ok());
    // A redacted row is still bound to what it said.
    database.shell(&format!("update audit set fields = replace(fields, '\"digest\":\"', '\"digest\":\"0') where seq = {open}"));
    assert_eq!(broken(&store, None).await.seq, open);
}

const DAY: Duration = Duration::from_secs(86_400);

async fn old_values_go_by_age(database: Arc<Database>) {
    let store = with_target(&database).await;
    acts(&store, 2).await;
    store.prune_audit(DAY).await.unwrap();
    assert_eq!(store.redact_audit_older(DAY).await.unwrap().values, 0, "nothing is old");
    age(&database, 3, 2 * DAY);
    let redacted = store.redact_audit_older(DAY).await.unwrap();
    assert!(redacted.values > 0);
    assert!(!database.shell("select fields from audit").contains("reason 0"), "all of them were old");
    assert_eq!(store.redact_audit_older(DAY).await.unwrap(), Redacted::default(), "once");
}

/// Makes the first rows older than they are. The chain covers their times, so it does not fit afterwards.
fn age(database: &Database, through: i64, by: Duration) {
    database.shell(&format!("update audit set at = at - {} where seq <= {through}", by.as_millis()));
}

async fn pruned_rows_are_signed_off(database: Arc<Database>) {
    let store = with_target(&database).await;
    acts(&store, 5).await;
    let head = store.audit_head().await.unwrap();
    assert_eq!(store.prune_audit(DAY).await.unwrap(), Pruned::default(), "nothing is old");
    age(&database, 4, 2 * DAY);
    let pruned = store.clone().acting_as("the keeper").prune_audit(DAY).await.unwrap();
    assert_eq!((pruned.rows, pruned.through.seq), (4, 4));
    let verified = store.verify_audit(Some(&head)).await.unwrap().unwrap();
    assert_eq!((verified.rows, verified.pruned, verified.head.seq), (3, 4, 7), "two that stay, and the pruning");
    let last = rows(&store).await.pop().unwrap();
    assert_eq!((last.action.as_str(), last.author.as_str()), ("audit_pruned", "the keeper"));
    age(&database, 6, 2 * DAY);
    assert_eq!(store.prune_audit(DAY).await.unwrap().rows, 2);
    assert_eq!(store.redact_audit_older(Duration::ZERO).await.unwrap().values, 0, "what signs off stays readable");
    acts(&store, 1).await;
    assert!(store.verify_audit(None).await.unwrap().is_ok());
    database.shell("update audit_chain set pruned_hash = 'x'");
    assert_eq!(broken(&store, None).await.seq, 7);
}

async fn operators_stand_in_it_by_name(database: Arc<Database>) {
    let store = with_target(&database).await.acting_as("alice");
    let user = ObjectRef::user("u1");
    store.put_target(&target(), Mode::Observe, "c1", "m2").await.unwrap();
    store.put_target(&target(), Mode::Observe, "c1", "m2").await.unwrap();
    store.park(&target(), &user, Some("asked")).await.unwrap();
    store.park(&target(), &user, None).await.unwrap();
    store.halt(&target(), &halt("no token")).await.unwrap();
    store.resume(&target()).await.unwrap();
    let run = begin(&store).await;
    store.set_run_digest(&run, "seen").await.unwrap();
    store.finish_run(&run, RunState::Held, &json!({})).await.unwrap();
    store.approve(&run, "seen", "bob", &Choice::All).await.unwrap();
    let told: Vec<(String, String)> = rows(&store).await.into_iter().map(|row| (row.action, row.author)).collect();
    let expected = [
        ("target_added", "entrain"),
        ("target_changed", "alice"),
        ("park", "alice"),
        ("unpark", "alice"),
        ("halt", "alice"),
        ("resume", "alice"),
        ("approve", "bob"),
    ];
    assert_eq!(told, expected.map(|(action, author)| (action.to_owned(), author.to_owned())));
    let changed = &rows(&store).await[1];
    let version = |value: &str| Some(AuditValue::Value(json!(value)));
    assert_eq!(
        (changed.before.get("mapping_version"), changed.after.get("mapping_version")),
        (version("m1").as_ref(), version("m2").as_ref())
    );
    assert_eq!(changed.after.get("config_digest"), None, "it is the same");
    let of = AuditScope { object: Some(user), ..AuditScope::default() };
    assert_eq!(store.audit(&of, 0, 10).await.unwrap().len(), 2);
    let since = AuditScope { since: Some(store.now() + 60_000), ..AuditScope::default() };
    assert_eq!(store.audit(&since, 0, 10).await.unwrap().len(), 0);
}

fn halt(message: &str) -> Halt {
    Halt {
        kind: HaltKind::Credential,
        script: None,
        line: None,
        column: None,
        object: None,
        message: message.into(),
        input: None,
        since: 0,
        leavers_waiting: 0,
    }
}

async fn the_side_before_comes_from_the_mirror(database: Arc<Database>) {
    let store = with_target(&database).await;
    let user = ObjectRef::user("u1");
    let known = MirrorWrite::Attributes {
        kind: Kind::User,
        id: "t1".into(),
        attributes: attributes(json!({ "enabled": true, "title": "Clerk", "ext.a": "x" })),
    };
    let boss = |to: &str| MirrorWrite::Reference {
        relation: Relation::Manager,
        from_kind: Kind::User,
        from: "t1".into(),
        to_kind: Kind::User,
        to: to.into(),
        present: true,
    };
    write(&store, &[common::user("u1"), common::user("u2")]).await;
    link(&store, &ObjectRef::user("u2"), "t2").await;
    let seed = |mirror| seeded(&store, &user, mirror);
    seed(vec![known, boss("t2")]).await;

    let at = |after: Json, recall| Audit { record: Some("t1".into()), after: attributes(after), recall, ..Audit::default() };
    let disable = Action::Disable { id: "t1".into(), sessions: entrain_model::Sessions::End };
    change(&store, disable.clone(), at(json!({ "enabled": false, "ext.a": "y" }), Recall::Named)).await;
    assert_eq!(last_before(&store).await, json!({ "enabled": true, "ext.a": "x" }));
    change(&store, disable.clone(), at(json!({ "(condition)": "deleted" }), Recall::Everything)).await;
    let all = json!({ "(condition)": "live", "enabled": true, "title": "Clerk", "ext": { "a": "x" } });
    assert_eq!(last_before(&store).await, all);
    change(&store, disable.clone(), at(json!({ "manager": { "record": "t3" } }), Recall::Manager)).await;
    assert_eq!(last_before(&store).await, json!({ "manager": { "record": "t2" } }));
    let other = Audit { before: attributes(json!({ "member": { "record": "t2" } })), ..at(json!({}), Recall::OtherEnd) };
    change(&store, disable, other).await;
    assert_eq!(last_before(&store).await, json!({ "member": { "record": "t2", "object": { "kind": "user", "id": "u2" } } }));
    assert!(store.verify_audit(None).await.unwrap().is_ok());
}

/// Puts this into the mirror by way of an update.
async fn seeded(store: &Store, user: &ObjectRef, mirror: Vec<MirrorWrite>) {
    let run = begin(store).await;
    store.lease(&target(), "me", std::slice::from_ref(user), LEASE).await.unwrap();
    let basis = states(store, std::slice::from_ref(user)).await[0].basis;
    let seq = plan(store, &run, user, &update(), basis).await;
    let start = Start {
        seq,
        object: user.clone(),
        basis,
        action: update(),
        record: None,
        blocks: None,
        hands_over: false,
        sent: json!({}),
    };
    assert_eq!(store.start_effects(&target(), &run, "me", std::slice::from_ref(&start)).await.unwrap(), vec![]);
    store.end_effects(&target(), &run, &[done(&start, None, mirror)]).await.unwrap();
    store.release(&target(), "me", None).await.unwrap();
}

async fn last_before(store: &Store) -> Json {
    let row = rows(store).await.pop().unwrap();
    let shown = row.before.into_iter().map(|(name, kept)| match kept {
        AuditValue::Value(value) => (name, value),
        AuditValue::Redacted => (name, json!("(redacted)")),
    });
    Json::Object(shown.collect())
}

async fn a_settled_create_names_its_record(database: Arc<Database>) {
    let store = with_target(&database).await;
    let user = ObjectRef::user("u1");
    write(&store, &[common::user("u1")]).await;
    let run = begin(&store).await;
    store.lease(&target(), "me", std::slice::from_ref(&user), LEASE).await.unwrap();
    let basis = states(&store, std::slice::from_ref(&user)).await[0].basis;
    let action = Action::Create { record: wants(json!({ "login": "one@corp.example" })) };
    let seq = plan(&store, &run, &user, &action, basis).await;
    let start = Start {
        seq,
        object: user.clone(),
        basis,
        action,
        record: None,
        blocks: None,
        hands_over: false,
        sent: json!({ "login": "one@corp.example" }),
    };
    assert_eq!(store.start_effects(&target(), &run, "me", &[start]).await.unwrap(), vec![]);
    assert!(store.settle_effect(&run, seq, Settled::Landed("t1".into())).await.unwrap());
    let row = rows(&store).await.pop().unwrap();
    assert_eq!((row.action.as_str(), row.outcome.as_str(), row.record), ("create", "settled_done", Some("t1".into())));
    assert_eq!((row.object, row.mapping_version.as_deref()), (Some(user), Some("m1")));
    assert_eq!(row.after["login"], AuditValue::Value(json!("one@corp.example")));
    assert!(store.verify_audit(None).await.unwrap().is_ok());
}
