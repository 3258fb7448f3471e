//! A desired record as single values: nested attributes that are written by parts come apart here.

use entrain_model::{AttributeSchema, Authority, DesiredRecord, KindSchema, Setting, Shape};
use serde_json::Value as Json;

/// One value that a mapping wants.
pub(crate) struct Leaf<'a> {
    /// Its name, dotted for a part.
    pub name: String,
    /// What it shall be; `null` for no value.
    pub to: &'a Json,
    /// Its form.
    pub shape: Shape,
    /// What the schema knows of it.
    pub rule: Option<&'a AttributeSchema>,
    /// Whose word counts once the record is there.
    pub authority: Authority,
}

const NOTHING: &Json = &Json::Null;

/// All values that the record names, by attribute.
pub(crate) fn leaves<'a>(record: &'a DesiredRecord, schema: &'a KindSchema) -> Vec<Leaf<'a>> {
    record.settings.iter().flat_map(|(name, setting)| of_setting(name, setting, schema)).collect()
}

fn of_setting<'a>(name: &str, setting: &'a Setting, schema: &'a KindSchema) -> Vec<Leaf<'a>> {
    let (to, authority) = match setting {
        Setting::Set(value) => (value, Authority::Manage),
        Setting::CreateOnly(value) => (value, Authority::CreateOnly),
        Setting::Yield(value) => (value, Authority::Yield),
        Setting::Clear => (NOTHING, Authority::Manage),
    };
    let rule = schema.attributes.get(name);
    let shape = rule.map_or(Shape::Whole, |rule| rule.shape);
    let Shape::Parts(parts) = shape else {
        return vec![Leaf { name: name.to_owned(), to, shape, rule, authority }];
    };
    parts
        .iter()
        .filter_map(|part| {
            let to = if to.is_null() { NOTHING } else { to.get(part)? };
            let name = format!("{name}.{part}");
            let own = schema.attributes.get(name.as_str());
            let shape = own.map_or(Shape::Text, |own| own.shape);
            Some(Leaf { name, to, shape, rule: own.or(rule), authority })
        })
        .collect()
}
