//! A new group, and its first members in the same request.

use std::time::Duration;

use entrain_model::{DirectoryError, Fault, Kind, NewRecord, Relation, TargetId, WritableDirectory as _, Write, Written};
use serde_json::{Value as Json, json};

use super::bind::Link;
use super::body::{Bodies, bodies, without_nulls};
use super::desk::Desk;
use super::{Done, already};
use crate::Entra;
use crate::call::Call;
use crate::classify::Meaning;
use crate::odata;
use crate::read::group_by_key;
use crate::schema::{GROUP_ANCHOR, NOT_IN_GROUP_NICKNAME};

/// The waits, in seconds, for a group that Graph says it has but does not show yet.
const SETTLING: [u64; 5] = [0, 1, 2, 4, 8];
/// Of the twenty links that a create may carry, the caller can be one (Graph documentation, create group).
pub(crate) const WITH_NEW: usize = 19;
const KEY_SHAPE: &str = "/groups(uniqueName='{key}')";

/// A member that is to be there from the beginning: its place in the answer, its kind and its id.
pub(super) type First = (usize, Kind, TargetId);

/// The first members with which the rest of a new group's writes begins.
pub(super) fn leading(writes: &[Write], places: &[usize]) -> Vec<First> {
    let first = |place: &usize| {
        let Write::FirstMember { to_kind, to, .. } = &writes[*place] else { return None };
        Some((*place, *to_kind, to.clone()))
    };
    places.iter().map_while(first).collect()
}

/// How the members fared that were sent with a group.
enum With {
    /// They are in it.
    Group,
    /// It was made without them, or was there.
    Nobody {
        /// They may be there by a sending whose answer was lost, or does not say so.
        after_loss: bool,
    },
}

impl Entra {
    /// The group, and what became of each of its first members. Those that were made just now, or that Graph does not take with
    /// it, are added to it after.
    pub(super) async fn create_group(&self, desk: &Desk, new: &NewRecord, members: &[First]) -> (Done, Vec<(usize, Done)>) {
        let now = self.clock.now();
        let (mut later, mut first): (Vec<First>, Vec<First>) =
            members.iter().cloned().partition(|(.., to)| self.fresh.was_made_just_now(to, now));
        later.extend(first.split_off(first.len().min(self.members_with_new())));
        let (made, with) = match self.make_group(desk, new, &first).await {
            Ok(made) => made,
            Err(error) => {
                let members = members.iter().map(|(place, ..)| (*place, Err(error.clone()))).collect();
                return (Err(error), members);
            }
        };
        let Some(id) = made.id.clone() else { return (Ok(made), Vec::new()) };
        let links = |members: &[First]| -> Vec<Link> { members.iter().map(|(place, _, to)| (*place, to.clone())).collect() };
        let (mut done, rest, after_loss) = match with {
            With::Group => {
                let now = self.clock.now();
                first.iter().for_each(|(.., to)| self.fresh.added(&id, to, now));
                let with = || Written { request_id: made.request_id.clone(), ..Written::default() };
                (first.iter().map(|(place, ..)| (*place, Ok(with()))).collect(), links(&later), false)
            }
            With::Nobody { after_loss } => (Vec::new(), links(&[first, later].concat()), after_loss),
        };
        done.extend(self.bind(desk, Relation::Member, &id, rest, after_loss).await);
        (Ok(made), done)
    }

    /// By the alternate key where the group may carry it: then a repeat makes no second one (Graph documentation, upsert
    /// group). Role-assignable groups may not.
    async fn make_group(&self, desk: &Desk, new: &NewRecord, first: &[First]) -> Result<(Written, With), DirectoryError> {
        let mut attributes = without_nulls(&new.attributes);
        attributes.remove(GROUP_ANCHOR);
        attributes.entry("mailNickname".to_owned()).or_insert_with(|| json!(nickname(&new.anchor.1)));
        let Bodies { together, alone } = bodies(Kind::Group, &attributes);
        let nobody = With::Nobody { after_loss: false };
        if together.get("isAssignableToRole").and_then(Json::as_bool) == Some(true) {
            let answer = desk.send(Call::post("/groups".to_owned(), Json::Object(together)).never_repeated()).await?;
            let made = self.made(desk, Kind::Group, &answer, alone).await?;
            return Ok((Written { unanchored: true, ..made }, nobody));
        }
        let key = &new.anchor.1;
        let upsert =
            |body| Call::patch(group_by_key(key), Json::Object(body)).shown_as(KEY_SHAPE).with("Prefer", "create-if-missing");
        let mut with = nobody;
        if !first.is_empty() {
            let mut body = together.clone();
            body.insert("members@odata.bind".to_owned(), first.iter().map(|(_, kind, to)| self.address_of(*kind, to)).collect());
            match desk.send(upsert(body).bulky(first.len())).await {
                Ok(answer) if answer.body["id"].is_string() => {
                    return Ok((self.made(desk, Kind::Group, &answer, alone).await?, With::Group));
                }
                // Whether an upsert of a group that is there adds members is not documented.
                Ok(_) => return Ok((self.found_by_key(desk, key).await?, With::Nobody { after_loss: true })),
                Err(refusal) if !of_members(refusal.meaning) => return Err(refusal.error),
                // All or none: one of them may be the reason.
                Err(refusal) => with = With::Nobody { after_loss: refusal.after_loss },
            }
        }
        let plain = upsert(together);
        let answer = match desk.send(plain.clone()).await {
            // It should have been made. A batch that ignores the header looks up the key instead: alone it is not ignored.
            Err(refusal) if refusal.meaning == Meaning::Missing => self.client.send(plain).await?,
            reply => reply?,
        };
        let made = match answer.body["id"].as_str() {
            Some(_) => self.made(desk, Kind::Group, &answer, alone).await?,
            None => self.found_by_key(desk, key).await?,
        };
        Ok((made, with))
    }

    /// The group was there already; the answer to an update carries no id.
    async fn found_by_key(&self, desk: &Desk, key: &str) -> Done {
        for wait in SETTLING {
            if wait > 0 {
                self.clock.sleep(Duration::from_secs(wait)).await;
            }
            let call = Call::get(format!("{}?{}", group_by_key(key), odata::query(&[("select", "id")]))).shown_as(KEY_SHAPE);
            match desk.send(call).await {
                Ok(answer) => {
                    let id = answer.body["id"].as_str().map(TargetId::from);
                    id.iter().for_each(|id| self.fresh.made(id, self.clock.now()));
                    return Ok(Written { id, ..already(answer.request_id) });
                }
                Err(refusal) if refusal.meaning == Meaning::Missing => {}
                Err(refusal) => return Err(DirectoryError { fault: Fault::OutcomeUnknown, ..refusal.error }),
            }
        }
        let message = format!("Graph took the group with {GROUP_ANCHOR} {key}, but does not show it yet; it is looked for later");
        Err(DirectoryError::new(Fault::OutcomeUnknown, message))
    }

    fn address_of(&self, kind: Kind, id: &TargetId) -> Json {
        let collection = crate::read::collection(kind);
        self.client.address(&format!("/{collection}/{}", odata::escape(id.as_str()))).into()
    }
}

/// Whether a refusal of a group with members may be for the sake of these.
fn of_members(meaning: Meaning) -> bool {
    !matches!(meaning, Meaning::Throttled | Meaning::Unavailable | Meaning::Concurrent | Meaning::Unauthorized)
}

/// The mail nickname of a group that the mapping gives none.
fn nickname(anchor: &str) -> String {
    anchor.chars().filter(|c| c.is_ascii_graphic() && !NOT_IN_GROUP_NICKNAME.contains(*c)).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nickname_from_an_anchor_has_legal_characters_only() {
        assert_eq!(nickname("aB3/x+Y.z'="), "aB3x+Yz=");
    }
}
