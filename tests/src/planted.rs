//! Secrets that a test plants, and the search for them: as they are, and as they would look in a dump, an address, JSON or base64.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Shorter texts would be found by chance.
const SHORTEST: usize = 8;

/// Secrets that must be seen nowhere.
#[derive(Debug)]
pub struct Planted {
    names: Vec<String>,
    /// What is looked for, by its first two bytes, with the place of its name.
    needles: Vec<Vec<(usize, Vec<u8>)>>,
}

impl Default for Planted {
    fn default() -> Self {
        Self { names: Vec::new(), needles: vec![Vec::new(); 1 << 16] }
    }
}

impl Planted {
    /// A secret under a name that may be told.
    pub fn plant(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= SHORTEST, "{name} is too short to be looked for");
        self.plant_bytes(name, secret.as_bytes());
    }

    /// A private key in PEM. Its first lines are not secret: they are what its certificate says as well.
    pub fn plant_key(&mut self, name: &str, pem: &str) {
        let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        assert!(lines.len() > 20, "{name} is no RSA key");
        for line in &lines[9..lines.len() - 1] {
            self.plant_bytes(name, line.as_bytes());
            self.plant_bytes(name, &STANDARD.decode(line).unwrap_or_default());
        }
    }

    fn plant_bytes(&mut self, name: &str, secret: &[u8]) {
        let place = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        for form in forms(secret) {
            self.needles[start(&form, 0)].push((place, form));
        }
    }

    /// The names of those that are there.
    pub fn seen_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        for at in 0..bytes.len().saturating_sub(1) {
            for (place, needle) in &self.needles[start(bytes, at)] {
                if bytes[at..].starts_with(needle) {
                    seen.insert(self.names[*place].as_str());
                }
            }
        }
        seen
    }
}

fn start(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

/// A secret as it would look wherever it may turn up.
fn forms(secret: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::from([secret.to_vec()]);
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    forms.extend([hex.to_uppercase().into_bytes(), hex.into_bytes()]);
    if let Ok(text) = std::str::from_utf8(secret) {
        let quoted = serde_json::Value::from(text).to_string();
        forms.insert(quoted.as_bytes()[1..quoted.len() - 1].to_vec());
        let escaped = reqwest::Url::parse_with_params("x:", [("x", text)]).map(|url| url.query().unwrap_or_default().to_owned());
        forms.extend(escaped.map(|query| query.as_bytes()[2..].to_vec()));
    }
    // In the middle of something longer it may begin at each third of a group.
    for before in 0..3 {
        let whole = [&[0; 3][..before], secret].concat();
        let (first, last) = ((before * 8).div_ceil(6), whole.len() * 8 / 6);
        forms.extend([STANDARD.encode(&whole), URL_SAFE.encode(&whole)].map(|text| text.as_bytes()[first..last].to_vec()));
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_nothing_else_is() {
        let mut planted = Planted::default();
        planted.plant("one", "s3cret \"in\" two+words/");
        planted.plant("other", "whsec_another");
        let hex: String = b"s3cret \"in\" two+words/".iter().map(|byte| format!("{byte:02x}")).collect();
        for text in [
            "before s3cret \"in\" two+words/ after".to_owned(),
            r#"{"secret":"s3cret \"in\" two+words/"}"#.to_owned(),
            "https://x/?secret=s3cret+%22in%22+two%2Bwords%2F&more".to_owned(),
            format!("\\x{hex}"),
            STANDARD.encode("s3cret \"in\" two+words/"),
            STANDARD.encode("a s3cret \"in\" two+words/ b"),
            STANDARD.encode("ab s3cret \"in\" two+words/ c"),
            URL_SAFE.encode("abc s3cret \"in\" two+words/"),
        ] {
            assert_eq!(planted.seen_in(text.as_bytes()), BTreeSet::from(["one"]), "{text}");
        }
        assert!(planted.seen_in(b"s3cret in two words, whsec_").is_empty());
        assert!(planted.seen_in(b"").is_empty());
    }

    #[test]
    fn each_part_of_a_private_key_is_found_but_not_its_certificate() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["entrain.test".into()]).unwrap().self_signed(&key).unwrap();
        let mut planted = Planted::default();
        planted.plant_key("key", &key.serialize_pem());
        assert_eq!(planted.seen_in(&key.serialize_der()[600..800]), BTreeSet::from(["key"]));
        assert_eq!(planted.seen_in(key.serialize_pem().lines().nth(12).unwrap().as_bytes()), BTreeSet::from(["key"]));
        assert!(planted.seen_in(certificate.pem().as_bytes()).is_empty() && planted.seen_in(certificate.der()).is_empty());
    }
}
