//! The storm, and the calm after it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::bail;
use entrain_model::{Clock as _, Millis};
use entrain_store::{FailPoints, SourceChange, Store, UserRow, Who, mortal};

use super::actors::{Actors, Ending, Step};
use super::deeds::{Case, Deed, Weather};
use super::process::Process;
use super::source::HELD;
use super::truth;
use super::world::World;
use crate::memory::Next;

/// How long, in rounds of ten minutes, the engine has to make everything true once the storm is over.
const PATIENCE: usize = 6 * 72;

/// Plays one simulation to its end.
///
/// # Errors
/// Something happened that must never happen, or the target did not become true.
pub async fn play(case: &Case) -> anyhow::Result<()> {
    let world = World::new(case).await?;
    let listening = world.errors.listen();
    world.change_weather(case.weather);
    let mut stage = Stage { world: &world, case, done: 0, verdict: None };
    for life in 0.. {
        let failpoints = Arc::new(FailPoints::count_only());
        let store = world.open().await?;
        if life == 0 {
            begin(&world, &store).await?;
        }
        let process = Process::new(&world, store.clone().with_failpoints(failpoints.clone()), life);
        let dies = |step| if step == Step::Rests { failpoints.step() } else { failpoints.died() };
        let actors = Actors::new(&world.clock, dies)
            .led_by(stage.lead(&store, &failpoints))
            .with(mortal(failpoints.clone(), process.schedule()))
            .with(mortal(failpoints.clone(), process.worker(Who::Leavers)))
            .with(mortal(failpoints.clone(), process.worker(Who::Others)))
            .with(mortal(failpoints.clone(), process.operator()));
        let ending = actors.await;
        store.close().await;
        if ending == Ending::Done {
            break;
        }
        world.note(&"the process died");
        // What it was about to say about them died with it.
        world.errors.take();
    }
    drop(listening);
    world.note(&"the end");
    let verdict = stage.verdict.take().unwrap_or_else(|| Err(anyhow::anyhow!("the storm did not end")));
    let wrong = world.take_wrong();
    if !wrong.is_empty() {
        bail!("{}\n{}", wrong.join("\n"), world.story());
    }
    verdict.map_err(|error| anyhow::anyhow!("{error:#}\n{}", world.story()))
}

async fn begin(world: &World, store: &Store) -> anyhow::Result<()> {
    let target = &world.target;
    store.put_target(&target.name, target.mode, &target.config_digest, target.mapping.version()).await?;
    let held = HELD.map(|(id, login)| {
        let mut row = UserRow::new(id, login);
        row.display_name = Some(id.to_owned());
        SourceChange::PutUser(row)
    });
    write(store, &held).await
}

async fn write(store: &Store, changes: &[SourceChange]) -> anyhow::Result<()> {
    let mut writer = store.source_writer().await?;
    writer.apply(changes).await?;
    Ok(writer.commit().await?)
}

struct Stage<'a> {
    world: &'a World,
    case: &'a Case,
    /// How many deeds are done.
    done: usize,
    verdict: Option<anyhow::Result<()>>,
}

impl Stage<'_> {
    /// Does what is left to do, then waits for the calm. What dies goes on here in its next life.
    async fn lead(&mut self, store: &Store, failpoints: &FailPoints) {
        while let Some((pause, deed)) = self.case.deeds.get(self.done) {
            self.world.clock.sleep(Duration::from_millis(u64::from(*pause))).await;
            self.done += 1;
            self.world.note(&format_args!("{deed:?}"));
            if let Some(touched) = self.world.touched_stranger() {
                self.verdict = Some(Err(anyhow::anyhow!(touched)));
                return;
            }
            if let Err(error) = self.act(deed, store, failpoints).await {
                self.verdict = Some(Err(error));
                return;
            }
        }
        failpoints.spare();
        self.world.note(&"the storm is over");
        self.world.change_weather(Weather::Fair);
        self.world.put_right();
        self.verdict = Some(self.calm(store).await);
    }

    async fn act(&self, deed: &Deed, store: &Store, failpoints: &FailPoints) -> anyhow::Result<()> {
        match deed {
            Deed::Source(edit) => {
                let changes = self.world.source.lock().unwrap_or_else(PoisonError::into_inner).apply(edit);
                write(store, &changes).await?;
                self.world.clock.tell();
            }
            Deed::Tenant(tampering) => self.world.tamper(tampering),
            Deed::Weather(weather) => self.world.change_weather(*weather),
            Deed::ExpireCursors => self.world.memory.expire_cursors(),
            Deed::Die(n) => failpoints.die_in(u64::from(*n)),
            Deed::Refuse => self.world.memory.next([Next::Unauthorized]),
            Deed::Full => {
                store.set_next_due(&self.world.target.name, Some(self.world.clock.now())).await?;
                self.world.clock.tell();
            }
        }
        Ok(())
    }

    /// Waits until the engine has nothing to do, and looks at what it made.
    async fn calm(&self, store: &Store) -> anyhow::Result<()> {
        let mut last = String::new();
        // Whoever left in the storm is deleted by then, where that takes days.
        let days = Millis::from(self.case.removal.delete_after_days.unwrap_or(0));
        let visible = self.world.clock.now() + 60_000 + days * 86_400_000;
        for _ in 0..PATIENCE {
            self.world.clock.sleep(Duration::from_secs(600)).await;
            match truth::unrest(self.world, store, visible).await? {
                None => return truth::check(self.world, store).await,
                Some(why) => last = why,
            }
        }
        bail!("{} hours did not bring rest: {last}", PATIENCE / 6)
    }
}
