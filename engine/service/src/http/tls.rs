//! The certificate of the server: read from two files, and again when they change.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};

use super::HttpError;
use crate::config::TlsConfig;

/// What the files said, and how that is spoken.
pub(super) struct Certificate {
    pub(super) digest: [u8; 32],
    pub(super) config: Arc<ServerConfig>,
}

/// What the files say now, told apart from what they said before.
pub(super) fn digest(files: &TlsConfig) -> Option<[u8; 32]> {
    let read = |path: &Path| std::fs::read(path).ok();
    let (certificate, key) = (read(&files.certificate_file)?, read(&files.key_file)?);
    Some(Sha256::new().chain_update(certificate).chain_update([0]).chain_update(key).finalize().into())
}

/// Reads both files.
///
/// # Errors
/// One cannot be read, or they do not belong together.
pub(super) fn load(files: &TlsConfig) -> Result<Certificate, HttpError> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| HttpError::Certificate(path.to_owned(), error.to_string());
    let of_certificate = |error: rustls_pki_types::pem::Error| wrong(&files.certificate_file, &error);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate_file)
        .map_err(of_certificate)?
        .collect::<Result<_, _>>()
        .map_err(of_certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key_file).map_err(|error| wrong(&files.key_file, &error))?;
    let digest = digest(files).ok_or_else(|| wrong(&files.key_file, &"it is gone again"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(|error| wrong(&files.certificate_file, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Certificate { digest, config: Arc::new(config) })
}
