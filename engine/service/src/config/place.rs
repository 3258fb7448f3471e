//! Keys and lines: where in the text a value stands.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;

/// The way from the top of the document to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Key(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

/// A problem whose key is known and whose line is not yet.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) key: Key,
    pub(super) message: String,
}

impl Key {
    /// The `index`th element (from 0) of the array `name`.
    pub(super) fn element(name: &str, index: usize) -> Key {
        Key(vec![Step::Name(name.to_owned()), Step::Index(index)])
    }

    /// The key below this one; `name` may be dotted.
    pub(super) fn below(&self, name: &str) -> Key {
        let mut steps = self.0.clone();
        steps.extend(name.split('.').map(|part| Step::Name(part.to_owned())));
        Key(steps)
    }

    pub(super) fn finding(&self, message: impl Into<String>) -> Finding {
        Finding { key: self.clone(), message: message.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for step in &self.0 {
            match step {
                Step::Name(name) => {
                    write!(f, "{between}{name}")?;
                    between = ".";
                }
                Step::Index(index) => {
                    write!(f, " #{}", index + 1)?;
                    between = ": ";
                }
            }
        }
        Ok(())
    }
}

/// Gives each finding its line: that of its key, or of the nearest key above it that the text has.
pub(super) fn locate(text: &str, findings: Vec<Finding>) -> Vec<Problem> {
    let document = DeTable::parse(text).ok();
    let mut problems: Vec<Problem> = findings
        .into_iter()
        .map(|finding| Problem {
            line: document
                .as_ref()
                .and_then(|table| span_of(table.get_ref(), &finding.key))
                .map(|span| line_at(text, span.start)),
            key: finding.key.to_string(),
            message: finding.message,
        })
        .collect();
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// The problem that the reader of the text itself found.
///
/// The message never shows the text of the line: a secret may stand there by mistake.
pub(super) fn problem_of(text: &str, error: &toml::de::Error) -> Problem {
    let key = error.span().and_then(|span| {
        let document = DeTable::parse(text).ok()?;
        Some(key_at(document.get_ref(), &span).to_string())
    });
    Problem {
        line: error.span().map(|span| line_at(text, span.start)),
        key: key.unwrap_or_default(),
        message: error.message().trim_end().replace('\n', ", "),
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

fn span_of(table: &DeTable<'_>, key: &Key) -> Option<Range<usize>> {
    let mut found = None;
    let mut table = Some(table);
    let mut array: Option<&[Spanned<DeValue<'_>>]> = None;
    for step in &key.0 {
        let value = match step {
            Step::Name(name) => {
                let Some((spanned, value)) = table?.iter().find(|(candidate, _)| candidate.get_ref().as_ref() == name.as_str())
                else {
                    return found;
                };
                found = Some(spanned.span());
                value
            }
            Step::Index(index) => {
                let value = array?.get(*index)?;
                found = Some(value.span());
                value
            }
        };
        table = value.get_ref().as_table();
        array = value.get_ref().as_array().map(|values| &values[..]);
    }
    found
}

fn key_at(table: &DeTable<'_>, place: &Range<usize>) -> Key {
    let mut key = Key::default();
    descend(table, place, &mut key);
    key
}

fn descend(table: &DeTable<'_>, place: &Range<usize>, key: &mut Key) -> bool {
    table.iter().any(|(name, value)| {
        key.0.push(Step::Name(name.get_ref().to_string()));
        let here = covers(&name.span(), place) || descend_value(value, place, key);
        if !here {
            key.0.pop();
        }
        here
    })
}

fn descend_value(value: &Spanned<DeValue<'_>>, place: &Range<usize>, key: &mut Key) -> bool {
    let deeper = match value.get_ref() {
        DeValue::Table(table) => descend(table, place, key),
        DeValue::Array(values) => values.iter().enumerate().any(|(index, value)| {
            key.0.push(Step::Index(index));
            let here = descend_value(value, place, key);
            if !here {
                key.0.pop();
            }
            here
        }),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => false,
    };
    deeper || covers(&value.span(), place)
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end && !outer.is_empty()
}
