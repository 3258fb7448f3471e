//! Statements: text with numbered placeholders, arguments, and the reading of rows.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, Row as _};

use entrain_model::{Kind, ObjectRef, RunId, SourceId, TargetId, TargetName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::failpoint::statement;
use crate::{Result, StoreError};

/// Rows of one multi-row statement: enough to be fast, few enough for every limit on placeholders.
pub(crate) const CHUNK: usize = 250;

/// What `sqlx` calls it.
const SQLITE: &str = "SQLite";

/// An argument.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    Text(Option<String>),
    Int(Option<i64>),
}

/// A statement. Its first arguments are `$1`, `$2`, ..; those of generated rows follow.
#[derive(Debug)]
pub(crate) struct Sql {
    text: String,
    args: Vec<Arg>,
}

impl Sql {
    /// Begins with a text.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), args: Vec::new() }
    }

    /// Gives the next argument, without writing its placeholder.
    pub(crate) fn arg(mut self, arg: impl Into<Arg>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds text, the placeholder of the next argument, and the argument.
    pub(crate) fn bind(mut self, text: &str, arg: impl Into<Arg>) -> Self {
        self.args.push(arg.into());
        self.text.push_str(text);
        self.text.push('$');
        self.text.push_str(&self.args.len().to_string());
        self
    }

    /// Adds rows in parentheses, separated by commas, and their arguments.
    pub(crate) fn rows(mut self, rows: impl IntoIterator<Item: IntoIterator<Item = Arg>>) -> Self {
        for (index, row) in rows.into_iter().enumerate() {
            self.text.push_str(if index == 0 { "(" } else { ", (" });
            for (column, arg) in row.into_iter().enumerate() {
                self.args.push(arg);
                if column > 0 {
                    self.text.push_str(", ");
                }
                self.text.push('$');
                self.text.push_str(&self.args.len().to_string());
            }
            self.text.push(')');
        }
        self
    }

    /// Adds the kinds and ids of objects as rows. To compare several columns with rows, write `(kind, id) in (select * from
    /// (values ..) as page)`: SQLite reads the whole table for `(kind, id) in (values ..)` as soon as there are two rows.
    pub(crate) fn objects<'a>(self, objects: impl IntoIterator<Item = &'a ObjectRef>) -> Self {
        self.rows(objects.into_iter().map(|object| [object.kind.into(), (&object.id).into()]))
    }

    fn prepared(self, connection: &AnyConnection) -> Result<sqlx::query::Query<'static, sqlx::Any, AnyArguments>> {
        let Self { text, args } = if connection.backend_name() == SQLITE { self.without_numbers() } else { self };
        let mut arguments = AnyArguments::default();
        arguments.reserve(args.len(), 0);
        for arg in args {
            match arg {
                Arg::Text(value) => arguments.add(value),
                Arg::Int(value) => arguments.add(value),
            }
            .map_err(|error| StoreError::Database(error.to_string()))?;
        }
        Ok(sqlx::query_with(AssertSqlSafe(text), arguments))
    }

    /// The same with bare `?` and an argument for each. SQLite takes a numbered placeholder for a name and looks through all
    /// names of the statement for each of them, so that hundreds of rows cost their square.
    fn without_numbers(self) -> Self {
        let (mut text, mut args) = (String::with_capacity(self.text.len()), Vec::with_capacity(self.args.len()));
        let (mut rest, mut quoted) = (self.text.as_str(), false);
        while let Some(place) = rest.find(['$', '\'']) {
            let (before, from) = rest.split_at(place);
            text.push_str(before);
            let digits = from[1..].bytes().take_while(u8::is_ascii_digit).count();
            let number = from.get(1..=digits).and_then(|number| number.parse::<usize>().ok());
            match number.and_then(|number| self.args.get(number.checked_sub(1)?)) {
                Some(arg) if !quoted && from.starts_with('$') => {
                    text.push('?');
                    args.push(arg.clone());
                    rest = &from[1 + digits..];
                }
                Some(_) | None => {
                    quoted ^= from.starts_with('\'');
                    text.push_str(&from[..1]);
                    rest = &from[1..];
                }
            }
        }
        text.push_str(rest);
        Self { text, args }
    }

    /// Runs it. Returns how many rows it touched.
    pub(crate) async fn run(self, connection: &mut AnyConnection) -> Result<u64> {
        statement().await;
        Ok(self.prepared(connection)?.execute(connection).await?.rows_affected())
    }

    /// All its rows.
    pub(crate) async fn all(self, connection: &mut AnyConnection) -> Result<Vec<AnyRow>> {
        statement().await;
        Ok(self.prepared(connection)?.fetch_all(connection).await?)
    }

    /// Its only row, if there is one.
    pub(crate) async fn one(self, connection: &mut AnyConnection) -> Result<Option<AnyRow>> {
        statement().await;
        Ok(self.prepared(connection)?.fetch_optional(connection).await?)
    }

    /// The number in its only row.
    pub(crate) async fn number(self, connection: &mut AnyConnection) -> Result<i64> {
        match self.one(connection).await? {
            Some(row) => row.int("n"),
            None => Ok(0),
        }
    }
}

macro_rules! arg_from {
    ($($type:ty => |$value:ident| $arg:expr),+ $(,)?) => {
        $(impl From<$type> for Arg { fn from($value: $type) -> Self { $arg } })+
    };
}

arg_from! {
    &str => |value| Arg::Text(Some(value.to_owned())),
    String => |value| Arg::Text(Some(value)),
    &String => |value| Arg::Text(Some(value.clone())),
    Option<String> => |value| Arg::Text(value),
    Option<&str> => |value| Arg::Text(value.map(str::to_owned)),
    i64 => |value| Arg::Int(Some(value)),
    Option<i64> => |value| Arg::Int(value),
    bool => |value| Arg::Int(Some(i64::from(value))),
    Kind => |value| value.as_str().into(),
    &SourceId => |value| value.as_str().into(),
    &TargetId => |value| value.as_str().into(),
    &TargetName => |value| value.as_str().into(),
    &RunId => |value| value.as_str().into(),
}

/// The number of rows that a statement may return.
pub(crate) fn limit(rows: usize) -> Arg {
    Arg::Int(Some(i64::try_from(rows).unwrap_or(i64::MAX)))
}

/// Reads columns by name.
pub(crate) trait Columns {
    /// A text that is there.
    fn str(&self, column: &str) -> Result<String>;
    /// A text.
    fn opt_str(&self, column: &str) -> Result<Option<String>>;
    /// A number that is there.
    fn int(&self, column: &str) -> Result<i64>;
    /// A number.
    fn opt_int(&self, column: &str) -> Result<Option<i64>>;

    /// A number that counts something.
    fn count(&self, column: &str) -> Result<u64> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }
    /// Stored JSON.
    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        from_json(&self.str(column)?, column)
    }
    /// Stored JSON, or nothing.
    fn opt_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>> {
        self.opt_str(column)?.map(|text| from_json(&text, column)).transpose()
    }
    /// One of the words of an enumeration.
    fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        from_word(&self.str(column)?, column)
    }
    /// One of the words of an enumeration, or nothing.
    fn opt_word<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>> {
        self.opt_str(column)?.map(|word| from_word(&word, column)).transpose()
    }
    /// An object from its two columns, each with this prefix.
    fn object(&self, prefix: &str) -> Result<ObjectRef> {
        let kind = self.word(&format!("{prefix}kind"))?;
        Ok(ObjectRef { kind, id: self.str(&format!("{prefix}id"))?.into() })
    }
    /// An object from its two columns, each with this prefix, or nothing.
    fn opt_object(&self, prefix: &str) -> Result<Option<ObjectRef>> {
        match self.opt_str(&format!("{prefix}id"))? {
            Some(_) => self.object(prefix).map(Some),
            None => Ok(None),
        }
    }
}

impl Columns for AnyRow {
    fn str(&self, column: &str) -> Result<String> {
        self.try_get(column).map_err(|error| unreadable(column, &error))
    }
    fn opt_str(&self, column: &str) -> Result<Option<String>> {
        self.try_get(column).map_err(|error| unreadable(column, &error))
    }
    fn int(&self, column: &str) -> Result<i64> {
        self.try_get(column).map_err(|error| unreadable(column, &error))
    }
    fn opt_int(&self, column: &str) -> Result<Option<i64>> {
        self.try_get(column).map_err(|error| unreadable(column, &error))
    }
}

/// JSON as it is stored.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| unreadable("value", &error))
}

/// JSON from its text.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(what, &error))
}

/// The word of an enumeration's choice.
pub(crate) fn to_word<T: Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(Json::String(word)) => Ok(word),
        Ok(other) => Err(unreadable("word", &other)),
        Err(error) => Err(unreadable("word", &error)),
    }
}

/// The choice that a word stands for.
pub(crate) fn from_word<T: DeserializeOwned>(word: &str, what: &str) -> Result<T> {
    serde_json::from_value(Json::String(word.to_owned())).map_err(|error| unreadable(what, &error))
}

fn unreadable(what: &str, detail: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unreadable { what: what.to_owned(), detail: detail.to_string() }
}

#[cfg(test)]
mod placeholders {
    use super::*;

    #[test]
    fn each_place_gets_its_own_argument_and_texts_are_left_alone() {
        let sql = Sql::new("select '$1', '$.a' || $2 from t where a = $1 and b = $2 and (c, d) in (values ");
        let sql = sql.arg("x").arg(7).rows([[Arg::from("y"), Arg::from(8)], [Arg::from("z"), Arg::from(9)]]).text(") -- $");
        let plain = sql.without_numbers();
        assert_eq!(plain.text, "select '$1', '$.a' || ? from t where a = ? and b = ? and (c, d) in (values (?, ?), (?, ?)) -- $");
        let shown: Vec<String> = plain.args.iter().map(|arg| format!("{arg:?}")).collect();
        let text = |text: &str| format!("Text(Some({text:?}))");
        let int = |int: i64| format!("Int(Some({int}))");
        assert_eq!(shown, [int(7), text("x"), int(7), text("y"), int(8), text("z"), int(9)]);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn rust_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                rust_files(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn rows_are_compared_in_the_form_that_uses_an_index() {
        let mut files = Vec::new();
        rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        let slow = [")", " in (values "].concat();
        for file in files.into_iter().filter(|file| !file.ends_with("sql.rs")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let line = text.lines().find(|line| line.contains(&slow) && !line.contains("lower(user_name)"));
            assert_eq!(line, None, "{}", file.display());
        }
    }
}
