//! What can go wrong with the database, in words for the person who has to mend it.

/// A failure of the store. Nothing of the failed transaction was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, or the quota, of the database is full.
    #[error(
        "the database has no space left ({detail}). Nothing of this step was written and nothing is lost; free space on its disk, then it goes on"
    )]
    Full {
        /// What the database said.
        detail: String,
    },
    /// Somebody else holds the database, or rows of it, for longer than we wait.
    #[error("the database is busy ({detail}). Nothing of this step was written; it can be tried again")]
    Busy {
        /// What the database said.
        detail: String,
    },
    /// The database cannot be written.
    #[error("the database cannot be written ({detail}). Check owner, permissions and mount of the file and of its directory")]
    ReadOnly {
        /// What the database said.
        detail: String,
    },
    /// The database cannot be opened or reached.
    #[error("the database {url} cannot be opened: {detail}")]
    Unreachable {
        /// Which, without a password.
        url: String,
        /// Why, and what to do.
        detail: String,
    },
    /// The server went away in the middle, or takes nobody on yet.
    #[error("the database server does not answer ({detail}). It is asked again; look at the server if this stays so")]
    Lost {
        /// What was noticed.
        detail: String,
    },
    /// The file is damaged or is no database.
    #[error(
        "the database is damaged or is none ({detail}). Stop the service and restore the last backup; links are found again by their anchors"
    )]
    Corrupt {
        /// What the database said.
        detail: String,
    },
    /// A read or write of the disk failed.
    #[error("the disk of the database failed ({detail}). Look for errors of the device in the system's log")]
    Disk {
        /// What the database said.
        detail: String,
    },
    /// A newer Entrain has written this database.
    #[error(
        "the database has schema version {found}; this program knows versions up to {known}. Start the newer program, or restore the backup that was made before its upgrade"
    )]
    NewerSchema {
        /// Version in the database.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The file belongs to another program.
    #[error("{url} holds tables of another program and none of Entrain; name another database")]
    Foreign {
        /// Which, without a password.
        url: String,
    },
    /// What was asked for does not exist.
    #[error("there is no {what}")]
    Missing {
        /// Kind and name of what is missing.
        what: String,
    },
    /// The step contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    /// Somebody changed it since it was read.
    #[error("{what} was changed since it was read: {now}; read it again")]
    Changed {
        /// Kind and name.
        what: String,
        /// How it stands now.
        now: String,
    },
    /// One has approved, and two must. What was said is kept.
    #[error(
        "{by} has approved run {run}; it is carried out when somebody else approves the same: `entrain approve {run} --by NAME`"
    )]
    OneOfTwo {
        /// The run.
        run: String,
        /// Who was first.
        by: String,
    },
    /// A stored value cannot be understood.
    #[error("stored `{what}` cannot be understood: {detail}")]
    Unreadable {
        /// The column.
        what: String,
        /// Why.
        detail: String,
    },
    /// A failure that a test asked for.
    #[error("stopped by a test at {0}")]
    Injected(&'static str),
    /// Any other failure of the database.
    #[error("the database refused a step: {0}")]
    Database(String),
}

impl From<sqlx::Error> for StoreError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not told apart is shown as it is")]
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => classify(error.code().as_deref().unwrap_or_default(), error.message().to_owned()),
            sqlx::Error::PoolTimedOut => StoreError::Busy { detail: "no connection became free in time".into() },
            // Only a server is spoken to through a socket: SQLite has codes of its own for its disk.
            sqlx::Error::Io(error) => StoreError::Lost { detail: error.to_string() },
            other => StoreError::Database(other.to_string()),
        }
    }
}

/// Tells failures apart by code: a number for SQLite (sqlite.org/rescode.html, the primary code is the lowest byte), five
/// characters for PostgreSQL (appendix A of its manual).
fn classify(code: &str, detail: String) -> StoreError {
    if code.len() == 5 {
        return match code {
            "53100" => StoreError::Full { detail },
            "40001" | "40P01" | "55P03" | "53300" | "57014" => StoreError::Busy { detail },
            "57P01" | "57P02" | "57P03" | "08000" | "08001" | "08003" | "08004" | "08006" => StoreError::Lost { detail },
            "25006" | "42501" => StoreError::ReadOnly { detail },
            "XX001" | "XX002" => StoreError::Corrupt { detail },
            "58030" => StoreError::Disk { detail },
            _ => StoreError::Database(format!("{detail} ({code})")),
        };
    }
    match code.parse::<i64>().unwrap_or_default() & 0xff {
        13 => StoreError::Full { detail },
        5 | 6 => StoreError::Busy { detail },
        3 | 8 => StoreError::ReadOnly { detail },
        11 | 26 => StoreError::Corrupt { detail },
        10 => StoreError::Disk { detail },
        _ => StoreError::Database(format!("{detail} ({code})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_have_one_meaning() {
        let kind = |code: &str| format!("{:?}", classify(code, "x".into())).split([' ', '(']).next().unwrap().to_owned();
        for (code, expected) in [
            ("13", "Full"),
            ("53100", "Full"),
            ("5", "Busy"),
            ("261", "Busy"),
            ("517", "Busy"),
            ("40P01", "Busy"),
            ("57P01", "Lost"),
            ("57P03", "Lost"),
            ("8", "ReadOnly"),
            ("1032", "ReadOnly"),
            ("25006", "ReadOnly"),
            ("11", "Corrupt"),
            ("26", "Corrupt"),
            ("10", "Disk"),
            ("778", "Disk"),
            ("1555", "Database"),
            ("23505", "Database"),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
