//! When what the application signs in with runs out, from the application object itself.

use entrain_model::{CredentialKind, Credentials, DirectoryError, TargetCredential};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::call::Call;
use crate::classify::Meaning;
use crate::token::rotation;
use crate::{CredentialConfig, Entra, odata};

/// What the application signs in with, as far as the application object can tell of it.
pub(crate) enum SignIn {
    /// A secret; Graph shows its first three characters.
    Secret { client_id: String, hint: String },
    /// Certificates, which say themselves when they end.
    Certificate { client_id: String, own: Vec<TargetCredential> },
    /// The platform vouches for it: nothing runs out that an operator renews.
    Platform,
}

impl SignIn {
    pub(crate) fn of(config: &CredentialConfig) -> Self {
        match config {
            CredentialConfig::Secret { client_id, secret } => {
                Self::Secret { client_id: client_id.clone(), hint: secret.expose_secret().chars().take(3).collect() }
            }
            CredentialConfig::Certificate { client_id, certificates } => {
                let (usable, _) = rotation::read(certificates, 0);
                let own = usable.into_iter().map(|one| one.credential).collect();
                Self::Certificate { client_id: client_id.clone(), own }
            }
            CredentialConfig::ManagedIdentity { .. } | CredentialConfig::WorkloadIdentity { .. } => Self::Platform,
        }
    }
}

impl Entra {
    pub(crate) async fn own_credentials(&self) -> Result<Credentials, DirectoryError> {
        let (client_id, hint, kind) = match &self.sign_in {
            SignIn::Secret { client_id, hint } => (client_id, Some(hint.as_str()), CredentialKind::Secret),
            SignIn::Certificate { own, .. } if !own.is_empty() => return Ok(Credentials::Known(self.last_of(own))),
            SignIn::Certificate { client_id, .. } => (client_id, None, CredentialKind::Certificate),
            SignIn::Platform => return Ok(Credentials::Known(Vec::new())),
        };
        let place = format!("/applications{}?$select=passwordCredentials,keyCredentials", odata::key("appId", client_id));
        let body = match self.client.send(Call::get(place).shown_as("/applications(appId='{client}')")).await {
            Ok(answer) => answer.body,
            Err(refusal) if refusal.meaning == Meaning::Forbidden => {
                let why = "the end of the credential cannot be read: grant the application permission Application.Read.All";
                return Ok(Credentials::NotReadable(why.to_owned()));
            }
            Err(refusal) if refusal.meaning == Meaning::Missing => {
                let why = "the end of the credential cannot be read: the application is registered in another tenant";
                return Ok(Credentials::NotReadable(why.to_owned()));
            }
            Err(refusal) => return Err(refusal.error),
        };
        let list = match kind {
            CredentialKind::Secret => &body["passwordCredentials"],
            CredentialKind::Certificate => &body["keyCredentials"],
        };
        let known: Vec<&Json> = list.as_array().into_iter().flatten().collect();
        // Of several secrets ours is the one that begins as ours does; where none shows its beginning each may be it.
        let is_ours = |item: &&&Json| hint.is_some() && item["hint"].as_str() == hint;
        let ours: Vec<&Json> = known.iter().filter(is_ours).copied().collect();
        let candidates = if ours.is_empty() { known } else { ours };
        Ok(Credentials::Known(candidates.into_iter().filter_map(|item| credential(item, kind)).collect()))
    }

    /// Of several certificates the one that ends last, since with it ends the signing in; of one that is refused nothing depends.
    /// That takes no permission.
    fn last_of(&self, own: &[TargetCredential]) -> Vec<TargetCredential> {
        let over = self.client.passed_over().unwrap_or_default();
        let in_use = own.iter().filter(|one| over.iter().all(|refused| refused.credential.id != one.id));
        in_use.max_by_key(|one| one.expires_at).cloned().into_iter().collect()
    }
}

fn credential(item: &Json, kind: CredentialKind) -> Option<TargetCredential> {
    let end = OffsetDateTime::parse(item["endDateTime"].as_str()?, &Rfc3339).ok()?;
    let id = item["keyId"].as_str()?.to_owned();
    let name = item["displayName"].as_str().filter(|name| !name.is_empty()).unwrap_or(&id).to_owned();
    Some(TargetCredential { id, name, kind, expires_at: end.unix_timestamp().saturating_mul(1000) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use entrain_model::Directory as _;
    use serde_json::json;

    use super::*;
    use crate::testing::{FakeClock, FakeTokens, Say, Script, error};
    use crate::{ClientCertificate, Cloud, EntraConfig};

    fn entra(script: &Arc<Script>, credential: CredentialConfig) -> Entra {
        let mut config = EntraConfig::new("contoso.com", credential, FakeClock::new());
        config.cloud = Cloud::Custom { authority: "https://login.test".into(), graph: "https://graph.test".into() };
        Entra::assemble(config, script.clone(), Arc::new(FakeTokens::default()))
    }

    fn secret() -> CredentialConfig {
        CredentialConfig::Secret { client_id: "app-1".into(), secret: "abcSECRET".into() }
    }

    fn application(hint: Json) -> Json {
        json!({
            "passwordCredentials": [
                { "keyId": "k1", "displayName": "old", "hint": "xyz", "endDateTime": "2026-01-01T00:00:00Z" },
                { "keyId": "k2", "displayName": null, "hint": hint, "endDateTime": "2027-01-15T08:00:00.1234567Z" }
            ],
            "keyCredentials": [{ "keyId": "c1", "displayName": "CN=entrain", "endDateTime": "2027-06-01T00:00:00Z" }]
        })
    }

    fn ids(credentials: Credentials) -> Vec<String> {
        match credentials {
            Credentials::Known(known) => known.into_iter().map(|credential| credential.id).collect(),
            Credentials::NotReadable(why) => panic!("{why}"),
        }
    }

    #[tokio::test]
    async fn the_secret_that_begins_as_ours_is_ours() {
        let script = Script::new(|_| Say::Status(200, application(json!("abc"))));
        let credentials = entra(&script, secret()).credentials().await.unwrap();
        assert_eq!(script.lines(), ["GET /applications(appId='app-1')?$select=passwordCredentials,keyCredentials"]);
        let Credentials::Known(known) = &credentials else { panic!("{credentials:?}") };
        assert_eq!((known.len(), known[0].name.as_str(), known[0].expires_at), (1, "k2", 1_800_000_000_000));
        let script = Script::new(|_| Say::Status(200, application(json!(null))));
        assert_eq!(ids(entra(&script, secret()).credentials().await.unwrap()), ["k1", "k2"], "each may be it");
        let certificate = certificates(&[""]);
        assert_eq!(ids(entra(&script, certificate).credentials().await.unwrap()), ["c1"]);
    }

    fn certificates(pems: &[&str]) -> CredentialConfig {
        let certificate = |pem: &&str| ClientCertificate { place: "here".into(), pem: Ok((*pem).into()) };
        CredentialConfig::Certificate { client_id: "app-1".into(), certificates: pems.iter().map(certificate).collect() }
    }

    #[tokio::test]
    async fn a_certificate_says_itself_when_it_ends_and_of_two_the_last_counts() {
        let ending = |year: i32| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut wanted = rcgen::CertificateParams::new(vec!["entrain.test".into()]).unwrap();
            wanted.not_after = rcgen::date_time_ymd(year, 1, 15);
            format!("{}{}", key.serialize_pem(), wanted.self_signed(&key).unwrap().pem())
        };
        let script = Script::new(|_| panic!("nothing is asked"));
        let both = certificates(&[&ending(2026), &ending(2027)]);
        let Credentials::Known(known) = entra(&script, both).credentials().await.unwrap() else { panic!("not known") };
        assert_eq!((known.len(), known[0].kind, known[0].expires_at), (1, CredentialKind::Certificate, 1_799_971_200_000));
    }

    #[tokio::test]
    async fn what_may_not_be_read_is_no_error() {
        for (say, word) in [
            (error(403, "Authorization_RequestDenied", "Insufficient privileges"), "Application.Read.All"),
            (error(404, "Request_ResourceNotFound", "Resource 'app-1' does not exist"), "another tenant"),
        ] {
            let script = Script::new(move |_| say.clone());
            match entra(&script, secret()).credentials().await.unwrap() {
                Credentials::NotReadable(why) => assert!(why.contains(word), "{why}"),
                known @ Credentials::Known(_) => panic!("{known:?}"),
            }
        }
        let script = Script::new(|_| panic!("nothing is asked"));
        let platform = CredentialConfig::ManagedIdentity { client_id: None };
        assert!(ids(entra(&script, platform).credentials().await.unwrap()).is_empty());
    }
}
