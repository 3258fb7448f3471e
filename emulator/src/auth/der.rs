//! Just enough DER to find the key of a certificate and the numbers of an RSA key (X.690, RFC 5280, RFC 8017).

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// A value: its tag and its content; the rest follows.
fn value(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        let digits = rest.get(..count).filter(|_| count <= 4)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest.get(count..)?)
    };
    Some((*tag, rest.get(..length)?, rest.get(length..)?))
}

fn tagged(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    value(bytes).filter(|(tag, ..)| *tag == wanted).map(|(_, content, rest)| (content, rest))
}

/// What follows the issuer in an X.509 certificate: validity, subject, key.
fn after_issuer(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = tagged(certificate, SEQUENCE)?;
    let (mut fields, _) = tagged(certificate, SEQUENCE)?;
    if let Some((_, rest)) = tagged(fields, VERSION) {
        fields = rest;
    }
    // Serial number, signature algorithm, issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        fields = tagged(fields, tag)?.1;
    }
    Some(fields)
}

/// From when until when an X.509 certificate is valid, in unix milliseconds.
pub(crate) fn validity_of(certificate: &[u8]) -> Option<(i64, i64)> {
    let (validity, _) = tagged(after_issuer(certificate)?, SEQUENCE)?;
    let (tag, from, rest) = value(validity)?;
    let (other, until, _) = value(rest)?;
    Some((moment(tag, from)?, moment(other, until)?))
}

/// `YYMMDDhhmmssZ`, or with four digits of the year; years of two digits are those from 1950 to 2049.
fn moment(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let digits = match tag {
        UTC_TIME if text < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let form = time::macros::format_description!("[year][month][day][hour][minute][second]");
    let moment = time::PrimitiveDateTime::parse(&digits, form).ok()?.assume_utc();
    Some(moment.unix_timestamp() * 1000)
}

/// The RSA public key (PKCS #1) of an X.509 certificate.
pub(crate) fn rsa_key_of(certificate: &[u8]) -> Option<&[u8]> {
    let mut fields = after_issuer(certificate)?;
    // Validity, subject.
    for tag in [SEQUENCE, SEQUENCE] {
        fields = tagged(fields, tag)?.1;
    }
    let (key_info, _) = tagged(fields, SEQUENCE)?;
    let (_, rest) = tagged(key_info, SEQUENCE)?;
    let (bits, _) = tagged(rest, BIT_STRING)?;
    bits.strip_prefix(&[0])
}

/// Modulus and exponent of an RSA private key (PKCS #1), without leading zeros.
pub(crate) fn rsa_numbers(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, _) = tagged(key, SEQUENCE)?;
    let (_, rest) = tagged(key, INTEGER)?;
    let (modulus, rest) = tagged(rest, INTEGER)?;
    let (exponent, _) = tagged(rest, INTEGER)?;
    Some((modulus.strip_prefix(&[0]).unwrap_or(modulus), exponent))
}
