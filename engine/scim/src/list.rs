//! What a client asks of a list (RFC 7644 section 3.4.2, RFC 9865), and the list that it gets.

use serde_json::{Value as Json, json};

use crate::value::{self, object};
use crate::{Direction, ErrorKind, Map, Projection, Result, ScimError};

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// From this place on, the first being 0.
    Index(u64),
    /// After what this cursor says; the empty one is the beginning.
    Cursor(String),
}

/// A query, from a URL or from a search request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// What is looked for.
    pub filter: Option<String>,
    /// What it is sorted by.
    pub sort_by: Option<String>,
    /// Which end comes first.
    pub direction: Direction,
    /// Which page.
    pub page: Page,
    /// How many resources the client wants.
    pub count: Option<u64>,
    /// Which attributes it wants.
    pub projection: Projection,
}

/// The words of a query, wherever they come from.
#[derive(Default)]
struct Words {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<i64>,
    count: Option<i64>,
    cursor: Option<String>,
    attributes: Vec<String>,
    excluded: Vec<String>,
}

impl ListRequest {
    /// From the pairs of a URL's query. Pairs that mean nothing here are ignored.
    pub fn from_pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Result<Self> {
        let mut words = Words::default();
        for (key, value) in pairs {
            if value.contains('\0') {
                return Err(ScimError::value(format!("`{key}` has the character U+0000 in it")));
            }
            let list = || value.split(',').map(str::to_owned);
            match key.to_ascii_lowercase().as_str() {
                "filter" => words.filter = Some(value.to_owned()),
                "sortby" => words.sort_by = Some(value.to_owned()),
                "sortorder" => words.sort_order = Some(value.to_owned()),
                "startindex" => words.start_index = Some(number(key, value, ErrorKind::InvalidValue)?),
                "count" => words.count = Some(number(key, value, ErrorKind::InvalidCount)?),
                "cursor" => words.cursor = Some(value.to_owned()),
                "attributes" => words.attributes.extend(list()),
                "excludedattributes" => words.excluded.extend(list()),
                _ => {}
            }
        }
        words.request()
    }

    /// From the body of a POST to `/.search`.
    pub fn from_body(body: Json) -> Result<Self> {
        crate::readable(&body)?;
        let body = object(body).map_err(|found| ScimError::syntax(format!("the search is {found}; write an object")))?;
        let mut words = Words::default();
        let mut of_protocol = false;
        for (key, value) in body {
            match key.to_ascii_lowercase().as_str() {
                "schemas" => of_protocol = texts("schemas", value)?.iter().any(|urn| urn.eq_ignore_ascii_case(SEARCH)),
                "filter" => words.filter = text("filter", value)?,
                "sortby" => words.sort_by = text("sortBy", value)?,
                "sortorder" => words.sort_order = text("sortOrder", value)?,
                "startindex" => words.start_index = whole("startIndex", &value, ErrorKind::InvalidValue)?,
                "count" => words.count = whole("count", &value, ErrorKind::InvalidCount)?,
                "cursor" => words.cursor = text("cursor", value)?,
                "attributes" => words.attributes = texts("attributes", value)?,
                "excludedattributes" => words.excluded = texts("excludedAttributes", value)?,
                _ => {}
            }
        }
        if !of_protocol {
            return Err(ScimError::syntax(format!("`schemas` does not name `{SEARCH}`")));
        }
        words.request()
    }
}

impl Words {
    fn request(self) -> Result<ListRequest> {
        let direction = match self.sort_order.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("ascending" | "") => Direction::Ascending,
            Some("descending") => Direction::Descending,
            Some(_) => return Err(ScimError::value("`sortOrder` is `ascending` or `descending`")),
        };
        // A place before the first is the first, a negative count is none (RFC 7644 section 3.4.2.4).
        let start = u64::try_from(self.start_index.unwrap_or(1).max(1) - 1).unwrap_or_default();
        let page = match (self.cursor, self.start_index) {
            (Some(_), Some(_)) => return Err(ScimError::value("`cursor` and `startIndex` exclude each other: give one of them")),
            (Some(cursor), None) => Page::Cursor(cursor),
            (None, _) => Page::Index(start),
        };
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Ok(ListRequest {
            filter: given(self.filter),
            sort_by: given(self.sort_by),
            direction,
            page,
            count: self.count.map(|count| u64::try_from(count).unwrap_or_default()),
            projection: Projection::new(self.attributes, self.excluded)?,
        })
    }
}

fn number(key: &str, value: &str, kind: ErrorKind) -> Result<i64> {
    value.trim().parse().map_err(|_| ScimError::bad(kind, format!("`{key}` is no whole number")))
}

fn whole(key: &str, value: &Json, kind: ErrorKind) -> Result<Option<i64>> {
    if value.is_null() {
        return Ok(None);
    }
    value.as_i64().map(Some).ok_or_else(|| ScimError::bad(kind, format!("`{key}` is no whole number")))
}

fn text(key: &str, value: Json) -> Result<Option<String>> {
    if value.is_null() {
        return Ok(None);
    }
    value::text(value).map(Some).map_err(|found| ScimError::syntax(format!("`{key}` is {found}; write a text")))
}

fn texts(key: &str, value: Json) -> Result<Vec<String>> {
    let wrong = |found: &str| ScimError::syntax(format!("`{key}` is {found}; write a list of texts"));
    match value {
        Json::Null => Ok(Vec::new()),
        Json::String(text) => Ok(text.split(',').map(str::to_owned).collect()),
        Json::Array(list) => list.into_iter().map(|element| value::text(element).map_err(wrong)).collect(),
        other @ (Json::Bool(_) | Json::Number(_) | Json::Object(_)) => Err(wrong(value::sort_of(&other))),
    }
}

/// A list as it is answered, without its resources: they follow under `Resources`.
pub fn list_response(total: u64, page: &Page, items: usize, next: Option<String>) -> Map {
    let mut list = Map::new();
    list.insert("schemas".into(), json!([LIST]));
    list.insert("totalResults".into(), total.into());
    list.insert("itemsPerPage".into(), items.into());
    match page {
        Page::Index(start) => drop(list.insert("startIndex".into(), (start + 1).into())),
        Page::Cursor(_) => {
            if let Some(next) = next {
                list.insert("nextCursor".into(), next.into());
            }
        }
    }
    list
}
