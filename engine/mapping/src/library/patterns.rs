//! Regular expressions, in linear time and with a bounded program. Compiled ones are kept per thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::{Regex, RegexBuilder};
use rhai::{Dynamic, EvalAltResult, ImmutableString};

use super::{Entry, Result, fail};
use crate::sandbox::text_fits;

/// Bytes of a compiled program, and of the cache of one search.
const PROGRAM: usize = 256 * 1024;
/// The longest pattern and replacement, in bytes.
const PATTERN: usize = 1024;
/// Patterns kept per thread. Scripts have a few; one that builds patterns from data must not fill the memory.
const KEPT: usize = 64;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "regex_match",
        call: "regex_match(text, pattern)",
        says: "Whether the pattern occurs in the text. Of `()`: `false`.",
        example: "regex_match(\"A-1234\", `^[A-Z]-\\d+$`)",
        gives: "true",
        register: |engine| {
            engine.register_fn("regex_match", |text: ImmutableString, pattern: ImmutableString| {
                Ok::<_, Box<EvalAltResult>>(compiled(&pattern)?.is_match(&text))
            });
            engine.register_fn("regex_match", |(): (), _: ImmutableString| false);
        },
    },
    Entry {
        name: "regex_find",
        call: "regex_find(text, pattern)",
        says: "The first match, or its first group if the pattern has one; `()` if there is none.",
        example: "regex_find(\"Building 7, floor 3\", `floor (\\d+)`)",
        gives: "\"3\"",
        register: |engine| {
            engine.register_fn("regex_find", find);
            engine.register_fn("regex_find", |(): (), _: ImmutableString| ());
        },
    },
    Entry {
        name: "regex_replace",
        call: "regex_replace(text, pattern, with)",
        says: "With every match replaced. `$1` stands for the first group.",
        example: "regex_replace(\"Lee, Ann\", `(\\w+), (\\w+)`, \"$2 $1\")",
        gives: "\"Ann Lee\"",
        register: |engine| {
            engine.register_fn("regex_replace", replace);
            engine.register_fn("regex_replace", |(): (), _: ImmutableString, _: ImmutableString| ());
        },
    },
];

thread_local! {
    static KEPT_PATTERNS: RefCell<HashMap<String, Rc<Regex>>> = RefCell::default();
}

fn compiled(pattern: &str) -> Result<Rc<Regex>> {
    KEPT_PATTERNS.with_borrow_mut(|kept| {
        if let Some(regex) = kept.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = Rc::new(compile(pattern)?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that is not exhaustive")]
fn compile(pattern: &str) -> Result<Regex> {
    if pattern.len() > PATTERN {
        return fail(&format!("the pattern is longer than {PATTERN} bytes"));
    }
    let regex = RegexBuilder::new(pattern).size_limit(PROGRAM).dfa_size_limit(PROGRAM).nest_limit(32).build();
    regex.or_else(|error| match error {
        regex::Error::CompiledTooBig(_) => fail("the pattern is too large when compiled; use smaller repetitions"),
        other => fail(&format!("the pattern is not a regular expression: {other}")),
    })
}

fn find(text: ImmutableString, pattern: ImmutableString) -> Result<Dynamic> {
    let regex = compiled(&pattern)?;
    let found =
        regex.captures(&text).and_then(|captures| if regex.captures_len() > 1 { captures.get(1) } else { captures.get(0) });
    Ok(found.map_or(Dynamic::UNIT, |part| part.as_str().into()))
}

fn replace(text: ImmutableString, pattern: ImmutableString, with: ImmutableString) -> Result<String> {
    if with.len() > PATTERN {
        return fail(&format!("the replacement is longer than {PATTERN} bytes"));
    }
    let regex = compiled(&pattern)?;
    let mut replaced = String::with_capacity(text.len());
    let mut end = 0;
    for captures in regex.captures_iter(&text) {
        let Some(whole) = captures.get(0) else { continue };
        replaced.push_str(&text[end..whole.start()]);
        captures.expand(&with, &mut replaced);
        text_fits(replaced.len())?;
        end = whole.end();
    }
    replaced.push_str(&text[end..]);
    Ok(replaced)
}
