//! What must be known of a tenant before the first call.

use std::fmt;
use std::sync::Arc;

use entrain_model::{Clock, Delivery};
use secrecy::SecretString;

use crate::Observer;

/// One tenant: where it is, how to sign in, and the choices that concern Graph alone.
#[derive(Clone)]
pub struct EntraConfig {
    /// The tenant's id (a GUID) or one of its domain names.
    pub tenant: String,
    /// The cloud in which the tenant lives.
    pub cloud: Cloud,
    /// How to sign in.
    pub credential: CredentialConfig,
    /// Certificates, in PEM, that are trusted. In a custom cloud only these; elsewhere these besides those of the system.
    pub ca_pem: Option<Vec<u8>>,
    /// The attribute that carries the anchor of a user: `onPremisesImmutableId`, `employeeId`, or
    /// `onPremisesExtensionAttributes.extensionAttribute1` to `15`.
    pub anchor_users: String,
    /// How many bulk additions of members or owners go into one `$batch`. More than five make Graph refuse some with 503.
    pub bind_batch: usize,
    /// What the application may use in this tenant.
    pub quota: Quota,
    /// How many calls may be on the wire at once, reads and writes counted apart; one more where somebody loses access.
    pub concurrency: usize,
    /// How often a call is sent at most, the first time included.
    pub attempts: u32,
    /// Whether the mapping may write `mail`, which adds an SMTP address and cannot be taken back.
    pub write_mail: bool,
    /// Whether the mapping may write `employeeHireDate`, which some tenants refuse to an application.
    pub write_hire_date: bool,
    /// What new users sign in with the first time.
    pub first: FirstCredential,
    /// Who is told these credentials; `None`: nobody.
    pub delivery: Option<Arc<dyn Delivery>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who is told of each request.
    pub observer: Option<Arc<dyn Observer>>,
}

impl EntraConfig {
    /// A tenant of the global cloud, with the defaults.
    pub fn new(tenant: impl Into<String>, credential: CredentialConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            tenant: tenant.into(),
            cloud: Cloud::Global,
            credential,
            ca_pem: None,
            anchor_users: "onPremisesImmutableId".to_owned(),
            bind_batch: 5,
            quota: Quota::default(),
            concurrency: 8,
            attempts: 6,
            write_mail: false,
            write_hire_date: true,
            first: FirstCredential::default(),
            delivery: None,
            clock,
            observer: None,
        }
    }
}

/// What new users sign in with the first time. In a federated domain they need nothing, and get nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstCredential {
    /// Nothing: users of managed domains are not made.
    None,
    /// A password that is drawn at the call and must be changed at once.
    #[default]
    Password,
    /// A Temporary Access Pass. The password that Entra ID demands besides is told nobody.
    Pass {
        /// How long it is good for.
        minutes: u32,
        /// How often.
        uses: PassUses,
    },
}

/// How often a Temporary Access Pass can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PassUses {
    /// Once.
    #[default]
    Once,
    /// Until it runs out.
    Many,
}

/// What one application may use in one tenant (Graph documentation, "Identity and access service limits").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Writes in 150 seconds.
    pub writes: u32,
    /// Resource units in 10 seconds.
    pub units: u32,
}

impl Default for Quota {
    /// What is published for the smallest tenants.
    fn default() -> Self {
        Self { writes: 3000, units: 3500 }
    }
}

impl fmt::Debug for EntraConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraConfig")
            .field("tenant", &self.tenant)
            .field("cloud", &self.cloud)
            .field("credential", &self.credential)
            .field("anchor_users", &self.anchor_users)
            .finish_non_exhaustive()
    }
}

/// Where a tenant lives. Tokens of one cloud are worth nothing in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// The worldwide cloud, and GCC.
    Global,
    /// US Government L4 (GCC High).
    UsGovernment,
    /// US Government L5 (DoD).
    UsGovernmentDod,
    /// China, operated by 21Vianet.
    China,
    /// Another place that speaks the same protocols. Both are roots of HTTPS URLs, for instance `https://localhost:8443`.
    Custom {
        /// Where tokens come from.
        authority: String,
        /// Where Graph is; `/v1.0` is added.
        graph: String,
    },
}

impl Cloud {
    /// The cloud of that name: `global`, `us_government`, `us_government_dod`, `china`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "global" => Some(Cloud::Global),
            "us_government" => Some(Cloud::UsGovernment),
            "us_government_dod" => Some(Cloud::UsGovernmentDod),
            "china" => Some(Cloud::China),
            _ => None,
        }
    }

    /// The root of the token endpoint.
    pub(crate) fn authority(&self) -> &str {
        match self {
            Cloud::Global => "https://login.microsoftonline.com",
            Cloud::UsGovernment | Cloud::UsGovernmentDod => "https://login.microsoftonline.us",
            Cloud::China => "https://login.partner.microsoftonline.cn",
            Cloud::Custom { authority, .. } => authority.trim_end_matches('/'),
        }
    }

    /// The root of Graph, which is also the audience of its tokens.
    pub(crate) fn graph(&self) -> &str {
        match self {
            Cloud::Global => "https://graph.microsoft.com",
            Cloud::UsGovernment => "https://graph.microsoft.us",
            Cloud::UsGovernmentDod => "https://dod-graph.microsoft.us",
            Cloud::China => "https://microsoftgraph.chinacloudapi.cn",
            Cloud::Custom { graph, .. } => {
                let root = graph.trim_end_matches('/');
                root.strip_suffix("/v1.0").unwrap_or(root)
            }
        }
    }
}

/// How the application signs in. Secrets never show in debug output.
#[derive(Clone, Debug)]
pub enum CredentialConfig {
    /// A client secret.
    Secret {
        /// The application's id.
        client_id: String,
        /// The secret's value (not its id).
        secret: SecretString,
    },
    /// Certificates: the newest that is valid signs in, and another one while the tenant refuses it.
    Certificate {
        /// The application's id.
        client_id: String,
        /// At least one.
        certificates: Vec<ClientCertificate>,
    },
    /// The identity of the machine, where Azure gives it one.
    ManagedIdentity {
        /// Which, if there are several.
        client_id: Option<String>,
    },
    /// A federated token in a file (Kubernetes). What is not given is read from `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and
    /// `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity {
        /// The application's id.
        client_id: Option<String>,
        /// The file with the token.
        token_file: Option<std::path::PathBuf>,
    },
}

/// A certificate with its private key.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// Where it comes from, as operators know it.
    pub place: String,
    /// Private key (RSA, unencrypted) and certificate, both PEM, in one text and in any order; or why there is none.
    pub pem: Result<SecretString, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custom_cloud_is_named_by_its_roots() {
        let cloud = Cloud::Custom { authority: "https://a:1/".into(), graph: "https://g:2/v1.0/".into() };
        assert_eq!((cloud.authority(), cloud.graph()), ("https://a:1", "https://g:2"));
    }

    #[test]
    fn clouds_are_found_by_name() {
        assert_eq!(
            Cloud::named("china").map(|c| c.graph().to_owned()).as_deref(),
            Some("https://microsoftgraph.chinacloudapi.cn")
        );
        assert_eq!(Cloud::named("moon"), None);
    }
}
