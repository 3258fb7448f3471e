//! First passwords: drawn at the call, sent once, kept nowhere.

use entrain_model::{DirectoryError, Fault};

const LENGTH: usize = 28;
/// Each class must occur. Characters that people confuse are left out.
const CLASSES: [&[u8]; 4] = [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnpqrstuvwxyz", b"23456789", b"!#%+-=?@_"];

/// A password that satisfies every rule of Entra ID ("Password policies": 8 to 256 characters, three of four classes).
pub(super) fn draw() -> Result<String, DirectoryError> {
    let alphabet: Vec<u8> = CLASSES.concat();
    loop {
        let password = (0..LENGTH).map(|_| pick(&alphabet)).collect::<Result<Vec<u8>, _>>()?;
        if CLASSES.iter().all(|class| password.iter().any(|c| class.contains(c))) {
            return Ok(password.into_iter().map(char::from).collect());
        }
    }
}

/// One character, each as likely as any other.
fn pick(alphabet: &[u8]) -> Result<u8, DirectoryError> {
    let fair = 256 - 256 % alphabet.len();
    loop {
        let mut byte = [0];
        #[expect(clippy::disallowed_methods, reason = "nobody may be able to draw a first password again")]
        getrandom::fill(&mut byte).map_err(|error| {
            DirectoryError::new(
                Fault::Unreachable,
                format!("no first password could be drawn, the system gives no randomness: {error}"),
            )
        })?;
        if usize::from(byte[0]) < fair {
            return Ok(alphabet[usize::from(byte[0]) % alphabet.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn passwords_are_long_have_all_classes_and_never_repeat() {
        let drawn: BTreeSet<String> = (0..200).map(|_| draw().unwrap()).collect();
        assert_eq!(drawn.len(), 200);
        for password in drawn {
            assert!(password.len() >= 24 && password.is_ascii());
            assert!(CLASSES.iter().all(|class| password.bytes().any(|c| class.contains(&c))), "{password}");
        }
    }
}
