//! The server that all ways in are mounted on: `[http]`, and what is said of one of them: `[scim]`.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::place::{Finding, Key};
use super::raw;
use super::watch::is_safe;

/// So many, unless the configuration says otherwise.
const STRANGERS: u32 = 20;

/// Where the service is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// The address to listen at; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// Under which address others know it, without a slash at its end; `None` for that of each request.
    pub public_url: Option<String>,
    /// The proxies whose word counts on where a request comes from.
    pub proxies: BTreeSet<IpAddr>,
    /// What makes connections private; `None` if a proxy on this machine does, or nothing.
    pub tls: Option<TlsConfig>,
    /// How many requests at once one network may send that show nothing good.
    pub strangers: u32,
}

/// What SCIM clients find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScimConfig {
    /// The folder of the site's own schemas and resource types.
    pub schemas: Option<PathBuf>,
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
    let public_url = raw.public_url.map(|url| url.trim_end_matches('/').to_owned());
    if let Some(url) = &public_url
        && !(is_safe(url) && reqwest::Url::parse(url).is_ok_and(|url| url.query().is_none() && url.fragment().is_none()))
    {
        findings
            .push(key.below("public_url").finding("write an address that begins with https://, as in \"https://idp.example\""));
    }
    let mut proxies = BTreeSet::new();
    for proxy in &raw.proxies {
        match proxy.parse::<IpAddr>() {
            Ok(address) => drop(proxies.insert(address)),
            Err(_) => findings.push(key.below("proxies").finding(format!("`{proxy}` is no address, as \"10.0.0.7\" is one"))),
        }
    }
    HttpConfig { listen, public_url, proxies, tls, strangers: raw.strangers.unwrap_or(STRANGERS).max(1) }
}

pub(super) fn scim(raw: raw::Scim, folder: &Path) -> ScimConfig {
    ScimConfig { schemas: raw.schemas.map(|path| folder.join(path)) }
}
