//! Operators that go wrong silently in the language, made to fail: text with nothing, text with numbers.

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map, NativeCallContext};

use super::meter;
use crate::library::fail;

const UNSET_TEXT: &str = "a text is built from a value that is not set; write coalesce(value, \"\") where it may be missing";
const UNSET_ORDER: &str = "a value that is not set is compared by size; test it with is_set(value) first";
const MIXED: &str = "values of two types are compared, which is never true; convert one with to_text(value) or to_int(text)";

type Refused = Result<Dynamic, Box<EvalAltResult>>;

/// A type of the language.
trait Plain: std::any::Any + Clone + Send + Sync {}
impl<T: std::any::Any + Clone + Send + Sync> Plain for T {}

/// Registers the refusals and the texts of plain values, which `${..}` uses.
pub(super) fn register(engine: &mut Engine) {
    refuse::<ImmutableString, ()>(engine, &["+"], UNSET_TEXT);
    refuse::<(), ImmutableString>(engine, &["+"], UNSET_TEXT);
    engine.register_fn("+=", |_: &mut ImmutableString, _: ()| -> Refused { fail(UNSET_TEXT) });
    for_units::<ImmutableString>(engine);
    for_units::<i64>(engine);
    for_units::<f64>(engine);
    for_units::<bool>(engine);
    for_mixed::<ImmutableString, i64>(engine);
    for_mixed::<ImmutableString, f64>(engine);
    for_mixed::<ImmutableString, bool>(engine);
    for_mixed::<i64, bool>(engine);
    texts(engine);
}

fn refuse<A: Plain, B: Plain>(engine: &mut Engine, operators: &[&str], message: &'static str) {
    for operator in operators {
        engine.register_fn(*operator, move |_: A, _: B| -> Refused { fail(message) });
    }
}

fn for_units<A: Plain>(engine: &mut Engine) {
    refuse::<A, ()>(engine, &["<", "<=", ">", ">="], UNSET_ORDER);
    refuse::<(), A>(engine, &["<", "<=", ">", ">="], UNSET_ORDER);
}

fn for_mixed<A: Plain, B: Plain>(engine: &mut Engine) {
    refuse::<A, B>(engine, &["==", "!=", "<", "<=", ">", ">="], MIXED);
    refuse::<B, A>(engine, &["==", "!=", "<", "<=", ">", ">="], MIXED);
}

fn texts(engine: &mut Engine) {
    engine.register_fn("to_string", |value: i64| value.to_string());
    engine.register_fn("to_string", |value: f64| value.to_string());
    engine.register_fn("to_string", |value: bool| value.to_string());
    engine.register_fn("to_string", |value: char| value.to_string());
    engine.register_fn("to_string", |context: NativeCallContext<'_>, (): ()| lost(&context, UNSET_TEXT));
    engine.register_fn("to_string", |context: NativeCallContext<'_>, _: &mut Map| lost(&context, NOT_TEXT));
    engine.register_fn("to_string", |context: NativeCallContext<'_>, _: &mut rhai::Array| lost(&context, NOT_TEXT));
    engine.register_fn("to_string", |context: NativeCallContext<'_>, _: FnPtr| lost(&context, NOT_TEXT));
}

const NOT_TEXT: &str = "a text is built from a list, a map or a function; use join(list, separator) or one of its values";

/// `${..}` prints something of its own when `to_string` fails, so the failure is recorded beside it.
fn lost(context: &NativeCallContext<'_>, message: &str) -> Refused {
    meter::silently_lost(context.call_position(), message);
    fail(message)
}
