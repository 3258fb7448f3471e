//! Starting, stopping and interrupting an emulator.

use crate::afterwards::Afterwards;
use crate::app::{App, Limits};
use crate::auth::{Application, Certificate, Credentials, Secret};
use crate::clock::{Clock, Wall, is_rate};
use crate::conditions::{Conditions, InForce};
use crate::control::{self, Counts, Faults};
use crate::directory::{Tenant, derived, extensions};
use crate::graph::{Windows, Writers};
use crate::log::Log;
use crate::options::{Domain, Options};
use crate::registration;
use crate::server::{Door, Hub, Listener, tls};
use crate::tenants::{Common, Tenants};
use crate::world::{Shared, World};
use anyhow::Context;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// An Entra tenant on localhost.
#[derive(Debug)]
pub struct Emulator;

impl Emulator {
    /// Starts an emulator on 127.0.0.1. It serves on the runtime of the caller.
    ///
    /// # Errors
    /// The port is taken, a certificate holds no RSA key, a file cannot be written, or the conditions are unknown.
    pub async fn start(options: Options) -> anyhow::Result<Running> {
        let tls = tls(options.ca_directory.as_deref())?;
        let socket = bind(options.port).await?;
        let port = socket.local_addr()?.port();
        let machine = match options.imds_port {
            Some(port) => Some(bind(port).await?),
            None => None,
        };
        let imds_url = machine.as_ref().map(TcpListener::local_addr).transpose()?.map(|address| format!("http://{address}"));
        let common = common(&options, port)?;
        let tenants = Tenants::new(options, common)?;
        let hub = Arc::new(Hub { tenants, end: Notify::new() });
        let acceptor = TlsAcceptor::from(tls.config.clone());
        let listener = Listener::start(socket, Door::Tls(acceptor.clone()), hub.clone());
        let machine = machine.map(|socket| Listener::start(socket, Door::Machine, hub.clone()));
        let app = hub.tenants.first();
        Ok(Running {
            base_url: app.base_url.clone(),
            graph_url: app.graph_url.clone(),
            authority_url: app.base_url.clone(),
            tenant_id: app.tenant_id.to_string(),
            client_id: app.client_id.to_string(),
            client_secret: app.client_secret.clone(),
            identity_header: app.identity_header.clone(),
            imds_url,
            ca_pem: tls.ca_pem.clone(),
            port,
            hub,
            acceptor,
            listener: Some(listener),
            _machine: machine,
        })
    }
}

async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

fn id(options: &Options, what: &str) -> uuid::Uuid {
    derived(&[what.as_bytes(), &options.seed.to_le_bytes()])
}

fn common(options: &Options, port: u16) -> anyhow::Result<Common> {
    let wall = options.clock_start.map(Wall::Still).or(options.clock.map(Wall::Goes)).unwrap_or(Wall::MACHINE);
    Ok(Common {
        base_url: format!("https://localhost:{port}"),
        clock: Arc::new(Clock::new(wall, options.clock_rate)),
        signer: Arc::default(),
        log: Arc::new(Log::open(options.log_kept, options.log.as_deref()).context("cannot open the log file")?),
        stats: Arc::default(),
        quotas: Arc::default(),
    })
}

/// One tenant.
///
/// # Errors
/// A certificate holds no RSA key, or an extension is none.
pub(crate) fn app(options: &Options, common: &Common) -> anyhow::Result<App> {
    let base_url = common.base_url.clone();
    let client_secret = options.client_secret.clone();
    let client_secret = client_secret.unwrap_or_else(|| format!("secret~{}", id(options, "secret").simple()));
    let client_id = options.client_id.unwrap_or_else(|| id(options, "client"));
    let app = App {
        tenant_id: options.tenant_id.unwrap_or_else(|| id(options, "tenant")),
        tenant_name: options.tenant_name.clone(),
        client_id,
        graph_url: format!("{base_url}/v1.0"),
        base_url,
        world: Shared::new(world(options)?),
        clock: common.clock.clone(),
        conditions: InForce::new(conditions(options)?),
        quotas: common.quotas.clone(),
        limits: Limits { delta_page: options.delta_page.max(1), delta_links: options.delta_links.max(1) },
        windows: Windows::default(),
        writers: Writers::default(),
        credentials: credentials(options, &client_id.to_string(), &client_secret, common.clock.now())?,
        client_secret,
        identity_header: id(options, "identity header").simple().to_string(),
        signer: common.signer.clone(),
        token_lifetime: AtomicU64::new(options.token_lifetime),
        afterwards: Afterwards::default(),
        log: common.log.clone(),
        stats: common.stats.clone(),
        faults: Faults::new(options.seed),
        seed: options.seed,
        requests: AtomicU64::new(0),
        steps: AtomicU64::new(0),
        sign_ins: AtomicU64::new(0),
        emptied: AtomicI64::new(0),
    };
    registration::show(&app, &client_id.to_string());
    Ok(app)
}

fn conditions(options: &Options) -> anyhow::Result<Conditions> {
    anyhow::ensure!(is_rate(options.clock_rate), "the clock rate is a positive number");
    let profile = Conditions::of(options.profile);
    match &options.conditions {
        Some(change) => profile.with(change.clone()).map_err(|error| anyhow::anyhow!("the conditions: {error}")),
        None => Ok(profile),
    }
}

fn world(options: &Options) -> anyhow::Result<World> {
    let initial = Domain::managed(&format!("{}.onmicrosoft.com", options.tenant_name));
    let domains = options.domains.iter().cloned().chain([initial]).collect();
    let mut tenant = Tenant::new(options.seed);
    tenant.schema.register(&extensions(&options.extensions).map_err(|error| anyhow::anyhow!(error))?);
    Ok(World {
        tenant,
        domains,
        switches: options.switches.clone(),
        directory_sync: options.directory_sync,
        extensions: options.extensions.clone(),
    })
}

fn credentials(options: &Options, client_id: &str, client_secret: &str, now: i64) -> anyhow::Result<Credentials> {
    let certificate = |pem: &String| Certificate::from_pem(pem).context("a certificate of the options holds no RSA key");
    let certificates = options.certificates.iter().map(certificate).collect::<anyhow::Result<Vec<_>>>()?;
    let credentials = Credentials::default();
    let secret = Secret { value: client_secret.to_owned(), name: None, starts: now, expires: None };
    credentials.change(client_id, |application: &mut Application| {
        application.name = Some("Provisioning".to_owned());
        application.secrets.push(secret);
        application.certificates.extend(certificates);
        application.on_this_machine = true;
        application.roles.clone_from(&options.roles);
    });
    Ok(credentials)
}

/// A started emulator. Dropping it stops it.
pub struct Running {
    /// `https://localhost:PORT`.
    pub base_url: String,
    /// The base of Graph: `https://localhost:PORT/v1.0`.
    pub graph_url: String,
    /// The base of the token endpoint: `{authority_url}/{tenant}/oauth2/v2.0/token`.
    pub authority_url: String,
    /// The certificate authority to trust.
    pub ca_pem: String,
    /// The tenant's id.
    pub tenant_id: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
    /// Where the machine's managed identity is answered, over plain HTTP, if [`Options::imds_port`] asked for it: IMDS, and
    /// below `/msi/token` what `IDENTITY_ENDPOINT` names on App Service.
    pub imds_url: Option<String>,
    /// The value of `IDENTITY_HEADER` that goes with it.
    pub identity_header: String,
    port: u16,
    hub: Arc<Hub>,
    acceptor: TlsAcceptor,
    listener: Option<Listener>,
    _machine: Option<Listener>,
}

impl Running {
    /// Closes the port and cuts every connection; the tenant stays.
    pub async fn stop_listening(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.stop().await;
        }
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// Something else has taken the port.
    pub async fn resume_listening(&mut self) -> anyhow::Result<()> {
        if self.listener.is_none() {
            let socket = bind(self.port).await?;
            self.listener = Some(Listener::start(socket, Door::Tls(self.acceptor.clone()), self.hub.clone()));
        }
        Ok(())
    }

    /// Stops for good.
    pub async fn shutdown(mut self) {
        self.stop_listening().await;
    }

    /// Returns when `POST /_emulator/shutdown` was called.
    pub async fn ended(&self) {
        self.hub.end.notified().await;
    }

    /// Sends a request to the control plane without a connection: `control("PUT", "faults", &rules)`.
    /// The query string may follow the path.
    ///
    /// # Errors
    /// The text that the control plane answers with.
    pub fn control(&self, method: &str, path: &str, body: &serde_json::Value) -> Result<serde_json::Value, String> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let method = method.parse().map_err(|_| format!("no method '{method}'"))?;
        let (answer, _) = control::answer(&self.hub.tenants, &method, path, query, body.to_string().as_bytes());
        let body: serde_json::Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        if answer.status < 400 { Ok(body) } else { Err(body["error"].as_str().unwrap_or_default().to_owned()) }
    }

    /// The counts of requests so far.
    pub fn stats(&self) -> Counts {
        self.hub.tenants.first().stats.counts()
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Running({})", self.base_url)
    }
}
