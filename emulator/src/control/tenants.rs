//! More tenants while the emulator runs.

use super::routes::read;
use crate::app::App;
use crate::graph::Answer;
use crate::options::{Domain, Options};
use crate::tenants::Tenants;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    name: String,
    tenant_id: Option<String>,
    #[serde(default)]
    domains: Vec<Domain>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// Lists the tenants, or adds one.
///
/// # Errors
/// Another method, or a tenant that cannot be.
pub(super) fn answer(tenants: &Tenants, method: &Method, body: &[u8]) -> Result<Answer, String> {
    match *method {
        Method::GET => {
            let all: Vec<Json> = tenants.all().iter().map(|app| shown(app)).collect();
            Ok(Answer::json(200, &json!({ "value": all })))
        }
        Method::POST => {
            let Wanted { name, tenant_id, domains, client_id, client_secret } = read(body)?;
            let (tenant_id, client_id) = (id(tenant_id)?, id(client_id)?);
            let options = Options { tenant_name: name, tenant_id, domains, client_id, client_secret, ..tenants.template() };
            tenants.add(options).map(|app| Answer::json(200, &shown(&app))).map_err(|error| error.to_string())
        }
        _ => Err("GET or POST".to_owned()),
    }
}

fn id(text: Option<String>) -> Result<Option<Uuid>, String> {
    text.map(|text| text.parse().map_err(|_| format!("'{text}' is no id"))).transpose()
}

fn shown(app: &App) -> Json {
    json!({
        "name": app.tenant_name,
        "tenantId": app.tenant_id.to_string(),
        "domains": app.world.read().domains,
        "clientId": app.client_id.to_string(),
        "clientSecret": app.client_secret,
    })
}
