//! The SCIM service provider: sixteen clients that create and change users, and one that changes a large group.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context as _, bail};
use entrain::scim::{Scim, ScimClient, listen};
use entrain::wiring::SystemClock;
use entrain_model::ObjectRef;
use entrain_scim::Catalog;
use entrain_store::{GroupRow, Membership, Role, SourceChange, Store, UserRow};
use entrain_tests::database::{Database, Dialect};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::rounded;

const CLIENTS: u64 = 16;
const MEMBERS: usize = 100_000;
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Measures so many requests of each sort.
pub(crate) async fn run(requests: u64, store: &str) -> anyhow::Result<Json> {
    let dialect = match store {
        "sqlite" => Dialect::Sqlite,
        "postgres" => Dialect::Postgres,
        other => bail!("--store is sqlite or postgres, not `{other}`"),
    };
    let database = Database::new(dialect)?;
    let clock = Arc::new(SystemClock);
    let source = Store::open(database.url(), clock.clone()).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/scim/v2", listener.local_addr()?);
    let scim = Scim::new(source.clone(), clock, Catalog::load(&[])?);
    tokio::spawn(listen(listener, scim, ScimClient::default(), std::future::pending()));

    let ids: Arc<Vec<AtomicText>> = Arc::new((0..requests).map(|_| AtomicText::default()).collect());
    let (creates, mut times) = storm(requests, &url, &ids, create).await?;
    let (patches, more) = storm(requests, &url, &ids, change).await?;
    times.extend(more);
    times.sort_by(f64::total_cmp);
    let p95 = times[((times.len() as f64 * 0.95) as usize).min(times.len() - 1)];

    fill(&source).await?;
    let http = reqwest::Client::builder().build()?;
    let mut large = Vec::new();
    for n in 0..21 {
        let (op, path) =
            if n % 2 == 0 { ("add", "members".to_owned()) } else { ("remove", "members[value eq \"extra\"]".to_owned()) };
        let body = json!({ "schemas": [PATCH], "Operations": [{ "op": op, "path": path, "value": [{ "value": "extra" }] }] });
        let began = Instant::now();
        send(&http, Method::PATCH, &format!("{url}/Groups/g"), &body, 204).await?;
        large.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    large.sort_by(f64::total_cmp);
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    Ok(json!({
        "benchmark": "scim", "store": store, "clients": CLIENTS, "requests": requests, "creates_per_second": rounded(creates),
        "patches_per_second": rounded(patches), "p95_ms": rounded(p95), "large_group_members": MEMBERS,
        "large_group_patch_ms": rounded(large[large.len() / 2]), "large_group_patch_max_ms": rounded(large[large.len() - 1]),
        "peak_rss_mib": rounded(peak.context("no VmHWM")? / 1024.0),
    }))
}

/// The id of a user that one client made, for another to change.
type AtomicText = std::sync::OnceLock<String>;

async fn create(http: reqwest::Client, url: String, n: u64, ids: Arc<Vec<AtomicText>>) -> anyhow::Result<()> {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("user{n}@corp.example"), "displayName": format!("User {n}"),
        "name": { "givenName": "User", "familyName": n.to_string() }, "emails": [{ "type": "work", "value": format!("user{n}@corp.example") }],
        "title": "Engineer", "active": true,
    });
    let made = send(&http, Method::POST, &format!("{url}/Users"), &body, 201).await?;
    ids[n as usize].get_or_init(|| made["id"].as_str().unwrap_or_default().to_owned());
    Ok(())
}

async fn change(http: reqwest::Client, url: String, n: u64, ids: Arc<Vec<AtomicText>>) -> anyhow::Result<()> {
    let body = json!({ "schemas": [PATCH], "Operations": [{ "op": "replace", "path": "title", "value": format!("Title {n}") }] });
    let id = ids[n as usize].get().context("a user was not made")?;
    send(&http, Method::PATCH, &format!("{url}/Users/{id}"), &body, 200).await.map(drop)
}

async fn send(http: &reqwest::Client, method: Method, url: &str, body: &Json, expected: u16) -> anyhow::Result<Json> {
    let answer = http.request(method, url).json(body).send().await?;
    let (status, text) = (answer.status().as_u16(), answer.text().await?);
    if status != expected {
        bail!("{url}: {status} {text}");
    }
    Ok(if text.is_empty() { Json::Null } else { serde_json::from_str(&text)? })
}

/// All clients work the requests off. Returns how many went in a second, and the milliseconds of each.
async fn storm<F>(
    requests: u64,
    url: &str,
    ids: &Arc<Vec<AtomicText>>,
    one: impl Fn(reqwest::Client, String, u64, Arc<Vec<AtomicText>>) -> F + Copy + Send + 'static,
) -> anyhow::Result<(f64, Vec<f64>)>
where
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let (next, url, ids) = (next.clone(), url.to_owned(), ids.clone());
        tokio::spawn(async move {
            let http = reqwest::Client::builder().build()?;
            let mut times = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= requests {
                    return anyhow::Ok(times);
                }
                let began = Instant::now();
                one(http.clone(), url.clone(), n, ids.clone()).await?;
                times.push(began.elapsed().as_secs_f64() * 1000.0);
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await??);
    }
    Ok((requests as f64 / began.elapsed().as_secs_f64(), times))
}

/// A group with everybody in it.
async fn fill(store: &Store) -> anyhow::Result<()> {
    let mut writer = store.source_writer().await?;
    let group = SourceChange::PutGroup(GroupRow::new("g", "Everybody"));
    writer.apply(&[group, SourceChange::PutUser(UserRow::new("extra", "extra@corp.example"))]).await?;
    for first in (0..MEMBERS).step_by(5000) {
        let ids: Vec<String> = (first..first + 5000).map(|n| format!("m{n}")).collect();
        let users: Vec<_> =
            ids.iter().map(|id| SourceChange::PutUser(UserRow::new(id.as_str(), format!("{id}@corp.example")))).collect();
        writer.apply(&users).await?;
        let row = |id: &String| Membership { group: "g".into(), member: ObjectRef::user(id.as_str()), role: Role::Member };
        writer.apply(&ids.iter().map(row).map(SourceChange::PutMembership).collect::<Vec<_>>()).await?;
    }
    Ok(writer.commit().await?)
}
