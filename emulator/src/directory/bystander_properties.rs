//! The properties of a device and of a contact (Graph v1.0 `device` and `orgContact` resources). Both come from elsewhere, and only a
//! seed writes them: here they are what a group may hold beside users.

use super::property::{Compared, Property as P, Shape};

const TEXT: Shape = Shape::Text(0);
const TEXTS: Shape = Shape::Texts(0, 0);
const FLAG: Shape = Shape::Flag;
const MOMENT: Shape = Shape::Moment;

/// Properties of a device.
pub(crate) const DEVICE: &[P] = &[
    P::read_only("id", TEXT).shown().compared(Compared::Exactly),
    P::read_only("deletedDateTime", MOMENT).shown(),
    P::read_only("accountEnabled", FLAG).shown(),
    P::read_only("approximateLastSignInDateTime", MOMENT).shown().advanced(),
    P::read_only("deviceId", TEXT).shown().compared(Compared::Exactly),
    P::read_only("deviceVersion", Shape::Number).shown().unfiltered(),
    P::read_only("displayName", TEXT).shown(),
    P::read_only("isCompliant", FLAG).shown(),
    P::read_only("isManaged", FLAG).shown(),
    P::read_only("onPremisesLastSyncDateTime", MOMENT).shown(),
    P::read_only("onPremisesSyncEnabled", FLAG).shown(),
    P::read_only("operatingSystem", TEXT).shown(),
    P::read_only("operatingSystemVersion", TEXT).shown(),
    P::read_only("physicalIds", TEXTS).shown(),
    P::read_only("profileType", TEXT).shown(),
    P::read_only("trustType", TEXT).shown(),
];

/// Properties of a contact.
pub(crate) const CONTACT: &[P] = &[
    P::read_only("id", TEXT).shown().compared(Compared::Exactly),
    P::read_only("deletedDateTime", MOMENT).shown(),
    P::read_only("addresses", Shape::Json).shown().unfiltered(),
    P::read_only("companyName", TEXT).shown(),
    P::read_only("department", TEXT).shown(),
    P::read_only("displayName", TEXT).shown(),
    P::read_only("givenName", TEXT).shown(),
    P::read_only("jobTitle", TEXT).shown(),
    P::read_only("mail", TEXT).shown(),
    P::read_only("mailNickname", TEXT).shown(),
    P::read_only("onPremisesLastSyncDateTime", MOMENT).shown(),
    P::read_only("onPremisesSyncEnabled", FLAG).shown(),
    P::read_only("phones", Shape::Json).shown().unfiltered(),
    P::read_only("proxyAddresses", TEXTS).shown(),
    P::read_only("surname", TEXT).shown(),
];
