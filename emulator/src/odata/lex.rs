//! The words of a filter.

use crate::failure::Failure;

/// A word of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name, an operator, a number, a guid, a moment, `true`, `null`.
    Word(String),
    /// A quoted text, without its quotes.
    Text(String),
    /// `(`, `)`, `,`, `:` or `/`.
    Mark(char),
}

/// Splits a filter into words.
///
/// # Errors
/// An open quote, or a character that has no place in a filter.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Failure> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, taken) = match first {
            '\'' => quoted(rest)?,
            '(' | ')' | ',' | '/' | ':' => (Token::Mark(first), 1),
            _ => word(rest)?,
        };
        tokens.push(token);
        rest = rest.get(taken..).unwrap_or("").trim_start();
    }
    Ok(tokens)
}

fn quoted(rest: &str) -> Result<(Token, usize), Failure> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '\'' {
            text.push(letter);
        } else if letters.next_if(|(_, next)| *next == '\'').is_some() {
            text.push('\'');
        } else {
            return Ok((Token::Text(text), at + 1));
        }
    }
    Err(invalid("There is an unterminated string literal."))
}

fn word(rest: &str) -> Result<(Token, usize), Failure> {
    let is_part = |letter: char| letter.is_alphanumeric() || "_.-+$@#".contains(letter);
    let mut end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
    // A moment has colons of its own: 2026-01-01T00:00:00Z.
    if rest.starts_with(|letter: char| letter.is_ascii_digit()) && rest[..end].contains('T') {
        end = rest.find(|letter| !(is_part(letter) || letter == ':')).unwrap_or(rest.len());
    }
    if end == 0 {
        return Err(invalid(&format!("Syntax error near '{rest}'.")));
    }
    Ok((Token::Word(rest[..end].to_owned()), end))
}

/// 400: the filter cannot be read.
pub(crate) fn invalid(why: &str) -> Failure {
    Failure::new(400, "BadRequest", format!("Invalid filter clause: {why}"))
}
