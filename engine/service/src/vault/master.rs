//! The master key: 32 bytes in base64, never in the database.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

use super::VaultError;
use super::seal::{KEY_LEN, Key};
use crate::config::Sourced;

/// The name of the credential that systemd hands over.
const CREDENTIAL: &str = "entrain-master-key";

/// Whether the key may be made if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// Nothing was ever sealed.
    Make,
    /// Something was, with the key that is not there.
    Refuse,
}

/// Reads the key: from where the configuration says, from systemd, or from the file beside the embedded database.
pub(super) fn load(configured: Option<&Sourced>, database: &str, absent: Absent) -> Result<Key, VaultError> {
    if let Some(sourced) = configured {
        if let Sourced::File(path) = sourced {
            private(path)?;
        }
        return key(&sourced.read("the master key")?, &sourced.to_string());
    }
    if let Some(path) = handed_over().filter(|path| path.is_file()) {
        return from_file(&path);
    }
    let path = beside(database).ok_or(VaultError::NoMaster)?;
    match (path.exists(), absent) {
        (true, _) => {
            private(&path)?;
            from_file(&path)
        }
        (false, Absent::Make) => make(&path),
        (false, Absent::Refuse) => Err(VaultError::Lost(path)),
    }
}

/// Reads a key from a file that is for its owner alone.
pub(super) fn from_private_file(path: &Path) -> Result<Key, VaultError> {
    private(path)?;
    from_file(path)
}

fn from_file(path: &Path) -> Result<Key, VaultError> {
    key(&Sourced::File(path.to_owned()).read("the master key")?, &path.display().to_string())
}

fn handed_over() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join(CREDENTIAL))
}

/// The file beside an embedded database.
fn beside(database: &str) -> Option<PathBuf> {
    let path = database.strip_prefix("sqlite:")?.split('?').next()?;
    Some(PathBuf::from(format!("{}.key", path.strip_prefix("//").unwrap_or(path))))
}

fn private(path: &Path) -> Result<(), VaultError> {
    let metadata = std::fs::metadata(path).map_err(|error| VaultError::File(path.to_owned(), error))?;
    if metadata.permissions().mode() & 0o077 == 0 { Ok(()) } else { Err(VaultError::Readable(path.to_owned())) }
}

fn key(text: &SecretString, place: &str) -> Result<Key, VaultError> {
    let bytes = STANDARD.decode(text.expose_secret().trim()).ok().map(secrecy::SecretSlice::from);
    bytes.and_then(|bytes| Key::new(bytes.expose_secret())).ok_or_else(|| VaultError::NoKey(place.to_owned()))
}

fn make(path: &Path) -> Result<Key, VaultError> {
    let mut bytes = [0; KEY_LEN];
    aws_lc_rs::rand::fill(&mut bytes)?;
    let failed = |error| VaultError::File(path.to_owned(), error);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            writeln!(file, "{}", STANDARD.encode(bytes)).and_then(|()| file.sync_all()).map_err(failed)?;
            tracing::warn!(file = %path.display(), "a master key was made: back it up apart from the database, which is no use without it");
            from_file(path)
        }
        // Another process was faster.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => from_file(path),
        Err(error) => Err(failed(error)),
    }
}
