//! Which files a target depends on, and whether they have changed.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::config::TargetConfig;

/// The scripts and the credential that a target names, by content.
pub(super) struct Files {
    revision: Option<i64>,
    named: Vec<PathBuf>,
    seen: [u8; 32],
}

impl Files {
    /// As they are now.
    pub(super) fn new(target: &TargetConfig) -> Self {
        let scripts = target.mapping.users.iter().chain(&target.mapping.groups).map(PathBuf::as_path);
        let named: Vec<PathBuf> = scripts.chain(target.credential.files()).map(Path::to_owned).collect();
        Self { revision: target.revision, seen: content(&named), named }
    }

    /// The revision of the configuration that named them.
    pub(super) fn revision(&self) -> Option<i64> {
        self.revision
    }

    /// Whether any differs from when this was made.
    pub(super) fn changed(&self) -> bool {
        content(&self.named) != self.seen
    }
}

/// A digest of what the files say.
pub(super) fn content(files: &[PathBuf]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for path in files {
        // A file that cannot be read now counts as empty: it is another content, and loading says why.
        let content = std::fs::read(path).unwrap_or_default();
        hash.update(content.len().to_be_bytes());
        hash.update(content);
    }
    hash.finalize().into()
}
