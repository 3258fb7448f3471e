//! Carries traces with the HTTP client that everything else has. The exporter waits on a thread of its own, outside the runtime, in which
//! no such client works: the call itself is made inside.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

#[derive(Debug)]
pub(super) struct Carrier {
    client: reqwest::Client,
    runtime: Handle,
}

impl Carrier {
    /// For the runtime that this is called in.
    pub(super) fn new(patience: Duration) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("entrain/", env!("CARGO_PKG_VERSION")))
            .timeout(patience)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, runtime: Handle::current() })
    }
}

#[async_trait]
impl HttpClient for Carrier {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), reqwest::Request::try_from(request)?);
        let call = async move {
            let answer = client.execute(request).await?.error_for_status()?;
            Ok::<_, reqwest::Error>((answer.status(), answer.bytes().await?))
        };
        let (status, body) = self.runtime.spawn(call).await??;
        Ok(Response::builder().status(status).body(body)?)
    }
}
