//! Lists and maps. Callbacks that fail end the script; a question that is answered with neither `true` nor `false` fails.

use rhai::{Array, Dynamic, Engine, FnPtr, FuncRegistration, ImmutableString, Map, NativeCallContext, RhaiNativeFunc};

use super::{Entry, Result, fail, texts};
use crate::output;
use crate::sandbox::{values_fit, weigh};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "len",
        call: "len(value)",
        says: "Characters of a text, values of a list, entries of a map. Of `()`: 0.",
        example: "len(\"Zürich\")",
        gives: "6",
        register: |engine| {
            engine.register_fn("len", |text: ImmutableString| count(text.chars()));
            read_only(engine, "len", |list: &mut Array| count(list.iter()));
            read_only(engine, "len", |map: &mut Map| count(map.iter()));
            engine.register_fn("len", |(): ()| 0_i64);
        },
    },
    Entry {
        name: "contains",
        call: "contains(text_or_list, value)",
        says: "Whether the text has this part, or the list this value. Of `()`: `false`.",
        example: "contains([\"a\", \"b\"], \"b\") && contains(\"abc\", \"bc\")",
        gives: "true",
        register: |engine| {
            texts::test(engine, "contains", |text, part| text.contains(part));
            read_only(engine, "contains", |list: &mut Array, value: Dynamic| contains(list, &value));
        },
    },
    Entry {
        name: "first",
        call: "first(list)",
        says: "Its first value; `()` if it is empty.",
        example: "first([\"a\", \"b\"])",
        gives: "\"a\"",
        register: |engine| {
            read_only(engine, "first", |list: &mut Array| list.first().cloned().unwrap_or(Dynamic::UNIT));
            engine.register_fn("first", |(): ()| ());
        },
    },
    Entry {
        name: "map",
        call: "map(list, |x| ..)",
        says: "The list of what the function gives for each value.",
        example: "map([\"a\", \"b\"], |x| upper(x))",
        gives: "[\"A\", \"B\"]",
        register: |engine| read_only(engine, "map", map),
    },
    Entry {
        name: "filter",
        call: "filter(list, |x| ..)",
        says: "The values for which the function gives `true`.",
        example: "filter([1, 2, 3], |x| x > 1)",
        gives: "[2, 3]",
        register: |engine| read_only(engine, "filter", filter),
    },
    Entry {
        name: "some",
        call: "some(list, |x| ..)",
        says: "Whether the function gives `true` for one value at least.",
        example: "some([1, 2], |x| x == 2)",
        gives: "true",
        register: |engine| read_only(engine, "some", |c: NativeCallContext<'_>, l: &mut Array, f: FnPtr| any_is(&c, l, &f, true)),
    },
    Entry {
        name: "all",
        call: "all(list, |x| ..)",
        says: "Whether the function gives `true` for every value.",
        example: "all([1, 2], |x| x > 1)",
        gives: "false",
        register: |engine| {
            read_only(engine, "all", |c: NativeCallContext<'_>, l: &mut Array, f: FnPtr| {
                any_is(&c, l, &f, false).map(|found| !found)
            });
        },
    },
    Entry {
        name: "unique",
        call: "unique(list)",
        says: "Without repetitions, in the order of first occurrence.",
        example: "unique([\"b\", \"a\", \"b\"])",
        gives: "[\"b\", \"a\"]",
        register: |engine| read_only(engine, "unique", unique),
    },
    Entry {
        name: "sorted",
        call: "sorted(list)` or `sorted(list, |x| ..)",
        says: "In order; with a function, in the order of what it gives for each value. Texts or numbers, not both.",
        example: "sorted([\"b\", \"A\", \"a\"], |x| lower(x))",
        gives: "[\"A\", \"a\", \"b\"]",
        register: |engine| {
            read_only(engine, "sorted", |list: &mut Array| sort(list.clone(), list));
            read_only(engine, "sorted", |context: NativeCallContext<'_>, list: &mut Array, by: FnPtr| {
                sort(map(context, list, by)?, list)
            });
        },
    },
    Entry {
        name: "push",
        call: "push(list, value)",
        says: "Adds the value at the end of a list variable. The one function that changes its argument.",
        example: "{ let x = [1]; push(x, 2); x }",
        gives: "[1, 2]",
        register: |engine| {
            engine.register_fn("push", push);
        },
    },
    Entry {
        name: "keys",
        call: "keys(map)",
        says: "The keys of the map, in order.",
        example: "keys(#{b: 1, a: 2})",
        gives: "[\"a\", \"b\"]",
        register: |engine| {
            read_only(engine, "keys", |map: &mut Map| map.keys().map(|key| Dynamic::from(key.to_string())).collect::<Array>())
        },
    },
    Entry {
        name: "values",
        call: "values(map)",
        says: "The values of the map, in the order of their keys.",
        example: "values(#{b: 1, a: 2})",
        gives: "[2, 1]",
        register: |engine| read_only(engine, "values", |map: &mut Map| map.values().cloned().collect::<Array>()),
    },
    Entry {
        name: "without",
        call: "without(map, key)",
        says: "The map without this entry.",
        example: "without(#{a: 1, b: 2}, \"a\")",
        gives: "#{b: 2}",
        register: |engine| read_only(engine, "without", without),
    },
    Entry {
        name: "merged",
        call: "merged(map, other)",
        says: "The map with the entries of the other one over its own. Also written `map + other`, and `map += other` to change a variable.",
        example: "merged(#{a: 1, b: 1}, #{b: 2})",
        gives: "#{a: 1, b: 2}",
        register: |engine| {
            read_only(engine, "merged", |map: &mut Map, other: Map| merged(map.clone(), other));
            engine.register_fn("+", merged);
            engine.register_fn("+=", |map: &mut Map, other: Map| map.extend(other));
        },
    },
];

fn merged(mut map: Map, other: Map) -> Map {
    map.extend(other);
    map
}

fn without(map: &mut Map, key: ImmutableString) -> Map {
    map.iter().filter(|(name, _)| name.as_str() != key.as_str()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Registers a function that takes a list or map by reference and does not change it, so that it works on the record.
pub(super) fn read_only<A: 'static, const N: usize, const X: bool, R: std::any::Any + Clone + Send + Sync, const F: bool>(
    engine: &mut Engine,
    name: &'static str,
    function: impl RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
) {
    FuncRegistration::new(name).in_global_namespace().with_purity(true).register_into_engine(engine, function);
}

fn count(items: impl Iterator) -> i64 {
    i64::try_from(items.count()).unwrap_or(i64::MAX)
}

fn contains(list: &Array, value: &Dynamic) -> Result<bool> {
    let wanted = output::json(value)?;
    for item in list {
        if output::json(item)? == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

fn map(context: NativeCallContext<'_>, list: &mut Array, function: FnPtr) -> Result<Array> {
    list.iter().map(|item| function.call_within_context::<Dynamic>(&context, (item.clone(),))).collect()
}

fn answer(context: &NativeCallContext<'_>, function: &FnPtr, item: &Dynamic) -> Result<bool> {
    let answer = function.call_within_context::<Dynamic>(context, (item.clone(),))?;
    answer.as_bool().or_else(|_| fail("the function must give true or false for each value of the list"))
}

fn filter(context: NativeCallContext<'_>, list: &mut Array, function: FnPtr) -> Result<Array> {
    let mut kept = Array::new();
    for item in list.iter() {
        if answer(&context, &function, item)? {
            kept.push(item.clone());
        }
    }
    Ok(kept)
}

fn any_is(context: &NativeCallContext<'_>, list: &Array, function: &FnPtr, wanted: bool) -> Result<bool> {
    for item in list {
        if answer(context, function, item)? == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unique(list: &mut Array) -> Result<Array> {
    let mut seen = std::collections::BTreeSet::new();
    let mut kept = Array::new();
    for item in list.iter() {
        let key = output::json(item)?.map(|value| value.to_string());
        if seen.insert(key) {
            kept.push(item.clone());
        }
    }
    Ok(kept)
}

fn sort(keys: Array, list: &Array) -> Result<Array> {
    let items = || list.iter().cloned();
    if let Some(texts) = keys.iter().map(|key| key.clone().into_immutable_string().ok()).collect::<Option<Vec<_>>>() {
        let mut pairs: Vec<_> = texts.into_iter().zip(items()).collect();
        pairs.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        return Ok(pairs.into_iter().map(|(_, item)| item).collect());
    }
    let number = |key: &Dynamic| key.as_float().or_else(|_| key.as_int().map(|value| value as f64)).ok();
    let Some(numbers) = keys.iter().map(number).collect::<Option<Vec<f64>>>() else {
        return fail("sorted takes texts or numbers, not both; give it a function that makes one of each value");
    };
    let mut pairs: Vec<_> = numbers.into_iter().zip(items()).collect();
    pairs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    Ok(pairs.into_iter().map(|(_, item)| item).collect())
}

fn push(list: &mut Array, value: Dynamic) -> Result<()> {
    if value.is_fnptr() {
        return fail("a list cannot hold functions");
    }
    // What the list holds in all is weighed with its variable.
    weigh(&value)?;
    list.push(value);
    values_fit(list.len())
}
