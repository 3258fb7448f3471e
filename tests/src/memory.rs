//! A directory in memory: the smallest thing that keeps the promises of [`Directory`] and [`WritableDirectory`],
//! and breaks every one of them on demand.
//!
//! Everything it does follows from its seed and from what it was told: the same run gives the same ids, the same faults
//! and the same log.

mod faults;
mod history;
mod reads;
mod rules;
mod schema;
mod state;
mod tables;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use entrain_model::{
    Attributes, Clock, Directory, DirectoryError, Fault, HandedOver, Kind, Lane, Observed, Pages, Proof, Query, Read, Relation,
    Schema, Subset, TargetId, Tenant, WritableDirectory, Write, Written,
};

pub use faults::{Crash, Crashed, Faults, Next};
pub use history::Lag;
pub use schema::schema;
use state::State;

/// The directory. Tests change it behind the engine's back through the methods that are not of the traits.
pub struct Memory {
    schema: Schema,
    state: Mutex<State>,
}

/// One write that arrived, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrived {
    /// In which lane it came.
    pub lane: Lane,
    /// What was asked.
    pub write: Write,
    /// Whether the directory changed or was already so.
    pub committed: bool,
    /// What was answered, `None` if nothing was.
    pub answer: Option<Result<Written, DirectoryError>>,
}

impl Memory {
    /// An empty directory with the one verified domain `x.example`.
    pub fn new(schema: Schema, seed: u64) -> Self {
        Self { schema, state: Mutex::new(State::new(seed)) }
    }

    /// Puts a record there as somebody else would have made it, without an anchor unless `attributes` has one.
    pub fn seed(&self, kind: Kind, id: &str, attributes: Attributes) {
        self.state().seed(kind, id.into(), attributes, &self.schema);
    }

    /// Changes attributes as somebody else would; `null` clears.
    pub fn edit(&self, kind: Kind, id: &str, attributes: &Attributes) {
        self.state().edit(kind, &id.into(), attributes, &self.schema);
    }

    /// Moves a record to the recycle bin as somebody else would.
    pub fn delete(&self, kind: Kind, id: &str) {
        self.state().delete(kind, &id.into());
    }

    /// Takes a record out of the recycle bin as somebody else would.
    ///
    /// # Errors
    /// It is not there, or another record has one of its unique values.
    pub fn undelete(&self, kind: Kind, id: &str) -> Result<(), DirectoryError> {
        self.state().restore((kind, id.into()), &Attributes::new(), &self.schema).map(drop)
    }

    /// Empties a record from the recycle bin, or from the directory.
    pub fn purge(&self, kind: Kind, id: &str) {
        self.state().purge(kind, &id.into());
    }

    /// Adds a reference as somebody else would.
    pub fn refer(&self, relation: Relation, from: &str, to_kind: Kind, to: &str) {
        self.state().refer(relation, &from.into(), to_kind, &to.into());
    }

    /// Takes a reference away as somebody else would.
    pub fn unrefer(&self, relation: Relation, from: &str, to_kind: Kind, to: &str) {
        self.state().unrefer(relation, &from.into(), to_kind, &to.into());
    }

    /// Sets marks of a record: privileged, mastered elsewhere, not writable.
    pub fn mark(&self, kind: Kind, id: &str, change: impl FnOnce(&mut Marks)) {
        self.state().mark(kind, &id.into(), change);
    }

    /// From now on what happens becomes visible late, and calls take time.
    pub fn delay(&self, clock: Arc<dyn Clock>, lag: Lag) {
        self.state().history.delay(clock, lag);
    }

    /// From now on things go wrong this often.
    pub fn break_down(&self, faults: Faults) {
        self.state().faults.set(faults);
    }

    /// What happens to the next writes, one after the other, before chance decides.
    pub fn next(&self, next: impl IntoIterator<Item = Next>) {
        self.state().faults.queue(next);
    }

    /// At the `n`th write from now (1 is the next), nothing is answered any more; the returned signal then fires.
    /// Whoever waits for the answer is to be dropped: that is what a crash of the engine looks like from here.
    pub fn crash_at(&self, n: u64, crash: Crash) -> Crashed {
        self.state().faults.crash_at(n, crash)
    }

    /// After the crash of the engine: answers again.
    pub fn recover(&self) {
        self.state().faults.recover();
    }

    /// Cursors that were given out so far are no longer valid.
    pub fn expire_cursors(&self) {
        self.state().expire_cursors();
    }

    /// From now on nobody is told who holds privileged roles, and this is why; `None`: it is told.
    pub fn conceal_roles(&self, why: Option<&str>) {
        self.state().concealed = why.map(str::to_owned);
    }

    /// From now on it takes so many members of a new group together with the group.
    pub fn take_with_new_groups(&self, members: usize) {
        self.state().members_with_new = members;
    }

    /// From now on this becomes of the first credentials of new users; `None`: nobody is told them.
    pub fn hand_over(&self, handing: Option<HandedOver>) {
        self.state().handing = handing;
    }

    /// The application may write records that hold privileged roles.
    pub fn grant_privileged(&self) {
        self.state().writes_privileged = true;
    }

    /// The next read breaks off after so many pages.
    pub fn break_read_after(&self, pages: usize) {
        self.state().break_read_after = Some(pages);
    }

    /// How many records come in a page.
    pub fn page_size(&self, records: usize) {
        self.state().page_size = records.max(1);
    }

    /// The verified domains; those that begin with `federated.` sign in elsewhere.
    pub fn domains(&self, names: &[&str]) {
        self.state().domains = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// The writes that arrived since the last call.
    pub fn take_log(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.state().log)
    }

    /// All records as they are, recycle bin included, by kind and id; references that stand included.
    pub fn dump(&self) -> Vec<Observed> {
        self.state().dump()
    }

    /// One attribute of a live record, dotted for a part.
    pub fn value(&self, kind: Kind, id: &TargetId, attribute: &str) -> Option<serde_json::Value> {
        self.state().value(kind, id, attribute)
    }

    /// A call is under way: whoever waits may die meanwhile.
    async fn take_time(&self) {
        let latency = {
            let mut state = self.state();
            let State { history, faults, .. } = &mut *state;
            history.latency(faults)
        };
        match latency {
            Some((clock, time)) => clock.sleep(time).await,
            None => tokio::task::yield_now().await,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a record is beyond its attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// It holds privileged roles, or is a group that they can be given to.
    pub privileged: bool,
    /// It administers everything.
    pub administrator: bool,
    /// It belongs to another organisation.
    pub guest: bool,
    /// Another directory owns it.
    pub mastered_elsewhere: bool,
    /// Nobody can write its sort, and which sort it is.
    pub unwritable: Option<String>,
}

#[async_trait]
impl Directory for Memory {
    async fn read(&self, query: &Query, into: &mut dyn Pages) -> Result<Read, DirectoryError> {
        self.take_time().await;
        let (found, page_size, breaks) = {
            let mut state = self.state();
            if let (Query::Privileged, Some(why)) = (query, &state.concealed) {
                return Ok(Read::Partial(Subset::NotOffered(why.clone())));
            }
            let Some(found) = state.find(query, &self.schema) else { return Ok(Read::Partial(Subset::CursorExpired)) };
            let breaks = state.break_read_after.take().or_else(|| state.faults.read_breaks().then_some(0));
            (found, state.page_size, breaks)
        };
        let mut pages = 0;
        let broken = || DirectoryError::new(Fault::Unreachable, "the connection broke while reading; the read is repeated");
        for (number, page) in found.records.chunks(page_size).enumerate() {
            if breaks == Some(number) {
                return Err(broken());
            }
            tokio::task::yield_now().await;
            into.page(page.to_vec()).await.map_err(|error| DirectoryError::new(Fault::Unreachable, error.to_string()))?;
            pages += 1;
        }
        if breaks == Some(0) && pages == 0 {
            return Err(broken());
        }
        Ok(Read::Complete(Proof::last_page_seen(pages, found.since.as_ref(), found.cursor)))
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn tenant(&self) -> Result<Tenant, DirectoryError> {
        Ok(self.state().tenant())
    }
}

#[async_trait]
impl WritableDirectory for Memory {
    async fn write(&self, lane: Lane, writes: &[Write]) -> Vec<Result<Written, DirectoryError>> {
        let mut answers = Vec::with_capacity(writes.len());
        let mut made = BTreeMap::new();
        for write in writes {
            self.take_time().await;
            let answer = if let Write::FirstMember { group, to_kind, to } = write
                && let Some(made) = made.get(group)
            {
                Some(self.state().join(lane, made, *to_kind, to))
            } else {
                self.state().arrive(lane, write, &self.schema)
            };
            if let (Write::Create(new), Some(answer)) = (write, &answer) {
                made.insert(new.object.clone(), (new.clone(), answer.clone()));
            }
            self.take_time().await;
            match answer {
                Some(answer) => answers.push(answer),
                None => std::future::pending().await,
            }
        }
        answers
    }

    fn hands_over(&self) -> bool {
        self.state().handing.is_some()
    }

    fn members_with_new(&self) -> usize {
        self.state().members_with_new
    }
}

#[cfg(test)]
mod tests;
