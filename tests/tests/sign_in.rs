//! People sign in: the real service on both databases, an identity provider that may lie, and a browser that may be abused.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use entrain::cli::Exit;
use entrain::wiring::SystemClock;
use entrain_model::{Clock, Millis};
use entrain_store::{AuditScope, NewSession, Person, Store};
use entrain_tests::database::Dialect;
use entrain_tests::identity::{Browser, Identity, Seen, Signed};
use entrain_tests::served::Served;
use reqwest::Method;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

const SIGN_IN: &str = "/auth/sign-in?return_to=/auth/session";

struct Stage {
    identity: Identity,
    served: Served,
}

impl Stage {
    async fn new(dialect: Dialect, more: &str) -> Self {
        let identity = Identity::start().await;
        let served = Served::start(dialect, 3, &format!("{more}\n{}", identity.configuration())).await.unwrap();
        Self { identity, served }
    }

    fn browser(&self) -> Browser {
        Browser::new(&self.served.url().unwrap())
    }

    /// Somebody with these claims, signed in; and the token of their pages.
    async fn person(&self, subject: &str, name: &str, group: &str) -> (Browser, String) {
        for (claim, value) in [("sub", json!(subject)), ("preferred_username", json!(name)), ("groups", json!([group]))] {
            self.identity.says(claim, value);
        }
        let mut browser = self.browser();
        let seen = browser.signs_in(SIGN_IN).await;
        assert_eq!((seen.status, seen.location.as_str()), (303, "/auth/session"), "{seen:?}");
        let token = browser.goes("/auth/session").await.json()["page_token"].as_str().unwrap().to_owned();
        (browser, token)
    }

    /// Who the interface takes a browser for.
    async fn whoami(&self, browser: &mut Browser) -> (u16, Json) {
        let seen = browser.goes("/api/v1/whoami").await;
        (seen.status, seen.json())
    }

    async fn acts(&self) -> Vec<(String, String)> {
        let rows = self.served.store.audit(&AuditScope::default(), 0, 10_000).await.unwrap();
        rows.into_iter().map(|row| (row.action, row.author)).collect()
    }
}

/// A sign-in that comes to nothing: no session, and the words of the page.
fn nothing(browser: &Browser, seen: &Seen, status: u16, words: &str) {
    assert_eq!(seen.status, status, "{seen:?}");
    assert!(seen.body.contains(words), "{words}: {}", seen.body);
    assert!(browser.jar.keys().all(|name| !name.contains("session")), "{:?}", browser.jar);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_acts_and_signs_out() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect, "").await;
        let mut browser = stage.browser();
        assert!(browser.goes("/auth").await.body.contains("/auth/sign-in"));
        assert_eq!(browser.goes("/auth/session").await.status, 401);
        let (mut browser, token) = stage.person("1", "ann", "idp-operators").await;
        let (status, said) = stage.whoami(&mut browser).await;
        assert_eq!((status, said), (200, json!({ "name": "ann", "role": "operator", "targets": null, "kind": "person" })));
        let page = browser.goes("/auth").await;
        assert!(page.body.contains("ann") && page.body.contains("operator") && page.body.contains(&token), "{}", page.body);
        assert_eq!(page.headers["referrer-policy"], "same-origin", "or a browser hides which page sent its form");
        assert_eq!(
            browser.page(Method::POST, "/api/v1/targets/test/pause", &token, &json!({ "reason": "a look" })).await.status,
            200
        );
        assert!(stage.acts().await.contains(&("halt".into(), "ann".into())), "the act is the person's");
        assert_eq!(browser.goes("/api/v1/sessions").await.status, 403, "an operator is no admin");
        assert_eq!(browser.goes("/scim/v2/Users").await.status, 401, "a session opens the interface alone");

        let kept = browser.clone();
        let form = browser.request(Method::POST, "/auth/sign-out").header("sec-fetch-site", "same-origin");
        let form = form.header("content-type", "application/x-www-form-urlencoded").body(format!("page_token={token}"));
        let seen = browser.send(form).await;
        assert_eq!((seen.status, seen.location.as_str(), browser.jar.len()), (303, "/auth", 0), "{seen:?}");
        assert_eq!(stage.whoami(&mut kept.clone()).await.0, 401, "the cookie is worth nothing, wherever it was kept");
        let acts = stage.acts().await;
        assert!(
            acts.contains(&("signed_in".into(), "ann".into())) && acts.contains(&("signed_out".into(), "ann".into())),
            "{acts:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_says_is_believed_only_if_all_of_it_holds() {
    let stage = Stage::new(Dialect::Sqlite, "").await;
    let past = json!(1_000_000_000);
    let lies: [(&str, Json, &str); 13] = [
        ("nonce", json!("another"), "nonce"),
        ("nonce", Json::Null, "nonce"),
        ("aud", json!("another client"), "aud"),
        ("aud", json!(["entrain console", "another client"]), "aud"),
        ("azp", json!("another client"), "azp"),
        ("iss", json!("https://evil.example"), "issuer"),
        ("iss", Json::Null, "issuer"),
        ("exp", past.clone(), "exp"),
        ("exp", Json::Null, "exp"),
        ("iat", json!(4_000_000_000_i64), "iat"),
        ("nbf", json!(4_000_000_000_i64), "nbf"),
        ("sub", Json::Null, "sub"),
        ("sub", json!(""), "sub"),
    ];
    for (claim, lie, words) in lies {
        let honest = stage.identity.manners.lock().unwrap().claims.clone();
        stage.identity.says(claim, lie);
        let mut browser = stage.browser();
        let seen = browser.signs_in(SIGN_IN).await;
        nothing(&browser, &seen, 403, words);
        stage.identity.behaves(|manners| manners.claims = honest);
    }
    for (signed, words) in [
        (Signed::Not, "signature"),
        (Signed::WithWhatIsPublic, "alg"),
        (Signed::ByAStranger, "signed by no key that it publishes"),
    ] {
        stage.identity.behaves(|manners| manners.signed = signed);
        let mut browser = stage.browser();
        let seen = browser.signs_in(SIGN_IN).await;
        nothing(&browser, &seen, 403, words);
    }
    stage.identity.behaves(|manners| manners.signed = Signed::Well);
    assert_eq!(stage.browser().signs_in(SIGN_IN).await.status, 303, "what is honest passes");
    stage.identity.changes_its_key();
    assert_eq!(stage.browser().signs_in(SIGN_IN).await.status, 303, "a new key is looked for when it is met");
    let several = json!(["entrain console", "another client"]);
    stage.identity.behaves(|manners| (manners.claims["aud"], manners.claims["azp"]) = (several, json!("entrain console")));
    assert_eq!(stage.browser().signs_in(SIGN_IN).await.status, 303, "one of several, who asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_taken_once_and_by_the_browser_that_asked() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect, "").await;
        let mut victim = stage.browser();
        let mut attacker = stage.browser();
        let back = attacker.is_sent_back(SIGN_IN).await;
        nothing(&victim, &victim.clone().goes(&back).await, 400, "no such sign-in under way");
        victim.goes(SIGN_IN).await;
        let before = victim.clone();
        let seen = victim.goes(&back).await;
        nothing(&victim, &seen, 400, "no such sign-in under way");
        assert!(victim.jar.is_empty(), "the sign-in is over, whatever came of it");
        let no_state = back.replace("state=", "was=");
        nothing(&before, &attacker.clone().goes(&no_state).await, 400, "no such sign-in");
        let elsewhere = back.replace("iss=", "iss=https%3A%2F%2Fevil.example&was=");
        nothing(&before, &attacker.clone().goes(&elsewhere).await, 403, "another identity provider");
        let denied = back.replace("code=", "error=access_denied&was=");
        nothing(&before, &attacker.clone().goes(&denied).await, 403, "access_denied");

        let asked = attacker.clone();
        assert_eq!(attacker.goes(&back).await.status, 303);
        let mut again = asked.clone();
        let seen = again.goes(&back).await;
        nothing(&again, &seen, 403, "invalid_grant");
        stage.identity.behaves(|manners| manners.lax = true);
        let mut fresh = stage.browser();
        let back = fresh.is_sent_back(SIGN_IN).await;
        let mut twice = fresh.clone();
        assert_eq!(fresh.goes(&back).await.status, 303);
        let seen = twice.goes(&back).await;
        nothing(&twice, &seen, 409, "come to its end before");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_of_another_sign_in_is_worth_nothing() {
    let stage = Stage::new(Dialect::Sqlite, "").await;
    let (mut victim, mut attacker) = (stage.browser(), stage.browser());
    let stolen = victim.is_sent_back(SIGN_IN).await;
    let own = attacker.is_sent_back(SIGN_IN).await;
    let part = |address: &str, name: &str| {
        let pairs = reqwest::Url::parse(address).unwrap();
        pairs.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
    };
    let injected = own.replace(&part(&own, "code").replace(' ', "+"), &part(&stolen, "code").replace(' ', "+"));
    assert_ne!(injected, own);
    let seen = attacker.clone().goes(&injected).await;
    nothing(&attacker, &seen, 403, "invalid_grant");
    // Where the provider looks at nothing, the nonce does.
    stage.identity.behaves(|manners| manners.lax = true);
    let (stolen, own) = (victim.is_sent_back(SIGN_IN).await, attacker.is_sent_back(SIGN_IN).await);
    let injected = own.replace(&part(&own, "code").replace(' ', "+"), &part(&stolen, "code").replace(' ', "+"));
    let seen = attacker.goes(&injected).await;
    nothing(&attacker, &seen, 403, "nonce");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_there_before_is_not_taken_over() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect, "").await;
        let (attacker, _) = stage.person("9", "mallory", "staff").await;
        // The attacker has planted their own session in the browser of the victim.
        let mut victim = attacker.clone();
        for (claim, value) in [("sub", json!("1")), ("preferred_username", json!("ann")), ("groups", json!(["idp-admins"]))] {
            stage.identity.says(claim, value);
        }
        assert_eq!(victim.signs_in(SIGN_IN).await.status, 303);
        assert_ne!(victim.jar, attacker.jar, "a sign-in begins a session of its own");
        assert_eq!(stage.whoami(&mut victim).await.1["name"], "ann");
        assert_eq!(stage.whoami(&mut attacker.clone()).await.0, 401, "what was planted has ended");
        let mut forged = victim.clone();
        for value in forged.jar.values_mut() {
            let last = if value.ends_with('0') { '1' } else { '0' };
            value.pop();
            value.push(last);
        }
        assert_eq!(stage.whoami(&mut forged).await.0, 401);
        let secret = victim.jar.values().next().unwrap().rsplit('_').next().unwrap().to_owned();
        let id = victim.goes("/auth/session").await.json()["id"].as_str().unwrap().to_owned();
        let row = stage.served.store.session(&id).await.unwrap().unwrap();
        assert!(!format!("{row:?}").contains(&secret), "of the cookie only a digest is kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_from_elsewhere_changes_nothing() {
    let stage = Stage::new(Dialect::Sqlite, "").await;
    let (mut browser, token) = stage.person("1", "ann", "idp-admins").await;
    let base = stage.served.url().unwrap();
    let other = stage.person("2", "bob", "idp-admins").await.1;
    type Said<'a> = Option<&'a str>;
    let cases: [(Said, Said, Said, u16); 9] = [
        (None, None, Some(&token), 403),
        (Some("https://evil.example"), None, Some(&token), 403),
        (Some("null"), None, Some(&token), 403),
        (Some(&base), Some("cross-site"), Some(&token), 403),
        (Some(&base), Some("same-site"), Some(&token), 403),
        (Some(&base), Some("same-origin"), None, 403),
        (Some(&base), Some("same-origin"), Some(&other), 403),
        (Some(&base), None, Some(&token), 200),
        (None, Some("same-origin"), Some(&token), 200),
    ];
    for (origin, site, shown, status) in cases {
        let mut request = browser.request(Method::POST, "/api/v1/targets/test/pause").json(&json!({ "reason": "a look" }));
        for (name, value) in [("origin", origin), ("sec-fetch-site", site), ("x-entrain-page-token", shown)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let seen = browser.send(request).await;
        assert_eq!(seen.status, status, "{origin:?} {site:?}: {}", seen.body);
        assert!(status == 200 || seen.body.contains("cross_site"));
    }
    let form = browser
        .request(Method::POST, "/auth/sign-out")
        .header("origin", "https://evil.example")
        .body(format!("page_token={token}"));
    assert_eq!(browser.send(form).await.status, 403);
    assert_eq!(stage.whoami(&mut browser).await.0, 200, "nobody is signed out from elsewhere");
    let key = stage.served.key("eye", &["--role", "viewer"]).await.unwrap();
    let both = browser.request(Method::GET, "/api/v1/whoami").bearer_auth(key);
    assert_eq!(browser.send(both).await.json()["name"], "eye", "a credential that is shown goes before a cookie");
    let wrong = browser.request(Method::GET, "/api/v1/whoami").bearer_auth("entrain_x_y");
    assert_eq!(browser.send(wrong).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_role_stays_outside_and_that_is_told() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect, "").await;
        for groups in [json!([]), json!(["others"]), Json::Null, json!({ "idp-admins": true })] {
            stage.identity.says("groups", groups);
            let mut browser = stage.browser();
            let seen = browser.signs_in(SIGN_IN).await;
            nothing(&browser, &seen, 403, "nothing gives you a role");
        }
        for (groups, role) in [(json!("staff"), "viewer"), (json!(["staff", "idp-approvers", "x"]), "approver")] {
            stage.identity.says("groups", groups);
            let mut browser = stage.browser();
            browser.signs_in(SIGN_IN).await;
            assert_eq!(stage.whoami(&mut browser).await.1["role"], role);
        }
        let store = stage.served.store.clone();
        stage.served.service.stop().await;
        let refused = store.audit(&AuditScope::default(), 0, 10_000).await.unwrap();
        let refused: Vec<_> = refused.into_iter().filter(|row| row.action == "access_refused").map(|row| row.author).collect();
        assert_eq!(refused, ["subject 1"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_token_leaves_out_is_asked_for_and_only_of_the_same_person() {
    let stage = Stage::new(Dialect::Sqlite, "").await;
    stage.identity.says("groups", Json::Null);
    stage
        .identity
        .behaves(|manners| manners.more = json!({ "sub": "1", "groups": ["idp-admins"], "preferred_username": "other" }));
    let mut browser = stage.browser();
    browser.signs_in(SIGN_IN).await;
    let said = stage.whoami(&mut browser).await.1;
    assert_eq!((&said["role"], &said["name"]), (&json!("admin"), &json!("ann")), "what was signed goes first");
    stage.identity.behaves(|manners| manners.more["sub"] = json!("2"));
    let mut browser = stage.browser();
    let seen = browser.signs_in(SIGN_IN).await;
    nothing(&browser, &seen, 403, "somebody else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_down_stops_sign_ins_and_nothing_else() {
    let stage = Stage::new(Dialect::Sqlite, "").await;
    stage.identity.behaves(|manners| manners.down = true);
    let mut browser = stage.browser();
    let seen = browser.goes(SIGN_IN).await;
    nothing(&browser, &seen, 503, "the identity provider does not say what it is");
    stage.identity.behaves(|manners| manners.down = false);
    let late = async {
        loop {
            let mut browser = stage.browser();
            if browser.goes(SIGN_IN).await.status == 303 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), late).await.expect("it is asked again after a while");
    let mut browser = stage.browser();
    let back = browser.is_sent_back(SIGN_IN).await;
    stage.identity.behaves(|manners| manners.down = true);
    let seen = browser.goes(&back).await;
    nothing(&browser, &seen, 503, "gives no token");
    let key = stage.served.key("eye", &["--role", "viewer"]).await.unwrap();
    assert_eq!(stage.served.ask(Method::GET, "/targets", &key, None).await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_ended_by_command_and_by_an_admin() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect, "").await;
        let (mut ann, _) = stage.person("1", "ann", "staff").await;
        let (mut second, _) = stage.person("1", "ann", "staff").await;
        let (mut root, token) = stage.person("2", "root", "idp-admins").await;
        let (exit, said) = stage.served.entrain(&["sessions", "list"]).await.unwrap();
        assert_eq!((exit, said["sessions"].as_array().unwrap().len()), (Exit::Converged, 3), "{said}");
        let open = root.goes("/api/v1/sessions?limit=2").await.json();
        assert_eq!(open["items"].as_array().unwrap().len(), 2);
        let rest = root.goes(&format!("/api/v1/sessions?cursor={}", open["next"].as_str().unwrap())).await.json();
        assert_eq!(rest["items"].as_array().unwrap().len(), 1);
        let id = ann.goes("/auth/session").await.json()["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/sessions/{id}");
        assert_eq!(root.page(Method::DELETE, &path, &token, &Json::Null).await.status, 204);
        assert_eq!(root.page(Method::DELETE, &path, &token, &Json::Null).await.status, 404);
        assert_eq!(stage.whoami(&mut ann).await.0, 401);
        assert_eq!(stage.whoami(&mut second).await.0, 200);
        let (exit, said) = stage.served.entrain(&["sessions", "revoke", "ann"]).await.unwrap();
        assert_eq!((exit, &said["revoked"]), (Exit::Converged, &json!(1)));
        assert_eq!(stage.whoami(&mut second).await.0, 401);
        assert_eq!(stage.served.entrain(&["sessions", "revoke", "ann"]).await.unwrap().0, Exit::Usage);
        assert!(stage.acts().await.iter().any(|(act, by)| act == "session_revoked" && by == "root"));
    }
}

/// A clock that is so many minutes slow.
#[derive(Debug)]
struct Slow(i64);

#[async_trait::async_trait]
impl Clock for Slow {
    fn now(&self) -> Millis {
        SystemClock.now() - self.0 * 60_000
    }
    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_unused_in_the_end_and_when_the_rules_change() {
    // PostgreSQL keeps its own time.
    let stage = Stage::new(Dialect::Sqlite, "").await;
    let (mut browser, _) = stage.person("1", "ann", "staff").await;
    let id = browser.goes("/auth/session").await.json()["id"].as_str().unwrap().to_owned();
    let ours = stage.served.store.session(&id).await.unwrap().unwrap();
    let now = stage.served.store.now();
    assert!((now + 595 * 60_000..=now + 600 * 60_000).contains(&ours.expires_at), "{ours:?}");
    // Begun so many minutes ago, with so many left, under these rules.
    let rules = &*ours.rules;
    let cases = [(0, 60, rules, 200), (29, 60, rules, 200), (31, 60, rules, 401), (1, 0, rules, 401), (0, 60, "others", 401)];
    for (number, (ago, left, rules, status)) in cases.into_iter().enumerate() {
        let (id, secret) = (format!("{number:016x}"), format!("{number:064x}"));
        let new = NewSession {
            id: id.clone(),
            digest: Sha256::digest(&secret).iter().map(|byte| format!("{byte:02x}")).collect(),
            person: Person { issuer: ours.issuer.clone(), subject: "1".into(), name: "ann".into() },
            role: "viewer".into(),
            rules: rules.into(),
            expires_at: now + left * 60_000,
            state: id.clone(),
        };
        let store = Store::open(stage.served.database.url(), Arc::new(Slow(ago))).await.unwrap();
        store.begin_session(&new, None).await.unwrap();
        browser.jar.insert("entrain-session".into(), format!("entrain_{id}_{secret}"));
        assert_eq!(stage.whoami(&mut browser).await.0, status, "case {number}");
    }
    let used = stage.served.store.session(&format!("{:016x}", 1)).await.unwrap().unwrap().used_at;
    assert!(used >= now, "a use is noted, and the session goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sessions_of_one_person_are_one_approver() {
    for dialect in Dialect::all() {
        let tight =
            "[target.removal]\nusers = \"disable\"\n[target.limits]\ndisable = { count = 0 }\n[approvals]\nfour_eyes = true";
        let stage = Stage::new(dialect, tight).await;
        let (mut ann, token) = stage.person("1", "ann", "idp-approvers").await;
        let key = stage.served.key("hand", &["--role", "operator"]).await.unwrap();
        for user in ["u1", "u2"] {
            let path = format!("/source/users/{user}");
            assert!(stage.served.ask(Method::DELETE, &path, &key, None).await.unwrap().0 < 300);
        }
        let asked = json!({ "target": "test", "job": "delta-sync" });
        let run =
            stage.served.ask(Method::POST, "/runs", &key, Some(&asked)).await.unwrap().1["run"].as_str().unwrap().to_owned();
        let held = loop {
            let run = ann.goes(&format!("/api/v1/runs/{run}")).await.json();
            if run["finished_at"].is_string() {
                break run;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(held["state"], "held", "{held}");
        let (path, choice) = (format!("/api/v1/runs/{run}/approve"), json!({ "digest": held["digest"] }));
        assert_eq!(ann.page(Method::POST, &path, &token, &choice).await.json()["state"], "first_of_two");
        // The same person, by another name and with another session.
        let (mut again, token) = stage.person("1", "Ann-Marie", "idp-approvers").await;
        assert_eq!(stage.whoami(&mut again).await.1["name"], "ann", "who is renamed keeps the name of the first time");
        assert_eq!(again.page(Method::POST, &path, &token, &choice).await.json()["state"], "first_of_two");
        // Another person, who calls themselves as the first does.
        let (mut other, token) = stage.person("2", "ANN", "idp-approvers").await;
        assert_eq!(stage.whoami(&mut other).await.1["name"], "ANN (2)");
        assert_eq!(other.page(Method::POST, &path, &token, &choice).await.json()["state"], "carried_out");
        assert_eq!(
            stage.whoami(&mut stage.person("3", "HAND", "staff").await.0).await.1["name"],
            "HAND (3)",
            "a key has that name"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_led_elsewhere_by_a_sign_in() {
    let stage = Stage::new(Dialect::Sqlite, "").await;
    for (wanted, led) in [
        ("/api/v1/runs?state=held", "/api/v1/runs?state=held"),
        ("//evil.example", "/auth"),
        ("https://evil.example", "/auth"),
        ("/\\evil.example", "/auth"),
        ("/%0d%0aset-cookie:%20a=b", "/auth"),
    ] {
        let wanted = wanted.replace('?', "%3F").replace('=', "%3D");
        let seen = stage.browser().signs_in(&format!("/auth/sign-in?return_to={wanted}")).await;
        assert_eq!((seen.status, seen.location.as_str()), (303, led), "{wanted}");
        assert!(seen.cookies.iter().all(|cookie| cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax")), "{seen:?}");
    }
    let mut browser = stage.browser();
    let elsewhere = browser.request(Method::GET, SIGN_IN).header("host", "evil.example");
    let seen = browser.send(elsewhere).await;
    nothing(&browser, &seen, 403, "https://");
}
