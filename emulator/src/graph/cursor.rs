//! Where a page of a list begins, and the link to it.

use super::call::Call;
use crate::directory::Row;
use crate::failure::Failure;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

/// Where a page begins.
pub(super) enum Cursor {
    /// After this object, in order of creation.
    After(Option<Row>),
    /// So many objects into a sorted list.
    Offset(usize),
}

impl Cursor {
    /// The beginning that a request names.
    ///
    /// # Errors
    /// A token that stands for none.
    pub(super) fn read(call: &Call<'_>) -> Result<Cursor, Failure> {
        let Some(token) = call.query.option("skiptoken") else { return Ok(Cursor::After(None)) };
        let text = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let cursor = text.as_deref().and_then(|text| text.split_once(':')).and_then(|(kind, number)| match kind {
            "row" if number.is_empty() => Some(Cursor::After(None)),
            "row" => Some(Cursor::After(Some(Row(number.parse().ok()?)))),
            _ => Some(Cursor::Offset(number.parse::<u32>().ok()? as usize)),
        });
        cursor.ok_or_else(Failure::page_token)
    }

    /// The token that stands for it.
    pub(super) fn token(&self) -> String {
        BASE64.encode(match self {
            Cursor::After(None) => "row:".to_owned(),
            Cursor::After(Some(row)) => format!("row:{}", row.0),
            Cursor::Offset(offset) => format!("offset:{offset}"),
        })
    }
}

/// The link to the page that a token stands for.
pub(crate) fn next_link(call: &Call<'_>, token: &str) -> String {
    let kept = call.query.without("skiptoken");
    let separator = if kept.is_empty() { "" } else { "&" };
    format!("{}?{kept}{separator}$skiptoken={token}", call.url(call.path))
}
