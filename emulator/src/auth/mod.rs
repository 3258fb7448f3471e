//! Who may call: the token endpoint and the tokens that it issues.

mod assertion;
mod bearer;
mod certificate;
mod challenge;
mod credentials;
mod der;
mod discovery;
mod federated;
mod managed;
mod refusal;
mod resource;
mod signer;
mod token;

pub(crate) use bearer::{Rights, authorize, bearer};
pub(crate) use certificate::Certificate;
pub(crate) use challenge::claims as challenge_claims;
pub(crate) use credentials::{Application, Credentials, Secret};
pub(crate) use discovery::{configuration, instance, keys};
pub(crate) use federated::Federated;
pub(crate) use managed::answer as managed_identity;
pub(crate) use signer::Signer;
pub(crate) use token::answer as token;
