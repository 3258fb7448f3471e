//! Request paths: segments, keys in parentheses, percent escapes.

/// One part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A plain segment: a collection, an id, a function.
    Word(String),
    /// A key in parentheses: `('x')` has no name, `(uniqueName='x')` has one.
    Key(Option<String>, String),
}

impl Part {
    /// The segment in lower case; empty for a key.
    pub(crate) fn word(&self) -> String {
        if let Part::Word(word) = self { word.to_ascii_lowercase() } else { String::new() }
    }

    /// The segment or the key's value as it was written.
    pub(crate) fn text(&self) -> &str {
        match self {
            Part::Word(text) | Part::Key(_, text) => text,
        }
    }
}

/// Splits a path into its parts. A slash within quotes does not split.
pub(crate) fn parts(path: &str) -> Vec<Part> {
    segments(path).into_iter().flat_map(|segment| split_key(&unescaped(&segment, Plus::Literal))).collect()
}

fn segments(path: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut quoted = false;
    for letter in path.chars() {
        quoted ^= letter == '\'';
        match segments.last_mut() {
            Some(_) if letter == '/' && !quoted => segments.push(String::new()),
            Some(last) => last.push(letter),
            None => {}
        }
    }
    // A lone quote (a UPN such as o'brien@..) opens nothing.
    if quoted {
        segments = path.split('/').map(str::to_owned).collect();
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

fn split_key(segment: &str) -> Vec<Part> {
    let Some((word, rest)) = segment.split_once('(') else { return vec![Part::Word(segment.to_owned())] };
    let Some(inner) = rest.strip_suffix(')') else { return vec![Part::Word(segment.to_owned())] };
    let mut parts = vec![Part::Word(word.to_owned())];
    if inner.is_empty() {
        return parts;
    }
    let named = inner.split_once('=').filter(|(name, _)| name.chars().all(char::is_alphanumeric));
    let (name, value) = named.map_or((None, inner), |(name, value)| (Some(name.to_owned()), value));
    parts.push(Part::Key(name, unquoted(value)));
    parts
}

/// A key literal without its quotes; doubled quotes become single.
fn unquoted(literal: &str) -> String {
    let inner = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    inner.map_or_else(|| literal.to_owned(), |inner| inner.replace("''", "'"))
}

/// What a plus sign stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plus {
    /// A space, as in query strings and forms.
    Space,
    /// Itself, as in paths.
    Literal,
}

/// Text with its percent escapes resolved.
pub(crate) fn unescaped(text: &str, plus: Plus) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escape = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, escape.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) if plus == Plus::Space => bytes.push(b' '),
            _ => bytes.push(*first),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Part {
        Part::Word(text.to_owned())
    }

    #[test]
    fn keys_and_words() {
        assert_eq!(parts("/users/o'brien@x.y/manager"), [word("users"), word("o'brien@x.y"), word("manager")]);
        assert_eq!(parts("/users('o''brien@x.y')"), [word("users"), Part::Key(None, "o'brien@x.y".into())]);
        assert_eq!(parts("groups(uniqueName='a%2Fb')"), [word("groups"), Part::Key(Some("uniqueName".into()), "a/b".into())]);
        assert_eq!(parts("groups(uniqueName='a/b')/members").len(), 3);
        assert_eq!(parts("users/delta()"), [word("users"), word("delta")]);
    }

    #[test]
    fn escapes() {
        assert_eq!(unescaped("a%20b+c%zz", Plus::Space), "a b c%zz");
        assert_eq!(unescaped("a+b%23", Plus::Literal), "a+b#");
    }
}
