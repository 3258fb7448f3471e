//! What Graph's errors mean: the one table. The first row that fits decides.
//!
//! Codes and details come first. Texts are asked only where Graph overloads a code (`Request_BadRequest`); they may change, hence
//! short fragments in lower case. Sources: the error catalogue of the Graph documentation, and answers seen in the field.

/// What an error means for the one who sent the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Too many requests. Not done.
    Throttled,
    /// The service failed. Whether it was done is not known.
    Unavailable,
    /// Another write to the same record was under way. Not done.
    Concurrent,
    /// Something written a moment ago is not visible everywhere yet. Not done; passes by itself.
    Unripe,
    /// The token or the application is not accepted.
    Unauthorized,
    /// The application lacks a permission, or the record is protected.
    Forbidden,
    /// A record or a collection is full.
    Quota,
    /// This one member is not allowed in this group.
    Barred,
    /// Another record has the value.
    Conflict,
    /// The reference is there already (at least one of those sent).
    LinkExists,
    /// The reference is not there.
    LinkMissing,
    /// The same reference twice in one request.
    LinkTwice,
    /// A record does not exist, or the replica does not know it yet.
    Missing,
    /// Another directory owns the record.
    Mastered,
    /// Nobody can write records of this sort through Graph.
    Unwritable,
    /// Role-assignable groups take no `uniqueName`.
    AnchorRefused,
    /// The place in an incremental read is no longer known.
    CursorExpired,
    /// The query is not offered.
    Query,
    /// The service offers no such thing.
    Unsupported,
    /// The request is refused as it is.
    Invalid,
}

/// One row: it fits when all that it names fits.
pub(crate) struct Row {
    /// HTTP status; 0 for any.
    pub status: u16,
    /// `error.code` without regard to case; empty for any.
    pub code: &'static str,
    /// `code` of one of `error.details`; empty for any.
    pub detail: &'static str,
    /// Part of the message, in lower case; empty for any.
    pub text: &'static str,
    /// What it means.
    pub meaning: Meaning,
    /// What to do, for the operator.
    pub advice: &'static str,
}

const fn row(
    status: u16,
    code: &'static str,
    detail: &'static str,
    text: &'static str,
    meaning: Meaning,
    advice: &'static str,
) -> Row {
    Row { status, code, detail, text, meaning, advice }
}

const PERMISSIONS: &str = "Grant the application the permission that this call needs and consent to it; for holders of directory \
                           roles and for role-assignable groups it also needs a directory role";
const RENEW: &str = "A new token was refused as well: check that the application still exists and is enabled in this tenant";
const UNIQUE: &str = "Find the record that has the value, also in the recycle bin, and free it or change the source";
const VALUE: &str = "Correct the value in the source or in the mapping";
const PASSES: &str = "It passes by itself";
const FULL: &str = "Remove entries, or ask for a higher limit";
const THERE: &str = "It is looked up and planned anew";
const MASTERED: &str = "Change it in the directory that is synchronised into this tenant";
const UNWRITABLE: &str = "Mail-enabled security groups and distribution lists are kept in Exchange: take the group out of scope";

use Meaning::{
    AnchorRefused, Barred, Concurrent, Conflict, CursorExpired, Forbidden, Invalid, LinkExists, LinkMissing, LinkTwice, Mastered,
    Missing, Query, Quota, Throttled, Unauthorized, Unavailable, Unripe, Unsupported, Unwritable,
};

/// The table.
#[rustfmt::skip]
pub(crate) static TABLE: &[Row] = &[
    row(429, "", "", "", Throttled, PASSES),
    row(0, "Request_ThrottledTemporarily", "", "", Throttled, PASSES),
    row(0, "TooManyRequests", "", "", Throttled, PASSES),
    row(0, "syncStateNotFound", "", "", CursorExpired, "Everything is read again"),
    row(0, "resyncRequired", "", "", CursorExpired, "Everything is read again"),
    row(410, "", "", "", CursorExpired, "Everything is read again"),
    row(401, "", "", "", Unauthorized, RENEW),
    row(0, "Authorization_IdentityNotFound", "", "", Unauthorized, RENEW),
    row(0, "Authorization_IdentityDisabled", "", "", Unauthorized, RENEW),
    row(0, "Directory_ConcurrencyViolation", "", "", Concurrent, PASSES),
    row(0, "", "ObjectConflict", "", Conflict, UNIQUE),
    row(0, "", "ConflictingObjects", "", Conflict, UNIQUE),
    row(0, "", "PropertyConflict", "", Conflict, UNIQUE),
    row(0, "Request_MultipleObjectsWithSameKeyValue", "", "", Conflict, UNIQUE),
    row(0, "", "", "another object with the same value for property", Conflict, UNIQUE),
    row(0, "", "", "a conflicting object with one or more of the specified property values", Conflict, UNIQUE),
    row(0, "", "", "property netid is invalid", Conflict, UNIQUE),
    row(0, "", "", "added object references already exist", LinkExists, THERE),
    row(0, "", "", "removed object references do not exist", LinkMissing, THERE),
    row(0, "", "", "can only be present once as an add/remove change", LinkTwice, THERE),
    row(0, "", "", "property with duplicate values", LinkTwice, THERE),
    row(0, "", "", "would exceed the maximum quota count", Quota, FULL),
    row(0, "Directory_QuotaExceeded", "", "", Quota, FULL),
    row(403, "", "", "guests users are not allowed to join", Barred, "The group's settings allow no guests: take the guest out of the group, or change the setting"),
    row(0, "", "", "must have at least one owner", Invalid, "Give the group another owner first"),
    row(0, "", "", "on-premises mastered directory sync objects", Mastered, MASTERED),
    row(0, "", "", "originated within an external service", Mastered, "Change it in the service that owns it (Exchange)"),
    row(0, "", "", "mail-enabled", Unwritable, UNWRITABLE),
    row(0, "", "", "armuniquename cannot be updated for groups assignable to role", AnchorRefused, "The link stands without an anchor"),
    row(0, "", "", "domain portion of the userprincipalname", Invalid, "Verify the domain in the tenant, or map the login to a verified one"),
    row(0, "", "", "password complexity", Invalid, "The tenant's rules refuse drawn passwords: look at its password protection"),
    row(0, "", "", "not a valid reference update", Unripe, PASSES),
    row(0, "", "", "invalid usage location", Unripe, "Set `usageLocation`"),
    row(0, "", "", "one or more property values specified are invalid", Unripe, VALUE),
    row(0, "Request_UnsupportedQuery", "", "", Query, "Match by another attribute"),
    row(0, "", "", "unsupported or invalid query filter", Query, "Match by another attribute"),
    row(0, "", "", "required parameters might be missing", Query, "Match by another attribute"),
    row(0, "ExpandNotSupported", "", "", Query, "Match by another attribute"),
    row(0, "", "", "is read-only and cannot be set", Invalid, "Take the property out of the mapping"),
    row(0, "Request_ResourceNotFound", "", "", Missing, THERE),
    row(404, "", "", "", Missing, THERE),
    row(403, "", "", "", Forbidden, PERMISSIONS),
    row(409, "", "", "", Conflict, UNIQUE),
    row(405, "", "", "", Unsupported, "The service does not offer this"),
    row(501, "", "", "", Unsupported, "The service does not offer this"),
    row(0, "Service_InternalServerError", "", "", Unavailable, PASSES),
    row(408, "", "", "", Unavailable, PASSES),
    row(500, "", "", "", Unavailable, PASSES),
    row(502, "", "", "", Unavailable, PASSES),
    row(503, "", "", "", Unavailable, PASSES),
    row(504, "", "", "", Unavailable, PASSES),
    row(0, "", "", "", Invalid, VALUE),
];
