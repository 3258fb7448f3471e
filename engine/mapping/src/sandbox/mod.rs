//! The engine that scripts run in: the language's operators, loops and functions, the library of this crate, and nothing else.
//!
//! No package of the language that has text, list or map functions is registered. What can be called is the library's
//! allow-list, so there is no file, clock, network, console, `eval` or import to be reached.

mod meter;
mod strict;
mod weight;

use rhai::packages::{ArithmeticPackage, BasicIteratorPackage, LogicPackage, Package};
use rhai::{Array, Engine};

pub(crate) use meter::{Meter, Stop, skip, text_fits, values_fit};
pub(crate) use weight::weigh;

use crate::{Limits, library};

/// Words of the language that scripts may not use. `try` would hide an error, the others reach beyond the script, defeat the
/// meter (`this`, `curry`) or go wrong silently (`1 << 100` is 0).
const FORBIDDEN: &[&str] = &[
    "try",
    "catch",
    "eval",
    "import",
    "export",
    "print",
    "debug",
    "this",
    "Fn",
    "curry",
    "type_of",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "sleep",
    "exit",
    "<<",
    ">>",
    "<<=",
    ">>=",
];

/// Builds the engine. Costs a fraction of a millisecond; once per mapping.
pub(crate) fn engine(limits: &Limits) -> Engine {
    let mut engine = Engine::new_raw();
    engine.register_global_module(ArithmeticPackage::new().as_shared_module());
    engine.register_global_module(LogicPackage::new().as_shared_module());
    engine.register_global_module(BasicIteratorPackage::new().as_shared_module());
    engine.register_iterator::<Array>();
    for word in FORBIDDEN {
        engine.disable_symbol(*word);
    }
    strict::register(&mut engine);
    library::register(&mut engine);
    bound(&mut engine, limits);
    engine
}

fn bound(engine: &mut Engine, limits: &Limits) {
    engine
        .set_strict_variables(true)
        .set_fail_on_invalid_map_property(true)
        .set_allow_shadowing(false)
        // Built-in operators would bypass the strict ones.
        .set_fast_operators(false)
        // The meter counts instead: the engine's own count starts anew in every callback.
        .set_max_operations(0)
        .set_max_call_levels(limits.call_levels)
        .set_max_expr_depths(limits.expression_depth, limits.expression_depth)
        .set_max_string_size(limits.string_bytes)
        .set_max_array_size(limits.array_values)
        .set_max_map_size(limits.map_entries)
        .set_max_variables(256)
        .set_max_functions(256)
        .set_max_strings_interned(0)
        .on_progress(|_| meter::step());
    #[expect(
        deprecated,
        reason = "the only hook that sees the growth of a map by `m[k] = v`; it is volatile, not on its way out"
    )]
    engine.on_var(|name, _, context| weight::watch(name, &context).map(|()| None));
}
