//! Whose word counts for which attribute: `[target.authority]`.

use entrain_entra::names;
use entrain_model::{Authorities, Authority, Kind};

use super::UserAnchor;

/// What is wrong with the table, each with its key.
pub(super) fn wrong(authorities: &Authorities, anchor: Option<UserAnchor>) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for (kind, table) in [(Kind::User, "users"), (Kind::Group, "groups")] {
        for (name, authority) in authorities.of(kind) {
            if let Some(message) = wrong_name(kind, name, *authority, anchor) {
                wrong.push((format!("authority.{table}.{name}"), message));
            }
        }
    }
    wrong
}

fn wrong_name(kind: Kind, name: &str, authority: Authority, anchor: Option<UserAnchor>) -> Option<String> {
    let carrier = match kind {
        Kind::User => anchor.map(UserAnchor::path),
        Kind::Group => Some("uniqueName".to_owned()),
    };
    if authority != Authority::Manage && carrier.as_deref() == Some(name) {
        return Some(format!("`{name}` carries the anchor, which is always ours: leave it out"));
    }
    if let Some((parent, _)) = name.split_once('.') {
        return Some(format!(
            "parts have no authority of their own: name the whole, `{parent}`, or leave the part out of the mapping"
        ));
    }
    if ["manager", "member", "members", "owner", "owners"].contains(&name) {
        return Some(format!("`{name}` is a reference, and references are always managed: take it out"));
    }
    if is_extension(name) || names(kind).contains(name) {
        return None;
    }
    let alike = names(kind).into_iter().find(|known| known.eq_ignore_ascii_case(name));
    let hint = alike.map_or_else(String::new, |known| format!("; did you mean `{known}`?"));
    Some(format!("a {kind} has no attribute `{name}` that could be written{hint}"))
}

/// Extensions, of an application or of a schema, have names that only the tenant knows; no other attribute has a `_`.
fn is_extension(name: &str) -> bool {
    name.contains('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(kind: Kind, name: &str, authority: Authority, anchor: UserAnchor) -> Vec<String> {
        let table = [(name.to_owned(), authority)].into();
        let authorities = match kind {
            Kind::User => Authorities { users: table, ..Authorities::default() },
            Kind::Group => Authorities { groups: table, ..Authorities::default() },
        };
        wrong(&authorities, Some(anchor)).into_iter().map(|(key, message)| format!("{key}: {message}")).collect()
    }

    #[test]
    fn attributes_that_can_be_written_have_an_authority() {
        for name in ["jobTitle", "userPrincipalName", "accountEnabled", "mail", "employeeOrgData", "extension_0f_costCenter"] {
            assert_eq!(complaints(Kind::User, name, Authority::Yield, UserAnchor::ImmutableId), Vec::<String>::new(), "{name}");
        }
        assert_eq!(complaints(Kind::Group, "description", Authority::CreateOnly, UserAnchor::ImmutableId), Vec::<String>::new());
        assert_eq!(complaints(Kind::User, "employeeId", Authority::Yield, UserAnchor::ImmutableId), Vec::<String>::new());
        assert_eq!(complaints(Kind::User, "employeeId", Authority::Manage, UserAnchor::EmployeeId), Vec::<String>::new());
    }

    #[test]
    fn what_has_none_is_named_with_its_place_and_what_to_write() {
        let table = [
            (
                Kind::User,
                "jobtitle",
                "authority.users.jobtitle: a user has no attribute `jobtitle` that could be written; did you mean `jobTitle`?",
            ),
            (Kind::Group, "jobTitle", "authority.groups.jobTitle: a group has no attribute `jobTitle` that could be written"),
            (
                Kind::User,
                "manager",
                "authority.users.manager: `manager` is a reference, and references are always managed: take it out",
            ),
            (
                Kind::User,
                "employeeId",
                "authority.users.employeeId: `employeeId` carries the anchor, which is always ours: leave it out",
            ),
            (
                Kind::Group,
                "uniqueName",
                "authority.groups.uniqueName: `uniqueName` carries the anchor, which is always ours: leave it out",
            ),
            (
                Kind::User,
                "onPremisesExtensionAttributes.extensionAttribute1",
                "authority.users.onPremisesExtensionAttributes.extensionAttribute1: parts have no authority of their own: \
                 name the whole, `onPremisesExtensionAttributes`, or leave the part out of the mapping",
            ),
        ];
        for (kind, name, expected) in table {
            assert_eq!(complaints(kind, name, Authority::Yield, UserAnchor::EmployeeId), [expected]);
        }
    }
}
