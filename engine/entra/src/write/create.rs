//! New users, and what becomes of any new record.

use entrain_model::{DirectoryError, Fault, Kind, NewRecord, TargetId, Written};
use serde_json::Value as Json;

use super::body::{bodies, without_nulls};
use super::credential::profile;
use super::desk::Desk;
use super::{Done, password, written};
use crate::Entra;
use crate::call::{Answer, Call};
use crate::odata;
use crate::read::collection;

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

    /// Takes the id of a new record, and sets what could not be part of the create.
    pub(super) async fn made(&self, desk: &Desk, kind: Kind, answer: &Answer, alone: Vec<(String, Json)>) -> Done {
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

fn no_immutable_id() -> DirectoryError {
    let fault = Fault::Rejected { code: "ImmutableIdMissing".to_owned(), attribute: Some("onPremisesImmutableId".to_owned()) };
    let message = "the domain of the sign-in name is federated, so the user needs `onPremisesImmutableId` (the identity provider's \
                   subject). Let the mapping set it";
    DirectoryError::new(fault, message)
}
