//! New users and new groups.

use std::time::Duration;

use entrain_model::{DirectoryError, Fault, Kind, NewRecord, TargetId, Written};
use serde_json::{Value as Json, json};

use super::body::{bodies, without_nulls};
use super::credential::profile;
use super::desk::Desk;
use super::{Done, already, password, written};
use crate::Entra;
use crate::call::{Answer, Call};
use crate::classify::Meaning;
use crate::odata;
use crate::read::{collection, group_by_key};
use crate::schema::{GROUP_ANCHOR, NOT_IN_GROUP_NICKNAME};

/// The waits, in seconds, for a group that Graph says it has but does not show yet.
const SETTLING: [u64; 5] = [0, 1, 2, 4, 8];

impl Entra {
    /// `POST /users`. A lost answer is not asked for again: the caller looks for the sign-in name first.
    pub(super) async fn create_user(&self, desk: &Desk, new: &NewRecord) -> Done {
        let parts = bodies(Kind::User, &without_nulls(&new.attributes));
        let mut body = parts.together;
        let login = body.get("userPrincipalName").and_then(Json::as_str).unwrap_or_default().to_owned();
        let password = self.first_password(&login)?;
        if password.is_none() && !body.contains_key("onPremisesImmutableId") {
            return Err(no_immutable_id());
        }
        // Graph wants one of every new user, also where nobody signs in with it (Graph documentation, create user).
        let sent = match &password {
            Some(password) => profile(password),
            None => profile(&password::draw()?.into()),
        };
        body.insert("passwordProfile".to_owned(), sent);
        let answer = desk.send(Call::post("/users".to_owned(), Json::Object(body)).never_repeated()).await?;
        let mut made = self.made(desk, Kind::User, &answer, parts.alone).await?;
        if let Some(id) = made.id.clone() {
            made.credential = self.hand_over(desk, (&new.object, &id, &login), password).await;
        }
        Ok(made)
    }

    /// By the alternate key where the group may carry it: then a repeat makes no second one (Graph documentation, upsert
    /// group). Role-assignable groups may not.
    pub(super) async fn create_group(&self, desk: &Desk, new: &NewRecord) -> Done {
        let mut attributes = without_nulls(&new.attributes);
        attributes.remove(GROUP_ANCHOR);
        attributes.entry("mailNickname".to_owned()).or_insert_with(|| json!(nickname(&new.anchor.1)));
        let parts = bodies(Kind::Group, &attributes);
        let body = Json::Object(parts.together);
        if body["isAssignableToRole"].as_bool() == Some(true) {
            let answer = desk.send(Call::post("/groups".to_owned(), body).never_repeated()).await?;
            let made = self.made(desk, Kind::Group, &answer, parts.alone).await?;
            return Ok(Written { unanchored: true, ..made });
        }
        let key = &new.anchor.1;
        let upsert = Call::patch(group_by_key(key), body).shown_as(KEY_SHAPE).with("Prefer", "create-if-missing");
        let answer = match desk.send(upsert.clone()).await {
            // It should have been made. A batch that ignores the header looks up the key instead: alone it is not ignored.
            Err(refusal) if refusal.meaning == Meaning::Missing => self.client.send(upsert).await?,
            reply => reply?,
        };
        match answer.body["id"].as_str() {
            Some(_) => self.made(desk, Kind::Group, &answer, parts.alone).await,
            None => self.found_by_key(desk, key).await,
        }
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

    /// Takes the id of a new record, and sets what could not be part of the create.
    async fn made(&self, desk: &Desk, kind: Kind, answer: &Answer, alone: Vec<(String, Json)>) -> Done {
        let Some(id) = answer.body["id"].as_str().map(TargetId::from) else {
            let message = format!("Graph made a {kind} and did not say its id; it is looked for");
            return Err(DirectoryError {
                request_id: answer.request_id.clone(),
                ..DirectoryError::new(Fault::OutcomeUnknown, message)
            });
        };
        self.fresh.made(&id, self.clock.now());
        let mut made = Written { id: Some(id.clone()), ..written(answer) };
        for (name, body) in alone {
            let path = format!("/{}/{}", collection(kind), odata::escape(id.as_str()));
            if let Err(refusal) = desk.send(Call::patch(path, body).doubting(self.fresh.changing(&id, self.clock.now()))).await {
                tracing::warn!(property = name, error = %refusal.error, "a new record stands without this property");
                made.unset.push(name);
            }
        }
        Ok(made)
    }
}

const KEY_SHAPE: &str = "/groups(uniqueName='{key}')";

/// The mail nickname of a group that the mapping gives none.
fn nickname(anchor: &str) -> String {
    anchor.chars().filter(|c| c.is_ascii_graphic() && !NOT_IN_GROUP_NICKNAME.contains(*c)).take(64).collect()
}

fn no_immutable_id() -> DirectoryError {
    let fault = Fault::Rejected { code: "ImmutableIdMissing".to_owned(), attribute: Some("onPremisesImmutableId".to_owned()) };
    let message = "the domain of the sign-in name is federated, so the user needs `onPremisesImmutableId` (the identity provider's \
                   subject). Let the mapping set it";
    DirectoryError::new(fault, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nickname_from_an_anchor_has_legal_characters_only() {
        assert_eq!(nickname("aB3/x+Y.z'="), "aB3x+Yz=");
    }
}
