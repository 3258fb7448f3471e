//! What a mapping gives: the three states, merging, skipping, scope, errors.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{compile, error, record, run, script, user};
use entrain_mapping::{Context, Limits, Mapped, Mapping, ScopeRules, Script};
use entrain_model::{Kind, ObjectRef, Setting, SourceRecord};
use serde_json::{Value as Json, json};

const NO_TARGET: Json = Json::Null;

fn context() -> Context<'static> {
    Context { target: &NO_TARGET, manager: None }
}

fn several(texts: &[&str]) -> Mapped {
    let scripts: Vec<Script> = texts.iter().map(|text| script(text)).collect();
    Mapping::compile(&scripts, &ScopeRules::default(), Limits::default()).unwrap().evaluate(&user(json!({})), &context()).unwrap()
}

#[test]
fn an_attribute_has_three_states() {
    let record = record(
        "#{ set: \"x\", cleared: clear(), unset: user.title, creation: create_only(\"y\"), number: 3, truth: false, blank: \"\",
            list: [\"a\", (), \"b\"], empty: [(), user.title], object: #{ a: 1, b: clear(), c: () }, nothing: #{ a: () } }",
        json!({}),
    );
    let expected = [
        ("blank", Setting::Set(json!(""))),
        ("cleared", Setting::Clear),
        ("creation", Setting::CreateOnly(json!("y"))),
        ("empty", Setting::Set(json!([]))),
        ("list", Setting::Set(json!(["a", "b"]))),
        ("number", Setting::Set(json!(3))),
        ("object", Setting::Set(json!({"a": 1, "b": null}))),
        ("set", Setting::Set(json!("x"))),
        ("truth", Setting::Set(json!(false))),
    ];
    assert_eq!(record.settings, expected.map(|(name, setting)| (name.to_owned(), setting)).into());
}

#[test]
fn what_is_not_set_is_left_alone_and_cleared_only_when_asked() {
    let text = "#{ a: user.title, b: or_clear(user.title) }";
    let unset = record(text, json!({}));
    assert_eq!(unset.settings, [("b".to_owned(), Setting::Clear)].into());
    let set = record(text, json!({"title": "Engineer"}));
    assert_eq!((set.text("a"), set.text("b")), (Some("Engineer"), Some("Engineer")));
    assert_eq!(
        record("#{ a: or_clear([]), b: or_clear(\" \"), c: or_clear(false), d: or_clear([1]) }", json!({})).settings,
        [
            ("a".to_owned(), Setting::Clear),
            ("b".to_owned(), Setting::Clear),
            ("c".to_owned(), Setting::Set(json!(false))),
            ("d".to_owned(), Setting::Set(json!([1]))),
        ]
        .into()
    );
}

#[test]
fn markers_have_no_place_in_lists() {
    assert!(error("#{ phones: [clear()] }").message.starts_with("attribute `phones`"));
    assert!(error("#{ org: #{ division: create_only(\"x\") } }").message.contains("part `division`"));
    assert!(error("#{ x: create_only(clear()) }").message.contains("plain value"));
    assert!(error("#{ x: create_only([create_only(1)]) }").message.contains("whole attributes"));
}

#[test]
fn skip_ends_the_script_wherever_it_is_called() {
    let skipped = Mapped::Skip("no contract".to_owned());
    for text in [
        "skip(\"no contract\")",
        "if user.title == () { skip(\"no contract\") } #{ x: user.title + \"a\" }",
        "fn f() { skip(\"no contract\") } #{ x: f() }",
        "#{ x: map([1], |x| skip(\"no contract\")) }",
        "#{ x: `${skip(\"no contract\")}` }",
        "#{ x: #{ y: [skip(\"no contract\")] } }",
    ] {
        assert_eq!(run(text, json!({})).unwrap(), skipped, "{text}");
    }
}

#[test]
fn later_scripts_win_and_objects_merge_by_part() {
    let merged = several(&[
        "#{ a: 1, b: 1, c: clear(), o: #{ x: 1, y: 1 }, p: #{ x: 1 } }",
        "#{ b: 2, c: 3, d: user.title, a: user.title, o: #{ y: clear(), z: 2 }, p: clear() }",
    ]);
    let Mapped::Record(record) = merged else { panic!() };
    let expected = [
        ("a", Setting::Set(json!(1))),
        ("b", Setting::Set(json!(2))),
        ("c", Setting::Set(json!(3))),
        ("o", Setting::Set(json!({"x": 1, "y": null, "z": 2}))),
        ("p", Setting::Clear),
    ];
    assert_eq!(record.settings, expected.map(|(name, setting)| (name.to_owned(), setting)).into());
}

#[test]
fn a_skip_of_any_script_skips() {
    assert_eq!(several(&["#{ a: 1 }", "skip(\"x\")"]), Mapped::Skip("x".into()));
    assert_eq!(several(&["skip(\"x\")", "#{ a: 1 }"]), Mapped::Skip("x".into()));
}

#[test]
fn every_attribute_of_the_schema_can_be_read_when_nothing_is_set() {
    let text = "#{ x: [user.id, user.userName, user.externalId, user.displayName, user.active, user.serviceAccount, user.mail, user.title,
        user.userType, user.employeeType, user.nickName, user.profileUrl, user.preferredLanguage, user.locale, user.timezone,
        user.employeeNumber, user.department, user.division, user.organization, user.companyName, user.costCenter, user.city, user.state,
        user.country, user.usageLocation, user.startDateTime, user.endDateTime, user.description, user.manager, user.targetObjectId,
        user.name.givenName, user.name.familyName, user.name.middleName, user.name.honorificPrefix, user.name.honorificSuffix,
        user.name.formatted, user.employeeOrgData.costCenter, user.employeeOrgData.division,
        user.onPremisesExtensionAttributes.extensionAttribute1, user.onPremisesExtensionAttributes.extensionAttribute15],
        l: len(user.emails) + len(user.phoneNumbers) + len(user.addresses), m: manager }";
    let record = record(text, json!({"title": null}));
    // The id is always known.
    assert_eq!(record.settings, [("l".to_owned(), Setting::Set(json!(0))), ("x".to_owned(), Setting::Set(json!(["u1"])))].into());
}

#[test]
fn partial_objects_and_entries_are_completed_and_the_rest_of_the_document_is_kept() {
    let text = "#{ a: user.name.middleName, b: user.name.givenName, c: map(user.emails, |e| coalesce(e.type, \"none\")), d: user.shoe.size, e: user.addresses[0].region }";
    let document = json!({"name": {"givenName": "Ann"}, "emails": [{"value": "a@b"}], "shoe": {"size": 41}, "addresses": [{"country": "CH"}]});
    let record = record(text, document);
    assert_eq!(
        record.settings,
        [
            ("b".to_owned(), Setting::Set(json!("Ann"))),
            ("c".to_owned(), Setting::Set(json!(["none"]))),
            ("d".to_owned(), Setting::Set(json!(41))),
        ]
        .into()
    );
}

#[test]
fn the_manager_and_the_target_are_seen() {
    let mapping = compile("#{ boss: manager.displayName, bossTitle: manager.title, mail: lookup(target, \"write_mail\", false), none: lookup(target, \"x\", 7) }").unwrap();
    let boss = user(json!({"displayName": "Bo"}));
    let target = json!({"write_mail": true});
    let Mapped::Record(record) = mapping.evaluate(&user(json!({})), &Context { target: &target, manager: Some(&boss) }).unwrap()
    else {
        panic!()
    };
    assert_eq!(record.text("boss"), Some("Bo"));
    assert_eq!(
        (record.value("mail"), record.value("none"), record.value("bossTitle")),
        (Some(&json!(true)), Some(&json!(7)), None)
    );
    assert!(
        mapping
            .evaluate(&user(json!({})), &Context { target: &target, manager: None })
            .unwrap_err()
            .message
            .contains("may not be set")
    );
}

#[test]
fn only_scripts_that_use_the_variable_read_the_manager() {
    let reads = |text: &str| compile(text).unwrap().reads_manager();
    for text in [
        "#{ x: manager }",
        "#{ x: `by ${manager.displayName}` }",
        "let it = |x| manager; #{}",
        "#{ x: if is_set(manager) { 1 } else { 2 } }",
        "#{ x: `it's ${\"`\"} ${manager}` }",
        "fn f(m) { m } f(manager)",
    ] {
        assert!(reads(text), "{text}");
    }
    for text in [
        "#{ x: user.manager }",
        "// manager\n#{}",
        "/* manager */ #{ x: \"manager\" }",
        "#{ manager: user.manager, y: `manager` }",
        "fn f(manager) { manager } #{}",
    ] {
        assert!(!reads(text), "{text}");
    }
    let rules = ScopeRules { users: Some("manager != ()".into()), groups: None };
    assert!(Mapping::compile(&[script("#{}")], &rules, Limits::default()).unwrap().reads_manager());
}

#[test]
fn predicates_bound_the_scope() {
    let rules = ScopeRules {
        users: Some("user.department == \"Sales\" && user.active".into()),
        groups: Some("!starts_with(group.displayName, \"tmp-\")".into()),
    };
    let mapping = Mapping::compile(&[], &rules, Limits::default()).unwrap();
    let inside = |record: &SourceRecord| mapping.in_scope(record, &context());
    assert_eq!(inside(&user(json!({"department": "Sales", "active": true}))), Ok(true));
    assert_eq!(inside(&user(json!({"department": "Sales", "active": false}))), Ok(false));
    assert_eq!(inside(&user(json!({}))), Ok(false));
    let group = |name: &str| SourceRecord {
        object: ObjectRef::group("g1"),
        version: 1,
        attributes: [("displayName".to_owned(), json!(name))].into(),
    };
    assert_eq!((inside(&group("tmp-x")), inside(&group("x"))), (Ok(false), Ok(true)));
    let open = Mapping::compile(&[], &ScopeRules::default(), Limits::default()).unwrap();
    assert_eq!(open.in_scope(&group("tmp-x"), &context()), Ok(true));
}

#[test]
fn a_predicate_that_gives_no_answer_is_an_error() {
    for (predicate, message) in
        [("user.department", "true or false"), ("skip(\"x\")", "no place"), ("user.x", "no attribute"), ("loop {}", "operations")]
    {
        let rules = ScopeRules { users: Some(predicate.into()), groups: None };
        let mapping = Mapping::compile(&[], &rules, Limits { wall_ms: 20_000, ..Limits::default() }).unwrap();
        let error = mapping.in_scope(&user(json!({})), &context()).unwrap_err();
        assert!(error.message.contains(message), "{error}");
        assert_eq!((error.script.as_str(), error.object), ("scope predicate of users", Some(ObjectRef::user("u1"))));
    }
}

#[test]
fn errors_say_where_and_for_whom() {
    let failed = error("let x = 1;\nfn f(u) {\n    upper(u.active)\n}\n#{ x: f(#{active: true}) }");
    assert_eq!((failed.script.as_str(), failed.line, failed.column), ("custom.rhai", Some(3), Some(5)));
    assert_eq!(failed.object, Some(ObjectRef::user("u1")));
    assert_eq!(
        failed.to_string(),
        "custom.rhai:3:5 (user u1): no function takes this: upper (bool); a value of type () is one that is not set"
    );
    let syntax = compile("#{\n  a: 1,\n  b 2 }").unwrap_err();
    assert_eq!((syntax.line, syntax.object.clone()), (Some(3), None), "{syntax}");
    let faulty = error("#{\n  x: `a ${user.title}`,\n}");
    assert_eq!((faulty.line, faulty.column), (Some(2), Some(15)), "{faulty}");
    let thrown = error("if true { throw \"no cost centre\"; } #{}");
    assert_eq!(thrown.message, "no cost centre");
}

#[test]
fn a_kind_without_a_script_is_an_error_and_not_a_removal() {
    let mapping = compile("#{}").unwrap();
    let group = SourceRecord { object: ObjectRef::group("g1"), version: 1, attributes: Default::default() };
    let error = mapping.evaluate(&group, &context()).unwrap_err();
    assert!(error.message.contains("no script maps a group"), "{error}");
}

#[test]
fn the_version_changes_with_every_part() {
    let version = |scripts: &[Script], rules: &ScopeRules| {
        Mapping::compile(scripts, rules, Limits::default()).unwrap().version().to_owned()
    };
    let base = version(&[script("#{ a: 1 }")], &ScopeRules::default());
    assert_eq!(base.len(), 16);
    assert_eq!(base, version(&[script("#{ a: 1 }")], &ScopeRules::default()));
    let renamed = Script { name: "other.rhai".into(), ..script("#{ a: 1 }") };
    let for_groups = Script { kind: Kind::Group, ..script("#{ a: 1 }") };
    let scoped = ScopeRules { users: Some("true".into()), groups: None };
    for other in [
        version(&[script("#{ a: 2 }")], &ScopeRules::default()),
        version(&[renamed], &ScopeRules::default()),
        version(&[for_groups], &ScopeRules::default()),
        version(&[script("#{ a: 1 }")], &scoped),
        version(&[script("#{ a: 1 }"), script("#{ a: 1 }")], &ScopeRules::default()),
    ] {
        assert_ne!(base, other);
    }
}

#[test]
fn a_deep_document_is_read_without_harm() {
    let deep = (0..120).fold(json!(1), |inner, _| json!({ "x": inner }));
    let text = "#{ a: user.userName, b: is_set(user.deep) }";
    assert_eq!(record(text, json!({"userName": "a", "deep": deep})).value("b"), Some(&json!(true)));
}
