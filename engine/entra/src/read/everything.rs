//! All records of a kind, or what changed since: the delta functions (Graph documentation, "Use delta query").

use std::collections::BTreeSet;

use entrain_model::{Cursor, DirectoryError, Disposition, Fault, Kind, Lane, Observed, Pages, Proof, Read};
use serde_json::Value as Json;

use super::observe::View;
use super::{collection, expired, hand};
use crate::Entra;
use crate::call::Call;
use crate::classify::Meaning;
use crate::odata;

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
                let counted = if since.is_none() { self.count(kind).await? } else { None };
                return self.last(&answer.body, pages, since, counted);
            }
        }
    }

    /// How many there are by `$count`, which another index answers (Graph documentation, "Advanced query capabilities");
    /// `None` where a tenant does not offer it.
    pub(crate) async fn count(&self, kind: Kind) -> Result<Option<u64>, DirectoryError> {
        let call = Call::get(format!("/{}/$count", collection(kind))).advanced().in_lane(Lane::Bulk);
        match self.client.send(call).await {
            Ok(answer) => Ok(answer.body.as_u64()),
            Err(refusal) if matches!(refusal.error.disposition(), Disposition::HoldObject | Disposition::Replan) => {
                tracing::debug!(request_id = refusal.error.request_id, "the tenant does not count its {kind}s");
                Ok(None)
            }
            Err(refusal) => Err(refusal.error),
        }
    }

    fn last(&self, body: &Json, pages: u64, since: Option<&Cursor>, counted: Option<u64>) -> Result<Read, DirectoryError> {
        match body["@odata.deltaLink"].as_str() {
            Some(link) => {
                let proof = Proof::last_page_seen(pages, since, Some(Cursor(link.to_owned())));
                Ok(Read::Complete(proof.with_count(counted)))
            }
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
