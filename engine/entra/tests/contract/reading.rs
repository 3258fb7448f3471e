//! Queries.

use std::collections::{BTreeMap, BTreeSet};

use entrain_emulator::Options;
use entrain_model::{Condition, Kind, Protection, Query, Read, Relation, Subset, TargetId, Write};
use serde_json::json;

use crate::stage::{Stage, add, everything, new_user, remove, update};

#[tokio::test]
async fn a_full_read_brings_all_records_over_all_pages_with_a_proof() {
    let stage = Stage::with(Options { delta_page: 7, ..Options::default() }, |_| {}).await;
    let users: Vec<_> =
        (0..25).map(|n| json!({"displayName": format!("U{n}"), "userPrincipalName": format!("u{n}@contoso.example"), "accountEnabled": true})).collect();
    stage.seed(&json!({ "users": users }));
    let seen = stage.ask(everything(Kind::User, None)).await.unwrap();
    let Read::Complete(proof) = &seen.read else { panic!("{:?}", seen.read) };
    assert!(proof.pages() >= 4 && !proof.incremental());
    assert_eq!(seen.ids().into_iter().collect::<BTreeSet<_>>().len(), 25);
    let one = &seen.records[0].attributes;
    assert_eq!(one["department"], json!(null));
    assert_eq!(one["onPremisesImmutableId"], json!(null));
}

#[tokio::test]
async fn an_incremental_read_brings_what_changed_and_our_own_echo() {
    let stage = Stage::new().await;
    let (ann, bob) = (stage.user("ann").await, stage.user("bob").await);
    let first = stage.ask(everything(Kind::User, None)).await.unwrap();
    stage.one(update(&ann, json!({"department": "Sales"}))).await.unwrap();
    stage.one(Write::Delete { kind: Kind::User, id: bob.clone() }).await.unwrap();
    let seen = stage.ask(everything(Kind::User, Some(&first.read))).await.unwrap();
    let Read::Complete(proof) = &seen.read else { panic!("{:?}", seen.read) };
    assert!(proof.incremental());
    let of = |id: &TargetId| seen.records.iter().find(|record| record.id == *id).unwrap();
    assert_eq!(of(&ann).attributes["department"], json!("Sales"));
    assert_eq!(of(&bob).condition, Condition::Deleted);
    let quiet = stage.ask(everything(Kind::User, Some(&seen.read))).await.unwrap();
    assert!(quiet.records.is_empty());
}

#[tokio::test]
async fn members_owners_and_managers_come_and_go() {
    let stage = Stage::new().await;
    let (ann, bob, staff) = (stage.user("ann").await, stage.user("bob").await, stage.group("staff").await);
    let writes = [add(Relation::Member, &staff, &ann), add(Relation::Owner, &staff, &bob), add(Relation::Manager, &ann, &bob)];
    assert!(stage.write(&writes).await.iter().all(Result::is_ok));
    let groups = stage.ask(everything(Kind::Group, None)).await.unwrap();
    let references: BTreeSet<_> = groups
        .records
        .iter()
        .flat_map(|group| &group.references)
        .map(|r| (r.relation, r.to.clone(), r.to_kind, r.present))
        .collect();
    assert!(references.contains(&(Relation::Member, ann.clone(), Some(Kind::User), true)), "{references:?}");
    assert!(references.contains(&(Relation::Owner, bob.clone(), Some(Kind::User), true)), "{references:?}");
    let users = stage.ask(everything(Kind::User, None)).await.unwrap();
    let managed = users.records.iter().find(|user| user.id == ann).unwrap();
    assert_eq!((managed.references[0].relation, &managed.references[0].to), (Relation::Manager, &bob));
    stage.one(remove(Relation::Member, &staff, &ann)).await.unwrap();
    let changed = stage.ask(everything(Kind::Group, Some(&groups.read))).await.unwrap();
    let gone: Vec<_> = changed.records.iter().flat_map(|group| &group.references).filter(|r| !r.present).collect();
    assert_eq!((gone.len(), &gone[0].to), (1, &ann));
}

#[tokio::test]
async fn a_large_group_comes_in_slices_that_together_are_whole() {
    let stage = Stage::with(Options { delta_links: 10, ..Options::default() }, |_| {}).await;
    let users: Vec<_> =
        (0..35).map(|n| json!({"displayName": format!("U{n}"), "userPrincipalName": format!("u{n}@contoso.example"), "accountEnabled": true})).collect();
    let ids = stage.seed(&json!({ "users": users }))["users"].clone();
    stage.seed(&json!({"groups": [{"displayName": "all", "members": ids}]}));
    let seen = stage.ask(everything(Kind::Group, None)).await.unwrap();
    let members: BTreeSet<_> = seen.records.iter().flat_map(|group| &group.references).map(|r| r.to.as_str()).collect();
    assert_eq!(members.len(), 35);
    assert!(seen.records.len() >= 4, "one group in slices: {}", seen.records.len());
}

#[tokio::test]
async fn an_expired_cursor_asks_for_everything_anew() {
    let stage = Stage::new().await;
    stage.user("ann").await;
    let first = stage.ask(everything(Kind::User, None)).await.unwrap();
    stage.tenant.control("POST", "clock/advance", &json!({"seconds": 8 * 24 * 3600})).unwrap();
    let seen = stage.ask(everything(Kind::User, Some(&first.read))).await.unwrap();
    assert_eq!(seen.read, Read::Partial(Subset::CursorExpired));
}

#[tokio::test]
async fn users_are_found_by_login_also_with_an_apostrophe_and_by_anchor() {
    let stage = Stage::new().await;
    let hara = stage.user("o'hara").await;
    stage.user("other").await;
    assert_eq!(stage.matching(Kind::User, "userPrincipalName", "O'Hara@contoso.example").await.ids(), [hara.as_str()]);
    assert_eq!(stage.matching(Kind::User, "onPremisesImmutableId", "anchor/o'hara=").await.ids(), [hara.as_str()]);
    assert_eq!(stage.matching(Kind::User, "displayName", "o'hara").await.ids(), [hara.as_str()]);
    assert!(stage.matching(Kind::User, "userPrincipalName", "nobody@contoso.example").await.records.is_empty());
}

#[tokio::test]
async fn users_are_found_by_every_attribute_that_may_carry_the_anchor() {
    for anchor in ["employeeId", "onPremisesExtensionAttributes.extensionAttribute7"] {
        let stage = Stage::with(Options::default(), |config| config.anchor_users = anchor.into()).await;
        let Write::Create(mut new) = new_user("ann") else { panic!() };
        new.attributes.remove("onPremisesImmutableId");
        new.attributes.insert(anchor.into(), json!("k+/1="));
        new.anchor = (anchor.into(), "k+/1=".into());
        let ann = stage.one(Write::Create(new)).await.unwrap().id.unwrap();
        let seen = stage.matching(Kind::User, anchor, "k+/1=").await;
        assert_eq!(seen.ids(), [ann.as_str()], "{anchor}");
        assert_eq!(seen.records[0].attributes[anchor], json!("k+/1="));
    }
}

#[tokio::test]
async fn groups_are_found_by_key_and_by_name() {
    let stage = Stage::new().await;
    let (one, _) = (stage.group("R&D 'east'").await, stage.group("other").await);
    assert_eq!(stage.matching(Kind::Group, "uniqueName", "anchor/R&D 'east'=").await.ids(), [one.as_str()]);
    assert_eq!(stage.matching(Kind::Group, "displayName", "R&D 'east'").await.ids(), [one.as_str()]);
    assert!(stage.matching(Kind::Group, "uniqueName", "none").await.records.is_empty());
}

#[tokio::test]
async fn one_record_is_read_whole_or_found_missing() {
    let stage = Stage::new().await;
    let ann = stage.user("ann").await;
    let record = |id: TargetId| Query::Record {
        kind: Kind::User,
        id,
        attributes: BTreeSet::from(["jobTitle".into(), "employeeOrgData".into()]),
    };
    let seen = stage.ask(record(ann)).await.unwrap();
    assert_eq!((seen.records.len(), &seen.records[0].attributes["jobTitle"]), (1, &json!(null)));
    let missing = stage.ask(record("00000000-0000-4000-8000-000000000001".into())).await.unwrap();
    assert!(missing.records.is_empty() && matches!(missing.read, Read::Complete(_)));
}

#[tokio::test]
async fn the_recycle_bin_is_read_whole_and_by_anchor() {
    let stage = Stage::new().await;
    let (ann, bob) = (stage.user("ann").await, stage.user("bob").await);
    for id in [&ann, &bob] {
        stage.one(Write::Delete { kind: Kind::User, id: id.clone() }).await.unwrap();
    }
    let deleted = |matching| Query::Deleted { kind: Kind::User, matching, attributes: BTreeSet::new() };
    let all = stage.ask(deleted(None)).await.unwrap();
    assert_eq!(all.ids().into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([ann.as_str(), bob.as_str()]));
    let one = stage.ask(deleted(Some(("onPremisesImmutableId".into(), "anchor/ann=".into())))).await.unwrap();
    assert_eq!((one.ids(), one.records[0].condition), (vec![ann.as_str()], Condition::Deleted));
}

#[tokio::test]
async fn the_protected_are_read_directly_through_groups_and_one_step_away() {
    let stage = Stage::new().await;
    let (admin, deputy, owner) = (stage.user("admin").await, stage.user("deputy").await, stage.user("owner").await);
    let (next, plain) = (stage.user("next").await, stage.user("plain").await);
    let (able, team) = (stage.user("able").await, stage.user("team").await);
    let group = |name: &str, members: Vec<&str>, owners: Vec<&str>| {
        let seed = json!({"groups": [{"displayName": name, "isAssignableToRole": true, "securityEnabled": true,
            "mailEnabled": false, "mailNickname": name, "members": members, "owners": owners}]});
        stage.seed(&seed)["groups"][0].as_str().unwrap().to_owned()
    };
    let admins = group("admins", vec![deputy.as_str()], vec![owner.as_str()]);
    let unused = group("unused", vec![next.as_str()], vec![]);
    stage.seed(&json!({"roleHolders": [{"principal": admin.as_str(), "role": "Global Administrator"}, {"principal": admins, "role": "User Administrator"}]}));
    let plain_group = json!({"groups": [{"displayName": "team", "securityEnabled": true, "mailEnabled": false, "mailNickname": "team", "members": [team.as_str()]}]});
    let eligible = stage.seed(&plain_group)["groups"][0].as_str().unwrap().to_owned();
    stage.seed(&json!({"groupEligibilities": [{"group": unused, "principal": able.as_str(), "access": "member"},
        {"group": unused, "principal": eligible, "access": "owner"}]}));
    let seen = stage.ask(Query::Privileged).await.unwrap();
    assert!(matches!(seen.read, Read::Complete(_)));
    let why: BTreeMap<_, _> =
        seen.records.iter().map(|record| (record.id.as_str(), format!("{:?}", record.protection))).collect();
    let expected = [
        (admin.as_str(), "{Administrator, Role}"),
        (deputy.as_str(), "{Role, RoleGroupMember}"),
        (owner.as_str(), "{RoleGroupOwner}"),
        (next.as_str(), "{RoleGroupMember}"),
        (able.as_str(), "{RoleGroupEligible}"),
        (team.as_str(), "{RoleGroupEligible}"),
        (admins.as_str(), "{Role, RoleGroup}"),
        (unused.as_str(), "{RoleGroup}"),
    ];
    for (id, reasons) in expected {
        assert_eq!(why.get(id).map(String::as_str), Some(reasons));
    }
    assert!(!why.contains_key(plain.as_str()), "{why:?}");
}

#[tokio::test]
async fn a_restricted_record_is_told_in_every_read() {
    let stage = Stage::new().await;
    let user = json!({"userPrincipalName": "vip@contoso.example", "displayName": "V", "accountEnabled": true, "isManagementRestricted": true});
    stage.seed(&json!({ "users": [user] }));
    stage.user("ann").await;
    for seen in [
        stage.ask(everything(Kind::User, None)).await.unwrap(),
        stage.matching(Kind::User, "userPrincipalName", "vip@contoso.example").await,
    ] {
        let restricted = seen.records.iter().filter(|record| record.protection.contains(&Protection::Restricted)).count();
        assert_eq!(restricted, 1, "{:?}", seen.records);
    }
}

#[tokio::test]
async fn role_holders_without_the_permission_are_not_offered() {
    let stage = Stage::with(Options { roles: Vec::new(), ..Options::default() }, |_| {}).await;
    let seen = stage.ask(Query::Privileged).await.unwrap();
    let Read::Partial(Subset::NotOffered(why)) = seen.read else { panic!("{:?}", seen.read) };
    assert!(why.contains("RoleManagement.Read.Directory"), "{why}");
}
