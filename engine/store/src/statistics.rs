//! Statistics of tables that grow faster than the server looks at them. Without any it takes the rows of one target for a
//! small part of a table, and reads all of them where the key of each is known.

use std::sync::atomic::Ordering;

use crate::sql::{Columns as _, Sql};
use crate::{Result, Store};

/// How many pages are written from one look at the tables to the next, once there is more than a little.
const PAGES: u64 = 16;

impl Store {
    /// For who fills tables, once a page: has those measured that have become four times as large since they were last.
    pub async fn keep_statistics(&self) -> Result<()> {
        let page = self.pages().fetch_add(1, Ordering::Relaxed);
        let due = page.is_multiple_of(PAGES) || (page < PAGES && page.is_power_of_two());
        if due { self.measure(4).await } else { Ok(()) }
    }

    /// For who has filled tables and is about to join them: has those measured that have grown at all.
    pub async fn settle_statistics(&self) -> Result<()> {
        self.measure(1).await
    }

    async fn measure(&self, times: i64) -> Result<()> {
        let Some(grown) = self.dialect().grown_tables() else { return Ok(()) };
        let mut connection = self.read().await?;
        for row in Sql::new(grown).arg(times).all(&mut connection).await? {
            // Somebody else may be at it: then there is nothing to wait for.
            Sql::new(&format!("analyze (skip_locked) \"{}\"", row.str("name")?)).run(&mut connection).await?;
        }
        Ok(())
    }
}
