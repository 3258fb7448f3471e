//! The configuration file `entrain.toml`: what it may say, and what the service makes of it.
//!
//! A file is read in three steps: its form (`raw`), its meaning (`check`), and, where a message is needed, the line of the
//! key that is wrong (`place`). Every problem of a file is reported at once.

mod access;
mod anchor;
mod authority;
mod check;
mod check_target;
mod cloud;
mod credential;
mod error;
mod first_password;
mod http;
mod limits;
mod place;
mod raw;
mod schedule;
mod sourced;
mod target;
mod template;
mod traces;
mod watch;

use std::path::Path;

use entrain_store::Approvers;
use secrecy::SecretString;

pub use access::{AccessConfig, OidcConfig, SessionsConfig};
pub use anchor::UserAnchor;
pub use cloud::CloudConfig;
pub use credential::{ClientProof, CredentialConfig};
pub use error::{ConfigError, Problem};
pub use first_password::{DeliverConfig, FirstPasswordConfig, FirstPasswordKind};
pub use http::{HttpConfig, ScimConfig, TlsConfig};
pub use schedule::{DEFAULT_CRON, FullRead, Schedule};
pub use sourced::{Sourced, SourcedError};
pub use target::{Choice, GraphOptions, MappingFiles, Publish, ScopeConfig, ScriptUnreadable, TargetConfig};
pub use template::TEMPLATE;
pub use traces::TracesConfig;
pub(crate) use watch::is_safe;
pub use watch::{AlarmsConfig, AuditConfig, FightConfig, MetricsConfig, WebhookConfig};

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the database is.
    pub store: StoreConfig,
    /// What is logged and how.
    pub log: LogConfig,
    /// How long what of the audit is kept.
    pub audit: AuditConfig,
    /// When an alarm is raised, and who is told.
    pub alarms: AlarmsConfig,
    /// Where figures are to be had.
    pub metrics: MetricsConfig,
    /// Where traces go.
    pub traces: TracesConfig,
    /// How many must approve what the limits hold.
    pub approvers: Approvers,
    /// Where the service is to be had.
    pub http: HttpConfig,
    /// How people come in with their own accounts.
    pub access: AccessConfig,
    /// What SCIM clients find.
    pub scim: ScimConfig,
    /// What opens the secrets in the database.
    pub secrets: SecretsConfig,
    /// The targets, in the order of the file; their names differ.
    pub targets: Vec<TargetConfig>,
}

/// Where the database is.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `sqlite:///path/file.sqlite3` or `postgres://...`; may hold a password, hence may come from elsewhere.
    pub url: Sourced,
}

/// What opens the secrets in the database.
#[derive(Clone, Debug, Default)]
pub struct SecretsConfig {
    /// Where the master key is; `None` for a systemd credential, or the file beside the embedded database.
    pub master_key: Option<Sourced>,
}

/// What is logged and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Filter directives, as in `info,entrain_store=debug`.
    pub level: String,
    /// For people or for machines.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

impl Config {
    /// Reads and checks a file. Paths in it are relative to the folder that it is in.
    ///
    /// No secret is read here: `Sourced::read` does that when the value is needed.
    ///
    /// # Errors
    /// The file cannot be read, or says something wrong: all problems, each with key and line.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable { file: path.display().to_string(), cause })?;
        Config::parse(&text, path)
    }

    /// The same for a text; `path` is shown in messages and gives the folder of relative paths.
    ///
    /// # Errors
    /// As those of [`Config::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        let wrong = |problems: Vec<Problem>| ConfigError::Wrong { file: path.display().to_string(), problems };
        let raw: raw::Config = toml::from_str(text).map_err(|error| wrong(vec![place::problem_of(text, &error)]))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        check::check(raw, folder).map_err(|findings| wrong(place::locate(text, findings)))
    }

    /// The values that are kept in the database: the name of each, and where its text belongs once it was opened.
    pub(crate) fn sealed(&mut self) -> impl Iterator<Item = (&str, &mut Option<SecretString>)> {
        let targets = self.targets.iter_mut().flat_map(|target| {
            let proofs = target.credential.proofs_mut();
            proofs.iter_mut().chain(target.first_password.deliver.as_mut().map(|deliver| &mut deliver.secret))
        });
        let webhooks = self.alarms.webhooks.iter_mut().map(|webhook| &mut webhook.secret);
        let provider = self.access.oidc.iter_mut().filter_map(|oidc| oidc.client_secret.as_mut());
        targets.chain(webhooks).chain(provider).filter_map(|sourced| match sourced {
            Sourced::Sealed(name, opened) => Some((name.as_str(), opened)),
            Sourced::Plain(_) | Sourced::Env(_) | Sourced::File(_) => None,
        })
    }

    /// The target of that name.
    pub fn target(&self, name: &str) -> Option<&TargetConfig> {
        self.targets.iter().find(|target| target.name.as_str() == name)
    }
}

#[cfg(test)]
mod tests;
