//! Which numbers make sense: a slip of a finger shall not make every answer fail, or none.

use super::{Ambiguity, Conditions, Deltas, Rates, Throttling};

/// The replicas that a tenant may have.
const MOST_REPLICAS: usize = 100;

/// Checks every number that can be wrong.
///
/// # Errors
/// What is wrong, by its name.
pub(super) fn check(conditions: &Conditions) -> Result<(), String> {
    throttling(&conditions.throttling)?;
    ambiguity(&conditions.ambiguity)?;
    deltas(&conditions.delta)?;
    rate("lists.emptyPages", conditions.lists.empty_pages)?;
    right(conditions.replication.replicas <= MOST_REPLICAS, "replication.replicas", "100 at most")
}

fn right(is: bool, name: &str, wanted: &str) -> Result<(), String> {
    if is { Ok(()) } else { Err(format!("{name}: {wanted}")) }
}

fn rate(name: &str, rate: f64) -> Result<(), String> {
    right((0.0..=1.0).contains(&rate), name, "a rate is between 0 and 1")
}

fn throttling(rules: &Throttling) -> Result<(), String> {
    for (name, number) in [
        ("unitsSmall", rules.units_small),
        ("unitsMedium", rules.units_medium),
        ("unitsLarge", rules.units_large),
        ("unitsSeconds", rules.units_seconds),
        ("writes", rules.writes),
        ("writesSeconds", rules.writes_seconds),
        ("tenantWrites", rules.tenant_writes),
        ("tenantWritesSeconds", rules.tenant_writes_seconds),
        ("applicationUnits", rules.application_units),
        ("applicationUnitsSeconds", rules.application_units_seconds),
        ("applicationWrites", rules.application_writes),
        ("applicationWritesSeconds", rules.application_writes_seconds),
        ("reports", rules.reports),
        ("reportsSeconds", rules.reports_seconds),
        ("requests", rules.requests),
        ("requestsSeconds", rules.requests_seconds),
        ("applications", rules.applications),
        ("applicationsSeconds", rules.applications_seconds),
        ("personalApplications", rules.personal_applications),
        ("personalApplicationsSeconds", rules.personal_applications_seconds),
        ("extensions", rules.extensions),
        ("extensionsSeconds", rules.extensions_seconds),
    ] {
        right(number > 0.0, &format!("throttling.{name}"), "a quota and its window are above 0")?;
    }
    right(rules.retry_after_least >= 0.0, "throttling.retryAfterLeast", "0 at least")?;
    rate("throttling.lowLeaves", rules.low_leaves)?;
    rate("throttling.normalLeaves", rules.normal_leaves)?;
    rate("throttling.belowLimits", rules.below_limits)
}

fn ambiguity(rules: &Ambiguity) -> Result<(), String> {
    let damaged = [("truncated", rules.truncated), ("garbage", rules.garbage)];
    let (before, after) = (named("before", rules.before), named("after", rules.after));
    let (batch_before, batch_after) = (named("batchBefore", rules.batch_before), named("batchAfter", rules.batch_after));
    let resets = [("before.reset", rules.before.reset), ("after.reset", rules.after.reset)];
    let known = |all: &[(String, f64)]| all.iter().try_for_each(|(name, each)| rate(&format!("ambiguity.{name}"), *each));
    known(&before)?;
    known(&after)?;
    known(&batch_before)?;
    known(&batch_after)?;
    known(&named("signIn", rules.sign_in))?;
    for (name, each) in damaged.into_iter().chain([("slow", rules.slow)]) {
        rate(&format!("ambiguity.{name}"), each)?;
    }
    // One answer is lost in one way: what is beyond the whole would never strike.
    let damage: f64 = damaged.iter().map(|(_, each)| each).sum();
    let sum = |all: &[(String, f64)]| all.iter().map(|(_, each)| each).sum::<f64>();
    let batch = sum(&batch_before) + sum(&batch_after) + resets.iter().map(|(_, each)| each).sum::<f64>();
    for (name, whole) in [
        ("ambiguity.before and after", sum(&before) + sum(&after) + damage),
        ("ambiguity.batchBefore and batchAfter", batch + damage),
        ("ambiguity.signIn", sum(&named("signIn", rules.sign_in))),
    ] {
        right(whole <= 1.0 + f64::EPSILON, name, "the rates of one answer, with truncated and garbage, are 1 together at most")?;
    }
    right(rules.slow_from <= rules.slow_to, "ambiguity.slowFrom", "slowTo at most")?;
    right(rules.write_from <= rules.write_to, "ambiguity.writeFrom", "writeTo at most")?;
    right(rules.concurrency_window >= 0, "ambiguity.concurrencyWindow", "0 at least")
}

fn named(group: &str, rates: Rates) -> [(String, f64); 5] {
    let Rates { internal, gateway, unavailable, timeout, reset } = rates;
    [("500", internal), ("502", gateway), ("503", unavailable), ("504", timeout), ("reset", reset)]
        .map(|(name, each)| (format!("{group}.{name}"), each))
}

fn deltas(rules: &Deltas) -> Result<(), String> {
    rate("delta.emptyPages", rules.empty_pages)?;
    rate("delta.replays", rules.replays)?;
    rate("delta.resets", rules.resets)?;
    right(rules.page != Some(0), "delta.page", "1 at least")?;
    right(rules.links != Some(0), "delta.links", "1 at least")?;
    right(rules.stale_by >= 0, "delta.staleBy", "0 at least")?;
    right(rules.lifetime > 0, "delta.lifetime", "above 0")
}

#[cfg(test)]
mod tests {
    use super::super::{Conditions, Profile};
    use serde_json::json;

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let typical = Conditions::of(Profile::Typical);
        for (change, named) in [
            (json!({ "throttling": { "writes": -5 } }), "throttling.writes:"),
            (json!({ "throttling": { "unitsSeconds": 0 } }), "throttling.unitsSeconds:"),
            (json!({ "throttling": { "lowLeaves": 2 } }), "throttling.lowLeaves:"),
            (json!({ "replication": { "replicas": 1000 } }), "replication.replicas:"),
            (json!({ "ambiguity": { "truncated": 5 } }), "ambiguity.truncated:"),
            (json!({ "ambiguity": { "before": { "503": 1.1 } } }), "ambiguity.before.503:"),
            (json!({ "ambiguity": { "batchAfter": { "reset": -0.1 } } }), "ambiguity.batchAfter.reset:"),
            (json!({ "ambiguity": { "after": { "500": 0.7 }, "garbage": 0.4 } }), "ambiguity.before and after:"),
            (json!({ "ambiguity": { "slowFrom": 20_000 } }), "ambiguity.slowFrom:"),
            (json!({ "delta": { "page": 0 } }), "delta.page:"),
            (json!({ "delta": { "replays": 20 } }), "delta.replays:"),
            (json!({ "lists": { "emptyPages": 1.5 } }), "lists.emptyPages:"),
        ] {
            let refusal = typical.with(change.clone()).unwrap_err();
            assert!(refusal.starts_with(named), "{change}: {refusal}");
        }
        let whole = json!({ "ambiguity": { "before": { "503": 1.0 }, "truncated": 0.0 } });
        assert!(Conditions::of(Profile::Ideal).with(whole).is_ok());
    }

    #[test]
    fn every_profile_makes_sense() {
        for profile in [Profile::Ideal, Profile::Typical, Profile::Hostile] {
            let conditions = Conditions::of(profile);
            assert_eq!(conditions.with(json!({})), Ok(conditions));
        }
    }
}
