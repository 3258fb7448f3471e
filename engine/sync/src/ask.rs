//! Small reads: a few on the wire at once, and their answers into the mirror one after the other.

use std::collections::BTreeMap;
use std::future::Future;
use std::iter::Enumerate;
use std::slice::Iter;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use entrain_model::{Condition, Kind, Observed, Pages, Query, SinkError};
use entrain_store::Reading;

use crate::SyncError;
use crate::discover::stop;
use crate::engine::Run;
use crate::sink::MirrorSink;

/// So many objects are asked about at once.
const AT_ONCE: usize = 8;
/// So many objects are asked about before the answers are taken in.
pub(crate) const KEPT: usize = 64;
/// An answer of more records than this is not kept: it is read again, into the mirror.
const FEW: usize = 20;

/// What the target answered to one query.
pub(crate) struct Answer {
    kind: Kind,
    reading: Reading,
    query: Query,
    records: Vec<Observed>,
    seen: usize,
    live: bool,
}

impl Answer {
    /// How it was read.
    pub(crate) fn reading(&self) -> Reading {
        self.reading
    }

    /// Whether it showed a live record.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Takes it into the mirror.
    pub(crate) async fn take(self, run: &Run<'_>, generation: i64) -> Result<(), SyncError> {
        run.keep().await?;
        let mut sink = MirrorSink::new(run, self.kind, generation, self.reading, |_| {});
        if self.seen > self.records.len() {
            run.hands().directory().read(&self.query, &mut sink).await.map_err(|error| stop(run, error))?;
        } else if self.seen > 0 {
            sink.take(&self.records).await?;
        }
        Ok(())
    }
}

/// Asks one thing, and shows each record of the answer to `see`. The database has no part in that.
pub(crate) async fn ask(
    run: &Run<'_>,
    kind: Kind,
    reading: Reading,
    query: Query,
    see: impl FnMut(&Observed) + Send,
) -> Result<Answer, SyncError> {
    let mut sink = Keeping { records: Vec::new(), seen: 0, live: false, see };
    run.hands().directory().read(&query, &mut sink).await.map_err(|error| stop(run, error))?;
    let Keeping { records, seen, live, see: _ } = sink;
    Ok(Answer { kind, reading, query, records, seen, live })
}

struct Keeping<S> {
    records: Vec<Observed>,
    seen: usize,
    live: bool,
    see: S,
}

#[async_trait]
impl<S: FnMut(&Observed) + Send> Pages for Keeping<S> {
    async fn page(&mut self, page: Vec<Observed>) -> Result<(), SinkError> {
        page.iter().for_each(&mut self.see);
        self.seen += page.len();
        self.live |= page.iter().any(|record| record.condition == Condition::Live);
        if self.seen <= FEW {
            self.records.extend(page);
        }
        Ok(())
    }
}

/// Asks about each, a few at once, until one question fails. The answers are in the order of the questions.
///
/// Nothing is spawned, and each poll polls all that are under way: `ask` must not wait for the database, so that a simulation
/// plays the same each time.
pub(crate) async fn at_once<'q, Q, A, F>(questions: &'q [Q], ask: impl Fn(&'q Q) -> F) -> Vec<Result<A, SyncError>>
where
    F: Future<Output = Result<A, SyncError>>,
{
    let asked = Asked { left: Mutex::new(Some(questions.iter().enumerate())), answers: Mutex::default() };
    let lanes = (0..AT_ONCE.min(questions.len())).map(|_| asked.one_after_the_other(&ask));
    futures_util::future::join_all(lanes).await;
    asked.answers.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

struct Asked<'q, Q, A> {
    /// `None` after a failure.
    left: Mutex<Option<Enumerate<Iter<'q, Q>>>>,
    answers: Mutex<BTreeMap<usize, Result<A, SyncError>>>,
}

impl<'q, Q, A> Asked<'q, Q, A> {
    async fn one_after_the_other<F: Future<Output = Result<A, SyncError>>>(&self, ask: impl Fn(&'q Q) -> F) {
        while let Some((place, question)) = self.next() {
            let answer = ask(question).await;
            if answer.is_err() {
                *self.left.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(place, answer);
        }
    }

    fn next(&self) -> Option<(usize, &'q Q)> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).as_mut()?.next()
    }
}
