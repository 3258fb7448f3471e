//! A target that is removed: what was known of it goes, what was done stays. Its tenant is not touched.

use entrain_model::TargetName;
use sqlx::AnyConnection;

use crate::sql::Sql;
use crate::{Result, Store, StoreError};

/// What is known of a target alone. Links are found again by their anchors, should the target ever come back.
pub(super) const FORGOTTEN: [&str; 27] = [
    "target_settings",
    "queue",
    "leases",
    "mapping_versions",
    "desired",
    "desired_names",
    "desired_keys",
    "desired_unique",
    "mirror",
    "mirror_keys",
    "mirror_refs",
    "mirror_kinds",
    "mirror_doubts",
    "privileged",
    "protection_reads",
    "protected_list",
    "protection_approvals",
    "links",
    "holds",
    "parked",
    "guarded",
    "effects",
    "reference_moves",
    "drift",
    "leavers",
    "retained",
    "first_credentials",
];

/// What was done in a target, and told of it.
#[cfg(test)]
pub(super) const KEPT: [&str; 4] = ["runs", "audit", "alarms", "hook_events"];

impl Store {
    /// Forgets a target that is halted, or was never met.
    pub(super) async fn forget(&self, connection: &mut AnyConnection, name: &TargetName) -> Result<()> {
        let row = Sql::new(&format!("select halt from targets where name = $1{}", self.dialect().for_update()));
        if let Some(row) = row.arg(name).one(connection).await? {
            self.refuse_busy(connection, name, crate::sql::Columns::opt_str(&row, "halt")?.is_some()).await?;
        }
        // Whoever writes the source now ends first: what is queued for this target afterwards would never go.
        if let Some(lock) = self.dialect().lock_source() {
            sqlx::raw_sql(lock).execute(&mut *connection).await.map_err(StoreError::from)?;
        }
        Sql::new("delete from targets where name = $1").arg(name).run(connection).await?;
        for table in FORGOTTEN {
            let column = if table == "target_settings" { "name" } else { "target" };
            Sql::new(&format!("delete from {table} where {column} = $1")).arg(name).run(connection).await?;
        }
        let sql = Sql::new("update runs set state = 'superseded' where target = $1 and state = 'held'").arg(name);
        sql.run(connection).await?;
        Ok(())
    }

    /// What is on the wire ends, and is recorded, before its target is forgotten.
    async fn refuse_busy(&self, connection: &mut AnyConnection, name: &TargetName, halted: bool) -> Result<()> {
        if !halted {
            let remedy = format!("`entrain pause {name} --reason TEXT`, then remove it");
            return Err(StoreError::Conflict(format!("target `{name}` is running: pause it first ({remedy})")));
        }
        let leased = Sql::new("select count(*) as n from leases where target = $1 and until > $2").arg(name).arg(self.now());
        if leased.number(connection).await? > 0 {
            let message = format!("a run still works on target `{name}`: it ends within a minute, remove the target then");
            return Err(StoreError::Conflict(message));
        }
        Ok(())
    }
}
