//! Writing: each record's writes in turn, all records at once, and what travels together in one batch.

mod bind;
mod body;
mod create;
mod credential;
mod desk;
mod group;
mod password;
mod record;
mod reference;

use std::collections::BTreeMap;

use entrain_model::{DirectoryError, Fault, Kind, Lane, NewRecord, Relation, Write, Written};

use crate::Entra;
use crate::call::Answer;
use crate::classify::Refusal;
use desk::{Desk, Job};
pub(crate) use group::WITH_NEW;

/// What became of one write.
type Done = Result<Written, DirectoryError>;

impl Entra {
    /// Answers for each write in the order given. Two writes to one record never meet on the wire.
    pub(crate) async fn perform(&self, lane: Lane, writes: &[Write]) -> Vec<Done> {
        let domains = self.domains_for(writes).await;
        let desk = Desk::new(lane);
        let mut records: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut results: Vec<Option<Done>> = writes.iter().map(|_| None).collect();
        for (place, write) in writes.iter().enumerate() {
            match (&domains, write) {
                (Err(error), write) if needs_domains(write) => results[place] = Some(Err(error.clone())),
                _ => records.entry(record(write)).or_default().push(place),
            }
        }
        let jobs =
            records.into_values().map(|places| -> Job<'_, Vec<(usize, Done)>> { Box::pin(self.in_turn(&desk, writes, places)) });
        for (place, done) in desk.run(&self.client, jobs.collect()).await.into_iter().flatten() {
            results[place] = Some(done);
        }
        self.deliver(desk, writes, &mut results).await;
        let missed = || Err(DirectoryError::new(Fault::Unreachable, "the write was not sent"));
        results.into_iter().map(|done| done.unwrap_or_else(missed)).collect()
    }

    /// First credentials need to know which domains are federated.
    async fn domains_for(&self, writes: &[Write]) -> Result<(), DirectoryError> {
        if writes.iter().any(needs_domains) { self.know_domains().await } else { Ok(()) }
    }

    /// The writes to one record, one after the other; additions of members or owners that stand together are sent together.
    async fn in_turn(&self, desk: &Desk, writes: &[Write], places: Vec<usize>) -> Vec<(usize, Done)> {
        let mut done = Vec::with_capacity(places.len());
        let mut rest = &places[..];
        while let Some((place, others)) = rest.split_first() {
            if let Write::AddReference { relation: relation @ (Relation::Member | Relation::Owner), from, .. } = &writes[*place] {
                let links = bind::leading(writes, rest, *relation);
                rest = &rest[links.len()..];
                done.extend(self.bind(desk, *relation, from, links, false).await);
            } else if let (Write::Create(new), first @ [_, ..]) = (&writes[*place], &group::leading(writes, others)[..]) {
                rest = &others[first.len()..];
                let (made, members) = self.create_group(desk, new, first).await;
                done.push((*place, made));
                done.extend(members);
            } else {
                rest = others;
                done.push((*place, self.one(desk, &writes[*place]).await));
            }
        }
        done
    }

    async fn one(&self, desk: &Desk, write: &Write) -> Done {
        match write {
            Write::Create(new) => match new.kind {
                Kind::User => self.create_user(desk, new).await,
                Kind::Group => self.create_group(desk, new, &[]).await.0,
            },
            Write::FirstMember { group, .. } => {
                Err(DirectoryError::new(Fault::NotFound { id: None }, format!("nothing makes {group}")))
            }
            Write::Restore { kind, id, attributes } => self.restore(desk, *kind, id, attributes).await,
            Write::Update { kind, id, attributes } => self.update(desk, *kind, id, attributes).await,
            Write::Disable { id, sessions } => self.disable(desk, id, *sessions).await,
            Write::RevokeSessions { id } => self.revoke(desk, id).await,
            Write::Issue { id, object, login } => self.issue(desk, id, object, login).await,
            Write::Delete { kind, id } => self.delete(desk, *kind, id).await,
            Write::AddReference { relation, from, to, .. } => self.add(desk, *relation, from, to).await,
            Write::RemoveReference { relation, from, to, .. } => self.remove(desk, *relation, from, to).await,
        }
    }
}

fn needs_domains(write: &Write) -> bool {
    matches!(write, Write::Create(new) if new.kind == Kind::User) || matches!(write, Write::Issue { .. })
}

/// Which record a write changes.
fn record(write: &Write) -> String {
    match write {
        Write::Create(NewRecord { object, .. }) | Write::FirstMember { group: object, .. } => format!("new {object}"),
        Write::Restore { id, .. }
        | Write::Update { id, .. }
        | Write::Disable { id, .. }
        | Write::RevokeSessions { id }
        | Write::Issue { id, .. }
        | Write::Delete { id, .. } => id.to_string(),
        Write::AddReference { from, .. } | Write::RemoveReference { from, .. } => from.to_string(),
    }
}

fn written(answer: &Answer) -> Written {
    Written { request_id: answer.request_id.clone(), ..Written::default() }
}

fn already(request_id: Option<String>) -> Written {
    Written { request_id, already: true, ..Written::default() }
}

/// What a refusal calls needless.
fn needless(refusal: Refusal) -> Written {
    Written { after_lost_sending: refusal.after_loss, ..already(refusal.error.request_id) }
}

#[cfg(test)]
mod group_tests;
#[cfg(test)]
mod lag_tests;
#[cfg(test)]
mod pack_tests;
#[cfg(test)]
mod tests;
