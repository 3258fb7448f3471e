use std::collections::{BTreeMap, BTreeSet};

use entrain_model::fold;
use entrain_store::Role;

use super::*;

fn organisation(accounts: u32) -> Organisation {
    Organisation::generate(accounts, 1, "corp.example")
}

#[test]
fn the_same_seed_gives_the_same_organisation_and_another_seed_another() {
    assert_eq!(organisation(250), organisation(250));
    assert_ne!(organisation(250), Organisation::generate(250, 2, "corp.example"));
}

#[test]
fn it_has_the_size_that_was_asked_for() {
    for (accounts, groups) in [(250, 40), (1_000, 160), (10, 14)] {
        let organisation = organisation(accounts);
        assert_eq!((organisation.people.len(), organisation.groups.len()), (accounts as usize, groups));
    }
}

#[test]
fn ids_and_logins_are_unique_and_logins_are_plain_ascii() {
    let organisation = organisation(2_000);
    let ids: BTreeSet<&str> = organisation.people.iter().map(|person| person.row.id.as_str()).collect();
    let logins: BTreeSet<String> = organisation.people.iter().map(|person| fold(&person.row.user_name)).collect();
    assert_eq!((ids.len(), logins.len()), (2_000, 2_000));
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "@.-".contains(c);
    assert!(logins.iter().all(|login| login.ends_with("@corp.example") && login.chars().all(allowed)), "{logins:?}");
}

#[test]
fn names_are_as_odd_as_in_life() {
    let organisation = organisation(250);
    let names: Vec<&str> = organisation.people.iter().filter_map(|person| person.row.display_name.as_deref()).collect();
    let mut shared: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &names {
        *shared.entry(name).or_default() += 1;
    }
    assert!(shared.values().any(|count| *count > 1));
    assert!(names.iter().any(|name| name.contains('\'')));
    assert!(names.iter().any(|name| name.contains('ü')));
    assert!(names.contains(&"李明") && names.contains(&"Ольга Иванова"));
    assert!(organisation.groups.iter().any(|group| group.display_name.contains('\'')));
    assert!(organisation.people.iter().filter(|person| person.row.service_account).count() >= 4);
}

#[test]
fn managers_are_a_tree_of_people() {
    let organisation = organisation(1_000);
    let place: BTreeMap<&str, usize> =
        organisation.people.iter().enumerate().map(|(n, person)| (person.row.id.as_str(), n)).collect();
    for (n, person) in organisation.people.iter().enumerate() {
        match &person.row.manager {
            Some(manager) => {
                let manager = place[manager.as_str()];
                assert!(manager < n, "the manager of {n} is {manager}");
                assert!(!organisation.people[manager].row.service_account);
            }
            None => assert!(n == 0 || person.row.service_account),
        }
    }
}

#[test]
fn memberships_are_rows_of_their_own_and_lead_to_what_is_there() {
    let organisation = organisation(1_000);
    let objects: BTreeSet<ObjectRef> = organisation
        .people
        .iter()
        .map(Person::object)
        .chain(organisation.groups.iter().map(|group| ObjectRef { kind: Kind::Group, id: group.id.clone() }))
        .collect();
    let rows: BTreeSet<&Membership> = organisation.memberships.iter().collect();
    assert_eq!(rows.len(), organisation.memberships.len());
    assert!(rows.iter().all(|row| objects.contains(&row.member)));
    assert!(rows.iter().any(|row| row.member.kind == Kind::Group));
    let owned: BTreeSet<_> = rows.iter().filter(|row| row.role == Role::Owner).map(|row| &row.group).collect();
    assert_eq!(owned.len(), organisation.groups.len());
    // Three levels: everybody, a department, a team.
    let inside: BTreeMap<&str, Vec<&str>> = organisation.memberships.iter().fold(BTreeMap::new(), |mut groups, row| {
        groups.entry(row.group.as_str()).or_insert_with(Vec::new).push(row.member.id.as_str());
        groups
    });
    assert!(
        inside["g000000"]
            .iter()
            .any(|department| inside.get(department).is_some_and(|teams| teams.iter().any(|team| team.starts_with('g'))))
    );
}

#[test]
fn about_a_third_of_it_is_in_the_tenant_and_can_be_found_there() {
    let organisation = organisation(250);
    let share = organisation.present_users.len() * 100 / organisation.people.len();
    assert!((25..=33).contains(&share), "{share} %");
    assert_eq!(organisation.present_groups.len(), 8);
    let by_id: BTreeMap<&str, &Person> = organisation.people.iter().map(|person| (person.row.id.as_str(), person)).collect();
    let mut by_mail_alone = 0;
    for present in &organisation.present_users {
        let row = &by_id[present.source.as_str()].row;
        assert_eq!(present.properties["mail"].as_str(), row.mail.as_deref());
        by_mail_alone += usize::from(present.properties["userPrincipalName"] != row.user_name.as_str());
    }
    assert!(by_mail_alone > 10);
}
