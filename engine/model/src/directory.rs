//! Everything that holds identities is a directory. Reading is one trait; writing is a second that extends it.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Credentials, DirectoryError, Kind, Lane, Observed, RefusedCredential, Schema, TargetId, Tenant, Write, Written};

/// Where an incremental read goes on. Opaque to all but the directory that gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// What to read.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// All live records of a kind with their references, or, after a cursor, what changed since.
    Everything {
        /// The kind.
        kind: Kind,
        /// The attributes wanted; the directory may add those that it needs itself.
        attributes: BTreeSet<String>,
        /// Where the last complete read ended.
        since: Option<Cursor>,
    },
    /// One record by its id. A record that does not exist is no page and a complete read.
    Record {
        /// The kind.
        kind: Kind,
        /// Its id.
        id: TargetId,
        /// The attributes wanted.
        attributes: BTreeSet<String>,
    },
    /// The live records whose attribute has exactly this value, by key where the directory has one.
    Matching {
        /// The kind.
        kind: Kind,
        /// The attribute.
        attribute: String,
        /// Its value.
        value: String,
        /// The attributes wanted.
        attributes: BTreeSet<String>,
    },
    /// The recycle bin: all of it, or the records whose attribute has exactly this value.
    Deleted {
        /// The kind.
        kind: Kind,
        /// Attribute and value, or all.
        matching: Option<(String, String)>,
        /// The attributes wanted.
        attributes: BTreeSet<String>,
    },
    /// The live users and groups that are protected by what they hold: privileged roles, directly or through a group, or a say
    /// in who does. Only ids and the reasons come back.
    Privileged,
}

/// Receives what a read finds, page by page.
#[async_trait]
pub trait Pages: Send {
    /// Takes one page. An error ends the read.
    async fn page(&mut self, page: Vec<Observed>) -> Result<(), SinkError>;
}

/// The receiver of a read could not take a page.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// How a read ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// Everything that was asked for was seen.
    Complete(Proof),
    /// Something may be missing.
    Partial(Subset),
}

/// Proof that a read went from its first page to its last. Only a directory that saw the last page makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    cursor: Option<Cursor>,
    incremental: bool,
    pages: u64,
    counted: Option<u64>,
}

impl Proof {
    /// For a directory that saw the last page of all: `cursor` is where the next incremental read begins.
    pub fn last_page_seen(pages: u64, since: Option<&Cursor>, cursor: Option<Cursor>) -> Self {
        Self { cursor, incremental: since.is_some(), pages, counted: None }
    }
    /// The same with what the directory says, apart from the pages, that there is altogether.
    #[must_use]
    pub fn with_count(self, counted: Option<u64>) -> Self {
        Self { counted, ..self }
    }
    /// How many records there are by the directory's own count.
    pub fn counted(&self) -> Option<u64> {
        self.counted
    }
    /// Where the next incremental read begins.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }
    /// Whether only changes were read: what was not seen is then unchanged, not absent.
    pub fn incremental(&self) -> bool {
        self.incremental
    }
    /// How many pages came.
    pub fn pages(&self) -> u64 {
        self.pages
    }
}

/// Why a read is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subset {
    /// The cursor is no longer valid; everything must be read again.
    CursorExpired,
    /// The last page was seen, and yet there are fewer records than the directory counts.
    Short {
        /// How many there were.
        seen: u64,
        /// How many it counts.
        counted: u64,
    },
    /// The directory does not offer this read, or forbids it.
    NotOffered(String),
}

/// A directory that can be read.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Reads, handing each page on as it comes.
    async fn read(&self, query: &Query, into: &mut dyn Pages) -> Result<Read, DirectoryError>;
    /// What it knows of attributes.
    fn schema(&self) -> &Schema;
    /// Facts about the directory as a whole.
    async fn tenant(&self) -> Result<Tenant, DirectoryError>;
    /// When what proves to it who we are runs out.
    async fn credentials(&self) -> Result<Credentials, DirectoryError> {
        Ok(Credentials::NotReadable("this directory knows of no credentials".to_owned()))
    }
    /// Which of several credentials are passed over, since the directory refuses them or they have run out; without a call.
    /// `None` as long as none signed in.
    fn passed_over(&self) -> Option<Vec<RefusedCredential>> {
        None
    }
}

/// A directory that can be written.
#[async_trait]
pub trait WritableDirectory: Directory {
    /// Writes, in any order but never two at once to one record, and answers for each in the order given. They wait for the
    /// directory's quotas in this lane.
    async fn write(&self, lane: Lane, writes: &[Write]) -> Vec<Result<Written, DirectoryError>>;
    /// Whether the first credentials of new users are handed over to somebody. Each create of a user then says what became of it.
    fn hands_over(&self) -> bool {
        false
    }
    /// How many members of a new group it takes in one request with the group itself; 0: it takes each after the group.
    fn members_with_new(&self) -> usize {
        0
    }
    /// How long this work takes from now on by the quotas of the directory; `None` where it has none.
    fn time_for(&self, _work: &Work) -> Option<Duration> {
        None
    }
}

/// Work that is still to be done, by what it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Changes that take a request each.
    pub changes: u64,
    /// Additions of members and owners, which travel together.
    pub links: u64,
    /// The groups over which these are spread.
    pub groups: u64,
}
