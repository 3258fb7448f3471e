//! `entrain demo`: the whole of it on this machine.

use super::args::DemoArgs;
use super::{Exit, Output};
use crate::demo;

pub(super) async fn run(args: &DemoArgs, output: &mut Output) -> anyhow::Result<Exit> {
    demo::run(&demo::Options { users: args.users, seed: args.seed, once: args.once }, output).await
}
