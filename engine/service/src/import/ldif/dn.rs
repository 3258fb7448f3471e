//! Distinguished names (RFC 4514), in one form for all ways to write the same name.

/// The name with types and values in lower case, without escapes and idle spaces; `None` for what is no name.
///
/// Values are compared without case, as directories compare names of people and groups.
pub(super) fn normal(dn: &str) -> Option<String> {
    let mut parts = Vec::new();
    for rdn in split(dn, ',') {
        let mut values = Vec::new();
        for pair in split(&rdn, '+') {
            let (name, value) = pair.split_once('=')?;
            if name.trim().is_empty() {
                return None;
            }
            values.push(format!("{}={}", name.trim().to_lowercase(), plain(value)?));
        }
        values.sort();
        parts.push(values.join("\u{1}"));
    }
    Some(parts.join("\u{0}"))
}

/// The value of the first part, as in `uid=jdoe,ou=people`.
pub(super) fn first_value(dn: &str) -> Option<(String, String)> {
    let first = split(dn, ',').into_iter().next()?;
    let (name, value) = first.split_once('=')?;
    Some((name.trim().to_lowercase(), unescaped(value.trim())?))
}

/// Splits at a separator that is not escaped.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == separator && !escaped {
            parts.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

fn plain(value: &str) -> Option<String> {
    let value = unescaped(value.trim())?.to_lowercase();
    Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Resolves `\,` and `\2C`.
fn unescaped(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let hex =
            after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok()).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let (byte, length) = match hex {
            Some(byte) => (byte, 2),
            None => (*after.first()?, 1),
        };
        bytes.push(byte);
        rest = &after[length..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_one_form_however_it_is_written() {
        let normal = |dn| normal(dn).unwrap();
        assert_eq!(normal("UID=jdoe, OU=People,dc=corp"), normal("uid=JDoe,ou=people,dc=corp"));
        assert_eq!(normal(r"cn=Doe\, Jane,ou=x"), normal(r"cn=Doe\2C  Jane,ou=x"));
        assert_eq!(normal("cn=a+uid=b,ou=x"), normal("uid=b+cn=a,ou=x"));
        assert_ne!(normal(r"cn=a\,ou=x,dc=c"), normal("cn=a,ou=x,dc=c"));
        assert_eq!(normal(r"cn=M\C3\BCller"), normal("cn=müller"));
    }

    #[test]
    fn what_is_no_name_has_no_form() {
        assert_eq!(normal("jdoe"), None);
        assert_eq!(normal(r"cn=\"), None);
        assert_eq!(normal("=x"), None);
    }

    #[test]
    fn the_first_part_is_found() {
        assert_eq!(first_value(r"uid=o\'x,ou=y"), Some(("uid".into(), "o'x".into())));
    }
}
