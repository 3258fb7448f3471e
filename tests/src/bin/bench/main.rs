//! Benchmarks: each prints its figures as one JSON object on the last line of its output.
//!
//! `tests/bench` without a name lists them. The engine and the emulator are the release binaries beside this one, each a
//! process of its own.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod capacity;
mod direct;
mod emulator;
mod floor;
mod hooks;
mod kill;
mod load;
mod lost;
mod mapping;
mod organisation;
mod population;
mod process;
mod scale;
mod scim;
mod whatif;

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let name = words.next().context("name a benchmark")?;
    let options = options(&name, words)?;
    let number = |key: &str, default: u64| -> anyhow::Result<u64> {
        let Some(text) = options.get(key) else { return Ok(default) };
        let number = text.parse().with_context(|| format!("--{key} takes a number, not `{text}`"))?;
        if number > 0 || key == "seed" { Ok(number) } else { bail!("--{key} takes a number above 0") }
    };
    let figures = match name.as_str() {
        "load" => load::run(number("users", 10_000)?).await?,
        "direct" => direct::run(number("changes", 200)?).await?,
        "mapping" => mapping::run(number("seconds", 5)?)?,
        "capacity" => capacity::run(number("users", 10_000)?).await?,
        "lost-answers" => lost::run(number("creates", 10_000)?, number("clock-rate", 30)?).await?,
        "floor" => {
            let profile = options.get("profile").map_or("typical", String::as_str);
            floor::run(number("users", 10_000)?, number("clock-rate", 3)?, profile).await?
        }
        "emulator" => emulator::run(number("users", 1_000_000)?).await?,
        "kill" => {
            let store = options.get("store").map_or("sqlite", String::as_str);
            kill::run(number("times", 100)?, store, number("seed", 20_260_101)?).await?
        }
        "scale" => scale::run(number("users", 10_000)?, options.get("store").map_or("sqlite", String::as_str)).await?,
        "hooks" => hooks::run(number("requests", 5_000)?, options.get("store").map_or("sqlite", String::as_str)).await?,
        "scim" => scim::run(number("requests", 5_000)?, options.get("store").map_or("sqlite", String::as_str)).await?,
        "what-if" => whatif::run(number("objects", 100_000)?, options.get("store").map_or("sqlite", String::as_str)).await?,
        other => bail!("there is no benchmark `{other}`"),
    };
    println!("{figures}");
    Ok(())
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// What a benchmark can be told.
fn known(benchmark: &str) -> anyhow::Result<&'static [&'static str]> {
    Ok(match benchmark {
        "load" | "capacity" | "emulator" => &["users"],
        "direct" => &["changes"],
        "mapping" => &["seconds"],
        "lost-answers" => &["creates", "clock-rate"],
        "floor" => &["users", "clock-rate", "profile"],
        "scim" | "hooks" => &["requests", "store"],
        "kill" => &["times", "store", "seed"],
        "scale" => &["users", "store"],
        "scim" => &["requests", "store"],
        "what-if" => &["objects", "store"],
        other => bail!("there is no benchmark `{other}`"),
    })
}

/// `--key value` pairs.
fn options(benchmark: &str, mut words: impl Iterator<Item = String>) -> anyhow::Result<BTreeMap<String, String>> {
    let (known, mut options) = (known(benchmark)?, BTreeMap::new());
    while let Some(word) = words.next() {
        let key = word.strip_prefix("--").with_context(|| format!("`{word}` is no option: write --name value"))?;
        if !known.contains(&key) {
            bail!("`{benchmark}` has no option --{key}; it has --{}", known.join(", --"));
        }
        let value = words.next().with_context(|| format!("--{key} needs a value"))?;
        options.insert(key.to_owned(), value);
    }
    Ok(options)
}
