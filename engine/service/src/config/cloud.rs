//! Which cloud a tenant is in.

use std::path::PathBuf;

/// A cloud: where tokens come from, and where the directory answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CloudConfig {
    /// The public cloud.
    #[default]
    Global,
    /// US Government (GCC High).
    UsGovernment,
    /// US Government, Department of Defense.
    UsGovernmentDod,
    /// Operated by 21Vianet.
    China,
    /// Any other, such as a rehearsal on this machine.
    Custom {
        /// Base URL of the authority that gives tokens.
        authority: String,
        /// Base URL of the directory's interface.
        graph: String,
        /// PEM file of the certificate authority that both are signed by, where the system does not trust it.
        ca_file: Option<PathBuf>,
    },
}

impl CloudConfig {
    /// The word of the configuration.
    pub fn as_str(&self) -> &'static str {
        match self {
            CloudConfig::Global => "global",
            CloudConfig::UsGovernment => "us-government",
            CloudConfig::UsGovernmentDod => "us-government-dod",
            CloudConfig::China => "china",
            CloudConfig::Custom { .. } => "custom",
        }
    }
}
