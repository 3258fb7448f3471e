//! A tenant, the adapter connected to it, and short ways to ask and to write.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use entrain_emulator::{Emulator, Options, Running};
use entrain_entra::{Cloud, CredentialConfig, Entra, EntraConfig};
use entrain_model::{
    Attributes, Clock, Directory as _, DirectoryError, Kind, Lane, Millis, NewRecord, ObjectRef, Observed, Pages, Query, Read,
    Relation, SinkError, TargetId, WritableDirectory as _, Write, Written,
};
use serde_json::{Value as Json, json};

/// The machine's time; waits are cut to a hundredth.
#[derive(Debug)]
pub(crate) struct Hasty;

#[async_trait]
impl Clock for Hasty {
    fn now(&self) -> Millis {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap();
        Millis::try_from(since.as_millis()).unwrap()
    }
    async fn sleep(&self, duration: Duration) {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        tokio::time::sleep(duration / 100).await;
    }
}

/// Time that passes so many times faster than the machine's.
#[derive(Debug)]
pub(crate) struct Fast(pub(crate) u32);

#[async_trait]
impl Clock for Fast {
    fn now(&self) -> Millis {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap();
        Millis::try_from(since.as_millis()).unwrap() * i64::from(self.0)
    }
    async fn sleep(&self, duration: Duration) {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        tokio::time::sleep(duration / self.0).await;
    }
}

pub(crate) struct Stage {
    pub(crate) tenant: Running,
    pub(crate) entra: Entra,
}

/// What came of a read.
pub(crate) struct Seen {
    pub(crate) read: Read,
    pub(crate) records: Vec<Observed>,
}

impl Seen {
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.records.iter().map(|record| record.id.as_str()).collect()
    }
}

#[derive(Default)]
struct Sheet(Vec<Observed>);

#[async_trait]
impl Pages for Sheet {
    async fn page(&mut self, page: Vec<Observed>) -> Result<(), SinkError> {
        self.0.extend(page);
        Ok(())
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default(), |_| {}).await
    }

    pub(crate) async fn with(options: Options, change: impl FnOnce(&mut EntraConfig)) -> Self {
        let tenant = Emulator::start(options).await.unwrap();
        let mut config = config(&tenant);
        change(&mut config);
        let entra = Entra::connect(config).unwrap();
        Self { tenant, entra }
    }

    pub(crate) fn seed(&self, seed: &Json) -> Json {
        self.tenant.control("POST", "seed", seed).unwrap()
    }

    pub(crate) fn faults(&self, rules: &Json) {
        self.tenant.control("PUT", "faults", rules).unwrap();
    }

    /// Everything that the tenant holds of a kind: `users`, `groups` or `deleted`.
    pub(crate) fn state(&self, kind: &str) -> Vec<Json> {
        let state = self.tenant.control("GET", &format!("state?kind={kind}"), &Json::Null).unwrap();
        state["value"].as_array().cloned().unwrap_or_else(|| panic!("{state}"))
    }

    pub(crate) async fn ask(&self, query: Query) -> Result<Seen, DirectoryError> {
        let mut sheet = Sheet::default();
        let read = self.entra.read(&query, &mut sheet).await?;
        Ok(Seen { read, records: sheet.0 })
    }

    pub(crate) async fn matching(&self, kind: Kind, attribute: &str, value: &str) -> Seen {
        self.ask(Query::Matching { kind, attribute: attribute.into(), value: value.into(), attributes: BTreeSet::new() })
            .await
            .unwrap()
    }

    pub(crate) async fn write(&self, writes: &[Write]) -> Vec<Result<Written, DirectoryError>> {
        self.write_in(Lane::Direct, writes).await
    }

    pub(crate) async fn write_in(&self, lane: Lane, writes: &[Write]) -> Vec<Result<Written, DirectoryError>> {
        self.entra.write(lane, writes).await
    }

    pub(crate) async fn one(&self, write: Write) -> Result<Written, DirectoryError> {
        self.entra.write(Lane::Direct, &[write]).await.remove(0)
    }

    /// Makes a user and gives its id.
    pub(crate) async fn user(&self, name: &str) -> TargetId {
        self.one(new_user(name)).await.unwrap().id.unwrap()
    }

    /// So many users that somebody else made.
    pub(crate) fn people(&self, count: usize) -> Vec<TargetId> {
        let user = |n| json!({"displayName": format!("U{n}"), "userPrincipalName": format!("u{n}@contoso.example")});
        let ids = self.seed(&json!({ "users": (0..count).map(user).collect::<Vec<_>>() }))["users"].clone();
        ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap().into()).collect()
    }

    pub(crate) async fn group(&self, name: &str) -> TargetId {
        self.one(new_group(name)).await.unwrap().id.unwrap()
    }

    /// Requests and sub-requests so far of this method and shape.
    pub(crate) fn count(&self, shape: &str) -> u64 {
        let (method, path) = shape.split_once(' ').unwrap();
        let shape = format!("{method} {}", path.to_lowercase());
        self.tenant.stats().shapes.get(&shape).copied().unwrap_or_default()
    }
}

pub(crate) fn config(tenant: &Running) -> EntraConfig {
    let credential =
        CredentialConfig::Secret { client_id: tenant.client_id.clone(), secret: tenant.client_secret.clone().into() };
    let mut config = EntraConfig::new(tenant.tenant_id.clone(), credential, Arc::new(Hasty));
    config.cloud = Cloud::Custom { authority: tenant.authority_url.clone(), graph: tenant.graph_url.clone() };
    config.ca_pem = Some(tenant.ca_pem.clone().into_bytes());
    config
}

pub(crate) fn attributes(object: Json) -> Attributes {
    object.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(crate) fn new_user(name: &str) -> Write {
    let anchor = format!("anchor/{name}=");
    let attributes = attributes(json!({
        "accountEnabled": true, "displayName": name, "mailNickname": name, "onPremisesImmutableId": anchor,
        "userPrincipalName": format!("{name}@contoso.example"),
    }));
    Write::Create(NewRecord {
        kind: Kind::User,
        attributes,
        anchor: ("onPremisesImmutableId".into(), anchor),
        object: ObjectRef::user(name),
    })
}

pub(crate) fn new_group(name: &str) -> Write {
    let anchor = format!("anchor/{name}=");
    let attributes =
        attributes(json!({ "displayName": name, "mailEnabled": false, "securityEnabled": true, "uniqueName": anchor }));
    Write::Create(NewRecord {
        kind: Kind::Group,
        attributes,
        anchor: ("uniqueName".into(), anchor),
        object: ObjectRef::group(name),
    })
}

pub(crate) fn update(id: &TargetId, changed: Json) -> Write {
    Write::Update { kind: Kind::User, id: id.clone(), attributes: attributes(changed) }
}

pub(crate) fn add(relation: Relation, from: &TargetId, to: &TargetId) -> Write {
    Write::AddReference { relation, from: from.clone(), to_kind: Kind::User, to: to.clone() }
}

pub(crate) fn remove(relation: Relation, from: &TargetId, to: &TargetId) -> Write {
    Write::RemoveReference { relation, from: from.clone(), to_kind: Kind::User, to: to.clone() }
}

pub(crate) fn everything(kind: Kind, since: Option<&Read>) -> Query {
    let since = since.map(|read| match read {
        Read::Complete(proof) => proof.cursor().unwrap().clone(),
        Read::Partial(why) => panic!("{why:?}"),
    });
    let attribute = match kind {
        Kind::User => "department",
        Kind::Group => "description",
    };
    Query::Everything { kind, attributes: BTreeSet::from([attribute.to_owned()]), since }
}
