//! What a script returned, as settings of attributes.

use std::collections::BTreeMap;

use entrain_model::{DesiredRecord, Setting};
use rhai::{Dynamic, EvalAltResult, Map};
use serde_json::{Map as JsonMap, Number, Value as Json};

use crate::library::Marker;

/// Lists and objects nested deeper than this are refused.
const DEEPEST: usize = 16;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// The settings of a returned map. `()` for a key is as if the key were not written.
pub(crate) fn settings(map: &Map) -> Result<BTreeMap<String, Setting>> {
    let mut settings = BTreeMap::new();
    for (name, value) in map {
        let setting =
            setting(value).map_err(|error| -> Box<EvalAltResult> { format!("attribute `{name}`: {}", reason(&error)).into() })?;
        if let Some(setting) = setting {
            settings.insert(name.to_string(), setting);
        }
    }
    Ok(settings)
}

/// Lays the settings of a later script over those of an earlier one. Objects are merged part by part.
pub(crate) fn merge(record: &mut DesiredRecord, later: BTreeMap<String, Setting>) {
    if record.settings.is_empty() {
        record.settings = later;
        return;
    }
    for (name, setting) in later {
        match (record.settings.get_mut(&name), setting) {
            (Some(Setting::Set(Json::Object(parts))), Setting::Set(Json::Object(later))) => parts.extend(later),
            (_, setting) => {
                record.settings.insert(name, setting);
            }
        }
    }
}

fn setting(value: &Dynamic) -> Result<Option<Setting>> {
    if let Some(marker) = value.read_lock::<Marker>() {
        return Ok(Some(match &*marker {
            Marker::Clear => Setting::Clear,
            Marker::CreateOnly(value) => Setting::CreateOnly(value.clone()),
        }));
    }
    Ok(json(value)?.map(Setting::Set))
}

/// The value as JSON; nothing for `()`, and for an object of which nothing is said.
pub(crate) fn json(value: &Dynamic) -> Result<Option<Json>> {
    convert(value, 0)
}

fn convert(value: &Dynamic, depth: usize) -> Result<Option<Json>> {
    if depth > DEEPEST {
        return fail(&format!("nested deeper than {DEEPEST} levels"));
    }
    if value.is_unit() {
        return Ok(None);
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Some(Json::String(text.to_string())));
    }
    if let Ok(truth) = value.as_bool() {
        return Ok(Some(Json::Bool(truth)));
    }
    if let Ok(whole) = value.as_int() {
        return Ok(Some(Json::Number(whole.into())));
    }
    if let Ok(list) = value.as_array_ref() {
        return list
            .iter()
            .filter_map(|item| element(item, depth).transpose())
            .collect::<Result<Vec<_>>>()
            .map(|list| Some(Json::Array(list)));
    }
    if let Ok(map) = value.as_map_ref() {
        return object(&map, depth);
    }
    if let Ok(letter) = value.as_char() {
        return Ok(Some(Json::String(letter.to_string())));
    }
    if let Ok(number) = value.as_float() {
        return Number::from_f64(number)
            .map_or_else(|| fail("a number that is not finite"), |number| Ok(Some(Json::Number(number))));
    }
    fail(&format!("a value of type {} cannot be written", value.type_name().rsplit("::").next().unwrap_or_default()))
}

fn element(value: &Dynamic, depth: usize) -> Result<Option<Json>> {
    if value.is::<Marker>() {
        return fail("clear() and create_only(..) stand for whole attributes and parts of objects, not for values of a list");
    }
    convert(value, depth + 1)
}

fn object(map: &Map, depth: usize) -> Result<Option<Json>> {
    let mut parts = JsonMap::new();
    for (name, value) in map {
        let part = match value.read_lock::<Marker>().as_deref() {
            Some(Marker::Clear) => Some(Json::Null),
            Some(Marker::CreateOnly(_)) => {
                return fail(&format!("part `{name}`: create_only(..) stands for whole attributes only"));
            }
            None => convert(value, depth + 1)?,
        };
        parts.extend(part.map(|part| (name.to_string(), part)));
    }
    Ok((!parts.is_empty()).then_some(Json::Object(parts)))
}

fn fail<T>(message: &str) -> Result<T> {
    Err(message.into())
}

fn reason(error: &EvalAltResult) -> String {
    if let EvalAltResult::ErrorRuntime(message, _) = error { message.to_string() } else { error.to_string() }
}
