//! Everything a script may try that the sandbox must stop.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![expect(clippy::disallowed_methods, reason = "how long the sandbox lets a script run is measured")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{compile, error, record, run, user};
use entrain_mapping::{Context, Limits, Mapped, Mapping, ScopeRules};
use entrain_model::Setting;
use serde_json::json;

/// Evaluation stops in time, with a message that holds this.
fn stops(text: &str, message: &str) {
    let start = Instant::now();
    let error = error(text);
    assert!(error.message.contains(message), "{text}\n{error}");
    assert!(start.elapsed() < Duration::from_secs(60), "{text}\ntook {:?}", start.elapsed());
}

// ---- seven holes of the language

#[test]
fn operations_inside_callbacks_of_native_functions_are_counted() {
    stops("let a = []; for i in 0..900 { a += i; } filter(a, |x| some(a, |y| y == -1)); #{}", "operations");
    stops("let a = []; for i in 0..900 { a += i; } sorted(a, |x| { map(a, |y| y * x); 0 }); #{}", "operations");
}

#[test]
fn the_deadline_holds_inside_callbacks_too() {
    let limits = Limits { operations: u64::MAX, wall_ms: 50, ..Limits::default() };
    let text = "let a = []; for i in 0..2000 { a += i; } filter(a, |x| some(a, |y| some(a, |z| z == -1))); #{}";
    let mapping = Mapping::compile(&[common::script(text)], &ScopeRules::default(), limits).unwrap();
    let start = Instant::now();
    let error = mapping.evaluate(&user(json!({})), &Context { target: &json!({}), manager: None }).unwrap_err();
    assert!(error.message.contains("50 ms"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn errors_in_the_order_of_a_sort_are_not_swallowed() {
    let error = error("#{ x: sorted([2, 1],\n |v| throw \"no order\") }");
    assert_eq!((error.line, error.message.as_str()), (Some(2), "no order"));
    stops("sorted([1, \"a\"])", "texts or numbers");
    stops("[2, 1].sort(|a, b| throw 1)", "no function");
}

#[test]
fn nothing_sleeps_exits_or_parses() {
    for call in ["exit()", "parse_json(\"1\")", "sleep(1)", "timestamp()", "rand()", "blob(3)", "open_file(\"/etc/passwd\")"] {
        let name = call.split('(').next().unwrap();
        let error = error(&format!("{call}; #{{}}"));
        assert!(error.message.contains(name), "{error}");
    }
}

#[test]
fn words_that_reach_beyond_the_script_do_not_compile() {
    for text in [
        "eval(\"1\")",
        "import \"fs\" as fs",
        "export x",
        "print(1)",
        "debug(1)",
        "Fn(\"eval\")",
        "let f = |x| x; f.curry(1)",
        "type_of(1)",
        "this.x = 1",
        "try { 1 } catch { 2 }",
        "1 << 100",
        "let x = 1; x >>= 2",
        "is_def_var(\"user\")",
    ] {
        assert!(compile(text).is_err(), "{text}");
    }
}

#[test]
fn the_first_record_is_not_folded_into_the_script() {
    let mapping =
        compile("const NAME = user.displayName; fn f(u) { u.title } #{ displayName: NAME, jobTitle: f(user) }").unwrap();
    let target = json!({});
    for name in ["Ann", "Bo", "Cy"] {
        let record = user(json!({"displayName": name, "title": name}));
        let Mapped::Record(record) = mapping.evaluate(&record, &Context { target: &target, manager: None }).unwrap() else {
            panic!()
        };
        assert_eq!((record.text("displayName"), record.text("jobTitle")), (Some(name), Some(name)));
    }
}

#[test]
fn maps_that_grow_by_index_stop() {
    stops("let m = #{}; for i in 0..50000 { m[`k${i}`] = i; } #{}", "map 4096 entries");
    stops("let m = #{}; let d = [1]; for i in 0..50000 { d; m[`k${i}`] = i; } #{}", "map 4096 entries");
    stops("let m = #{}; let f = |i| { m[`k${i}`] = i; }; for i in 0..50000 { f.call(i); } #{}", "map 4096 entries");
    stops("let m = #{a: #{}}; for i in 0..50000 { m.a[`k${i}`] = i; } #{}", "map 4096 entries");
}

#[test]
fn texts_that_pile_up_in_a_map_by_index_stop() {
    stops(
        "let s = pad_left(\"\", 16000, \"x\"); let m = #{}; for i in 0..4000 { m[`k${i}`] = s + i.to_string(); } #{}",
        "65536 bytes",
    );
}

#[test]
fn recursion_ends_before_the_native_stack_does() {
    let texts = [
        "fn f(n) { f(n + 1) } f(0)",
        "fn f(n) { map([n], |x| f(x + 1)) } f(0)",
        "fn f(n) { [[[[[[[[ map([n], |x| [[[[[[[[ f(x + 1) ]]]]]]]]) ]]]]]]]] } f(0)",
        "fn f(n) { if true { if true { if true { if true { switch n { 0 => f(0), _ => f(n + 1) } } } } } } f(1)",
        "let f = |g, n| g.call(g, n + 1); f.call(f, 0)",
        "fn f(n) { `${`${`${`${f(n + 1)}`}`}`}` } f(0)",
        "fn f(n) { #{a: #{b: #{c: filter([1], |x| some([1], |y| all([1], |z| f(n + 1)))) }}} } f(0)",
    ];
    for text in texts {
        let text = text.to_owned();
        // Half of what the runtime gives a worker thread.
        let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(move || error(&text)).unwrap();
        let error = thread.join().unwrap();
        assert!(error.message.contains("levels deep") || error.message.contains("nested too deep"), "{error}");
    }
}

#[test]
fn silent_mistakes_are_errors() {
    let table = [
        ("#{ x: \"a\" + user.title }", "not set"),
        ("#{ x: user.title + \"a\" }", "not set"),
        ("let s = \"a\"; s += user.title; #{ x: s }", "not set"),
        ("#{ x: `Dr ${user.title}` }", "not set"),
        ("`${user.emails}`", "list"),
        ("`${user.name}`", "map"),
        ("if user.title < \"b\" { #{} } else { #{} }", "not set"),
        ("if user.userName == 5 { #{} } else { #{} }", "two types"),
        ("if user.userName != true { #{} } else { #{} }", "two types"),
        ("if 5 < user.userName { #{} } else { #{} }", "two types"),
        ("#{ x: filter([1], |x| 1) }", "true or false"),
        ("#{ x: some([1], |x| ()) }", "true or false"),
        ("if user.title { #{} }", "expecting bool"),
        ("#{ x: user.name.fullName }", "no attribute `fullName`"),
        ("#{ x: user.name?.fullName }", "no attribute `fullName`"),
        ("#{ x: user[\"shoeSize\"] }", "lookup"),
        ("#{ x: user.title.length }", "may not be set"),
        ("#{ x: nobody }", "no variable `nobody`"),
        ("fn f() { user.title } f()", "no variable `user`"),
        ("#{ x: 9223372036854775807 + 1 }", "verflow"),
        ("\" a \".trim()", "trim"),
        ("42", "map of attributes"),
        ("#{ x: |y| y }", "cannot be written"),
        ("#{ x: 1.0 / 0.0 }", "finite"),
    ];
    for (text, message) in table {
        let error = error(text);
        assert!(error.message.contains(message), "{text}\n{error}");
    }
}

// ---- more ways out

#[test]
fn endless_scripts_stop() {
    for text in ["loop {}", "while true { let x = 1; }", "do { } until false", "let x = 0; loop { x += 1; x -= 1; }"] {
        stops(text, "operations");
    }
}

#[test]
fn values_cannot_grow_without_bound() {
    let doubled = |times: i32| format!("let s = \"x\"; for i in 0..{times} {{ s += s; }} #{{ x: len(s) }}");
    assert_eq!(record(&doubled(16), json!({})).value("x"), Some(&json!(65_536)));
    stops(&doubled(17), "65536 bytes");
    stops("let s = \"x\"; loop { s += s; }", "65536 bytes");
    stops("let s = \"x\"; loop { s = `${s}${s}`; }", "65536 bytes");
    stops("let s = pad_left(\"\", 1000000, \"x\"); #{}", "65536 bytes");
    stops("let s = pad_left(\"\", 9000, \"x\"); replace(s, \"x\", s)", "65536 bytes");
    stops("let s = pad_left(\"\", 9000, \"x\"); regex_replace(s, \".\", \"$0$0$0$0$0$0$0$0$0$0\")", "65536 bytes");
    stops("let s = pad_left(\"\", 9000, \"x\"); join([s, s, s, s, s, s, s, s, s], s)", "65536 bytes");
    stops("let a = [1]; loop { a += a; }", "list 4096 values");
    stops("let a = [1]; loop { push(a, a); }", "list 4096 values");
    stops("let a = []; loop { push(a, 1); }", "list 4096 values");
    stops("let m = #{}; let i = 0; loop { m = #{a: m, b: m}; }", "map 4096 entries");
    stops("split(pad_left(\"\", 9000, \",\"), \",\")", "list 4096 values");
}

#[test]
fn values_cannot_nest_without_bound() {
    stops("let a = []; for i in 0..60000 { a = [a]; } #{}", "nesting");
    stops("let b = #{}; for i in 0..60000 { let t = #{}; t[\"x\"] = b; b = t; } #{}", "nesting");
    stops("let a = []; for i in 0..60000 { a = [create_only(a)]; } #{}", "for values of a list");
    stops("let f = |x| x; for i in 0..60000 { let g = f; f = |x| g.call(x); } #{}", "nesting");
    stops("let f = |x| x; for i in 0..60000 { f = |x| f.call(x); f; } #{}", "nesting");
    stops("let a = []; let f = || a; push(a, f); #{}", "cannot hold functions");
    stops("let a = []; for i in 0..20 { a = [a]; } #{ x: a }", "nested deeper");
}

#[test]
fn deeply_nested_scripts_do_not_compile() {
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("#{a:", "1", "}"),
        ("!", "true", ""),
        ("{", "1", "}"),
        ("if true {", "1", "}"),
        ("-", "1", ""),
    ] {
        let text = format!("{}{middle}{}", open.repeat(5_000), close.repeat(5_000));
        let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(move || compile(&text).is_err()).unwrap();
        assert!(thread.join().unwrap(), "{open}");
    }
    let error = compile(&format!("{}#{{}}", " ".repeat(300_000))).unwrap_err();
    assert!(error.message.contains("262144"), "{error}");
}

#[test]
fn regular_expressions_are_bounded() {
    stops("regex_match(\"a\", \"((a{100}){100}){100}\")", "too large");
    stops("regex_match(\"a\", \"(\")", "not a regular expression");
    stops("regex_match(\"a\", pad_left(\"\", 2000, \"a\"))", "1024 bytes");
    stops("regex_replace(\"a\", \"a\", pad_left(\"\", 2000, \"a\"))", "1024 bytes");
    // Exponential for engines that backtrack.
    let start = Instant::now();
    record("#{ x: regex_match(pad_left(\"!\", 16000, \"a\"), `^(a+)+$`) }", json!({}));
    record("#{ x: regex_match(pad_left(\"!\", 16000, \"a\"), `^(.*?,){11}P`) }", json!({}));
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    let limits = Limits { wall_ms: 100, ..Limits::default() };
    let many = common::script("for i in 0..100000 { regex_match(\"a\", `a{${i}}`); } #{}");
    let mapping = Mapping::compile(&[many], &ScopeRules::default(), limits).unwrap();
    let error = mapping.evaluate(&user(json!({})), &Context { target: &json!({}), manager: None }).unwrap_err();
    assert!(error.message.contains("100 ms"), "{error}");
}

#[test]
fn library_functions_cannot_be_replaced() {
    for text in ["fn clear() { 1 } #{}", "fn skip(x) { 1 } #{}", "fn coalesce(a, b) { b } #{}", "fn to_string(x) { \"\" } #{}"] {
        let error = compile(text).unwrap_err();
        assert!(error.message.contains("function of the library"), "{error}");
    }
    assert_eq!(record("fn own(x) { upper(x) } #{ x: own(\"a\") }", json!({})).text("x"), Some("A"));
}

#[test]
fn the_input_cannot_be_changed_or_hidden() {
    for text in [
        "user = #{}; #{}",
        "user.title = \"x\"; #{}",
        "user.name.givenName = \"x\"; #{}",
        "user[\"title\"] = \"x\"; #{}",
        "let user = #{}; #{}",
        "let manager = 1; #{}",
        "user.emails += 1; #{}",
        "user.emails[0] = 1; #{}",
    ] {
        assert!(run(text, json!({"title": "kept", "emails": [{"value": "a"}]})).is_err(), "{text}");
    }
}

#[test]
fn scripts_of_one_kind_do_not_see_what_others_did_to_their_input() {
    let first =
        common::script("user.added = 1; target.added = 1; user.name.added = 1; push(user.emails, 1); let own = 1; #{ a: \"x\" }");
    let second = common::script(
        "#{ x: lookup(user, \"added\", \"none\"), y: lookup(target, \"added\", \"none\"), z: keys(user.name), e: user.emails }",
    );
    let mapping = Mapping::compile(&[first, second], &ScopeRules::default(), Limits::default()).unwrap();
    let Mapped::Record(record) = mapping.evaluate(&user(json!({})), &Context { target: &json!({}), manager: None }).unwrap()
    else {
        panic!()
    };
    assert_eq!((record.text("x"), record.text("y")), (Some("none"), Some("none")));
    assert_eq!(record.value("z").unwrap().as_array().unwrap().len(), 6);
    assert_eq!(record.settings["e"], Setting::Set(json!([])));
}

#[test]
fn nothing_leaks_from_one_evaluation_to_the_next() {
    let mapping = compile("let u = user; u.title = \"changed\"; u.name.givenName = \"changed\"; let n = u; #{ x: n.title, y: user.title, z: user.name.givenName }").unwrap();
    for _ in 0..3 {
        let record = user(json!({"title": "kept", "name": {"givenName": "kept"}}));
        let Mapped::Record(result) = mapping.evaluate(&record, &Context { target: &json!({}), manager: None }).unwrap() else {
            panic!()
        };
        assert_eq!((result.text("x"), result.text("y"), result.text("z")), (Some("changed"), Some("kept"), Some("kept")));
        assert_eq!(record.attributes["title"], "kept");
    }
    assert!(error("#{ x: u }").message.contains("no variable `u`"));
}

#[test]
fn a_limit_reached_by_one_record_does_not_touch_the_next() {
    let mapping = compile("if user.title == \"bad\" { loop {} } #{ jobTitle: user.title }").unwrap();
    let context = Context { target: &json!({}), manager: None };
    assert!(mapping.evaluate(&user(json!({"title": "bad"})), &context).is_err());
    assert!(mapping.evaluate(&user(json!({"title": "good"})), &context).is_ok());
    let skipping = compile("if user.title == \"bad\" { skip(\"x\") } #{}").unwrap();
    assert!(matches!(skipping.evaluate(&user(json!({"title": "bad"})), &context), Ok(Mapped::Skip(_))));
    assert!(matches!(skipping.evaluate(&user(json!({"title": "good"})), &context), Ok(Mapped::Record(_))));
}

#[test]
fn one_mapping_serves_many_threads() {
    let mapping =
        Arc::new(compile("#{ displayName: upper(user.displayName), x: map([1, 2], |i| `${user.displayName}${i}`) }").unwrap());
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let mapping = Arc::clone(&mapping);
            std::thread::spawn(move || {
                for turn in 0..200 {
                    let name = format!("t{thread}x{turn}");
                    let record = user(json!({"displayName": name}));
                    let Mapped::Record(result) =
                        mapping.evaluate(&record, &Context { target: &json!({}), manager: None }).unwrap()
                    else {
                        panic!()
                    };
                    assert_eq!(result.text("displayName"), Some(name.to_uppercase().as_str()));
                    assert_eq!(result.value("x"), Some(&json!([format!("{name}1"), format!("{name}2")])));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn errors_do_not_repeat_a_persons_data() {
    let secret = "Geheimnis";
    for text in [
        "to_int(user.title)",
        "to_bool(user.title)",
        "parse_date(user.title, \"YYYY\")",
        "user[user.title]",
        "user.title.x",
        "user.title + 1",
        "regex_match(\"a\", user.title + \"(\")",
        "user.title.foo()",
    ] {
        let error = run(text, json!({"title": secret})).unwrap_err();
        assert!(!error.to_string().contains(secret) || text.starts_with("regex"), "{text}\n{error}");
    }
}

#[test]
fn closures_that_use_what_is_being_changed_do_not_block() {
    let texts = [
        "let f = |x| x; f = |x| f.call(x); f.call(1); #{}",
        "let m = #{}; m.f = |x| m.f.call(x); m.f.call(1); #{}",
        "let m = #{}; m.f = |x| { m.x = 1; 2 }; m.f.call(1); #{}",
        "let m = #{x: 1}; let f = |x| { m.x = 2; 3 }; m.x = f.call(1); #{}",
        "let a = [1]; a[0] = map([1], |x| { a[0] = 2; 3 }); #{}",
        "let a = [1]; a.map(|x| { push(a, x); 1 }); #{}",
        "let a = [1]; map(a, |x| { a[0] = 5; 1 }); #{}",
        "let a = [1]; let f = || a; a[0] = f; f.call(); #{}",
        "let a = [1]; let f = || { a = a; a }; a = f.call(); #{}",
        "let a = [1]; for x in a { let f = || { a += 1; }; f.call(); } #{}",
    ];
    for text in texts {
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(run(text, json!({})).is_ok()));
        assert!(ended.recv_timeout(Duration::from_secs(60)).is_ok(), "{text}");
    }
}
