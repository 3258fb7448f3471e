//! Tokens of delta queries. They carry all state, so that an emulator needs to remember none.

use super::order::Reordered;
use crate::directory::{Kind, Relation, Row};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

/// What a round tracks. It is fixed by the first request and carried from token to token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tracked {
    /// Selected names, properties and relations; `None`: the default ones.
    #[serde(rename = "s")]
    pub(crate) select: Option<Vec<String>>,
    /// Only these objects; none named: all.
    #[serde(rename = "i")]
    pub(crate) ids: Vec<String>,
}

/// Where in a round the next page begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    /// In the enumeration of all objects: after an object, or within the references of the next one.
    #[serde(rename = "e")]
    Enumeration {
        /// The journal's end when the round began.
        from: u64,
        /// The last object that is complete; in another order, its place in that.
        after: Option<u32>,
        /// An object whose references have been told in part, and how far.
        partly: Option<(u32, LinkPlace)>,
    },
    /// In the changes between two places of the journal.
    #[serde(rename = "c")]
    Changes {
        /// The first change.
        from: u64,
        /// The end of the round.
        to: u64,
        /// When the round before began: what has arrived since is told too.
        since: i64,
        /// Objects told already.
        objects: usize,
        /// References told already of the next object.
        links: usize,
    },
    /// Between rounds: everything from here on is new.
    #[serde(rename = "d")]
    Idle {
        /// The first change not yet told.
        from: u64,
    },
}

/// The last reference told of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkPlace {
    relation: u8,
    after: u32,
}

impl LinkPlace {
    /// A place after one reference.
    pub(crate) fn new(relation: Relation, after: Row) -> LinkPlace {
        LinkPlace { relation: relation as u8, after: after.0 }
    }

    /// Where to go on in a relation: `None` if all of it was told.
    pub(crate) fn resume(place: Option<LinkPlace>, relation: Relation) -> Option<Option<Row>> {
        match place {
            Some(place) if place.relation > relation as u8 => None,
            Some(place) if place.relation == relation as u8 => Some(Some(Row(place.after))),
            _ => Some(None),
        }
    }
}

/// A token's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// The collection.
    #[serde(rename = "k")]
    kind: u8,
    /// What is tracked.
    #[serde(rename = "t")]
    pub(crate) tracked: Tracked,
    /// Where it goes on.
    #[serde(rename = "p")]
    pub(crate) place: Place,
    /// When the round began, in the tenant's unix milliseconds.
    #[serde(rename = "a")]
    pub(crate) issued: i64,
    /// The journal's end when the first round began: nothing before it is ever told.
    #[serde(rename = "b")]
    pub(crate) began: u64,
    /// Whether the page before was empty for no reason: it does not happen twice.
    #[serde(rename = "x")]
    pub(crate) blank: bool,
    /// The order of the round, if it is not the usual one.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<Reordered>,
    /// What the page before told as it was: changes of the round by their number, or objects.
    #[serde(rename = "y", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stale: Vec<u32>,
}

impl Token {
    /// The token that begins an enumeration at this end of the journal.
    pub(crate) fn first(kind: Kind, tracked: Tracked, end: u64, issued: i64) -> Token {
        let place = Place::Enumeration { from: end, after: None, partly: None };
        Token { kind: kind as u8, tracked, place, issued, began: end, blank: false, order: None, stale: Vec::new() }
    }

    /// The token of another place.
    pub(crate) fn then(&self, place: Place) -> Token {
        Token { place, blank: false, stale: Vec::new(), ..self.clone() }
    }

    /// The same in another order.
    pub(crate) fn ordered(self, order: Option<Reordered>) -> Token {
        Token { order, ..self }
    }

    /// The same after a page that told these as they were.
    pub(crate) fn having_told(self, stale: Vec<u32>) -> Token {
        Token { stale, ..self }
    }

    /// The token of a new round.
    pub(crate) fn round(&self, place: Place, issued: i64, order: Option<Reordered>) -> Token {
        Token { issued, order, ..self.then(place) }
    }

    /// The token of the same place, after an empty page.
    pub(crate) fn blank(&self) -> Token {
        Token { blank: true, ..self.clone() }
    }

    /// Reads a token of this kind; `None` for anything else.
    pub(crate) fn read(text: &str, kind: Kind) -> Option<Token> {
        let token: Token = serde_json::from_slice(&BASE64.decode(text).ok()?).ok()?;
        (token.kind == kind as u8).then_some(token)
    }

    /// The token as text.
    pub(crate) fn write(&self) -> String {
        BASE64.encode(serde_json::to_vec(self).unwrap_or_default())
    }
}
