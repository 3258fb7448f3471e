use std::collections::BTreeSet;

use entrain_model::{Condition, Cursor, Lane, NewRecord, ObjectRef, Sessions, SinkError, anchor_value};
use serde_json::{Value as Json, json};

use super::*;

#[derive(Default)]
struct Sink(Vec<Observed>);

#[async_trait]
impl Pages for Sink {
    async fn page(&mut self, page: Vec<Observed>) -> Result<(), SinkError> {
        self.0.extend(page);
        Ok(())
    }
}

fn attributes(object: Json) -> Attributes {
    serde_json::from_value(object).unwrap()
}

fn memory() -> Memory {
    Memory::new(schema(), 7)
}

fn user(id: &str, login: &str) -> Write {
    let anchor = ("onPremisesImmutableId".to_owned(), anchor_value(&ObjectRef::user(id)));
    let attributes = attributes(json!({
        "userPrincipalName": login, "displayName": id, "mailNickname": id, "accountEnabled": true,
        "onPremisesImmutableId": anchor.1, "jobTitle": "Analyst",
    }));
    Write::Create(NewRecord { kind: Kind::User, attributes, anchor, object: ObjectRef::user(id) })
}

fn group(id: &str) -> Write {
    let anchor = ("uniqueName".to_owned(), anchor_value(&ObjectRef::group(id)));
    let attributes = attributes(json!({"displayName": id, "uniqueName": anchor.1}));
    Write::Create(NewRecord { kind: Kind::Group, attributes, anchor, object: ObjectRef::group(id) })
}

fn update(id: &TargetId, changed: Json) -> Write {
    Write::Update { kind: Kind::User, id: id.clone(), attributes: attributes(changed) }
}

fn member(group: &TargetId, user: &TargetId) -> Write {
    Write::AddReference { relation: Relation::Member, from: group.clone(), to_kind: Kind::User, to: user.clone() }
}

async fn one(memory: &Memory, write: Write) -> Result<Written, Fault> {
    memory.write(Lane::Direct, &[write]).await.remove(0).map_err(|error| error.fault)
}

async fn made(memory: &Memory, write: Write) -> TargetId {
    one(memory, write).await.unwrap().id.unwrap()
}

async fn read(memory: &Memory, query: Query) -> (Vec<Observed>, Read) {
    let mut sink = Sink::default();
    let read = memory.read(&query, &mut sink).await.unwrap();
    (sink.0, read)
}

fn everything(kind: Kind, since: Option<&Cursor>) -> Query {
    Query::Everything { kind, attributes: BTreeSet::from(["jobTitle".to_owned()]), since: since.cloned() }
}

fn cursor(read: &Read) -> Cursor {
    let Read::Complete(proof) = read else { panic!("not complete: {read:?}") };
    proof.cursor().unwrap().clone()
}

#[tokio::test]
async fn what_is_written_is_read() {
    let memory = memory();
    let id = made(&memory, user("u1", "a@x.example")).await;
    one(&memory, update(&id, json!({"jobTitle": null, "department": "Ops"}))).await.unwrap();
    let (records, read) = read(&memory, everything(Kind::User, None)).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].attributes["jobTitle"], Json::Null);
    assert_eq!(records[0].attributes["userPrincipalName"], json!("a@x.example"));
    assert!(!records[0].attributes.contains_key("department"), "only what is wanted is read");
    assert_eq!(memory.value(Kind::User, &id, "department"), Some(json!("Ops")));
    assert!(matches!(read, Read::Complete(proof) if !proof.incremental() && proof.pages() == 1));
}

#[tokio::test]
async fn parts_are_merged_and_whole_objects_replaced() {
    let memory = memory();
    let id = made(&memory, user("u1", "a@x.example")).await;
    one(&memory, update(&id, json!({"onPremisesExtensionAttributes": {"extensionAttribute1": "1", "extensionAttribute2": "2"}, "employeeOrgData": {"division": "N", "costCenter": "9"}}))).await.unwrap();
    one(
        &memory,
        update(&id, json!({"onPremisesExtensionAttributes": {"extensionAttribute1": "3"}, "employeeOrgData": {"division": "S"}})),
    )
    .await
    .unwrap();
    assert_eq!(memory.value(Kind::User, &id, "onPremisesExtensionAttributes.extensionAttribute2"), Some(json!("2")));
    assert_eq!(memory.value(Kind::User, &id, "employeeOrgData"), Some(json!({"division": "S"})));
}

#[tokio::test]
async fn unique_values_are_unique_among_live_records() {
    let memory = memory();
    let first = made(&memory, user("u1", "a@x.example")).await;
    let taken = Fault::AlreadyExists { attribute: Some("userPrincipalName".into()) };
    assert_eq!(one(&memory, user("u2", "A@x.example")).await, Err(taken.clone()));
    let second = made(&memory, user("u2", "b@x.example")).await;
    assert_eq!(one(&memory, update(&second, json!({"userPrincipalName": "a@X.example"}))).await, Err(taken.clone()));
    one(&memory, update(&second, json!({"userPrincipalName": "B@x.example"}))).await.unwrap();
    one(&memory, Write::Delete { kind: Kind::User, id: first.clone() }).await.unwrap();
    one(&memory, update(&second, json!({"userPrincipalName": "a@x.example"}))).await.unwrap();
    let restore = |attributes| Write::Restore { kind: Kind::User, id: first.clone(), attributes };
    assert_eq!(one(&memory, restore(Attributes::new())).await, Err(taken));
    one(&memory, restore(attributes(json!({"userPrincipalName": "c@x.example"})))).await.unwrap();
    assert_eq!(memory.value(Kind::User, &first, "userPrincipalName"), Some(json!("c@x.example")));
}

#[tokio::test]
async fn a_group_is_made_once_by_its_anchor_and_a_user_is_not() {
    let memory = memory();
    let id = made(&memory, group("g1")).await;
    let again = one(&memory, group("g1")).await.unwrap();
    assert_eq!((again.id, again.already), (Some(id), true));
    made(&memory, user("u1", "a@x.example")).await;
    assert!(matches!(one(&memory, user("u1", "a@x.example")).await, Err(Fault::AlreadyExists { .. })));
}

#[tokio::test]
async fn what_the_schema_forbids_is_refused() {
    let memory = memory();
    let id = made(&memory, user("u1", "a@x.example")).await;
    let code = |fault| match fault {
        Err(Fault::Rejected { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    let title = "x".repeat(129);
    assert_eq!(code(one(&memory, update(&id, json!({"jobTitle": title}))).await), "too_long");
    assert_eq!(code(one(&memory, update(&id, json!({"displayName": null}))).await), "not_clearable");
    assert_eq!(code(one(&memory, update(&id, json!({"id": "x"}))).await), "read_only");
    assert_eq!(code(one(&memory, user("u2", "a@y.example")).await), "domain");
    memory.domains(&["x.example", "y.example"]);
    made(&memory, user("u2", "a@y.example")).await;
    let Write::Create(mut bare) = user("u3", "c@x.example") else { unreachable!() };
    bare.attributes.remove("displayName");
    assert_eq!(code(one(&memory, Write::Create(bare)).await), "required");
}

#[tokio::test]
async fn marked_records_are_not_written() {
    let memory = memory();
    let id = made(&memory, user("u1", "a@x.example")).await;
    memory.mark(Kind::User, id.as_str(), |marks| marks.privileged = true);
    assert_eq!(one(&memory, Write::Disable { id: id.clone(), sessions: Sessions::End }).await, Err(Fault::Forbidden));
    let (holders, _) = read(&memory, Query::Privileged).await;
    assert_eq!(holders.iter().map(|record| &record.id).collect::<Vec<_>>(), [&id]);
    memory.mark(Kind::User, id.as_str(), |marks| *marks = Marks { mastered_elsewhere: true, ..Marks::default() });
    assert!(matches!(one(&memory, Write::Delete { kind: Kind::User, id: id.clone() }).await, Err(Fault::Rejected { .. })));
    memory.mark(Kind::User, id.as_str(), |marks| *marks = Marks::default());
    one(&memory, Write::Disable { id: id.clone(), sessions: Sessions::End }).await.unwrap();
    assert_eq!(memory.value(Kind::User, &id, "accountEnabled"), Some(json!(false)));
}

#[tokio::test]
async fn references_need_both_ends_and_stand_once() {
    let memory = memory();
    let (ann, staff) = (made(&memory, user("u1", "a@x.example")).await, made(&memory, group("g1")).await);
    assert!(!one(&memory, member(&staff, &ann)).await.unwrap().already);
    assert!(one(&memory, member(&staff, &ann)).await.unwrap().already);
    let missing = TargetId::from("r9999");
    assert_eq!(one(&memory, member(&staff, &missing)).await, Err(Fault::NotFound { id: Some(missing.clone()) }));
    assert_eq!(one(&memory, member(&missing, &ann)).await, Err(Fault::NotFound { id: Some(missing) }));
    let itself = Write::AddReference { relation: Relation::Member, from: staff.clone(), to_kind: Kind::Group, to: staff.clone() };
    assert!(matches!(one(&memory, itself).await, Err(Fault::Rejected { .. })));
    let remove = Write::RemoveReference { relation: Relation::Member, from: staff, to_kind: Kind::User, to: ann };
    assert!(!one(&memory, remove.clone()).await.unwrap().already);
    assert!(one(&memory, remove).await.unwrap().already);
}

#[tokio::test]
async fn a_manager_replaces_the_one_before() {
    let memory = memory();
    let mut ids = Vec::new();
    for id in ["u1", "u2", "u3"] {
        ids.push(made(&memory, user(id, &format!("{id}@x.example"))).await);
    }
    for boss in &ids[1..] {
        let write =
            Write::AddReference { relation: Relation::Manager, from: ids[0].clone(), to_kind: Kind::User, to: boss.clone() };
        one(&memory, write).await.unwrap();
    }
    let (records, _) = read(&memory, everything(Kind::User, None)).await;
    assert_eq!(records[0].references.iter().map(|reference| &reference.to).collect::<Vec<_>>(), [&ids[2]]);
}

#[tokio::test]
async fn an_incremental_read_shows_what_changed_and_nothing_else() {
    let memory = memory();
    let (ann, bob) = (made(&memory, user("u1", "a@x.example")).await, made(&memory, user("u2", "b@x.example")).await);
    let staff = made(&memory, group("g1")).await;
    one(&memory, member(&staff, &ann)).await.unwrap();
    let (_, users) = read(&memory, everything(Kind::User, None)).await;
    let (full, groups) = read(&memory, everything(Kind::Group, None)).await;
    assert_eq!(full[0].references.len(), 1);
    let (quiet, again) = read(&memory, everything(Kind::User, Some(&cursor(&users)))).await;
    assert_eq!(quiet, []);
    assert!(matches!(again, Read::Complete(proof) if proof.incremental()));

    one(&memory, update(&bob, json!({"jobTitle": "Chief"}))).await.unwrap();
    one(&memory, member(&staff, &bob)).await.unwrap();
    one(&memory, Write::Delete { kind: Kind::User, id: ann.clone() }).await.unwrap();
    let (changed, _) = read(&memory, everything(Kind::User, Some(&cursor(&users)))).await;
    let seen: Vec<_> = changed.iter().map(|record| (&record.id, record.condition)).collect();
    assert_eq!(seen, [(&ann, Condition::Deleted), (&bob, Condition::Live)]);
    let (changed, _) = read(&memory, everything(Kind::Group, Some(&cursor(&groups)))).await;
    let seen: Vec<_> = changed[0].references.iter().map(|reference| (&reference.to, reference.present)).collect();
    assert_eq!(seen, [(&bob, true), (&ann, false)]);
}

#[tokio::test]
async fn references_of_a_restored_record_come_back() {
    let memory = memory();
    let (ann, staff) = (made(&memory, user("u1", "a@x.example")).await, made(&memory, group("g1")).await);
    one(&memory, member(&staff, &ann)).await.unwrap();
    memory.delete(Kind::User, ann.as_str());
    let (groups, at) = read(&memory, everything(Kind::Group, None)).await;
    assert_eq!(groups[0].references, []);
    one(&memory, Write::Restore { kind: Kind::User, id: ann.clone(), attributes: Attributes::new() }).await.unwrap();
    let (groups, _) = read(&memory, everything(Kind::Group, Some(&cursor(&at)))).await;
    assert!(groups[0].references[0].present);
}

#[tokio::test]
async fn the_recycle_bin_is_read_apart() {
    let memory = memory();
    let ann = made(&memory, user("u1", "a@x.example")).await;
    memory.delete(Kind::User, ann.as_str());
    let deleted = |matching| Query::Deleted { kind: Kind::User, matching, attributes: BTreeSet::new() };
    assert_eq!(read(&memory, everything(Kind::User, None)).await.0, []);
    assert_eq!(read(&memory, deleted(None)).await.0[0].condition, Condition::Deleted);
    let anchor = |id: &str| ("onPremisesImmutableId".to_owned(), anchor_value(&ObjectRef::user(id)));
    assert_eq!(read(&memory, deleted(Some(anchor("u1")))).await.0.len(), 1);
    assert_eq!(read(&memory, deleted(Some(anchor("u2")))).await.0, []);
    memory.purge(Kind::User, ann.as_str());
    assert_eq!(read(&memory, deleted(None)).await.0, []);
}

#[tokio::test]
async fn records_are_found_by_key_and_by_id() {
    let memory = memory();
    let ann = made(&memory, user("u1", "O'Neil@x.example")).await;
    let matching = |attribute: &str, value: &str| Query::Matching {
        kind: Kind::User,
        attribute: attribute.into(),
        value: value.into(),
        attributes: BTreeSet::new(),
    };
    assert_eq!(read(&memory, matching("userPrincipalName", "o'neil@x.example")).await.0.len(), 1);
    assert_eq!(read(&memory, matching("userPrincipalName", "o'neil")).await.0, []);
    let by_id = |id: &TargetId| Query::Record { kind: Kind::User, id: id.clone(), attributes: BTreeSet::new() };
    assert_eq!(read(&memory, by_id(&ann)).await.0.len(), 1);
    memory.delete(Kind::User, ann.as_str());
    assert_eq!(read(&memory, by_id(&ann)).await.0, []);
}

#[tokio::test]
async fn cursors_expire_and_reads_break_off() {
    let memory = memory();
    memory.page_size(1);
    for id in ["u1", "u2", "u3"] {
        made(&memory, user(id, &format!("{id}@x.example"))).await;
    }
    let (records, at) = read(&memory, everything(Kind::User, None)).await;
    assert_eq!(records.len(), 3);
    memory.expire_cursors();
    let (_, expired) = read(&memory, everything(Kind::User, Some(&cursor(&at)))).await;
    assert_eq!(expired, Read::Partial(Subset::CursorExpired));
    let (_, anew) = read(&memory, everything(Kind::User, None)).await;
    assert_eq!(read(&memory, everything(Kind::User, Some(&cursor(&anew)))).await.0, []);
    memory.break_read_after(2);
    let mut sink = Sink::default();
    let error = memory.read(&everything(Kind::User, None), &mut sink).await.unwrap_err();
    assert_eq!((error.fault, sink.0.len()), (Fault::Unreachable, 2));
    assert_eq!(read(&memory, everything(Kind::User, None)).await.0.len(), 3);
}

#[tokio::test]
async fn ordered_faults_come_in_order() {
    let memory = memory();
    let wait = std::time::Duration::from_secs(3);
    memory.next([
        Next::LostAfter,
        Next::LostBefore,
        Next::Throttled(Some(wait)),
        Next::Unreachable,
        Next::Unauthorized,
        Next::Works,
    ]);
    let writes: Vec<_> = (1..=6).map(|n| user(&format!("u{n}"), &format!("u{n}@x.example"))).collect();
    let faults: Vec<_> =
        memory.write(Lane::Direct, &writes).await.into_iter().map(|answer| answer.err().map(|error| error.fault)).collect();
    let throttled = Fault::Throttled { retry_after: Some(wait) };
    let expected = [Fault::OutcomeUnknown, Fault::OutcomeUnknown, throttled, Fault::Unreachable, Fault::Unauthorized].map(Some);
    assert_eq!(faults[..5], expected);
    assert_eq!(faults[5], None);
    let committed: Vec<_> = memory.take_log().iter().map(|arrived| arrived.committed).collect();
    assert_eq!(committed, [true, false, false, false, false, true]);
    assert_eq!(memory.dump().len(), 2);
    assert_eq!(memory.take_log(), []);
}

#[tokio::test]
async fn chance_follows_the_seed() {
    let outcomes = async |seed| {
        let memory = Memory::new(schema(), seed);
        memory.break_down(Faults { lost_after: 0.2, lost_before: 0.2, throttled: 0.2, unreachable: 0.2, ..Faults::default() });
        let writes: Vec<_> = (0..100).map(|n| group(&format!("g{n}"))).collect();
        let answers = memory.write(Lane::Direct, &writes).await;
        (answers, memory.dump().len())
    };
    let (answers, kept) = outcomes(7).await;
    assert_eq!(outcomes(7).await.0, answers);
    assert_ne!(outcomes(8).await.0, answers);
    let succeeded = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((5..40).contains(&succeeded), "{succeeded}");
    assert!((25..60).contains(&kept), "{kept}");
}

#[tokio::test]
async fn a_crash_silences_the_directory_until_it_recovers() {
    for (crash, kept) in [(Crash::Before, 1), (Crash::After, 2)] {
        let memory = memory();
        let crashed = memory.crash_at(2, crash);
        let writes: Vec<_> = (1..=3).map(|n| group(&format!("g{n}"))).collect();
        tokio::select! {
            biased;
            answers = memory.write(Lane::Direct, &writes) => panic!("answered {answers:?}"),
            done = crashed => done.unwrap(),
        }
        assert_eq!(memory.dump().len(), kept, "{crash:?}");
        memory.recover();
        assert!(one(&memory, group("g9")).await.is_ok());
        let log = memory.take_log();
        assert_eq!(log.len(), 3);
        assert_eq!((log[1].committed, &log[1].answer), (crash == Crash::After, &None));
    }
}
