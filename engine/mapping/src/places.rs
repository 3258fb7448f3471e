//! Where in a script an attribute of the result is named: as a key of an outermost map, `#{ name: .. }`, or as a property
//! that is given a value, `entry.name = ..`.

use std::collections::BTreeMap;

/// The lines, from 1 and in order, on which each attribute is named.
pub(crate) fn places(script: &str) -> BTreeMap<String, Vec<usize>> {
    let mut found = BTreeMap::<String, Vec<usize>>::new();
    let mut brackets: Vec<Bracket> = Vec::new();
    let tokens = tokens(script);
    for (at, token) in tokens.iter().enumerate() {
        let next = |by: usize| tokens.get(at + by).map_or(&Token::NONE, |token| token);
        match token.text {
            "#" if next(1).text == "{" => brackets.push(Bracket::Map),
            "{" if at > 0 && tokens[at - 1].text == "#" => {}
            "{" | "(" | "[" => brackets.push(Bracket::Other),
            "}" | ")" | "]" => drop(brackets.pop()),
            _ => {}
        }
        let outermost = brackets.iter().filter(|bracket| **bracket == Bracket::Map).count() <= 1;
        let key = brackets.last() == Some(&Bracket::Map) && next(1).text == ":" && next(2).text != ":";
        let before = at.checked_sub(1).map_or("", |before| tokens[before].text);
        let property = before == "." && next(1).text == "=" && !["=", ">"].contains(&next(2).text);
        if token.is_name() && outermost && (key || property) {
            found.entry(token.text.trim_matches('"').to_owned()).or_default().push(token.line);
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq)]
enum Bracket {
    Map,
    Other,
}

/// A word, a quoted text or one sign.
struct Token<'a> {
    text: &'a str,
    line: usize,
}

impl Token<'_> {
    const NONE: Token<'static> = Token { text: "", line: 0 };

    fn is_name(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '"')
    }
}

/// The script without blanks and comments. What stands in back-ticks is one token, whatever it interpolates.
fn tokens(script: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut line, mut rest) = (Vec::new(), 1, script);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' | '`' | '\'' => quoted(rest, first),
            _ if is_part(first) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (text, after) = rest.split_at(length);
        if !first.is_whitespace() && !text.starts_with("//") && !text.starts_with("/*") {
            tokens.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a quoted text with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(script: &str, name: &str) -> Vec<usize> {
        places(script).remove(name).unwrap_or_default()
    }

    #[test]
    fn keys_of_outermost_maps_and_properties_are_places() {
        let script = "let a = #{ x: 1 };\n// y: 2\nlet e = f(#{\n  y: \"z: 1\",\n  \"q\": #{ x: 2, w: 3 },\n});\n\
                      if e.y == 1 {\n  e.y = switch a { 1 => 2 };\n}\n/* y:\n */ e += #{ z: `y: ${1}`, y: 5 };\ne";
        assert_eq!(lines(script, "y"), [4, 8, 11]);
        assert_eq!(lines(script, "x"), [1]);
        assert_eq!(lines(script, "q"), [5]);
        assert_eq!(lines(script, "z"), [11]);
        assert_eq!(lines(script, "w"), Vec::<usize>::new());
    }

    #[test]
    fn the_end_in_the_middle_of_something_does_no_harm() {
        for script in ["#{ a: \"", "`", "/*", "//", "#", "a.", "}", "#{ é: 1 }", "a.b ="] {
            places(script);
        }
    }
}
