//! The binary with a clock that stands still: two runs of one seed give the same bytes.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Binary {
    child: Child,
    ready: Value,
    http: Client,
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Binary {
    fn start(folder: &std::path::Path, port: &str, seed: &str) -> Binary {
        let line = ["--port", port, "--profile", "hostile", "--seed", seed, "--clock-start", "2027-01-15T08:00:00Z"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrain-emulator"));
        let command = command.args(line).args(["--conditions", r#"{"throttling":{"writes":30}}"#, "--ca-dir"]).arg(folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut text = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut text).unwrap();
        let ready: Value = serde_json::from_str(&text).unwrap();
        let ca = reqwest::Certificate::from_pem(ready["caPem"].as_str().unwrap().as_bytes()).unwrap();
        // One connection for each request: what is cut takes nothing else with it.
        let http =
            Client::builder().tls_certs_only([ca]).timeout(Duration::from_secs(20)).pool_max_idle_per_host(0).build().unwrap();
        Binary { child, ready, http }
    }

    fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    fn port(&self) -> String {
        self.text("baseUrl").rsplit_once(':').unwrap().1.to_owned()
    }

    /// The answer byte by byte: status, headers and body.
    async fn ask(&self, method: &str, url: &str, token: &str, body: Value) -> (String, Vec<u8>) {
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url).bearer_auth(token);
        if let Some(text) = body.as_str() {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(text.to_owned());
        } else if !body.is_null() {
            request = request.json(&body);
        }
        let Ok(response) = request.send().await else { return ("cut".to_owned(), Vec::new()) };
        let mut headers: Vec<String> = response.headers().iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.sort();
        let head = format!("{} {headers:?}", response.status());
        (head, response.bytes().await.map_or_else(|_| b"broken".to_vec(), |bytes| bytes.to_vec()))
    }

    async fn run(&self) -> Vec<(String, Vec<u8>)> {
        let mut seen = Vec::new();
        let fields = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default",
            self.text("clientId"),
            self.text("clientSecret")
        );
        let mut token = String::new();
        while token.is_empty() {
            let url = format!("{}/{}/oauth2/v2.0/token", self.text("authorityUrl"), self.text("tenantId"));
            let answer = self.ask("POST", &url, "", json!(fields)).await;
            let body: Value = serde_json::from_slice(&answer.1).unwrap_or_default();
            body["access_token"].as_str().unwrap_or_default().clone_into(&mut token);
            seen.push(answer);
        }
        let graph = self.text("graphUrl").to_owned();
        for at in 0..12 {
            let user = crate::client::user(&format!("u{at}"));
            let step = json!({ "id": "1", "method": "POST", "url": "/groups", "headers": { "Content-Type": "application/json" }, "body": crate::client::group(&format!("g{at}")) });
            for (method, path, body) in [
                ("POST", "/users".to_owned(), user),
                ("PATCH", format!("/users/u{}@contoso.example", at / 2), json!({ "jobTitle": format!("t{at}") })),
                ("GET", "/users?$top=3".to_owned(), Value::Null),
                ("POST", "/$batch".to_owned(), json!({ "requests": [step] })),
                ("GET", "/users/delta".to_owned(), Value::Null),
            ] {
                seen.push(self.ask(method, &format!("{graph}{path}"), &token, body).await);
            }
            let advance = format!("{}/_emulator/clock/advance", self.text("baseUrl"));
            seen.push(self.ask("POST", &advance, "", json!({ "seconds": 2 })).await);
        }
        seen
    }
}

#[tokio::test]
async fn a_run_of_the_binary_repeats_byte_by_byte() {
    let folder = tempfile::tempdir().unwrap();
    let first = Binary::start(folder.path(), "0", "5");
    let port = first.port();
    let one = first.run().await;
    drop(first);
    let second = Binary::start(folder.path(), &port, "5");
    let two = second.run().await;
    drop(second);
    assert_eq!(one.len(), two.len());
    for (at, (one, two)) in one.iter().zip(&two).enumerate() {
        assert_eq!((&one.0, String::from_utf8_lossy(&one.1)), (&two.0, String::from_utf8_lossy(&two.1)), "answer {at}");
    }
    assert!(one.iter().any(|answer| answer.0.contains("15 Jan 2027 08:00:1")), "time goes on where it is advanced");
    let statuses = |wanted: &str| one.iter().filter(|answer| answer.0.starts_with(wanted)).count();
    assert!(statuses("201") > 3 && statuses("429") > 0, "{} {}", statuses("201"), statuses("429"));
    let other = Binary::start(folder.path(), &port, "6");
    assert_ne!(other.run().await, one);
}
