//! Cookies of this server: nobody but the server reads them, and no other host or path gives or gets them.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::http::Origin;

/// One of them, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session of a person.
    Session,
    /// A sign-in that is under way.
    SignIn,
}

/// How long a browser keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// Until the browser ends.
    Browser,
    /// So many seconds.
    Seconds(u32),
    /// Not any more.
    Gone,
}

impl Cookie {
    /// The name. With its prefix a browser takes it only over TLS, from this very host and for all of it: no neighbour below the same
    /// domain can plant one.
    fn name(self, origin: &Origin) -> &'static str {
        match (self, origin.is_private()) {
            (Cookie::Session, true) => "__Host-entrain-session",
            (Cookie::Session, false) => "entrain-session",
            (Cookie::SignIn, true) => "__Host-entrain-sign-in",
            (Cookie::SignIn, false) => "entrain-sign-in",
        }
    }

    /// Its value in a request. Of two of one name neither counts.
    pub(crate) fn read<'a>(self, headers: &'a HeaderMap, origin: &Origin) -> Option<&'a str> {
        let name = self.name(origin);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut values = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key.trim() == name).then(|| value.trim())
        });
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// The header that sets it. It comes along when somebody follows a link from elsewhere, as from the identity provider, and with
    /// no other request from elsewhere.
    pub(crate) fn set(self, value: &str, lasting: Lasting, origin: &Origin) -> Option<HeaderValue> {
        let secure = if origin.is_private() { "; Secure" } else { "" };
        let age = match lasting {
            Lasting::Browser => String::new(),
            Lasting::Seconds(seconds) => format!("; Max-Age={seconds}"),
            Lasting::Gone => "; Max-Age=0".to_owned(),
        };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", self.name(origin));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_for_this_host_alone_and_one_that_is_there_twice_is_none() {
        let (private, plain) = (Origin("https://idp.example".into()), Origin("http://localhost:8080".into()));
        let set = Cookie::Session.set("v", Lasting::Browser, &private).unwrap();
        assert_eq!(set, "__Host-entrain-session=v; Path=/; HttpOnly; SameSite=Lax; Secure");
        let set = Cookie::SignIn.set("", Lasting::Gone, &plain).unwrap();
        assert_eq!(set, "entrain-sign-in=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");

        let read = |lines: &[&'static str], origin: &Origin| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_static(line));
            }
            Cookie::Session.read(&headers, origin).map(str::to_owned)
        };
        assert_eq!(read(&["a=b; __Host-entrain-session=v; c=d"], &private).as_deref(), Some("v"));
        assert_eq!(read(&["entrain-session=v"], &private), None, "a neighbour can plant this one");
        assert_eq!(read(&["entrain-session=v"], &plain).as_deref(), Some("v"));
        assert_eq!(read(&["entrain-session=v; entrain-session=w"], &plain), None);
        assert_eq!(read(&["entrain-session=v", "entrain-session=v"], &plain), None);
    }
}
