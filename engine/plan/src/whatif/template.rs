//! A text in the names of the source's attributes: `Lee, Ann` is `{familyName}, {givenName}`.

use entrain_model::SourceRecord;
use serde_json::Value as Json;

/// Attributes that are mostly made of others. They name a text only where no other does.
const COMPOSED: &[&str] = &["displayName", "formatted", "userName"];

/// Values shorter than this say nothing of where a text comes from.
const SHORTEST: usize = 2;

/// What the source has of one object: its texts with the attribute of each.
pub(crate) struct Words<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Words<'a> {
    /// Those of a record. Of a nested attribute the last name counts.
    pub(crate) fn of(source: &'a SourceRecord) -> Self {
        let mut words = Vec::new();
        for (name, value) in &source.attributes {
            gather(name, value, &mut words);
        }
        // The longest match wins; of equals the name that comes first.
        words.sort_by_key(|(name, value)| (COMPOSED.contains(name), std::cmp::Reverse(value.len()), *name));
        Self(words)
    }

    /// The text with each value of the source replaced by the attribute's name.
    pub(super) fn template(&self, text: &str) -> String {
        let (mut template, mut rest, mut within) = (String::with_capacity(text.len()), text, false);
        while let Some(first) = rest.chars().next() {
            let found = if within { None } else { self.found(rest) };
            let taken = match found {
                Some((name, taken)) => {
                    template.push_str(&name);
                    taken
                }
                None => {
                    template.push(first);
                    first.len_utf8()
                }
            };
            within = rest[..taken].chars().next_back().is_some_and(char::is_alphanumeric);
            rest = &rest[taken..];
        }
        template
    }

    /// The attribute whose value stands at the beginning, in its own or in other letters, and how long it is.
    fn found(&self, text: &str) -> Option<(String, usize)> {
        let whole = |end: usize| !text[end..].starts_with(char::is_alphanumeric);
        for (name, value) in &self.0 {
            let end = value.len();
            let Some(piece) = text.get(..end).filter(|piece| piece.eq_ignore_ascii_case(value) && whole(end)) else { continue };
            let how = if piece == *value {
                ""
            } else if piece.eq(&value.to_ascii_lowercase()) {
                "lower "
            } else if piece.eq(&value.to_ascii_uppercase()) {
                "upper "
            } else {
                "recased "
            };
            return Some((format!("{{{how}{name}}}"), end));
        }
        self.initial(text)
    }

    /// A letter that stands alone is taken for the first of a name.
    fn initial(&self, text: &str) -> Option<(String, usize)> {
        let letter = text.chars().next().filter(|c| c.is_alphabetic())?;
        if text[letter.len_utf8()..].starts_with(char::is_alphanumeric) {
            return None;
        }
        let of = |name: &str| self.0.iter().any(|(known, value)| *known == name && value.starts_with(letter));
        let name = ["givenName", "middleName", "familyName"].into_iter().find(|name| of(name))?;
        Some((format!("{{initial of {name}}}"), letter.len_utf8()))
    }
}

fn gather<'a>(name: &'a str, value: &'a Json, words: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Json::String(text) if text.len() >= SHORTEST => words.push((name, text)),
        Json::Object(parts) => parts.iter().for_each(|(part, value)| {
            // The parts of a list's entry have names such as `value`, which say less than the list's own.
            let name = if matches!(part.as_str(), "value" | "display" | "type") { name } else { part };
            gather(name, value, words);
        }),
        Json::Array(values) => values.iter().for_each(|value| gather(name, value, words)),
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
