//! A service that answers over HTTP, with a tenant of its own and one target in it: commands and requests meet the same database.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use entrain::cli::Exit;
use entrain::config::Config;
use entrain::wiring::{Service, SystemClock};
use entrain_emulator::{Emulator, Options, Running};
use entrain_model::Clock as _;
use entrain_store::{GroupRow, SourceChange, Store, UserRow};
use reqwest::{Client, Method, Response};
use serde_json::Value as Json;

use crate::command::{self, Unheard};
use crate::database::{Database, Dialect};

/// The script of the target.
pub const SCRIPT: &str = "#{ userPrincipalName: user.userName, displayName: or_clear(user.displayName), \
                           accountEnabled: user.active, mailNickname: local_part(user.userName), jobTitle: or_clear(user.title) }";

/// The service, its database and its tenant.
pub struct Served {
    /// The database.
    pub database: Database,
    /// The same, opened.
    pub store: Store,
    /// The service.
    pub service: Service,
    /// The tenant.
    pub emulator: Running,
    client: Client,
}

impl Served {
    /// Starts it with so many users in the source, `u0` and so on, and a group `g0` that has none of them; `more` goes to the end of
    /// the target's block. Its first sync is over when this returns.
    ///
    /// # Errors
    /// Something cannot be started.
    pub async fn start(dialect: Dialect, users: usize, more: &str) -> anyhow::Result<Self> {
        let database = Database::new(dialect)?;
        let emulator = Emulator::start(Options::default()).await?;
        let file = configure(&database, &emulator, more)?;
        let clock = Arc::new(SystemClock);
        let config = Config::load(&file)?;
        let store = Store::open(database.url(), clock.clone()).await?.approved_by(config.approvers);
        let mut writer = store.source_writer().await?;
        let user = |n| {
            let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
            row.display_name = Some(format!("User {n}"));
            SourceChange::PutUser(row)
        };
        let group = SourceChange::PutGroup(GroupRow::new("g0", "Group 0"));
        writer.apply(&(0..users).map(user).chain([group]).collect::<Vec<_>>()).await?;
        writer.commit().await?;
        let service = Service::start(&config, Some(&file), store.clone(), clock, Arc::new(Unheard), None).await?;
        let client = Client::builder().timeout(Duration::from_secs(90)).build()?;
        let served = Self { database, store, service, emulator, client };
        served.settle().await?;
        Ok(served)
    }

    /// Waits until no run is under way and nothing is queued.
    async fn settle(&self) -> anyhow::Result<()> {
        for _ in 0..1_200 {
            let runs = self.store.runs(Some(&"test".into()), 50).await?;
            let busy = runs.is_empty() || runs.iter().any(|run| run.finished_at.is_none());
            if !busy && self.store.queue_depth(&"test".into()).await?.rows == 0 {
                return Ok(());
            }
            SystemClock.sleep(Duration::from_millis(25)).await;
        }
        anyhow::bail!("it does not come to rest: {:?}", self.store.runs(None, 5).await?)
    }

    /// Where the service is.
    ///
    /// # Errors
    /// It does not listen.
    pub fn url(&self) -> anyhow::Result<String> {
        let address = self.service.http().context("it does not listen")?;
        Ok(format!("http://127.0.0.1:{}", address.port()))
    }

    /// Runs a command; how it ended and what it said.
    ///
    /// # Errors
    /// Its arguments are wrong.
    pub async fn entrain(&self, words: &[&str]) -> anyhow::Result<(Exit, Json)> {
        command::answer(self.database.folder(), words).await
    }

    /// A new access key.
    ///
    /// # Errors
    /// The command fails.
    pub async fn key(&self, name: &str, words: &[&str]) -> anyhow::Result<String> {
        let (_, said) = self.entrain(&[&["access", "key", "add", name], words].concat()).await?;
        Ok(said["credential"].as_str().with_context(|| format!("no credential in {said}"))?.to_owned())
    }

    /// Sends a request to the administrative interface.
    ///
    /// # Errors
    /// No answer comes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: Option<&Json>,
    ) -> anyhow::Result<Response> {
        let mut request = self.client.request(method, format!("{}/api/v1{path}", self.url()?)).bearer_auth(key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Ok(request.send().await?)
    }

    /// Status and body of an answer.
    ///
    /// # Errors
    /// No answer comes.
    pub async fn ask(&self, method: Method, path: &str, key: &str, body: Option<&Json>) -> anyhow::Result<(u16, Json)> {
        answer(self.send(method, path, key, &[], body).await?).await
    }
}

/// Status and body of an answer; `null` for none.
///
/// # Errors
/// It breaks off.
pub async fn answer(response: Response) -> anyhow::Result<(u16, Json)> {
    let status = response.status().as_u16();
    let text = response.text().await?;
    Ok((status, if text.is_empty() { Json::Null } else { serde_json::from_str(&text).unwrap_or(Json::String(text)) }))
}

fn configure(database: &Database, emulator: &Running, more: &str) -> anyhow::Result<std::path::PathBuf> {
    let folder = database.folder();
    std::fs::write(folder.join("ca.pem"), &emulator.ca_pem)?;
    std::fs::write(folder.join("secret"), &emulator.client_secret)?;
    std::fs::write(folder.join("user.rhai"), SCRIPT)?;
    let text = format!(
        r#"[store]
url = "{}"
[http]
listen = "127.0.0.1:0"
strangers = 100000
[[target]]
name = "test"
tenant = "{}"
cloud = "custom"
mode = "full"
endpoints = {{ authority = "{}", graph = "{}", ca_file = "ca.pem" }}
credential = {{ client_id = "{}", secret = {{ file = "secret" }} }}
mapping = {{ users = ["user.rhai"] }}
{more}
"#,
        database.url(),
        emulator.tenant_id,
        emulator.authority_url,
        emulator.base_url,
        emulator.client_id,
    );
    let file = folder.join("entrain.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}
