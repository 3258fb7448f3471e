//! `$search`: quoted clauses joined by `AND` and `OR` (Graph "search query parameter").
//!
//! Names and descriptions are cut into words where spaces, signs, digits or capitals begin; a clause finds a text that has a
//! word beginning with each of its own. Every other property is compared from its beginning.

use crate::directory::folded;
use crate::failure::Failure;

/// A search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// All of these.
    All(Vec<Search>),
    /// One of these.
    Any(Vec<Search>),
    /// A property and what is looked for in it.
    Clause(String, String),
}

impl Search {
    /// The properties that it looks into.
    pub(crate) fn properties(&self) -> Vec<&str> {
        match self {
            Search::All(parts) | Search::Any(parts) => parts.iter().flat_map(Search::properties).collect(),
            Search::Clause(property, _) => vec![property],
        }
    }
}

/// Reads a search: `AND` binds stronger than `OR`, a space is an `AND`.
///
/// # Errors
/// 400 for anything that is not one.
pub(crate) fn search(text: &str) -> Result<Search, Failure> {
    let mut reader = Reader { rest: text.trim(), depth: 0 };
    let found = reader.any()?;
    if reader.rest.is_empty() { Ok(found) } else { Err(invalid(reader.rest)) }
}

fn invalid(at: &str) -> Failure {
    Failure::new(400, "BadRequest", format!("Syntax error: character '{at}' is not valid in the $search clause."))
}

/// How deep parentheses may lie in each other.
const MOST_DEPTH: usize = 64;

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word).filter(|rest| !rest.starts_with(char::is_alphanumeric));
        self.rest = rest.map_or(self.rest, str::trim_start);
        rest.is_some()
    }

    fn any(&mut self) -> Result<Search, Failure> {
        let mut parts = vec![self.all()?];
        while self.takes("OR") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Search::Any(parts) })
    }

    fn all(&mut self) -> Result<Search, Failure> {
        let mut parts = vec![self.one()?];
        while self.takes("AND") || self.rest.starts_with(['"', '(']) {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Search::All(parts) })
    }

    fn one(&mut self) -> Result<Search, Failure> {
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest.trim_start();
            self.depth += 1;
            if self.depth > MOST_DEPTH {
                return Err(invalid("("));
            }
            let inner = self.any()?;
            self.depth -= 1;
            let rest = self.rest.strip_prefix(')').ok_or_else(|| invalid(self.rest))?;
            self.rest = rest.trim_start();
            return Ok(inner);
        }
        self.clause()
    }

    /// A quoted `property:text`; a backslash takes the meaning from what follows it.
    fn clause(&mut self) -> Result<Search, Failure> {
        let quoted = self.rest.strip_prefix('"').ok_or_else(|| invalid(self.rest))?;
        let (mut text, mut escaped) = (String::new(), false);
        for (at, letter) in quoted.char_indices() {
            match letter {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => {
                    self.rest = quoted[at + 1..].trim_start();
                    let (property, wanted) = text.split_once(':').ok_or_else(|| invalid(&text))?;
                    return Ok(Search::Clause(property.to_owned(), wanted.to_owned()));
                }
                _ => {
                    text.push(letter);
                    escaped = false;
                }
            }
        }
        Err(invalid("\""))
    }
}

/// Whether the words of a text begin with all words of the clause.
pub(crate) fn has_words(text: &str, wanted: &str) -> bool {
    let have = words(text);
    let wanted = words(wanted);
    !wanted.is_empty() && wanted.iter().all(|word| have.iter().any(|one| one.starts_with(word)))
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for letter in text.chars() {
        let joins = letter.is_alphanumeric()
            && before.is_alphanumeric()
            && before.is_numeric() == letter.is_numeric()
            && !(letter.is_uppercase() && before.is_lowercase());
        match words.last_mut() {
            Some(word) if joins => word.push(letter),
            _ if letter.is_alphanumeric() => words.push(letter.to_string()),
            _ => {}
        }
        before = letter;
    }
    words.iter().map(|word| folded(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(text: &str) -> Search {
        Search::Clause("displayName".to_owned(), text.to_owned())
    }

    #[test]
    fn and_binds_stronger_than_or() {
        let read = search(r#""displayName:a" OR "displayName:b" AND "displayName:c""#).unwrap();
        assert_eq!(read, Search::Any(vec![clause("a"), Search::All(vec![clause("b"), clause("c")])]));
        let read = search(r#"("displayName:a" OR "displayName:b") "displayName:c""#).unwrap();
        assert_eq!(read, Search::All(vec![Search::Any(vec![clause("a"), clause("b")]), clause("c")]));
        assert_eq!(search(r#""displayName:a\"b\\""#).unwrap(), clause("a\"b\\"));
        for text in ["", "displayName:a", "\"a\"", "\"displayName:a", "\"displayName:a\" OR", "(\"displayName:a\""] {
            assert_eq!(search(text).unwrap_err().status, 400, "{text}");
        }
    }

    #[test]
    fn texts_are_cut_into_words() {
        for (text, wanted) in [
            ("OneVideo", "video"),
            ("Video 1", "1"),
            ("e-mail", "mail"),
            ("Ann Marie", "mar ann"),
            ("Café", "CAF"),
            ("R2D2", "2"),
        ] {
            assert!(has_words(text, wanted), "{text} {wanted}");
        }
        for (text, wanted) in [("OneVideo", "ideo"), ("Ann", "ann b"), ("Ann", "-")] {
            assert!(!has_words(text, wanted), "{text} {wanted}");
        }
    }
}
