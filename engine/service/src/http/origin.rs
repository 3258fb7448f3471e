//! Under which address a request came in, and from where. What headers say of it counts only if a proxy of ours wrote them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use super::access::Peer;
use crate::config::HttpConfig;

/// The address of the server as whoever asks knows it, `https://idp.example`, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(pub(crate) String);

impl Origin {
    /// Whether what is said there is heard by nobody else.
    pub(crate) fn is_private(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// What is configured of it.
pub(super) struct Origins {
    public: Option<String>,
    scheme: &'static str,
    proxies: BTreeSet<IpAddr>,
}

impl Origins {
    pub(super) fn of(config: &HttpConfig) -> Arc<Self> {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        Arc::new(Self { public: config.public_url.clone(), scheme, proxies: config.proxies.clone() })
    }

    /// Where a request really comes from: the nearest address that is no proxy of ours.
    fn peer(&self, direct: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.is_proxy(direct.ip()) {
            return direct;
        }
        let hops = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = hops.flat_map(|value| value.split(',')).map(str::trim).collect();
        let mut nearest = direct;
        for hop in hops.into_iter().rev() {
            let Ok(address) = hop.parse::<IpAddr>() else { return nearest };
            nearest = SocketAddr::new(address, 0);
            if !self.is_proxy(address) {
                return nearest;
            }
        }
        nearest
    }

    fn origin(&self, direct: Option<SocketAddr>, request: &Request) -> Origin {
        if let Some(public) = &self.public {
            return Origin(public.clone());
        }
        let headers = request.headers();
        let believed = direct.is_some_and(|direct| self.is_proxy(direct.ip()));
        let said = |name: &str| headers.get(name).filter(|_| believed).and_then(|value| value.to_str().ok());
        let scheme = said("x-forwarded-proto").filter(|said| *said == "https" || *said == "http").unwrap_or(self.scheme);
        let asked = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
        let host = said("x-forwarded-host").or(asked).or(authority).filter(|host| is_host(host)).unwrap_or("localhost");
        Origin(format!("{scheme}://{host}"))
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.contains(&address.to_canonical())
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

/// Notes both with the request.
pub(super) async fn note(State(origins): State<Arc<Origins>>, mut request: Request, next: Next) -> Response {
    let direct = request.extensions().get::<Peer>().map(|peer| peer.0);
    let origin = origins.origin(direct, &request);
    if let Some(direct) = direct {
        let peer = origins.peer(direct, request.headers());
        request.extensions_mut().insert(Peer(peer));
    }
    request.extensions_mut().insert(origin);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(public: Option<&str>) -> Origins {
        let proxies = ["10.0.0.7", "10.0.0.8"].map(|address| address.parse().unwrap());
        Origins { public: public.map(str::to_owned), scheme: "http", proxies: proxies.into() }
    }

    fn request(headers: &[(&str, &str)]) -> Request {
        let start = Request::builder().uri("/scim/v2/Users").header("host", "entrain:8080");
        let built = headers.iter().fold(start, |request, (name, value)| request.header(*name, *value));
        built.body(axum::body::Body::empty()).unwrap()
    }

    #[test]
    fn only_our_proxies_are_believed() {
        let (proxy, stranger) = ("10.0.0.7:1000".parse().unwrap(), "192.0.2.1:1000".parse().unwrap());
        let said = request(&[
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "idp.example"),
            ("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.8"),
        ]);
        let ours = origins(None);
        assert_eq!(ours.origin(Some(proxy), &said), Origin("https://idp.example".into()));
        assert_eq!(ours.peer(proxy, said.headers()).ip().to_string(), "203.0.113.9", "what a client wrote itself comes first");
        assert_eq!(ours.origin(Some(stranger), &said), Origin("http://entrain:8080".into()));
        assert_eq!(ours.peer(stranger, said.headers()), stranger);
    }

    #[test]
    fn a_name_that_is_configured_is_the_name() {
        let proxy = "10.0.0.7:1000".parse().unwrap();
        let said = request(&[("x-forwarded-host", "evil.example")]);
        assert_eq!(origins(Some("https://idp.example")).origin(Some(proxy), &said), Origin("https://idp.example".into()));
        assert_eq!(
            origins(None).origin(Some(proxy), &request(&[("x-forwarded-host", "a/b\"")])),
            Origin("http://localhost".into())
        );
    }
}
