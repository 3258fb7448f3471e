//! The server that all ways in are mounted on: `[http]`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::place::{Finding, Key};
use super::raw;

/// So many, unless the configuration says otherwise.
const STRANGERS: u32 = 20;

/// Where the service is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// The address to listen at; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// What makes connections private; `None` if a proxy on this machine does, or nothing.
    pub tls: Option<TlsConfig>,
    /// How many requests at once one network may send that show nothing good.
    pub strangers: u32,
}

/// The certificate of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate and those between it and its authority, as PEM.
    pub certificate_file: PathBuf,
    /// Its private key, as PEM.
    pub key_file: PathBuf,
}

pub(super) fn http(raw: raw::Http, folder: &Path, findings: &mut Vec<Finding>) -> HttpConfig {
    let key = Key::default().below("http");
    let listen = raw.listen.as_deref().map(str::parse);
    if let Some(Err(_)) = listen {
        findings.push(key.below("listen").finding("write an address and a port, as in \"127.0.0.1:8080\""));
    }
    let listen: Option<SocketAddr> = listen.and_then(Result::ok);
    if listen.is_none() && raw.tls.is_some() && raw.listen.is_none() {
        findings.push(key.below("tls").finding("there is a certificate and no address: write `listen` too"));
    }
    let tls =
        raw.tls.map(|tls| TlsConfig { certificate_file: folder.join(tls.certificate_file), key_file: folder.join(tls.key_file) });
    HttpConfig { listen, tls, strangers: raw.strangers.unwrap_or(STRANGERS).max(1) }
}
