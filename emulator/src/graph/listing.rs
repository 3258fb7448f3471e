//! Lists of objects: filter, search, order, count, pages.

use super::answer::Answer;
use super::call::Call;
use super::candidates::candidates;
use super::cursor::{Cursor, next_link};
use super::fields::{Fields, Holds, Members, Preamble, write_list, write_object};
use crate::dice::Dice;
use crate::directory::{Kind, Life, Name, Object, Relation, Row, View, folded, texts};
use crate::failure::Failure;
use crate::odata::{self, Expression, Mode, Search, Seen};
use std::cmp::Reverse;

/// What chance decides here, apart from what it decides elsewhere.
const EMPTY: u64 = 8;

/// The page size when `$top` says nothing.
pub(crate) const DEFAULT_PAGE: usize = 100;

/// What `$search` looks into.
const SEARCHED: &[Name] = &[
    Name::DISPLAY_NAME,
    Name::DESCRIPTION,
    Name::MAIL,
    Name::MAIL_NICKNAME,
    Name::USER_PRINCIPAL_NAME,
    Name::OTHER_MAILS,
    Name::PROXY_ADDRESSES,
    Name::GIVEN_NAME,
    Name::SURNAME,
];

/// Objects in order of creation, after the given one.
pub(crate) type Source<'a> = dyn Fn(Option<Row>) -> Box<dyn Iterator<Item = Row> + 'a> + 'a;

/// A list to answer from.
pub(crate) struct Listing<'a> {
    /// The tenant.
    pub(crate) tenant: &'a View<'a>,
    /// What it can hold.
    pub(crate) holds: Holds,
    /// The collection's name in the context.
    pub(crate) context: &'a str,
    /// Where the objects come from.
    pub(crate) source: &'a Source<'a>,
    /// How it is served.
    pub(crate) index: Index,
}

/// How a list is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    /// A whole collection: values are looked up in the index.
    Collection,
    /// A relationship: every filter is an advanced query.
    Relationship,
    /// The recycle bin: as a collection, without the index.
    RecycleBin,
}

/// All live objects of a kind.
pub(crate) fn collection(call: &Call<'_>, tenant: &View<'_>, kind: Kind) -> Result<Answer, Failure> {
    let live = |row: &Row| tenant.object(*row).is_live();
    let source = move |after| Box::new(tenant.rows(kind, after).iter().copied().filter(live)) as Box<dyn Iterator<Item = Row>>;
    let listing =
        Listing { tenant, holds: Holds::Only(kind), context: kind.collection(), source: &source, index: Index::Collection };
    listing.answer(call)
}

/// The number of live objects of a kind, as text.
pub(crate) fn count(call: &Call<'_>, tenant: &View<'_>, kind: Kind) -> Result<Answer, Failure> {
    let live = |row: &Row| tenant.object(*row).is_live();
    let source = move |after| Box::new(tenant.rows(kind, after).iter().copied().filter(live)) as Box<dyn Iterator<Item = Row>>;
    let listing =
        Listing { tenant, holds: Holds::Only(kind), context: kind.collection(), source: &source, index: Index::Collection };
    listing.count(call)
}

/// What a request wants of a list.
struct Wanted {
    filter: Option<Expression>,
    search: Option<Search>,
    order: Vec<(Name, Direction)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

impl Wanted {
    fn of(call: &Call<'_>, listing: &Listing<'_>, mode: Mode) -> Result<Wanted, Failure> {
        let filter = call.query.option("filter").map(odata::filter).transpose()?;
        if let Some(filter) = &filter {
            listing.check(filter, mode)?;
        }
        let order = call.query.option("orderby").map(|text| listing.order(text)).transpose()?.unwrap_or_default();
        let relationship = listing.index == Index::Relationship;
        let by_deletion = order.iter().any(|(name, _)| *name == Name::DELETED);
        if !order.is_empty() && (filter.is_some() || relationship || by_deletion) && mode == Mode::Plain {
            return Err(Failure::unsupported_query("Sorting not supported for current query."));
        }
        let search = call.query.option("search").map(|text| listing.search(call, text)).transpose()?;
        if call.query.option("expand").is_some() && (mode == Mode::Advanced || search.is_some()) {
            return Err(Failure::unsupported_query("$expand is not supported together with an advanced query."));
        }
        Ok(Wanted { filter, search, order })
    }
}

impl<'a> Listing<'a> {
    /// Answers a request for a page of the list.
    ///
    /// # Errors
    /// Query options that cannot be answered.
    pub(crate) fn answer(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let wanted = Wanted::of(call, self, call.mode())?;
        let fields = Fields::of(self.tenant, self.holds, call.query)?;
        let top = call.query.top(DEFAULT_PAGE)?;
        let cursor = Cursor::read(call)?;
        let first = call.query.option("skiptoken").is_none();
        let counted = (call.is_eventual() && call.query.counts() && first).then(|| self.rows(None, &wanted).count());
        let (rows, next) =
            if first && self.begins_empty(call) { (Vec::new(), Some(cursor.token())) } else { self.page(&cursor, &wanted, top) };
        let mut out = Vec::with_capacity(rows.len() * 512);
        let mut map = Members::open(&mut out);
        map.text("@odata.context", &call.context(self.context));
        if let Some(count) = counted {
            map.number("@odata.count", count);
        }
        if let Some(token) = next {
            map.text("@odata.nextLink", &next_link(call, &token));
        }
        map.name("value");
        let preamble = if self.holds == Holds::Any { Preamble::Type } else { Preamble::None };
        write_list(map.out, rows, |out, row| write_object(out, self.tenant, row, &fields, preamble));
        map.close();
        Ok(Answer::written(200, out))
    }

    /// The number of items that a request wants, as text.
    ///
    /// # Errors
    /// A filter that cannot be answered, or a request without the header of advanced queries.
    pub(crate) fn count(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        if !call.is_eventual() {
            return Err(Failure::bad_request("$count is not currently supported."));
        }
        let wanted = Wanted::of(call, self, Mode::Advanced)?;
        Ok(Answer::text(self.rows(None, &wanted).count().to_string()))
    }

    /// Whether the first page has nothing on it but a link to the next one.
    fn begins_empty(&self, call: &Call<'_>) -> bool {
        Dice::of(call.app.seed, EMPTY, call.step).strikes(call.app.conditions.present().lists.empty_pages)
    }

    fn page(&self, cursor: &Cursor, wanted: &Wanted, top: usize) -> (Vec<Row>, Option<String>) {
        let offset = match cursor {
            Cursor::After(after) if wanted.order.is_empty() => {
                let mut rows: Vec<Row> = self.rows(*after, wanted).take(top + 1).collect();
                let more = rows.len() > top;
                rows.truncate(top);
                let next = rows.last().filter(|_| more).map(|row| Cursor::After(Some(*row)).token());
                return (rows, next);
            }
            Cursor::Offset(offset) => *offset,
            Cursor::After(_) => 0,
        };
        let mut rows: Vec<Row> = self.rows(None, wanted).collect();
        // The last key first: what is equal by a later sort keeps the order of the earlier ones.
        for (name, direction) in wanted.order.iter().rev() {
            match direction {
                Direction::Ascending => rows.sort_by_cached_key(|row| self.key(*row, *name)),
                Direction::Descending => rows.sort_by_cached_key(|row| Reverse(self.key(*row, *name))),
            }
        }
        let next = (rows.len() > offset + top).then(|| Cursor::Offset(offset + top).token());
        (rows.into_iter().skip(offset).take(top).collect(), next)
    }

    /// What an object is sorted by.
    fn key(&self, row: Row, name: Name) -> Option<String> {
        let object = self.tenant.object(row);
        match object.life {
            Life::Recycled(at) if name == Name::DELETED => Some(format!("{at:020}")),
            Life::Recycled(_) | Life::Live | Life::Purged => object.text(name).map(folded),
        }
    }

    fn rows<'b>(&'b self, after: Option<Row>, wanted: &'b Wanted) -> Box<dyn Iterator<Item = Row> + 'b> {
        let known = wanted.filter.as_ref().filter(|_| self.index == Index::Collection);
        let found = known.and_then(|filter| candidates(self.tenant, filter));
        let rows: Box<dyn Iterator<Item = Row> + 'b> = match found {
            Some(rows) => Box::new(
                rows.into_iter()
                    .filter(move |row| after.is_none_or(|after| *row > after))
                    .filter(|row| self.tenant.object(*row).is_live()),
            ),
            None => (self.source)(after),
        };
        Box::new(rows.filter(move |row| self.admits(*row, wanted)))
    }

    fn admits(&self, row: Row, wanted: &Wanted) -> bool {
        let object = self.tenant.object(row);
        let filter = wanted.filter.as_ref();
        let search = wanted.search.as_ref();
        let owners = || {
            let live = |owner: &Row| self.tenant.object(*owner).is_live();
            self.tenant.links().targets(Relation::Owner, row, None).filter(live).count()
        };
        let seen = Seen { schema: &self.tenant.schema, object, owners: &owners };
        self.holds.admits(object)
            && filter.is_none_or(|filter| odata::passes(filter, &seen))
            && search.is_none_or(|search| self.finds(search, object))
    }

    fn check(&self, filter: &Expression, mode: Mode) -> Result<(), Failure> {
        if self.index == Index::Relationship && mode == Mode::Plain {
            return Err(Failure::unsupported_query(
                "The specified filter to the reference property query is currently not supported.",
            ));
        }
        let of = |kind: &Kind| odata::check(filter, &self.tenant.schema, *kind, mode);
        let mut checks = self.holds.kinds().iter().map(of);
        let first = checks.next().unwrap_or(Ok(()));
        checks.fold(first, |found, next| found.or_else(|failure| next.map_err(|_| failure)))
    }

    fn order(&self, text: &str) -> Result<Vec<(Name, Direction)>, Failure> {
        text.split(',').map(|key| self.order_by(key)).collect()
    }

    fn order_by(&self, text: &str) -> Result<(Name, Direction), Failure> {
        let mut words = text.split_whitespace();
        let property = words.next().unwrap_or_default();
        let direction = match words.next() {
            None | Some("asc") => Direction::Ascending,
            Some(_) => Direction::Descending,
        };
        let name =
            self.name(property).filter(|name| matches!(*name, Name::DISPLAY_NAME | Name::USER_PRINCIPAL_NAME | Name::DELETED));
        let name =
            name.ok_or_else(|| Failure::unsupported_query(format!("Sorting by property '{property}' is not supported.")))?;
        Ok((name, direction))
    }

    fn name(&self, text: &str) -> Option<Name> {
        self.tenant.schema.find_in(self.holds.kinds(), text).map(|(name, _)| name)
    }

    fn search(&self, call: &Call<'_>, text: &str) -> Result<Search, Failure> {
        if !call.is_eventual() {
            return Err(Failure::unsupported_query(
                "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
            ));
        }
        let search = odata::search(text)?;
        match search.properties().into_iter().find(|property| self.name(property).is_none_or(|name| !SEARCHED.contains(&name))) {
            Some(property) => Err(Failure::unsupported_query(format!("Property '{property}' is not searchable."))),
            None => Ok(search),
        }
    }

    fn finds(&self, search: &Search, object: &Object) -> bool {
        match search {
            Search::All(parts) => parts.iter().all(|part| self.finds(part, object)),
            Search::Any(parts) => parts.iter().any(|part| self.finds(part, object)),
            Search::Clause(property, wanted) => self.name(property).is_some_and(|name| {
                let words = matches!(name, Name::DISPLAY_NAME | Name::DESCRIPTION);
                let begins = |text: &str| folded(text).starts_with(&folded(wanted));
                texts(object.value(name)).any(|text| if words { odata::has_words(text, wanted) } else { begins(text) })
            }),
        }
    }
}
