use entrain_model::Disposition;
use serde_json::json;

use super::*;

fn answer(status: u16, body: Json) -> Refusal {
    let call = Call::patch("/users/11111111-2222-3333-4444-555555555555".into(), json!({}));
    classify(&call, &Answer { status, body, ..Answer::default() })
}

fn said(status: u16, code: &str, message: &str) -> Refusal {
    answer(status, json!({"error": {"code": code, "message": message}}))
}

/// Status, code, message and what it must mean. The messages are those of the wild.
const SEEN: &[(u16, &str, &str, Meaning)] = &[
    (429, "TooManyRequests", "Please retry again later.", Meaning::Throttled),
    (400, "Request_ThrottledTemporarily", "", Meaning::Throttled),
    (410, "SyncStateNotFound", "The sync state generation is not found; generation=149", Meaning::CursorExpired),
    (400, "syncStateNotFound", "", Meaning::CursorExpired),
    (410, "resyncRequired", "Resync required", Meaning::CursorExpired),
    (410, "", "", Meaning::CursorExpired),
    (401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.", Meaning::Unauthorized),
    (
        403,
        "Authorization_IdentityNotFound",
        "The identity of the calling application could not be established.",
        Meaning::Unauthorized,
    ),
    (403, "Authorization_IdentityDisabled", "", Meaning::Unauthorized),
    (409, "Directory_ConcurrencyViolation", "Error due to concurrent requests being made to the tenant.", Meaning::Concurrent),
    (400, "Request_MultipleObjectsWithSameKeyValue", "", Meaning::Conflict),
    (
        400,
        "Request_BadRequest",
        "Another object with the same value for property userPrincipalName already exists.",
        Meaning::Conflict,
    ),
    (
        400,
        "Request_BadRequest",
        "A conflicting object with one or more of the specified property values is present in the directory.",
        Meaning::Conflict,
    ),
    (404, "Request_ResourceNotFound", "Property netId is invalid", Meaning::Conflict),
    (
        400,
        "Request_BadRequest",
        "One or more added object references already exist for the following modified properties: 'members'.",
        Meaning::LinkExists,
    ),
    (
        400,
        "Request_BadRequest",
        "One or more removed object references do not exist for the following modified properties: 'members'.",
        Meaning::LinkMissing,
    ),
    (
        400,
        "Request_BadRequest",
        "Object '[a]' referenced from '[b]' can only be present once as an add/remove change.",
        Meaning::LinkTwice,
    ),
    (400, "Request_BadRequest", "Request contains a property with duplicate values.", Meaning::LinkTwice),
    (403, "Directory_QuotaExceeded", "", Meaning::Quota),
    (
        403,
        "Authorization_RequestDenied",
        "Unable to perform operation as '121' would exceed the maximum quota count '100' for forward-link 'owners'.",
        Meaning::Quota,
    ),
    (403, "Forbidden", "Guests users are not allowed to join this group", Meaning::Barred),
    (400, "Request_BadRequest", "The group must have at least one owner, hence this owner cannot be removed.", Meaning::Invalid),
    (
        400,
        "Request_BadRequest",
        "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.",
        Meaning::Mastered,
    ),
    (
        400,
        "Request_BadRequest",
        "Unable to update the specified properties for objects that have originated within an external service.",
        Meaning::Mastered,
    ),
    (
        400,
        "Request_BadRequest",
        "The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement property is unset and the security-enablement property is set.",
        Meaning::Unwritable,
    ),
    (400, "Request_BadRequest", "Cannot Update a mail-enabled security groups and or distribution list.", Meaning::Unwritable),
    (
        400,
        "Request_BadRequest",
        "Value for ArmUniqueName cannot be updated for groups assignable to role",
        Meaning::AnchorRefused,
    ),
    (
        400,
        "Request_BadRequest",
        "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.",
        Meaning::Invalid,
    ),
    (400, "Request_BadRequest", "One or more properties contains invalid values.", Meaning::Invalid),
    (
        400,
        "Request_BadRequest",
        "The specified password does not comply with password complexity requirements.",
        Meaning::Invalid,
    ),
    (400, "Request_BadRequest", "Not a valid reference update.", Meaning::Unripe),
    (400, "Request_BadRequest", "License assignment cannot be done for user with invalid usage location.", Meaning::Unripe),
    (400, "Request_BadRequest", "One or more property values specified are invalid.", Meaning::Unripe),
    (400, "Request_UnsupportedQuery", "Too many child clauses", Meaning::Query),
    (
        400,
        "Request_BadRequest",
        "Unsupported or invalid query filter clause specified for property 'x' of resource 'Group'.",
        Meaning::Query,
    ),
    (
        400,
        "Request_BadRequest",
        "Operator 'endsWith' is not supported because the required parameters might be missing.",
        Meaning::Query,
    ),
    (400, "ExpandNotSupported", "", Meaning::Query),
    (400, "Request_BadRequest", "Property 'mail' is read-only and cannot be set.", Meaning::Invalid),
    (
        404,
        "Request_ResourceNotFound",
        "Resource 'abc' does not exist or one of its queried reference-property objects are not present.",
        Meaning::Missing,
    ),
    (400, "Request_ResourceNotFound", "", Meaning::Missing),
    (404, "", "", Meaning::Missing),
    (403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.", Meaning::Forbidden),
    (409, "", "", Meaning::Conflict),
    (405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.", Meaning::Unsupported),
    (501, "NotImplemented", "This operation target is not yet supported.", Meaning::Unsupported),
    (400, "Service_InternalServerError", "", Meaning::Unavailable),
    (408, "", "", Meaning::Unavailable),
    (500, "", "", Meaning::Unavailable),
    (502, "", "", Meaning::Unavailable),
    (503, "", "", Meaning::Unavailable),
    (504, "UnknownError", "", Meaning::Unavailable),
    (400, "Request_BadRequest", "Invalid object identifier 'x'.", Meaning::Invalid),
    (400, "Request_BadRequest", "An unexpected 'EndOfInput' node was found when reading from the JSON reader.", Meaning::Invalid),
    (400, "Request_BadRequest", "A resource cannot contain more than 20 link changes", Meaning::Invalid),
];

#[test]
fn every_answer_seen_has_its_meaning() {
    for (status, code, message, meaning) in SEEN {
        assert_eq!(said(*status, code, message).meaning, *meaning, "{status} {code} {message}");
    }
}

/// A row that no answer reaches is dead, or hidden by one before it.
#[test]
fn every_row_is_reached_by_an_answer() {
    let mut reached: Vec<*const Row> = SEEN
        .iter()
        .filter_map(|(status, code, text, _)| {
            fitting(*status, &Body { code: (*code).into(), text: (*text).into(), ..Body::default() }).map(std::ptr::from_ref)
        })
        .collect();
    for detail in ["ObjectConflict", "ConflictingObjects", "PropertyConflict"] {
        let body = Body { details: vec![(detail.into(), String::new())], ..Body::default() };
        reached.extend(fitting(400, &body).map(std::ptr::from_ref));
    }
    reached.extend(fitting(400, &Body { code: "TooManyRequests".into(), ..Body::default() }).map(std::ptr::from_ref));
    for row in TABLE {
        assert!(reached.contains(&std::ptr::from_ref(row)), "{} {} {} {:?}", row.status, row.code, row.text, row.meaning);
    }
}

#[test]
fn a_duplicate_names_its_attribute_by_the_detail() {
    let body = json!({"error": {"code": "Request_BadRequest", "message": "Another object with the same value for property proxyAddresses already exists.",
        "details": [{"target": "proxyAddresses", "code": "ObjectConflict"}, {"target": "", "code": "ConflictingObjects"}]}});
    let refusal = answer(400, body);
    assert_eq!(refusal.error.fault, Fault::AlreadyExists { attribute: Some("proxyAddresses".into()) });
    assert_eq!(refusal.error.disposition(), Disposition::Replan);
}

#[test]
fn attributes_are_found_in_the_text_where_there_is_no_detail() {
    let table = [
        ("Another object with the same value for property userPrincipalName already exists.", Some("userPrincipalName")),
        ("Property 'mail' is read-only and cannot be set.", Some("mail")),
        ("Invalid property 'jobTitel'.", Some("jobTitel")),
        ("Could not find a property named 'department' on type 'microsoft.graph.group'.", Some("department")),
        ("One or more properties contains invalid values.", None),
        ("One or more property values specified are invalid.", None),
        ("The domain portion of the userPrincipalName property is invalid. You must", Some("userPrincipalName")),
        ("Property netId is invalid", Some("userPrincipalName")),
    ];
    for (text, expected) in table {
        assert_eq!(attribute(&Body { text: text.into(), ..Body::default() }).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_missing_record_is_named() {
    let refusal = said(
        404,
        "Request_ResourceNotFound",
        "Resource 'abc-1' does not exist or one of its queried reference-property objects are not present.",
    );
    assert_eq!(refusal.missing(), Some(&TargetId::from("abc-1")));
}

#[test]
fn the_message_says_what_to_which_object_and_what_to_do() {
    let body = json!({"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges to complete the operation.",
        "innerError": {"request-id": "r-77"}}});
    assert_eq!(
        answer(403, body).error.to_string(),
        "Graph answered 403 to PATCH /users/11111111-2222-3333-4444-555555555555: Authorization_RequestDenied: Insufficient \
         privileges to complete the operation. Grant the application the permission that this call needs and consent to it; for \
         holders of directory roles and for role-assignable groups it also needs a directory role (request-id r-77)"
    );
}

#[test]
fn odd_forms_of_the_body_are_read_too() {
    let old = json!({"odata.error": {"code": "Request_ResourceNotFound", "message": {"lang": "en", "value": "Resource 'x' does not exist"}}});
    assert_eq!(answer(404, old).missing(), Some(&TargetId::from("x")));
    let object =
        json!({"error": {"code": "Request_BadRequest", "message": "no", "details": {"code": "InvalidValue", "target": "mail"}}});
    assert_eq!(
        answer(400, object).error.fault,
        Fault::Rejected { code: "Request_BadRequest".into(), attribute: Some("mail".into()) }
    );
    assert_eq!(
        answer(502, Json::Null).error.message,
        "Graph answered 502 to PATCH /users/11111111-2222-3333-4444-555555555555: no reason given. It passes by itself"
    );
}
