//! The language's errors in words that say what to do. Values are not repeated: they may be a person's.

use rhai::{EvalAltResult, ParseError, ParseErrorType, Position};

use crate::{Limits, MappingError};

/// What went wrong and where, before it is known in which script.
#[derive(Debug)]
pub(crate) struct Described {
    position: Position,
    message: String,
}

impl Described {
    pub(crate) fn at(position: Position, message: &str) -> Self {
        Self { position, message: message.to_owned() }
    }

    pub(crate) fn in_script(self, script: &str) -> MappingError {
        let (line, column) = (self.position.line(), self.position.position());
        MappingError { script: script.to_owned(), line, column, object: None, message: self.message }
    }
}

/// Explains why a script does not compile.
#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that is not exhaustive")]
pub(crate) fn parsing(error: &ParseError) -> Described {
    let message = match error.err_type() {
        ParseErrorType::VariableUndefined(name) => {
            format!(
                "there is no variable `{name}`: scripts see `user` or `group`, `manager` and `target`, and what they define with `let`"
            )
        }
        ParseErrorType::ExprTooDeep => "the expression is nested too deep; take parts of it into variables".to_owned(),
        other => other.to_string(),
    };
    Described::at(error.position(), &message)
}

/// Explains why a script failed. Of calls within calls, the innermost place is named.
#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that is not exhaustive")]
pub(crate) fn error(error: &EvalAltResult, script: &str, limits: &Limits) -> Described {
    use EvalAltResult as E;
    let inner = error.unwrap_inner();
    let message = match inner {
        E::ErrorRuntime(thrown, _) => thrown.to_string(),
        E::ErrorVariableNotFound(name, _) => {
            format!("there is no variable `{name}` here; a function sees only its parameters, so hand `{name}` to it")
        }
        E::ErrorTerminated(reason, _) => reason.to_string(),
        // A name that does not stand in the script was computed, and may be data.
        E::ErrorPropertyNotFound(name, _) if script.contains(name.as_str()) => {
            format!("there is no attribute `{name}`; one that records need not have is read by lookup(user, \"{name}\", ())")
        }
        E::ErrorPropertyNotFound(..) | E::ErrorIndexNotFound(..) => {
            "the map has no entry of this key; read it by lookup(map, key, default)".to_owned()
        }
        E::ErrorDotExpr(what, _) => format!("{what}: the value before the dot has no such part; it may not be set"),
        E::ErrorFunctionNotFound(call, _) => unknown_function(call),
        E::ErrorAssignmentToConstant(name, _) | E::ErrorNonPureMethodCallOnConstant(name, _) => {
            format!("`{name}` cannot be changed: `user`, `group`, `manager` and `target` are read-only")
        }
        E::ErrorDataTooLarge(what, _) => too_large(what, limits),
        E::ErrorStackOverflow(_) => format!("functions call each other more than {} levels deep", limits.call_levels),
        E::ErrorTooManyVariables(_) => "the script defines too many variables".to_owned(),
        _ => without_position(inner),
    };
    Described::at(inner.position(), &message)
}

fn unknown_function(call: &str) -> String {
    let call = call.replace("&str | ImmutableString | String", "text").replace("i64", "int").replace("f64", "number");
    format!("no function takes this: {call}; a value of type () is one that is not set")
}

fn too_large(what: &str, limits: &Limits) -> String {
    let limit = match what {
        "Length of string" => format!("a text, or the texts of a list or map together, {} bytes", limits.string_bytes),
        "Size of array/BLOB" | "Size of array" => format!("a list {} values, nested ones included", limits.array_values),
        "Size of object map" => format!("a map {} entries, nested ones included", limits.map_entries),
        other => format!("{} a bound of the sandbox", other.to_lowercase()),
    };
    format!("a value grew too large: the limit is for {limit}")
}

fn without_position(error: &EvalAltResult) -> String {
    let text = error.to_string();
    match text.rfind(" (line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
