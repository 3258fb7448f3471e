//! A tenant and a client that trusts it.

use entrain_emulator::{Domain, Emulator, Options, Running};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::Duration;

pub struct Tenant {
    pub running: Running,
    pub http: Client,
    pub token: String,
}

pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    /// Asserts a refusal: status, code, and a part of the message.
    pub fn refused(&self, status: u16, code: &str, part: &str) {
        assert_eq!((self.status, self.body["error"]["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert!(self.message().contains(part), "{} does not contain {part}", self.message());
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub fn client(running: &Running) -> Client {
    let ca = reqwest::Certificate::from_pem(running.ca_pem.as_bytes()).unwrap();
    Client::builder().tls_certs_only([ca]).timeout(Duration::from_secs(10)).build().unwrap()
}

impl Tenant {
    pub async fn start() -> Tenant {
        Tenant::with(Options::default()).await
    }

    /// `contoso.example` managed, `fed.example` federated, `new.example` unverified.
    pub async fn with(options: Options) -> Tenant {
        let domains =
            vec![Domain::managed("contoso.example"), Domain::federated("fed.example"), Domain::unverified("new.example")];
        let running = Emulator::start(Options { domains, ..options }).await.unwrap();
        let http = client(&running);
        let mut tenant = Tenant { running, http, token: String::new() };
        tenant.sign_in().await;
        tenant
    }

    pub async fn sign_in(&mut self) {
        // A hostile tenant loses sign-ins too.
        for _ in 0..5 {
            let Ok(response) = self.token_request(&self.running.tenant_id, &[]).send().await else { continue };
            if response.status() == 200 {
                let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
                self.token = body["access_token"].as_str().unwrap().to_owned();
                return;
            }
        }
        panic!("no token");
    }

    /// Asks for a token; the given fields replace or (when empty) remove the usual ones.
    pub async fn ask_token(&self, changes: &[(&str, &str)]) -> Reply {
        self.ask_token_of(&self.running.tenant_id, changes).await
    }

    pub async fn ask_token_of(&self, tenant: &str, changes: &[(&str, &str)]) -> Reply {
        reply(self.token_request(tenant, changes)).await
    }

    fn token_request(&self, tenant: &str, changes: &[(&str, &str)]) -> RequestBuilder {
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", &self.running.client_id),
            ("client_secret", &self.running.client_secret),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.running.authority_url);
        self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body.join("&"))
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = if path.starts_with("https://") { path.to_owned() } else { format!("{}{path}", self.running.graph_url) };
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url).bearer_auth(&self.token)
    }

    pub async fn send(&self, method: &str, path: &str, body: Value, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.request(method, path);
        if !body.is_null() {
            request = request.json(&body);
        }
        for (name, value) in headers {
            request = request.header(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        reply(request).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, Value::Null, &[]).await
    }

    /// GET as an advanced query; the path carries `$count=true` itself where it is wanted.
    pub async fn eventual(&self, path: &str) -> Reply {
        self.send("GET", path, Value::Null, &[("ConsistencyLevel", "eventual")]).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, body, &[]).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send("PATCH", path, body, &[]).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send("PUT", path, body, &[]).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, Value::Null, &[]).await
    }

    pub async fn new_user(&self, alias: &str) -> String {
        id(&self.post("/users", user(alias)).await.ok(201))
    }

    pub async fn new_group(&self, name: &str) -> String {
        id(&self.post("/groups", group(name)).await.ok(201))
    }

    pub async fn upsert(&self, unique_name: &str, body: Value) -> Reply {
        let path = format!("/groups(uniqueName='{unique_name}')");
        self.send("PATCH", &path, body, &[("Prefer", "create-if-missing")]).await
    }

    pub fn link(&self, id: &str) -> Value {
        json!({ "@odata.id": self.url(id) })
    }

    pub fn url(&self, id: &str) -> String {
        format!("{}/directoryObjects/{id}", self.running.graph_url)
    }

    /// Moves the tenant's time forward.
    pub fn advance(&self, seconds: u64) {
        self.control("POST", "clock/advance", json!({ "seconds": seconds }));
    }

    pub fn conditions(&self, change: Value) {
        self.control("PATCH", "conditions", change);
    }

    pub fn control(&self, method: &str, path: &str, body: Value) -> Value {
        self.running.control(method, path, &body).unwrap()
    }
}

pub async fn reply(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) };
    Reply { status, headers, body }
}

pub fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

pub fn user(alias: &str) -> Value {
    json!({
        "accountEnabled": true,
        "displayName": format!("User {alias}"),
        "mailNickname": alias,
        "userPrincipalName": format!("{alias}@contoso.example"),
        "passwordProfile": { "password": "Correct-Horse-1", "forceChangePasswordNextSignIn": true },
    })
}

pub fn group(name: &str) -> Value {
    json!({ "displayName": name, "mailEnabled": false, "mailNickname": name, "securityEnabled": true })
}

pub fn unified(name: &str) -> Value {
    with(group(name), json!({ "groupTypes": ["Unified"], "mailEnabled": true, "securityEnabled": false }))
}

/// The object with other members put over its own.
pub fn with(mut object: Value, over: Value) -> Value {
    let over = over.as_object().unwrap().clone();
    object.as_object_mut().unwrap().extend(over);
    object
}

pub fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

pub fn id(body: &Value) -> String {
    body["id"].as_str().unwrap_or_else(|| panic!("no id in {body}")).to_owned()
}

pub fn ids(list: &Value) -> Vec<String> {
    list["value"].as_array().unwrap_or_else(|| panic!("no value in {list}")).iter().map(id).collect()
}
