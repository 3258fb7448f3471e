//! What an application and its service principal may look like (Graph "Create application", "Create servicePrincipal").

use super::body::Draft;
use super::quota;
use super::unique::{self, Claimant};
use crate::directory::{Kind, Name, Row, Value};
use crate::failure::Failure;
use crate::world::World;

const AUDIENCES: &[&str] =
    &["AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"];

/// Checks a new application.
///
/// # Errors
/// The first rule that the draft breaks.
pub(crate) fn create(world: &World, draft: &Draft) -> Result<(), Failure> {
    if draft.text(Name::DISPLAY_NAME).is_none_or(str::is_empty) {
        return Err(super::required(Kind::Application, "displayName"));
    }
    values(world, Kind::Application, None, draft)?;
    quota::one_more(world)
}

/// Checks a new service principal: each application has one at most.
///
/// # Errors
/// The first rule that the draft breaks.
pub(crate) fn create_principal(world: &World, draft: &Draft) -> Result<(), Failure> {
    if draft.text(Name::APP_ID).is_none() {
        return Err(super::required(Kind::ServicePrincipal, "appId"));
    }
    values(world, Kind::ServicePrincipal, None, draft)?;
    quota::one_more(world)
}

/// Checks an update of either.
///
/// # Errors
/// The first rule that the draft breaks.
pub(crate) fn update(world: &World, row: Row, draft: &Draft) -> Result<(), Failure> {
    let object = world.tenant.object(row);
    if let (Some(before), Some(after)) = (object.text(Name::UNIQUE_NAME), draft.text(Name::UNIQUE_NAME))
        && before != after
    {
        return Err(Failure::read_only("uniqueName"));
    }
    values(world, object.kind, Some(row), draft)
}

fn values(world: &World, kind: Kind, own: Option<Row>, draft: &Draft) -> Result<(), Failure> {
    if draft.text(Name::SIGN_IN_AUDIENCE).is_some_and(|text| !AUDIENCES.contains(&text)) {
        return Err(Failure::invalid_value(kind, "signInAudience"));
    }
    if draft.value(Name::DISPLAY_NAME) == Some(&Value::text("")) {
        return Err(Failure::invalid_value(kind, "displayName"));
    }
    unique::check(world, Claimant { kind, own, unified: false }, &draft.edits)
}
