//! Finding out what the target holds. Only a complete read may lead to a removal.

use std::collections::BTreeSet;

use entrain_model::{Cursor, DirectoryError, Kind, Proof, Query, Read, Subset, Tenant};
use entrain_store::{Halt, HaltKind, Reading};

use crate::engine::Run;
use crate::lookup;
use crate::map::Learned;
use crate::sink::{MirrorSink, announce, indexed};
use crate::{Step, SyncError};

/// Knowledge of the target, and the generation from which on mirror rows count as fresh.
pub(crate) type Seen = i64;

/// Refreshes the mirror: facts of the tenant, users, groups, recycle bin, holders of roles.
pub(crate) async fn discover(run: &mut Run<'_>, learned: &Learned) -> Result<Seen, SyncError> {
    tenant(run).await?;
    read(run, learned).await?;
    // Whatever an incremental read does not mention is as the mirror has it: all rows are fresh.
    Ok(0)
}

/// Reads users, groups, recycle bin and holders of roles.
pub(crate) async fn read(run: &Run<'_>, learned: &Learned) -> Result<(), SyncError> {
    announce(run.progress());
    for kind in Kind::ALL {
        records(run, kind, learned).await?;
        lookup::doubted(run, kind).await?;
        recycle_bin(run, kind).await?;
    }
    run.read_protection().await?;
    Ok(())
}

/// Reads back what the run itself wrote, so that the next run does not take it for somebody's change.
pub(crate) async fn drain(run: &Run<'_>, learned: &Learned) -> Result<(), SyncError> {
    read_back(run, learned).await?;
    run.store().accept_echo(&run.target.name, &run.id).await?;
    Ok(())
}

/// The first part of it, for a run that has nothing better to do before it ends: what is left takes less time.
pub(crate) async fn read_back(run: &Run<'_>, learned: &Learned) -> Result<(), SyncError> {
    run.progress().begin(Step::Drain, None);
    for kind in Kind::ALL {
        records(run, kind, learned).await?;
    }
    Ok(())
}

async fn tenant(run: &mut Run<'_>) -> Result<(), SyncError> {
    let tenant = run.hands().directory().tenant().await.map_err(|error| stop(run, error))?;
    if let Some(refused) = &tenant.anchor_refused {
        return Err(SyncError::Halt(Box::new(halt(HaltKind::Configuration, refused.clone()))));
    }
    run.learn_domains(verified(tenant)).await
}

pub(crate) fn verified(tenant: Tenant) -> Vec<String> {
    tenant.domains.into_iter().filter(|domain| domain.verified).map(|domain| domain.name.to_ascii_lowercase()).collect()
}

async fn records(run: &Run<'_>, kind: Kind, learned: &Learned) -> Result<(), SyncError> {
    let attributes = wanted(run, kind, learned);
    let since = resume_from(run, kind, &attributes).await?;
    let read = match enumerate(run, kind, &attributes, since.clone()).await? {
        Read::Partial(Subset::CursorExpired) if since.is_some() => {
            tracing::info!(target = %run.target.name, %kind, "the incremental read expired; everything is read again");
            run.store().forget_cursor(&run.target.name, kind).await?;
            enumerate(run, kind, &attributes, None).await?
        }
        read @ (Read::Complete(_) | Read::Partial(_)) => read,
    };
    complete(read).map(|_| ())
}

async fn enumerate(run: &Run<'_>, kind: Kind, attributes: &BTreeSet<String>, since: Option<Cursor>) -> Result<Read, SyncError> {
    let store = run.store();
    let generation = store.next_generation(&run.target.name).await?;
    let (anchor, keys) = (&run.target.schema().of(kind).anchor, indexed(run, kind));
    store.index_mirror(&run.target.name, kind, anchor, &keys).await?;
    let reading = if since.is_some() { Reading::Changes } else { Reading::Full };
    let query = Query::Everything { kind, attributes: attributes.clone(), since };
    let mut sink = MirrorSink::new(run, kind, generation, reading, |_| {});
    let read = run.hands().directory().read(&query, &mut sink).await.map_err(|error| stop(run, error))?;
    if let Read::Complete(proof) = &read {
        if let Some(short) = short(run, kind, proof, generation).await? {
            return Ok(Read::Partial(short));
        }
        store.complete_mirror(&run.target.name, kind, proof, attributes, generation).await?;
    }
    Ok(read)
}

/// Whether a full read brought fewer records than the directory counts: a page that is lost without a trace looks complete.
/// The count itself may be some minutes late, hence the tolerance.
async fn short(run: &Run<'_>, kind: Kind, proof: &Proof, generation: i64) -> Result<Option<Subset>, SyncError> {
    let Some(counted) = proof.counted().filter(|_| !proof.incremental()) else { return Ok(None) };
    let seen = run.store().seen(&run.target.name, kind, generation).await?;
    let tolerance = TOLERATED.max(counted / 1_000);
    Ok((seen.saturating_add(tolerance) < counted).then_some(Subset::Short { seen, counted }))
}

/// So many records may be missing from a full read, or one in a thousand.
const TOLERATED: u64 = 5;

/// The cursor of the last read, unless it is too old or a mapping names an attribute that it does not track.
async fn resume_from(run: &Run<'_>, kind: Kind, wanted: &BTreeSet<String>) -> Result<Option<Cursor>, SyncError> {
    let Some(known) = run.store().mirror_cursor(&run.target.name, kind).await? else { return Ok(None) };
    let age = run.store().now().saturating_sub(known.full_at);
    let fresh = u128::try_from(age).unwrap_or_default() < run.target.timing.enumeration.as_millis();
    Ok((fresh && wanted.is_subset(&known.attributes)).then_some(known.cursor))
}

/// Every attribute that is known to the schema or named by the mapping.
pub(crate) fn wanted(run: &Run<'_>, kind: Kind, learned: &Learned) -> BTreeSet<String> {
    let schema = run.target.schema().of(kind);
    let mut names: BTreeSet<String> = schema.attributes.keys().map(|name| (*name).to_owned()).collect();
    names.extend(learned.attributes.get(&kind).into_iter().flatten().cloned());
    names.extend(run.target.match_keys(kind).iter().map(|key| key.attribute.clone()));
    names
}

async fn recycle_bin(run: &Run<'_>, kind: Kind) -> Result<(), SyncError> {
    let generation = run.store().next_generation(&run.target.name).await?;
    let attributes = wanted(run, kind, &Learned::default());
    let query = Query::Deleted { kind, matching: None, attributes };
    let mut sink = MirrorSink::new(run, kind, generation, Reading::RecycleBin, |_| {});
    let read = run.hands().directory().read(&query, &mut sink).await.map_err(|error| stop(run, error))?;
    let proof = complete(read)?;
    run.store().complete_recycle_bin(&run.target.name, kind, &proof, generation).await?;
    Ok(())
}

pub(crate) fn complete(read: Read) -> Result<Proof, SyncError> {
    match read {
        Read::Complete(proof) => Ok(proof),
        Read::Partial(Subset::CursorExpired) => Err(SyncError::Incomplete("the read expired while it ran".into())),
        Read::Partial(Subset::Short { seen, counted }) => Err(SyncError::Incomplete(format!(
            "the last page was read and {seen} records were seen, but the target counts {counted}; nothing is concluded from that"
        ))),
        Read::Partial(Subset::NotOffered(why)) => Err(SyncError::Incomplete(why)),
    }
}

/// A failed read ends the run, and so does the end of the process, in whatever words the read tells of it; a credential that is not
/// accepted halts the target.
pub(crate) fn stop(run: &Run<'_>, error: DirectoryError) -> SyncError {
    if let Err(ends) = run.engine.goes_on() {
        return ends;
    }
    match SyncError::reading(error) {
        Ok(stopped) => stopped,
        Err(error) => {
            tracing::warn!(target = %run.target.name, request_id = error.request_id, "the credential is not accepted");
            SyncError::Halt(Box::new(halt(HaltKind::Credential, error.to_string())))
        }
    }
}

pub(crate) fn halt(kind: HaltKind, message: String) -> Halt {
    Halt { kind, script: None, line: None, column: None, object: None, message, input: None, since: 0, leavers_waiting: 0 }
}
