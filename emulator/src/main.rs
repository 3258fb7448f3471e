//! `entrain-emulator`: an Entra tenant on localhost.

use clap::Parser;
use entrain_emulator::{Domain, Emulator, Options, Profile};
use std::io::Write;
use std::path::PathBuf;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// An Entra tenant on localhost: token endpoint, Microsoft Graph v1.0 and a control plane under /_emulator.
#[derive(Debug, Parser)]
#[command(name = "entrain-emulator", version)]
struct Arguments {
    /// Port on 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// Folder for the certificate authority: ca.pem is written there, an existing one is used again
    #[arg(long, value_name = "DIR")]
    ca_dir: Option<PathBuf>,
    /// File that receives every request as a line of JSON
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Short name of the tenant: NAME.onmicrosoft.com is always a verified domain. May be repeated for further tenants
    #[arg(long = "tenant", alias = "tenant-name", value_name = "NAME", default_value = "contoso")]
    tenants: Vec<String>,
    /// Port on 127.0.0.1 for the managed identity endpoints, over plain HTTP; 0 picks a free one
    #[arg(long, value_name = "PORT")]
    imds_port: Option<u16>,
    /// Id of the tenant; follows from the seed by default
    #[arg(long, value_name = "GUID")]
    tenant_id: Option<Uuid>,
    /// Verified domain; the first one is the default domain. May be repeated
    #[arg(long = "domain", value_name = "DOMAIN", default_value = "contoso.example")]
    domains: Vec<String>,
    /// Verified domain whose users sign in elsewhere. May be repeated
    #[arg(long = "federated-domain", value_name = "DOMAIN")]
    federated: Vec<String>,
    /// Client id of the application; follows from the seed by default
    #[arg(long, value_name = "GUID")]
    client_id: Option<Uuid>,
    /// Client secret of the application; follows from the seed by default
    #[arg(long, value_name = "TEXT", env = "EMULATOR_CLIENT_SECRET")]
    client_secret: Option<String>,
    /// PEM file of a certificate that may sign client assertions. May be repeated
    #[arg(long = "certificate", value_name = "FILE")]
    certificates: Vec<PathBuf>,
    /// Lifetime of tokens in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3599)]
    token_lifetime: u64,
    /// Objects on a page of a delta query
    #[arg(long, value_name = "N", default_value_t = 200)]
    delta_page: usize,
    /// References on a page of a delta query
    #[arg(long, value_name = "N", default_value_t = 5000)]
    delta_links: usize,
    /// Requests kept in memory for /_emulator/log
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    log_kept: usize,
    /// Conditions: ideal (no limits, no lag, no loss), typical, or hostile (the worst that has been seen)
    #[arg(long, value_name = "NAME", default_value = "typical")]
    profile: Profile,
    /// Changes to the profile as JSON, such as {"throttling":{"writes":300}}; GET /_emulator/conditions shows all numbers
    #[arg(long, value_name = "JSON", value_parser = json)]
    conditions: Option<serde_json::Value>,
    /// Seconds of the tenant that pass in one second: tokens, quotas, lags and Retry-After are all in the tenant's time
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    clock_rate: f64,
    /// Time stands still at this moment (2026-01-31T10:00:00Z) but for what POST /_emulator/clock/advance adds: a run repeats exactly
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    clock_start: Option<i64>,
    /// Behaviour by choice as JSON, such as {"immutableIdClear":true}; GET /_emulator/switches shows all of it
    #[arg(long, value_name = "JSON", value_parser = members)]
    switches: Option<Members>,
    /// Directory synchronisation is on
    #[arg(long)]
    directory_sync: bool,
    /// Registered directory extension, such as extension_0123456789abcdef0123456789abcdef_shoe; a type may follow (:Integer, :String[]).
    /// May be repeated
    #[arg(long = "extension", value_name = "NAME")]
    extensions: Vec<String>,
    /// Application permission of the application, in place of the usual ones; empty: none at all. May be repeated
    #[arg(long = "role", value_name = "PERMISSION")]
    roles: Vec<String>,
    /// Seed of all ids, and of chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

type Members = serde_json::Map<String, serde_json::Value>;

fn json(text: &str) -> serde_json::Result<serde_json::Value> {
    serde_json::from_str(text)
}

fn members(text: &str) -> serde_json::Result<Members> {
    serde_json::from_str(text)
}

/// The unix milliseconds of a moment.
fn moment(text: &str) -> Result<i64, String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map_err(|error| error.to_string())
}

impl Arguments {
    fn options(self) -> anyhow::Result<Options> {
        let managed = self.domains.iter().map(|name| Domain::managed(name));
        let federated = self.federated.iter().map(|name| Domain::federated(name));
        let certificates = self.certificates.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
        let usual = Options::default();
        let roles = if self.roles.is_empty() { usual.roles.clone() } else { self.roles };
        let options = Options {
            port: self.port,
            tenant_id: self.tenant_id,
            tenant_name: self.tenants.first().cloned().unwrap_or_default(),
            more_tenants: self.tenants.into_iter().skip(1).collect(),
            imds_port: self.imds_port,
            domains: managed.chain(federated).collect(),
            client_id: self.client_id,
            client_secret: self.client_secret,
            certificates,
            token_lifetime: self.token_lifetime,
            delta_page: self.delta_page,
            delta_links: self.delta_links,
            seed: self.seed,
            profile: self.profile,
            conditions: self.conditions,
            clock_rate: self.clock_rate,
            clock_start: self.clock_start,
            directory_sync: self.directory_sync,
            extensions: self.extensions,
            roles: roles.into_iter().filter(|role| !role.is_empty()).collect(),
            ca_directory: self.ca_dir,
            log: self.log,
            log_kept: self.log_kept,
            ..usual
        };
        options.switched(self.switches.unwrap_or_default()).map_err(|error| anyhow::anyhow!("the switches: {error}"))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let running = Emulator::start(Arguments::parse().options()?).await?;
    // One line of JSON tells a caller where everything is.
    let ready = serde_json::json!({
        "baseUrl": running.base_url,
        "graphUrl": running.graph_url,
        "authorityUrl": running.authority_url,
        "tenantId": running.tenant_id,
        "clientId": running.client_id,
        "clientSecret": running.client_secret,
        "caPem": running.ca_pem,
        "imdsUrl": running.imds_url,
        "identityHeader": running.identity_header,
    });
    writeln!(std::io::stdout(), "{ready}")?;
    tokio::select! {
        () = running.ended() => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    running.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[allow(clippy::unwrap_used, reason = "a test")]
    async fn conditions_come_by_profile_and_number() {
        let change = r#"{"throttling":{"writes":300}}"#;
        let line = ["emulator", "--port", "0", "--profile", "hostile", "--conditions", change, "--clock-rate", "50"];
        let options = Arguments::parse_from(line).options().unwrap();
        assert!((options.clock_rate - 50.0).abs() < f64::EPSILON);
        let running = Emulator::start(options).await.unwrap();
        let conditions = running.control("GET", "conditions", &serde_json::Value::Null).unwrap();
        assert_eq!((&conditions["profile"], &conditions["throttling"]["writes"]), (&"hostile".into(), &300.0.into()));
        assert_eq!(Arguments::parse_from(["emulator"]).profile, Profile::Typical);
        assert!(Arguments::try_parse_from(["emulator", "--profile", "sunny"]).is_err());
        assert!(Arguments::try_parse_from(["emulator", "--conditions", "{"]).is_err());
    }

    #[tokio::test]
    #[allow(clippy::unwrap_used, reason = "a test")]
    async fn behaviour_is_chosen_at_start() {
        let shoe = "extension_0123456789abcdef0123456789abcdef_shoe:Integer";
        let switches = r#"{"immutableIdClear":true,"tokenLifetime":600}"#;
        let line = [
            "emulator",
            "--port",
            "0",
            "--switches",
            switches,
            "--directory-sync",
            "--extension",
            shoe,
            "--role",
            "User.Read.All",
        ];
        let options = Arguments::parse_from(line).options().unwrap();
        assert_eq!((options.token_lifetime, options.roles.as_slice()), (600, &["User.Read.All".to_owned()][..]));
        let running = Emulator::start(options).await.unwrap();
        let shown = |path: &str| running.control("GET", path, &serde_json::Value::Null).unwrap();
        let switches = shown("switches");
        assert_eq!((&switches["immutableIdClear"], &switches["directorySync"]), (&true.into(), &true.into()));
        assert_eq!(shown("extensions"), serde_json::json!([shoe]));
        for wrong in [r#"{"immutableIdClera":true}"#, r#"{"tokenLifetime":"x"}"#] {
            assert!(Arguments::parse_from(["emulator", "--switches", wrong]).options().is_err(), "{wrong}");
        }
        assert!(Arguments::try_parse_from(["emulator", "--switches", "[]"]).is_err());
        assert!(Arguments::try_parse_from(["emulator", "--clock-start", "yesterday"]).is_err());
        assert!(Arguments::parse_from(["emulator", "--role", ""]).options().unwrap().roles.is_empty());
        let wrong = Arguments::parse_from(["emulator", "--port", "0", "--extension", "shoe"]).options().unwrap();
        assert!(Emulator::start(wrong).await.is_err());
    }

    #[test]
    fn a_tenant_may_be_repeated() {
        let arguments = ["entrain-emulator", "--tenant", "a", "--tenant", "b", "--tenant", "c", "--imds-port", "0"];
        let options = Arguments::try_parse_from(arguments).unwrap().options().unwrap();
        assert_eq!((options.tenant_name.as_str(), options.more_tenants.as_slice()), ("a", &["b".to_owned(), "c".to_owned()][..]));
        assert_eq!(options.imds_port, Some(0));
        let usual = Arguments::try_parse_from(["entrain-emulator"]).unwrap().options().unwrap();
        assert_eq!((usual.tenant_name.as_str(), usual.more_tenants.len()), ("contoso", 0));
    }
}
