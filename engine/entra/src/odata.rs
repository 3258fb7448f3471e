//! How names and values are written into Graph's addresses.

use std::fmt::Write as _;

/// A text literal of OData: in single quotes, and those within doubled. Every value in a filter or key passes here.
pub(crate) fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// Escapes a path segment or a query value, RFC 3986 section 2.1: everything but unreserved characters and `@`.
pub(crate) fn escape(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => escaped.push(char::from(byte)),
            // Writing to a String cannot fail.
            other => _ = write!(escaped, "%{other:02X}"),
        }
        escaped
    })
}

/// A key in an address: `(name='value')`.
pub(crate) fn key(name: &str, value: &str) -> String {
    format!("({name}='{}')", escape(&value.replace('\'', "''")))
}

/// A query of options without their dollar sign. Commas and slashes in them stay, which keeps `$select` readable.
pub(crate) fn query(options: &[(&str, &str)]) -> String {
    let options: Vec<String> = options
        .iter()
        .map(|(name, value)| format!("${name}={}", escape(value).replace("%2C", ",").replace("%2F", "/").replace("%3D", "=")))
        .collect();
    options.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apostrophe_is_doubled_in_a_literal_and_escaped_in_a_key() {
        assert_eq!(literal("o'hara@contoso.com"), "'o''hara@contoso.com'");
        assert_eq!(key("uniqueName", "a'b/c"), "(uniqueName='a%27%27b%2Fc')");
    }

    #[test]
    fn no_value_can_leave_its_segment() {
        assert_eq!(escape("a/../b?x#y z+ü"), "a%2F..%2Fb%3Fx%23y%20z%2B%C3%BC");
        assert_eq!(escape("ann.lee#1@contoso.com"), "ann.lee%231@contoso.com");
    }

    #[test]
    fn a_value_cannot_add_an_option() {
        let filter = format!("displayName eq {}", literal("R&D $top=1"));
        assert_eq!(
            query(&[("filter", &filter), ("select", "id,mail")]),
            "$filter=displayName%20eq%20%27R%26D%20%24top=1%27&$select=id,mail"
        );
    }
}
