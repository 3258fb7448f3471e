//! Harmless reads of everything that a run reads.

use async_trait::async_trait;
use entrain_model::{
    Credentials, Directory as _, DirectoryError, Kind, Millis, Observed, Pages, Query, Read, SinkError, Subset, Tenant,
};

use super::{Checkup, Verdict};
use crate::Entra;
use crate::call::{Answer, Call};
use crate::read::collection;

const DAY: Millis = 86_400_000;

impl Entra {
    pub(super) async fn probe(&self, checkup: &mut Checkup) {
        match self.tenant().await {
            Ok(tenant) => of_tenant(&tenant, checkup),
            Err(error) => checkup.failed("tenant", &error),
        }
        let (mut answers, mut users) = (Vec::new(), None);
        for kind in Kind::ALL {
            match self.sample(kind).await {
                Ok((count, answer)) => {
                    let text = match count {
                        Some(count) => format!("{count} {kind}s can be read"),
                        None => format!("{kind}s can be read; the tenant does not count them"),
                    };
                    checkup.add(if kind == Kind::User { "users" } else { "groups" }, Verdict::Good, text, "");
                    users = users.or(count.filter(|_| kind == Kind::User));
                    answers.push(answer);
                }
                Err(error) => checkup.failed(if kind == Kind::User { "users" } else { "groups" }, &error),
            }
        }
        for kind in Kind::ALL {
            let place = format!("/directory/deletedItems/microsoft.graph.{kind}?$select=id&$top=1");
            match self.client.send(Call::get(place)).await {
                Ok(answer) => answers.push(answer),
                Err(refusal) => checkup.failed("recycle_bin", &refusal.error),
            }
        }
        if checkup.findings.iter().all(|finding| finding.check != "recycle_bin") {
            checkup.add("recycle_bin", Verdict::Good, "the recycle bin can be read", "");
        }
        self.holders(checkup).await;
        self.expiry(checkup).await;
        self.quota(users, &answers, checkup);
    }

    /// How many there are, and the answer to a read of one.
    async fn sample(&self, kind: Kind) -> Result<(Option<u64>, Answer), DirectoryError> {
        let answer = self.client.send(Call::get(format!("/{}?$select=id&$top=1", collection(kind)))).await?;
        Ok((self.count(kind).await?, answer))
    }

    async fn holders(&self, checkup: &mut Checkup) {
        let mut counted = Counted(0);
        match self.read(&Query::Privileged, &mut counted).await {
            Ok(Read::Complete(_)) => {
                let text = format!("{} users and groups are protected by roles", counted.0);
                checkup.add("role_holders", Verdict::Good, text, "");
            }
            Ok(Read::Partial(Subset::NotOffered(why))) => checkup.add("role_holders", Verdict::Bad, why, ""),
            Ok(Read::Partial(other)) => checkup.add("role_holders", Verdict::Bad, format!("the read broke off: {other:?}"), ""),
            Err(error) => checkup.failed("role_holders", &error),
        }
    }

    async fn expiry(&self, checkup: &mut Checkup) {
        let known = match self.credentials().await {
            Ok(Credentials::Known(known)) => known,
            Ok(Credentials::NotReadable(why)) => return checkup.add("credential", Verdict::Warning, why, ""),
            Err(error) => return checkup.failed("credential", &error),
        };
        if known.is_empty() {
            checkup.add("credential", Verdict::Good, "the platform vouches for the application: nothing runs out", "");
        }
        for one in known {
            let days = (one.expires_at - self.clock.now()).div_euclid(DAY);
            let (verdict, fix) = match days {
                ..0 => (Verdict::Bad, "make a new one and put it into the configuration"),
                0..30 => (Verdict::Warning, "make a new one before it ends; both can live at once"),
                _ => (Verdict::Good, ""),
            };
            let text = match days {
                ..0 => format!("{} `{}` ended {} days ago", one.kind.as_str(), one.name, -days),
                _ => format!("{} `{}` ends in {days} days", one.kind.as_str(), one.name),
            };
            checkup.add("credential", verdict, text, fix);
        }
    }

    /// The published quotas by the number of users (Graph documentation, "Identity and access service limits").
    fn quota(&self, users: Option<u64>, answers: &[Answer], checkup: &mut Checkup) {
        let Some(users) = users else { return };
        let (class, units) = match users {
            0..50 => ("S", 3_500),
            50..=500 => ("M", 5_000),
            _ => ("L", 8_000),
        };
        let ours = self.setup.quota;
        let granted =
            format!("a tenant of class {class} grants {units} resource units in 10 seconds and 3000 writes in 150 seconds");
        if ours.units > units || ours.writes > 3_000 {
            let text = format!("{granted}; the configuration takes {} and {}", ours.units, ours.writes);
            let fix = "lower `units_per_10_seconds` and `writes_per_150_seconds`, unless Microsoft granted more";
            checkup.add("quota", Verdict::Warning, text, fix);
        } else {
            checkup.add("quota", Verdict::Good, granted, "");
        }
        match answers.iter().filter_map(|answer| answer.told.share).reduce(f64::max) {
            None => checkup.add("headroom", Verdict::Good, "less than 80 % of the quota is in use", ""),
            Some(share) => {
                let text = format!("{:.0} % of the quota is in use already", share * 100.0);
                checkup.add("headroom", Verdict::Warning, text, "look for what else signs in with this application");
            }
        }
    }
}

fn of_tenant(tenant: &Tenant, checkup: &mut Checkup) {
    let mut text = format!("{} ({})", tenant.display_name, tenant.id);
    if tenant.mastered_elsewhere {
        text.push_str("; another directory is synchronised into it, and what it masters is left alone");
    }
    checkup.add("tenant", Verdict::Good, text, "");
    if let Some(refused) = &tenant.anchor_refused {
        checkup.add("anchor", Verdict::Bad, refused.clone(), "");
    }
    let names = |of: &dyn Fn(&entrain_model::Domain) -> bool| {
        tenant.domains.iter().filter(|domain| of(domain)).map(|domain| domain.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let verified = names(&|domain| domain.verified);
    let federated = names(&|domain| domain.verified && domain.federated);
    let unverified = names(&|domain| !domain.verified);
    if verified.is_empty() {
        checkup.add("domains", Verdict::Bad, "no domain is verified: no user can be made", "verify one in the tenant");
        return;
    }
    let mut text = format!("verified: {verified}");
    if !federated.is_empty() {
        text.push_str(&format!("; federated: {federated}"));
    }
    checkup.add("domains", Verdict::Good, text, "");
    if !unverified.is_empty() {
        let fix = "verify them, or keep sign-in names out of them";
        checkup.add("domains", Verdict::Warning, format!("not verified: {unverified}"), fix);
    }
}

/// Counts what a read shows.
struct Counted(u64);

#[async_trait]
impl Pages for Counted {
    async fn page(&mut self, page: Vec<Observed>) -> Result<(), SinkError> {
        self.0 += page.len() as u64;
        Ok(())
    }
}
