//! First credentials of new users: made at the call, handed over at once, kept nowhere.
//!
//! They are handed over after all requests of a batch are answered, so that a receiver that does not answer keeps no
//! request waiting.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use entrain_model::{DirectoryError, Fault, HandedOver, Handover, Issued, ObjectRef, TargetId, Write, Written};
use futures_util::StreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::desk::Desk;
use super::{Done, password, written};
use crate::call::{Answer, Call};
use crate::{Entra, FirstCredential, odata};

/// So many are handed over at once.
const TOGETHER: usize = 8;
const MINUTE: i64 = 60_000;

impl Entra {
    /// The password that a new user may sign in with first: none in a domain that signs in elsewhere.
    pub(super) fn first_password(&self, login: &str) -> Result<Option<SecretString>, DirectoryError> {
        if self.federated(login) {
            return Ok(None);
        }
        match self.first {
            FirstCredential::None => Err(password_demanded()),
            FirstCredential::Password | FirstCredential::Pass { .. } => password::draw().map(|drawn| Some(drawn.into())),
        }
    }

    /// Puts what a new user signs in with on its way, after the creation: the password of the creation, or a pass.
    pub(super) async fn hand_over(
        &self,
        desk: &Desk,
        (object, record, login): (&ObjectRef, &TargetId, &str),
        password: Option<SecretString>,
    ) -> Option<HandedOver> {
        self.delivery.as_ref()?;
        let Some(password) = password else { return Some(HandedOver::NotNeeded) };
        let (issued, secret) = match self.first {
            FirstCredential::None => return Some(HandedOver::NotNeeded),
            FirstCredential::Password => (Issued::Password, password),
            FirstCredential::Pass { .. } => match self.pass(desk, record).await {
                Ok((issued, secret, _)) => (issued, secret),
                Err(error) => return Some(HandedOver::NotYet(format!("no pass could be made yet: {}", error.message))),
            },
        };
        let (object, record, login) = (object.clone(), record.clone(), login.to_owned());
        self.put_out(desk, Handover { object, record, login, issued, secret });
        Some(HandedOver::Lost(UNSENT.to_owned()))
    }

    /// A new credential for a user that exists.
    pub(super) async fn issue(&self, desk: &Desk, id: &TargetId, object: &ObjectRef, login: &str) -> Done {
        if self.federated(login) {
            return Ok(Written { credential: Some(HandedOver::NotNeeded), ..Written::default() });
        }
        if self.delivery.is_none() {
            return Err(nobody_to_tell());
        }
        let (issued, secret, answer) = match self.first {
            FirstCredential::None => return Err(password_demanded()),
            FirstCredential::Password => self.reset(desk, id).await?,
            FirstCredential::Pass { .. } => self.pass(desk, id).await?,
        };
        self.put_out(desk, Handover { object: object.clone(), record: id.clone(), login: login.to_owned(), issued, secret });
        Ok(Written { credential: Some(HandedOver::Lost(UNSENT.to_owned())), ..written(&answer) })
    }

    /// `PATCH passwordProfile`.
    async fn reset(&self, desk: &Desk, id: &TargetId) -> Result<(Issued, SecretString, Answer), DirectoryError> {
        let drawn = SecretString::from(password::draw()?);
        let body = json!({ "passwordProfile": profile(&drawn) });
        let doubt = self.fresh.changing(id, self.clock.now());
        let answer = desk.send(Call::patch(format!("/users/{}", odata::escape(id.as_str())), body).doubting(doubt)).await?;
        Ok((Issued::Password, drawn, answer))
    }

    /// `POST temporaryAccessPassMethods`. A new pass takes the place of the one before, so it may be asked for twice.
    async fn pass(&self, desk: &Desk, id: &TargetId) -> Result<(Issued, SecretString, Answer), DirectoryError> {
        let FirstCredential::Pass { minutes, uses } = self.first else { return Err(nobody_to_tell()) };
        let body = json!({ "lifetimeInMinutes": minutes, "isUsableOnce": uses == crate::PassUses::Once });
        let path = format!("/users/{}/authentication/temporaryAccessPassMethods", odata::escape(id.as_str()));
        let doubt = self.fresh.changing(id, self.clock.now());
        let mut answer = desk.send(Call::post(path, body).doubting(doubt)).await?;
        let until = self.clock.now().saturating_add(i64::from(minutes) * MINUTE);
        let told = answer.body["temporaryAccessPass"].take();
        let pass = told.as_str().map(SecretString::from).ok_or_else(|| {
            DirectoryError::new(Fault::OutcomeUnknown, "Graph made a temporary access pass and did not tell it")
        })?;
        Ok((Issued::Pass { until }, pass, answer))
    }

    fn put_out(&self, desk: &Desk, handover: Handover) {
        desk.outbox.lock().unwrap_or_else(PoisonError::into_inner).push(handover);
    }

    /// Hands over what a batch has made, and says in its results what became of it.
    pub(super) async fn deliver(&self, desk: Desk, writes: &[Write], results: &mut [Option<Done>]) {
        let outbox = desk.outbox.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some(delivery) = self.delivery.as_ref().filter(|_| !outbox.is_empty()) else { return };
        let places: BTreeMap<&ObjectRef, usize> =
            writes.iter().enumerate().filter_map(|(place, write)| Some((receiver(write)?, place))).collect();
        let mut deliveries = futures_util::stream::iter(outbox)
            .map(|handover| async move {
                let done = delivery.deliver(&handover).await;
                (handover.object, done.map_or_else(|lost| HandedOver::Lost(lost.0), |()| HandedOver::Delivered))
            })
            .buffer_unordered(TOGETHER);
        while let Some((object, became)) = deliveries.next().await {
            if let Some(Some(Ok(written))) = places.get(&object).and_then(|place| results.get_mut(*place)) {
                written.credential = Some(became);
            }
        }
    }
}

/// What holds until a delivery says otherwise.
const UNSENT: &str = "it was made and not sent";

/// The object whose first credential a write makes.
fn receiver(write: &Write) -> Option<&ObjectRef> {
    match write {
        Write::Create(new) => Some(&new.object),
        Write::Issue { object, .. } => Some(object),
        Write::Restore { .. }
        | Write::Update { .. }
        | Write::Disable { .. }
        | Write::RevokeSessions { .. }
        | Write::Delete { .. }
        | Write::AddReference { .. }
        | Write::FirstMember { .. }
        | Write::RemoveReference { .. } => None,
    }
}

/// The profile of a password that is changed at the first sign-in.
pub(super) fn profile(password: &SecretString) -> Json {
    json!({ "password": password.expose_secret(), "forceChangePasswordNextSignIn": true })
}

fn password_demanded() -> DirectoryError {
    let fault = Fault::Rejected { code: "FirstPasswordNone".to_owned(), attribute: Some("userPrincipalName".to_owned()) };
    let message = "the domain of the sign-in name is managed, so Entra ID demands a first password, and `first_password` says none: \
                   choose `random` or `temporary_access_pass`, or map the sign-in name to a federated domain";
    DirectoryError::new(fault, message)
}

fn nobody_to_tell() -> DirectoryError {
    let fault = Fault::Rejected { code: "NobodyToTell".to_owned(), attribute: None };
    let message = "a first credential that nobody is told is of no use: name a receiver in `[target.first_password.deliver]`";
    DirectoryError::new(fault, message)
}
