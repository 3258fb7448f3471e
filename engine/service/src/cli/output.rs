//! What a command says: lines and tables for people, or one JSON object for programs.

use std::fmt::Display;
use std::io::{self, Write};

use serde_json::Value as Json;

/// For whom the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// For programs: exactly one object.
    Json,
}

/// Where the answer goes. A terminal or pipe that went away does not stop the command; `finish` tells of it.
pub struct Output {
    form: Form,
    out: Box<dyn Write + Send>,
    failed: Option<io::Error>,
}

impl Output {
    /// To the standard output.
    pub fn stdout(form: Form) -> Self {
        Self::to(form, io::stdout())
    }

    /// To a writer.
    pub fn to(form: Form, out: impl Write + Send + 'static) -> Self {
        Self { form, out: Box::new(out), failed: None }
    }

    /// For whom the answer is.
    pub fn form(&self) -> Form {
        self.form
    }

    /// One line for people.
    pub fn line(&mut self, line: impl Display) {
        if self.form == Form::Text {
            self.write(format_args!("{line}\n"));
        }
    }

    /// The object for programs.
    pub fn object(&mut self, object: &Json) {
        if self.form == Form::Json {
            self.write(format_args!("{object}\n"));
        }
    }

    /// An error, for people: beside the answer, not in it.
    pub fn error(&mut self, error: &anyhow::Error) {
        if self.form == Form::Text {
            let _ = writeln!(io::stderr(), "error: {error:#}");
        }
    }

    /// A table for people; columns are as wide as their widest cell.
    pub fn table<const N: usize>(&mut self, head: [&str; N], rows: &[[String; N]]) {
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).chain([head[column].len()]).max().unwrap_or(0);
        let widths: [usize; N] = std::array::from_fn(width);
        self.line(aligned(head.map(str::to_owned), widths));
        for row in rows {
            self.line(aligned(row.clone(), widths));
        }
    }

    /// Begins an object whose last field is a list that is too long to hold: `fields`, then `list`.
    pub fn begin_list(&mut self, fields: &Json, list: &str) {
        if self.form == Form::Json {
            let text = fields.to_string();
            let open = text.strip_suffix('}').unwrap_or(&text);
            let comma = if open.len() > 1 { "," } else { "" };
            self.write(format_args!("{open}{comma}\"{list}\":["));
        }
    }

    /// The next element of the list; `first` says whether it is the first.
    pub fn element(&mut self, first: bool, element: &Json) {
        if self.form == Form::Json {
            self.write(format_args!("{}{element}", if first { "" } else { "," }));
        }
    }

    /// Writes out what is still on its way.
    ///
    /// # Errors
    /// Something of the answer was not written.
    pub fn finish(mut self) -> io::Result<()> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        if self.failed.is_none() {
            self.failed = self.out.write_fmt(text).err();
        }
    }

    /// Ends the list and the object.
    pub fn end_list(&mut self) {
        if self.form == Form::Json {
            self.write(format_args!("]}}\n"));
        }
    }
}

fn aligned<const N: usize>(cells: [String; N], widths: [usize; N]) -> String {
    let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    padded.join("  ").trim_end().to_owned()
}
