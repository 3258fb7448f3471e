//! Intents and outcomes, and what remains after a crash between them.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::cloned_ref_to_slice_refs)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use entrain_model::*;
use entrain_store::*;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

on_both!(
    an_intent_is_refused_when_its_basis_moved,
    a_protected_record_is_refused_at_the_last_moment,
    the_last_administrator_is_refused_whoever_asks,
    an_outcome_is_recorded_as_a_whole,
    a_run_is_not_stopped_by_its_own_link,
    a_halted_target_starts_nothing,
    a_halted_mapping_lets_planned_leavers_through,
    an_intent_waits_for_a_halt_under_way,
    a_record_is_never_linked_twice,
    a_sent_value_replaces_what_was_stored,
    outcomes_that_are_not_done,
    recovery_finds_what_is_open,
    a_create_that_is_sent_again_is_the_one_to_be_looked_for,
    a_crash_leaves_either_all_or_nothing,
    references_of_a_deleted_record_are_dropped,
    many_effects_go_in_one_transaction,
);

struct Case {
    store: Store,
    run: RunId,
    user: ObjectRef,
}

/// A present user with a lease, and a run.
async fn case(database: &Database) -> Case {
    let store = with_target(database).await;
    prepare(store).await
}

async fn prepare(store: Store) -> Case {
    let user = ObjectRef::user("u1");
    write(&store, &[common::user("u1")]).await;
    drain(&store).await;
    let run = begin(&store).await;
    store.put_desired(&target(), &[present(&user, 1, "one@corp.example")]).await.unwrap();
    store.lease(&target(), "me", std::slice::from_ref(&user), LEASE).await.unwrap();
    Case { store, run, user }
}

fn create() -> Action {
    Action::Create { record: wants(json!({ "login": "one@corp.example" })) }
}

impl Case {
    async fn basis(&self) -> Basis {
        states(&self.store, std::slice::from_ref(&self.user)).await[0].basis
    }

    async fn planned(&self, action: Action, basis: Basis) -> Start {
        let seq = plan(&self.store, &self.run, &self.user, &action, basis).await;
        let sent = json!({ "login": "one@corp.example" });
        Start { seq, object: self.user.clone(), basis, action, record: None, blocks: None, hands_over: false, sent }
    }

    async fn begin(&self, start: &Start) -> Option<Refusal> {
        let refused = self.store.start_effects(&target(), &self.run, "me", std::slice::from_ref(start)).await.unwrap();
        refused.first().map(|(seq, refusal)| {
            assert_eq!(*seq, start.seq);
            *refusal
        })
    }

    async fn line(&self, seq: i64) -> PlanLine {
        self.store.lines(&self.run, &[seq]).await.unwrap().remove(0)
    }

    async fn end(&self, end: End) {
        self.store.end_effects(&target(), &self.run, &[end]).await.unwrap();
    }
}

fn created(id: &str) -> LinkWrite {
    LinkWrite::Put {
        id: id.into(),
        evidence: Evidence::Created,
        anchored: true,
        sent: attributes(json!({ "login": "one@corp.example" })),
    }
}

async fn an_intent_is_refused_when_its_basis_moved(database: Arc<Database>) {
    let case = case(&database).await;
    let basis = case.basis().await;
    let refuse = async |basis: Basis, expected: Refusal| {
        let start = case.planned(create(), basis).await;
        assert_eq!(case.begin(&start).await, Some(expected));
        let line = case.line(start.seq).await;
        assert_eq!(
            (line.state, line.detail),
            (LineState::Dropped, Some(serde_json::to_value(expected).unwrap().as_str().unwrap().to_owned()))
        );
        assert_eq!(database.shell("select count(*) from effects"), "0");
        assert_eq!(case.store.queue_depth(&target()).await.unwrap().rows, 1, "the object is queued anew");
        database.shell("delete from queue");
    };
    refuse(Basis { source: basis.source + 1, ..basis }, Refusal::SourceMoved).await;
    refuse(Basis { link: 3, ..basis }, Refusal::LinkMoved).await;
    refuse(Basis { epoch: basis.epoch - 1, ..basis }, Refusal::Halted).await;
    database.shell("update users set display_name = 'x'");
    database.shell("delete from queue");
    refuse(basis, Refusal::SourceMoved).await;
    let basis = Basis { source: 2, ..basis };
    case.store.release(&target(), "me", None).await.unwrap();
    refuse(basis, Refusal::LeaseLost).await;
    case.store.lease(&target(), "other", std::slice::from_ref(&case.user), LEASE).await.unwrap();
    refuse(basis, Refusal::LeaseLost).await;
    case.store.release(&target(), "other", None).await.unwrap();
    case.store.lease(&target(), "me", std::slice::from_ref(&case.user), Duration::from_millis(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    refuse(basis, Refusal::LeaseLost).await;
    case.store.lease(&target(), "me", std::slice::from_ref(&case.user), LEASE).await.unwrap();
    let start = case.planned(create(), basis).await;
    assert_eq!(case.begin(&start).await, None);
    assert_eq!(case.line(start.seq).await.state, LineState::Started);
    assert!(states(&case.store, &[case.user.clone()]).await[0].unsettled);
}

async fn a_protected_record_is_refused_at_the_last_moment(database: Arc<Database>) {
    let case = case(&database).await;
    let store = &case.store;
    mirror(store, Kind::User, Reading::Full, 1, &[record(Kind::User, "t1", json!({}))]).await;
    let refuse = async |expected: Option<Refusal>| {
        let action = Action::Disable { id: "t1".into(), sessions: entrain_model::Sessions::End };
        let start = Start { record: Some("t1".into()), ..case.planned(action, case.basis().await).await };
        assert_eq!(case.begin(&start).await, expected);
    };
    store.put_privileged(&target(), &holders(&["t1"]), &Proof::last_page_seen(1, None, None)).await.unwrap();
    refuse(Some(Refusal::Protected)).await;
    let approval = ProtectionApproval { target: target(), record: "t1".into(), reason: "why".into(), by: "who".into(), at: 0 };
    store.approve_record(&approval).await.unwrap();
    refuse(None).await;
    assert!(store.revoke_record(&target(), &"t1".into(), "who").await.unwrap());
    assert!(!store.revoke_record(&target(), &"t1".into(), "who").await.unwrap());
    refuse(Some(Refusal::Protected)).await;
    let rows = store.audit(&AuditScope::default(), 0, 99).await.unwrap().into_iter();
    let kept: Vec<_> = rows.filter(|row| row.record == Some("t1".into())).map(|row| (row.action, row.author)).collect();
    let who = || "who".to_owned();
    assert!(kept.contains(&("protect_allow".into(), who())) && kept.contains(&("protect_revoke".into(), who())), "{kept:?}");
    store.put_privileged(&target(), &holders(&[]), &Proof::last_page_seen(1, None, None)).await.unwrap();
    store.put_protected_list(&target(), &["t1".to_owned()].into()).await.unwrap();
    refuse(Some(Refusal::Protected)).await;
    store.put_protected_list(&target(), &[].into()).await.unwrap();
    refuse(None).await;
}

/// As two runs do that each block one of the last two: the plan of each was made when the other still could sign in.
async fn the_last_administrator_is_refused_whoever_asks(database: Arc<Database>) {
    let store = with_target(&database).await;
    let (u1, u2) = (ObjectRef::user("u1"), ObjectRef::user("u2"));
    for (object, id) in [(&u1, "t1"), (&u2, "t2")] {
        write(&store, &[user(object.id.as_str())]).await;
        store.put_desired(&target(), &[present(object, 1, object.id.as_str())]).await.unwrap();
        link(&store, object, id).await;
    }
    let able = |id: &str, enabled: bool| record(Kind::User, id, json!({ "enabled": enabled }));
    mirror(&store, Kind::User, Reading::Full, 1, &[able("t1", true), able("t2", true), able("t3", false)]).await;
    let why = |id: &str| (TargetId::from(id), [Protection::Role, Protection::Administrator].into());
    let administrators = ["t1", "t2", "t3"].map(why).into();
    store.put_privileged(&target(), &administrators, &Proof::last_page_seen(1, None, None)).await.unwrap();
    store.put_protected_list(&target(), &[].into()).await.unwrap();
    for id in ["t1", "t2", "t3"] {
        let approval = ProtectionApproval { target: target(), record: id.into(), reason: "x".into(), by: "y".into(), at: 0 };
        store.approve_record(&approval).await.unwrap();
    }
    assert_eq!(store.active_administrators(&target(), "enabled").await.unwrap(), ["t1".into(), "t2".into()].into());
    let start = async |object: &ObjectRef, id: &str, holder: &str| {
        let run = begin(&store).await;
        store.lease(&target(), holder, std::slice::from_ref(object), LEASE).await.unwrap();
        let basis = states(&store, std::slice::from_ref(object)).await[0].basis;
        let action = Action::Disable { id: id.into(), sessions: entrain_model::Sessions::End };
        let seq = plan(&store, &run, object, &action, basis).await;
        let start = Start {
            seq,
            object: object.clone(),
            basis,
            action,
            record: Some(id.into()),
            blocks: Some("enabled"),
            hands_over: false,
            sent: json!({}),
        };
        store.start_effects(&target(), &run, holder, &[start]).await.unwrap().first().map(|(_, refusal)| *refusal)
    };
    let (one, other) = tokio::join!(start(&u1, "t1", "one"), start(&u2, "t2", "other"));
    let refused = [one, other].into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(refused, [Refusal::LastAdministrator], "exactly one of them goes");
}

async fn an_outcome_is_recorded_as_a_whole(database: Arc<Database>) {
    let case = case(&database).await;
    mirror(&case.store, Kind::User, Reading::Full, 1, &[]).await;
    let generation = case.store.next_generation(&target()).await.unwrap();
    let start = case.planned(create(), case.basis().await).await;
    assert_eq!(case.begin(&start).await, None);
    let known = attributes(json!({ "login": "one@corp.example", "anchor": anchor_value(&case.user), "ext.a": "x" }));
    let mut end =
        done(&start, Some(created("t1")), vec![MirrorWrite::Attributes { kind: Kind::User, id: "t1".into(), attributes: known }]);
    end.audit = Audit { after: attributes(json!({ "login": "one@corp.example" })), ..Audit::default() };
    case.end(end).await;
    let state = &states(&case.store, &[case.user.clone()]).await[0];
    let link = state.link.clone().unwrap();
    assert_eq!((link.version, link.anchored, link.sent), (1, true, attributes(json!({ "login": "one@corp.example" }))));
    let actual = state.actual.as_ref().unwrap();
    assert_eq!(actual.attributes["ext"], json!({ "a": "x" }));
    assert_eq!((actual.condition, actual.anchor.clone(), state.unsettled), (Condition::Live, Anchor::Ours, false));
    let line = case.line(start.seq).await;
    assert_eq!((line.state, line.request_id.as_deref()), (LineState::Done, Some("r-1")));
    let audit = case.store.audit(&of_run(&case), 0, 10).await.unwrap();
    assert_eq!(audit.len(), 1);
    assert_eq!((audit[0].action.as_str(), audit[0].outcome.as_str(), audit[0].line), ("create", "done", Some(start.seq)));
    assert_eq!(audit[0].after["login"], AuditValue::Value(json!("one@corp.example")));
    assert_eq!(audit[0].mapping_version.as_deref(), Some("m1"));
    // A read that was under way and did not see the new record does not take it for gone.
    let proof = Proof::last_page_seen(1, None, None);
    case.store.complete_mirror(&target(), Kind::User, &proof, &Default::default(), generation).await.unwrap();
    assert_eq!(states(&case.store, &[case.user.clone()]).await[0].actual.as_ref().unwrap().condition, Condition::Live);
    // Another object that wants the login now meets it.
    let other = ObjectRef::user("u2");
    write(&case.store, &[user("u2")]).await;
    case.store.put_desired(&target(), &[present(&other, 1, "ONE@corp.example")]).await.unwrap();
    assert_eq!(states(&case.store, &[other]).await[0].contests[0].held_by, vec![("t1".into(), Some(case.user.clone()))]);
}

fn of_run(case: &Case) -> AuditScope {
    AuditScope { run: Some(case.run.clone()), ..AuditScope::default() }
}

async fn a_run_is_not_stopped_by_its_own_link(database: Arc<Database>) {
    let case = case(&database).await;
    let basis = case.basis().await;
    let update = || Action::Update { id: "t1".into(), edits: Vec::new() };
    let (first, second, third) =
        (case.planned(create(), basis).await, case.planned(update(), basis).await, case.planned(update(), basis).await);
    assert_eq!(case.begin(&first).await, None);
    case.end(done(&first, Some(created("t1")), Vec::new())).await;
    assert_eq!(case.begin(&second).await, None, "the link is new, but this run made it");
    case.end(done(&second, Some(LinkWrite::Sent(attributes(json!({ "a": 1 })))), Vec::new())).await;
    let out = DesiredRow { desired: Desired::OutOfScope(Why::Predicate), ..present(&case.user, 1, "x") };
    case.store.put_desired(&target(), &[out]).await.unwrap();
    assert_eq!(case.begin(&third).await, Some(Refusal::LinkMoved), "it has left the target since");
}

fn halt(kind: HaltKind) -> Halt {
    Halt {
        kind,
        script: None,
        line: None,
        column: None,
        object: None,
        message: "x".into(),
        input: None,
        since: 0,
        leavers_waiting: 0,
    }
}

async fn a_halted_target_starts_nothing(database: Arc<Database>) {
    let case = case(&database).await;
    let start = case.planned(create(), case.basis().await).await;
    case.store.halt(&target(), &halt(HaltKind::Credential)).await.unwrap();
    assert_eq!(case.begin(&start).await, Some(Refusal::Halted));
    let during = case.planned(create(), case.basis().await).await;
    assert_eq!(case.begin(&during).await, Some(Refusal::Halted));
    case.store.resume(&target()).await.unwrap();
    let old = case.planned(create(), during.basis).await;
    assert_eq!(case.begin(&old).await, Some(Refusal::Halted), "planned before the resume");
    let new = case.planned(create(), case.basis().await).await;
    assert_eq!(case.begin(&new).await, None);
}

async fn a_halted_mapping_lets_planned_leavers_through(database: Arc<Database>) {
    let case = case(&database).await;
    let disable = || Action::Disable { id: "t1".into(), sessions: entrain_model::Sessions::End };
    let before = case.planned(disable(), case.basis().await).await;
    case.store.halt(&target(), &halt(HaltKind::Mapping)).await.unwrap();
    assert_eq!(case.begin(&before).await, Some(Refusal::Halted));
    let other = case.planned(create(), case.basis().await).await;
    assert_eq!(case.begin(&other).await, Some(Refusal::Halted));
    let leaver = case.planned(disable(), case.basis().await).await;
    assert_eq!(case.begin(&leaver).await, None);
}

/// An intent waits for a halt that is being recorded, and sees it.
async fn an_intent_waits_for_a_halt_under_way(database: Arc<Database>) {
    let case = case(&database).await;
    let start = case.planned(create(), case.basis().await).await;
    let text = serde_json::to_string(&halt(HaltKind::Credential)).unwrap();
    let update = format!("update targets set epoch = epoch + 1, halt = '{text}'");
    sqlx::any::install_default_drivers();
    let mut halting = sqlx::AnyConnection::connect(&database.url).await.unwrap();
    let begin = if database.sort == Sort::Postgres { "begin" } else { "begin immediate" };
    for statement in [begin, &update] {
        halting.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }
    // From here on the halt is being recorded: the intent must not be judged before that has ended.
    let (halted, begun) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            halting.execute("commit").await
        },
        case.begin(&start)
    );
    halted.unwrap();
    assert_eq!(begun, Some(Refusal::Halted));
    halting.close().await.unwrap();
}

async fn a_record_is_never_linked_twice(database: Arc<Database>) {
    let case = case(&database).await;
    let (u2, u3) = (ObjectRef::user("u2"), ObjectRef::user("u3"));
    write(&case.store, &[user("u2"), user("u3")]).await;
    let rows = [present(&u2, 1, "two"), present(&u3, 1, "three")];
    case.store.put_desired(&target(), &rows).await.unwrap();
    link(&case.store, &u2, "t1").await;
    case.store.lease(&target(), "me", &[case.user.clone(), u3.clone()], LEASE).await.unwrap();
    let takes = |id: &str| Action::Link { id: id.into(), evidence: Evidence::Key("login".into()), write_anchor: true };
    let start = case.planned(takes("t1"), case.basis().await).await;
    assert_eq!(case.begin(&start).await, Some(Refusal::Taken));
    // Both began before either ended.
    let first = case.planned(takes("t2"), case.basis().await).await;
    let basis = states(&case.store, &[u3.clone()]).await[0].basis;
    let second =
        Start { seq: plan(&case.store, &case.run, &u3, &takes("t2"), basis).await, object: u3.clone(), basis, ..first.clone() };
    let refused = case.store.start_effects(&target(), &case.run, "me", &[first.clone(), second.clone()]).await.unwrap();
    assert_eq!(refused, vec![]);
    let ends = [done(&first, Some(created("t2")), Vec::new()), done(&second, Some(created("t2")), Vec::new())];
    case.store.end_effects(&target(), &case.run, &ends).await.unwrap();
    assert_eq!(case.store.link_ids(&target(), &[case.user.clone(), u3.clone()]).await.unwrap().len(), 1);
    assert_eq!(case.line(second.seq).await.state, LineState::Failed);
    let holds = case.store.holds(Some(&target()), None, 10).await.unwrap();
    assert_eq!((holds.len(), holds[0].hold.code(), holds[0].object.clone()), (1, "ambiguous", u3));
}

async fn a_sent_value_replaces_what_was_stored(database: Arc<Database>) {
    let case = case(&database).await;
    link(&case.store, &case.user, "t1").await;
    case.store.lease(&target(), "me", std::slice::from_ref(&case.user), LEASE).await.unwrap();
    let send = async |write: LinkWrite| {
        let start = case.planned(Action::Update { id: "t1".into(), edits: Vec::new() }, case.basis().await).await;
        assert_eq!(case.begin(&start).await, None);
        case.end(done(&start, Some(write), Vec::new())).await;
        states(&case.store, &[case.user.clone()]).await[0].link.clone().unwrap()
    };
    send(LinkWrite::Sent(attributes(json!({ "title": "a ", "city": "b " })))).await;
    case.store.accept_stored(&target(), &[(case.user.clone(), attributes(json!({ "title": "a", "city": "b" })))]).await.unwrap();
    let link = send(LinkWrite::Sent(attributes(json!({ "title": "c" })))).await;
    assert_eq!((link.sent, link.stored), (attributes(json!({ "title": "c", "city": "b " })), attributes(json!({ "city": "b" }))));
    assert_eq!(link.version, 1, "what is sent is no new identity");
    let same = LinkWrite::Put { id: "t1".into(), evidence: Evidence::Anchor, anchored: true, sent: Attributes::new() };
    let link = send(same).await;
    assert_eq!((link.version, link.sent.len()), (2, 2));
    let other = LinkWrite::Put { id: "t2".into(), evidence: Evidence::Anchor, anchored: false, sent: Attributes::new() };
    let link = send(other).await;
    assert_eq!((link.version, link.anchored, link.sent.len(), link.stored.len()), (3, false, 0, 0), "another record");
    assert!(send(LinkWrite::Anchored).await.anchored);
    let start = case.planned(Action::Unlink { id: "t2".into() }, case.basis().await).await;
    assert_eq!(case.begin(&start).await, None);
    case.end(done(&start, Some(LinkWrite::Removed), Vec::new())).await;
    assert_eq!(states(&case.store, &[case.user.clone()]).await[0].link, None);
}

async fn outcomes_that_are_not_done(database: Arc<Database>) {
    let case = case(&database).await;
    let hold = Hold::Rejected { attribute: Some("login".into()), detail: "too long".into() };
    let outcomes = [
        (Outcome::Refused { hold: hold.clone() }, LineState::Failed, "login: too long", false),
        (Outcome::Retry { detail: "busy".into() }, LineState::Failed, "busy", false),
        (Outcome::Unknown { detail: "lost".into() }, LineState::Unknown, "lost", true),
    ];
    for (outcome, state, detail, unsettled) in outcomes {
        let start = case.planned(create(), case.basis().await).await;
        assert_eq!(case.begin(&start).await, None);
        case.end(End { outcome, ..done(&start, None, Vec::new()) }).await;
        let line = case.line(start.seq).await;
        assert_eq!((line.state, line.detail.as_deref()), (state, Some(detail)));
        assert_eq!(states(&case.store, &[case.user.clone()]).await[0].unsettled, unsettled);
    }
    let holds = case.store.holds(None, None, 10).await.unwrap();
    assert_eq!((holds.len(), &holds[0].hold), (1, &hold));
    let open = case.store.open_effects(&target(), case.store.now()).await.unwrap();
    assert_eq!(open.len(), 1, "only the unknown one");
    case.store.settle_effect(&open[0].run, open[0].seq, Settled::NotDone).await.unwrap();
    assert!(!states(&case.store, &[case.user.clone()]).await[0].unsettled);
    let again = case.store.settle_effect(&open[0].run, open[0].seq, Settled::Landed("u-1".into())).await.unwrap();
    assert!(!again, "the first word stands");
    assert_eq!(case.store.link_ids(&target(), &[case.user.clone()]).await.unwrap().len(), 0);
    let words: Vec<_> = case.store.audit(&of_run(&case), 0, 10).await.unwrap().into_iter().map(|row| row.outcome).collect();
    assert_eq!(words, ["refused", "retry", "unknown", "settled_not_done"]);
}

async fn a_create_that_is_sent_again_is_the_one_to_be_looked_for(database: Arc<Database>) {
    let case = case(&database).await;
    let mut lines = Vec::new();
    for _ in 0..2 {
        let start = case.planned(create(), case.basis().await).await;
        assert_eq!(case.begin(&start).await, None);
        case.end(End { outcome: Outcome::Unknown { detail: "lost".into() }, ..done(&start, None, Vec::new()) }).await;
        lines.push(start.seq);
    }
    let open = case.store.open_effects(&target(), case.store.now()).await.unwrap();
    assert_eq!(open.iter().map(|effect| effect.seq).collect::<Vec<_>>(), lines[1..], "the first is superseded");
    let since = case.store.now() - 60_000;
    let written = async || case.store.written_since(&target(), &[case.user.clone()], since).await.unwrap();
    assert!(written().await.is_empty(), "nobody knows whether it was written");
    case.store.settle_effect(&open[0].run, open[0].seq, Settled::Landed("u-1".into())).await.unwrap();
    assert_eq!(written().await, [case.user.clone()].into());
    assert!(states(&case.store, &[case.user.clone()]).await[0].written_at.is_some_and(|at| at >= since));
    assert!(case.store.written_since(&target(), &[case.user.clone()], case.store.now() + 60_000).await.unwrap().is_empty());
}

async fn recovery_finds_what_is_open(database: Arc<Database>) {
    let case = case(&database).await;
    let start = case.planned(create(), case.basis().await).await;
    assert_eq!(case.begin(&start).await, None);
    let open = async || case.store.open_effects(&target(), case.store.now()).await.unwrap();
    assert_eq!(open().await, vec![], "somebody works on it");
    assert!(states(&case.store, &[case.user.clone()]).await[0].unsettled);
    case.store.release(&target(), "me", None).await.unwrap();
    case.store.lease(&target(), "another", &[case.user.clone()], LEASE).await.unwrap();
    let found = open().await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].run, found[0].seq, &found[0].object, &found[0].action), (&case.run, start.seq, &case.user, &create()));
    assert_eq!(found[0].sent, json!({ "login": "one@corp.example" }));
    assert_eq!(case.store.open_effects(&target(), found[0].started_at - 1).await.unwrap(), vec![]);
    case.store.settle_effect(&case.run, start.seq, Settled::Landed("u-1".into())).await.unwrap();
    assert_eq!(case.line(start.seq).await.state, LineState::Done);
    let links = case.store.link_ids(&target(), &[case.user.clone()]).await.unwrap();
    assert_eq!(links.get(&case.user), Some(&("u-1".into(), true)), "its record is linked");
    assert_eq!(open().await, vec![]);
}

/// Whatever is stopped, an intent is there as a whole or not at all, and so is an outcome.
async fn a_crash_leaves_either_all_or_nothing(database: Arc<Database>) {
    let store = with_target(&database).await;
    for point in FailPoint::ALL {
        database.shell("delete from effects; delete from links; delete from audit; delete from queue; delete from leases; delete from mirror");
        let case = prepare(store.clone()).await;
        let failing = case.store.clone().with_failpoints(Arc::new(FailPoints::at(point, 1)));
        let case = Case { store: failing, ..case };
        let start = case.planned(create(), case.basis().await).await;
        let started = case.store.start_effects(&target(), &case.run, "me", std::slice::from_ref(&start)).await;
        let write = MirrorWrite::Attributes { kind: Kind::User, id: "t1".into(), attributes: Attributes::new() };
        let ended = case.store.end_effects(&target(), &case.run, &[done(&start, Some(created("t1")), vec![write])]).await;
        let counts = database.shell(
            "select (select count(*) from effects where state = 'started'), (select count(*) from effects where state = 'done'), \
             (select count(*) from links), (select count(*) from audit), (select count(*) from mirror)",
        );
        let expected = match point {
            FailPoint::BeforeStart => "0|0|0|0|0",
            FailPoint::AfterStart | FailPoint::BeforeEnd => "1|0|0|0|0",
            FailPoint::AfterEnd => "0|1|1|1|1",
        };
        assert_eq!(counts, expected, "{point:?}");
        assert_eq!(started.is_err(), matches!(point, FailPoint::BeforeStart | FailPoint::AfterStart), "{point:?}");
        let error = ended.unwrap_err();
        assert!(matches!(error, StoreError::Injected(_)), "{error}");
        assert!(
            case.store.finish_run(&case.run, RunState::Failed, &json!({})).await.is_err(),
            "a dead process writes nothing more"
        );
    }
    let counting = Arc::new(FailPoints::count_only());
    let case = prepare(store.clone().with_failpoints(counting.clone())).await;
    let start = case.planned(create(), case.basis().await).await;
    case.begin(&start).await;
    assert_eq!(FailPoint::ALL.map(|point| counting.passages(point)), [1, 1, 0, 0]);
}

async fn references_of_a_deleted_record_are_dropped(database: Arc<Database>) {
    let case = case(&database).await;
    link(&case.store, &case.user, "t1").await;
    let mut team = record(Kind::Group, "tg", json!({}));
    team.references = vec![refers(Relation::Member, "t1", true), refers(Relation::Member, "t2", true)];
    mirror(&case.store, Kind::Group, Reading::Full, 1, &[team]).await;
    mirror(&case.store, Kind::User, Reading::Full, 1, &[record(Kind::User, "t1", json!({ "login": "one@corp.example" }))]).await;
    case.store.lease(&target(), "me", std::slice::from_ref(&case.user), LEASE).await.unwrap();
    let reference = |to: &str, present| MirrorWrite::Reference {
        relation: Relation::Member,
        from_kind: Kind::Group,
        from: "tg".into(),
        to_kind: Kind::User,
        to: to.into(),
        present,
    };
    let gone = MirrorWrite::Condition { kind: Kind::User, id: "t1".into(), condition: Condition::Deleted };
    let start = case.planned(Action::Delete { id: "t1".into() }, case.basis().await).await;
    assert_eq!(case.begin(&start).await, None);
    case.end(done(&start, Some(LinkWrite::Removed), vec![gone, reference("t3", true), reference("t2", false)])).await;
    assert_eq!(database.shell("select to_id from mirror_refs"), "t3");
    let state = &states(&case.store, &[case.user.clone()]).await[0];
    assert_eq!(state.link, None);
    assert_eq!((state.candidates[0].actual.condition, state.candidates.len()), (Condition::Deleted, 1), "it can be restored");
}

async fn many_effects_go_in_one_transaction(database: Arc<Database>) {
    let store = with_target(&database).await;
    let objects: Vec<_> = (0..1_000).map(|n| ObjectRef::user(format!("u{n:04}").as_str())).collect();
    write(&store, &objects.iter().map(|object| user(object.id.as_str())).collect::<Vec<_>>()).await;
    let run = begin(&store).await;
    let rows: Vec<_> = objects.iter().map(|object| present(object, 1, object.id.as_str())).collect();
    store.put_desired(&target(), &rows).await.unwrap();
    let lines: Vec<_> = states(&store, &objects)
        .await
        .into_iter()
        .map(|state| {
            let change = Change { object: state.object, phase: Phase::Users, action: create(), basis: state.basis };
            PlannedLine::from(Decision::Change(change))
        })
        .collect();
    store.put_plan(&run, &lines).await.unwrap();
    let planned = store.next_lines(&run, Phase::Users, 5_000).await.unwrap();
    assert_eq!(planned.len(), 1_000);
    assert_eq!(store.lease(&target(), "me", &objects, LEASE).await.unwrap().len(), 1_000);
    let starts: Vec<_> = planned
        .into_iter()
        .filter_map(|line| match line.decision {
            Decision::Change(change) => Some(Start {
                seq: line.seq,
                object: change.object,
                basis: change.basis,
                action: change.action,
                record: None,
                blocks: None,
                hands_over: false,
                sent: json!({}),
            }),
            Decision::Hold(..) => None,
        })
        .collect();
    assert_eq!(store.start_effects(&target(), &run, "me", &starts).await.unwrap(), vec![]);
    let ends: Vec<_> =
        starts.iter().map(|start| done(start, Some(created(&format!("t-{}", start.object.id))), Vec::new())).collect();
    store.end_effects(&target(), &run, &ends).await.unwrap();
    assert_eq!(store.link_ids(&target(), &objects).await.unwrap().len(), 1_000);
    assert_eq!(store.population(&target()).await.unwrap(), Population { users: 1_000, groups: 0 });
    assert_eq!(store.linked_references(&target()).await.unwrap(), 0);
    assert_eq!(store.tally(&run).await.unwrap().done["create"], 1_000);
}
