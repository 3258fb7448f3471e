//! Whatever the configuration of targets is: written as a file and read again it is the same, and so it is out of the database.

use std::path::Path;

use entrain::config::{Block, Config, written};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

const HEAD: &str = "[store]\nurl = \"sqlite://x.sqlite3\"\n";

fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<i32>().prop_map(|hundredths| Json::from(f64::from(hundredths) / 100.0)),
        any::<String>().prop_map(Json::from),
        "[ -~]{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn maybe(strategy: impl Strategy<Value = Json> + 'static) -> BoxedStrategy<Json> {
    prop_oneof![Just(Json::Null), strategy].boxed()
}

fn amounts() -> BoxedStrategy<Json> {
    maybe((0..1_000_000u32, 0..10_000u32, 0..500u32).prop_map(
        |(count, percent, day)| json!({ "count": count, "percent": f64::from(percent) / 100.0, "day": { "count": day } }),
    ))
}

fn target(name: &'static str) -> impl Strategy<Value = Block> {
    let word = |words: &'static [&'static str]| prop::sample::select(words).prop_map(Json::from);
    let schedule =
        (maybe(word(&["0 17 */4 * * *", "0 0 3 * * MON"])), maybe(word(&["UTC", "Europe/Zurich"])), maybe(word(&["0s", "5m"])));
    let scope = (maybe("g[^\\x00]{0,20}".prop_map(Json::from)), maybe(word(&["include", "exclude"])));
    let parts = (
        maybe(word(&["observe", "create-only", "upsert", "full"])),
        prop::collection::btree_map("[a-zA-Z_ .\"]{0,8}", value(), 0..5),
        schedule,
        scope,
        (amounts(), amounts()),
        prop::collection::vec("[^\\s\\x00]{1,20}", 0..3),
        maybe((0..4000u64).prop_map(Json::from)),
    );
    parts.prop_map(move |(mode, settings, schedule, scope, limits, protected, settling)| {
        let body = json!({
            "tenant": "contoso.example", "credential": { "client_id": "c", "secret": { "env": "PLACE" } }, "mode": mode,
            "settings": settings, "schedule": { "cron": schedule.0, "time_zone": schedule.1, "jitter": schedule.2 },
            "scope": { "group": scope.0, "groups": scope.1 }, "limits": { "delete": limits.0, "users": { "create": limits.1 } },
            "protection": { "objects": protected }, "settling_seconds": settling,
        });
        Block::new(name.into(), body.as_object().unwrap().clone())
    })
}

#[test]
fn the_last_digit_of_a_long_number_is_no_difference_and_any_other_is() {
    let block = |number: f64| Block::new("t".into(), json!({ "n": number, "l": [number] }).as_object().unwrap().clone());
    let differences = |one: f64, other: f64| block(one).differences(&block(other)).len();
    assert_eq!((differences(976_900_856_536.231_1, 976_900_856_536.231_2), differences(0.1, 0.100_000_000_1)), (0, 2));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_configuration_is_the_same_after_a_file_and_after_the_database(one in target("one"), other in target("o.t-h_er")) {
        let blocks = [one, other];
        let text = format!("{HEAD}{}", written(&blocks).unwrap());
        let config = match Config::parse(&text, Path::new("dir/entrain.toml")) {
            Ok(config) => config,
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{text}"))),
        };
        prop_assert_eq!(&config.blocks[..], &blocks[..], "{}", text);
        prop_assert_eq!(blocks[0].differences(&config.blocks[0]), Vec::new());
        for (block, target) in blocks.iter().zip(&config.targets) {
            let stored: Map<String, Json> = serde_json::from_str(&serde_json::to_string(&block.body).unwrap()).unwrap();
            let again = Block::new(block.name.clone(), stored);
            prop_assert_eq!(&again, block);
            // What the database keeps means what the file does.
            prop_assert_eq!(format!("{:?}", again.check(Path::new("dir")).unwrap()), format!("{target:?}"));
        }
    }
}
