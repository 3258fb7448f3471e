//! Logins, nicknames and country codes.

use rhai::{Dynamic, ImmutableString};

use super::{Entry, countries, letters, of_text, text_or_unit};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "local_part",
        call: "local_part(address)",
        says: "What stands before the last `@`; the whole text if there is none.",
        example: "local_part(\"ann.lee@corp.example\")",
        gives: "\"ann.lee\"",
        register: |engine| {
            of_text(engine, "local_part", |text| text_or_unit(text.rsplit_once('@').map_or(text, |(local, _)| local).to_owned()));
        },
    },
    Entry {
        name: "domain_part",
        call: "domain_part(address)",
        says: "What stands after the last `@`; `()` if there is none.",
        example: "domain_part(\"ann.lee@corp.example\")",
        gives: "\"corp.example\"",
        register: |engine| {
            of_text(engine, "domain_part", |text| {
                text.rsplit_once('@').map_or(Dynamic::UNIT, |(_, domain)| text_or_unit(domain.to_owned()))
            });
        },
    },
    Entry {
        name: "user_principal_name",
        call: "user_principal_name(name, domain)",
        says: "A login from a name: plain ASCII, small letters, white space as a dot, only characters that a login may hold, 64 at most, `@` and the domain. `()` if nothing is left of the name.",
        example: "user_principal_name(\"Zoë O'Neil\", \"corp.example\")",
        gives: "\"zoe.o'neil@corp.example\"",
        register: |engine| {
            engine.register_fn("user_principal_name", login);
            engine.register_fn("user_principal_name", |(): (), _: ImmutableString| ());
        },
    },
    Entry {
        name: "mail_nickname",
        call: "mail_nickname(text)",
        says: "What of the text a mail nickname may hold: plain ASCII, white space as a hyphen, 64 characters at most. `()` if nothing is left.",
        example: "mail_nickname(\"Équipe Ventes (Zürich)\")",
        gives: "\"Equipe-Ventes-Zurich\"",
        register: |engine| of_text(engine, "mail_nickname", |text| text_or_unit(letters::nickname(text))),
    },
    Entry {
        name: "initials",
        call: "initials(name)",
        says: "The first letter of each word, in capitals.",
        example: "initials(\"Jean-Luc Picard\")",
        gives: "\"JLP\"",
        register: |engine| of_text(engine, "initials", letters::initials),
    },
    Entry {
        name: "country_code",
        call: "country_code(country)",
        says: "The ISO 3166 alpha-2 code of an English country name, an alpha-3 code or an alpha-2 code. `()` if it is none of them.",
        example: "[country_code(\"Switzerland\"), country_code(\"deu\"), country_code(\"se\")]",
        gives: "[\"CH\", \"DE\", \"SE\"]",
        register: |engine| of_text(engine, "country_code", |text| countries::alpha2(text).map_or(Dynamic::UNIT, Dynamic::from)),
    },
];

/// The characters that a login may hold besides letters and digits (Graph, user resource).
const LOGIN_MARKS: &str = "'.-_!#^~";

fn login(name: ImmutableString, domain: ImmutableString) -> Dynamic {
    let plain = letters::plain(&name).to_ascii_lowercase();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let local: String =
        words.join(".").chars().filter(|c| c.is_ascii_alphanumeric() || LOGIN_MARKS.contains(*c)).take(64).collect();
    let local = local.trim_matches('.');
    if local.is_empty() { Dynamic::UNIT } else { format!("{local}@{domain}").into() }
}
