//! The SCIM service provider over HTTP in front of a database of its own, and a client for it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "for tests alone, where a failure is a panic")]

use std::sync::Arc;

use entrain::scim::{Scim, ScimClient, listen};
use entrain::wiring::SystemClock;
use entrain_scim::{Catalog, Profile};
use entrain_store::Store;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::database::{Database, Dialect};

/// The URN of users.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The URN of groups.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// A server with its database.
#[derive(Debug)]
pub struct ScimServer {
    /// Where it is served.
    pub url: String,
    /// Its source.
    pub store: Store,
    /// What asks it.
    pub http: reqwest::Client,
    _database: Database,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The document; null if there is none.
    pub body: Json,
}

impl ScimServer {
    /// Starts one with the standard schemas.
    pub async fn start(dialect: Dialect, profile: Profile) -> Self {
        Self::with(dialect, profile, Catalog::load(&[]).unwrap()).await
    }

    /// Starts one with these schemas.
    pub async fn with(dialect: Dialect, profile: Profile, catalog: Catalog) -> Self {
        let database = Database::new(dialect).unwrap();
        let clock = Arc::new(SystemClock);
        let store = Store::open(database.url(), clock.clone()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/scim/v2", listener.local_addr().unwrap());
        let scim = Scim::new(store.clone(), clock, catalog);
        tokio::spawn(listen(listener, scim, ScimClient { name: "test".into(), profile }, std::future::pending()));
        Self { url, store, http: reqwest::Client::builder().build().unwrap(), _database: database }
    }

    /// Asks. A refusal has a body of the RFC, or this panics.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Json>, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = if text.is_empty() { Json::Null } else { serde_json::from_str(&text).expect("an answer is JSON") };
        if status >= 400 {
            assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error", "{path}: {status} {body}");
            assert_eq!(body["status"], status.to_string());
        }
        Answer { status, headers, body }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None, &[]).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: Json) -> Answer {
        self.ask(Method::POST, path, Some(body), &[]).await
    }

    /// PATCH with these operations.
    pub async fn patch(&self, path: &str, operations: Json) -> Answer {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        self.ask(Method::PATCH, path, Some(body), &[]).await
    }

    /// Makes a user; its id.
    pub async fn user(&self, login: &str) -> String {
        let made = self.post("/Users", json!({ "schemas": [USER], "userName": login })).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.body["id"].as_str().unwrap().to_owned()
    }

    /// The names of those that a filter finds.
    pub async fn found(&self, path: &str, filter: &str) -> Vec<String> {
        let url = reqwest::Url::parse_with_params(&format!("http://x{path}"), [("filter", filter)]).unwrap();
        let answer = self.get(&format!("{path}?{}", url.query().unwrap())).await;
        assert_eq!(answer.status, 200, "{filter}: {}", answer.body);
        let list = answer.body["Resources"].as_array().unwrap();
        assert_eq!(answer.body["totalResults"], list.len(), "{filter}");
        let name = |one: &Json| one["userName"].as_str().or(one["displayName"].as_str()).unwrap().to_owned();
        list.iter().map(name).collect()
    }
}
