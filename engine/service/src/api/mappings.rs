//! Mappings: what is kept of the scripts of a target, what they would change, and putting them in force.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use entrain_store::VersionRow;
use entrain_sync::Silent;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json_;
use utoipa::ToSchema;

use super::Api;
use super::extract::{At, Body, number, optional_number};
use super::page::Page;
use crate::acts::scripts::{Bench, Candidate, Current, Placing, Published, RolledBack, ScriptsError, placed};
use crate::config::TargetConfig;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::{KindWord, MappingVersion};
use crate::wiring::connect_with;

/// So many errors are shown; all are counted.
const SHOWN: usize = 20;

/// A script, to be put in its place among those in force.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewScript {
    /// Its name. It takes the place of the script of the same file name, or of the last one of its kind.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[A-Za-z0-9._-]+$")]
    name: String,
    /// Whose records it maps; without it that of the script of the same file name, else users.
    kind: Option<KindWord>,
    /// Its text.
    #[schema(max_length = 100_000, pattern = r"^[^\x00]*$")]
    text: String,
    /// Put it after the scripts in force, in no one's place.
    #[serde(default)]
    add: bool,
}

/// What is looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// A version that is kept; without it, and without a script, the scripts on disk.
    #[serde(default, deserialize_with = "optional_number")]
    #[schema(minimum = 1)]
    version: Option<i64>,
    /// A script in its place among those in force. Not together with `version`.
    script: Option<NewScript>,
}

/// What is to be in force.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Publishing {
    /// The version; without it the newest draft, or the scripts on disk.
    #[serde(default, deserialize_with = "optional_number")]
    #[schema(minimum = 1)]
    version: Option<i64>,
    /// How many per cent more objects than seen now may change in an attribute before the run is held.
    #[serde(default = "tolerance", deserialize_with = "number")]
    #[schema(minimum = 0, maximum = 1000, default = 10)]
    tolerance: i64,
}

fn tolerance() -> i64 {
    10
}

/// What is to be in force again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RollingBack {
    /// The version; without it the one that was in force before.
    #[serde(default, deserialize_with = "optional_number")]
    #[schema(minimum = 1)]
    version: Option<i64>,
}

/// A draft that is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Draft {
    version: i64,
    digest: String,
}

/// What the scripts make of every object of the source.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Checking {
    /// The fingerprint of the scripts.
    mapping: String,
    /// Objects by what shall become of them, and the first errors.
    #[schema(value_type = Object)]
    checked: Json_,
}

/// What would be another.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Difference {
    /// The version in force.
    published: Option<i64>,
    /// What it was compared with.
    new: String,
    /// The differences by attribute and pattern.
    #[schema(value_type = Object)]
    diff: Json_,
}

/// What is in force now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InForce {
    /// The version in force.
    published: Option<i64>,
    /// The version that was in force before.
    previous: Option<i64>,
    /// Whether that is another one than before.
    changed: bool,
    /// The differences by attribute and pattern.
    #[schema(value_type = Option<Object>)]
    diff: Json_,
}

/// The versions of a target's scripts, newest first
#[utoipa::path(get, path = "/targets/{target}/mappings", operation_id = "list_mappings", tag = "mappings",
    params(("target" = String, Path)), responses((status = 200, body = Page<MappingVersion>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
) -> Result<Json<Page<MappingVersion>>, Problem> {
    let name = api.served(&caller, &target)?.config().name;
    let rows: Vec<VersionRow> = api.engine.store().versions(&name).await?;
    Ok(Json(Page::whole(rows.iter().map(|row| MappingVersion::of(&target, row)).collect())))
}

/// One version with its scripts
#[utoipa::path(get, path = "/targets/{target}/mappings/{version}", operation_id = "show_mapping", tag = "mappings",
    params(("target" = String, Path), ("version" = i64, Path, minimum = 1)), responses((status = 200, body = MappingVersion)))]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    At((target, version)): At<(String, i64)>,
) -> Result<Json<MappingVersion>, Problem> {
    let name = api.served(&caller, &target)?.config().name;
    let row = api.engine.store().version(&name, version).await?;
    let row = row.ok_or_else(|| Problem::missing(format!("version {version} of the mapping of target `{name}`")))?;
    Ok(Json(MappingVersion::whole(&target, &row)))
}

/// Keeps a script as a draft, in its place among those in force
#[utoipa::path(post, path = "/targets/{target}/mappings", operation_id = "draft_mapping", tag = "mappings",
    params(("target" = String, Path)), request_body = NewScript, responses((status = 201, body = Draft)))]
pub(super) async fn draft(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    Body(script): Body<NewScript>,
) -> Result<(StatusCode, Json<Draft>), Problem> {
    let config = api.served(&caller, &target)?.config();
    let place = script.placing()?;
    let drafted = api.bench(&caller, &config).draft(place, &caller.name).await?;
    Ok((StatusCode::CREATED, Json(Draft { version: drafted.version, digest: drafted.digest })))
}

/// Evaluates scripts for every object of the source, writing nothing
#[utoipa::path(post, path = "/targets/{target}/mappings/check", operation_id = "check_mapping", tag = "mappings",
    params(("target" = String, Path)), request_body = Which, responses((status = 200, body = Checking)))]
pub(super) async fn check(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    Body(which): Body<Which>,
) -> Result<Json<Checking>, Problem> {
    let config = api.served(&caller, &target)?.config();
    let bench = api.bench(&caller, &config);
    let (_, candidate) = candidate(&bench, which).await?;
    let target = connect_with(&config, &candidate.scripts(), api.clock.clone(), None)?.target;
    let checked = bench.engine.check(&target, SHOWN).await?;
    Ok(Json(Checking { mapping: target.mapping.version().to_owned(), checked: checked.to_json() }))
}

/// What other scripts would change, by attribute and pattern; calls no target and writes nothing
#[utoipa::path(post, path = "/targets/{target}/mappings/diff", operation_id = "compare_mapping", tag = "mappings",
    params(("target" = String, Path)), request_body = Which, responses((status = 200, body = Difference)))]
pub(super) async fn compare(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    Body(which): Body<Which>,
) -> Result<Json<Difference>, Problem> {
    let config = api.served(&caller, &target)?.config();
    let bench = api.bench(&caller, &config);
    let (current, candidate) = candidate(&bench, which).await?;
    let found = current.beside(&bench, candidate.compiled(&config)?, &Silent).await?;
    let published = current.version.as_ref().map(|row| row.version);
    Ok(Json(Difference { published, new: candidate.named(), diff: found.to_json() }))
}

/// Puts a version in force, with the difference that was seen; refused if an object fails under it
#[utoipa::path(post, path = "/targets/{target}/mappings/publish", operation_id = "publish_mapping", tag = "mappings",
    params(("target" = String, Path)), request_body = Publishing, responses((status = 200, body = InForce)))]
pub(super) async fn publish(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    Body(asked): Body<Publishing>,
) -> Result<Json<InForce>, Problem> {
    let tolerance = u32::try_from(asked.tolerance).ok().filter(|percent| *percent <= 1000);
    let tolerance = tolerance.ok_or_else(|| Problem::invalid("`tolerance` is a number from 0 to 1000"))?;
    let config = api.served(&caller, &target)?.config();
    let bench = api.bench(&caller, &config);
    match bench.publish(asked.version, (&caller.name, tolerance), &Silent).await? {
        Published::Nothing { published, .. } => {
            Ok(Json(InForce { published, previous: published, changed: false, diff: Json_::Null }))
        }
        Published::Fails { named, current, found, .. } => Err(fails(&named, &current, found.failed)),
        Published::Done { version, previous, found, .. } => {
            Ok(Json(InForce { published: Some(version), previous, changed: true, diff: found.to_json() }))
        }
    }
}

/// Takes the version in force back and puts an earlier one in force
#[utoipa::path(post, path = "/targets/{target}/mappings/rollback", operation_id = "roll_back_mapping", tag = "mappings",
    params(("target" = String, Path)), request_body = RollingBack, responses((status = 200, body = InForce)))]
pub(super) async fn roll_back(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    Body(asked): Body<RollingBack>,
) -> Result<Json<InForce>, Problem> {
    let config = api.served(&caller, &target)?.config();
    match api.bench(&caller, &config).roll_back(asked.version, &caller.name, &Silent).await? {
        RolledBack::Fails { named, current, found } => Err(fails(&named, &current, found.failed)),
        RolledBack::Done { from, to, found } => {
            Ok(Json(InForce { published: Some(to), previous: Some(from), changed: true, diff: found.to_json() }))
        }
    }
}

impl Api {
    fn bench<'a>(&self, caller: &Caller, config: &'a TargetConfig) -> Bench<'a> {
        Bench { engine: self.engine(caller), clock: self.clock.clone(), config }
    }
}

impl NewScript {
    /// Where it stands among those in force.
    fn placing(self) -> Result<impl FnOnce(&[entrain_mapping::Script]) -> Vec<entrain_mapping::Script>, Problem> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !(1..=200).contains(&self.name.len()) || !self.name.chars().all(fits) {
            return Err(Problem::invalid("`name` has 1 to 200 letters of ASCII, digits, dots, dashes and underscores"));
        }
        if self.text.chars().count() > 100_000 {
            return Err(Problem::invalid("`text` has at most 100000 characters"));
        }
        let placing = if self.add { Placing::After } else { Placing::Instead };
        let kind = self.kind.map(Into::into);
        Ok(move |current: &[entrain_mapping::Script]| placed(current, &self.name, self.text, kind, placing))
    }
}

/// What is in force, and what is to be looked at beside it.
async fn candidate(bench: &Bench<'_>, which: Which) -> Result<(Current, Candidate), Problem> {
    let place = match (which.version, which.script) {
        (Some(version), None) => {
            let candidate = Candidate::kept(bench, version).await?;
            return Ok((Current::of(bench).await?, candidate));
        }
        (None, None) => return Ok((Current::of(bench).await?, Candidate::files(bench.config)?)),
        (None, Some(script)) => script.placing()?,
        (Some(_), Some(_)) => return Err(Problem::refused("name either `version` or `script`, not both")),
    };
    let current = Current::of(bench).await?;
    let candidate = Candidate::Loose(place(&current.scripts), "the script".to_owned());
    Ok((current, candidate))
}

fn fails(named: &str, current: &str, failed: u64) -> Problem {
    Problem::conflict(format!("{failed} objects fail under {named}, so {current} stays in force; a check shows them"))
        .coded("mapping_fails")
}

impl From<ScriptsError> for Problem {
    fn from(error: ScriptsError) -> Self {
        match error {
            ScriptsError::Version { target, version } => {
                Problem::missing(format!("version {version} of the mapping of target `{target}`"))
            }
            ScriptsError::Either { .. } | ScriptsError::NoneBefore(_) | ScriptsError::InForce { .. } => {
                Problem::conflict(error.to_string())
            }
            ScriptsError::Connect(error) => error.into(),
            ScriptsError::Sync(error) => error.into(),
            ScriptsError::Store(error) => error.into(),
        }
    }
}
