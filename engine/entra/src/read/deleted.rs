//! The recycle bin.

use std::collections::BTreeSet;

use entrain_model::{DirectoryError, Fault, Kind, Observed, Pages, Read};

use super::hand;
use super::observe::View;
use crate::Entra;
use crate::call::Call;
use crate::odata;

/// An attribute and the value that is looked for.
type Match = (String, String);

impl Entra {
    pub(super) async fn deleted(
        &self,
        kind: Kind,
        matching: Option<&Match>,
        attributes: &BTreeSet<String>,
        into: &mut dyn Pages,
    ) -> Result<Read, DirectoryError> {
        let mut attributes = attributes.clone();
        attributes.extend(matching.map(|(attribute, _)| attribute.clone()));
        let view = self.view(kind, &attributes);
        // Without the type in the path the answer has no properties of users or groups.
        let place = format!("/directory/deletedItems/microsoft.graph.{kind}");
        let whole = Call::get(format!("{place}?{}", odata::query(&[("select", &view.select())])));
        let Some((attribute, value)) = matching else {
            return self.recycled(whole, &view, None, into).await;
        };
        let filtered = self.filter(&place, kind, attribute, value, &view);
        match self.recycled(filtered, &view, matching, into).await {
            // Filters on the recycle bin are offered for some properties only: then it is read whole.
            Err(error) if matches!(error.fault, Fault::Unsupported | Fault::Rejected { .. }) => {
                self.recycled(whole, &view, matching, into).await
            }
            read => read,
        }
    }

    async fn recycled(
        &self,
        call: Call,
        view: &View,
        matching: Option<&Match>,
        into: &mut dyn Pages,
    ) -> Result<Read, DirectoryError> {
        let mut list = self.list(call);
        while let Some(items) = list.page().await? {
            let seen = items.iter().filter_map(|item| view.observe_deleted(item));
            hand(into, seen.filter(|seen| matching.is_none_or(|wanted| has(seen, wanted))).collect()).await?;
        }
        Ok(list.complete())
    }
}

fn has(seen: &Observed, (attribute, value): &Match) -> bool {
    let Some(has) = seen.attributes.get(attribute) else { return false };
    let listed = has.as_array().map_or_else(|| std::slice::from_ref(has), Vec::as_slice);
    listed.iter().filter_map(|has| has.as_str()).any(|has| has.eq_ignore_ascii_case(value))
}
