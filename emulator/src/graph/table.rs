//! Small collections that are no directory objects: role assignments, domains, products. They are listed whole, filtered and
//! narrowed here.

use super::answer::Answer;
use super::call::Call;
use crate::failure::Failure;
use crate::odata::{self, Expression};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Map, Value as Json, json};

/// What a collection is called and what its items hold.
pub(crate) struct Table<'a> {
    /// The collection in the context, such as `domains`.
    pub(crate) context: &'a str,
    /// The type of an item, such as `domain`.
    pub(crate) of: &'a str,
    /// Its properties.
    pub(crate) properties: &'a [&'a str],
    /// What can be filtered by.
    pub(crate) filtered: &'a [&'a str],
    /// The items of a page without `$top`; `None`: all are on one.
    pub(crate) page: Option<usize>,
}

impl Table<'_> {
    /// A page of the items that pass `$filter`, with what `$select` names.
    ///
    /// # Errors
    /// 400 for query options that cannot be answered.
    pub(crate) fn list(&self, call: &Call<'_>, items: impl IntoIterator<Item = Json>) -> Result<Answer, Failure> {
        let filter = call.query.option("filter").map(odata::filter).transpose()?;
        if let Some(filter) = &filter {
            self.check(filter)?;
        }
        let passes = |item: &Json| filter.as_ref().is_none_or(|filter| odata::passes(filter, item));
        let found: Vec<Json> = items.into_iter().filter(passes).collect();
        let (from, size) = self.place(call, found.len())?;
        let page = found.iter().skip(from).take(size).map(|item| self.selected(call, item));
        let mut body = json!({ "@odata.context": call.context(self.context), "value": page.collect::<Result<Vec<_>, _>>()? });
        if call.is_eventual() && call.query.counts() && from == 0 {
            body["@odata.count"] = found.len().into();
        }
        if from + size < found.len() {
            let kept = call.query.without("skiptoken");
            let separator = if kept.is_empty() { "" } else { "&" };
            let token = BASE64.encode((from + size).to_string());
            body["@odata.nextLink"] = format!("{}?{kept}{separator}$skiptoken={token}", call.url(call.path)).into();
        }
        Ok(Answer::json(200, &body))
    }

    /// One item.
    ///
    /// # Errors
    /// 400 for a name in `$select` that it does not have.
    pub(crate) fn one(&self, call: &Call<'_>, status: u16, item: &Json) -> Result<Answer, Failure> {
        let mut body = Map::from_iter([("@odata.context".to_owned(), call.context(&format!("{}/$entity", self.context)).into())]);
        if let Json::Object(members) = self.selected(call, item)? {
            body.extend(members);
        }
        Ok(Answer::json(status, &Json::Object(body)))
    }

    fn place(&self, call: &Call<'_>, all: usize) -> Result<(usize, usize), Failure> {
        let Some(page) = self.page else { return Ok((0, all)) };
        let Some(token) = call.query.option("skiptoken") else { return Ok((0, call.query.top(page)?)) };
        let text = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let from = text.and_then(|text| text.parse().ok()).filter(|from| *from <= all);
        Ok((from.ok_or_else(Failure::page_token)?, call.query.top(page)?))
    }

    fn selected(&self, call: &Call<'_>, item: &Json) -> Result<Json, Failure> {
        let Some(names) = call.query.select() else { return Ok(item.clone()) };
        let mut kept = Map::new();
        for name in names {
            let spelled =
                self.properties.iter().find(|known| known.eq_ignore_ascii_case(name)).ok_or_else(|| self.unknown(name))?;
            kept.insert((*spelled).to_owned(), item.get(spelled).cloned().unwrap_or_default());
        }
        // What was expanded stays.
        let members = item.as_object().into_iter().flatten().filter(|(name, _)| !self.properties.contains(&name.as_str()));
        kept.extend(members.map(|(name, value)| (name.clone(), value.clone())));
        Ok(Json::Object(kept))
    }

    fn unknown(&self, name: &str) -> Failure {
        let message = format!("Could not find a property named '{name}' on type 'microsoft.graph.{}'.", self.of);
        Failure::new(400, "BadRequest", format!("Parsing OData Select and Expand failed: {message}"))
    }

    fn check(&self, filter: &Expression) -> Result<(), Failure> {
        let wrong =
            filter.subjects().into_iter().find(|name| !self.filtered.iter().any(|known| known.eq_ignore_ascii_case(name)));
        match wrong {
            Some(name) => Err(Failure::unsupported_query(format!(
                "Unsupported or invalid query filter clause specified for property '{name}' of resource '{}'.",
                self.of
            ))),
            None => Ok(()),
        }
    }
}
