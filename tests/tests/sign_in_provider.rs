//! People sign in with an identity provider that others wrote, `oidc-provider-mock`: discovery, keys, forms and tokens are its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use entrain_tests::database::Dialect;
use entrain_tests::identity::Browser;
use entrain_tests::served::Served;
use reqwest::{Method, Url};
use serde_json::json;

/// The provider; it ends with this value.
struct Provider(Child, String);

impl Provider {
    async fn start() -> Self {
        let python = std::env::var_os("ENTRAIN_TEST_PYTHON").expect("ENTRAIN_TEST_PYTHON is not set: run tests/run");
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let ann = json!({ "sub": "a1", "preferred_username": "ann@contoso.example", "groups": ["idp-admins"] });
        let bob = json!({ "sub": "b2", "preferred_username": "bob@contoso.example", "groups": ["others"] });
        let mut command = Command::new(python);
        command.args(["-m", "oidc_provider_mock", "--require-nonce", "true", "--port", &port.to_string()]);
        command.args(["--user-claims", &ann.to_string(), "--user-claims", &bob.to_string()]);
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdout(Stdio::null()).stderr(Stdio::null());
        let provider = Self(command.spawn().unwrap(), format!("http://127.0.0.1:{port}"));
        for _ in 0..300 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return provider;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the provider does not listen");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_others_wrote_is_understood() {
    let provider = Provider::start().await;
    for dialect in Dialect::all() {
        let access = format!(
            "[access.oidc]\nissuer = \"{}\"\nclient_id = \"entrain\"\nclient_secret = \"any\"\nroles = {{ admin = [\"idp-admins\"] }}\n",
            provider.1
        );
        let served = Served::start(dialect, 1, &access).await.unwrap();
        for (subject, status) in [("a1", 303), ("b2", 403)] {
            let mut browser = Browser::new(&served.url().unwrap());
            let away = browser.goes("/auth/sign-in?return_to=/api/v1/whoami").await;
            assert_eq!(away.status, 303, "{away:?}");
            assert!(browser.goes(&away.location).await.body.contains("a1"), "the provider shows its form");
            let form = browser.request(Method::POST, &away.location).header("content-type", "application/x-www-form-urlencoded");
            let back = browser.send(form.body(format!("sub={subject}"))).await;
            assert_eq!(back.status, 302, "{back:?}");
            assert!(Url::parse(&back.location).unwrap().query_pairs().any(|(name, _)| name == "code"), "{back:?}");
            let seen = browser.goes(&back.location).await;
            assert_eq!(seen.status, status, "{seen:?}");
            if status == 303 {
                let said = browser.goes(&seen.location).await.json();
                assert_eq!((&said["name"], &said["role"]), (&json!("ann@contoso.example"), &json!("admin")));
            }
        }
    }
}
