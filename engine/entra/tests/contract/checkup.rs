//! A look at a tenant: what is missing, what is too much, and what an operator must know before the first write.

use std::collections::BTreeSet;

use entrain_emulator::{Domain, Emulator, Options};
use entrain_entra::{Checkup, CredentialConfig, Entra, EntraConfig, Feature, Quota, Verdict};
use serde_json::json;

use crate::stage::{Stage, config};

const LEAST: [&str; 6] = [
    "User.ReadWrite.All",
    "Group.ReadWrite.All",
    "Organization.Read.All",
    "Domain.Read.All",
    "RoleManagement.Read.Directory",
    "Application.Read.All",
];

/// What a target has that writes, with a client secret.
async fn look(roles: &[&str], switch: impl FnOnce(&mut Options), change: impl FnOnce(&mut EntraConfig)) -> Checkup {
    let mut options = Options { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..Options::default() };
    switch(&mut options);
    of(&Stage::with(options, change).await.entra).await
}

async fn of(entra: &Entra) -> Checkup {
    let needed = BTreeSet::from([Feature::Read, Feature::WriteUsers, Feature::WriteGroups]);
    entra.checkup(&needed, &BTreeSet::from([Feature::Eligible, Feature::SecretExpiry])).await
}

/// The words of all findings of one check.
fn said<'a>(checkup: &'a Checkup, check: &str) -> Vec<(Verdict, &'a str)> {
    let of = checkup.findings.iter().filter(|finding| finding.check == check);
    of.map(|finding| (finding.verdict, finding.text.as_str())).collect()
}

fn bad(checkup: &Checkup) -> Vec<&str> {
    let bad = checkup.findings.iter().filter(|finding| finding.verdict == Verdict::Bad);
    bad.map(|finding| finding.check).collect()
}

#[tokio::test]
async fn the_least_permissions_are_enough_for_everything_that_is_read() {
    let checkup = look(&[&LEAST[..], &["PrivilegedEligibilitySchedule.Read.AzureADGroup"]].concat(), |_| {}, |_| {}).await;
    assert_eq!(bad(&checkup), [] as [&str; 0], "{checkup:#?}");
    assert!(said(&checkup, "permission_surplus").is_empty(), "{checkup:#?}");
    for check in
        ["token", "permissions", "tenant", "domains", "users", "groups", "recycle_bin", "role_holders", "quota", "headroom"]
    {
        assert_eq!(said(&checkup, check).len(), 1, "{check}: {checkup:#?}");
    }
    let url = checkup.consent_url.unwrap();
    assert!(url.contains("/adminconsent?client_id="), "{url}");
}

#[tokio::test]
async fn what_is_missing_is_named_with_what_it_is_for_and_its_probe_fails() {
    for (left_out, check) in [
        ("User.ReadWrite.All", "users"),
        ("Group.ReadWrite.All", "groups"),
        ("Organization.Read.All", "tenant"),
        ("Domain.Read.All", "tenant"),
        ("RoleManagement.Read.Directory", "role_holders"),
    ] {
        let roles: Vec<&str> = LEAST.iter().copied().filter(|role| *role != left_out).collect();
        let checkup = look(&roles, |_| {}, |_| {}).await;
        let missing = checkup.permissions.as_ref().unwrap();
        assert!(missing.missing.iter().any(|one| one.need.permission == left_out), "{missing:?}");
        assert!(bad(&checkup).contains(&check) && bad(&checkup).contains(&"permission_missing"), "{left_out}: {checkup:#?}");
        let fix = &checkup.findings.iter().find(|finding| finding.check == "permission_missing").unwrap().fix;
        assert!(fix.contains("adminconsent"), "{fix}");
    }
}

#[tokio::test]
async fn what_is_too_much_is_a_warning_that_says_what_it_allows() {
    let checkup = look(&[&LEAST[..], &["RoleManagement.ReadWrite.Directory", "Mail.Read"]].concat(), |_| {}, |_| {}).await;
    let surplus = said(&checkup, "permission_surplus");
    assert_eq!(surplus.len(), 2, "{surplus:?}");
    assert!(surplus.iter().any(|(verdict, text)| *verdict == Verdict::Warning && text.contains("anybody an administrator")));
}

#[tokio::test]
async fn an_application_that_nobody_consented_to_is_told_apart() {
    let checkup = look(&[], |_| {}, |_| {}).await;
    let permissions = said(&checkup, "permissions");
    // Without a role the emulator, as the service, gives a token all the same.
    assert!(permissions.iter().any(|(_, text)| text.contains("nobody consented")), "{checkup:#?}");
}

#[tokio::test]
async fn without_a_token_nothing_else_is_asked() {
    let checkup = look(
        &LEAST,
        |_| {},
        |config| {
            let CredentialConfig::Secret { secret, .. } = &mut config.credential else { panic!() };
            *secret = "wrong".into();
        },
    )
    .await;
    assert_eq!(checkup.findings.len(), 1, "{checkup:#?}");
    assert!(said(&checkup, "token")[0].1.contains("AADSTS7000215"), "{checkup:#?}");
}

#[tokio::test]
async fn a_place_that_does_not_answer_is_one_finding() {
    let tenant = Emulator::start(Options::default()).await.unwrap();
    let mut unreachable = config(&tenant);
    tenant.shutdown().await;
    unreachable.attempts = 1;
    let checkup = of(&Entra::connect(unreachable).unwrap()).await;
    assert_eq!((checkup.findings.len(), checkup.verdict()), (1, Verdict::Bad), "{checkup:#?}");
}

#[tokio::test]
async fn domains_and_quotas_are_compared_with_the_configuration() {
    let checkup = look(
        &LEAST,
        |options| {
            options.domains = vec![Domain::managed("a.example"), Domain::federated("b.example"), Domain::unverified("c.example")];
        },
        |config| config.quota = Quota { writes: 3_000, units: 8_000 },
    )
    .await;
    let domains = said(&checkup, "domains");
    assert!(
        domains[0].1.contains("verified: a.example, b.example, contoso.onmicrosoft.com; federated: b.example"),
        "{domains:?}"
    );
    assert_eq!(domains[1], (Verdict::Warning, "not verified: c.example"));
    assert!(said(&checkup, "anchor")[0].1.contains("federated domain b.example"), "{checkup:#?}");
    let quota = said(&checkup, "quota");
    assert!(quota[0].0 == Verdict::Warning && quota[0].1.contains("class S grants 3500"), "{quota:?}");
}

#[tokio::test]
async fn a_tenant_of_sixty_users_is_of_class_m() {
    let options = Options { roles: LEAST.map(str::to_owned).into(), ..Options::default() };
    let stage = Stage::with(options, |config| config.quota = Quota { writes: 3_000, units: 5_000 }).await;
    let users: Vec<_> =
        (0..60).map(|n| json!({ "userPrincipalName": format!("u{n}@contoso.example"), "displayName": "U" })).collect();
    stage.seed(&json!({ "users": users }));
    let checkup = of(&stage.entra).await;
    assert!(said(&checkup, "users")[0].1.contains("60 users"), "{checkup:#?}");
    let (verdict, text) = said(&checkup, "quota")[0];
    assert!(verdict == Verdict::Good && text.contains("class M grants 5000"), "{text}");
}
