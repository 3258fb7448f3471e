//! Signatures of plan files: Ed25519 (RFC 8032) over the SHA-256 of the file, beside it in `FILE.sig` as base64.
//!
//! Keys are PEM files as `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them (RFC 8410).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use sha2::{Digest as _, Sha256};

/// The beginning of every Ed25519 public key in DER (RFC 8410, section 4); the 32 bytes of the key follow.
const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Who may sign plans.
pub(crate) struct PlanKey(UnparsedPublicKey<Vec<u8>>);

impl PlanKey {
    /// Reads a public key.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let no_key =
            |error| anyhow!("{} holds no public key ({error}); `openssl pkey -in KEY -pubout` writes one", path.display());
        let key = SubjectPublicKeyInfoDer::from_pem_file(path).map_err(no_key)?;
        match key.strip_prefix(&PREFIX).filter(|key| key.len() == 32) {
            Some(key) => Ok(Self(UnparsedPublicKey::new(&ED25519, key.to_vec()))),
            None => bail!("{} is no Ed25519 public key; `openssl pkey -in KEY -pubout` writes one", path.display()),
        }
    }
}

/// Signs the file; the signature's own file comes back.
pub(crate) fn sign(file: &Path, key: &Path) -> anyhow::Result<PathBuf> {
    let no_key =
        |error| anyhow!("{} holds no private key ({error}); `openssl genpkey -algorithm ed25519` makes one", key.display());
    let pem = PrivatePkcs8KeyDer::from_pem_file(key).map_err(no_key)?;
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pem.secret_pkcs8_der())
        .map_err(|_| anyhow!("{} is no Ed25519 key; `openssl genpkey -algorithm ed25519` makes one", key.display()))?;
    let signature = pair.sign(&message(file)?);
    let beside = beside(file);
    std::fs::write(&beside, format!("{}\n", STANDARD.encode(signature)))
        .with_context(|| format!("{} cannot be written", beside.display()))?;
    Ok(beside)
}

/// Checks the signature beside the file.
pub(crate) fn verify(file: &Path, key: &PlanKey) -> anyhow::Result<()> {
    let beside = beside(file);
    let text = std::fs::read_to_string(&beside)
        .with_context(|| format!("the plan must be signed, and {} cannot be read", beside.display()))?;
    let signature = STANDARD.decode(text.trim()).with_context(|| format!("{} is no base64", beside.display()))?;
    key.0.verify(&message(file)?, &signature).map_err(|_| {
        anyhow!("the signature of {} is not by the key that may sign plans, or the file was changed", file.display())
    })
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}

/// What is signed. Its beginning keeps a signature from meaning anything else.
fn message(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut hash = Sha256::new();
    let mut buffer = [0; 64 * 1024];
    loop {
        let read = io::Read::read(&mut file, &mut buffer).with_context(|| format!("{} cannot be read", path.display()))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    Ok([b"entrain plan\n".as_slice(), &hash.finalize()].concat())
}
