//! Writes to one record that exists.

use entrain_model::{Attributes, DirectoryError, Kind, Sessions, TargetId, Written};
use serde_json::{Value as Json, json};

use super::body::bodies;
use super::desk::Desk;
use super::{Done, already, needless, written};
use crate::Entra;
use crate::call::Call;
use crate::classify::Meaning;
use crate::client::Reply;
use crate::odata;
use crate::read::collection;

impl Entra {
    /// One PATCH with exactly these attributes, but for those that must go alone. Who is blocked loses the sessions.
    pub(super) async fn update(&self, desk: &Desk, kind: Kind, id: &TargetId, attributes: &Attributes) -> Done {
        let parts = bodies(kind, attributes);
        let together = (!parts.together.is_empty()).then_some(Json::Object(parts.together));
        let mut done = already(None);
        for body in together.into_iter().chain(parts.alone.into_iter().map(|(_, body)| body)) {
            let doubt = self.fresh.changing(id, self.clock.now());
            done = written(&desk.send(Call::patch(place(kind, id), body).doubting(doubt)).await?);
        }
        if kind == Kind::User && attributes.get("accountEnabled") == Some(&Json::Bool(false)) {
            self.end_sessions(desk, id).await?;
        }
        Ok(done)
    }

    /// Back from the recycle bin, then as asked. If somebody has its sign-in name by now, it comes back with the new one.
    pub(super) async fn restore(&self, desk: &Desk, kind: Kind, id: &TargetId, attributes: &Attributes) -> Done {
        let mut reply = desk.send(restore(id, json!({}))).await;
        if let (Err(refusal), Some(login)) = (&reply, attributes.get("userPrincipalName"))
            && refusal.meaning == Meaning::Conflict
        {
            reply = desk.send(restore(id, json!({ "newUserPrincipalName": login }))).await;
        }
        let answer = reply?;
        self.fresh.made(id, self.clock.now());
        let updated = self.update(desk, kind, id, attributes).await?;
        let request_id = updated.request_id.or(answer.request_id);
        Ok(Written { id: Some(id.clone()), request_id, ..Written::default() })
    }

    /// Blocks sign-in, then ends the sessions if they are to end.
    pub(super) async fn disable(&self, desk: &Desk, id: &TargetId, sessions: Sessions) -> Done {
        let doubt = self.fresh.changing(id, self.clock.now());
        let blocked = desk.send(Call::patch(place(Kind::User, id), json!({ "accountEnabled": false })).doubting(doubt)).await?;
        if sessions == Sessions::End {
            self.end_sessions(desk, id).await?;
        }
        Ok(written(&blocked))
    }

    /// Ends the sessions alone.
    pub(super) async fn revoke(&self, desk: &Desk, id: &TargetId) -> Done {
        Ok(written(&desk.send(self.revocation(id)).await?))
    }

    /// After the sign-in was blocked: until then a session would only be begun anew.
    async fn end_sessions(&self, desk: &Desk, id: &TargetId) -> Result<(), DirectoryError> {
        let ended = desk.send(self.revocation(id)).await.map(drop);
        ended.map_err(|refusal| DirectoryError {
            message: format!("sign-in of user {id} is blocked, but the sessions could not be ended: {}", refusal.error.message),
            ..refusal.error
        })
    }

    fn revocation(&self, id: &TargetId) -> Call {
        let doubt = self.fresh.changing(id, self.clock.now());
        Call::post(format!("{}/revokeSignInSessions", place(Kind::User, id)), json!({})).doubting(doubt)
    }

    pub(super) async fn delete(&self, desk: &Desk, kind: Kind, id: &TargetId) -> Done {
        let doubt = self.fresh.changing(id, self.clock.now());
        gone(desk.send(Call::delete(place(kind, id)).doubting(doubt)).await)
    }
}

/// A record that is missing after a lost answer was deleted by the request whose answer was lost.
fn gone(reply: Reply) -> Done {
    match reply {
        Ok(answer) => Ok(written(&answer)),
        Err(refusal) if refusal.after_loss && refusal.meaning == Meaning::Missing => Ok(needless(refusal)),
        Err(refusal) => Err(refusal.error),
    }
}

fn place(kind: Kind, id: &TargetId) -> String {
    format!("/{}/{}", collection(kind), odata::escape(id.as_str()))
}

/// A second restore would answer that there is nothing to restore, which proves nothing.
fn restore(id: &TargetId, body: Json) -> Call {
    Call::post(format!("/directory/deletedItems/{}/restore", odata::escape(id.as_str())), body).never_repeated()
}
