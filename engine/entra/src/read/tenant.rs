//! Facts about the tenant as a whole.

use std::sync::{Mutex, PoisonError};

use entrain_model::{DirectoryError, Domain, Fault, Tenant};
use serde_json::Value as Json;

use crate::Entra;
use crate::call::Call;

/// The domains as last read.
#[derive(Default)]
pub(crate) struct Domains(Mutex<Option<Vec<Domain>>>);

impl Domains {
    fn remember(&self, domains: &[Domain]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(domains.to_vec());
    }
    fn known(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
    fn federated(&self, name: &str) -> bool {
        let domains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        domains.iter().flatten().any(|domain| domain.federated && domain.name.eq_ignore_ascii_case(name))
    }
}

impl Entra {
    pub(crate) async fn facts(&self) -> Result<Tenant, DirectoryError> {
        let answer = self.client.send(Call::get("/organization?$select=id,displayName,onPremisesSyncEnabled".to_owned())).await;
        let body = answer.map_err(DirectoryError::from)?.body;
        let organization = &body["value"][0];
        let Some(id) = organization["id"].as_str() else {
            return Err(DirectoryError::new(Fault::Unreachable, "Graph named no organization for this token"));
        };
        let domains = self.domains().await?;
        let mastered_elsewhere = organization["onPremisesSyncEnabled"].as_bool() == Some(true);
        Ok(Tenant {
            id: id.to_owned(),
            display_name: organization["displayName"].as_str().unwrap_or_default().to_owned(),
            anchor_refused: anchor_refused(&self.schema.users.anchor, mastered_elsewhere, &domains),
            domains,
            mastered_elsewhere,
        })
    }

    async fn domains(&self) -> Result<Vec<Domain>, DirectoryError> {
        let mut domains = Vec::new();
        let call = Call::get("/domains?$select=id,isVerified,authenticationType".to_owned());
        let mut list = self.list(call);
        while let Some(items) = list.page().await? {
            domains.extend(items.iter().filter_map(domain));
        }
        self.domains.remember(&domains);
        Ok(domains)
    }

    /// Reads the domains, unless they were read before.
    pub(crate) async fn know_domains(&self) -> Result<(), DirectoryError> {
        if self.domains.known() { Ok(()) } else { self.domains().await.map(drop) }
    }

    /// Whether people of this sign-in name sign in at another identity provider, as far as the domains are known.
    pub(crate) fn federated(&self, login: &str) -> bool {
        let own = login.rsplit_once('@').map(|(_, domain)| domain).unwrap_or_default();
        self.domains.federated(own)
    }
}

fn domain(item: &Json) -> Option<Domain> {
    Some(Domain {
        name: item["id"].as_str()?.to_owned(),
        verified: item["isVerified"].as_bool() == Some(true),
        federated: item["authenticationType"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("federated")),
    })
}

/// The immutable id joins users with another directory, and is what people of a federated domain sign in by: there it is
/// not ours to write.
fn anchor_refused(anchor: &str, mastered_elsewhere: bool, domains: &[Domain]) -> Option<String> {
    if anchor != "onPremisesImmutableId" {
        return None;
    }
    let instead = "choose `employeeId` or `onPremisesExtensionAttributes.extensionAttribute1` to `15` as the anchor of users";
    if mastered_elsewhere {
        return Some(format!("another directory is synchronised into this tenant and joins users by `{anchor}`: {instead}"));
    }
    let federated = domains.iter().find(|domain| domain.verified && domain.federated)?;
    Some(format!("people of the federated domain {} sign in by `{anchor}`: {instead}", federated.name))
}
