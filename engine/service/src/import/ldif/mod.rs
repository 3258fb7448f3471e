//! LDIF (RFC 2849): entries of people and groups become rows; names of entries become ids.
//!
//! A file is read twice: first the names of its entries, because a group may name members that come later.

mod dn;
mod entries;
mod people;
mod reader;

pub(super) use entries::{names, rows};
