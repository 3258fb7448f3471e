//! Interned property names: two bytes per property of an object.

use std::collections::HashMap;

/// The number of a property name. The same name has the same number for users and groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(u16);

macro_rules! well_known {
    ($($constant:ident = $text:literal,)*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "the slots only number the constants")]
        #[repr(u16)]
        enum Slot { $($constant),* }
        impl Name { $(pub(crate) const $constant: Name = Name(Slot::$constant as u16);)* }
        const WELL_KNOWN: &[&str] = &[$($text),*];
    };
}

well_known! {
    ID = "id",
    USER_PRINCIPAL_NAME = "userPrincipalName",
    DISPLAY_NAME = "displayName",
    MAIL = "mail",
    MAIL_NICKNAME = "mailNickname",
    PROXY_ADDRESSES = "proxyAddresses",
    OTHER_MAILS = "otherMails",
    ACCOUNT_ENABLED = "accountEnabled",
    IMMUTABLE_ID = "onPremisesImmutableId",
    SYNC_ENABLED = "onPremisesSyncEnabled",
    EMPLOYEE_ID = "employeeId",
    EMPLOYEE_HIRE_DATE = "employeeHireDate",
    USAGE_LOCATION = "usageLocation",
    USER_TYPE = "userType",
    PASSWORD_PROFILE = "passwordProfile",
    PASSWORD_POLICIES = "passwordPolicies",
    BUSINESS_PHONES = "businessPhones",
    MOBILE_PHONE = "mobilePhone",
    SESSIONS_VALID_FROM = "signInSessionsValidFromDateTime",
    CREATED = "createdDateTime",
    DELETED = "deletedDateTime",
    UNIQUE_NAME = "uniqueName",
    GROUP_TYPES = "groupTypes",
    MAIL_ENABLED = "mailEnabled",
    SECURITY_ENABLED = "securityEnabled",
    ASSIGNABLE_TO_ROLE = "isAssignableToRole",
    MEMBERSHIP_RULE = "membershipRule",
    MEMBERSHIP_RULE_STATE = "membershipRuleProcessingState",
    VISIBILITY = "visibility",
    RENEWED = "renewedDateTime",
    AGE_GROUP = "ageGroup",
    CONSENT_FOR_MINOR = "consentProvidedForMinor",
    DESCRIPTION = "description",
    EXTENSION_ATTRIBUTES = "onPremisesExtensionAttributes",
    GIVEN_NAME = "givenName",
    SURNAME = "surname",
    APP_ID = "appId",
    APP_DISPLAY_NAME = "appDisplayName",
    PASSWORD_CREDENTIALS = "passwordCredentials",
    KEY_CREDENTIALS = "keyCredentials",
    SIGN_IN_AUDIENCE = "signInAudience",
    SERVICE_PRINCIPAL_TYPE = "servicePrincipalType",
    SERVICE_PRINCIPAL_NAMES = "servicePrincipalNames",
    OWNER_ORGANIZATION = "appOwnerOrganizationId",
    EXTERNAL_USER_STATE = "externalUserState",
    EXTERNAL_USER_STATE_CHANGED = "externalUserStateChangeDateTime",
    CREATION_TYPE = "creationType",
    ASSIGNED_LICENSES = "assignedLicenses",
    LICENSE_STATES = "licenseAssignmentStates",
}

/// The table of all names, both ways. Look-ups ignore case; spelling is as the service writes it.
#[derive(Debug)]
pub(crate) struct Names {
    spelled: Vec<Box<str>>,
    by_folded: HashMap<String, Name>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Names { spelled: Vec::new(), by_folded: HashMap::new() };
        for text in WELL_KNOWN {
            names.intern(text);
        }
        names
    }
}

impl Names {
    /// The number of a name, new or known.
    pub(crate) fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.find(text) {
            return name;
        }
        let name = Name(u16::try_from(self.spelled.len()).unwrap_or(u16::MAX));
        self.spelled.push(text.into());
        self.by_folded.insert(text.to_ascii_lowercase(), name);
        name
    }

    /// The number of a known name, whatever its case.
    pub(crate) fn find(&self, text: &str) -> Option<Name> {
        self.by_folded.get(text.to_ascii_lowercase().as_str()).copied()
    }

    /// How the name is spelled.
    pub(crate) fn spell(&self, name: Name) -> &str {
        self.spelled.get(usize::from(name.0)).map_or("", |text| text)
    }
}
