//! Values that nobody wants, for a record that must give up its own before it can have its next.

use entrain_model::{Action, Change, Edit, Phase, anchor_value, fold};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::Dependency;
use crate::digest::hex;

/// The update by which `change`'s record gives up what the waiting changes want. `None` if it is no update.
pub(crate) fn rename(change: &Change, waiting: &[&Dependency]) -> Option<Change> {
    let Action::Update { id, edits } = &change.action else { return None };
    let wanted = |edit: &&Edit| waiting.iter().any(|want| want.attribute == edit.attribute);
    let parked = edits.iter().filter(wanted).map(|edit| {
        let values: Vec<&str> =
            waiting.iter().filter(|want| want.attribute == edit.attribute).map(|want| want.value.as_str()).collect();
        Edit { to: parked(edit, &values, change), ..edit.clone() }
    });
    let edits: Vec<Edit> = parked.collect();
    let action = Action::Update { id: id.clone(), edits };
    Some(Change { phase: Phase::Releases, action, ..change.clone() })
}

/// `parking-` and eight digits that follow from the object; in the same domain where the value has one.
fn parked(edit: &Edit, values: &[&str], change: &Change) -> Json {
    if let Some(Json::Array(list)) = &edit.was {
        let stays = |value: &&Json| value.as_str().is_none_or(|text| !values.contains(&fold(text).as_str()));
        return Json::Array(list.iter().filter(stays).cloned().collect());
    }
    let digest = Sha256::digest(anchor_value(&change.object));
    let name = format!("parking-{}", hex(&digest[..4]));
    let domain = values.first().and_then(|value| value.split_once('@'));
    Json::String(match domain {
        Some((_, domain)) => format!("{name}@{domain}"),
        None => name,
    })
}
