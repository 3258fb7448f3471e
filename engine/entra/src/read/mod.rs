//! Reading: each kind of query to the calls that answer it.

mod credential;
mod deleted;
mod everything;
mod lookup;
mod observe;
mod privileged;
mod tenant;

use std::collections::BTreeSet;

use entrain_model::{DirectoryError, Fault, Kind, Observed, Pages, Proof, Query, Read, Subset};
use serde_json::Value as Json;

use crate::Entra;
use crate::call::Call;
pub(crate) use credential::SignIn;
pub(crate) use lookup::group_by_key;
use observe::View;
pub(crate) use tenant::Domains;

/// What Graph calls the kind.
pub(crate) fn collection(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "users",
        Kind::Group => "groups",
    }
}

impl Entra {
    pub(crate) async fn answer(&self, query: &Query, into: &mut dyn Pages) -> Result<Read, DirectoryError> {
        match query {
            Query::Everything { kind, attributes, since } => self.everything(*kind, attributes, since.as_ref(), into).await,
            Query::Record { kind, id, attributes } => self.record(*kind, id, attributes, into).await,
            Query::Matching { kind, attribute, value, attributes } => {
                self.matching(*kind, attribute, value, attributes, into).await
            }
            Query::Deleted { kind, matching, attributes } => self.deleted(*kind, matching.as_ref(), attributes, into).await,
            Query::Privileged => self.privileged(into).await,
        }
    }

    /// How records of a kind are seen when these attributes are asked for.
    fn view(&self, kind: Kind, attributes: &BTreeSet<String>) -> View {
        View::new(kind, attributes, &self.schema.of(kind).anchor)
    }

    /// A list, page by page. The call's headers are sent with every page, as Graph demands.
    fn list(&self, first: Call) -> Listing<'_> {
        Listing { entra: self, next: Some(first), pages: 0 }
    }

    /// The address of the next page, if there is one. It must lead to Graph, and on.
    fn next_page(&self, body: &Json, current: &str) -> Result<Option<String>, DirectoryError> {
        match body["@odata.nextLink"].as_str() {
            None => Ok(None),
            Some(address) if self.client.owns(address) && address != current => Ok(Some(address.to_owned())),
            Some(_) => Err(DirectoryError::new(
                Fault::Unreachable,
                "Graph named a next page that leads elsewhere or back to the same page; nothing was concluded from this read",
            )),
        }
    }
}

/// The pages of a list that are still to come.
struct Listing<'a> {
    entra: &'a Entra,
    next: Option<Call>,
    pages: u64,
}

impl Listing<'_> {
    /// The items of the next page; none after the last.
    async fn page(&mut self) -> Result<Option<Vec<Json>>, DirectoryError> {
        let Some(call) = self.next.take() else { return Ok(None) };
        let mut answer = self.entra.client.send(call.clone()).await?;
        self.pages += 1;
        if let Some(address) = self.entra.next_page(&answer.body, &call.path)? {
            self.next = Some(Call { path: address, ..call });
        }
        let items = answer.body["value"].as_array_mut().map(std::mem::take);
        Ok(Some(items.unwrap_or_default()))
    }

    /// All was seen, once there are no more pages.
    fn complete(&self) -> Read {
        complete(self.pages)
    }
}

/// All was seen, and there is no place to go on from.
fn complete(pages: u64) -> Read {
    Read::Complete(Proof::last_page_seen(pages, None, None))
}

fn expired() -> Read {
    Read::Partial(Subset::CursorExpired)
}

/// Hands a page on, if anything is on it.
async fn hand(into: &mut dyn Pages, page: Vec<Observed>) -> Result<(), DirectoryError> {
    if page.is_empty() {
        return Ok(());
    }
    into.page(page)
        .await
        .map_err(|error| DirectoryError::new(Fault::Unreachable, format!("what was read could not be stored: {error}")))
}

#[cfg(test)]
mod tests;
