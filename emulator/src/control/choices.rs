//! What can be chosen anew while the emulator runs: switches and directory extensions.

use super::routes::{read, shown};
use crate::app::App;
use crate::directory::extensions;
use crate::graph::Answer;
use crate::options::taken;
use serde_json::{Map, Value as Json};
use std::sync::atomic::Ordering;

/// The switches, and what else is chosen with them.
pub(super) fn switches(app: &App) -> Answer {
    let world = app.world.read();
    let mut all = serde_json::to_value(&world.switches).unwrap_or_default();
    all["directorySync"] = world.directory_sync.into();
    all["tokenLifetime"] = app.token_lifetime.load(Ordering::Relaxed).into();
    shown(&all)
}

/// Changes some of them; what is wrong changes nothing.
///
/// # Errors
/// An unknown switch, or a value of the wrong type.
pub(super) fn switch(app: &App, mut change: Map<String, Json>) -> Result<Answer, String> {
    let directory_sync = taken(&mut change, "directorySync")?;
    let token_lifetime = taken(&mut change, "tokenLifetime")?;
    {
        let mut world = app.world.write();
        world.switches = world.switches.with(change)?;
        world.directory_sync = directory_sync.unwrap_or(world.directory_sync);
    }
    if let Some(seconds) = token_lifetime {
        app.token_lifetime.store(seconds, Ordering::Relaxed);
    }
    Ok(switches(app))
}

/// Registers directory extensions in place of the present ones. Values of those that are gone stay, unseen.
///
/// # Errors
/// A text that describes none.
pub(super) fn register(app: &App, body: &[u8]) -> Result<Answer, String> {
    let texts: Vec<String> = read(body)?;
    let registered = extensions(&texts)?;
    let mut world = app.world.write();
    world.tenant.schema.register(&registered);
    world.extensions = texts;
    Ok(shown(&world.extensions))
}
