//! The resources that tokens are made out to.

use crate::app::App;

/// The application id of Graph, the same in every cloud.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

/// Other services that a tenant knows. Graph does not take their tokens.
const OTHERS: &[&str] = &["https://management.azure.com", "https://vault.azure.net", "https://storage.azure.com"];

/// Whether the tenant knows the resource; one slash at its end does not count.
pub(crate) fn is_known(app: &App, resource: &str) -> bool {
    let resource = resource.strip_suffix('/').unwrap_or(resource);
    is_graph(app, resource) || OTHERS.contains(&resource)
}

/// Whether Graph takes tokens that are made out to it: Graph of the tenant's cloud, or the emulator's own address.
pub(crate) fn is_graph(app: &App, audience: &str) -> bool {
    let own = || audience == app.base_url || audience == app.base_url.replace("localhost", "127.0.0.1");
    audience.eq_ignore_ascii_case(GRAPH) || audience == app.world.read().switches.cloud.graph() || own()
}
