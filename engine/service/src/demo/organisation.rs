//! A generated organisation: people with a tree of managers, nested groups with owners, and what a tenant already has of them.

use std::collections::HashMap;

use entrain_model::{Attributes, Kind, ObjectRef};
use entrain_store::{GroupRow, Membership, SourceChange, UserRow};
use serde_json::{Value as Json, json};

use super::names::{DEPARTMENTS, FAMILY, GIVEN, OTHER_SCRIPTS, PLACES};
use super::random::Random;
use super::teams;

/// One generated person or service account, under the names of the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// The source row, whole.
    pub row: UserRow,
    /// Index of the department in which the person works; service accounts are in none.
    pub department: Option<usize>,
}

/// A user that is in the tenant before the first run.
#[derive(Clone, Debug, PartialEq)]
pub struct PresentUser {
    /// The source user that it will be found to be.
    pub source: String,
    /// The user in the properties of Graph, without an id.
    pub properties: Json,
}

/// A group that is in the tenant before the first run.
#[derive(Clone, Debug, PartialEq)]
pub struct PresentGroup {
    /// The source group that it will be found to be.
    pub source: String,
    /// The group in the properties of Graph, without an id.
    pub properties: Json,
}

/// A whole organisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Organisation {
    /// People and service accounts. A manager comes before those who report to it.
    pub people: Vec<Person>,
    /// Groups.
    pub groups: Vec<GroupRow>,
    /// Who is in which group.
    pub memberships: Vec<Membership>,
    /// About 30 % of the people, found by login or by mail.
    pub present_users: Vec<PresentUser>,
    /// About 20 % of the groups, found by name.
    pub present_groups: Vec<PresentGroup>,
}

/// How many people report to one manager.
const SPAN: usize = 8;
/// One account in so many is not a person.
const SERVICE_ACCOUNTS: usize = 60;

impl Organisation {
    /// Generates an organisation of that many accounts, at least ten, whose logins end in `domain`. The same arguments give
    /// the same organisation.
    pub fn generate(accounts: u32, seed: u64, domain: &str) -> Organisation {
        let accounts = usize::try_from(accounts).unwrap_or(usize::MAX).max(10);
        let mut random = Random::new(seed);
        let mut logins = HashMap::new();
        let people: Vec<Person> = (0..accounts).map(|n| person(n, &mut random, &mut logins, domain)).collect();
        let (groups, memberships) = teams::generate(&people, &mut random);
        let present_users = people.iter().enumerate().filter_map(|(n, person)| present_user(n, person, domain)).collect();
        let present_groups = groups.iter().enumerate().filter_map(|(n, group)| present_group(n, group)).collect();
        Organisation { people, groups, memberships, present_users, present_groups }
    }

    /// The changes that make an empty source hold it: people, then groups, then memberships.
    pub fn changes(&self) -> impl Iterator<Item = SourceChange> {
        let people = self.people.iter().map(|person| SourceChange::PutUser(person.row.clone()));
        let groups = self.groups.iter().cloned().map(SourceChange::PutGroup);
        people.chain(groups).chain(self.memberships.iter().cloned().map(SourceChange::PutMembership))
    }

    /// What the tenant has before the first run, as the emulator's seed takes it.
    pub fn seed(&self) -> Json {
        let users: Vec<&Json> = self.present_users.iter().map(|user| &user.properties).collect();
        let groups: Vec<&Json> = self.present_groups.iter().map(|group| &group.properties).collect();
        json!({ "users": users, "groups": groups })
    }
}

impl Person {
    /// The source object.
    pub fn object(&self) -> ObjectRef {
        ObjectRef { kind: Kind::User, id: self.row.id.clone() }
    }
}

/// The `n`th account; a login that is taken gets a number.
fn person(n: usize, random: &mut Random, logins: &mut HashMap<String, u32>, domain: &str) -> Person {
    if n % SERVICE_ACCOUNTS == SERVICE_ACCOUNTS - 1 || n == 9 {
        return service_account(n, domain);
    }
    let (given, family, display, login) = name(n, random);
    let taken = logins.entry(login.clone()).or_default();
    *taken += 1;
    let login = if *taken == 1 { login } else { format!("{login}{taken}") };
    let department = if n == 0 { 0 } else { random.below(DEPARTMENTS.len()) };
    let mut row = UserRow::new(id(n), format!("{login}@{domain}"));
    row.external_id = Some(login.clone());
    row.display_name = Some(display);
    (row.given_name, row.family_name) = (Some(given), Some(family));
    row.mail = Some(format!("{login}@{domain}"));
    row.manager = manager(n).map(|manager| id(manager).into());
    row.document = document(n, department, random);
    Person { row, department: Some(department) }
}

/// Some people have names in other scripts, and a few share theirs with somebody.
fn name(n: usize, random: &mut Random) -> (String, String, String, String) {
    if n % 25 == 7 {
        let (given, family, display, login) = OTHER_SCRIPTS[n / 25 % OTHER_SCRIPTS.len()];
        return (given.to_owned(), family.to_owned(), display.to_owned(), login.to_owned());
    }
    let (given, family) = match n % 50 {
        3 | 4 => (&GIVEN[n / 50 % GIVEN.len()], &FAMILY[0]),
        _ => (random.one_of(&GIVEN), random.one_of(&FAMILY)),
    };
    (given.0.to_owned(), family.0.to_owned(), format!("{} {}", given.0, family.0), format!("{}.{}", given.1, family.1))
}

fn document(n: usize, department: usize, random: &mut Random) -> Attributes {
    let (city, country) = PLACES[department % PLACES.len()];
    let (name, titles) = DEPARTMENTS[department];
    let title = if n == 0 { "Managing Director" } else { random.one_of(&titles) };
    let phone = format!("+41 44 {:03} {:02} {:02}", 100 + n / 10_000, n / 100 % 100, n % 100);
    let document = json!({
        "title": title, "department": name, "city": city, "country": country, "preferredLanguage": "en-GB",
        "employeeNumber": format!("{}", 100_000 + n), "employeeType": "Employee",
        "phoneNumbers": [{ "type": "work", "value": phone }],
        "startDateTime": format!("20{:02}-{:02}-{:02}", 10 + random.below(15), 1 + random.below(12), 1 + random.below(28)),
    });
    document.as_object().map(|object| object.clone().into_iter().collect()).unwrap_or_default()
}

fn service_account(n: usize, domain: &str) -> Person {
    let login = format!("svc-{}-{n}", ["backup", "scanner", "build", "monitor"][n % 4]);
    let mut row = UserRow::new(id(n), format!("{login}@{domain}"));
    row.external_id = Some(login.clone());
    row.display_name = Some(login);
    row.service_account = true;
    Person { row, department: None }
}

fn id(n: usize) -> String {
    format!("u{n:06}")
}

/// The manager of the `n`th account in a tree of people; a service account manages nobody.
fn manager(n: usize) -> Option<usize> {
    let above = (n.checked_sub(1)?) / SPAN;
    if above % SERVICE_ACCOUNTS == SERVICE_ACCOUNTS - 1 || above == 9 { Some(above - 1) } else { Some(above) }
}

/// Three accounts in ten are there already: two under their login, one under an older login, to be found by its mail.
fn present_user(n: usize, person: &Person, domain: &str) -> Option<PresentUser> {
    let row = &person.row;
    if row.service_account {
        return None;
    }
    let login = match n % 10 {
        1 | 4 => row.user_name.clone(),
        7 => format!("former{n}@{domain}"),
        _ => return None,
    };
    let properties = json!({
        "userPrincipalName": login, "mail": row.mail, "displayName": row.display_name, "accountEnabled": true,
        "mailNickname": login.split('@').next(), "givenName": row.given_name, "surname": row.family_name,
        "jobTitle": "Intern", "department": row.document.get("department"),
    });
    Some(PresentUser { source: row.id.to_string(), properties })
}

/// One group in five is there already, under its name.
fn present_group(n: usize, group: &GroupRow) -> Option<PresentGroup> {
    let properties = json!({
        "displayName": group.display_name, "mailNickname": format!("old-{n}"), "mailEnabled": false, "securityEnabled": true,
        "groupTypes": [],
    });
    (n % 5 == 2).then(|| PresentGroup { source: group.id.to_string(), properties })
}

#[cfg(test)]
mod tests;
