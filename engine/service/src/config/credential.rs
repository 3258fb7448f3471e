//! How the service proves to a tenant who it is.

use std::path::PathBuf;

use super::Sourced;

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

/// What an application shows.
#[derive(Clone, Debug)]
pub enum ClientProof {
    /// A secret.
    Secret(Sourced),
    /// A PEM file with the certificate and its private key.
    Certificate(PathBuf),
}
