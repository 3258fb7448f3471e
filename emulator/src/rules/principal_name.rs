//! User principal names: characters, lengths, verified domains.

use crate::failure::Failure;
use crate::world::World;

const UNVERIFIED: &str = "The domain portion of the userPrincipalName property is invalid. You must use one of the verified \
                          domain names in your organization.";

/// Checks a user principal name: at most 113 characters, 64 before the `@` and 48 after it, and a verified domain.
///
/// # Errors
/// 400 for the form, 400 with details for the domain.
pub(crate) fn check(world: &World, text: &str) -> Result<(), Failure> {
    let malformed =
        || Failure::bad_request("One or more properties contains invalid values.").detail("InvalidValue", "userPrincipalName");
    let (alias, domain) = text.split_once('@').ok_or_else(malformed)?;
    let fits = !alias.is_empty() && alias.len() <= 64 && !domain.is_empty() && domain.len() <= 48 && text.len() <= 113;
    let clean = alias.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"'.-_!#^~".contains(&letter));
    if !fits || !clean || alias.ends_with('.') || alias.starts_with('.') || domain.contains('@') {
        return Err(malformed());
    }
    match world.verified(domain) {
        Some(_) => Ok(()),
        None => Err(Failure::bad_request(UNVERIFIED).detail("InvalidValue", "userPrincipalName")),
    }
}
