//! The form of LDIF: folded lines, comments, base64 values, entries between blank lines.

use std::io::{self, BufRead};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One attribute value of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// Its description as written: a name, perhaps with options behind semicolons.
    pub(super) name: String,
    /// Its value.
    pub(super) value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// UTF-8 text.
    Text(String),
    /// Bytes that are no text, as they stood: base64.
    Binary(String),
}

impl Value {
    /// The text, unless the value is binary.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Binary(_) => None,
        }
    }
}

/// An entry: its lines, or what is wrong with its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// Its attributes, the distinguished name (`dn`) first.
    pub(super) attributes: Result<Vec<Attribute>, String>,
}

/// Reads entries one by one.
pub(super) fn entries(input: impl BufRead) -> impl Iterator<Item = io::Result<Entry>> {
    let mut lines = Unfolded { input, number: 0, ahead: None };
    std::iter::from_fn(move || {
        loop {
            match next_entry(&mut lines) {
                Err(error) => return Some(Err(error)),
                Ok(None) => return None,
                Ok(Some(lines)) if is_version(&lines) => {}
                Ok(Some(lines)) => return Some(Ok(entry(lines))),
            }
        }
    })
}

/// A line with its number, put together again if it was folded.
type Line = (u64, Vec<u8>);

struct Unfolded<R> {
    input: R,
    number: u64,
    ahead: Option<Line>,
}

impl<R: BufRead> Unfolded<R> {
    fn next(&mut self) -> io::Result<Option<Line>> {
        let Some((number, mut line)) = self.ahead.take().map_or_else(|| self.raw(), |line| Ok(Some(line)))? else {
            return Ok(None);
        };
        while let Some(following) = self.raw()? {
            match following.1.strip_prefix(b" ") {
                // A line of nothing is never continued: what comes after it is the next entry's.
                Some(more) if !line.is_empty() => line.extend_from_slice(more),
                _ => {
                    self.ahead = Some(following);
                    break;
                }
            }
        }
        Ok(Some((number, line)))
    }

    fn raw(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        if self.input.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        Ok(Some((self.number, line)))
    }
}

/// The lines up to the next blank one, comments left out.
fn next_entry(lines: &mut Unfolded<impl BufRead>) -> io::Result<Option<Vec<Line>>> {
    let mut entry = Vec::new();
    while let Some((number, line)) = lines.next()? {
        let comment = line.starts_with(b"#");
        if !line.is_empty() && !comment {
            // The version line stands before the first entry, with or without a blank line between.
            let version = entry.is_empty() && line.starts_with(b"version:");
            entry.push((number, line));
            if version {
                return Ok(Some(entry));
            }
        } else if !comment && !entry.is_empty() {
            return Ok(Some(entry));
        }
    }
    Ok(Some(entry).filter(|entry| !entry.is_empty()))
}

fn is_version(lines: &[Line]) -> bool {
    matches!(lines, [(_, only)] if only.strip_prefix(b"version:").is_some_and(|version| version.trim_ascii() == b"1"))
}

fn entry(lines: Vec<Line>) -> Entry {
    let line = lines.first().map_or(0, |(number, _)| *number);
    let attributes: Result<Vec<_>, String> = lines.into_iter().map(|(number, text)| attribute(number, &text)).collect();
    let attributes = attributes.and_then(|attributes| match attributes.first() {
        Some(first) if first.name.eq_ignore_ascii_case("dn") => Ok(attributes),
        Some(first) if first.name.eq_ignore_ascii_case("version") => Err("only version 1 of LDIF is understood".to_owned()),
        _ => Err("the entry does not begin with `dn:`".to_owned()),
    });
    Entry { line, attributes }
}

fn attribute(line: u64, text: &[u8]) -> Result<Attribute, String> {
    let colon = text.iter().position(|byte| *byte == b':').ok_or_else(|| format!("line {line} has no colon"))?;
    let name = std::str::from_utf8(&text[..colon]).map_err(|_| format!("line {line} does not begin with a name"))?;
    let rest = &text[colon + 1..];
    let value = match rest.first() {
        Some(b':') => decoded(rest[1..].trim_ascii()).ok_or_else(|| format!("line {line}: `{name}` is no base64"))?,
        Some(b'<') => {
            return Err(format!("line {line}: `{name}` is in another file, named by a URL; only values in this file are read"));
        }
        _ => {
            let text = std::str::from_utf8(rest.trim_ascii_start());
            Value::Text(text.map_err(|_| format!("line {line}: `{name}` is not UTF-8"))?.to_owned())
        }
    };
    Ok(Attribute { line, name: name.trim().to_owned(), value })
}

fn decoded(base64: &[u8]) -> Option<Value> {
    let bytes = STANDARD.decode(base64).ok()?;
    Some(match String::from_utf8(bytes) {
        Ok(text) => Value::Text(text),
        Err(_) => Value::Binary(String::from_utf8_lossy(base64).into_owned()),
    })
}
