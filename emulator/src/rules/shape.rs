//! From JSON to a stored value: types and lengths.

use crate::directory::{Clearing, Kind, Property, Shape, Value};
use crate::failure::Failure;
use crate::options::Switches;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value as Json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A property that is being written.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    /// The resource, for messages.
    pub(crate) kind: Kind,
    /// Its spelling.
    pub(crate) name: &'a str,
    /// Its rules.
    pub(crate) property: &'a Property,
    /// Behaviour by choice.
    pub(crate) switches: &'a Switches,
    /// What the property holds now.
    pub(crate) before: Option<&'a Value>,
}

impl Written<'_> {
    /// The value to store.
    ///
    /// # Errors
    /// 400 for a wrong type, a value too long, an empty text, or `null` where it is not allowed.
    pub(crate) fn value(&self, json: &Json) -> Result<Value, Failure> {
        if json.is_null() {
            let allowed = self.property.clearing == Clearing::Allowed;
            return if allowed { Ok(Value::Null) } else { Err(self.invalid()) };
        }
        self.of(self.property.shape, json)
    }

    fn of(&self, shape: Shape, json: &Json) -> Result<Value, Failure> {
        match shape {
            Shape::Flag => json.as_bool().map(Value::Flag).ok_or_else(|| self.wrong_type("Edm.Boolean")),
            Shape::Number => {
                let number = json.as_i64().filter(|number| i32::try_from(*number).is_ok());
                number.map(Value::Number).ok_or_else(|| self.wrong_type("Edm.Int32"))
            }
            Shape::Large => json.as_i64().map(Value::Number).ok_or_else(|| self.wrong_type("Edm.Int64")),
            Shape::Binary(max) => self.binary(json, max),
            Shape::Several(inner) => {
                let items = json.as_array().ok_or_else(|| self.wrong_type("a collection"))?;
                items.iter().try_for_each(|item| self.of(*inner, item).map(drop))?;
                Ok(Value::Json(Box::new(json.clone())))
            }
            Shape::Moment => self.moment(json),
            Shape::Text(max) => self.text(json, max).map(Value::text),
            Shape::Texts(items, max) => self.texts(json, items, max),
            Shape::Replaced(fields, max) => self.complex(json, fields, max, Map::new()),
            Shape::Merged(fields, max) => self.complex(json, fields, max, self.stored()),
            Shape::Json => Ok(Value::Json(Box::new(json.clone()))),
        }
    }

    fn invalid(&self) -> Failure {
        Failure::invalid_value(self.kind, self.name)
    }

    fn wrong_type(&self, expected: &str) -> Failure {
        Failure::bad_request(format!("Cannot convert the value of property '{}' to the expected type '{expected}'.", self.name))
            .detail("InvalidValue", self.name)
    }

    fn text(&self, json: &Json, max: u32) -> Result<String, Failure> {
        let text = json.as_str().ok_or_else(|| self.wrong_type("Edm.String"))?;
        let text = if self.switches.trim_texts { text.trim() } else { text };
        let too_long = max > 0 && text.encode_utf16().count() > max as usize;
        let refused = too_long || (text.is_empty() && self.switches.refuse_empty_texts);
        if refused { Err(self.invalid()) } else { Ok(text.to_owned()) }
    }

    fn texts(&self, json: &Json, most: u32, max: u32) -> Result<Value, Failure> {
        let items = json.as_array().ok_or_else(|| self.wrong_type("Collection(Edm.String)"))?;
        if most > 0 && items.len() > most as usize {
            return Err(self.invalid());
        }
        let texts: Result<Vec<String>, Failure> = items.iter().map(|item| self.text(item, max)).collect();
        Ok(Value::texts(texts?))
    }

    fn moment(&self, json: &Json) -> Result<Value, Failure> {
        let text = json.as_str().ok_or_else(|| self.wrong_type("Edm.DateTimeOffset"))?;
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| self.wrong_type("Edm.DateTimeOffset"))?;
        let moment = moment.checked_to_offset(time::UtcOffset::UTC).ok_or_else(|| self.invalid())?;
        let text = moment.format(&Rfc3339).map_err(|_| self.invalid())?;
        Ok(Value::text(text))
    }

    fn binary(&self, json: &Json, max: u32) -> Result<Value, Failure> {
        let text = json.as_str().ok_or_else(|| self.wrong_type("Edm.Binary"))?;
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| self.wrong_type("Edm.Binary"))?;
        if bytes.len() > max as usize { Err(self.invalid()) } else { Ok(Value::text(text)) }
    }

    fn complex(&self, json: &Json, fields: &[&str], max: u32, mut into: Map<String, Json>) -> Result<Value, Failure> {
        let given = json.as_object().ok_or_else(|| self.wrong_type("a complex value"))?;
        for (name, value) in given.iter().filter(|(name, _)| !name.starts_with("@odata.")) {
            if !fields.contains(&name.as_str()) {
                return Err(unknown(self.kind, &format!("{}/{name}", self.name)));
            }
            let text = if value.is_null() { Json::Null } else { self.text(value, max)?.into() };
            into.insert(name.clone(), text);
        }
        for field in fields {
            into.entry(*field).or_insert(Json::Null);
        }
        Ok(Value::Json(Box::new(Json::Object(into))))
    }

    fn stored(&self) -> Map<String, Json> {
        let Some(Value::Json(json)) = self.before else { return Map::new() };
        json.as_object().cloned().unwrap_or_default()
    }
}

/// 400: no such property.
pub(crate) fn unknown(kind: Kind, name: &str) -> Failure {
    Failure::bad_request(format!("Invalid property '{name}' for resource '{}'.", kind.resource())).detail("InvalidProperty", name)
}
