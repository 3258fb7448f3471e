//! The properties of a group (Graph v1.0 `group` resource).

use super::property::{Compared, Property as P, Shape, Write};

const EXACTLY: Compared = Compared::Exactly;
const MOMENT: Shape = Shape::Moment;
const JSON: Shape = Shape::Json;
const FLAG: Shape = Shape::Flag;
const TEXTS: Shape = Shape::Texts(0, 0);

/// Every property of a group. `members` and `owners` are references, not properties.
pub(crate) const GROUP: &[P] = &[
    P::read_only("id", Shape::Text(0)).shown().compared(EXACTLY),
    P::read_only("deletedDateTime", MOMENT).shown(),
    P::text("classification", 0).shown(),
    P::read_only("createdDateTime", MOMENT).shown().advanced(),
    P::new("creationOptions", TEXTS).shown().written(Write::AtCreation),
    P::text("description", 1024).shown(),
    P::text("displayName", 256).shown().kept(),
    P::read_only("expirationDateTime", MOMENT).shown(),
    P::new("groupTypes", TEXTS).shown().compared(EXACTLY).written(Write::AtCreation),
    P::new("isAssignableToRole", FLAG).shown().written(Write::AtCreation),
    P::read_only("mail", Shape::Text(0)).shown(),
    P::new("mailEnabled", FLAG).shown().kept().written(Write::AtCreation),
    P::text("mailNickname", 64).shown().kept(),
    P::text("membershipRule", 0).shown(),
    P::text("membershipRuleProcessingState", 0).shown().compared(EXACTLY),
    P::read_only("onPremisesDomainName", Shape::Text(0)).shown(),
    P::read_only("onPremisesLastSyncDateTime", MOMENT).shown(),
    P::read_only("onPremisesNetBiosName", Shape::Text(0)).shown(),
    P::read_only("onPremisesSamAccountName", Shape::Text(0)).shown(),
    P::read_only("onPremisesSecurityIdentifier", Shape::Text(0)).shown(),
    P::read_only("onPremisesSyncEnabled", FLAG).shown(),
    P::text("preferredDataLocation", 0).shown(),
    P::text("preferredLanguage", 0).shown(),
    P::read_only("proxyAddresses", TEXTS).shown(),
    P::read_only("renewedDateTime", MOMENT).shown(),
    P::new("resourceBehaviorOptions", TEXTS).shown().written(Write::AtCreation),
    P::new("resourceProvisioningOptions", TEXTS).shown(),
    P::new("securityEnabled", FLAG).shown().kept(),
    P::read_only("securityIdentifier", Shape::Text(0)).shown(),
    P::text("theme", 0).shown(),
    P::text("uniqueName", 0).shown().kept(),
    P::text("visibility", 0).shown(),
    P::read_only("onPremisesProvisioningErrors", JSON).shown(),
    P::read_only("serviceProvisioningErrors", JSON).shown(),
    P::new("allowExternalSenders", FLAG).written(Write::Alone).unfiltered(),
    P::new("autoSubscribeNewMembers", FLAG).written(Write::Alone).unfiltered(),
    P::new("hideFromAddressLists", FLAG).written(Write::Alone).unfiltered(),
    P::new("hideFromOutlookClients", FLAG).written(Write::Alone).unfiltered(),
    P::new("isSubscribedByMail", FLAG).written(Write::Alone).unfiltered(),
    P::new("unseenCount", Shape::Number).written(Write::Alone).unfiltered(),
    P::new("assignedLabels", JSON),
    P::read_only("assignedLicenses", JSON),
    P::read_only("hasMembersWithLicenseErrors", FLAG),
    P::read_only("isArchived", FLAG),
    P::read_only("isManagementRestricted", FLAG),
    P::read_only("licenseProcessingState", JSON),
];
