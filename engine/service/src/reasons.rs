//! What to do about a reason: the words of docs/reasons.md, which is thereby the one place where they stand.

const PAGE: &str = include_str!("../../../docs/reasons.md");

/// What to do about what has this code: a hold, a halt, or a line of a plan that came to nothing.
pub(crate) fn remedy(code: &str) -> String {
    let found = match code {
        "failed" | "held" => from("## Holds", code),
        "dropped" => Some("nothing: it was no longer true when its turn came, and its object is queued anew"),
        "unknown" => Some("nothing: its outcome is not known, and it is looked for before anything is done again"),
        _ => from("## Holds", code).or_else(|| from("## Halts", code)),
    };
    found.unwrap_or("read the message").to_owned()
}

/// The third column of the row of that code.
fn from(section: &str, code: &str) -> Option<&'static str> {
    let (_, rest) = PAGE.split_once(section)?;
    let rows = rest.split("\n## ").next()?.lines();
    let mut cells = rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim));
    cells.find_map(|mut cells| if cells.next()?.trim_matches('`') == code { cells.nth(1) } else { None })
}

#[cfg(test)]
mod tests {
    use entrain_model::Hold;
    use entrain_store::HaltKind;

    use super::*;

    #[test]
    fn every_hold_and_halt_has_a_remedy() {
        for code in Hold::CODES.iter().chain(HaltKind::CODES) {
            assert_ne!(remedy(code), "read the message", "{code}");
        }
        assert_eq!(remedy("parked"), "`entrain unpark`, when it may go on");
    }
}
