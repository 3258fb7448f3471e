#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use entrain_mapping::{Context, Limits, Mapped, Mapping, MappingError, ScopeRules, Script};
use entrain_model::{DesiredRecord, Kind, ObjectRef, SourceRecord};
use serde_json::{Value as Json, json};

pub fn user(attributes: Json) -> SourceRecord {
    SourceRecord { object: ObjectRef::user("u1"), version: 1, attributes: serde_json::from_value(attributes).unwrap() }
}

pub fn script(text: &str) -> Script {
    Script { name: "custom.rhai".into(), kind: Kind::User, text: text.into() }
}

pub fn compile(text: &str) -> Result<Mapping, MappingError> {
    Mapping::compile(&[script(text)], &ScopeRules::default(), Limits { wall_ms: 20_000, ..Limits::default() })
}

/// Compiles and evaluates for one user.
pub fn run(text: &str, attributes: Json) -> Result<Mapped, MappingError> {
    compile(text)?.evaluate(&user(attributes), &Context { target: &json!({}), manager: None })
}

pub fn record(text: &str, attributes: Json) -> DesiredRecord {
    match run(text, attributes).unwrap() {
        Mapped::Record(record) => record,
        Mapped::Skip(reason) => panic!("skipped: {reason}"),
    }
}

/// The error of a script, or a panic that shows what it gave instead.
pub fn error(text: &str) -> MappingError {
    match run(text, json!({"userName": "ann@corp.example"})) {
        Err(error) => error,
        Ok(gave) => panic!("{text}\ngave {gave:?}"),
    }
}
