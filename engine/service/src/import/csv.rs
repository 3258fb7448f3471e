//! Delimited text: the template for the bulk creation of users, or a plain header row with names of this source or of Graph.
//!
//! The template's first line is `version:v1.0`, and its header names each property in brackets. Its initial password is not read.

use std::io::{self, BufRead, Read};

use csv::{ByteRecord, Reader, ReaderBuilder};
use entrain_model::Attributes;

use super::fields::Place;
use super::lines::UnixLines;
use super::row::{Numbered, Row};
use super::scim;

/// What the rows of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Users,
    Groups,
    Memberships,
    /// A column `type` says it of each row.
    PerRow,
}

#[derive(Debug)]
struct Header {
    places: Vec<Place>,
    sort: Sort,
    /// Without such a column the id is the folded login.
    has_id: bool,
    /// The template has a row of examples.
    template: bool,
}

/// Reads rows; the inner error is a header that is not understood.
pub(super) fn rows(mut input: impl BufRead) -> io::Result<Result<impl Iterator<Item = io::Result<Numbered>>, String>> {
    let delimiter = delimiter(input.fill_buf()?);
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(UnixLines::new(input));
    let mut record = ByteRecord::new();
    let mut more = next(&mut reader, &mut record)?;
    let version_line = more && record.get(0).is_some_and(|cell| cell.trim_ascii_start().starts_with(b"version:"));
    if version_line {
        more = next(&mut reader, &mut record)?;
    }
    if !more {
        return Ok(Err("the file has no header row".to_owned()));
    }
    let header = match Header::read(&record, version_line) {
        Ok(header) => header,
        Err(reason) => return Ok(Err(reason)),
    };
    Ok(Ok(std::iter::from_fn(move || {
        loop {
            match next(&mut reader, &mut record) {
                Err(error) => return Some(Err(error)),
                Ok(false) => return None,
                Ok(true) if header.passes_over(&record) => {}
                Ok(true) => return Some(Ok(Numbered { line: first_line(&reader, &record), row: header.row(&record) })),
            }
        }
    })))
}

fn next(reader: &mut Reader<impl Read>, record: &mut ByteRecord) -> io::Result<bool> {
    reader.read_byte_record(record).map_err(io::Error::from)
}

/// The line on which the record begins: the reader stands on the one after it, and the record's own line ends are in its cells.
fn first_line(reader: &Reader<impl Read>, record: &ByteRecord) -> u64 {
    let inside = record.iter().flatten().filter(|byte| **byte == b'\n').count() as u64;
    reader.position().line().saturating_sub(1 + inside)
}

/// The delimiter that occurs most in the header: a comma, a semicolon or a tab.
fn delimiter(start: &[u8]) -> u8 {
    let header = start.split(|byte| *byte == b'\n').find(|line| !line.is_empty() && !line.starts_with(b"version:"));
    let count = |delimiter: u8| header.map_or(0, |line| line.iter().filter(|byte| **byte == delimiter).count());
    [b';', b'\t'].into_iter().fold(b',', |best, other| if count(other) > count(best) { other } else { best })
}

impl Header {
    fn read(record: &ByteRecord, version_line: bool) -> Result<Header, String> {
        let mut places = Vec::new();
        let mut bracketed = false;
        for cell in record {
            let text = std::str::from_utf8(cell).map_err(|_| NOT_UTF8.to_owned())?.trim();
            bracketed |= in_brackets(text).is_some();
            places.push(place(text));
        }
        let has = |name: &str| places.contains(&Place::Top(name.to_owned()));
        let sort = if has("type") {
            Sort::PerRow
        } else if has("userName") {
            Sort::Users
        } else if has("group") && (has("user") || has("memberGroup")) {
            Sort::Memberships
        } else if has("displayName") {
            Sort::Groups
        } else {
            return Err("the header names none of userName (or userPrincipalName) for users, displayName for groups, \
                        group with user or memberGroup for memberships"
                .to_owned());
        };
        Ok(Header { has_id: has("id"), places, sort, template: version_line || bracketed })
    }

    /// Rows without a value, and the template's row of examples.
    fn passes_over(&self, record: &ByteRecord) -> bool {
        record.iter().all(|cell| cell.trim_ascii().is_empty())
            || self.template && record.get(0).is_some_and(|cell| cell.starts_with(b"Example:"))
    }

    fn row(&self, record: &ByteRecord) -> Result<Row, String> {
        let mut document = self.document(record)?;
        match self.sort {
            Sort::Users => self.user(document),
            Sort::Groups => Ok(Row::Group(scim::group(document)?)),
            Sort::Memberships => Ok(Row::Membership(scim::membership(document)?)),
            Sort::PerRow => match scim::text(&mut document, "type")?.as_deref() {
                Some("user") => self.user(document),
                Some("group") => Ok(Row::Group(scim::group(document)?)),
                Some("membership") => Ok(Row::Membership(scim::membership(document)?)),
                _ => Err("`type` is neither `user`, `group` nor `membership`".to_owned()),
            },
        }
    }

    fn user(&self, mut document: Attributes) -> Result<Row, String> {
        if !self.has_id
            && let Some(login) = document.get("userName").and_then(|login| login.as_str())
        {
            let id = entrain_model::fold(login);
            document.insert("id".to_owned(), id.into());
        }
        Ok(Row::User(scim::user(document)?))
    }

    fn document(&self, record: &ByteRecord) -> Result<Attributes, String> {
        let mut document = Attributes::new();
        for (column, cell) in record.iter().enumerate() {
            let text = std::str::from_utf8(cell).map_err(|_| NOT_UTF8.to_owned())?.trim();
            if text.is_empty() {
                continue;
            }
            let place = self.places.get(column).ok_or_else(|| {
                format!(
                    "the row has {} cells, the header {}; quote cells that hold the delimiter",
                    record.len(),
                    self.places.len()
                )
            })?;
            place.put(&mut document, text)?;
        }
        Ok(document)
    }
}

const NOT_UTF8: &str = "the text is not UTF-8; save the file as UTF-8 (in a spreadsheet: \"CSV UTF-8\")";

/// `User name [userPrincipalName] Required` names a property in brackets; `Block sign in` says the opposite of its property.
fn place(heading: &str) -> Place {
    match in_brackets(heading) {
        Some("accountEnabled") if heading.to_ascii_lowercase().starts_with("block") => Place::Blocked,
        Some(name) => Place::of(name),
        None => Place::of(heading),
    }
}

fn in_brackets(heading: &str) -> Option<&str> {
    let (_, rest) = heading.split_once('[')?;
    let (name, _) = rest.split_once(']')?;
    Some(name.trim())
}
