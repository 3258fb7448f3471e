//! Compiled scripts and their evaluation.

mod trace;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use entrain_model::{DesiredRecord, Kind, Setting, SourceRecord};
use rhai::{AST, Dynamic, Engine, EvalAltResult, Position, Scope};
use sha2::{Digest as _, Sha256};

pub use trace::{Origin, Traced};

use crate::explain::{self, Described};
use crate::sandbox::{self, Meter, Stop};
use crate::{Context, Limits, Mapped, MappingError, ScopeRules, Script, compile, input, library, output};

/// The scripts of a target, compiled. Shared by all threads; an evaluation keeps nothing.
#[derive(Debug)]
pub struct Mapping {
    engine: Engine,
    limits: Limits,
    scripts: Vec<Compiled>,
    predicates: Vec<Compiled>,
    reads_manager: bool,
    version: String,
}

#[derive(Debug)]
struct Compiled {
    name: String,
    kind: Kind,
    text: String,
    ast: AST,
}

impl Mapping {
    /// Compiles scripts and predicates. Several scripts of a kind run in order; what a later one says of an attribute wins,
    /// objects are merged part by part.
    ///
    /// # Errors
    /// The first script that is too long, does not compile, or gives a function the name of one of the library.
    pub fn compile(scripts: &[Script], scope: &ScopeRules, limits: Limits) -> Result<Self, MappingError> {
        let predicates = predicates(scope);
        let engine = sandbox::engine(&limits);
        let compiled = |script: &Script| -> Result<Compiled, MappingError> {
            let ast = compile::script(&engine, script, &limits)?;
            Ok(Compiled { name: script.name.clone(), kind: script.kind, text: script.text.clone(), ast })
        };
        Ok(Self {
            scripts: scripts.iter().map(compiled).collect::<Result<_, _>>()?,
            predicates: predicates.iter().map(compiled).collect::<Result<_, _>>()?,
            reads_manager: scripts.iter().chain(&predicates).any(|script| compile::reads_manager(&engine, script)),
            version: version(scripts.iter().chain(&predicates)),
            limits,
            engine,
        })
    }

    /// A short hash of scripts, predicates and the library: where it differs, results may.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Maps one record. Keeps the calling thread busy for [`Limits::wall_ms`] at most and needs less than 1 MiB of its stack.
    ///
    /// # Errors
    /// There is no script for the kind; or a script failed, exceeded a limit, or returned something else than a map.
    pub fn evaluate(&self, record: &SourceRecord, context: &Context<'_>) -> Result<Mapped, MappingError> {
        let mut desired = DesiredRecord::default();
        let mut any = false;
        for script in self.scripts.iter().filter(|script| script.kind == record.object.kind) {
            any = true;
            match self.run(script, record, context)? {
                Outcome::Skip(reason) => return Ok(Mapped::Skip(reason)),
                Outcome::Value(value) => {
                    let settings = settings(&value)
                        .map_err(|error| script.failed(explain::error(&error, &script.text, &self.limits), record))?;
                    output::merge(&mut desired, settings);
                }
            }
        }
        if any { Ok(Mapped::Record(desired)) } else { Err(unmapped(record)) }
    }

    /// Whether the predicate of the record's kind lets it in. Without a predicate: yes.
    ///
    /// # Errors
    /// The predicate failed, or its result is neither `true` nor `false`.
    pub fn in_scope(&self, record: &SourceRecord, context: &Context<'_>) -> Result<bool, MappingError> {
        let Some(predicate) = self.predicates.iter().find(|predicate| predicate.kind == record.object.kind) else {
            return Ok(true);
        };
        let wrong = |message: &str| predicate.failed(Described::at(Position::NONE, message), record);
        match self.run(predicate, record, context)? {
            Outcome::Value(value) => value
                .as_bool()
                .map_err(|kind| wrong(&format!("the predicate must give true or false, and gave a value of type {kind}"))),
            Outcome::Skip(_) => Err(wrong("skip() has no place in a predicate: give false instead")),
        }
    }

    /// Whether a predicate decides about records of the kind.
    pub fn has_predicate(&self, kind: Kind) -> bool {
        self.predicates.iter().any(|predicate| predicate.kind == kind)
    }

    /// Whether some script or predicate uses the variable `manager`: then a change of a manager's record concerns the reports.
    pub fn reads_manager(&self) -> bool {
        self.reads_manager
    }

    fn run(&self, script: &Compiled, record: &SourceRecord, context: &Context<'_>) -> Result<Outcome, MappingError> {
        let (stop, result) = match self.attempt(script, record, context) {
            // The only failure that is not the script's alone: the machine may have stood still. A slow script is late again.
            (Some(Stop::Late), _) => self.attempt(script, record, context),
            first => first,
        };
        let failed = |position, message: &str| Err(script.failed(Described::at(position, message), record));
        match (stop, result) {
            (Some(Stop::Skip(reason)), _) => Ok(Outcome::Skip(reason)),
            (Some(Stop::Fault(position, message)), _) => failed(position, &message),
            (Some(Stop::Late) | None, Ok(Err(error))) => {
                Err(script.failed(explain::error(&error, &script.text, &self.limits), record))
            }
            (_, Ok(Ok(value))) => Ok(Outcome::Value(value)),
            (_, Err(_)) => failed(Position::NONE, "the interpreter failed; please report this script"),
        }
    }

    fn attempt(&self, script: &Compiled, record: &SourceRecord, context: &Context<'_>) -> Attempt {
        // Built anew for each script: entries can be added to a constant map, and must not be seen by the next one.
        let mut scope = variables(record, context);
        let meter = Meter::start(&self.limits);
        let result = catch_unwind(AssertUnwindSafe(|| self.engine.eval_ast_with_scope::<Dynamic>(&mut scope, &script.ast)));
        (meter.finish(), result)
    }
}

/// What stopped a script, if something did, and how its evaluation ended.
type Attempt = (Option<Stop>, std::thread::Result<Result<Dynamic, Box<EvalAltResult>>>);

enum Outcome {
    Value(Dynamic),
    Skip(String),
}

impl Compiled {
    fn failed(&self, described: Described, record: &SourceRecord) -> MappingError {
        MappingError { object: Some(record.object.clone()), ..described.in_script(&self.name) }
    }
}

fn variables(record: &SourceRecord, context: &Context<'_>) -> Scope<'static> {
    let mut scope = Scope::with_capacity(8);
    scope.push_constant_dynamic(record.object.kind.as_str(), input::record(record));
    scope.push_constant_dynamic("manager", context.manager.map_or(Dynamic::UNIT, input::record));
    scope.push_constant_dynamic("target", input::settings(context.target));
    scope
}

fn predicates(scope: &ScopeRules) -> Vec<Script> {
    let named = |name: &str, kind, text: &Option<String>| text.clone().map(|text| Script { name: name.to_owned(), kind, text });
    let users = named("scope predicate of users", Kind::User, &scope.users);
    users.into_iter().chain(named("scope predicate of groups", Kind::Group, &scope.groups)).collect()
}

fn settings(value: &Dynamic) -> Result<BTreeMap<String, Setting>, Box<EvalAltResult>> {
    match value.as_map_ref() {
        Ok(map) => output::settings(&map),
        Err(kind) => {
            Err(format!("the script must end with a map of attributes, #{{ .. }}, and gave a value of type {kind}").into())
        }
    }
}

fn unmapped(record: &SourceRecord) -> MappingError {
    let kind = record.object.kind;
    let message = format!("no script maps a {kind}: add one, or leave objects of this kind out of scope");
    MappingError { script: "mapping".to_owned(), line: None, column: None, object: Some(record.object.clone()), message }
}

fn version<'a>(scripts: impl Iterator<Item = &'a Script>) -> String {
    let mut hash = Sha256::new().chain_update(library::REVISION.to_be_bytes());
    for script in scripts {
        for part in [script.name.as_str(), script.kind.as_str(), script.text.as_str()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
