//! What scripts can call, in one table: each entry registers itself, documents itself, and carries an example that is tested.

mod countries;
mod dates;
mod letters;
mod lists;
mod names;
mod outcome;
mod patterns;
mod records;
#[cfg(test)]
mod tests;
mod texts;
mod values;

pub(crate) use outcome::Marker;
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString};

/// Changes with the behaviour of any function, so that mappings are evaluated anew.
pub(crate) const REVISION: u32 = 1;

/// Functions that are not in the table and that scripts must not define anew either.
const UNLISTED: &[&str] = &["to_string", "min", "max", "abs", "sign", "range", "is_even", "is_odd", "is_zero"];

/// One function.
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: &'static str,
    /// How it is called.
    pub(crate) call: &'static str,
    /// What it gives.
    pub(crate) says: &'static str,
    /// An expression that uses it.
    pub(crate) example: &'static str,
    /// An expression for what the example gives.
    pub(crate) gives: &'static str,
    register: fn(&mut Engine),
}

/// The functions by topic, in the order of the documentation.
pub(crate) fn topics() -> [(&'static str, &'static [Entry]); 8] {
    [
        ("What shall become of an attribute", outcome::ENTRIES),
        ("Values that may be missing", values::ENTRIES),
        ("Text", texts::ENTRIES),
        ("Names and logins", names::ENTRIES),
        ("Patterns", patterns::ENTRIES),
        ("Dates", dates::ENTRIES),
        ("Addresses, phones and mail of a person", records::ENTRIES),
        ("Lists and maps", lists::ENTRIES),
    ]
}

/// Registers all of them.
pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Marker>("setting");
    topics().iter().flat_map(|(_, entries)| entries.iter()).for_each(|entry| (entry.register)(engine));
}

/// Whether the library has a function of this name.
pub(crate) fn has(name: &str) -> bool {
    UNLISTED.contains(&name) || topics().iter().flat_map(|(_, entries)| entries.iter()).any(|entry| entry.name == name)
}

/// What a library function returns.
pub(crate) type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// An error of a library function. The engine adds the position.
pub(crate) fn fail<T>(message: &str) -> Result<T> {
    Err(message.into())
}

/// Registers a function of a text that gives nothing for nothing, so that optional attributes need no test.
fn of_text<T: Into<Dynamic>>(engine: &mut Engine, name: &'static str, function: impl Fn(&str) -> T + Send + Sync + 'static) {
    engine.register_fn(name, move |text: ImmutableString| -> Dynamic { function(&text).into() });
    engine.register_fn(name, |(): ()| ());
}

/// A text, or nothing if it is empty.
fn text_or_unit(text: String) -> Dynamic {
    if text.is_empty() { Dynamic::UNIT } else { text.into() }
}
