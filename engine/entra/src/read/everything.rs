//! All records of a kind, or what changed since: the delta functions (Graph documentation, "Use delta query").

use std::collections::BTreeSet;

use entrain_model::{Cursor, DirectoryError, Fault, Kind, Observed, Pages, Proof, Read};
use serde_json::Value as Json;

use super::observe::View;
use super::{collection, expired, hand};
use crate::Entra;
use crate::call::Call;
use crate::classify::Meaning;
use crate::odata;
use crate::pacing::Lane;

impl Entra {
    /// Follows the pages to the last, which alone proves that all was seen.
    pub(super) async fn everything(
        &self,
        kind: Kind,
        attributes: &BTreeSet<String>,
        since: Option<&Cursor>,
        into: &mut dyn Pages,
    ) -> Result<Read, DirectoryError> {
        let view = self.view(kind, attributes);
        let shape = format!("/{}/delta", collection(kind));
        let mut path = match since {
            Some(Cursor(address)) if self.client.owns(address) => address.clone(),
            Some(_) => return Ok(expired()),
            None => format!("{shape}?{}", odata::query(&[("select", &view.select_with_references())])),
        };
        let mut pages = 0;
        loop {
            let answer = match self.client.send(Call::get(path.clone()).shown_as(shape.clone()).in_lane(Lane::Bulk)).await {
                Ok(answer) => answer,
                Err(refusal) if refusal.meaning == Meaning::CursorExpired => return Ok(expired()),
                Err(refusal) => return Err(refusal.error),
            };
            pages += 1;
            hand(into, observe(&view, &answer.body)).await?;
            if let Some(next) = self.next_page(&answer.body, &path)? {
                path = next;
            } else {
                return self.last(&answer.body, pages, since);
            }
        }
    }

    fn last(&self, body: &Json, pages: u64, since: Option<&Cursor>) -> Result<Read, DirectoryError> {
        match body["@odata.deltaLink"].as_str() {
            Some(link) => Ok(Read::Complete(Proof::last_page_seen(pages, since, Some(Cursor(link.to_owned()))))),
            None => Err(DirectoryError::new(
                Fault::Unreachable,
                format!("page {pages} of the delta has neither a next page nor an end; nothing was concluded from this read"),
            )),
        }
    }
}

/// One page. A large group comes in several slices; each goes on as it came.
fn observe(view: &View, body: &Json) -> Vec<Observed> {
    body["value"].as_array().into_iter().flatten().filter_map(|item| view.observe(item)).collect()
}
