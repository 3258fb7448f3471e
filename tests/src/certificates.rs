//! Certificates that sign in, and targets of further tenants that are signed in to with them.

#![expect(clippy::unwrap_used, reason = "for tests alone, where a failure is a panic")]

use entrain_emulator::Running;

/// A certificate with its private key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// What the application is given.
    pub certificate: String,
    /// What stays with us.
    pub key: String,
}

impl Certificate {
    /// One from the beginning of that year on.
    pub fn of(year: i32) -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let mut wanted = rcgen::CertificateParams::new(vec!["entrain.test".into()]).unwrap();
        (wanted.not_before, wanted.not_after) = (rcgen::date_time_ymd(year, 1, 1), rcgen::date_time_ymd(2100, 1, 1));
        Self { certificate: wanted.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }

    /// Both in one text.
    pub fn pem(&self) -> String {
        format!("{}{}", self.key, self.certificate)
    }
}

/// The block of a target of this tenant, whose authority is in `second-ca.pem`, with the rest of its credential.
pub fn target(name: &str, tenant: &Running, credential: &str) -> String {
    let Running { tenant_id, authority_url, base_url, client_id, .. } = tenant;
    format!(
        "[[target]]\nname = \"{name}\"\ntenant = \"{tenant_id}\"\ncloud = \"custom\"\nmode = \"full\"\n\
         endpoints = {{ authority = \"{authority_url}\", graph = \"{base_url}\", ca_file = \"second-ca.pem\" }}\n\
         credential = {{ client_id = \"{client_id}\", {credential} }}\nmapping = {{ users = [\"user.rhai\"] }}\n"
    )
}
