//! Two persons for one approval: the first is noted, the second carries it out.

use entrain_model::RunId;
use sqlx::AnyConnection;

use crate::approval::Choice;
use crate::audit::Entry;
use crate::sql::{Sql, to_json};
use crate::{Result, Store, StoreError};

/// How many persons must agree to what the limits hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approvers {
    /// One.
    #[default]
    One,
    /// Two of different names, who approve the same plan and the same part of it.
    Two,
}

/// Whether an approval may be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreed {
    /// Enough have agreed.
    Yes,
    /// This one was the first.
    NotYet,
}

impl Store {
    /// The same database, where what the limits hold must be approved by so many.
    #[must_use]
    pub fn approved_by(mut self, approvers: Approvers) -> Self {
        self.set_approvers(approvers);
        self
    }

    /// Notes an approval, and looks whether another person has given the same one.
    pub(crate) async fn agree(
        &self,
        connection: &mut AnyConnection,
        run: &RunId,
        digest: &str,
        by: &str,
        choice: &Choice,
    ) -> Result<Agreed> {
        if self.approvers() == Approvers::One {
            return Ok(Agreed::Yes);
        }
        // One who writes the name in another way is still one.
        let (approver, choice) = (by.trim().to_lowercase(), to_json(&choice.words())?);
        if approver.is_empty() {
            return Err(StoreError::Conflict("an approval needs the name of who approves".to_owned()));
        }
        let others = Sql::new(
            "select count(*) as n from first_approvals where run = $1 and approver <> $2 and digest = $3 and choice = $4",
        );
        if others.arg(run).arg(&approver).arg(digest).arg(&choice).number(connection).await? > 0 {
            return Ok(Agreed::Yes);
        }
        Sql::new("insert into first_approvals (run, approver, digest, choice, at) values ")
            .rows([[run.into(), (&approver).into(), digest.into(), (&choice).into(), self.now().into()]])
            .text(
                " on conflict (run, approver) do update set digest = excluded.digest, choice = excluded.choice, at = excluded.at",
            )
            .run(connection)
            .await?;
        let entry = Entry::act("approve_first").run(run).by(by).after("digest", digest).after("choice", choice);
        self.record(connection, entry).await?;
        Ok(Agreed::NotYet)
    }
}
