//! From one `[[target]]` block to a target that can run.

use std::sync::Arc;

use entrain_entra::{
    ClientCertificate, Cloud, CredentialConfig as EntraCredential, Entra, EntraConfig, FirstCredential, Observer, PassUses, Quota,
};
use entrain_mapping::{Limits, Mapping, MappingError, Script};
use entrain_model::{Clock, Directory, DirectoryError, Kind, Policy, Relation, SourceId};
use entrain_store::StoreError;
use entrain_sync::{ScopeRules, Target, TargetChoice, Timing};
use sha2::{Digest as _, Sha256};

use crate::config::{
    Choice, ClientProof, CloudConfig, CredentialConfig, FirstPasswordConfig, FirstPasswordKind, ScriptUnreadable, Sourced,
    SourcedError, TargetConfig,
};
use crate::handover::{HandoverError, Messenger};

/// A target with the connection beneath it.
pub struct Connected {
    /// For the engine.
    pub target: Arc<Target>,
    /// The connection itself, for its traffic counters.
    pub entra: Arc<Entra>,
}

/// Why a target cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A script or predicate does not compile. The target is halted until it does.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// A secret is not where the configuration says.
    #[error(transparent)]
    Secret(#[from] SourcedError),
    /// A file cannot be read.
    #[error("{0}")]
    File(String),
    /// The credential or a certificate is not usable.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// First passwords cannot be handed over as the configuration says.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ScriptUnreadable> for ConnectError {
    fn from(error: ScriptUnreadable) -> Self {
        ConnectError::File(error.to_string())
    }
}

/// Reads secrets and the scripts as they are on disk, compiles, and prepares the connection. Makes no call.
pub fn connect(
    config: &TargetConfig,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
) -> Result<Connected, ConnectError> {
    connect_with(config, &config.scripts()?, clock, observer)
}

/// The same with these scripts.
pub fn connect_with(
    config: &TargetConfig,
    scripts: &[Script],
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
) -> Result<Connected, ConnectError> {
    let mapping = compile(config, scripts)?;
    let entra = Arc::new(Entra::connect(entra_config(config, clock, observer)?)?);
    let schema = entra.schema();
    let target = Target {
        name: config.name.clone(),
        mode: config.mode,
        policy: Policy { ..config.policy(Vec::new()) },
        limits: config.limits.clone(),
        scope: scope(config),
        user_keys: config.match_keys(Kind::User, schema).to_vec(),
        group_keys: config.match_keys(Kind::Group, schema).to_vec(),
        mapping,
        settings: Arc::new(config.settings.clone()),
        relations: vec![Relation::Member, Relation::Owner, Relation::Manager],
        config_digest: digest(config),
        timing: Timing { settling: config.settling, ..Timing::default() },
        directory: Arc::<Entra>::clone(&entra),
    };
    Ok(Connected { target: Arc::new(target), entra })
}

/// Compiles scripts with the scope's predicates of the target.
pub fn compile(config: &TargetConfig, scripts: &[Script]) -> Result<Arc<Mapping>, MappingError> {
    Ok(Arc::new(Mapping::compile(scripts, &config.scope_rules(), Limits::default())?))
}

fn scope(config: &TargetConfig) -> ScopeRules {
    let choice = |choice: Choice| match choice {
        Choice::Include => TargetChoice::Include,
        Choice::Exclude => TargetChoice::Exclude,
    };
    ScopeRules {
        group: config.scope.group.as_deref().map(SourceId::from),
        service_accounts: choice(config.scope.service_accounts),
        groups: choice(config.scope.groups),
    }
}

/// A digest over all that decides what a run does. Secrets are named in it by their place alone.
fn digest(config: &TargetConfig) -> String {
    let text = format!(
        "{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{}",
        config.tenant,
        config.cloud,
        config.credential,
        config.anchor,
        config.scope,
        config.user_removal,
        config.group_removal,
        config.protected,
        config.authority,
        config.first_password,
        config.limits,
        config.user_keys,
        config.group_keys,
        config.settings
    );
    Sha256::digest(text).iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn entra_config(
    config: &TargetConfig,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
) -> Result<EntraConfig, ConnectError> {
    let mut entra = EntraConfig::new(config.tenant.clone(), credential(&config.credential)?, clock);
    let (cloud, ca_pem) = cloud(&config.cloud)?;
    entra.cloud = cloud;
    entra.ca_pem = ca_pem;
    entra.anchor_users = config.anchor.path();
    entra.concurrency = config.graph.concurrency;
    entra.bind_batch = config.graph.binds_per_batch;
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    entra.quota = Quota { writes: number(config.graph.writes_per_150_seconds), units: number(config.graph.units_per_10_seconds) };
    entra.write_mail = config.settings.get("write_mail").and_then(serde_json::Value::as_bool).unwrap_or(false);
    entra.observer = observer;
    entra.first = first(&config.first_password);
    entra.delivery = match &config.first_password.deliver {
        None => None,
        Some(deliver) => Some(Arc::new(Messenger::new(config.name.clone(), deliver, Arc::clone(&entra.clock))?)),
    };
    Ok(entra)
}

fn first(config: &FirstPasswordConfig) -> FirstCredential {
    match config.kind {
        FirstPasswordKind::None => FirstCredential::None,
        FirstPasswordKind::Random => FirstCredential::Password,
        FirstPasswordKind::TemporaryAccessPass => FirstCredential::Pass {
            minutes: config.lifetime_minutes,
            uses: if config.usable_once { PassUses::Once } else { PassUses::Many },
        },
    }
}

fn cloud(config: &CloudConfig) -> Result<(Cloud, Option<Vec<u8>>), ConnectError> {
    Ok(match config {
        CloudConfig::Global => (Cloud::Global, None),
        CloudConfig::UsGovernment => (Cloud::UsGovernment, None),
        CloudConfig::UsGovernmentDod => (Cloud::UsGovernmentDod, None),
        CloudConfig::China => (Cloud::China, None),
        CloudConfig::Custom { authority, graph, ca_file } => {
            let ca = ca_file.as_deref().map(read).transpose()?;
            (Cloud::Custom { authority: authority.clone(), graph: graph.clone() }, ca)
        }
    })
}

fn credential(config: &CredentialConfig) -> Result<EntraCredential, ConnectError> {
    Ok(match config {
        CredentialConfig::Application { client_id, proof: ClientProof::Secret(secret) } => {
            EntraCredential::Secret { client_id: client_id.clone(), secret: secret.read("the client secret")? }
        }
        CredentialConfig::Application { client_id, proof: ClientProof::Certificates(certificates) } => {
            EntraCredential::Certificate {
                client_id: client_id.clone(),
                certificates: certificates.iter().map(certificate).collect(),
            }
        }
        CredentialConfig::ManagedIdentity { client_id } => EntraCredential::ManagedIdentity { client_id: client_id.clone() },
        CredentialConfig::WorkloadIdentity { client_id, token_file } => {
            EntraCredential::WorkloadIdentity { client_id: client_id.clone(), token_file: token_file.clone() }
        }
    })
}

/// One that is not where the configuration says is passed over: another one may sign in.
fn certificate(sourced: &Sourced) -> ClientCertificate {
    let pem = sourced.read("a certificate with its private key").map_err(|error| error.to_string());
    ClientCertificate { place: sourced.to_string(), pem }
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(path).map_err(|error| ConnectError::File(format!("{} cannot be read: {error}", path.display())))
}
