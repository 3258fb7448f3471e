//! A `[[target]]` block as it is written: what the database keeps of a target, and what goes back into a file.

use std::path::Path;

use entrain_model::TargetName;
use serde_json::{Map, Value as Json};

use super::place;
use super::{Problem, TargetConfig, check_target, raw};

/// One block: its keys as one JSON object. Comments and the order of keys do not count.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The target.
    pub name: TargetName,
    /// All keys but the name; no table at the top of it is empty.
    pub body: Map<String, Json>,
}

/// A key that is not the same in two blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The key, dotted.
    pub key: String,
    /// What it was; `None` where it was not set.
    pub before: Option<Json>,
    /// What it is.
    pub after: Option<Json>,
}

impl Block {
    /// A block from its keys, without the name; what is `null` is not set.
    pub fn new(name: TargetName, body: Map<String, Json>) -> Self {
        let body = without_nulls(body).into_iter().filter(|(_, value)| !is_empty_table(value)).collect();
        Self { name, body }
    }

    /// The blocks of a file that was read as such already, in its order.
    pub(super) fn all(text: &str) -> Vec<Self> {
        let Ok(mut document) = text.parse::<toml::Table>() else { return Vec::new() };
        let Some(toml::Value::Array(blocks)) = document.remove("target") else { return Vec::new() };
        blocks.into_iter().filter_map(|block| Self::of_table(block.try_into().ok()?)).collect()
    }

    fn of_table(mut table: toml::Table) -> Option<Self> {
        let name = table.remove("name")?.as_str()?.into();
        Some(Self::new(name, table.into_iter().map(|(key, value)| (key, json_of(value))).collect()))
    }

    /// What it means where paths are relative to this folder.
    ///
    /// # Errors
    /// Everything that is wrong with it, by key.
    pub fn check(&self, folder: &Path) -> Result<TargetConfig, Vec<Problem>> {
        if self.body.contains_key("name") {
            let message = "the name of a target never changes, and stands beside its settings: take it out".to_owned();
            return Err(vec![Problem { key: "name".to_owned(), ..problem(message) }]);
        }
        let text = written(std::slice::from_ref(self)).map_err(|message| vec![problem(message)])?;
        let unplaced = |problem: Problem| Problem {
            line: None,
            key: problem.key.strip_prefix("target #1").map_or(problem.key.clone(), |key| key.trim_start_matches(": ").to_owned()),
            message: problem.message,
        };
        let mut targets = parse(&text, folder).map_err(|problems| problems.into_iter().map(unplaced).collect::<Vec<_>>())?;
        targets.pop().ok_or_else(|| vec![problem("it says nothing".to_owned())])
    }

    /// What another block of the same target says otherwise.
    pub fn differences(&self, after: &Block) -> Vec<Difference> {
        let mut differences = Vec::new();
        compare("", &self.body, &after.body, &mut differences);
        differences
    }
}

fn problem(message: String) -> Problem {
    Problem { line: None, key: String::new(), message }
}

/// The targets of a text that has nothing else of interest.
pub(super) fn parse(text: &str, folder: &Path) -> Result<Vec<TargetConfig>, Vec<Problem>> {
    let raw: raw::Targets = toml::from_str(text).map_err(|error| vec![place::problem_of(text, &error)])?;
    let mut findings = Vec::new();
    let targets = check_target::check_all(raw.target, folder, &mut findings);
    if findings.is_empty() { Ok(targets) } else { Err(place::locate(text, findings)) }
}

/// Blocks as the text of a file.
///
/// # Errors
/// A number is larger than any file of this kind can say.
pub fn written(blocks: &[Block]) -> Result<String, String> {
    let mut document = toml::Table::new();
    let mut tables = Vec::new();
    for block in blocks {
        let mut table = toml::Table::new();
        table.insert("name".to_owned(), block.name.as_str().into());
        for (key, value) in &block.body {
            table.insert(key.clone(), toml_of(key, value)?);
        }
        tables.push(toml::Value::Table(table));
    }
    document.insert("target".to_owned(), toml::Value::Array(tables));
    toml::to_string(&document).map_err(|error| error.to_string())
}

fn compare(prefix: &str, before: &Map<String, Json>, after: &Map<String, Json>, into: &mut Vec<Difference>) {
    let added = after.keys().filter(|key| !before.contains_key(*key));
    for key in before.keys().chain(added) {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match (before.get(key), after.get(key)) {
            (Some(was), Some(is)) if same(was, is) => {}
            (Some(Json::Object(was)), Some(Json::Object(is))) => compare(&path, was, is, into),
            (was, is) => into.push(Difference { key: path, before: was.cloned(), after: is.cloned() }),
        }
    }
}

/// A number of more than fifteen digits may come out of the database with another last one: that is no difference.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap_or_default(), other.as_f64().unwrap_or_default());
            (one - other).abs() <= 4.0 * f64::EPSILON * one.abs().max(other.abs())
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        (one, other) => one == other,
    }
}

fn is_empty_table(value: &Json) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

fn without_nulls(map: Map<String, Json>) -> Map<String, Json> {
    let inner = |value: Json| match value {
        Json::Object(map) => Json::Object(without_nulls(map)),
        other @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) => other,
    };
    map.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key, inner(value))).collect()
}

/// A date is a text: no key of a target is one.
fn json_of(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(values) => values.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json_of(value))).collect(),
    }
}

fn toml_of(key: &str, value: &Json) -> Result<toml::Value, String> {
    Ok(match value {
        Json::Null => return Err(format!("`{key}` has a null in a list, which says nothing: leave it out")),
        Json::Bool(truth) => (*truth).into(),
        Json::String(text) => text.as_str().into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(fraction)) if !number.is_u64() => fraction.into(),
            _ => return Err(format!("`{key}` has the number {number}, which is too large")),
        },
        Json::Array(values) => values.iter().map(|value| toml_of(key, value)).collect::<Result<Vec<_>, _>>()?.into(),
        Json::Object(map) => {
            let table = map.iter().map(|(key, value)| Ok((key.clone(), toml_of(key, value)?)));
            toml::Value::Table(table.collect::<Result<_, String>>()?)
        }
    })
}
