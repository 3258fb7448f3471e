//! How the service proves to a tenant who it is.

use std::path::{Path, PathBuf};

use super::check_target::Check;
use super::{Sourced, raw};

/// So many certificates live at once.
const CERTIFICATES: usize = 2;

/// A credential, or where it is.
#[derive(Clone, Debug)]
pub enum CredentialConfig {
    /// An application registration with a proof of its own.
    Application {
        /// The application's (client) id.
        client_id: String,
        /// Its proof.
        proof: ClientProof,
    },
    /// The identity that the machine has from its cloud.
    ManagedIdentity {
        /// Of a user-assigned identity; without it the system-assigned one.
        client_id: Option<String>,
    },
    /// A federated token that the platform (Kubernetes) puts into a file.
    WorkloadIdentity {
        /// The application's id; without it that of the environment.
        client_id: Option<String>,
        /// The file; without it that of the environment.
        token_file: Option<PathBuf>,
    },
}

impl CredentialConfig {
    /// The secrets and certificates that prove it.
    pub(crate) fn proofs(&self) -> &[Sourced] {
        match self {
            CredentialConfig::Application { proof: ClientProof::Secret(secret), .. } => std::slice::from_ref(secret),
            CredentialConfig::Application { proof: ClientProof::Certificates(certificates), .. } => certificates,
            CredentialConfig::ManagedIdentity { .. } | CredentialConfig::WorkloadIdentity { .. } => &[],
        }
    }

    /// The same to be changed.
    pub(super) fn proofs_mut(&mut self) -> &mut [Sourced] {
        match self {
            CredentialConfig::Application { proof: ClientProof::Secret(secret), .. } => std::slice::from_mut(secret),
            CredentialConfig::Application { proof: ClientProof::Certificates(certificates), .. } => certificates,
            CredentialConfig::ManagedIdentity { .. } | CredentialConfig::WorkloadIdentity { .. } => &mut [],
        }
    }

    /// The files among them.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.proofs().iter().filter_map(|proof| match proof {
            Sourced::File(path) => Some(path.as_path()),
            Sourced::Plain(_) | Sourced::Env(_) | Sourced::Sealed(..) => None,
        })
    }
}

/// What an application shows.
#[derive(Clone, Debug)]
pub enum ClientProof {
    /// A secret.
    Secret(Sourced),
    /// Certificates with their private keys, in PEM: one, or two while it is changed.
    Certificates(Vec<Sourced>),
}

impl Check<'_> {
    pub(super) fn credential(&mut self, raw: raw::Credential) -> Option<CredentialConfig> {
        use raw::CredentialType::{Certificate, ManagedIdentity, Secret, WorkloadIdentity};
        let Some(kind) = raw.kind.or_else(|| kind_by_content(&raw)) else {
            self.wrong(
                "credential",
                "say which: secret, certificate_file, certificates, or type = \"managed_identity\" or \"workload_identity\"",
            );
            return None;
        };
        for (key, given, belongs_to) in [
            ("secret", raw.secret.is_some(), Secret),
            ("certificate_file", raw.certificate_file.is_some(), Certificate),
            ("certificates", raw.certificates.is_some(), Certificate),
            ("token_file", raw.token_file.is_some(), WorkloadIdentity),
        ] {
            if given && kind != belongs_to {
                self.wrong(&format!("credential.{key}"), format!("`{key}` does not belong to a credential of this type"));
            }
        }
        match kind {
            Secret => {
                let proof = self.secret(raw.secret).map(ClientProof::Secret);
                self.application(raw.client_id, proof)
            }
            Certificate => {
                let certificates = self.certificates(raw.certificate_file, raw.certificates);
                self.application(raw.client_id, certificates.map(ClientProof::Certificates))
            }
            ManagedIdentity => Some(CredentialConfig::ManagedIdentity { client_id: raw.client_id }),
            WorkloadIdentity => {
                // The platform puts the file there when the service starts; it need not be there now.
                let token_file = raw.token_file.map(|path| self.folder.join(path));
                Some(CredentialConfig::WorkloadIdentity { client_id: raw.client_id, token_file })
            }
        }
    }

    fn required<T>(&mut self, key: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            let last = key.rsplit('.').next().unwrap_or(key);
            self.wrong(key, format!("`{last}` is missing; a credential of this type needs it"));
        }
        value
    }

    fn application(&mut self, client_id: Option<String>, proof: Option<ClientProof>) -> Option<CredentialConfig> {
        let client_id = self.required("credential.client_id", client_id);
        Some(CredentialConfig::Application { client_id: client_id?, proof: proof? })
    }

    fn secret(&mut self, secret: Option<Sourced>) -> Option<Sourced> {
        let secret = self.required("credential.secret", secret)?;
        self.elsewhere("credential.secret", secret)
    }

    /// One or two; a file must be there now.
    fn certificates(&mut self, file: Option<PathBuf>, several: Option<Vec<Sourced>>) -> Option<Vec<Sourced>> {
        let several = match (file, several) {
            (file, None) => {
                let key = "credential.certificate_file";
                return Some(vec![Sourced::File(self.required(key, file).map(|path| self.file(key, &path))?)]);
            }
            (None, Some(several)) => several,
            (Some(_), Some(_)) => {
                self.wrong("credential.certificates", "name `certificate_file` or `certificates`, not both");
                return None;
            }
        };
        if !(1..=CERTIFICATES).contains(&several.len()) {
            self.wrong("credential.certificates", "name one certificate, or two while it is changed");
        }
        let several = several.into_iter().map(|one| self.elsewhere("credential.certificates", one));
        let several: Vec<Sourced> = several.collect::<Option<_>>()?;
        for one in &several {
            if let Sourced::File(path) = one {
                self.file("credential.certificates", path);
            }
        }
        Some(several)
    }

    fn elsewhere(&mut self, key: &str, secret: Sourced) -> Option<Sourced> {
        match secret {
            Sourced::Plain(_) => {
                self.wrong(
                    key,
                    "a secret does not stand in this file: name its place, { env = \"NAME\" }, { file = \"PATH\" } or { secret = \"NAME\" }",
                );
                None
            }
            elsewhere @ (Sourced::Env(_) | Sourced::File(_) | Sourced::Sealed(..)) => Some(elsewhere.within(self.folder)),
        }
    }
}

/// A proof that is given says what sort of credential it belongs to.
fn kind_by_content(raw: &raw::Credential) -> Option<raw::CredentialType> {
    let certificate = raw.certificate_file.is_some() || raw.certificates.is_some();
    match &raw.secret {
        Some(_) => Some(raw::CredentialType::Secret),
        None => certificate.then_some(raw::CredentialType::Certificate),
    }
}
