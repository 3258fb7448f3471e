//! Functions of texts. All are pure, and give `()` for `()`.

use rhai::{Array, Dynamic, Engine, ImmutableString};

use super::{Entry, Result, fail, letters, of_text};
use crate::sandbox::text_fits;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "upper",
        call: "upper(text)",
        says: "In capitals.",
        example: "upper(\"straße\")",
        gives: "\"STRASSE\"",
        register: |engine| of_text(engine, "upper", str::to_uppercase),
    },
    Entry {
        name: "lower",
        call: "lower(text)",
        says: "In small letters.",
        example: "lower(\"ÅSA\")",
        gives: "\"åsa\"",
        register: |engine| of_text(engine, "lower", str::to_lowercase),
    },
    Entry {
        name: "title_case",
        call: "title_case(text)",
        says: "Each word with a capital, the rest small.",
        example: "title_case(\"ANNE-MARIE o'neil\")",
        gives: "\"Anne-Marie O'Neil\"",
        register: |engine| of_text(engine, "title_case", letters::title_case),
    },
    Entry {
        name: "trimmed",
        call: "trimmed(text)",
        says: "Without white space at both ends.",
        example: "trimmed(\"  Ann \")",
        gives: "\"Ann\"",
        register: |engine| of_text(engine, "trimmed", |text| text.trim().to_owned()),
    },
    Entry {
        name: "strip_spaces",
        call: "strip_spaces(text)",
        says: "Without any white space.",
        example: "strip_spaces(\"+41 44 123\")",
        gives: "\"+4144123\"",
        register: |engine| of_text(engine, "strip_spaces", |text| text.split_whitespace().collect::<String>()),
    },
    Entry {
        name: "digits_only",
        call: "digits_only(text)",
        says: "Only its digits 0 to 9.",
        example: "digits_only(\"+41 (0)44\")",
        gives: "\"41044\"",
        register: |engine| of_text(engine, "digits_only", |text| text.chars().filter(char::is_ascii_digit).collect::<String>()),
    },
    Entry {
        name: "normalize_diacritics",
        call: "normalize_diacritics(text)",
        says: "Latin letters in their plain ASCII form (ß becomes ss, ø o, þ th, é e). Letters of other scripts stay as they are.",
        example: "normalize_diacritics(\"Søren Łukasz Groß İpek\")",
        gives: "\"Soren Lukasz Gross Ipek\"",
        register: |engine| of_text(engine, "normalize_diacritics", letters::plain),
    },
    Entry {
        name: "truncate",
        call: "truncate(text, length)",
        says: "Its first characters, `length` at most.",
        example: "truncate(\"Zürich\", 3)",
        gives: "\"Zür\"",
        register: |engine| {
            with_int(engine, "truncate", |text, length| Ok(text.chars().take(length).collect::<String>().into()));
        },
    },
    Entry {
        name: "substring",
        call: "substring(text, start, length)",
        says: "`length` characters from the one numbered `start`, counted from 0; fewer if the text ends before.",
        example: "substring(\"Zürich\", 1, 2)",
        gives: "\"ür\"",
        register: |engine| {
            engine.register_fn("substring", substring);
            engine.register_fn("substring", |(): (), _: i64, _: i64| ());
        },
    },
    Entry {
        name: "pad_left",
        call: "pad_left(text, length, filler)",
        says: "At least `length` characters, filled on the left.",
        example: "pad_left(\"42\", 6, \"0\")",
        gives: "\"000042\"",
        register: |engine| {
            engine.register_fn("pad_left", pad_left);
            engine.register_fn("pad_left", |(): (), _: i64, _: ImmutableString| ());
        },
    },
    Entry {
        name: "replace",
        call: "replace(text, what, with)",
        says: "With every occurrence of `what` replaced.",
        example: "replace(\"a.b.c\", \".\", \"-\")",
        gives: "\"a-b-c\"",
        register: |engine| {
            engine.register_fn("replace", replace);
            engine.register_fn("replace", |(): (), _: ImmutableString, _: ImmutableString| ());
        },
    },
    Entry {
        name: "split",
        call: "split(text, separator)",
        says: "The list of its parts.",
        example: "split(\"a, b,c\", \",\")",
        gives: "[\"a\", \" b\", \"c\"]",
        register: |engine| {
            engine.register_fn("split", split);
            engine.register_fn("split", |(): (), _: ImmutableString| Array::new());
        },
    },
    Entry {
        name: "join",
        call: "join(list, separator)",
        says: "The texts of the list as one text. What is not set is passed over, separator included; if nothing is left: `()`.",
        example: "join([\"Ann\", (), \"Lee\"], \" \")",
        gives: "\"Ann Lee\"",
        register: |engine| {
            engine.register_fn("join", join);
        },
    },
    Entry {
        name: "starts_with",
        call: "starts_with(text, start)",
        says: "Whether it begins so. Of `()`: `false`.",
        example: "starts_with(\"svc-backup\", \"svc-\")",
        gives: "true",
        register: |engine| test(engine, "starts_with", |text, part| text.starts_with(part)),
    },
    Entry {
        name: "ends_with",
        call: "ends_with(text, end)",
        says: "Whether it ends so. Of `()`: `false`.",
        example: "ends_with(\"ann@corp.example\", \".example\")",
        gives: "true",
        register: |engine| test(engine, "ends_with", |text, part| text.ends_with(part)),
    },
];

fn with_int(engine: &mut Engine, name: &'static str, function: fn(&str, usize) -> Result<Dynamic>) {
    engine.register_fn(name, move |text: ImmutableString, count: i64| function(&text, usize_of(count)?));
    engine.register_fn(name, |(): (), _: i64| ());
}

/// Registers a yes-or-no question about a text and another.
pub(super) fn test(engine: &mut Engine, name: &'static str, function: fn(&str, &str) -> bool) {
    engine.register_fn(name, move |text: ImmutableString, part: ImmutableString| function(&text, &part));
    engine.register_fn(name, |(): (), _: ImmutableString| false);
}

fn usize_of(count: i64) -> Result<usize> {
    usize::try_from(count).or_else(|_| fail("a number of characters must not be negative"))
}

fn substring(text: ImmutableString, start: i64, length: i64) -> Result<String> {
    Ok(text.chars().skip(usize_of(start)?).take(usize_of(length)?).collect())
}

fn pad_left(text: ImmutableString, length: i64, filler: ImmutableString) -> Result<String> {
    let missing = usize_of(length)?.saturating_sub(text.chars().count());
    if missing > 0 && filler.is_empty() {
        return fail("pad_left needs a filler");
    }
    text_fits(text.len().saturating_add(missing.saturating_mul(4)))?;
    Ok(filler.chars().cycle().take(missing).chain(text.chars()).collect())
}

fn replace(text: ImmutableString, what: ImmutableString, with: ImmutableString) -> Result<String> {
    if what.is_empty() {
        return fail("replace needs a text to look for");
    }
    text_fits(text.len().saturating_add(text.matches(what.as_str()).count().saturating_mul(with.len())))?;
    Ok(text.replace(what.as_str(), &with))
}

fn split(text: ImmutableString, separator: ImmutableString) -> Result<Array> {
    if separator.is_empty() {
        return fail("split needs a separator");
    }
    Ok(text.split(separator.as_str()).map(|part| part.to_owned().into()).collect())
}

fn join(list: Array, separator: ImmutableString) -> Result<Dynamic> {
    let mut joined = String::new();
    for item in list.iter().filter(|item| super::values::is_set(item)) {
        let Ok(text) = item.as_immutable_string_ref() else {
            return fail("join takes a list of texts; convert other values with to_text(value)");
        };
        if !joined.is_empty() {
            joined.push_str(&separator);
        }
        joined.push_str(&text);
        text_fits(joined.len())?;
    }
    Ok(super::text_or_unit(joined))
}
