//! What another mapping would change: two desired records of one object, compared attribute by attribute, and the differences
//! of many objects gathered by what they have in common.

mod groups;
mod pattern;
mod template;

use entrain_model::{DesiredRecord, KindSchema, Setting, Shape, SourceRecord};
use serde_json::Value as Json;

pub use groups::{Example, Group, Groups};
pub use pattern::Pattern;
pub(crate) use template::Words;

use crate::compare::{is_unset, same};

/// One attribute of one object that another mapping would make otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Which, dotted for a part of a nested attribute.
    pub attribute: String,
    /// What sort of difference it is.
    pub pattern: Pattern,
    /// What the one mapping wants; `null` for no value, and for an attribute that it leaves alone.
    pub from: Json,
    /// What the other wants.
    pub to: Json,
}

/// What a mapping says of one attribute or part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said<'a> {
    /// Nothing: it is left alone.
    Nothing,
    /// It shall have no value.
    Clear,
    /// It shall have this value.
    Set(&'a Json),
    /// A new record gets this value.
    OnlyNew(&'a Json),
    /// A record that has none gets this value.
    OnlyMissing(&'a Json),
}

/// How two mappings differ about one object, by attribute. Values that mean the same in the schema's eyes do not differ.
pub fn differences(from: &DesiredRecord, to: &DesiredRecord, source: &SourceRecord, schema: &KindSchema) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut words = None;
    let names = from.settings.keys().chain(to.settings.keys().filter(|name| !from.settings.contains_key(*name)));
    for name in names {
        let (old, new) = (from.settings.get(name), to.settings.get(name));
        if old == new {
            continue;
        }
        for (attribute, shape, old, new) in leaves(name, old, new, schema) {
            if alike(shape, old, new) {
                continue;
            }
            let words = words.get_or_insert_with(|| Words::of(source));
            let pattern = pattern::of(old, new, words);
            found.push(Difference { attribute, pattern, from: old.shown(), to: new.shown() });
        }
    }
    found
}

/// An attribute as its parts, where the target keeps them apart.
fn leaves<'a>(
    name: &str,
    old: Option<&'a Setting>,
    new: Option<&'a Setting>,
    schema: &KindSchema,
) -> Vec<(String, Shape, Said<'a>, Said<'a>)> {
    let shape = schema.attributes.get(name).map_or(Shape::Whole, |rule| rule.shape);
    let Shape::Parts(parts) = shape else { return vec![(name.to_owned(), shape, Said::of(old), Said::of(new))] };
    let part = |part: &&'static str| {
        let dotted = format!("{name}.{part}");
        let shape = schema.attributes.get(dotted.as_str()).map_or(Shape::Text, |rule| rule.shape);
        (dotted, shape, Said::of(old).part(part), Said::of(new).part(part))
    };
    parts.iter().map(part).collect()
}

fn alike(shape: Shape, old: Said<'_>, new: Said<'_>) -> bool {
    match (old, new) {
        (Said::Nothing, Said::Nothing) | (Said::Clear, Said::Clear) => true,
        (Said::Set(old), Said::Set(new))
        | (Said::OnlyNew(old), Said::OnlyNew(new))
        | (Said::OnlyMissing(old), Said::OnlyMissing(new)) => same(shape, old, new),
        _ => false,
    }
}

impl<'a> Said<'a> {
    fn of(setting: Option<&'a Setting>) -> Self {
        match setting {
            None => Said::Nothing,
            Some(Setting::Clear) => Said::Clear,
            Some(Setting::Set(value)) if is_unset(value) => Said::Clear,
            Some(Setting::Set(value)) => Said::Set(value),
            Some(Setting::CreateOnly(value)) => Said::OnlyNew(value),
            Some(Setting::Yield(value)) if is_unset(value) => Said::Nothing,
            Some(Setting::Yield(value)) => Said::OnlyMissing(value),
        }
    }

    /// What is said of a part of it.
    fn part(self, part: &str) -> Self {
        match self {
            Said::Nothing | Said::Clear => self,
            Said::Set(value) => match value.get(part) {
                None => Said::Nothing,
                Some(value) if is_unset(value) => Said::Clear,
                Some(value) => Said::Set(value),
            },
            Said::OnlyNew(value) => value.get(part).map_or(Said::Nothing, Said::OnlyNew),
            Said::OnlyMissing(value) => match value.get(part) {
                Some(value) if !is_unset(value) => Said::OnlyMissing(value),
                _ => Said::Nothing,
            },
        }
    }

    fn shown(self) -> Json {
        match self {
            Said::Nothing | Said::Clear => Json::Null,
            Said::Set(value) | Said::OnlyNew(value) | Said::OnlyMissing(value) => value.clone(),
        }
    }
}
