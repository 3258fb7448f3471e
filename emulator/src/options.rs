//! How an emulated tenant is set up.

use crate::conditions::Profile;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::path::PathBuf;
use uuid::Uuid;

/// Everything that can be chosen at start. [`Options::default`] is a tenant named `contoso` on a free port.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// The tenant's id; by default it follows from the seed.
    pub tenant_id: Option<Uuid>,
    /// The tenant's short name: `<name>.onmicrosoft.com` is always a verified domain.
    pub tenant_name: String,
    /// Short names of further tenants, each with an id, credentials and objects of its own.
    pub more_tenants: Vec<String>,
    /// The port on 127.0.0.1 of the managed identity endpoints, over plain HTTP; 0 picks a free one.
    pub imds_port: Option<u16>,
    /// The other domains. The first one is the default domain.
    pub domains: Vec<Domain>,
    /// Whether `/organization` says that directory synchronisation is on.
    pub directory_sync: bool,
    /// The application (client) id; by default it follows from the seed.
    pub client_id: Option<Uuid>,
    /// The client secret; by default it follows from the seed.
    pub client_secret: Option<String>,
    /// PEM texts of certificates that may sign client assertions.
    pub certificates: Vec<String>,
    /// The application permissions in a token's `roles`. None at all: every call is refused with 403.
    pub roles: Vec<String>,
    /// How long a token lives, in seconds.
    pub token_lifetime: u64,
    /// Objects on a page of a delta query.
    pub delta_page: usize,
    /// References on a page of a delta query: a group with more of them continues on the next page.
    pub delta_links: usize,
    /// Registered directory extensions: `extension_{appId without dashes}_{name}`, a text unless a type follows (`:Integer`, several
    /// values with `[]`), of users and groups unless a kind follows (`@Group`).
    pub extensions: Vec<String>,
    /// Decides every id that the emulator gives.
    pub seed: u64,
    /// The wall clock in unix milliseconds; by default the machine's.
    pub clock: Option<fn() -> i64>,
    /// A moment in unix milliseconds at which time stands still but for what `clock/advance` adds: then a run repeats exactly.
    pub clock_start: Option<i64>,
    /// How many seconds of the tenant pass in one of the wall clock.
    pub clock_rate: f64,
    /// Throttling, lag, loss and the behaviour of delta queries.
    pub profile: Profile,
    /// Changes to the profile, as `PATCH /_emulator/conditions` takes them.
    pub conditions: Option<Json>,
    /// A folder that keeps the certificate authority: `ca.pem` is written there, and an existing one is used again.
    pub ca_directory: Option<PathBuf>,
    /// A file that receives every request as a line of JSON.
    pub log: Option<PathBuf>,
    /// How many requests stay in memory for `/_emulator/log`.
    pub log_kept: usize,
    /// Behaviour that differs between tenants or is not documented.
    pub switches: Switches,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            port: 0,
            tenant_id: None,
            tenant_name: "contoso".to_owned(),
            more_tenants: Vec::new(),
            imds_port: None,
            domains: vec![Domain::managed("contoso.example")],
            directory_sync: false,
            client_id: None,
            client_secret: None,
            certificates: Vec::new(),
            roles: PERMISSIONS.iter().map(|role| (*role).to_owned()).collect(),
            token_lifetime: 3599,
            delta_page: 200,
            delta_links: 5000,
            extensions: Vec::new(),
            seed: 1,
            clock: None,
            clock_start: None,
            clock_rate: 1.0,
            profile: Profile::Ideal,
            conditions: None,
            ca_directory: None,
            log: None,
            log_kept: 20_000,
            switches: Switches::default(),
        }
    }
}

const PERMISSIONS: &[&str] = &[
    "User.ReadWrite.All",
    "User.EnableDisableAccount.All",
    "User.RevokeSessions.All",
    "User.DeleteRestore.All",
    "User-PasswordProfile.ReadWrite.All",
    "User-LifeCycleInfo.ReadWrite.All",
    "Group.ReadWrite.All",
    "GroupMember.ReadWrite.All",
    "Directory.Read.All",
    "Domain.Read.All",
    "Organization.Read.All",
    "RoleManagement.Read.Directory",
    "PrivilegedEligibilitySchedule.Read.AzureADGroup",
    "RoleManagement.ReadWrite.Directory",
    "Application.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "User.Invite.All",
    "UserAuthenticationMethod.ReadWrite.All",
];

/// Nobody outside knows the list of the service; these are the first words that anybody would guess.
const BANNED: &[&str] = &["password", "passwort", "welcome", "qwerty", "123456", "letmein", "iloveyou", "abc123", "admin"];

/// A domain of the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// The DNS name, in lower case.
    pub name: String,
    /// Who signs its users in.
    pub authentication: Authentication,
    /// An unverified domain is listed but cannot be used.
    pub verified: bool,
}

/// Who signs the users of a domain in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authentication {
    /// Entra itself.
    Managed,
    /// Another identity provider.
    Federated,
}

impl Domain {
    /// A verified, managed domain.
    pub fn managed(name: &str) -> Domain {
        Domain { name: name.to_ascii_lowercase(), authentication: Authentication::Managed, verified: true }
    }

    /// A verified domain whose users sign in elsewhere.
    pub fn federated(name: &str) -> Domain {
        Domain { authentication: Authentication::Federated, ..Domain::managed(name) }
    }

    /// A domain that waits for its DNS record.
    pub fn unverified(name: &str) -> Domain {
        Domain { verified: false, ..Domain::managed(name) }
    }
}

/// The cloud that a tenant is in. Tokens are not taken in another one (Graph "National cloud deployments").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cloud {
    /// The worldwide one, and GCC.
    #[default]
    Global,
    /// US Government L4 (GCC High).
    UsGovernment,
    /// US Government L5 (DoD).
    UsGovernmentDod,
    /// China, operated by 21Vianet.
    China,
}

impl Cloud {
    /// The address of its Graph.
    pub(crate) fn graph(self) -> &'static str {
        match self {
            Cloud::Global => "https://graph.microsoft.com",
            Cloud::UsGovernment => "https://graph.microsoft.us",
            Cloud::UsGovernmentDod => "https://dod-graph.microsoft.us",
            Cloud::China => "https://microsoftgraph.chinacloudapi.cn",
        }
    }
}

/// Behaviour by choice. The defaults are what has been seen most often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Switches {
    /// `onPremisesImmutableId` may be set on a user that has none.
    pub immutable_id_set: bool,
    /// It may be changed (never on a federated domain).
    pub immutable_id_change: bool,
    /// It may be cleared.
    pub immutable_id_clear: bool,
    /// Two live users cannot have the same one.
    pub immutable_id_unique: bool,
    /// `uniqueName` may be given to a role-assignable group.
    pub unique_name_on_role_group: bool,
    /// A group in the recycle bin keeps its `uniqueName` from others.
    pub unique_name_held_by_deleted: bool,
    /// `Prefer: create-if-missing` works within a batch.
    pub upsert_in_batch: bool,
    /// An upsert of a group that is there adds the members and owners which it names.
    pub upsert_binds_again: bool,
    /// `manager@odata.bind` works when a user is created or updated.
    pub manager_bind: bool,
    /// The application may write `employeeHireDate`.
    pub hire_date_by_application: bool,
    /// The application holds a role that lets it write privileged users.
    pub writes_privileged_users: bool,
    /// A user principal name gets the object id in front while the user is in the recycle bin.
    pub rename_deleted_users: bool,
    /// The last owner of a group cannot be removed.
    pub keep_last_owner: bool,
    /// Guests may join Microsoft 365 groups.
    pub guests_in_groups: bool,
    /// How many objects the tenant may hold, those in the recycle bin included; by default 300,000, or 50,000 without a
    /// domain of its own.
    pub object_quota: Option<u64>,
    /// The policy lets temporary access passes be made.
    pub temporary_access_pass: bool,
    /// `DELETE /groups/{id}/members/{id}` without `/$ref` deletes the object itself; otherwise it is no method of that path.
    pub delete_through_references: bool,
    /// An empty text is refused.
    pub refuse_empty_texts: bool,
    /// White space around a text is dropped before it is stored.
    pub trim_texts: bool,
    /// The steps of a parallel batch that write one object get in each other's way.
    pub batch_steps_collide: bool,
    /// The application may write the properties of groups that Exchange keeps.
    pub exchange_properties_by_application: bool,
    /// The application becomes an owner of the groups that it creates: one of the twenty links, and not to be named again.
    pub caller_owns_new_groups: bool,
    /// The cloud whose Graph tokens are made out to; the emulator's own address is always one more.
    pub cloud: Cloud,
    /// Words that make a password weak, in small letters; 0 counts as o, 1 as l, $ as s and @ as a.
    pub banned_passwords: Vec<String>,
}

impl Switches {
    /// The same with some of them changed.
    ///
    /// # Errors
    /// An unknown switch, or a value of the wrong type.
    pub fn with(&self, change: Map<String, Json>) -> Result<Switches, String> {
        let mut present = serde_json::to_value(self).map_err(|error| error.to_string())?;
        if let Some(map) = present.as_object_mut() {
            map.extend(change);
        }
        serde_json::from_value(present).map_err(|error| error.to_string())
    }
}

impl Options {
    /// The same with other switches, as `PATCH /_emulator/switches` takes them: `directorySync` and `tokenLifetime` are among them.
    ///
    /// # Errors
    /// As [`Switches::with`].
    pub fn switched(mut self, mut change: Map<String, Json>) -> Result<Options, String> {
        self.directory_sync = taken(&mut change, "directorySync")?.unwrap_or(self.directory_sync);
        self.token_lifetime = taken(&mut change, "tokenLifetime")?.unwrap_or(self.token_lifetime);
        self.switches = self.switches.with(change)?;
        Ok(self)
    }
}

/// Takes a member out of an object.
///
/// # Errors
/// A value of the wrong type.
pub(crate) fn taken<T: DeserializeOwned>(map: &mut Map<String, Json>, name: &str) -> Result<Option<T>, String> {
    map.remove(name).map(|json| serde_json::from_value(json).map_err(|error| format!("{name}: {error}"))).transpose()
}

impl Default for Switches {
    fn default() -> Self {
        Switches {
            immutable_id_set: true,
            immutable_id_change: true,
            immutable_id_clear: false,
            immutable_id_unique: true,
            unique_name_on_role_group: false,
            unique_name_held_by_deleted: false,
            upsert_in_batch: true,
            upsert_binds_again: true,
            manager_bind: true,
            hire_date_by_application: true,
            writes_privileged_users: false,
            rename_deleted_users: true,
            keep_last_owner: true,
            guests_in_groups: true,
            object_quota: None,
            temporary_access_pass: true,
            delete_through_references: true,
            refuse_empty_texts: true,
            trim_texts: false,
            batch_steps_collide: false,
            exchange_properties_by_application: false,
            caller_owns_new_groups: false,
            cloud: Cloud::Global,
            banned_passwords: BANNED.iter().map(|word| (*word).to_owned()).collect(),
        }
    }
}
