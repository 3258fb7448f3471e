//! How much the variables of a script hold. The engine checks the results of functions and operators, but neither what
//! `m[k] = v` adds to a map nor what closures keep.

use rhai::{Dynamic, EvalAltResult, EvalContext, FnPtr, Position};

use super::meter;

/// Lists, maps and closures nested deeper than this are refused: copying and dropping them recurses on the native stack.
const DEEPEST: usize = 32;
/// A level of closures costs this many times the native stack of one of lists.
const CLOSURE: usize = 4;

#[derive(Default)]
struct Sum {
    values: usize,
    entries: usize,
    bytes: usize,
}

/// Looks at the variable that is about to be used; now and then at all of them, whichever is used.
pub(super) fn watch(name: &str, context: &EvalContext<'_, '_, '_, '_, '_, '_>) -> Result<(), Box<EvalAltResult>> {
    if let Some(value) = context.scope().get(name)
        && let Some(function) = value.read_lock::<FnPtr>()
    {
        captures(&function, 0)?;
    }
    if !meter::weighing_due() {
        return Ok(());
    }
    context.scope().iter_raw().filter(|(_, constant, _)| !constant).try_for_each(|(_, _, value)| weigh(value))
}

/// Fails if closures that keep closures are nested too deep. They grow by a level per assignment, so each use is looked at.
fn captures(function: &FnPtr, depth: usize) -> Result<(), Box<EvalAltResult>> {
    if depth > DEEPEST / CLOSURE {
        return Err(too_large("Nesting"));
    }
    let kept = function.curry().iter().filter(|value| !value.is_locked());
    kept.filter_map(|value| value.read_lock::<FnPtr>()).try_for_each(|inner| captures(&inner, depth + 1))
}

/// Fails if the value holds more than the limits allow.
pub(crate) fn weigh(value: &Dynamic) -> Result<(), Box<EvalAltResult>> {
    let mut sum = Sum::default();
    add(value, 0, &mut sum)?;
    let limits = meter::limits();
    let what = if sum.values > limits.array_values {
        "Size of array"
    } else if sum.entries > limits.map_entries {
        "Size of object map"
    } else if sum.bytes > limits.string_bytes {
        "Length of string"
    } else {
        return Ok(());
    };
    Err(too_large(what))
}

fn add(value: &Dynamic, depth: usize, sum: &mut Sum) -> Result<(), Box<EvalAltResult>> {
    if depth > DEEPEST {
        return Err(too_large("Nesting"));
    }
    // A shared value that is being changed right now is weighed at its next use.
    if value.is_locked() {
        return Ok(());
    }
    if let Ok(list) = value.as_array_ref() {
        sum.values += list.len();
        list.iter().try_for_each(|item| add(item, depth + 1, sum))?;
    } else if let Ok(map) = value.as_map_ref() {
        sum.entries += map.len();
        map.values().try_for_each(|item| add(item, depth + 1, sum))?;
    } else if let Ok(text) = value.as_immutable_string_ref() {
        sum.bytes += text.len();
    } else if let Some(function) = value.read_lock::<FnPtr>() {
        function.curry().iter().try_for_each(|item| add(item, depth + CLOSURE, sum))?;
    }
    Ok(())
}

fn too_large(what: &str) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE))
}
