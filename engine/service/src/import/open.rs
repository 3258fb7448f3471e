//! Files and their formats.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::row::Rows;
use super::{ImportError, csv, jsonl, ldif};

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// Delimited text: the template for bulk creation of users, or a plain header row.
    Csv,
    /// LDAP Data Interchange Format (RFC 2849).
    Ldif,
}

/// A file to be imported; it can be read as often as needed.
#[derive(Debug)]
pub struct ImportFile {
    path: PathBuf,
    format: Format,
}

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

impl ImportFile {
    /// A file in a format: the given one, else that of its name, else that of its first line.
    ///
    /// # Errors
    /// It cannot be read, or is in an encoding other than UTF-8.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Self, ImportError> {
        let head = first_bytes(path).map_err(|cause| read_error(path, cause))?;
        if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
            let reason = "the file is UTF-16; save it as UTF-8 (in a spreadsheet: \"CSV UTF-8\")".to_owned();
            return Err(ImportError::Form { file: path.display().to_string(), reason });
        }
        let format = format.or_else(|| by_name(path)).unwrap_or_else(|| by_first_line(&head));
        Ok(Self { path: path.to_owned(), format })
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its name as shown in messages.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Reads it from the beginning.
    ///
    /// # Errors
    /// It cannot be read, or its first lines do not fit its format.
    pub fn rows(&self) -> Result<Rows, ImportError> {
        let form = |reason| ImportError::Form { file: self.name(), reason };
        let input = open_text(&self.path).map_err(|cause| self.read_error(cause))?;
        match self.format {
            Format::Jsonl => Ok(Box::new(jsonl::rows(input))),
            Format::Csv => Ok(Box::new(csv::rows(input).map_err(|cause| self.read_error(cause))?.map_err(form)?)),
            Format::Ldif => {
                let names = ldif::names(input).map_err(|cause| self.read_error(cause))?;
                let again = open_text(&self.path).map_err(|cause| self.read_error(cause))?;
                Ok(Box::new(ldif::rows(again, names)))
            }
        }
    }

    /// An error of reading it.
    pub(super) fn read_error(&self, cause: std::io::Error) -> ImportError {
        read_error(&self.path, cause)
    }
}

pub(super) fn read_error(path: &Path, cause: std::io::Error) -> ImportError {
    ImportError::Read { file: path.display().to_string(), cause }
}

/// Opens a file behind its byte order mark, if it has one.
pub(super) fn open_text(path: &Path) -> std::io::Result<BufReader<File>> {
    let mut input = BufReader::with_capacity(1 << 16, File::open(path)?);
    if input.fill_buf()?.starts_with(UTF8_MARK) {
        input.seek(SeekFrom::Start(UTF8_MARK.len() as u64))?;
    }
    Ok(input)
}

fn first_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(512).read_to_end(&mut head)?;
    Ok(head)
}

fn by_name(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
        "csv" | "tsv" => Some(Format::Csv),
        "ldif" | "ldf" => Some(Format::Ldif),
        _ => None,
    }
}

fn by_first_line(head: &[u8]) -> Format {
    let head = String::from_utf8_lossy(head.strip_prefix(UTF8_MARK).unwrap_or(head));
    let first = head.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if first.starts_with('{') {
        Format::Jsonl
    } else if first.starts_with("dn:") || first.starts_with('#') || first.trim_end() == "version: 1" {
        Format::Ldif
    } else {
        Format::Csv
    }
}
