//! Replay of change events: each change, which may be several events, is one transaction.

use std::collections::BTreeMap;
use std::path::Path;

use entrain_model::{Attributes, Kind, ObjectRef};
use entrain_store::{SourceChange, Store};
use serde_json::Value as Json;

use super::open::{open_text, read_error};
use super::{ImportError, jsonl, scim};

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Replay {
    /// Changes that were applied.
    pub changes: u64,
    /// Their events.
    pub events: u64,
    /// Rows that are new.
    pub inserted: u64,
    /// Rows that differ now.
    pub updated: u64,
    /// Rows that are gone.
    pub removed: u64,
    /// Events that found everything as they wanted it.
    pub unchanged: u64,
}

/// Why an event cannot be carried out.
enum Refusal {
    /// It is wrong: in words.
    Event(String),
    /// The database failed.
    Store(entrain_store::StoreError),
}

impl Refusal {
    fn at(self, path: &Path, line: u64, replay: &Replay) -> ImportError {
        match self {
            Refusal::Store(error) => ImportError::Store(error),
            Refusal::Event(reason) => {
                ImportError::Event { file: path.display().to_string(), line, reason, changes_done: replay.changes }
            }
        }
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Refusal::Event(reason)
    }
}

/// Applies the events of a file in their order. Neighbouring events with one `change` belong together.
///
/// # Errors
/// An event is wrong: the changes before its own stay applied. The file cannot be read; the database failed.
pub async fn apply_events(store: &Store, path: &Path) -> Result<Replay, ImportError> {
    let mut replay = Replay::default();
    let mut open: Option<OpenChange> = None;
    for item in jsonl::objects(open_text(path).map_err(|cause| read_error(path, cause))?) {
        let (line, event) = item.map_err(|cause| read_error(path, cause))?;
        // A line that cannot be read may belong to the open change, which is then not whole.
        let event = event.map_err(|reason| Refusal::Event(reason).at(path, line, &replay))?;
        let number = event.get("change").cloned().unwrap_or(Json::Null);
        if let Some(change) = open.take_if(|change| change.number != number || number.is_null()) {
            change.apply(store, &mut replay).await?;
        }
        let change = open.get_or_insert_with(|| OpenChange::new(number));
        change.add(store, event).await.map_err(|refusal| refusal.at(path, line, &replay))?;
    }
    if let Some(change) = open {
        change.apply(store, &mut replay).await?;
    }
    Ok(replay)
}

/// A change whose events are being read.
struct OpenChange {
    number: Json,
    changes: Vec<SourceChange>,
    events: u64,
    /// Documents that events of this change made, for later events of the same.
    documents: BTreeMap<ObjectRef, Attributes>,
}

impl OpenChange {
    fn new(number: Json) -> Self {
        Self { number, changes: Vec::new(), events: 0, documents: BTreeMap::new() }
    }

    async fn apply(self, store: &Store, replay: &mut Replay) -> Result<(), ImportError> {
        let mut writer = store.source_writer().await?;
        let applied = writer.apply(&self.changes).await?;
        writer.commit().await?;
        replay.changes += 1;
        replay.events += self.events;
        replay.inserted += applied.inserted;
        replay.updated += applied.updated;
        replay.removed += applied.removed;
        replay.unchanged += applied.unchanged;
        Ok(())
    }

    async fn add(&mut self, store: &Store, mut event: Attributes) -> Result<(), Refusal> {
        let op = scim::text(&mut event, "op")?.ok_or_else(|| "`op` is missing".to_owned())?;
        let change = match op.as_str() {
            "user.add" => self.put(Kind::User, own_profile(Kind::User, &mut event)?)?,
            "group.add" => self.put(Kind::Group, own_profile(Kind::Group, &mut event)?)?,
            "user.remove" => SourceChange::RemoveUser(scim::id(&mut event, "user")?),
            "group.remove" => SourceChange::RemoveGroup(scim::id(&mut event, "group")?),
            "user.update" => {
                let set = jsonl::user_document(taken_object(&mut event, "set")?)?;
                self.edit(store, ObjectRef { kind: Kind::User, id: scim::id(&mut event, "user")? }, set).await?
            }
            "group.rename" => {
                let name = event.remove("displayName").ok_or_else(|| "`displayName` is missing".to_owned())?;
                let set = Attributes::from([("displayName".to_owned(), name)]);
                self.edit(store, ObjectRef { kind: Kind::Group, id: scim::id(&mut event, "group")? }, set).await?
            }
            "membership.add" => SourceChange::PutMembership(scim::membership(edge(event))?),
            "membership.remove" => SourceChange::RemoveMembership(scim::membership(edge(event))?),
            other => return Err(format!("`op` is `{other}`, which is no event").into()),
        };
        if let SourceChange::RemoveUser(id) = &change {
            self.documents.remove(&ObjectRef { kind: Kind::User, id: id.clone() });
        }
        self.changes.push(change);
        self.events += 1;
        Ok(())
    }

    fn put(&mut self, kind: Kind, document: Attributes) -> Result<SourceChange, Refusal> {
        let (id, change) = match kind {
            Kind::User => {
                let row = scim::user(document.clone())?;
                (row.id.clone(), SourceChange::PutUser(row))
            }
            Kind::Group => {
                let row = scim::group(document.clone())?;
                (row.id.clone(), SourceChange::PutGroup(row))
            }
        };
        self.documents.insert(ObjectRef { kind, id }, document);
        Ok(change)
    }

    /// Sets some attributes and leaves the others; `null` takes one away.
    async fn edit(&mut self, store: &Store, object: ObjectRef, set: Attributes) -> Result<SourceChange, Refusal> {
        let mut document = match self.documents.get(&object) {
            Some(document) => document.clone(),
            None => {
                let found = store.source_records(std::slice::from_ref(&object)).await.map_err(Refusal::Store)?;
                found.into_iter().next().ok_or_else(|| format!("there is no {object} to change"))?.attributes
            }
        };
        for (name, value) in set {
            match (document.get_mut(&name), value) {
                // Parts of a name are set one by one.
                (Some(Json::Object(old)), Json::Object(new)) if name == "name" => old.extend(new),
                (_, value) => _ = document.insert(name, value),
            }
        }
        self.put(object.kind, document)
    }
}

/// The whole object that an event adds; its id is that of the event.
fn own_profile(kind: Kind, event: &mut Attributes) -> Result<Attributes, Refusal> {
    let profile = taken_object(event, "profile")?;
    let mut document = match kind {
        Kind::User => jsonl::user_document(profile)?,
        Kind::Group => jsonl::group_document(profile)?,
    };
    let id = scim::id(event, kind.as_str())?;
    document.insert("id".to_owned(), id.as_str().into());
    Ok(document)
}

fn taken_object(event: &mut Attributes, key: &str) -> Result<Attributes, Refusal> {
    match event.remove(key) {
        Some(Json::Object(object)) => Ok(object.into_iter().collect()),
        Some(other) => Err(format!("`{key}` is {}; write an object", scim::sort_of(&other)).into()),
        None => Err(format!("`{key}` is missing").into()),
    }
}

/// The membership of an event, without what says when and why.
fn edge(mut event: Attributes) -> Attributes {
    event.retain(|key, _| matches!(key.as_str(), "group" | "user" | "memberGroup" | "role"));
    event
}
