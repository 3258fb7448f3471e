//! What alarms and metrics are made of.

use std::collections::BTreeMap;

use entrain_model::{Millis, RunId, TargetName};
use serde_json::Value as Json;
use sqlx::any::AnyRow;

use crate::sql::{Columns as _, Sql};
use crate::{Result, Store};

/// A run whose plan waits for approval.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingRun {
    /// Which.
    pub run: RunId,
    /// Its scope in words.
    pub scope: String,
    /// Since when.
    pub since: Millis,
    /// Why, in sentences.
    pub reasons: Vec<String>,
}

/// How many objects are held, by reason code.
pub type HeldObjects = BTreeMap<String, u64>;

/// A run that waits, from its row.
pub(crate) fn waiting(row: &AnyRow) -> Result<WaitingRun> {
    let report: Option<Json> = row.opt_json("report")?;
    let reasons = report.as_ref().and_then(|report| report["reasons"].as_array());
    Ok(WaitingRun {
        run: row.str("id")?.into(),
        scope: row.str("scope")?,
        since: row.int("started_at")?,
        reasons: reasons.into_iter().flatten().filter_map(|reason| Some(reason.as_str()?.to_owned())).collect(),
    })
}

impl Store {
    /// The runs that wait for approval, oldest first.
    pub async fn waiting_runs(&self, target: &TargetName) -> Result<Vec<WaitingRun>> {
        let sql = Sql::new("select id, scope, started_at, report from runs where target = $1 and state = 'held' order by id");
        let rows = sql.arg(target).all(&mut *self.read().await?).await?;
        rows.iter().map(waiting).collect()
    }

    /// How many objects are held since then or before, by reason code.
    pub async fn held_objects(&self, target: &TargetName, since: Millis) -> Result<HeldObjects> {
        let sql = Sql::new(
            "select code, cast(count(*) as bigint) as n from
               (select distinct code, kind, id from holds where target = $1 and since <= $2) as held
             group by code order by code",
        );
        let rows = sql.arg(target).arg(since).all(&mut *self.read().await?).await?;
        rows.iter().map(|row| Ok((row.str("code")?, row.count("n")?))).collect()
    }
}
