//! The few pages that a person sees. Without style and without script: there is nothing that another page could make use of.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};

use crate::http::Visit;

/// What a page may do: send its own forms to this server.
const POLICY: &str = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page of somebody who has signed in.
pub(super) fn signed_in(visit: &Visit) -> Response {
    let (name, role, token) = (escaped(&visit.session.name), escaped(&visit.session.role), &visit.page_token);
    page(
        StatusCode::OK,
        &format!(
            "<p>You are <strong>{name}</strong>, with the role <strong>{role}</strong>.</p>\n\
             <form method=\"post\" action=\"/auth/sign-out\"><input type=\"hidden\" name=\"page_token\" value=\"{token}\">\
             <button>Sign out</button></form>"
        ),
    )
}

/// The page of everybody else.
pub(super) fn signed_out() -> Response {
    page(StatusCode::OK, "<p>You are not signed in.</p>\n<p><a href=\"/auth/sign-in\">Sign in</a></p>")
}

/// What did not work, and what to do.
pub(super) fn failed(status: StatusCode, what: &str) -> Response {
    page(status, &format!("<p>{}</p>\n<p><a href=\"/auth/sign-in\">Sign in again</a></p>", escaped(what)))
}

fn page(status: StatusCode, body: &str) -> Response {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Entrain</title></head>\n<body>\n<h1>Entrain</h1>\n{body}\n\
         </body>\n</html>\n"
    );
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        // Without it a browser does not say of a form which page it was on.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (status, headers, Html(text)).into_response()
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_and_nothing_else() {
        assert_eq!(escaped("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
    }
}
