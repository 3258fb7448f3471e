//! When a certificate begins and ends, from the certificate itself: as little of X.509 (RFC 5280, section 4.1) as that takes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use entrain_model::Millis;
use sha2::{Digest as _, Sha256};
use time::PrimitiveDateTime;
use time::macros::format_description;

use super::assertion::block;

/// What identifies a certificate, and its end.
pub(crate) struct Certificate {
    /// Its SHA-256 thumbprint as assertions name it.
    pub(crate) thumbprint: String,
    /// The first moment at which it is valid.
    pub(crate) starts: Millis,
    /// The last moment at which it is valid.
    pub(crate) ends: Millis,
}

/// The bytes of the first certificate of a PEM text; the error says why there are none.
pub(super) fn bytes(pem: &str) -> Result<Vec<u8>, String> {
    let certificate = block(pem, "CERTIFICATE").ok_or("the PEM text has no certificate")?;
    let body: String = certificate.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(body).map_err(|error| format!("the certificate is not readable: {error}"))
}

/// The thumbprint of a certificate.
pub(super) fn thumbprint(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

/// The first certificate of a PEM text, if it can be read.
pub(crate) fn of(pem: &str) -> Option<Certificate> {
    let bytes = bytes(pem).ok()?;
    let (starts, ends) = validity(&bytes)?;
    Some(Certificate { thumbprint: thumbprint(&bytes), starts, ends })
}

/// `notBefore` and `notAfter`: the two times of the validity, which is the first sequence after the issuer.
fn validity(certificate: &[u8]) -> Option<(Millis, Millis)> {
    let (whole, _) = Element::first(certificate)?;
    let (signed, _) = Element::first(whole.content)?;
    let mut fields = signed.fields();
    // The version may be missing; serial number, algorithm and issuer never are.
    let first = fields.next()?;
    let before = if first.tag == VERSION { 3 } else { 2 };
    let validity = fields.nth(before)?;
    let mut times = validity.fields();
    Some((times.next()?.moment()?, times.next()?.moment()?))
}

/// The tag of the version: `[0]`.
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// One element of DER (X.690, section 8.1).
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The element at the beginning, and what comes after it.
    fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let [tag, short, rest @ ..] = bytes else { return None };
        let digits = if short & 0x80 == 0 { 0 } else { usize::from(short & 0x7F) };
        let (long, rest) = rest.split_at_checked(digits).filter(|_| digits <= 4)?;
        let long = long.iter().fold(0_usize, |length, byte| length * 256 + usize::from(*byte));
        let (content, rest) = rest.split_at_checked(if digits == 0 { usize::from(*short) } else { long })?;
        Some((Self { tag: *tag, content }, rest))
    }

    /// The elements within.
    fn fields(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let mut rest = self.content;
        std::iter::from_fn(move || {
            let (element, after) = Element::first(rest)?;
            rest = after;
            Some(element)
        })
    }

    /// A time in UTC, to the second. Years of two digits are those from 1950 to 2049.
    fn moment(&self) -> Option<Millis> {
        let text = std::str::from_utf8(self.content).ok()?;
        let whole = match self.tag {
            GENERALIZED_TIME => text.to_owned(),
            UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
            _ => return None,
        };
        let form = format_description!("[year][month][day][hour][minute][second]Z");
        let moment = PrimitiveDateTime::parse(&whole, form).ok()?;
        Some(moment.assume_utc().unix_timestamp() * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(year: i32) -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut wanted = rcgen::CertificateParams::new(vec!["entrain.test".into()]).unwrap();
        wanted.not_before = rcgen::date_time_ymd(year - 1, 6, 1);
        wanted.not_after = rcgen::date_time_ymd(year, 6, 1);
        wanted.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn both_forms_of_time_are_read() {
        // 2049 is the last year of the short form.
        for (year, seconds) in [(2030, 1_906_502_400), (2049, 2_506_118_400), (2051, 2_569_190_400)] {
            let certificate = of(&ending(year)).unwrap();
            assert_eq!(certificate.ends, seconds * 1000, "{year}");
            let days = (certificate.ends - certificate.starts) / 86_400_000;
            assert!((365..=366).contains(&days), "{year}: {days}");
        }
    }

    #[test]
    fn what_is_cut_or_none_is_not_read() {
        let whole = bytes(&ending(2030)).unwrap();
        assert!((0..whole.len()).all(|length| validity(&whole[..length]).is_none()), "a part is no certificate");
        assert!(of("").is_none() && of("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----").is_none());
    }
}
