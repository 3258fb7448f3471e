//! Lists in pages. A cursor names the last element that was given, so that what is added or removed meanwhile neither hides nor
//! repeats another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// Elements of a page, unless the request says how many.
const USUAL: usize = 100;

/// The largest page.
const LARGEST: u64 = 500;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    items: Vec<T>,
    /// Give it as `cursor` to have the next page; `null` on the last one.
    next: Option<String>,
}

impl<T> Page<T> {
    /// A list that is never long.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// The rows of a page: one more than are shown was asked for, which says whether there is another page.
    pub(super) fn of<R, P: Serialize>(mut rows: Vec<R>, size: usize, place: impl Fn(&R) -> P, view: impl Fn(R) -> T) -> Self {
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map(|last| cursor(&place(last)));
        Self { items: rows.into_iter().map(view).collect(), next }
    }
}

/// The size of a page.
///
/// # Errors
/// It is none.
pub(super) fn size(limit: Option<u64>) -> Result<usize, Problem> {
    match limit {
        None => Ok(USUAL),
        Some(limit @ 1..=LARGEST) => Ok(usize::try_from(limit).unwrap_or(USUAL)),
        Some(_) => Err(Problem::invalid(format!("`limit` is a number from 1 to {LARGEST}"))),
    }
}

fn cursor(place: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The place that a cursor names.
///
/// # Errors
/// It is no cursor of this list.
pub(super) fn place<P: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<P>, Problem> {
    let read = |cursor: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let unknown =
        || Problem::refused("`cursor` is none of this list: take it from `next` of the page before").coded("unknown_cursor");
    cursor.map(|cursor| read(cursor).ok_or_else(unknown)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_begins_behind_the_last_element() {
        let page = Page::of(vec![1, 2, 3], 2, |row| *row, |row| row * 10);
        assert_eq!(page.items, [10, 20]);
        assert_eq!(place::<i32>(page.next.as_deref()).unwrap(), Some(2));
        assert_eq!(Page::of(vec![1, 2], 2, |row| *row, |row| row).next, None);
        assert!(place::<i32>(Some("bm8")).is_err());
    }
}
