//! The two processes of a benchmark, and what the operating system says of the engine's memory.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A release binary that was built beside this one.
pub(crate) fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.exists() { Ok(path) } else { bail!("{} is not built; run tests/bench", path.display()) }
}

/// An emulator in its own process; it ends with this value.
pub(crate) struct Emulator {
    child: Child,
    client: reqwest::Client,
    /// What it printed when it was ready.
    pub(crate) ready: Json,
}

impl Emulator {
    /// Starts it, and waits for the line of JSON that says where it is.
    pub(crate) async fn start(folder: &Path, options: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(binary("entrain-emulator")?)
            .args(["--port", "0", "--ca-dir"])
            .arg(folder)
            .args(options)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let line = lines.next_line().await?.context("the emulator ended before it was ready")?;
        let ready: Json = serde_json::from_str(&line).with_context(|| format!("the emulator said: {line}"))?;
        let ca = std::fs::read(folder.join("ca.pem"))?;
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&ca)?])
            .timeout(Duration::from_secs(60))
            .build()?;
        Ok(Self { child, client, ready })
    }

    /// A text that it printed when it was ready.
    pub(crate) fn said(&self, key: &str) -> anyhow::Result<String> {
        Ok(self.ready.get(key).and_then(Json::as_str).with_context(|| format!("no {key} in {}", self.ready))?.to_owned())
    }

    /// Asks its control plane.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Json> {
        let url = format!("{}/_emulator/{path}", self.said("baseUrl")?);
        Ok(self.client.get(url).send().await?.error_for_status()?.json().await?)
    }

    /// HTTP requests to Graph (a batch is one) and writes (each of a batch is one).
    pub(crate) async fn traffic(&self) -> anyhow::Result<(u64, u64)> {
        let stats = self.get("stats").await?;
        let number = |key: &str| stats.get(key).and_then(Json::as_u64).with_context(|| format!("no {key} in {stats}"));
        Ok((number("requests")?, number("writes")?))
    }

    /// Changes a setting of it.
    pub(crate) async fn patch(&self, path: &str, body: &Json) -> anyhow::Result<()> {
        let url = format!("{}/_emulator/{path}", self.said("baseUrl")?);
        let answer = self.client.patch(url).json(body).send().await?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { bail!("{path}: {status} {}", answer.text().await?) }
    }

    /// Tells its control plane.
    pub(crate) async fn post(&self, path: &str, body: &Json) -> anyhow::Result<()> {
        let url = format!("{}/_emulator/{path}", self.said("baseUrl")?);
        self.client.post(url).json(body).send().await?.error_for_status()?;
        Ok(())
    }
}

impl Emulator {
    /// A token of its application.
    pub(crate) async fn token(&self) -> anyhow::Result<String> {
        let url = format!("{}/{}/oauth2/v2.0/token", self.said("authorityUrl")?, self.said("tenantId")?);
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={}/.default",
            self.said("clientId")?,
            self.said("clientSecret")?,
            self.said("baseUrl")?
        );
        let request = self.client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer: Json = request.send().await?.error_for_status()?.json().await?;
        Ok(answer["access_token"].as_str().context("no token")?.to_owned())
    }

    /// The bytes of an answer of Graph.
    pub(crate) async fn page(&self, url: &str, token: &str) -> anyhow::Result<Vec<u8>> {
        let answer = self.client.get(url).bearer_auth(token).send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }

    /// Processor time that it used so far.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let process = self.child.id().context("the emulator has ended")?;
        Ok(processor_seconds(&PathBuf::from(format!("/proc/{process}/stat"))))
    }

    /// Its resident memory now and at its peak, in MiB.
    pub(crate) fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let status = status(self.child.id().context("the emulator has ended")?);
        Ok((mebibytes(&status, "VmRSS:"), mebibytes(&status, "VmHWM:")))
    }
}

/// Which quotas the engine keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quotas {
    /// Those that Microsoft publishes.
    Published,
    /// None: the emulator has none either.
    Without,
}

/// Writes the configuration of an engine with a database in this folder against this emulator; the path.
pub(crate) fn configuration(folder: &Path, emulator: &Emulator, quotas: Quotas) -> anyhow::Result<PathBuf> {
    configuration_on(&format!("sqlite://{}/entrain.sqlite3", folder.display()), folder, emulator, quotas)
}

/// The same with any database.
pub(crate) fn configuration_on(database: &str, folder: &Path, emulator: &Emulator, quotas: Quotas) -> anyhow::Result<PathBuf> {
    std::fs::write(folder.join("secret"), emulator.said("clientSecret")?)?;
    let text = format!(
        r#"[store]
url = "{database}"

[[target]]
name = "bench"
tenant = "{tenant}"
cloud = "custom"
endpoints = {{ authority = "{authority}", graph = "{graph}", ca_file = "ca.pem" }}
credential = {{ client_id = "{client}", secret = {{ file = "secret" }} }}
mode = "full"
{graph_table}"#,
        tenant = emulator.said("tenantId")?,
        authority = emulator.said("authorityUrl")?,
        graph = emulator.said("baseUrl")?,
        client = emulator.said("clientId")?,
        graph_table = match quotas {
            Quotas::Published => "",
            Quotas::Without => "[target.graph]\nwrites_per_150_seconds = 1000000000\nunits_per_10_seconds = 1000000000\n",
        },
    );
    let path = folder.join("entrain.toml");
    std::fs::write(&path, text)?;
    Ok(path)
}

/// What a run of the engine used and said.
pub(crate) struct Ran {
    /// The last line of its output as JSON.
    pub(crate) report: Json,
    /// Wall time.
    pub(crate) seconds: f64,
    /// Peak of its resident memory, as the kernel counts it.
    pub(crate) peak_rss_mib: f64,
    /// Processor time of its own: what remains comparable on a machine that is shared.
    pub(crate) cpu_seconds: f64,
}

impl Ran {
    /// What a sync of one target reported.
    pub(crate) fn sync(&self) -> &Json {
        &self.report["reports"][0]
    }
}

/// Runs the engine to its end.
pub(crate) async fn engine(config: &Path, words: &[&str]) -> anyhow::Result<Ran> {
    engine_at(1, config, words).await
}

/// The same with a clock that runs so many times faster.
pub(crate) async fn engine_at(rate: u64, config: &Path, words: &[&str]) -> anyhow::Result<Ran> {
    let started = std::time::Instant::now();
    let mut child = Command::new(binary("entrain")?)
        .args(words)
        .arg(format!("--clock-rate={rate}"))
        .arg("--json")
        .arg("--config")
        .arg(config)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let process = child.id().context("it ended at once")?;
    let (status, stat) = (status(process), PathBuf::from(format!("/proc/{process}/stat")));
    let mut output = BufReader::new(child.stdout.take().context("no output")?).lines();
    let (mut last, mut peak, mut cpu) = (String::new(), 0.0_f64, 0.0_f64);
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            line = output.next_line() => match line? {
                Some(line) => last = line,
                None => break,
            },
            _ = tick.tick() => {
                peak = peak.max(mebibytes(&status, "VmHWM:"));
                cpu = cpu.max(processor_seconds(&stat));
            }
        }
    }
    let code = child.wait().await?.code();
    let seconds = started.elapsed().as_secs_f64();
    if !matches!(code, Some(0 | 5)) {
        bail!("`entrain {}` ended with {code:?}: {last}", words.join(" "));
    }
    let report = serde_json::from_str(&last).with_context(|| format!("`entrain {}` said: {last}", words.join(" ")))?;
    Ok(Ran { report, seconds, peak_rss_mib: peak, cpu_seconds: cpu })
}

fn status(process: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/status"))
}

/// A figure of the kernel's account of a process.
fn mebibytes(status: &Path, figure: &str) -> f64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(figure)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or_default() / 1024.0
}

/// Time in user and kernel mode: fields 14 and 15 of `stat`, in hundredths of a second (Linux, proc(5)).
fn processor_seconds(stat: &Path) -> f64 {
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}
