//! A large organisation, made object by object, as the source holds it and as a tenant does: nothing of it is kept in memory.

use entrain_model::{ObjectRef, anchor_value};
use entrain_store::{GroupRow, Membership, Role, SourceChange, UserRow};
use serde_json::{Map, Value as Json, json};

/// How large it is. Everything else follows from the numbers of its users and groups.
#[derive(Clone, Copy)]
pub(crate) struct Population {
    users: u64,
    groups: u64,
    /// Memberships for each user, on average.
    each: u64,
}

/// The largest group.
const MOST: u64 = 5000;

impl Population {
    /// `users` users in a twentieth as many groups, with so many memberships each.
    pub(crate) fn new(users: u64, each: u64) -> Self {
        Self { users, groups: (users / 20).max(1), each }
    }

    pub(crate) fn users(self) -> u64 {
        self.users
    }

    pub(crate) fn groups(self) -> u64 {
        self.groups
    }

    /// How many members a group has: a few large ones, many small ones, as in life.
    fn size(self, group: u64) -> u64 {
        let average = self.users * self.each / self.groups;
        // Of each hundred groups: one ten times the average, nine of twice, ninety of 4/5.
        let size = match group % 100 {
            0 => average * 10,
            1..10 => average * 2,
            _ => average * 4 / 5,
        };
        size.clamp(1, MOST.min(self.users))
    }

    /// The members of a group, by their numbers.
    pub(crate) fn members(self, group: u64) -> impl Iterator<Item = u64> {
        // Neighbours in a group are none in the source; a stride without a common divisor comes to nobody twice.
        let stride = if self.users.is_multiple_of(31) { 1 } else { 31 };
        (0..self.size(group)).map(move |n| (group * 7919 + n * stride) % self.users)
    }

    /// A user as the source holds it.
    pub(crate) fn user(self, n: u64, title: &str) -> SourceChange {
        let mut row = UserRow::new(user_id(n), format!("user{n}@contoso.example"));
        let (given, family) = names(n);
        row.display_name = Some(format!("{given} {family}"));
        row.given_name = Some(given);
        row.family_name = Some(family);
        row.document = [
            ("title".to_owned(), json!(title)),
            ("department".to_owned(), json!(department(n))),
            ("employeeNumber".to_owned(), json!(employee(n))),
            ("preferredLanguage".to_owned(), json!("de-CH")),
            ("country".to_owned(), json!("CH")),
        ]
        .into();
        SourceChange::PutUser(row)
    }

    /// A group as the source holds it.
    pub(crate) fn group(self, n: u64) -> SourceChange {
        SourceChange::PutGroup(GroupRow::new(group_id(n), format!("Group {n}")))
    }

    /// The same user as a tenant holds it that we have made: what the default mapping sets, with our anchor.
    pub(crate) fn user_record(self, n: u64) -> Json {
        let (given, family) = names(n);
        json!({
            "id": record_id(1, n), "userPrincipalName": format!("user{n}@contoso.example"), "mailNickname": format!("user{n}"),
            "accountEnabled": true, "displayName": format!("{given} {family}"), "givenName": given, "surname": family,
            "jobTitle": title(n), "department": department(n), "employeeId": employee(n), "preferredLanguage": "de-CH",
            "country": "CH", "usageLocation": "CH", "onPremisesImmutableId": anchor_value(&ObjectRef::user(user_id(n).as_str())),
        })
    }

    /// The same group as a tenant holds it, with its members.
    pub(crate) fn group_record(self, n: u64) -> Json {
        let mut record = Map::new();
        let mut set = |name: &str, value: Json| drop(record.insert(name.to_owned(), value));
        set("id", json!(record_id(2, n)));
        set("displayName", json!(format!("Group {n}")));
        set("mailNickname", json!(format!("group{n}")));
        set("securityEnabled", json!(true));
        set("mailEnabled", json!(false));
        set("uniqueName", json!(anchor_value(&ObjectRef::group(group_id(n).as_str()))));
        set("members", self.members(n).map(|user| record_id(1, user)).collect());
        Json::Object(record)
    }
}

pub(crate) fn title(n: u64) -> String {
    format!("Title {}", n % 37)
}

pub(crate) fn member(group: u64, user: u64) -> Membership {
    Membership { group: group_id(group).into(), member: ObjectRef::user(user_id(user).as_str()), role: Role::Member }
}

fn names(n: u64) -> (String, String) {
    (format!("Given{n}"), format!("Surname{}", n % 997))
}

fn department(n: u64) -> String {
    format!("Department {}", n % 211)
}

fn employee(n: u64) -> String {
    format!("{}", 100_000 + n)
}

fn user_id(n: u64) -> String {
    format!("u{n:07}")
}

fn group_id(n: u64) -> String {
    format!("g{n:07}")
}

/// An object id that looks random, as those of a tenant do: neighbours in the source are not neighbours there.
fn record_id(kind: u64, n: u64) -> String {
    let high = scattered(n.wrapping_mul(4) + kind);
    let low = scattered(high ^ n);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

/// The mixing step of SplitMix64 (Steele, Lea, Flood 2014).
fn scattered(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
