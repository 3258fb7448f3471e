//! Arguments of `entrain access`.

use clap::{Args, Subcommand};

use crate::http::Role;

/// Who may enter.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Keys of the administrative interface
    #[command(subcommand)]
    Key(KeyCommand),
    /// Tokens of SCIM clients
    #[command(subcommand)]
    Scim(ScimCommand),
}

/// What can be done about keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and show it, once
    Add(KeyAddArgs),
    /// List the keys, without their secrets
    List,
    /// Take a key back, at once
    Revoke(NamedArgs),
    /// Make a second key for the same name and role; the first lives for a while longer
    Rotate(RotateArgs),
}

/// What can be done about tokens of SCIM clients.
#[derive(Debug, Subcommand)]
pub enum ScimCommand {
    /// Make the token of a new client and show it, once
    Add(ScimAddArgs),
    /// List the clients' tokens, without their secrets
    List,
    /// Take a token, or all of a client, back, at once
    Revoke(NamedArgs),
    /// Make a second token for a client; the first lives for a while longer
    Rotate(RotateArgs),
}

/// Arguments of `access key add`.
#[derive(Args, Debug)]
pub struct KeyAddArgs {
    /// Whose key it is: under this name its acts stand in the audit
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it may
    #[arg(long, value_enum)]
    pub role: Role,
    /// Only for this target; may be given several times. Without it the key is for all
    #[arg(long = "target", value_name = "TARGET")]
    pub targets: Vec<String>,
    /// It ends after so many days; without it, when it is revoked
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub expires_days: Option<u32>,
}

/// Arguments of `access scim add`.
#[derive(Args, Debug)]
pub struct ScimAddArgs {
    /// The client's name: under it its changes stand in the audit
    #[arg(value_name = "NAME")]
    pub name: String,
    /// How it speaks, where it does so in its own way
    #[arg(long, value_name = "WORD", default_value = "standard")]
    pub profile: String,
    /// It ends after so many days; without it, when it is revoked
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub expires_days: Option<u32>,
}

/// Arguments of `revoke`.
#[derive(Args, Debug)]
pub struct NamedArgs {
    /// Its id, for one; or the name, for all of that name
    #[arg(value_name = "ID|NAME")]
    pub named: String,
}

/// Arguments of `rotate`.
#[derive(Args, Debug)]
pub struct RotateArgs {
    /// The name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The old one ends after so many hours; 0 ends it at once
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    pub grace_hours: u32,
}
