//! What delta queries do besides telling each change once: empty pages, replays, any order, resets, lag.

use crate::client::{Tenant, group, id, ids, user};
use entrain_emulator::{Options, Profile};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

async fn tenant(delta: Value) -> Tenant {
    Tenant::with(Options { conditions: Some(json!({ "delta": delta })), ..Options::default() }).await
}

fn next(page: &Value) -> &str {
    page["@odata.nextLink"].as_str().unwrap_or_else(|| panic!("no next link in {page}"))
}

fn latest(page: &Value) -> &str {
    page["@odata.deltaLink"].as_str().unwrap_or_else(|| panic!("no delta link in {page}"))
}

async fn people(tenant: &Tenant, count: usize) -> Vec<String> {
    let users: Vec<Value> = (0..count).map(|at| user(&format!("u{at}"))).collect();
    let seeded = tenant.control("POST", "seed", json!({ "users": users }));
    seeded["users"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_page_may_be_empty_once() {
    let tenant = tenant(json!({ "emptyPages": 1.0, "page": 2 })).await;
    let people = people(&tenant, 3).await;
    let mut told = Vec::new();
    let mut page = tenant.get("/users/delta?$select=id").await.ok(200);
    for full in [false, true, false, true] {
        assert_eq!(!ids(&page).is_empty(), full);
        told.extend(ids(&page));
        if page.get("@odata.deltaLink").is_none() {
            page = tenant.get(next(&page)).await.ok(200);
        }
    }
    assert_eq!(told, people);
}

#[tokio::test]
async fn what_was_told_is_told_again() {
    let tenant = tenant(json!({ "replays": 1.0, "page": 5 })).await;
    let people = people(&tenant, 20).await;
    let first = tenant.get("/users/delta?$select=id,jobTitle").await.ok(200);
    let second = tenant.get(next(&first)).await.ok(200);
    let (before, now) = (ids(&first), ids(&second));
    assert_eq!(now[..5], people[5..10]);
    assert!(now.len() > 5 && now[5..].iter().all(|again| before.contains(again) || now[..5].contains(again)), "{now:?}");
    let mut page = second;
    while page.get("@odata.deltaLink").is_none() {
        page = tenant.get(next(&page)).await.ok(200);
    }
    for title in ["a", "b"] {
        tenant.patch(&format!("/users/{}", people[3]), json!({ "jobTitle": title })).await.ok(204);
        page = tenant.get(latest(&page)).await.ok(200);
        assert!(ids(&page).contains(&people[3]));
    }
    // Nothing has changed since, but the next round tells the former ones again: never what came before the first.
    page = tenant.get(latest(&page)).await.ok(200);
    assert_eq!(ids(&page), [people[3].as_str()]);
}

#[tokio::test]
async fn items_come_in_any_order() {
    let tenant = tenant(json!({ "shuffled": true })).await;
    let people = people(&tenant, 20).await;
    let told = ids(&tenant.get("/users/delta?$select=id").await.ok(200));
    assert_ne!(told, people);
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), people.into_iter().collect());
}

#[tokio::test]
async fn what_is_in_the_recycle_bin_may_be_told_at_first() {
    let tenant = tenant(json!({ "removedAtFirst": true })).await;
    let (ann, bob) = (tenant.new_user("ann").await, tenant.new_user("bob").await);
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    let page = tenant.get("/users/delta?$select=displayName").await.ok(200);
    let removed = json!({ "id": ann, "@removed": { "reason": "changed" } });
    assert_eq!(page["value"], json!([removed, { "id": bob, "displayName": "User bob" }]));
}

#[tokio::test]
async fn the_service_may_begin_again() {
    let tenant = tenant(json!({ "resets": 1.0 })).await;
    let ann = tenant.new_user("ann").await;
    let page = tenant.get("/users/delta?$select=id").await.ok(200);
    let reset = tenant.get(latest(&page)).await;
    reset.refused(410, "syncStateNotFound", "");
    assert_eq!(ids(&tenant.get(reset.header("location")).await.ok(200)), [ann]);
}

#[tokio::test]
async fn an_expired_token_may_be_unknown() {
    let tenant = tenant(json!({ "lifetime": 60, "expired": "notFound" })).await;
    let page = tenant.get("/users/delta").await.ok(200);
    tenant.advance(59);
    let page = tenant.get(latest(&page)).await.ok(200);
    tenant.advance(61);
    let refused = tenant.get(latest(&page)).await;
    refused.refused(400, "syncStateNotFound", "");
    assert_eq!(refused.header("location"), "");
}

/// What a client knows that believes the delta.
#[derive(Default, Debug, PartialEq)]
struct Known {
    names: BTreeMap<String, String>,
    members: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    fn learn(&mut self, item: &Value) {
        let object = id(item);
        if item.get("@removed").is_some() {
            self.names.remove(&object);
            self.members.remove(&object);
            return;
        }
        self.names.insert(object.clone(), item["displayName"].as_str().unwrap_or_default().to_owned());
        for member in item["members@delta"].as_array().into_iter().flatten() {
            let members = self.members.entry(object.clone()).or_default();
            if member.get("@removed").is_some() {
                members.remove(&id(member))
            } else {
                members.insert(id(member))
            };
        }
    }

    /// Follows a round to its end; returns the link to the next one.
    async fn follow(&mut self, tenant: &Tenant, mut url: String) -> String {
        loop {
            let page = tenant.get(&url).await;
            if page.status == 410 {
                *self = Known::default();
                url = page.header("location").to_owned();
                continue;
            }
            let page = page.ok(200);
            for item in page["value"].as_array().unwrap() {
                self.learn(item);
            }
            match page["@odata.deltaLink"].as_str() {
                Some(link) => return link.to_owned(),
                None => url = next(&page).to_owned(),
            }
        }
    }

    /// What there is.
    fn truth(tenant: &Tenant) -> Known {
        let state = tenant.control("GET", "state?kind=groups&top=100", Value::Null);
        let mut known = Known::default();
        for group in state["value"].as_array().unwrap() {
            known.names.insert(id(group), group["displayName"].as_str().unwrap().to_owned());
            let members = group["members"].as_array().into_iter().flatten();
            known.members.insert(id(group), members.map(|member| member.as_str().unwrap().to_owned()).collect());
        }
        known.members.retain(|_, members| !members.is_empty());
        known
    }
}

/// Writes at random for a while, and follows the delta meanwhile.
async fn converges(seed: u64) {
    let quiet = json!({ "throttling": { "on": false }, "replication": { "replicas": 3, "lag": { "median": 0 } },
        "ambiguity": { "before": { "500": 0, "502": 0, "503": 0, "504": 0, "reset": 0 }, "after": { "500": 0, "502": 0, "503": 0, "504": 0, "reset": 0 },
            "batchBefore": { "500": 0 }, "truncated": 0, "garbage": 0, "slow": 0, "concurrency": false },
        "delta": { "page": 3, "links": 2, "resets": 0.02 } });
    let options = Options {
        clock: Some(|| 1_800_000_000_000),
        profile: Profile::Hostile,
        seed,
        conditions: Some(quiet),
        ..Options::default()
    };
    let tenant = Tenant::with(options).await;
    let people = people(&tenant, 6).await;
    let (mut known, mut link) = (Known::default(), "/groups/delta?$select=displayName,members".to_owned());
    let (mut groups, mut dice) = (Vec::new(), seed);
    let mut draw = |end: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(dice >> 33).unwrap() % end
    };
    for at in 0..70 {
        if groups.len() < 3 {
            groups.push(tenant.new_group(&format!("g{at}")).await);
        }
        let path = format!("/groups/{}", groups[draw(groups.len())]);
        let person = &people[draw(people.len())];
        match draw(8) {
            0 => drop(tenant.patch(&path, json!({ "displayName": format!("n{at}") })).await),
            1..=3 => drop(tenant.post(&format!("{path}/members/$ref"), tenant.link(person)).await),
            4 => drop(tenant.delete(&format!("{path}/members/{person}/$ref")).await),
            5 => drop(tenant.delete(&path).await),
            6 => drop(tenant.post(&format!("{}/restore", path.replace("/groups", "/directory/deletedItems")), json!({})).await),
            _ => groups.push(tenant.post("/groups", group(&format!("h{at}"))).await.ok(201)["id"].as_str().unwrap().to_owned()),
        }
        tenant.advance(draw(4) as u64);
        if draw(4) == 0 {
            link = known.follow(&tenant, link).await;
        }
    }
    tenant.advance(300);
    for _ in 0..2 {
        known.follow(&tenant, link.clone()).await;
        link = known.follow(&tenant, link).await;
    }
    known.members.retain(|_, members| !members.is_empty());
    assert_eq!(known, Known::truth(&tenant), "seed {seed}");
}

#[tokio::test]
async fn whoever_believes_a_hostile_delta_knows_everything_in_the_end() {
    for seed in 0..4 {
        converges(seed).await;
    }
}

#[tokio::test]
async fn a_whole_round_comes_in_any_order_and_its_token_knows_which() {
    let tenant = tenant(json!({ "reordered": true, "page": 4 })).await;
    let people = people(&tenant, 22).await;
    let mut page = tenant.get("/users/delta?$select=id,jobTitle").await.ok(200);
    let mut told = ids(&page);
    while page.get("@odata.deltaLink").is_none() {
        let again = tenant.get(next(&page)).await.ok(200);
        page = tenant.get(next(&page)).await.ok(200);
        assert_eq!(ids(&again), ids(&page), "a token tells the same page");
        told.extend(ids(&page));
    }
    assert_ne!(told[..4].iter().collect::<BTreeSet<_>>(), people[..4].iter().collect(), "also over the pages");
    assert_eq!(told.len(), people.len());
    assert_eq!(told.iter().collect::<BTreeSet<_>>(), people.iter().collect());
    for person in &people {
        tenant.patch(&format!("/users/{person}"), json!({ "jobTitle": "x" })).await.ok(204);
    }
    let mut changed = Vec::new();
    let mut link = latest(&page).to_owned();
    loop {
        page = tenant.get(&link).await.ok(200);
        changed.extend(ids(&page));
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        next.clone_into(&mut link);
    }
    assert_ne!(changed, people);
    assert_eq!(changed.len(), people.len());
    assert_eq!(changed.into_iter().collect::<BTreeSet<_>>(), people.into_iter().collect());
    let hostile = tenant.control("PUT", "profile", json!({ "name": "hostile" }));
    assert_eq!((&hostile["delta"]["reordered"], &hostile["replication"]["deltaInOrder"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn what_is_told_again_may_be_as_it_was_but_not_at_last() {
    let slow = json!({ "median": 30_000, "p999": 30_000, "max": 30_000 });
    let conditions = json!({ "delta": { "replays": 1.0, "staleBy": 100_000, "page": 1 },
        "replication": { "replicas": 1, "index": { "median": 200_000, "p999": 200_000, "max": 200_000 }, "delta": slow } });
    let options = Options { clock: Some(|| 1_800_000_000_000), conditions: Some(conditions), ..Options::default() };
    let tenant = Tenant::with(options).await;
    let people = people(&tenant, 8).await;
    let mut page = tenant.get("/users/delta?$select=jobTitle").await.ok(200);
    while page.get("@odata.deltaLink").is_none() {
        page = tenant.get(next(&page)).await.ok(200);
    }
    for person in &people {
        tenant.patch(&format!("/users/{person}"), json!({ "jobTitle": "new" })).await.ok(204);
    }
    tenant.advance(60);
    let (mut stale, mut known) = (0, BTreeMap::new());
    let mut link = latest(&page).to_owned();
    loop {
        page = tenant.get(&link).await.ok(200);
        for item in page["value"].as_array().unwrap() {
            stale += usize::from(item.get("jobTitle").is_none());
            known.insert(id(item), item["jobTitle"].clone());
        }
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        next.clone_into(&mut link);
    }
    assert!(stale > 0, "some are told as they were");
    assert_eq!(known.len(), people.len());
    assert!(known.values().all(|title| title == "new"), "all are told as they are in the end: {known:?}");
}

#[tokio::test]
async fn a_reset_keeps_what_was_asked() {
    let tenant = tenant(json!({ "resets": 1.0 })).await;
    let (ann, bob) = (tenant.new_user("ann").await, tenant.new_user("bob").await);
    tenant.new_user("eve").await;
    let filter = format!("id eq '{ann}' or id eq '{bob}'");
    let page = tenant.get(&format!("/users/delta?$select=displayName&$filter={filter}")).await.ok(200);
    assert_eq!(ids(&page), [ann.clone(), bob.clone()]);
    let reset = tenant.get(latest(&page)).await;
    reset.refused(410, "syncStateNotFound", "");
    let again = tenant.get(reset.header("location")).await.ok(200);
    assert_eq!(ids(&again), [ann, bob]);
    assert!(again["value"][0].get("userPrincipalName").is_none() && again["value"][0].get("displayName").is_some());
}

#[tokio::test]
async fn fifty_ids_are_the_limit_for_users_and_groups_only() {
    let tenant = Tenant::start().await;
    let ids: Vec<String> = (0..51).map(|at| format!("id eq '00000000-0000-0000-0000-{at:012}'")).collect();
    let filter = ids.join(" or ");
    for (collection, status) in [("users", 400), ("groups", 400), ("applications", 200), ("servicePrincipals", 200)] {
        assert_eq!(tenant.get(&format!("/{collection}/delta?$filter={filter}")).await.status, status, "{collection}");
    }
}
