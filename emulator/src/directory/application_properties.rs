//! The properties of an application and of a service principal (Graph v1.0 `application` and `servicePrincipal` resources).

use super::property::{Compared, Property as P, Shape, Write};

const MOMENT: Shape = Shape::Moment;
const JSON: Shape = Shape::Json;
const FLAG: Shape = Shape::Flag;
const TEXTS: Shape = Shape::Texts(0, 0);

/// Every property of an application. `owners` is a reference, not a property.
pub(crate) const APPLICATION: &[P] = &[
    P::read_only("id", Shape::Text(0)).shown().compared(Compared::Exactly),
    P::read_only("deletedDateTime", MOMENT).shown(),
    P::read_only("appId", Shape::Text(0)).shown(),
    P::read_only("applicationTemplateId", Shape::Text(0)).shown(),
    P::read_only("disabledByMicrosoftStatus", Shape::Text(0)).shown().advanced(),
    P::read_only("createdDateTime", MOMENT).shown(),
    P::text("displayName", 256).shown().kept(),
    P::text("description", 1024).shown().advanced(),
    P::text("groupMembershipClaims", 0).shown().unfiltered(),
    P::new("identifierUris", TEXTS).shown(),
    P::new("isDeviceOnlyAuthSupported", FLAG).shown().unfiltered(),
    P::new("isFallbackPublicClient", FLAG).shown().unfiltered(),
    P::text("notes", 0).shown().unfiltered(),
    P::read_only("publisherDomain", Shape::Text(0)).shown(),
    P::text("serviceManagementReference", 0).shown().unfiltered(),
    P::text("signInAudience", 0).shown().advanced(),
    P::new("tags", TEXTS).shown().advanced(),
    P::text("tokenEncryptionKeyId", 0).shown().unfiltered(),
    P::text("uniqueName", 0).shown().kept(),
    P::new("addIns", JSON).shown().unfiltered(),
    P::new("api", JSON).shown().unfiltered(),
    P::new("appRoles", JSON).shown().unfiltered(),
    P::new("info", JSON).shown().unfiltered(),
    P::read_only("keyCredentials", JSON).shown().unfiltered(),
    P::new("optionalClaims", JSON).shown().unfiltered(),
    P::new("parentalControlSettings", JSON).shown().unfiltered(),
    P::read_only("passwordCredentials", JSON).shown().unfiltered(),
    P::new("publicClient", JSON).shown().unfiltered(),
    P::new("requiredResourceAccess", JSON).shown().unfiltered(),
    P::new("spa", JSON).shown().unfiltered(),
    P::new("web", JSON).shown().unfiltered(),
];

/// Every property of a service principal.
pub(crate) const SERVICE_PRINCIPAL: &[P] = &[
    P::read_only("id", Shape::Text(0)).shown().compared(Compared::Exactly),
    P::read_only("deletedDateTime", MOMENT).shown(),
    P::new("accountEnabled", FLAG).shown().kept(),
    P::new("alternativeNames", TEXTS).shown(),
    P::read_only("appDisplayName", Shape::Text(0)).shown().advanced(),
    P::text("appDescription", 0).shown().unfiltered(),
    P::new("appId", Shape::Text(0)).shown().kept().written(Write::AtCreation),
    P::read_only("applicationTemplateId", Shape::Text(0)).shown().advanced(),
    P::read_only("appOwnerOrganizationId", Shape::Text(0)).shown().advanced(),
    P::new("appRoleAssignmentRequired", FLAG).shown().advanced(),
    P::read_only("createdDateTime", MOMENT).shown(),
    P::text("description", 1024).shown().advanced(),
    P::read_only("disabledByMicrosoftStatus", Shape::Text(0)).shown().advanced(),
    P::text("displayName", 256).shown().kept(),
    P::text("homepage", 0).shown().advanced(),
    P::text("loginUrl", 0).shown().unfiltered(),
    P::text("logoutUrl", 0).shown().unfiltered(),
    P::text("notes", 0).shown().unfiltered(),
    P::new("notificationEmailAddresses", TEXTS).shown().unfiltered(),
    P::text("preferredSingleSignOnMode", 0).shown().unfiltered(),
    P::new("replyUrls", TEXTS).shown().unfiltered(),
    P::read_only("servicePrincipalNames", TEXTS).shown(),
    P::read_only("servicePrincipalType", Shape::Text(0)).shown(),
    P::read_only("signInAudience", Shape::Text(0)).shown().advanced(),
    P::new("tags", TEXTS).shown(),
    P::text("tokenEncryptionKeyId", 0).shown().unfiltered(),
    P::new("addIns", JSON).shown().unfiltered(),
    P::read_only("appRoles", JSON).shown().unfiltered(),
    P::new("info", JSON).shown().unfiltered(),
    P::read_only("keyCredentials", JSON).shown().unfiltered(),
    P::read_only("oauth2PermissionScopes", JSON).shown().unfiltered(),
    P::read_only("passwordCredentials", JSON).shown().unfiltered(),
];
