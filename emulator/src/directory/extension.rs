//! Directory extensions: properties that an application has registered (Graph `extensionProperty`).

use super::object::Kind;
use super::property::{Property, Shape};

/// A registered property.
#[derive(Clone, Debug)]
pub(crate) struct Extension {
    /// `extension_{appId without dashes}_{name}`.
    pub(super) name: String,
    /// Its type.
    pub(super) property: Property,
    /// The kinds of object that may hold it.
    pub(super) kinds: Vec<Kind>,
}

/// The extensions of such descriptions: `NAME`, `NAME:Integer`, `NAME:String[]`, `NAME:DateTime@Group`.
///
/// # Errors
/// The first one that is none.
pub(crate) fn extensions(texts: &[String]) -> Result<Vec<Extension>, String> {
    texts.iter().map(|text| extension(text)).collect()
}

fn extension(text: &str) -> Result<Extension, String> {
    let (described, kind) = text.split_once('@').unwrap_or((text, ""));
    let (name, form) = described.split_once(':').unwrap_or((described, "String"));
    if name.strip_prefix("extension_").is_none_or(|rest| !rest.contains('_')) {
        return Err(format!("'{text}': an extension is called extension_{{appId without dashes}}_{{name}}"));
    }
    let shape = shape(form).ok_or_else(|| {
        format!("'{text}': the type is Binary, Boolean, DateTime, Integer, LargeInteger or String, with [] for several values")
    })?;
    let kinds = match kind {
        "" => vec![Kind::User, Kind::Group],
        "User" => vec![Kind::User],
        "Group" => vec![Kind::Group],
        "Application" => vec![Kind::Application],
        "Device" => vec![Kind::Device],
        _ => return Err(format!("'{text}': the kind is User, Group, Application or Device")),
    };
    Ok(Extension { name: name.to_owned(), property: Property::new("", shape), kinds })
}

fn shape(form: &str) -> Option<Shape> {
    let (of, several) = form.strip_suffix("[]").map_or((form, false), |of| (of, true));
    Some(match (of, several) {
        ("Binary", false) => Shape::Binary(256),
        ("Binary", true) => Shape::Several(&Shape::Binary(256)),
        ("Boolean", false) => Shape::Flag,
        ("Boolean", true) => Shape::Several(&Shape::Flag),
        ("DateTime", false) => Shape::Moment,
        ("DateTime", true) => Shape::Several(&Shape::Moment),
        ("Integer", false) => Shape::Number,
        ("Integer", true) => Shape::Several(&Shape::Number),
        ("LargeInteger", false) => Shape::Large,
        ("LargeInteger", true) => Shape::Several(&Shape::Large),
        ("String", false) => Shape::Text(256),
        ("String", true) => Shape::Texts(0, 256),
        _ => return None,
    })
}
