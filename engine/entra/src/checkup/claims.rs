//! What an access token says of itself. Graph alone judges a token; this only tells an operator what it carries.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value as Json;

/// Claims of an application's token (Microsoft identity platform, "access token claims reference").
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// `roles`: the application permissions.
    pub(super) roles: BTreeSet<String>,
    /// `tid`.
    pub(super) tenant: String,
    /// `appid`, in tokens of the second version `azp`.
    pub(super) application: String,
}

impl Claims {
    /// `None` if it is no readable JWT, RFC 7519.
    pub(super) fn of(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let claims: Json = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let text = |name: &str| claims[name].as_str().unwrap_or("unknown").to_owned();
        let roles = claims["roles"].as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect();
        let application = if claims["appid"].is_string() { text("appid") } else { text("azp") };
        Some(Self { roles, tenant: text("tid"), application })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(claims: &Json) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn a_token_tells_its_roles() {
        let claims = Claims::of(&token(&json!({ "roles": ["B", "A"], "tid": "t", "appid": "a" }))).unwrap();
        assert_eq!(claims.roles.into_iter().collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!((claims.tenant.as_str(), claims.application.as_str()), ("t", "a"));
        let claims = Claims::of(&token(&json!({ "azp": "a2" }))).unwrap();
        assert_eq!((claims.roles.len(), claims.application.as_str()), (0, "a2"), "nobody consented");
    }

    #[test]
    fn what_is_no_jwt_tells_nothing() {
        for token in ["", "opaque", "a.b.c", "e30.!!!.x"] {
            assert_eq!(Claims::of(token), None, "{token}");
        }
    }
}
