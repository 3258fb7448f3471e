//! The text of a transcript.

use std::fmt;

use anyhow::{Context as _, bail};
use entrain_model::Attributes;
use serde_json::{Map, Value as Json};

/// One command: words, and settings of the form `name=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The line without `> `.
    pub text: String,
    /// Where it stands in the file, from 1.
    pub line: usize,
    /// The words that are no settings.
    pub words: Vec<String>,
    /// The settings in order. A value is text unless it is `true`, `false`, `null`, or JSON that begins with `[` or `{`;
    /// in double quotes it is always text.
    pub settings: Vec<(String, Json)>,
}

impl Command {
    /// Parses the text of a command.
    ///
    /// # Errors
    /// A quote is not closed, or a value that begins as JSON is none.
    pub fn parse(text: &str, line: usize) -> anyhow::Result<Self> {
        let (mut words, mut settings) = (Vec::new(), Vec::new());
        for token in tokens(text)? {
            match token.split_once('=').filter(|(name, _)| is_name(name)) {
                Some((name, value)) => settings.push((name.to_owned(), self::value(value)?)),
                None => words.push(unquoted(&token)),
            }
        }
        Ok(Self { text: text.to_owned(), line, words, settings })
    }

    /// The word at this place.
    ///
    /// # Errors
    /// There is none; `what` says what it would have been.
    pub fn word(&self, place: usize, what: &str) -> anyhow::Result<&str> {
        self.words.get(place).map(String::as_str).with_context(|| format!("`{}` lacks {what}", self.text))
    }

    /// The value of a setting.
    pub fn setting(&self, name: &str) -> Option<&Json> {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The settings as attributes; a dotted name is a part of a nested one.
    pub fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        for (name, value) in &self.settings {
            match name.split_once('.') {
                None => {
                    attributes.insert(name.clone(), value.clone());
                }
                Some((parent, part)) => {
                    let slot = attributes.entry(parent.to_owned()).or_insert_with(|| Json::Object(Map::new()));
                    if let Json::Object(parts) = slot {
                        parts.insert(part.to_owned(), value.clone());
                    }
                }
            }
        }
        attributes
    }
}

/// One piece of a transcript.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A comment or an empty line.
    Text(String),
    /// A command and its answer.
    Command(Command, Vec<String>),
}

/// A whole transcript. Displayed, it is the text again.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript(pub Vec<Entry>);

impl Transcript {
    /// Parses the text.
    ///
    /// # Errors
    /// A command is malformed, or an answer follows no command.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut entries = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let answer = match entries.last_mut() {
                Some(Entry::Command(_, answer)) => Some(answer),
                Some(Entry::Text(_)) | None => None,
            };
            if let Some(command) = line.strip_prefix("> ") {
                let command = Command::parse(command, number).with_context(|| format!("line {number}"))?;
                entries.push(Entry::Command(command, Vec::new()));
            } else if line.is_empty() || line.starts_with('#') {
                entries.push(Entry::Text(line.to_owned()));
            } else if let Some(answer) = answer {
                answer.push(line.to_owned());
            } else {
                bail!("line {number}: `{line}` is the answer to no command");
            }
        }
        Ok(Self(entries))
    }

    /// The commands with their answers.
    pub fn commands(&mut self) -> impl Iterator<Item = (&Command, &mut Vec<String>)> {
        self.0.iter_mut().filter_map(|entry| match entry {
            Entry::Command(command, answer) => Some((&*command, answer)),
            Entry::Text(_) => None,
        })
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.0 {
            match entry {
                Entry::Text(text) => writeln!(f, "{text}")?,
                Entry::Command(command, answer) => {
                    writeln!(f, "> {}", command.text)?;
                    answer.iter().try_for_each(|line| writeln!(f, "{line}"))?;
                }
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_')
}

/// Splits at spaces that stand in no quotes and in no brackets.
fn tokens(text: &str) -> anyhow::Result<Vec<String>> {
    let (mut tokens, mut token, mut quoted, mut escaped, mut depth) = (Vec::new(), String::new(), false, false, 0_u32);
    for c in text.chars() {
        if c == ' ' && !quoted && depth == 0 {
            if !token.is_empty() {
                tokens.push(std::mem::take(&mut token));
            }
            continue;
        }
        match c {
            '"' if !escaped => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = c == '\\' && quoted && !escaped;
        token.push(c);
    }
    if quoted || depth > 0 {
        bail!("`{text}`: a quote or bracket is not closed");
    }
    tokens.extend((!token.is_empty()).then_some(token));
    Ok(tokens)
}

fn value(text: &str) -> anyhow::Result<Json> {
    match text {
        "true" | "false" | "null" => Ok(serde_json::from_str(text)?),
        _ if text.starts_with(['[', '{', '"']) => serde_json::from_str(text).with_context(|| format!("`{text}` is no JSON")),
        _ => Ok(Json::String(text.to_owned())),
    }
}

fn unquoted(token: &str) -> String {
    serde_json::from_str(token).ok().filter(|_| token.starts_with('"')).unwrap_or_else(|| token.to_owned())
}
