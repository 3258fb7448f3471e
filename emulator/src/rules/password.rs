//! Password rules.

use crate::failure::Failure;
use serde_json::Value as Json;

const WEAK: &str =
    "The specified password does not comply with password complexity requirements. Please provide a different password.";

/// What the profile of a new user has.
pub(super) const REQUIRED: &[&str] = &["password", "forceChangePasswordNextSignIn"];

/// Checks a password profile: 8 to 256 ASCII characters and, unless `DisableStrongPassword`, three of four classes, and not one of
/// the banned words with little else.
///
/// # Errors
/// 400 for a profile of the wrong form or a weak password.
pub(crate) fn check(profile: &Json, policies: &str, banned: &[String]) -> Result<(), Failure> {
    let wrong = |field: &str| Failure::bad_request(format!("Invalid property '{field}' for resource 'PasswordProfile'."));
    let fields = profile.as_object().ok_or_else(|| wrong("passwordProfile"))?;
    for (name, value) in fields {
        let fits = match name.as_str() {
            "password" => value.is_string(),
            "forceChangePasswordNextSignIn" | "forceChangePasswordNextSignInWithMfa" => value.is_boolean(),
            annotation => annotation.starts_with("@odata."),
        };
        if !fits {
            return Err(wrong(name));
        }
    }
    let password = fields.get("password").and_then(Json::as_str);
    match password {
        Some(password) if is_banned(password, banned) || !is_strong(password, policies.contains("DisableStrongPassword")) => {
            Err(Failure::bad_request(WEAK).detail("InvalidValue", "passwordProfile"))
        }
        Some(_) => Ok(()),
        None if fields.contains_key("forceChangePasswordNextSignIn") => Ok(()),
        None => Err(wrong("password")),
    }
}

/// The fewest points of a password: each banned word in it is one, and so is each other character.
const FEWEST_POINTS: usize = 5;

fn is_banned(password: &str, banned: &[String]) -> bool {
    let plain = |letter: char| match letter.to_ascii_lowercase() {
        '0' => 'o',
        '1' => 'l',
        '$' => 's',
        '@' => 'a',
        letter => letter,
    };
    let folded: String = password.chars().map(plain).collect();
    let small = password.to_ascii_lowercase();
    let points = |text: &str, word: &str| {
        let found = text.matches(word).count();
        (found > 0).then(|| found + text.chars().count() - found * word.chars().count())
    };
    let of = |word: &String| points(&folded, word).or_else(|| points(&small, word));
    banned.iter().filter(|word| !word.is_empty()).filter_map(of).any(|points| points < FEWEST_POINTS)
}

fn is_strong(password: &str, any_class: bool) -> bool {
    let classes: [fn(&u8) -> bool; 4] =
        [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit, |letter| !letter.is_ascii_alphanumeric()];
    let used = classes.iter().filter(|class| password.as_bytes().iter().any(class)).count();
    password.is_ascii() && (8..=256).contains(&password.len()) && (any_class || used >= 3)
}
