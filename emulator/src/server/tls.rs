//! A certificate authority of our own, and a certificate for localhost.

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::Path;
use std::sync::Arc;

/// What the server needs to speak TLS, and what its callers need to trust it.
#[derive(Debug)]
pub(crate) struct Tls {
    /// The configuration of the server: HTTP/2 and HTTP/1.1.
    pub(crate) config: Arc<ServerConfig>,
    /// The authority's certificate.
    pub(crate) ca_pem: String,
}

/// Makes the authority (or takes the one kept in the folder) and a server certificate for localhost and 127.0.0.1.
///
/// # Errors
/// The folder cannot be read or written.
pub(crate) fn tls(folder: Option<&Path>) -> anyhow::Result<Tls> {
    let (params, key, ca_pem) = authority(folder)?;
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate()?;
    let mut server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()])?;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.not_before = date_time_ymd(2020, 1, 1);
    server.not_after = date_time_ymd(2100, 1, 1);
    let certificate = server.signed_by(&server_key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Tls { config: Arc::new(config), ca_pem })
}

fn authority(folder: Option<&Path>) -> anyhow::Result<(CertificateParams, KeyPair, String)> {
    let params = params();
    let Some(folder) = folder else {
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        return Ok((params, key, pem));
    };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let (key_path, pem_path) = (folder.join("ca.key"), folder.join("ca.pem"));
    if let (Ok(key), Ok(pem)) = (std::fs::read_to_string(&key_path), std::fs::read_to_string(&pem_path)) {
        let key = KeyPair::from_pem(&key)
            .with_context(|| format!("{} is not a private key; remove it to make a new one", key_path.display()))?;
        return Ok((params, key, pem));
    }
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    std::fs::write(&key_path, key.serialize_pem()).with_context(|| format!("cannot write {}", key_path.display()))?;
    std::fs::write(&pem_path, &pem).with_context(|| format!("cannot write {}", pem_path.display()))?;
    Ok((params, key, pem))
}

/// The authority's fields. They never change, so that a kept key and certificate still fit together.
fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Entrain emulator CA");
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.serial_number = Some(SerialNumber::from(1u64));
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}
