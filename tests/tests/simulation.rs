//! Thousands of storms, each from a seed: the target always becomes true, and nothing happens that must never happen.
//!
//! `ENTRAIN_TEST_CASES` says how many, `ENTRAIN_TEST_SEED` repeats a series; a failure shows the seed of its series and
//! the smallest case that still fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use entrain_tests::simulation::{Case, case, play};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// About a minute; thousands when somebody asks for them.
const CASES: u64 = 300;
/// Series that run at once.
const SERIES: u64 = 2;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn series(seed: u64, cases: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let config = Config {
        cases: u32::try_from(cases).unwrap_or(u32::MAX),
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let outcome = runner
        .run(&case(), |case: Case| runtime.block_on(play(&case)).map_err(|error| TestCaseError::fail(format!("{error:#}"))));
    outcome.map_err(|error| format!("ENTRAIN_TEST_SEED={seed} fails: {error:#}"))
}

#[test]
fn every_storm_is_weathered() {
    let cases = number("ENTRAIN_TEST_CASES").unwrap_or(CASES);
    let seed = number("ENTRAIN_TEST_SEED").unwrap_or(20_260_101);
    println!("{cases} cases from ENTRAIN_TEST_SEED={seed}");
    let series: Vec<_> = (0..SERIES).map(|n| std::thread::spawn(move || series(seed + n, cases.div_ceil(SERIES)))).collect();
    let failed: Vec<String> = series.into_iter().filter_map(|thread| thread.join().unwrap().err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
