//! The SCIM 2.0 service provider in front of the source (RFC 7643, 7644, 9865). What SCIM means is in the crate `entrain-scim`, how rows
//! are found and written in `entrain-store`; here both meet HTTP. Who calls was decided before: it comes as a `ScimClient`.

mod answer;
mod bulk;
mod call;
mod dispatch;
mod hand_over;
mod kept;
mod lists;
mod members;
mod pushdown;
mod rows;
mod schemas;
mod wait;
mod writes;

use std::future::Future;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use axum::{Extension, Router};
use entrain_model::Clock;
use entrain_scim::{Catalog, Limits, Profile};
use entrain_store::Store;
use tokio::net::TcpListener;

use crate::http::access::{Caller, CallerKind};

pub(crate) use hand_over::HandOver;
pub use schemas::SchemasError;
pub(crate) use schemas::catalog;

/// The limits of every client.
const LIMITS: Limits = Limits { bulk_operations: 1000, body_bytes: 4 * 1024 * 1024, page: 100, largest_page: 500 };

/// Who calls, as whoever checked the credential says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScimClient {
    /// The client's name.
    pub name: String,
    /// What is accepted of it beyond the RFC.
    pub profile: Profile,
}

/// What the service provider needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Scim {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    catalog: Catalog,
}

impl Scim {
    /// In front of this source, with these schemas.
    pub fn new(store: Store, clock: Arc<dyn Clock>, catalog: Catalog) -> Self {
        Self { inner: Arc::new(Inner { store, clock, catalog }) }
    }
}

/// All endpoints, relative to where they are mounted, which is `/scim/v2`. It authenticates nobody.
pub(crate) fn router(scim: Scim) -> Router {
    Router::new().fallback(dispatch::answer).with_state(scim)
}

/// The same behind a door: whoever that let in is the client. An unknown word for a profile means none.
pub(crate) fn behind_door(scim: Scim) -> Router {
    router(scim).layer(axum::middleware::from_fn(named))
}

async fn named(mut request: Request, next: Next) -> Response {
    if let Some(client) = request.extensions().get::<Caller>().and_then(client_of) {
        request.extensions_mut().insert(client);
    }
    next.run(request).await
}

fn client_of(caller: &Caller) -> Option<ScimClient> {
    let CallerKind::Scim { profile, .. } = &caller.kind else { return None };
    Some(ScimClient { name: caller.name.clone(), profile: Profile::of(profile).unwrap_or_default() })
}

/// Serves it alone at `/scim/v2`, to whoever comes, as to this client: for tests and benchmarks.
///
/// # Errors
/// The listener fails.
pub async fn listen(
    listener: TcpListener,
    scim: Scim,
    client: ScimClient,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new().nest("/scim/v2", router(scim)).layer(Extension(client));
    axum::serve(listener, router).with_graceful_shutdown(stopped).await
}
