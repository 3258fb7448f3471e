use super::*;
use crate::testing::FakeClock;

fn writes(n: f64) -> Charge {
    Charge { units: 1.0, writes_flat: n, writes_by_three: n }
}

fn bind() -> Charge {
    Charge { units: 1.0, writes_flat: 1.0, writes_by_three: 7.0 }
}

fn share(share: f64) -> Told {
    Told { share: Some(share), ..Told::default() }
}

async fn spend(pacing: &Pacing, charge: Charge, times: usize) {
    spend_in(Lane::Leaver, pacing, charge, times).await;
}

async fn spend_in(lane: Lane, pacing: &Pacing, charge: Charge, times: usize) {
    for _ in 0..times {
        drop(pacing.admit(Gate::Writes, lane, charge).await);
    }
}

#[tokio::test]
async fn a_pause_holds_its_own_gate_only() {
    let clock = FakeClock::new();
    let pacing = Pacing::new(2, Quota::default(), clock.clone());
    pacing.pause(Gate::Writes, Lane::Bulk, Duration::from_secs(9));
    drop(pacing.admit(Gate::Reads, Lane::Bulk, Charge { units: 1.0, ..Charge::default() }).await);
    assert_eq!(clock.slept(), Vec::<Duration>::new());
    drop(pacing.admit(Gate::Writes, Lane::Bulk, writes(1.0)).await);
    drop(pacing.admit(Gate::Writes, Lane::Bulk, writes(1.0)).await);
    assert_eq!(clock.slept(), [Duration::from_secs(9)]);
}

#[tokio::test]
async fn a_leaver_tries_through_a_pause_of_a_lower_lane_one_request_at_a_time() {
    let clock = FakeClock::new();
    let pacing = Pacing::new(8, Quota::default(), clock.clone());
    let wait = Duration::from_secs(90);
    pacing.pause(Gate::Writes, Lane::Bulk, wait);
    let first = pacing.admit(Gate::Writes, Lane::Leaver, writes(1.0)).await;
    assert_eq!(clock.slept(), Vec::<Duration>::new());
    let mut second = Box::pin(pacing.admit(Gate::Writes, Lane::Leaver, writes(1.0)));
    assert!(futures_util::poll!(&mut second).is_pending(), "the first is not answered");
    drop(first);
    assert!(futures_util::poll!(&mut second).is_ready());
}

#[tokio::test]
async fn a_leaver_has_a_place_where_all_others_are_taken() {
    let pacing = Pacing::new(2, Quota::default(), FakeClock::new());
    let mut hanging = Vec::new();
    for _ in 0..2 {
        hanging.push(pacing.admit(Gate::Writes, Lane::Bulk, writes(1.0)).await);
    }
    let mut third = Box::pin(pacing.admit(Gate::Writes, Lane::Bulk, writes(1.0)));
    assert!(futures_util::poll!(&mut third).is_pending());
    let leaver = pacing.admit(Gate::Writes, Lane::Leaver, writes(1.0)).await;
    let mut next = Box::pin(pacing.admit(Gate::Writes, Lane::Leaver, writes(1.0)));
    assert!(futures_util::poll!(&mut next).is_pending(), "it is one place");
    drop(leaver);
    assert!(futures_util::poll!(&mut next).is_ready());
}

#[tokio::test]
async fn three_thousand_writes_go_at_once_and_then_twenty_a_second() {
    let clock = FakeClock::new();
    let pacing = Pacing::new(2, Quota::default(), clock.clone());
    spend(&pacing, writes(20.0), 150).await;
    assert_eq!(clock.slept(), Vec::<Duration>::new());
    let before = clock.now();
    spend(&pacing, writes(20.0), 60).await;
    let seconds = (clock.now() - before) / 1000;
    assert!((60..=61).contains(&seconds), "{seconds} s for 1,200 writes");
}

#[tokio::test]
async fn a_leaver_overtakes_a_direct_change_and_that_a_full_run() {
    let clock = FakeClock::new();
    let pacing = Pacing::new(1, Quota::default(), clock);
    let held = pacing.admit(Gate::Writes, Lane::Bulk, writes(1.0)).await;
    let order = Mutex::new(Vec::new());
    let go = |lane| {
        let (pacing, order) = (&pacing, &order);
        async move {
            let permit = pacing.admit(Gate::Writes, lane, writes(1.0)).await;
            order.lock().unwrap().push(lane);
            drop(permit);
        }
    };
    let free = async {
        tokio::task::yield_now().await;
        drop(held);
    };
    tokio::join!(go(Lane::Bulk), go(Lane::Direct), go(Lane::Leaver), free);
    assert_eq!(*order.lock().unwrap(), [Lane::Leaver, Lane::Direct, Lane::Bulk]);
}

#[tokio::test]
async fn a_full_run_leaves_something_for_a_leaver() {
    let clock = FakeClock::new();
    let pacing = Pacing::new(1, Quota::default(), clock.clone());
    spend_in(Lane::Bulk, &pacing, writes(20.0), 132).await;
    drop(pacing.admit(Gate::Writes, Lane::Direct, writes(200.0)).await);
    drop(pacing.admit(Gate::Writes, Lane::Leaver, writes(100.0)).await);
    assert_eq!(clock.slept(), Vec::<Duration>::new(), "nobody waits");
    spend_in(Lane::Bulk, &pacing, writes(20.0), 1).await;
    assert_eq!(clock.slept().len(), 1, "the full run does");
}

#[tokio::test]
async fn who_gives_up_waiting_does_not_hold_up_the_others() {
    let clock = FakeClock::new();
    let pacing = Pacing::new(1, Quota::default(), clock);
    let held = pacing.admit(Gate::Writes, Lane::Bulk, writes(1.0)).await;
    let mut impatient = Box::pin(pacing.admit(Gate::Writes, Lane::Direct, writes(1.0)));
    assert!(futures_util::poll!(&mut impatient).is_pending());
    drop(impatient);
    drop(held);
    drop(pacing.admit(Gate::Writes, Lane::Bulk, writes(1.0)).await);
}

#[tokio::test]
async fn what_the_headers_say_decides_what_links_cost() {
    let clock = FakeClock::new();
    let pacing = Pacing::new(1, Quota::default(), clock);
    assert_eq!(pacing.links(), 18, "the dearer price is believed first");
    spend(&pacing, writes(1.0), 2000).await;
    spend(&pacing, bind(), 130).await;
    // 2,130 of 3,000 writes are used if links travel for one, 2,910 if not.
    pacing.learn(bind(), share(0.97));
    assert_eq!(pacing.links(), 18);
    let pacing = Pacing::new(1, Quota::default(), FakeClock::new());
    spend(&pacing, writes(1.0), 2400).await;
    pacing.learn(writes(1.0), share(0.8));
    spend(&pacing, bind(), 80).await;
    pacing.learn(bind(), share(0.83));
    assert_eq!(pacing.links(), 20);
}

#[tokio::test]
async fn an_answer_without_a_share_says_that_little_is_used_until_a_refusal_belies_it() {
    let spent = async |pacing: &Pacing| {
        spend(pacing, bind(), 400).await;
        pacing.learn(bind(), Told::default());
        pacing.links()
    };
    let pacing = Pacing::new(1, Quota::default(), FakeClock::new());
    assert_eq!(spent(&pacing).await, 20);
    let pacing = Pacing::new(1, Quota::default(), FakeClock::new());
    pacing.learn(writes(1.0), Told { throttled: Some(Limit::Writes), ..Told::default() });
    assert_eq!(spent(&pacing).await, 18, "there was a refusal although the account was full");
    pacing.learn(writes(1.0), share(0.9));
    assert_eq!(spent(&pacing).await, 20, "shares are told after all");
}

#[tokio::test]
async fn a_refusal_empties_the_account() {
    let clock = FakeClock::new();
    let pacing = Pacing::new(1, Quota::default(), clock.clone());
    pacing.learn(writes(1.0), Told { throttled: Some(Limit::Writes), ..Told::default() });
    drop(pacing.admit(Gate::Writes, Lane::Leaver, writes(20.0)).await);
    assert_eq!(clock.slept(), [Duration::from_millis(1001)]);
}

/// A 429 as its headers make it, the name of its reason among them.
fn refused(reason: &'static str) -> Told {
    Told::read(429, |name| (name == "x-ms-throttle-information").then(|| reason.to_owned()))
}

/// Writes, as a share of the rate, that the account dares to take.
fn dared(pacing: &Pacing) -> f64 {
    let (few, more) = (pacing.time_for(10_000, 0, 0), pacing.time_for(10_200, 0, 0));
    10.0 / (more - few).as_secs_f64()
}

#[tokio::test]
async fn a_refusal_that_names_no_quota_empties_no_account() {
    let pacing = Pacing::new(1, Quota::default(), FakeClock::new());
    let before = pacing.time_for(4000, 0, 0);
    pacing.learn(writes(20.0), refused("CPULimitExceeded"));
    assert_eq!((pacing.time_for(4000, 0, 0), pacing.links()), (before, 18));
    spend(&pacing, bind(), 400).await;
    pacing.learn(bind(), Told::default());
    assert_eq!(pacing.links(), 20, "silence is believed as before");
    pacing.learn(bind(), refused("CPULimitExceeded"));
    assert_eq!(pacing.links(), 20, "nor does it make links dearer");
    pacing.learn(bind(), refused("WriteLimitExceeded"));
    assert!(pacing.time_for(4000, 0, 0) > before, "a quota that is named empties its account");
}

#[tokio::test]
async fn a_refusal_that_names_no_quota_does_not_change_what_is_dared() {
    let clock = FakeClock::new();
    let pacing = Pacing::new(1, Quota::default(), clock.clone());
    spend(&pacing, writes(1.0), 3000).await;
    pacing.learn(writes(1.0), refused("CPULimitExceeded"));
    assert!((dared(&pacing) - 1.0).abs() < 0.01, "not less: {}", dared(&pacing));
    pacing.learn(writes(1.0), refused("WriteLimitExceeded"));
    assert!((dared(&pacing) - 0.5).abs() < 0.01, "half after a refusal of an account that we kept: {}", dared(&pacing));
    clock.sleep(Duration::from_secs(31)).await;
    pacing.learn(writes(1.0), refused("CPULimitExceeded"));
    assert!((dared(&pacing) - 0.5).abs() < 0.01, "nor more: {}", dared(&pacing));
    pacing.learn(writes(1.0), Told::default());
    assert!(dared(&pacing) > 0.6, "what is answered well raises it again: {}", dared(&pacing));
}

#[test]
fn in_a_batch_a_quota_that_is_named_outweighs_another_reason() {
    for (one, other) in [("CPULimitExceeded", "WriteLimitExceeded"), ("WriteLimitExceeded", "CPULimitExceeded")] {
        assert_eq!(refused(one).and(refused(other)).throttled, Some(Limit::Writes));
    }
    assert_eq!(refused("CPULimitExceeded").and(Told::default()).throttled, Some(Limit::Elsewhere));
    assert_eq!(Told::read(429, |_| None).throttled, Some(Limit::Unnamed));
}

#[tokio::test]
async fn an_estimate_counts_what_is_left_of_the_account() {
    let pacing = Pacing::new(1, Quota::default(), FakeClock::new());
    assert_eq!(pacing.time_for(2640, 0, 0), Duration::ZERO);
    assert_eq!(pacing.time_for(3040, 0, 0), Duration::from_secs(20));
    assert_eq!(pacing.time_for(2640, 3000, 0), Duration::from_secs(50));
}

#[tokio::test]
async fn an_estimate_counts_a_pause_that_stands_during_which_the_account_fills() {
    let pacing = Pacing::new(1, Quota::default(), FakeClock::new());
    pacing.pause(Gate::Writes, Lane::Bulk, Duration::from_secs(30));
    assert_eq!(pacing.time_for(2640, 0, 0), Duration::from_secs(30));
    assert_eq!(pacing.time_for(0, 0, 0), Duration::ZERO, "nothing waits for it");
    let pacing = Pacing::new(1, Quota::default(), FakeClock::new());
    spend(&pacing, writes(1000.0), 1).await;
    pacing.pause(Gate::Writes, Lane::Bulk, Duration::from_secs(30));
    assert_eq!(pacing.time_for(2640, 0, 0), Duration::from_secs(50), "600 of the 1,000 came back meanwhile");
}
