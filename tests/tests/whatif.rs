//! Another mapping beside the one in force, over a source that was synchronised, on both databases; and runs that are held to what
//! was accepted when it was published.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::sync::Arc;

use entrain_mapping::{Limits, Mapping, ScopeRules, Script, default_scripts};
use entrain_model::Kind;
use entrain_plan::Accepted;
use entrain_store::{Choice, NewVersion, Origin, RunState, SourceChange, UserRow};
use entrain_sync::{Silent, WhatIf};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, schema};
use entrain_tests::rig::Rig;
use serde_json::{Value as Json, json};

fn user(n: usize, title: &str) -> SourceChange {
    let mut row = UserRow::new(format!("u{n:03}"), format!("user{n}@x.example"));
    (row.given_name, row.family_name) = (Some(format!("Ann{n}")), Some(format!("Lee{n}")));
    row.display_name = Some(format!("Ann{n} Lee{n}"));
    row.document = [("title".to_owned(), json!(title))].into();
    SourceChange::PutUser(row)
}

async fn rig(dialect: Dialect, users: usize) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    let rig = Rig::new(dialect, memory.clone(), |_| {}).await.unwrap();
    let people: Vec<_> = (0..users).map(|n| user(n, "Engineer")).collect();
    rig.write(&people).await.unwrap();
    (rig, memory)
}

/// The default mapping with a script after it.
fn with(text: &str) -> Arc<Mapping> {
    let mut scripts = default_scripts();
    scripts.push(Script { name: "new.rhai".into(), kind: Kind::User, text: text.to_owned() });
    Arc::new(Mapping::compile(&scripts, &ScopeRules::default(), Limits::default()).unwrap())
}

async fn beside(rig: &Rig, text: &str) -> WhatIf {
    rig.engine.what_if(&rig.target, with(text), &Silent).await.unwrap()
}

/// Attribute, pattern and count of each group.
fn groups(found: &WhatIf) -> Vec<(String, String, u64)> {
    let patterns = found.groups.each().flat_map(|(_, attribute, patterns)| {
        let attribute = attribute.to_owned();
        patterns
            .into_iter()
            .map(move |(pattern, group)| (attribute.clone(), pattern.to_string(), group.objects))
            .collect::<Vec<_>>()
    });
    patterns.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_mapped_already_is_read_and_says_the_same() {
    for dialect in Dialect::all() {
        // More than a page.
        let (rig, memory) = rig(dialect, 620).await;
        let text = "#{ displayName: join([user.name.familyName, user.name.givenName], \", \"), jobTitle: if user.id < \"u010\" { clear() } \
                    else { () }, department: if user.id == \"u004\" { \"New\" } else { () } }";
        let before = beside(&rig, text).await;
        assert_eq!((before.objects, before.stored, before.differ), (620, 0, 620), "{dialect:?}");
        let group = |attribute: &str, pattern: &str, n| (attribute.to_owned(), pattern.to_owned(), n);
        let expected = [
            group("department", "newly set; was cleared", 1),
            group("displayName", "`{givenName} {familyName}` -> `{familyName}, {givenName}`", 620),
            group("jobTitle", "cleared", 10),
        ];
        assert_eq!(groups(&before), expected);
        rig.full().await.unwrap();
        let (calls, after) = (memory.dump(), beside(&rig, text).await);
        assert_eq!((after.stored, after.fields), (620, before.fields));
        assert_eq!(groups(&after), expected);
        assert_eq!(memory.dump(), calls, "the target is left alone");
        rig.write(&[user(3, "Chief")]).await.unwrap();
        assert_eq!(beside(&rig, text).await.stored, 619, "what changed since is evaluated");
        assert!(beside(&rig, "#{ }").await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_refused_values_and_clashes_are_told() {
    for dialect in Dialect::all() {
        let (rig, _) = rig(dialect, 20).await;
        rig.full().await.unwrap();
        let found = beside(&rig, "#{ jobTitle: if user.id < \"u005\" { throw \"no\" } else { () } }").await;
        assert_eq!((found.failed, found.newly_failed, found.failures.len()), (5, 5, 1), "{dialect:?}");
        let failure = &found.failures[0];
        assert_eq!((failure.script.as_str(), failure.line, failure.objects, failure.examples.len()), ("new.rhai", Some(1), 5, 5));
        assert!(failure.column.is_some() && failure.message == "no", "{failure:?}");

        let found = beside(&rig, "#{ employeeId: if user.id < \"u003\" { \"12345678901234567\" } else { \"1\" } }").await;
        let invalid = &found.invalid[&(Kind::User, "employeeId".to_owned())];
        assert_eq!(invalid.objects, 3);
        assert!(invalid.examples[0].1.starts_with("it has 17 characters; the target allows 16"), "{invalid:?}");

        let found = beside(&rig, "#{ userPrincipalName: if user.id < \"u002\" { \"User7@x.example\" } else { () } }").await;
        let clash = &found.clashes.first[0];
        assert_eq!((found.clashes.wanted, clash.objects, clash.value.as_str()), (1, 3, "user7@x.example"), "{:?}", found.clashes);

        let found = beside(&rig, "if user.id == \"u001\" { skip(\"leaves\") } #{ }").await;
        assert_eq!((found.leave.objects, found.differ), (1, 0));
    }
}

/// Publishes a mapping as `entrain mapping publish` does, with what it is seen to change.
async fn publish(rig: &mut Rig, text: &str, tolerance: u32) -> i64 {
    let (mapping, found) = (with(text), beside(rig, text).await);
    let accepted = Accepted { mapping: mapping.version().to_owned(), attributes: found.groups.counts(), tolerance };
    let new = NewVersion { digest: mapping.version(), scripts: &[], origin: Origin::Draft, author: "ann" };
    let version = rig.store().draft_version(&rig.target.name, new).await.unwrap();
    let accepted: Json = serde_json::to_value(accepted).unwrap();
    rig.store().publish_version(&rig.target.name, version, "ann", Some(&accepted)).await.unwrap();
    rig.configure(|target| target.mapping = mapping).await.unwrap();
    version
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_beyond_the_accepted_difference_is_held_until_it_is_approved() {
    for dialect in Dialect::all() {
        let (mut rig, _) = rig(dialect, 40).await;
        rig.full().await.unwrap();
        // Seen when it is published: the titles of three.
        let version =
            publish(&mut rig, "#{ jobTitle: if user.title == \"Chief\" || user.id < \"u003\" { \"Head\" } else { () } }", 10)
                .await;
        let promoted: Vec<_> = (10..21).map(|n| user(n, "Chief")).collect();
        rig.write(&promoted).await.unwrap();
        let held = rig.full().await.unwrap();
        assert_eq!(held.state, RunState::Held, "{dialect:?} {held:?}");
        let reason =
            "the run would change jobTitle of 14 users; version 1 of the mapping was published for 3, and 13 are let through";
        assert_eq!(held.reasons, [reason]);
        let row = rig.store().published_version(&rig.target.name).await.unwrap().unwrap();
        assert_eq!((row.version, row.settled_at), (version, None));

        let run = held.run.unwrap();
        let done = rig.engine.approve(&rig.target, &run, "ann", &Choice::All, &Silent).await.unwrap();
        assert_eq!((done.state, done.count("update")), (RunState::Converged, 14));
        assert!(rig.store().published_version(&rig.target.name).await.unwrap().unwrap().settled_at.is_some());

        // Carried out: what the source changes from now on is no matter of the mapping.
        let promoted: Vec<_> = (10..30).map(|n| user(n, "Boss")).collect();
        rig.write(&promoted).await.unwrap();
        assert_eq!(rig.full().await.unwrap().state, RunState::Converged);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_within_the_accepted_difference_passes() {
    for dialect in Dialect::all() {
        let (mut rig, _) = rig(dialect, 40).await;
        let text = "#{ department: \"Research\" }";
        publish(&mut rig, text, 0).await;
        rig.full().await.unwrap();
        assert!(
            rig.store().published_version(&rig.target.name).await.unwrap().unwrap().settled_at.is_none(),
            "there was nothing to hold the first run to"
        );
        assert_eq!(rig.full().await.unwrap().state, RunState::Converged);
        publish(&mut rig, "#{ department: \"Development\" }", 0).await;
        let done = rig.full().await.unwrap();
        assert_eq!((done.state, done.count("update")), (RunState::Converged, 40), "{dialect:?} {:?}", done.reasons);
        let version = rig.store().published_version(&rig.target.name).await.unwrap().unwrap();
        assert!(version.settled_at.is_some());
        // What was accepted does not use up the limits of the hour.
        let text = "#{ department: if user.id == \"u001\" { \"Sales\" } else { \"Development\" } }";
        rig.configure(|target| target.mapping = with(text)).await.unwrap();
        let done = rig.full().await.unwrap();
        assert_eq!((done.state, done.count("update")), (RunState::Converged, 1), "{dialect:?} {:?}", done.reasons);
    }
}
