//! Every object in scope is mapped before the run's first write. One evaluation error halts the target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entrain_mapping::{Context, Mapped, MappingError};
use entrain_model::{
    Desired, DesiredRecord, Evidence, Hold, Kind, ObjectRef, Scope, Setting, SourceId, SourceRecord, Why, anchor_value, fold,
};
use entrain_plan::ruled;
use entrain_store::{DesiredRow, Halt, HaltKind, Key, Standing, Store};
use serde_json::{Value as Json, json};
use tracing::Instrument as _;

use crate::engine::{PAGE, Run};
use crate::{Step, SyncError, Target, TargetChoice, trace};

/// What a mapping pass learned beyond the rows that it stored.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// The attributes that the mapping named, by kind.
    pub(crate) attributes: BTreeMap<Kind, BTreeSet<String>>,
    /// For a small scope: the matching keys of what shall be present.
    pub(crate) keys: Vec<(ObjectRef, Vec<Key>)>,
}

/// The mapped state of one object, or the halt that its evaluation calls for.
pub(crate) type Row = Result<DesiredRow, Box<Halt>>;

/// Maps the scope and stores what shall be.
pub(crate) async fn map(run: &Run<'_>, scope: &Scope) -> Result<Learned, SyncError> {
    let mut learned = Learned::default();
    match scope {
        Scope::Everything => {
            let counts = run.store().source_counts().await?;
            run.progress().begin(Step::Map, Some(counts.users + counts.groups));
            let ruling = run.target.ruling();
            for kind in Kind::ALL {
                map_all(run, kind, &ruling).await?;
            }
            learned.attributes = run.store().desired_names(&run.target.name, &ruling).await?;
            run.store().prune_desired_names(&run.target.name, &ruling).await?;
            run.store().prune_desired(&run.target.name).await?;
        }
        Scope::Only(objects) => {
            run.progress().begin(Step::Map, Some(objects.len() as u64));
            for chunk in objects.iter().cloned().collect::<Vec<_>>().chunks(PAGE) {
                let records = run.store().source_records(chunk).await?;
                let rows = map_page(run, records).await?;
                let present = rows.into_iter().filter(|row| matches!(row.desired, Desired::Present(_)));
                learned.keys.extend(present.map(|row| (row.object, row.keys)));
            }
        }
    }
    Ok(learned)
}

/// Evaluates what changed since it was mapped, or what is ruled otherwise by now.
async fn map_all(run: &Run<'_>, kind: Kind, ruling: &str) -> Result<(), SyncError> {
    let mut after: Option<SourceId> = None;
    loop {
        let page = run.store().standing_page(&run.target.name, kind, ruling, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.object.id.clone());
        let count = page.len();
        let stale = stale(run.store(), &run.target, page).await?;
        run.progress().advance((count - stale.len()) as u64);
        if stale.is_empty() {
            run.still_ours().await?;
        } else {
            map_page(run, run.store().source_records(&stale).await?).await?;
        }
    }
}

/// The objects of a page that must be evaluated. A script sees nothing but the record, its manager's record and the settings,
/// and has no clock: where these are as they were, so is its result.
async fn stale(store: &Store, target: &Target, page: Vec<Standing>) -> Result<Vec<ObjectRef>, SyncError> {
    let bounded = target.scope.group.as_ref().filter(|_| page.iter().any(|one| one.object.kind == Kind::User));
    let within = match bounded {
        Some(group) => {
            let users: Vec<_> = page.iter().map(|one| one.object.clone()).collect();
            Some(store.within_group(group, &users).await?)
        }
        None => None,
    };
    let moved = |one: &Standing| within.as_ref().is_some_and(|within| within.contains(&one.object) == one.outside);
    Ok(page.into_iter().filter(|one| !one.mapped || moved(one)).map(|one| one.object).collect())
}

async fn map_page(run: &Run<'_>, page: Vec<SourceRecord>) -> Result<Vec<DesiredRow>, SyncError> {
    run.still_ours().await?;
    let count = page.len() as u64;
    let span = trace::mapped(page.len());
    let rows = rows_or_halt(run, page).instrument(span).await?;
    run.store().put_desired(&run.target.name, &rows).await?;
    run.progress().advance(count);
    Ok(rows)
}

/// One error halts, unless an operator parked the object that causes it.
async fn rows_or_halt(run: &Run<'_>, page: Vec<SourceRecord>) -> Result<Vec<DesiredRow>, SyncError> {
    let versions: BTreeMap<_, _> = page.iter().map(|record| (record.object.clone(), record.version)).collect();
    let mut good = Vec::with_capacity(page.len());
    let mut parked = None;
    for row in rows(run.store(), &run.target, page).await? {
        let halt = match row {
            Ok(row) => {
                good.push(row);
                continue;
            }
            Err(halt) => halt,
        };
        let parked = match &mut parked {
            Some(known) => known,
            none => none.insert(run.store().parked(&run.target.name).await?),
        };
        match halt.object.as_ref().and_then(|object| Some((object, parked.get(object)?))) {
            Some((object, reason)) => good.push(DesiredRow {
                object: object.clone(),
                source_version: versions.get(object).copied().unwrap_or_default(),
                desired: Desired::Held(Hold::Parked { detail: reason.clone() }),
                keys: Vec::new(),
                unique: Vec::new(),
                ruling: String::new(),
                looks_up: None,
            }),
            None => return Err(SyncError::Halt(halt)),
        }
    }
    Ok(good)
}

/// What shall be of each record of a page, or the halt that its evaluation calls for. Nothing is stored.
pub(crate) async fn rows(store: &Store, target: &Arc<Target>, page: Vec<SourceRecord>) -> Result<Vec<Row>, SyncError> {
    let users: Vec<_> = page.iter().map(|r| r.object.clone()).filter(|o| o.kind == Kind::User).collect();
    let within = match &target.scope.group {
        Some(group) if !users.is_empty() => Some(store.within_group(group, &users).await?),
        Some(_) | None => None,
    };
    let managers = managers_of(store, target, &page).await?;
    evaluate(Arc::clone(target), page, within, managers).await
}

/// The managers' records, where a script reads them.
pub(crate) async fn managers_of(
    store: &Store,
    target: &Target,
    page: &[SourceRecord],
) -> Result<BTreeMap<SourceId, SourceRecord>, SyncError> {
    if !target.mapping.reads_manager() {
        return Ok(BTreeMap::new());
    }
    let wanted: BTreeSet<_> = page.iter().filter_map(manager_of).map(ObjectRef::user).collect();
    let records = store.source_records(&wanted.into_iter().collect::<Vec<_>>()).await?;
    Ok(records.into_iter().map(|record| (record.object.id.clone(), record)).collect())
}

pub(crate) fn manager_of(record: &SourceRecord) -> Option<&str> {
    record.attributes.get("manager")?.as_str()
}

/// Evaluates a page on threads that may block, one half each: scripts are work, not waiting.
async fn evaluate(
    target: Arc<Target>,
    page: Vec<SourceRecord>,
    within: Option<BTreeSet<ObjectRef>>,
    managers: BTreeMap<SourceId, SourceRecord>,
) -> Result<Vec<Row>, SyncError> {
    let shared = Arc::new((target.ruling(), target, within, managers));
    let mut rest = page;
    let half = rest.split_off(rest.len() / 2);
    let tasks = [rest, half].map(|part| {
        let shared = Arc::clone(&shared);
        tokio::task::spawn_blocking(move || {
            let (ruling, target, within, managers) = shared.as_ref();
            part.iter()
                .map(|record| {
                    let manager = manager_of(record).and_then(|id| managers.get(&SourceId::from(id)));
                    desired_row(target, ruling, record, within.as_ref(), manager)
                })
                .collect::<Vec<_>>()
        })
    });
    let mut rows = Vec::new();
    for task in tasks {
        rows.extend(task.await.map_err(|dead| SyncError::Thread(dead.to_string()))?);
    }
    Ok(rows)
}

fn desired_row(
    target: &Target,
    ruling: &str,
    record: &SourceRecord,
    within: Option<&BTreeSet<ObjectRef>>,
    manager: Option<&SourceRecord>,
) -> Row {
    let desired = desired(target, record, within, manager).map_err(|error| Box::new(mapping_halt(&error, record)))?;
    let (keys, unique) = match &desired {
        Desired::Present(wanted) => (keys(target, record, wanted), unique(target, record.object.kind, wanted)),
        Desired::Absent(_) | Desired::OutOfScope(_) | Desired::Held(_) => (Vec::new(), Vec::new()),
    };
    let looks_up = manager_of(record).filter(|_| target.mapping.reads_manager());
    Ok(DesiredRow {
        object: record.object.clone(),
        source_version: record.version,
        desired,
        keys,
        unique,
        ruling: ruling.to_owned(),
        looks_up: looks_up.map(|id| (SourceId::from(id), manager.map_or(0, |record| record.version))),
    })
}

/// What shall be true of one source object in the target.
pub(crate) fn desired(
    target: &Target,
    record: &SourceRecord,
    within: Option<&BTreeSet<ObjectRef>>,
    manager: Option<&SourceRecord>,
) -> Result<Desired, MappingError> {
    if let Some(why) = outside(target, record, within) {
        return Ok(Desired::OutOfScope(why));
    }
    let context = Context { target: &target.settings, manager };
    if !target.mapping.in_scope(record, &context)? {
        return Ok(Desired::OutOfScope(Why::Predicate));
    }
    Ok(match target.mapping.evaluate(record, &context)? {
        Mapped::Record(wanted) => Desired::Present(ruled(wanted, target.policy.authority.of(record.object.kind))),
        Mapped::Skip(reason) => Desired::OutOfScope(Why::Skipped(reason)),
    })
}

pub(crate) fn outside(target: &Target, record: &SourceRecord, within: Option<&BTreeSet<ObjectRef>>) -> Option<Why> {
    match record.object.kind {
        Kind::Group => (target.scope.groups == TargetChoice::Exclude).then_some(Why::GroupsOut),
        Kind::User => {
            let service = record.attributes.get("serviceAccount") == Some(&Json::Bool(true));
            if service && target.scope.service_accounts == TargetChoice::Exclude {
                return Some(Why::ServiceAccount);
            }
            within.is_some_and(|members| !members.contains(&record.object)).then_some(Why::NotInScopeGroup)
        }
    }
}

/// The matching keys of one object: the anchor, an id that the source row carries, then what the operator configured.
fn keys(target: &Target, record: &SourceRecord, wanted: &DesiredRecord) -> Vec<Key> {
    let schema = target.schema().of(record.object.kind);
    let mut keys = vec![Key {
        rank: 0,
        evidence: Evidence::Anchor,
        attribute: schema.anchor.clone(),
        value: fold(&anchor_of(target, &record.object, wanted)),
    }];
    if let Some(id) = record.attributes.get("targetObjectId").and_then(Json::as_str) {
        keys.push(Key { rank: 1, evidence: Evidence::TargetId, attribute: "id".into(), value: fold(id) });
    }
    for (rank, key) in (2..).zip(target.match_keys(record.object.kind)) {
        let value = match &key.source {
            Some(source) => record.attributes.get(source).and_then(Json::as_str),
            None => wanted.text(&key.attribute),
        };
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            keys.push(Key {
                rank,
                evidence: Evidence::Key(key.attribute.clone()),
                attribute: key.attribute.clone(),
                value: fold(value),
            });
        }
    }
    keys
}

/// The anchor that the object's record carries: what the mapping sets for that attribute, else the hash of its id.
pub(crate) fn anchor_of(target: &Target, object: &ObjectRef, wanted: &DesiredRecord) -> String {
    let anchor = &target.schema().of(object.kind).anchor;
    wanted.text(anchor).map_or_else(|| anchor_value(object), str::to_owned)
}

pub(crate) fn unique(target: &Target, kind: Kind, wanted: &DesiredRecord) -> Vec<(String, String)> {
    let attributes = &target.schema().of(kind).attributes;
    wanted
        .settings
        .iter()
        .filter(|(name, setting)| attributes.get(name.as_str()).is_some_and(|a| a.unique) && matches!(setting, Setting::Set(_)))
        .filter_map(|(name, _)| Some((name.clone(), fold(wanted.text(name)?))))
        .collect()
}

/// The halt for a script that failed. The input is shown by its shape: which attributes were set, not to what.
fn mapping_halt(error: &MappingError, record: &SourceRecord) -> Halt {
    let shape: serde_json::Map<_, _> = record.attributes.iter().map(|(name, value)| (name.clone(), shape_of(value))).collect();
    Halt {
        kind: HaltKind::Mapping,
        script: Some(error.script.clone()),
        line: error.line.and_then(|n| i64::try_from(n).ok()),
        column: error.column.and_then(|n| i64::try_from(n).ok()),
        object: Some(record.object.clone()),
        message: error.message.clone(),
        input: Some(Json::Object(shape)),
        since: 0,
        leavers_waiting: 0,
    }
}

fn shape_of(value: &Json) -> Json {
    match value {
        Json::Null | Json::Bool(_) => value.clone(),
        Json::Number(_) => json!("number"),
        Json::String(text) => json!(format!("text of {} characters", text.chars().count())),
        Json::Array(items) => json!(format!("list of {}", items.len())),
        Json::Object(parts) => Json::Object(parts.iter().map(|(name, part)| (name.clone(), shape_of(part))).collect()),
    }
}
