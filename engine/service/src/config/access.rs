//! How people come in with their own accounts: `[access.oidc]` and `[access.sessions]`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use entrain_model::Millis;
use sha2::{Digest as _, Sha256};

use super::place::{Finding, Key};
use super::watch::is_safe;
use super::{HttpConfig, Sourced, raw};
use crate::http::Role;

const MINUTE: Millis = 60_000;

/// How people come in.
#[derive(Clone, Debug)]
pub struct AccessConfig {
    /// The provider that knows them; `None` where only keys open.
    pub oidc: Option<OidcConfig>,
    /// How long they stay.
    pub sessions: SessionsConfig,
}

/// How long a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionsConfig {
    /// It ends when it was not used for so long.
    pub idle: Millis,
    /// It ends after so long, however much it is used.
    pub longest: Millis,
}

/// The identity provider whose accounts people have.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    /// Its name, under which its metadata are to be had.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What proves us to it; a public client has none.
    pub client_secret: Option<Sourced>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that says under which name a person's acts stand in the audit.
    pub name_claim: String,
    /// The claim that says what a person may.
    pub roles_claim: String,
    /// The values of that claim that give a role.
    pub roles: BTreeMap<Role, BTreeSet<String>>,
    /// An authority of certificates that is trusted for it too.
    pub ca_file: Option<PathBuf>,
}

impl OidcConfig {
    /// A digest of who is asked and of what its answers are worth: a role that was given under other rules is none.
    pub fn rules(&self) -> String {
        let rules = format!("{:?}", (&self.issuer, &self.client_id, &self.name_claim, &self.roles_claim, &self.roles));
        Sha256::digest(rules).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

pub(super) fn access(raw: raw::Access, http: &HttpConfig, folder: &Path, findings: &mut Vec<Finding>) -> AccessConfig {
    let key = Key::default().below("access");
    let idle = minutes(raw.sessions.idle_minutes, 30, (1, 1440));
    let longest = minutes(raw.sessions.longest_minutes, 600, (5, 10_080));
    for (name, length) in [("idle_minutes", &idle), ("longest_minutes", &longest)] {
        if let Err(message) = length {
            findings.push(key.below("sessions").below(name).finding(message.clone()));
        }
    }
    let sessions = SessionsConfig { idle: idle.unwrap_or(MINUTE), longest: longest.unwrap_or(MINUTE) };
    AccessConfig { oidc: raw.oidc.and_then(|raw| oidc(raw, &key.below("oidc"), http, folder, findings)), sessions }
}

fn minutes(said: Option<u32>, usual: u32, (least, most): (u32, u32)) -> Result<Millis, String> {
    let minutes = said.unwrap_or(usual);
    if (least..=most).contains(&minutes) {
        return Ok(Millis::from(minutes) * MINUTE);
    }
    Err(format!("write a number from {least} to {most}"))
}

fn oidc(raw: raw::Oidc, key: &Key, http: &HttpConfig, folder: &Path, findings: &mut Vec<Finding>) -> Option<OidcConfig> {
    let before = findings.len();
    let mut wrong = |name: &str, message: &str| findings.push(key.below(name).finding(message));
    if !is_safe(&raw.issuer) || raw.issuer.contains(['?', '#']) {
        wrong(
            "issuer",
            "write its address as it says it itself, as in \"https://login.example\": https://, unless it is on this machine",
        );
    }
    if raw.client_id.trim().is_empty() {
        wrong("client_id", "write what the provider calls this service");
    }
    let roles: BTreeMap<Role, BTreeSet<String>> = raw.roles.into_iter().filter(|(_, values)| !values.is_empty()).collect();
    if roles.values().flatten().any(|value| value.trim().is_empty()) {
        wrong("roles", "an empty value would be a role for people without any: write the values that give it");
    }
    if roles.is_empty() {
        wrong("roles", "nobody would have a role: write the values that give one, as in { operator = [\"idp-operators\"] }");
    }
    if http.public_url.is_none() && http.listen.is_some_and(|address| !address.ip().is_loopback()) {
        wrong("issuer", "people come back to an address that is known beforehand: write `public_url` in [http]");
    }
    let text = |said: Option<String>, usual: &str| said.unwrap_or_else(|| usual.to_owned());
    (findings.len() == before).then(|| OidcConfig {
        issuer: raw.issuer,
        client_id: raw.client_id,
        client_secret: raw.client_secret.map(|secret| secret.within(folder)),
        scopes: raw.scopes.unwrap_or_else(|| vec!["profile".to_owned()]),
        name_claim: text(raw.name_claim, "preferred_username"),
        roles_claim: text(raw.roles_claim, "groups"),
        roles,
        ca_file: raw.ca_file.map(|path| folder.join(path)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigError};
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(&format!("[store]\nurl = \"sqlite:///tmp/none\"\n{text}"), Path::new("/etc/entrain/entrain.toml"))
    }

    fn complaint(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    fn provider(issuer: &str, more: &str) -> String {
        format!("[access.oidc]\nissuer = \"{issuer}\"\nclient_id = \"entrain\"\n{more}\n")
    }

    const ROLES: &str = "roles = { admin = [\"admins\"] }";

    #[test]
    fn a_provider_is_asked_over_https_and_gives_at_least_one_role() {
        let config = parse(&provider("https://login.example", ROLES)).unwrap().access;
        assert_eq!(config.sessions, SessionsConfig { idle: 30 * MINUTE, longest: 600 * MINUTE });
        assert_eq!(config.oidc.unwrap().roles[&Role::Admin], BTreeSet::from(["admins".to_owned()]));
        assert!(parse("").unwrap().access.oidc.is_none());
        for issuer in ["http://login.example", "login.example", "https://login.example/?a=b"] {
            assert!(complaint(&provider(issuer, ROLES)).contains("access.oidc.issuer: write its address"), "{issuer}");
        }
        for roles in ["", "roles = { admin = [] }", "roles = { admin = [\" \"] }"] {
            assert!(complaint(&provider("https://login.example", roles)).contains("access.oidc.roles: "), "{roles}");
        }
        assert!(complaint(&provider("https://login.example", "roles = { root = [\"a\"] }")).contains("root"));
        let open = format!("[http]\nlisten = \"0.0.0.0:8080\"\n{}", provider("https://login.example", ROLES));
        assert!(complaint(&open).contains("write `public_url` in [http]"));
        assert!(complaint("[access.sessions]\nidle_minutes = 0\n").contains("idle_minutes: write a number from 1 to 1440"));
    }

    #[test]
    fn a_role_of_other_rules_is_another() {
        let rules = |more: &str| parse(&provider("https://login.example", more)).unwrap().access.oidc.unwrap().rules();
        assert_eq!(rules(ROLES), rules(ROLES));
        assert_ne!(rules(ROLES), rules("roles = { operator = [\"admins\"] }"));
        assert_ne!(rules(ROLES), rules(&format!("roles_claim = \"other\"\n{ROLES}")));
    }

    #[test]
    fn what_traces_are_sent_with_is_for_the_collector_alone() {
        assert!(parse("[traces]\nendpoint = \"http://collector:4318/v1/traces\"\n").is_ok());
        let with = |address: &str| format!("[traces]\nendpoint = \"{address}\"\nheaders = {{ a = {{ env = \"X\" }} }}\n");
        assert!(parse(&with("https://collector.example/v1/traces")).is_ok());
        assert!(complaint(&with("http://collector:4318/v1/traces")).contains("traces.headers: "));
        assert!(complaint("[traces]\nendpoint = \"collector:4318\"\n").contains("traces.endpoint: "));
        let sealed = "[traces]\nendpoint = \"https://c.example\"\nheaders = { a = { secret = \"x\" } }\n";
        assert!(complaint(sealed).contains("traces.headers: "));
    }
}
