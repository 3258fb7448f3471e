//! From text to a checked syntax tree.

use entrain_model::Kind;
use rhai::{AST, Engine, Position, Scope};

use crate::explain::{self, Described};
use crate::{Limits, MappingError, Script, library};

/// Compiles one script.
pub(crate) fn script(engine: &Engine, script: &Script, limits: &Limits) -> Result<AST, MappingError> {
    let fail = |message: &str| Err(Described::at(Position::NONE, message).in_script(&script.name));
    if script.text.len() > limits.script_bytes {
        return fail(&format!("the script has {} bytes; the limit is {}", script.text.len(), limits.script_bytes));
    }
    let names = variables(script.kind, &["manager"]);
    let ast =
        engine.compile_with_scope(&names, &script.text).map_err(|error| explain::parsing(&error).in_script(&script.name))?;
    let taken = ast.iter_functions().map(|function| function.name.to_owned()).find(|name| library::has(name));
    match taken {
        Some(name) => fail(&format!("`{name}` is a function of the library; give yours another name")),
        None => Ok(ast),
    }
}

/// Whether the script uses the variable `manager`: then it does not compile without it.
pub(crate) fn reads_manager(engine: &Engine, script: &Script) -> bool {
    engine.compile_with_scope(&variables(script.kind, &[]), &script.text).is_err()
}

/// The names that scripts see. Variables and not constants: the values of constants would be folded into the syntax tree,
/// and every object would be mapped with the first one's.
fn variables(kind: Kind, more: &[&str]) -> Scope<'static> {
    let mut scope = Scope::new();
    for name in [kind.as_str(), "target"].iter().chain(more) {
        scope.push((*name).to_owned(), ());
    }
    scope
}
