//! Which files a target depends on, and whether they have changed.

use std::path::{Path, PathBuf};

use entrain_model::TargetName;
use entrain_store::Store;
use sha2::{Digest as _, Sha256};

use crate::config::{Config, TargetConfig};
use crate::vault;

/// The configuration file, and the scripts and the credential that a target names, by content.
pub(super) struct Files {
    config: Option<PathBuf>,
    named: Vec<PathBuf>,
    seen: [u8; 32],
}

impl Files {
    /// As they are now.
    pub(super) fn new(config: Option<PathBuf>, target: &TargetConfig) -> Self {
        let scripts = target.mapping.users.iter().chain(&target.mapping.groups).map(PathBuf::as_path);
        let named = scripts.chain(target.credential.files()).map(Path::to_owned).collect();
        let mut files = Self { config, named, seen: [0; 32] };
        files.seen = files.content();
        files
    }

    /// Whether any differs from when this was made.
    pub(super) fn changed(&self) -> bool {
        self.content() != self.seen
    }

    /// The target's block in the configuration file as it is now. A file that is wrong changes nothing.
    pub(super) async fn reread(&self, name: &TargetName, store: &Store) -> Option<TargetConfig> {
        match Config::load(self.config.as_deref()?) {
            Ok(mut config) => {
                vault::unseal(&mut config, store).await;
                config.target(name.as_str()).cloned()
            }
            Err(error) => {
                tracing::error!("the changed configuration is not used: {error}");
                None
            }
        }
    }

    fn content(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for path in self.config.iter().chain(&self.named) {
            // A file that cannot be read now counts as empty: it is another content, and loading says why.
            let content = std::fs::read(path).unwrap_or_default();
            hash.update(content.len().to_be_bytes());
            hash.update(content);
        }
        hash.finalize().into()
    }
}
