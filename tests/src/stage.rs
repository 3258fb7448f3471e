//! The world of the scenarios: the whole engine between a fresh database and a directory in memory.
//!
//! | command | does |
//! |---|---|
//! | `user add\|set ID name=value ..`, `user remove ID`, the same with `group` | writes to the source; `null` takes a value away |
//! | `member add\|remove GROUP user\|group ID`, the same with `owner` | writes a membership to the source |
//! | `tenant user\|group add\|set RECORD name=value ..`, `.. remove\|purge RECORD` | changes the target behind the engine's back |
//! | `tenant member\|owner\|manager RECORD user\|group RECORD`, `tenant drop member\|owner\|manager RECORD user\|group RECORD`, `tenant privileged\|mastered user\|group RECORD` | the same for references and marks |
//! | `tenant administrator\|guest RECORD`, `tenant roles [WHY]`, `tenant grants` | marks of users; from now on it is not told who holds roles, and why; privileged records may be written |
//! | `tenant credentials arrive\|wait\|vanish` | from now on new users get first credentials that are handed over, and this becomes of them |
//! | `retain user\|group ID [REASON]`, `release user\|group ID`, `reissue user ID` | an operator retains a record, lets it go, asks for a new first credential |
//! | `leavers` | who left and has a record still |
//! | `protect allow\|revoke RECORD` | approves a protected record by name, or takes that back |
//! | `tenant next FAULT ..` | what happens to the next writes |
//! | `target name=value ..` | changes the configuration: `user_removal`, `group_removal`, `scope_group`, `authority`, `mode`, `protected`, and limits: `disable`, `disable_in_an_hour`, `disable_in_a_day`, `delete`, `rename`, `clear`, `remove_reference` |
//! | `pass MINUTES` | lets time pass |
//! | `plan`, `apply` | plans and keeps the plan; carries out what was kept |
//! | `undo`, `unpark user\|group ID` | takes back the last run that did anything; lets an object go |
//! | `approve`, `approve only\|except user\|group ID ..`, `reject` | a person decides about the last run that was held |
//! | `script user\|group TEXT` | a script after the default ones |
//! | `sync full`, `sync direct`, `sync user\|group ID`, `resume`, `resume user\|group ID` | runs the engine |
//! | `show user\|group ID` | the target record of a source object |
//! | `audit` | what the audit says of the changes since the last look, and whether its chain fits |

mod audit;
mod configure;
mod show;
mod source;
mod tenant;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use entrain_model::{Decision, Kind, ObjectRef, Reason, RunId, Scope};
use entrain_plan::digest_of;
use entrain_store::{Choice, LeaverRow, ProtectionApproval, RunKind, RunState};
use entrain_sync::{Ask, Report, Resumed, Silent, SyncError};

use crate::database::Dialect;
use crate::memory::{Memory, schema};
use crate::rig::Rig;
use crate::scenario::{Command, World};

/// A source, a target in memory and the engine between them.
pub struct Stage {
    rig: Rig,
    memory: Arc<Memory>,
    /// The last run that waits for approval.
    waiting: Option<RunId>,
    /// The last run that was carried out.
    done: Option<RunId>,
    /// Up to where the audit was looked at.
    looked: i64,
    /// The lines of the plan that is being reviewed.
    reviewed: Vec<(ObjectRef, String)>,
}

impl Stage {
    /// An empty one. Ids and order are the same every time.
    ///
    /// # Errors
    /// The database cannot be made.
    pub async fn new(dialect: Dialect) -> anyhow::Result<Self> {
        let memory = Arc::new(Memory::new(schema(), 1));
        let rig = Rig::new(dialect, memory.clone(), |_| {}).await?;
        Ok(Self { rig, memory, waiting: None, done: None, looked: 0, reviewed: Vec::new() })
    }

    async fn sync(&mut self, command: &Command) -> anyhow::Result<Vec<String>> {
        let results = match command.word(1, "`full`, `direct` or an object")? {
            "full" => vec![self.rig.full().await],
            "direct" => self.rig.direct().await?,
            _ => vec![self.rig.only(&[object(command, 1)?]).await],
        };
        self.told(results).await
    }

    /// What the runs told, and what reached the target meanwhile.
    async fn told(&mut self, results: Vec<Result<Report, SyncError>>) -> anyhow::Result<Vec<String>> {
        let (mut lines, mut endings) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(report) => {
                    if let Some(run) = &report.run {
                        lines.extend(show::plan(self.rig.store(), run).await?);
                    }
                    let ended = matches!(report.state, RunState::Converged | RunState::Partial);
                    if report.state == RunState::Held {
                        self.waiting.clone_from(&report.run);
                    } else if ended && !report.done.is_empty() {
                        self.done.clone_from(&report.run);
                    }
                    endings.push(show::ending(&report));
                }
                Err(error) => endings.push(format!("failed: {error}")),
            }
        }
        lines.extend(self.memory.take_log().iter().map(show::write));
        lines.extend(endings);
        if lines.is_empty() {
            lines.push("nothing is due".to_owned());
        }
        Ok(lines.iter().map(|line| show::without_runs(line)).collect())
    }

    async fn approve(&mut self, command: &Command) -> anyhow::Result<Vec<String>> {
        let run = self.waiting.take().context("no run waits for approval")?;
        let named = || (2..command.words.len()).step_by(2).map(|place| object(command, place)).collect::<anyhow::Result<_>>();
        let choice = match command.words.get(1).map(String::as_str) {
            None => Choice::All,
            Some("only") => Choice::Only(named()?),
            Some("except") => Choice::Except(named()?),
            Some(other) => bail!("`approve {other}` is no choice"),
        };
        let result = self.rig.engine.approve(&self.rig.target, &run, "the scenario", &choice, &Silent).await;
        self.told(vec![result]).await
    }

    /// Plans, and keeps the plan as a file would.
    async fn plan(&mut self) -> anyhow::Result<Vec<String>> {
        let ask = Ask { kind: RunKind::Plan, ..Ask::sync(Scope::Everything, Reason::Operator) };
        let report = self.rig.engine.reconcile(&self.rig.target, ask, &Silent).await;
        self.reviewed.clear();
        if let Some(run) = report.as_ref().ok().and_then(|report| report.run.as_ref()) {
            for line in self.rig.store().plan_lines(run, 0, 1_000).await? {
                if matches!(line.decision, Decision::Change(_)) {
                    self.reviewed.push((line.object, digest_of(&entrain_plan::json(&line.decision))));
                }
            }
        }
        self.told(vec![report]).await
    }

    async fn apply(&mut self) -> anyhow::Result<Vec<String>> {
        self.rig.engine.review("scenario", &self.reviewed).await?;
        let result = self.rig.engine.apply(&self.rig.target, "scenario", RunKind::Apply, &Silent).await;
        self.told(vec![result]).await
    }

    async fn undo(&mut self) -> anyhow::Result<Vec<String>> {
        let run = self.done.take().context("no run was carried out")?;
        let result = self.rig.engine.undo(&self.rig.target, &run, "the scenario", RunKind::Undo, &Silent).await;
        self.told(vec![result]).await
    }

    async fn unpark(&mut self, command: &Command) -> anyhow::Result<Vec<String>> {
        self.rig.store().park(&self.rig.target.name, &object(command, 1)?, None).await?;
        Ok(Vec::new())
    }

    async fn retain(&self, command: &Command) -> anyhow::Result<Vec<String>> {
        let reason = command.words.get(3).map_or("the scenario", String::as_str);
        let reason = (command.word(0, "a verb")? == "retain").then_some(reason);
        self.rig.store().retain(&self.rig.target.name, &object(command, 1)?, reason).await?;
        Ok(Vec::new())
    }

    async fn leavers(&self) -> anyhow::Result<Vec<String>> {
        let leavers = self.rig.store().leavers(&self.rig.target.name, None, 100).await?;
        let said = |leaver: &LeaverRow| {
            let why = if leaver.deleted { "deleted" } else { "out of scope" };
            let retained = leaver.retained.as_ref().map_or(String::new(), |reason| format!(", retained: {reason}"));
            format!("{} {}: {why}{retained}", leaver.object, leaver.record)
        };
        Ok(if leavers.is_empty() { vec!["nobody left".to_owned()] } else { leavers.iter().map(said).collect() })
    }

    async fn reject(&mut self) -> anyhow::Result<Vec<String>> {
        let run = self.waiting.take().context("no run waits for approval")?;
        self.rig.engine.reject(&run, "the scenario").await?;
        Ok(vec!["rejected".to_owned()])
    }

    async fn resume(&mut self, command: &Command) -> anyhow::Result<Vec<String>> {
        let parked = if command.words.len() > 1 { Some(object(command, 1)?) } else { None };
        let hold = parked.as_ref().map(|object| (object, "parked by the scenario"));
        Ok(vec![match self.rig.engine.resume(&self.rig.target, hold).await? {
            Resumed::NotHalted => "it was not halted".to_owned(),
            Resumed::Released => "it goes on".to_owned(),
            Resumed::StillHalted(halt) => show::halt(&halt),
        }])
    }

    async fn protect(&self, command: &Command) -> anyhow::Result<()> {
        let (store, target) = (self.rig.store(), self.rig.target.name.clone());
        let (record, by) = (command.word(2, "a record")?.into(), "the scenario".to_owned());
        match command.word(1, "`allow` or `revoke`")? {
            "allow" => {
                let reason = "a person said so".to_owned();
                store.approve_record(&ProtectionApproval { target, record, reason, by, at: 0 }).await?;
            }
            "revoke" => _ = store.revoke_record(&target, &record, &by).await?,
            other => bail!("`{other}` is neither `allow` nor `revoke`"),
        }
        Ok(())
    }

    /// The target record of a source object.
    async fn shown(&self, command: &Command) -> anyhow::Result<Vec<String>> {
        let object = object(command, 1)?;
        let links = self.rig.store().link_ids(&self.rig.target.name, std::slice::from_ref(&object)).await?;
        let Some((id, _)) = links.get(&object) else { return Ok(vec!["it has no record".to_owned()]) };
        let record = self.memory.dump().into_iter().find(|record| record.kind == object.kind && record.id == *id);
        Ok(show::record(&record.with_context(|| format!("there is no record {id}"))?))
    }
}

#[async_trait]
impl World for Stage {
    async fn run(&mut self, command: &Command) -> anyhow::Result<Vec<String>> {
        match command.word(0, "a verb")? {
            "user" | "group" | "member" | "owner" => source::write(&self.rig, command).await.map(|()| Vec::new()),
            "tenant" => tenant::change(&self.memory, command).map(|()| Vec::new()),
            "target" => configure::target(&mut self.rig, command).await.map(|()| Vec::new()),
            "script" => {
                let kind = command.word(1, "a kind")?.parse()?;
                self.rig.script(kind, command.word(2, "a script")?).await.map(|()| Vec::new())
            }
            "sync" => self.sync(command).await,
            "approve" => self.approve(command).await,
            "reject" => self.reject().await,
            "plan" => self.plan().await,
            "apply" => self.apply().await,
            "undo" => self.undo().await,
            "unpark" => self.unpark(command).await,
            "retain" | "release" => self.retain(command).await,
            "reissue" => {
                self.rig.store().reissue(&self.rig.target.name, &object(command, 1)?).await?;
                Ok(Vec::new())
            }
            "leavers" => self.leavers().await,
            "pass" => {
                let minutes: u64 = command.word(1, "minutes")?.parse()?;
                self.rig.clock.advance(Duration::from_secs(minutes * 60));
                Ok(Vec::new())
            }
            "resume" => self.resume(command).await,
            "protect" => self.protect(command).await.map(|()| Vec::new()),
            "show" => self.shown(command).await,
            "audit" => {
                let (lines, looked) = audit::rows(self.rig.store(), self.looked).await?;
                self.looked = looked;
                Ok(lines)
            }
            other => bail!("`{other}` is no command of scenarios"),
        }
    }
}

/// The source object that two words name.
fn object(command: &Command, place: usize) -> anyhow::Result<ObjectRef> {
    let kind: Kind = command.word(place, "a kind")?.parse()?;
    Ok(ObjectRef { kind, id: command.word(place + 1, "an id")?.into() })
}
