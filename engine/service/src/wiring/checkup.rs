//! Whether a target can be worked with: what its configuration makes use of, beside what the tenant grants.

use std::collections::BTreeSet;
use std::sync::Arc;

use entrain_entra::{Checkup, Comparison, Entra, Feature};
use entrain_model::{Clock, Mode};

use super::ConnectError;
use super::connect::entra_config;
use crate::config::{Choice, ClientProof, CredentialConfig, FirstPasswordKind, TargetConfig};

/// Features by what the configuration tells of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Features {
    needed: BTreeSet<Feature>,
    /// Those that depend on what is not in the configuration: the licences of the tenant, the values of the source.
    perhaps: BTreeSet<Feature>,
}

impl Features {
    fn of(config: &TargetConfig) -> Self {
        let mut features = Self { needed: BTreeSet::from([Feature::Read]), perhaps: BTreeSet::from([Feature::Eligible]) };
        if matches!(config.credential, CredentialConfig::Application { proof: ClientProof::Secret(_), .. }) {
            features.perhaps.insert(Feature::SecretExpiry);
        }
        if config.mode == Mode::Observe {
            return features;
        }
        features.needed.insert(Feature::WriteUsers);
        if config.scope.groups == Choice::Include {
            features.needed.insert(Feature::WriteGroups);
        }
        match config.first_password.kind {
            FirstPasswordKind::None => {}
            FirstPasswordKind::Random => drop(features.perhaps.insert(Feature::Reissue)),
            FirstPasswordKind::TemporaryAccessPass => drop(features.needed.insert(Feature::Pass)),
        }
        let clears = config.settings.get("write_leave_date").and_then(serde_json::Value::as_bool) == Some(true);
        if clears { &mut features.needed } else { &mut features.perhaps }.insert(Feature::LeaveDate);
        features
    }
}

/// Looks at everything that runs of this target need, over a connection and with a token of its own; changes nothing.
///
/// # Errors
/// The configuration names a secret or a file that is not there.
pub async fn checkup(config: &TargetConfig, clock: Arc<dyn Clock>) -> Result<Checkup, ConnectError> {
    let features = Features::of(config);
    Ok(entra(config, clock)?.checkup(&features.needed, &features.perhaps).await)
}

/// What the token of this target may, beside what its runs need; `None` if it cannot be read.
///
/// # Errors
/// As of [`checkup`], or there is no token.
pub async fn permissions(config: &TargetConfig, clock: Arc<dyn Clock>) -> Result<Option<Comparison>, ConnectError> {
    let features = Features::of(config);
    Ok(entra(config, clock)?.permissions(&features.needed, &features.perhaps).await?)
}

fn entra(config: &TargetConfig, clock: Arc<dyn Clock>) -> Result<Entra, ConnectError> {
    Ok(Entra::connect(entra_config(config, clock, None)?)?)
}
