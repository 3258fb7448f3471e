//! Which application permissions a request needs (the permissions reference of Graph): the least privileged one, and those
//! that include it.

use super::call::Call;
use super::membership;
use crate::directory::Kind;
use crate::failure::Failure;
use crate::odata::Part;
use axum::http::Method;
use serde_json::{Map, Value as Json};

type Roles = &'static [&'static str];

const USER_READ: Roles = &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const USER_LIST: Roles =
    &["User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const USER_WRITE: Roles = &["User.ReadWrite.All", "Directory.ReadWrite.All"];
/// Each of them lets an application change something of a user; what exactly, the body decides.
const USER_UPDATE: Roles = &[
    "User.ReadUpdate.All",
    "User.ReadWrite.All",
    "Directory.ReadWrite.All",
    "User.EnableDisableAccount.All",
    "User-PasswordProfile.ReadWrite.All",
    "User-Mail.ReadWrite.All",
    "User-Phone.ReadWrite.All",
    "User.ManageIdentities.All",
    "User-LifeCycleInfo.ReadWrite.All",
    "CustomSecAttributeAssignment.ReadWrite.All",
];
/// Nothing that is called `Directory` lets an application delete.
const USER_DELETE: Roles = &["User.DeleteRestore.All", "User.ReadWrite.All"];
const SESSIONS: Roles = &["User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"];
const GROUP_READ: Roles = &[
    "GroupMember.Read.All",
    "Group.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// The permission to write the directory is not among them.
const MEMBERS_READ: Roles =
    &["GroupMember.Read.All", "Group.Read.All", "GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.Read.All"];
const GROUP_CREATE: Roles = &["Group.Create", "Group.ReadWrite.All", "Directory.ReadWrite.All"];
const GROUP_WRITE: Roles = &["Group.ReadWrite.All", "Directory.ReadWrite.All"];
const GROUP_DELETE: Roles = &["Group.ReadWrite.All"];
const MEMBERS_WRITE: Roles = &["GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"];
const MEMBERSHIPS: Roles = &[
    "User.Read.All",
    "User.ReadWrite.All",
    "GroupMember.Read.All",
    "Group.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const ANY_OBJECT: Roles = &["Directory.Read.All", "Directory.ReadWrite.All"];
const DEVICES: Roles = &["Device.Read.All", "Device.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const CONTACTS: Roles = &["OrgContact.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const DELETED_USERS: Roles =
    &["User.Read.All", "User.ReadWrite.All", "User.DeleteRestore.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const DELETED_GROUPS: Roles = &["Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const DELETED_APPLICATIONS: Roles = &[
    "Application.Read.All",
    "Application.ReadWrite.OwnedBy",
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Which of them it has to be, the kind of the object decides.
const BIN_WRITE: Roles = &[
    "User.DeleteRestore.All",
    "User.ReadWrite.All",
    "Group.ReadWrite.All",
    "Application.ReadWrite.OwnedBy",
    "Application.ReadWrite.All",
];
const ORGANIZATION: Roles =
    &["Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const DOMAINS: Roles = &["Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const APPLICATION_READ: Roles =
    &["Application.Read.All", "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.Read.All"];
const APPLICATION_WRITE: Roles = &["Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"];
const METHODS_READ: Roles = &[
    "UserAuthMethod-TAP.Read.All",
    "UserAuthMethod-TAP.ReadWrite.All",
    "UserAuthenticationMethod.Read.All",
    "UserAuthenticationMethod.ReadWrite.All",
];
const METHODS_WRITE: Roles = &["UserAuthMethod-TAP.ReadWrite.All", "UserAuthenticationMethod.ReadWrite.All"];
const LICENCES_WRITE: Roles = &["LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"];
const LICENCES_OF_USER: Roles = &[
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const PRODUCTS: Roles = &[
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const INVITE: Roles = &["User.Invite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"];
const ROLES_WRITE: Roles = &["RoleManagement.ReadWrite.Directory"];
const ROLES: Roles = &[
    "RoleManagement.Read.Directory",
    "RoleManagement.Read.All",
    "RoleManagement.ReadWrite.Directory",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

const GROUP_ELIGIBILITIES: Roles = &[
    "PrivilegedEligibilitySchedule.Read.AzureADGroup",
    "PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup",
    "PrivilegedAccess.Read.AzureADGroup",
    "PrivilegedAccess.ReadWrite.AzureADGroup",
];

/// Checks what the method and the path need; what the body needs is checked with the body.
///
/// # Errors
/// 403.
pub(crate) fn check(call: &Call<'_>) -> Result<(), Failure> {
    call.needs_any_role()?;
    let words: Vec<String> = call.parts.iter().map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    needed(call, &words).map_or(Ok(()), |roles| any_of(call, roles))
}

/// `None` for a path that there is not: it is refused for another reason.
fn needed(call: &Call<'_>, words: &[&str]) -> Option<Roles> {
    let read = *call.method == Method::GET;
    Some(match words {
        ["users"] if read => USER_LIST,
        ["users"] => USER_WRITE,
        ["users", rest @ ..] => of_user(call.method, rest),
        ["groups"] if read => GROUP_READ,
        ["groups"] => GROUP_CREATE,
        ["groups", rest @ ..] => of_group(call, rest),
        // What a read needs, the kind decides: `deleted` checks it.
        ["directory", "deleteditems", ..] if read => return None,
        ["directory", "deleteditems", ..] => BIN_WRITE,
        ["devices", ..] => DEVICES,
        ["contacts", ..] => CONTACTS,
        ["applications" | "serviceprincipals", ..] if read => APPLICATION_READ,
        ["serviceprincipals", _, action] if membership::is_action(action) => APPLICATION_READ,
        ["applications" | "serviceprincipals", ..] => APPLICATION_WRITE,
        ["subscribedskus", ..] => PRODUCTS,
        ["invitations", ..] => INVITE,
        ["directoryobjects", "validateproperties"] => GROUP_READ,
        ["directoryobjects", ..] => ANY_OBJECT,
        ["organization", ..] => ORGANIZATION,
        ["domains", ..] => DOMAINS,
        ["directoryroles" | "directoryroletemplates" | "rolemanagement", ..] if read => ROLES,
        ["directoryroles" | "directoryroletemplates" | "rolemanagement", ..] => ROLES_WRITE,
        ["identitygovernance", "privilegedaccess", "group", ..] => GROUP_ELIGIBILITIES,
        _ => return None,
    })
}

fn of_user(method: &Method, rest: &[&str]) -> Roles {
    match (method, rest) {
        (&Method::GET, [_, "authentication", ..]) => METHODS_READ,
        (_, [_, "authentication", ..]) => METHODS_WRITE,
        (&Method::GET, [_, "licensedetails", ..]) => LICENCES_OF_USER,
        (_, [_, "memberof" | "transitivememberof" | "ownedobjects", ..]) => MEMBERSHIPS,
        (_, [_, "getmembergroups" | "getmemberobjects" | "checkmembergroups" | "checkmemberobjects"]) => MEMBERSHIPS,
        (&Method::GET, ["delta" | "$count"]) => USER_LIST,
        (&Method::GET, [_]) => USER_LIST,
        (&Method::GET, _) => USER_READ,
        (&Method::PATCH, [_]) => USER_UPDATE,
        (&Method::DELETE, [_]) => USER_DELETE,
        (_, [_, "revokesigninsessions"]) => SESSIONS,
        (_, [_, "assignlicense"]) => LICENCES_WRITE,
        _ => USER_WRITE,
    }
}

fn of_group(call: &Call<'_>, rest: &[&str]) -> Roles {
    match (call.method, rest) {
        (_, [_, "getmembergroups" | "getmemberobjects" | "checkmembergroups" | "checkmemberobjects"]) => GROUP_READ,
        (_, [_, "validateproperties"]) => GROUP_READ,
        (&Method::GET, [_, "members" | "owners", ..]) => MEMBERS_READ,
        (&Method::GET, _) => GROUP_READ,
        // A reference that lost its `$ref` names the object itself.
        (&Method::DELETE, [_, "members" | "owners", _]) => MEMBERS_WRITE,
        (_, [_, "members", ..]) => MEMBERS_WRITE,
        (&Method::DELETE, [_]) => GROUP_DELETE,
        (&Method::PATCH, _) if only_adds_members(call.body) => MEMBERS_WRITE,
        _ => GROUP_WRITE,
    }
}

fn only_adds_members(body: &[u8]) -> bool {
    let body: Option<Map<String, Json>> = serde_json::from_slice(body).ok();
    body.is_some_and(|map| !map.is_empty() && map.keys().all(|name| name == "members@odata.bind"))
}

/// Checks that the application may read deleted objects of this kind.
///
/// # Errors
/// 403.
pub(crate) fn deleted(call: &Call<'_>, kind: Kind) -> Result<(), Failure> {
    any_of(
        call,
        match kind {
            Kind::User => DELETED_USERS,
            Kind::Group => DELETED_GROUPS,
            Kind::Application | Kind::ServicePrincipal => DELETED_APPLICATIONS,
            Kind::Device => DEVICES,
            Kind::Contact => CONTACTS,
        },
    )
}

/// Checks that the application may delete, restore or purge an object of this kind.
///
/// # Errors
/// 403.
pub(crate) fn delete(call: &Call<'_>, kind: Kind) -> Result<(), Failure> {
    any_of(
        call,
        match kind {
            Kind::User => USER_DELETE,
            Kind::Group => GROUP_DELETE,
            Kind::Application | Kind::ServicePrincipal => APPLICATION_WRITE,
            Kind::Device => &["Device.ReadWrite.All"],
            // Nobody deletes a contact over Graph.
            Kind::Contact => &[],
        },
    )
}

/// Checks that the application may write every property of an update of a user.
///
/// # Errors
/// 403.
pub(crate) fn properties(call: &Call<'_>, body: &Map<String, Json>) -> Result<(), Failure> {
    body.keys().try_for_each(|name| match name.as_str() {
        "passwordProfile" => any_of(call, &["User-PasswordProfile.ReadWrite.All"]),
        "employeeLeaveDateTime" => any_of(call, &["User-LifeCycleInfo.ReadWrite.All"]).and_then(|()| any_of(call, USER_READ)),
        "customSecurityAttributes" => any_of(call, &["CustomSecAttributeAssignment.ReadWrite.All"]),
        "accountEnabled" if held(call, &["User.EnableDisableAccount.All"]) => any_of(call, USER_READ),
        "otherMails" if held(call, &["User-Mail.ReadWrite.All"]) => Ok(()),
        "mobilePhone" | "businessPhones" if held(call, &["User-Phone.ReadWrite.All"]) => Ok(()),
        "identities" if held(call, &["User.ManageIdentities.All"]) => Ok(()),
        "accountEnabled"
        | "otherMails"
        | "mobilePhone"
        | "businessPhones"
        | "identities"
        | "userPrincipalName"
        | "onPremisesImmutableId" => any_of(call, USER_WRITE),
        _ => any_of(call, &["User.ReadUpdate.All", "User.ReadWrite.All", "Directory.ReadWrite.All"]),
    })
}

fn held(call: &Call<'_>, roles: Roles) -> bool {
    call.rights.roles.iter().any(|role| roles.contains(&role.as_str()))
}

fn any_of(call: &Call<'_>, roles: Roles) -> Result<(), Failure> {
    if held(call, roles) { Ok(()) } else { Err(Failure::denied()) }
}
