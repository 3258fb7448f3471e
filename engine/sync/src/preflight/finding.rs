//! What a pre-flight check finds, grouped: how often, the first examples, and what to do.

use std::collections::BTreeMap;

use entrain_model::codes;
use serde_json::{Value as Json, json};

/// Examples that are kept of each finding.
pub(super) const EXAMPLES: usize = 5;

/// What can be wrong before the first write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The anchor must not be used in this tenant.
    AnchorRefused,
    /// Something of the target cannot be read.
    NotReadable,
    /// A script fails for an object.
    MappingError,
    /// A login has a form that the target does not take.
    LoginInvalid,
    /// A login ends in a domain that the target has not verified.
    DomainNotVerified,
    /// A new user of a federated domain lacks what it signs in by.
    FederatedWithoutId,
    /// A new record lacks a value that it needs.
    RequiredMissing,
    /// A text is too long.
    ValueTooLong,
    /// A text has a character that the target does not take.
    ValueForbidden,
    /// A list has too many values.
    TooManyValues,
    /// A value is of another type.
    WrongType,
    /// The mapping sets what cannot be written.
    NotWritable,
    /// Several users have one login.
    DuplicateLogin,
    /// Several objects have one mail address.
    DuplicateAddress,
    /// Several objects have one mail nickname.
    DuplicateNickname,
    /// Several objects have one anchor.
    DuplicateAnchor,
    /// Several objects name one record.
    DuplicateRecord,
    /// Several objects have one value of another attribute that must be unique.
    DuplicateValue,
    /// A manager does not exist.
    ManagerMissing,
    /// Managers manage each other in a circle.
    ManagerCycle,
    /// A membership names nobody.
    MemberMissing,
    /// A membership names a group that does not exist.
    GroupMissing,
    /// Groups are members of each other in a circle.
    GroupCycle,
    /// A record of the target has the unique value, and no object is linked to it.
    TakenInTarget,
    /// The recycle bin has a record under the same key.
    InRecycleBin,
    /// Several records match, or one matches several objects.
    Ambiguous,
    /// The record is protected.
    Protected,
    /// Another directory owns the record.
    MasteredElsewhere,
    /// The record cannot be written.
    Unwritable,
    /// The record carries another source's anchor.
    ForeignAnchor,
    /// Anything else holds the object.
    Held,
}

codes!(Check {
    AnchorRefused = "anchor_refused",
    NotReadable = "not_readable",
    MappingError = "mapping_error",
    LoginInvalid = "login_invalid",
    DomainNotVerified = "domain_not_verified",
    FederatedWithoutId = "federated_without_id",
    RequiredMissing = "required_missing",
    ValueTooLong = "value_too_long",
    ValueForbidden = "value_forbidden",
    TooManyValues = "too_many_values",
    WrongType = "wrong_type",
    NotWritable = "not_writable",
    DuplicateLogin = "duplicate_login",
    DuplicateAddress = "duplicate_address",
    DuplicateNickname = "duplicate_nickname",
    DuplicateAnchor = "duplicate_anchor",
    DuplicateRecord = "duplicate_record",
    DuplicateValue = "duplicate_value",
    ManagerMissing = "manager_missing",
    ManagerCycle = "manager_cycle",
    MemberMissing = "member_missing",
    GroupMissing = "group_missing",
    GroupCycle = "group_cycle",
    TakenInTarget = "taken_in_target",
    InRecycleBin = "in_recycle_bin",
    Ambiguous = "ambiguous",
    Protected = "protected",
    MasteredElsewhere = "mastered_elsewhere",
    Unwritable = "unwritable",
    ForeignAnchor = "foreign_anchor",
    Held = "held",
});

impl Check {
    /// What to do about it.
    pub fn fix(self) -> &'static str {
        match self {
            Check::AnchorRefused => "choose the anchor that the message names, in `[target]`",
            Check::NotReadable => "grant the permission that the message names, and consent to it",
            Check::MappingError => "mend the script at the line that is named; until then the target would halt",
            Check::LoginInvalid => "correct the login in the source, or make one in the mapping",
            Check::DomainNotVerified => "verify the domain in the target, or map the login to one that is",
            Check::FederatedWithoutId => "set the identity provider's subject in the mapping",
            Check::RequiredMissing => "fill it in the source, or set it in the mapping",
            Check::ValueTooLong => "shorten it in the source, or truncate it in the mapping",
            Check::ValueForbidden => "replace the character in the source or in the mapping",
            Check::TooManyValues => "choose among the values in the mapping",
            Check::WrongType => "convert the value in the mapping",
            Check::NotWritable => "take the attribute out of the mapping, or correct its name",
            Check::DuplicateLogin => "give all but one another login",
            Check::DuplicateAddress => "give all but one another address",
            Check::DuplicateNickname => "make the nickname from something that differs",
            Check::DuplicateAnchor => "make the anchor from something that differs, such as the stable id",
            Check::DuplicateRecord => "take the record's id out of all rows but one",
            Check::DuplicateValue => "give all but one another value",
            Check::ManagerMissing => "import the manager, or correct the reference",
            Check::ManagerCycle => "take one of the references away",
            Check::MemberMissing => "import who is missing, or remove the membership",
            Check::GroupMissing => "import the group, or remove the membership",
            Check::GroupCycle => "take one of the groups out of the other",
            Check::TakenInTarget => "change the value of the record in the target, or match by this attribute to take it over",
            Check::InRecycleBin => {
                "restore the record before the first run if it is this one, else empty it from the recycle bin"
            }
            Check::Ambiguous => "name the right record by its id in the source, or make the values differ",
            Check::Protected => "manage it in the target by hand, or take its roles away",
            Check::MasteredElsewhere => "change it where it is mastered, or convert it to a cloud record first",
            Check::Unwritable => "manage it where it is made, or leave it out of scope",
            Check::ForeignAnchor => "find out which other source writes this tenant; one of the two must let go",
            Check::Held => "`entrain holds` says why",
        }
    }
}

/// All that was found of one sort.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// How often.
    pub count: u64,
    /// The first, in words.
    pub examples: Vec<String>,
}

/// What was found, by check and by the attribute that it is about (empty for none).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(pub BTreeMap<(Check, String), Finding>);

impl Findings {
    pub(super) fn add(&mut self, check: Check, attribute: &str, example: impl FnOnce() -> String) {
        let finding = self.0.entry((check, attribute.to_owned())).or_default();
        finding.count += 1;
        if finding.examples.len() < EXAMPLES {
            finding.examples.push(example());
        }
    }

    /// Adds so many at once, with the first of them.
    pub(super) fn add_all(&mut self, check: Check, count: u64, examples: Vec<String>) {
        if count > 0 {
            self.0.insert((check, String::new()), Finding { count, examples });
        }
    }

    /// As a list for programs.
    pub fn to_json(&self) -> Json {
        let finding = |((check, attribute), found): (&(Check, String), &Finding)| {
            json!({
                "code": check.code(), "attribute": Some(attribute).filter(|name| !name.is_empty()), "count": found.count,
                "examples": found.examples, "fix": check.fix(),
            })
        };
        self.0.iter().map(finding).collect()
    }
}
