//! The part of OData that directory objects speak: paths, query options and filters.

mod address;
mod evaluate;
mod expression;
mod gate;
mod lex;
mod parse;
mod query;
mod search;

pub(crate) use address::{Part, Plus, parts, unescaped};
pub(crate) use evaluate::{Seen, passes};
pub(crate) use expression::{Expression, Literal, Operator};
pub(crate) use gate::{Mode, check};
pub(crate) use parse::filter;
pub(crate) use query::Query;
pub(crate) use search::{Search, has_words, search};
