use std::collections::BTreeSet;

use entrain_model::{Kind, ObjectRef, SourceRecord};
use serde_json::json;

use super::topics;
use crate::{Context, Limits, Mapped, Mapping, ScopeRules, Script};

fn gives(expression: &str) -> Mapped {
    let text = format!("#{{ it: {expression} }}");
    let script = Script { name: "example.rhai".into(), kind: Kind::User, text };
    let mapping =
        Mapping::compile(&[script], &ScopeRules::default(), Limits::default()).unwrap_or_else(|e| panic!("{expression}: {e}"));
    let record = SourceRecord { object: ObjectRef::user("u1"), version: 1, attributes: Default::default() };
    let context = Context { target: &json!({}), manager: None };
    mapping.evaluate(&record, &context).unwrap_or_else(|e| panic!("{expression}: {e}"))
}

#[test]
fn every_example_gives_what_it_says() {
    for entry in topics().iter().flat_map(|(_, entries)| entries.iter()) {
        assert!(entry.example.contains(&format!("{}(", entry.name)), "the example of {} does not use it", entry.name);
        assert!(entry.call.starts_with(&format!("{}(", entry.name)), "{} is shown as {}", entry.name, entry.call);
        assert_eq!(gives(entry.example), gives(entry.gives), "{}", entry.example);
    }
}

#[test]
fn no_function_is_listed_twice() {
    let names: Vec<&str> = topics().iter().flat_map(|(_, entries)| entries.iter().map(|entry| entry.name)).collect();
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
    assert!(names.len() > 40, "{}", names.len());
}

#[test]
fn text_functions_give_nothing_for_nothing() {
    let of_nothing = [
        "upper(())",
        "lower(())",
        "title_case(())",
        "trimmed(())",
        "strip_spaces(())",
        "digits_only(())",
        "normalize_diacritics(())",
        "truncate((), 3)",
        "substring((), 1, 2)",
        "pad_left((), 3, \"0\")",
        "replace((), \"a\", \"b\")",
        "local_part(())",
        "domain_part(())",
        "user_principal_name((), \"corp.example\")",
        "mail_nickname(())",
        "initials(())",
        "country_code(())",
        "regex_find((), \"a\")",
        "regex_replace((), \"a\", \"b\")",
        "date_time(())",
        "parse_date((), \"YYYY\")",
        "format_date((), \"YYYY\")",
        "to_text(())",
        "to_int(())",
        "to_bool(())",
        "coalesce((), \"\")",
        "first([])",
        "first(())",
        "join([(), \"\"], \" \")",
        "create_only(())",
    ];
    for expression in of_nothing {
        assert_eq!(gives(expression), gives("()"), "{expression}");
    }
}

#[test]
fn letters_of_many_languages() {
    let table = [
        (
            "normalize_diacritics(\"Ærøskøbing Straße Łódź Đorđe Þór Iğdır Çelik Nuñez Zoë Nguyễn\")",
            "\"AEroskobing Strasse Lodz Dorde Thor Igdir Celik Nunez Zoe Nguyen\"",
        ),
        ("normalize_diacritics(\"e\u{301} x\u{30c}\")", "\"e x\""),
        ("normalize_diacritics(\"Дмитрий 王 김 Ελλη\")", "\"Дмитрий 王 김 Ελλη\""),
        ("normalize_diacritics(\"O’Neil ﬁ １ ½\")", "\"O'Neil fi 1 ½\""),
        ("mail_nickname(\"Дмитрий\")", "()"),
        ("mail_nickname(\"..a..b@c. \")", "\"a.bc\""),
        ("mail_nickname(\"D'Arcy [x]; Ops\")", "\"DArcy-x-Ops\""),
        ("len(mail_nickname(pad_left(\"\", 80, \"a\")))", "64"),
        ("user_principal_name(\"王\", \"corp.example\")", "()"),
        ("title_case(\"dvořák's ÖZIL\")", "\"Dvořák's Özil\""),
        ("initials(\"Émile Ó Conaill\")", "\"ÉÓC\""),
        (
            "[country_code(\"Türkiye\"), country_code(\"UK\"), country_code(\"united states of america\"), country_code(\"Côte d’Ivoire\")]",
            "[\"TR\", \"GB\", \"US\", \"CI\"]",
        ),
        ("coalesce(country_code(\"XX\"), country_code(\"Atlantis\"), \"none\")", "\"none\""),
    ];
    for (expression, expected) in table {
        assert_eq!(gives(expression), gives(expected), "{expression}");
    }
}

#[test]
fn dates_of_odd_forms() {
    let table = [
        ("date_time(\"2024-02-30\")", "\"2024-02-30\""),
        ("date_time(\"soon\")", "\"soon\""),
        ("date_time(\"2024-01-31 08:30\")", "\"2024-01-31T08:30:00Z\""),
        ("date_time(\"2024-01-31T08:30:15.25\")", "\"2024-01-31T08:30:15.25Z\""),
        ("parse_date(\"20240131\", \"YYYYMMDD\")", "\"2024-01-31\""),
        ("parse_date(\"31/01/2024x\", \"DD/MM/YYYY\", \"none\")", "\"none\""),
        ("parse_date(\"é1/01/2024\", \"DD/MM/YYYY\", \"none\")", "\"none\""),
        ("parse_date(\"2024-01-31\", \"ÄYYYY\", \"none\")", "\"none\""),
        ("format_date(\"2024-01-31T23:30:00-02:00\", \"YYYY-MM-DD hh:mm:ss\")", "\"2024-02-01 01:30:00\""),
    ];
    for (expression, expected) in table {
        assert_eq!(gives(expression), gives(expected), "{expression}");
    }
}

#[test]
fn typed_entries_prefer_the_primary_one_and_the_mail_column() {
    let user = "#{mail: (), emails: [#{value: \"untyped\"}, #{type: \"Other\", value: \"o1\"}, #{type: \"other\", value: \"o2\", primary: true}]}";
    assert_eq!(gives(&format!("email({user}, \"work\")")), gives("\"untyped\""));
    assert_eq!(gives(&format!("email({user}, \"other\")")), gives("\"o2\""));
    assert_eq!(gives(&format!("emails({user}, \"other\")")), gives("[\"o1\", \"o2\"]"));
    assert_eq!(gives("email(#{mail: \"m\", emails: [#{type: \"work\", value: \"w\"}]}, \"work\")"), gives("\"m\""));
    assert_eq!(gives("email(#{mail: \"m\", emails: []}, \"home\")"), gives("()"));
    assert_eq!(gives("address(#{addresses: []}, \"work\").country"), gives("()"));
}
