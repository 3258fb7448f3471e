//! `entrain jobs run`: a scheduler of somebody else's has a running service do a job, waits, and learns by the exit code what came of it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use entrain_model::Clock as _;
use entrain_store::RunState;
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::session::Usage;
use super::{Exit, Output};
use crate::jobs::Job;
use crate::wiring::SystemClock;

/// How often it is asked how the run goes.
const LOOK: Duration = Duration::from_secs(1);

/// So many times in a row the service may not answer: it is being restarted.
const PATIENCE: u32 = 300;

/// What can be done with jobs.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Have a running service do a job, and wait for its end; needs no configuration file
    Run(JobArgs),
}

/// Arguments of `jobs run`.
#[derive(Args, Debug)]
pub struct JobArgs {
    /// The job
    #[arg(value_name = "NAME", value_enum)]
    pub job: Job,
    /// The target; it may be left out if the service has only one
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Where the service is, as in `https://entrain.example:8443`
    #[arg(long, value_name = "URL", env = "ENTRAIN_URL")]
    pub url: String,
    /// The id of an access key of an operator, as `entrain access key list` shows it
    #[arg(long, value_name = "ID", env = "ENTRAIN_CLIENT_ID")]
    pub client_id: String,
    /// The key itself, as it was printed once; better in the environment, where no list of processes shows it
    #[arg(long, value_name = "SECRET", env = "ENTRAIN_CLIENT_SECRET", hide_env_values = true)]
    pub client_secret: SecretString,
    /// Trust certificates of this authority too (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// A service elsewhere.
struct Remote {
    client: Client,
    api: String,
    key: SecretString,
}

pub(super) async fn run(command: &JobsCommand, output: &mut Output) -> anyhow::Result<Exit> {
    let JobsCommand::Run(args) = command;
    let remote = Remote::new(args)?;
    let target = match &args.target {
        Some(target) => target.clone(),
        None => remote.only_target().await?,
    };
    // Sent again after a lost answer, the request begins no second run.
    let once = uuid::Uuid::now_v7().to_string();
    let body = json!({ "target": target, "job": args.job });
    let started = match remote.patiently(Method::POST, "runs", Some((&once, &body))).await? {
        (StatusCode::ACCEPTED, started) => started,
        (status, problem) => return refused(status, &problem, output),
    };
    let run = started["run"].as_str().context("the service does not say which run it has begun")?;
    output.line(format_args!("target {target}: {} has begun as run {run}", args.job));
    loop {
        SystemClock.sleep(LOOK).await;
        match remote.patiently(Method::GET, &format!("runs/{run}"), None).await? {
            (StatusCode::OK, said) if said["finished_at"].is_string() => return ended(&said, output),
            (StatusCode::OK, _) => {}
            (status, problem) => return refused(status, &problem, output),
        }
    }
}

impl Remote {
    fn new(args: &JobArgs) -> anyhow::Result<Self> {
        let secret = args.client_secret.expose_secret().trim();
        let whole = format!("entrain_{}_", args.client_id);
        let key = if secret.starts_with("entrain_") { secret.to_owned() } else { format!("{whole}{secret}") };
        if !key.starts_with(&whole) {
            return Err(Usage(format!("--client-secret is not that of the access key {}", args.client_id)).into());
        }
        let mut client = Client::builder().timeout(Duration::from_secs(70)).connect_timeout(Duration::from_secs(10));
        if let Some(file) = &args.ca_file {
            let pem = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
            let authority = reqwest::Certificate::from_pem(&pem);
            client = client.add_root_certificate(authority.with_context(|| format!("{} is no certificate", file.display()))?);
        }
        let api = format!("{}/api/v1/", args.url.trim_end_matches('/'));
        Ok(Self { client: client.build()?, api, key: key.into() })
    }

    /// Asks until there is an answer that is not only for now.
    async fn patiently(&self, method: Method, path: &str, once: Option<(&str, &Json)>) -> anyhow::Result<(StatusCode, Json)> {
        let mut failures = 0;
        loop {
            let passing = match self.ask(method.clone(), path, once).await {
                Ok((StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, problem)) => {
                    anyhow::anyhow!("{}", problem["detail"].as_str().unwrap_or("the service is not ready"))
                }
                Ok((StatusCode::CONFLICT, problem)) if problem["code"] == "under_way" => {
                    anyhow::anyhow!("the run is about to begin")
                }
                Ok(answer) => return Ok(answer),
                Err(error) => error.context(format!("{} does not answer", self.api)),
            };
            failures += 1;
            // Before a run has begun a service that is not there is told at once.
            if failures > PATIENCE || (failures > 5 && once.is_some()) {
                return Err(passing);
            }
            SystemClock.sleep(LOOK).await;
        }
    }

    async fn ask(&self, method: Method, path: &str, once: Option<(&str, &Json)>) -> anyhow::Result<(StatusCode, Json)> {
        let mut request = self.client.request(method, format!("{}{path}", self.api)).bearer_auth(self.key.expose_secret());
        if let Some((key, body)) = once {
            request = request.header("idempotency-key", key).json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        Ok((status, response.json().await.unwrap_or(Json::Null)))
    }

    async fn only_target(&self) -> anyhow::Result<String> {
        let (status, said) = self.patiently(Method::GET, "targets", None).await?;
        let names: Vec<&str> = said["items"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
        match (status, &names[..]) {
            (StatusCode::OK, [one]) => Ok((*one).to_owned()),
            (StatusCode::OK, _) => {
                Err(Usage(format!("name a target with --target; the service has: {}", names.join(", "))).into())
            }
            (status, _) => {
                Err(Usage(format!("the service refuses: {status} {}", said["detail"].as_str().unwrap_or_default())).into())
            }
        }
    }
}

fn ended(run: &Json, output: &mut Output) -> anyhow::Result<Exit> {
    let state: RunState = serde_json::from_value(run["state"].clone()).context("the run stands as this program does not know")?;
    output.line(format_args!("run {}: {}", run["id"].as_str().unwrap_or_default(), state.as_str()));
    for (what, count) in run["counts"].as_object().into_iter().flatten() {
        output.line(format_args!("  {what}: {count}"));
    }
    if let Some(error) = run["report"]["error"].as_str() {
        output.line(format_args!("  {error}"));
    }
    output.object(&json!({ "run": run }));
    Ok(Exit::of_run(state))
}

fn refused(status: StatusCode, problem: &Json, output: &mut Output) -> anyhow::Result<Exit> {
    let detail = problem["detail"].as_str().unwrap_or("no reason is given");
    output.line(format_args!("the service refuses ({status}): {detail}"));
    output.object(&json!({ "refused": problem }));
    Ok(match (status, problem["code"].as_str()) {
        (StatusCode::CONFLICT, Some("halted")) => Exit::Halted,
        (status, _) if status.is_client_error() && status != StatusCode::CONFLICT => Exit::Usage,
        _ => Exit::Failure,
    })
}
