//! The control plane: `/_emulator/*`, JSON, without a token. It listens where Graph does, on the loopback address.
//! Its requests are neither logged nor counted nor struck by faults. `?tenant=` (a name, an id or a domain) picks the tenant that
//! a request is about; without it, it is the first one.
//!
//! | request | meaning |
//! |---|---|
//! | `GET state` | counts: users, groups, deleted, references, changes |
//! | `GET state?kind=users\|groups\|applications\|servicePrincipals\|devices\|contacts\|deleted&after=ID&top=N` | objects with every property ever set, `manager`, `members`, `owners`, `directoryRoles`; `next` is the `after` of the next page |
//! | `POST seed` | `{users:[..], groups:[..], applications:[..], servicePrincipals:[..], devices:[..], contacts:[..], memberships:[{group, member\|owner}], subscribedSkus:[{skuId, skuPartNumber, enabled, servicePlans?, capabilityStatus?, appliesTo?}], roleHolders:[{principal, role, scope?, eligible?}], groupEligibilities:[{group, principal, access}], deleted:[..]}`, past all rules; answers the ids |
//! | `GET log?after=SEQUENCE&top=N` | requests in memory, oldest first: `sequence`, `arrived` (unix ms with fractions), method, path, headers, bodies, status (`null` if cut) |
//! | `GET stats`, `POST stats/reset` | requests, batches, subRequests, writes, reads, tokenRequests, charged (of these throttled), unitsCharged, writesCharged, undone, lost (by chance, before and after the work), statuses, subStatuses, shapes (`PATCH /users/{id}`); a reset leaves the quotas as they are |
//! | `GET conditions`, `PATCH conditions` | every number of the profile in force: `throttling`, `replication`, `ambiguity`, `delta`, `lists`, `afterwards`; a change is merged member by member, and one that makes no sense is refused |
//! | `PUT profile` | `{"name": "ideal"\|"typical"\|"hostile"}`: other conditions as a whole |
//! | `GET faults`, `PUT faults` | a list of rules `{method?, path? (regular expression on "/v1.0/..?.."), writes?, nth?, times?, probability?, action}`; the answer counts `matched` and `struck`. Actions: `{type:"answer", status, when?, code?, message?, headers?}`, `{type:"drop", when?}`, `{type:"delay", milliseconds}`, `{type:"page", loses}` (`next`, `items` or `half` of a page of a list); `when` is `before` (default) or `after` the work. The token endpoint, its documents and the machine's identity are struck by rules whose path names them (`/oauth2/v2.0/token`), never by those without a path or with `writes`. Each step of a batch is matched by itself, with its own path |
//! | `GET clock`, `PATCH clock` | `{rate}`: from now on so many seconds of the tenant pass in one of the wall clock. Answers `{now, rate}` |
//! | `POST clock/advance` | `{seconds}`: moves the tenant's time; tokens and deltas expire, the recycle bin is purged after 30 days. Answers `{now}` in unix ms |
//! | `POST credentials` | `{clientId?, displayName?, addSecret?, secretName?, secretExpiresIn? (seconds), removeSecrets?, addCertificate? (PEM), removeCertificates?, addFederated? ({name, issuer, subject, audiences?, keys: a JSON Web Key Set}), removeFederated?, onThisMachine? (a managed identity), resourceId? (what it is called in Azure), roles?, expireTokens?}`; removals come first |
//! | `POST challenge` | `{clientId?}`: tokens with the capability `cp1` are refused until one is asked for with the claims of the refusal. Answers `{claims}` |
//! | `GET tenants`, `POST tenants` | `{name, tenantId?, domains?, clientId?, clientSecret?}`: another tenant, with an id, credentials and objects of its own |
//! | `GET switches`, `PATCH switches` | behaviour by choice, see [`crate::Switches`]; also `directorySync` and `tokenLifetime` (seconds; of tokens to come) |
//! | `GET extensions`, `PUT extensions` | the directory extensions: `["extension_{appId without dashes}_{name}"]`; `:Binary`, `:Boolean`, `:DateTime`, `:Integer`, `:LargeInteger` or `:String` may follow, `[]` for several values, and `@User`, `@Group`, `@Application` or `@Device` |
//! | `GET domains`, `PUT domains` | `[{name, authentication: "Managed"\|"Federated", verified}]`; the first is the default one |
//! | `POST shutdown` | ends the emulator |

mod choices;
mod faults;
mod routes;
mod seed;
mod state;
mod stats;
mod tenants;

pub(crate) use faults::{Action, Faults, Loss, Moment};
pub(crate) use routes::{Then, answer};
pub use stats::Counts;
pub(crate) use stats::Stats;
