//! A page of an answer of the tenant that is empty, torn or claims to be the last removes nobody and unprotects nobody.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use entrain_emulator::{Emulator, Options, Running};
use entrain_model::{ObjectRef, Removal};
use entrain_store::{GroupRow, Membership, Role, SourceChange, UserRow};
use entrain_sync::SyncError;
use entrain_tests::database::Dialect;
use entrain_tests::rig::Rig;
use entrain_tests::tenant::entra;
use serde_json::{Value as Json, json};

const USERS: usize = 24;
/// More than fit on one page of role assignments.
const HOLDERS: usize = 110;

/// What a full sync reads page by page.
const LISTS: [&str; 11] = [
    "/organization\\?",
    "/domains\\?",
    "/users/delta",
    "/groups/delta",
    "/deletedItems/microsoft.graph.user",
    "/deletedItems/microsoft.graph.group",
    "/roleAssignments\\?",
    "/roleEligibilitySchedules\\?",
    "/groups\\?.*isAssignableToRole",
    "/owners\\?",
    "/transitiveMembers\\?",
];

fn source() -> Vec<SourceChange> {
    let user = |n: usize| {
        let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
        row.display_name = Some(format!("User {n}"));
        SourceChange::PutUser(row)
    };
    let member = |n: usize| Membership { group: "g0".into(), member: ObjectRef::user(format!("u{n}")), role: Role::Member };
    let groups = (0..4).map(|n| SourceChange::PutGroup(GroupRow::new(format!("g{n}"), format!("Group {n}"))));
    (0..USERS).map(user).chain(groups).chain((0..USERS).map(|n| SourceChange::PutMembership(member(n)))).collect()
}

/// People who hold roles, active and eligible, directly and through a group; and a recycle bin.
fn privileged(emulator: &Running) {
    let login = |n: usize| format!("holder{n}@contoso.example");
    let user = |n: usize| json!({ "userPrincipalName": login(n), "displayName": "H", "accountEnabled": true });
    let role = |n: usize| {
        let role = if n == 0 { "Global Administrator" } else { "Groups Administrator" };
        json!({ "principal": login(n), "role": role, "eligible": n > HOLDERS - 4 })
    };
    let group = json!({ "uniqueName": "admins", "displayName": "Admins", "securityEnabled": true, "mailEnabled": false,
        "isAssignableToRole": true, "members": [login(HOLDERS)], "owners": [login(HOLDERS + 1)] });
    let gone = |n: usize| format!("gone{n}@contoso.example");
    let mut users: Vec<Json> = (0..HOLDERS + 2).map(user).collect();
    users.extend((0..3).map(|n| json!({ "userPrincipalName": gone(n), "displayName": "G", "accountEnabled": true })));
    let deleted = (0..3).map(gone).collect::<Vec<_>>();
    let seed = json!({ "users": users, "groups": [group], "roleHolders": (0..HOLDERS).map(role).collect::<Vec<_>>(), "deleted": deleted });
    emulator.control("POST", "seed", &seed).unwrap();
}

/// Every user and group, with who is in it.
fn tenant(emulator: &Running) -> Vec<Json> {
    let all = |kind| emulator.control("GET", &format!("state?kind={kind}&top=1000"), &Json::Null).unwrap()["value"].clone();
    vec![all("users"), all("groups"), all("deleted")]
}

async fn converged() -> (Running, Rig) {
    let emulator = Emulator::start(Options { delta_page: 10, ..Options::default() }).await.unwrap();
    let rig = Rig::new(Dialect::Sqlite, entra(&emulator).unwrap(), |target| {
        target.policy.user_removal = Removal::DELETE;
        target.policy.group_removal = Removal::DELETE;
        target.timing.enumeration = Duration::ZERO;
        target.timing.settling = Duration::ZERO;
    });
    let rig = rig.await.unwrap();
    privileged(&emulator);
    rig.write(&source()).await.unwrap();
    rig.full().await.unwrap();
    let report = rig.full().await.unwrap();
    assert!(report.planned.is_empty() && report.held.is_empty(), "{report:?}");
    (emulator, rig)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_lost_on_the_wire_removes_and_unprotects_nobody() {
    let (emulator, rig) = converged().await;
    let name = &rig.target.name;
    let (links, protected) = (rig.store().population(name).await.unwrap(), rig.store().privileged(name).await.unwrap());
    assert!(protected.len() > HOLDERS, "{} are protected", protected.len());
    let before = tenant(&emulator);
    let mut lost = BTreeMap::new();
    for (list, loses) in LISTS.iter().flat_map(|list| ["next", "items", "half"].map(|loses| (*list, loses))) {
        for nth in 1.. {
            let rule =
                json!({ "method": "GET", "path": list, "nth": nth, "times": 1, "action": { "type": "page", "loses": loses } });
            emulator.control("PUT", "faults", &json!([rule])).unwrap();
            let result = rig.full().await;
            let rules = emulator.control("GET", "faults", &Json::Null).unwrap();
            if rules[0]["struck"] != json!(1) {
                break;
            }
            *lost.entry(list).or_insert(0) += 1;
            let when = format!("page {nth} of {list} loses {loses}");
            match result {
                // What seems to be missing may be added once more, which changes nothing.
                Ok(report) => assert!(report.planned.keys().all(|action| action == "add_reference"), "{when}: {report:?}"),
                Err(SyncError::Target(_) | SyncError::Incomplete(_)) => {}
                Err(error) => panic!("{when}: {error}"),
            }
            assert_eq!(rig.store().population(name).await.unwrap(), links, "{when}: no link is forgotten");
            assert_eq!(rig.store().privileged(name).await.unwrap(), protected, "{when}: nobody is unprotected");
        }
    }
    emulator.control("PUT", "faults", &json!([])).unwrap();
    assert_eq!(tenant(&emulator), before, "the tenant is as it was");
    for (list, least) in LISTS.iter().map(|list| (list, if *list == "/users/delta" { 40 } else { 3 })) {
        assert!(lost.get(list).is_some_and(|lost| *lost >= least), "{list}: {lost:?}");
    }
    assert!(lost["/roleAssignments\\?"] >= 6, "assignments have more than one page: {lost:?}");
    rig.full().await.unwrap();
    let report = rig.full().await.unwrap();
    assert!(report.planned.is_empty() && report.held.is_empty(), "and nothing is left of it: {report:?}");
}
