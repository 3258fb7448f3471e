//! The administrative interface, `/api/v1`: what operators see and do, over HTTP. It decides nothing by itself: what it does is what the
//! commands do, by the same functions. Who may ask what is the table below.

mod admit;
mod audit;
mod decisions;
mod describe;
mod extract;
mod groups;
mod halts;
mod holds;
mod links;
mod mappings;
mod objects;
mod page;
mod runs;
mod schedules;
mod sessions;
mod source;
mod start;
mod targets;
mod users;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router, middleware};
use entrain_model::{Clock, TargetName};
use entrain_store::Store;
use entrain_sync::{Engine, Target};
use tokio::sync::mpsc;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use admit::Admission;
use start::Work;

use crate::http::access::{Caller, Role};
use crate::http::problem::Problem;
use crate::wiring::Served;

pub(crate) use start::keep;

/// What the functions of the interface share.
#[derive(Clone)]
pub(crate) struct Api {
    engine: Engine,
    clock: Arc<dyn Clock>,
    targets: Arc<BTreeMap<TargetName, Arc<Served>>>,
    work: mpsc::UnboundedSender<Work>,
}

/// The routers: `/api/v1` behind its door, and the description, which is open to everybody.
pub(crate) struct Routers {
    pub(crate) api: Router,
    pub(crate) open: Router,
}

/// Who may ask what.
fn table() -> [(Role, OpenApiRouter<Api>); 4] {
    let new = OpenApiRouter::new;
    let viewer = new()
        .routes(routes!(targets::list))
        .routes(routes!(targets::show))
        .routes(routes!(schedules::list))
        .routes(routes!(mappings::list))
        .routes(routes!(mappings::show))
        .routes(routes!(runs::list))
        .routes(routes!(runs::show))
        .routes(routes!(runs::errors))
        .routes(routes!(runs::changes))
        .routes(routes!(holds::list))
        .routes(routes!(halts::list))
        .routes(routes!(links::list))
        .routes(routes!(links::show))
        .routes(routes!(objects::explain))
        .routes(routes!(objects::timeline))
        .routes(routes!(audit::list))
        .routes(routes!(users::list))
        .routes(routes!(users::show))
        .routes(routes!(groups::list))
        .routes(routes!(groups::show))
        .routes(routes!(groups::members));
    let operator = new()
        .routes(routes!(runs::start))
        .routes(routes!(objects::sync))
        .routes(routes!(holds::park))
        .routes(routes!(holds::unpark))
        .routes(routes!(targets::test))
        .routes(routes!(halts::pause))
        .routes(routes!(halts::resume))
        .routes(routes!(mappings::check))
        .routes(routes!(mappings::compare))
        .routes(routes!(users::create))
        .routes(routes!(users::put))
        .routes(routes!(users::remove))
        .routes(routes!(groups::create))
        .routes(routes!(groups::put))
        .routes(routes!(groups::remove))
        .routes(routes!(groups::add_member))
        .routes(routes!(groups::remove_member));
    let approver = new()
        .routes(routes!(decisions::approve))
        .routes(routes!(decisions::reject))
        .routes(routes!(links::unlink))
        .routes(routes!(links::relink));
    let admin = new()
        .routes(routes!(mappings::draft))
        .routes(routes!(mappings::publish))
        .routes(routes!(mappings::roll_back))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::revoke));
    [(Role::Viewer, viewer), (Role::Operator, operator), (Role::Approver, approver), (Role::Admin, admin)]
}

impl Api {
    /// The interface, and what is to be kept running for it: see [`keep`].
    pub(crate) fn new(
        engine: Engine,
        clock: Arc<dyn Clock>,
        targets: BTreeMap<TargetName, Arc<Served>>,
    ) -> (Self, mpsc::UnboundedReceiver<Work>) {
        let (work, waiting) = mpsc::unbounded_channel();
        (Self { engine, clock, targets: Arc::new(targets), work }, waiting)
    }

    pub(crate) fn routers(self) -> Routers {
        let (router, described, rules) = assembled();
        let admission = Admission { rules: Arc::new(rules), store: self.engine.store().clone() };
        let api = router.route_layer(middleware::from_fn_with_state(admission, admit::admit)).with_state(self);
        let described = Arc::new(described);
        let open = Router::new().route("/api/openapi.json", get(async move || Json(OpenApi::clone(&described))));
        Routers { api, open }
    }

    fn store(&self, caller: &Caller) -> Store {
        self.engine.store().clone().acting_as(&caller.name)
    }

    fn engine(&self, caller: &Caller) -> Engine {
        self.engine.acting_as(&caller.name)
    }

    /// A target that the caller may see and act on.
    fn served(&self, caller: &Caller, name: &str) -> Result<&Arc<Served>, Problem> {
        let name = TargetName::from(name);
        caller.may_touch(&name)?;
        self.targets.get(&name).ok_or_else(|| Problem::missing(format!("target `{name}`")))
    }

    /// The same, ready to run.
    fn ready(&self, caller: &Caller, name: &str) -> Result<Arc<Target>, Problem> {
        let ready = self.served(caller, name)?.target();
        let not_ready = || Problem::conflict(format!("target `{name}` cannot run: its halt says why")).coded("halted");
        ready.ok_or_else(not_ready)
    }
}

/// Which target a list is about. One who may see some only names which.
fn about(caller: &Caller, target: Option<String>) -> Result<Option<TargetName>, Problem> {
    let target = target.map(TargetName::from);
    match &target {
        Some(target) => caller.may_touch(target)?,
        None if caller.targets.is_some() => {
            return Err(Problem::forbidden("this credential is for some targets only: name one of them in `target`"));
        }
        None => {}
    }
    Ok(target)
}

/// All routes, their description, and their rules.
fn assembled() -> (Router<Api>, OpenApi, admit::Rules) {
    let (mut router, mut described, mut rules) = (Router::new(), describe::begin(), admit::Rules::new());
    for (role, routes) in table() {
        let (of_role, mut api) = routes.split_for_parts();
        rules.extend(describe::complete(&mut api, role));
        router = router.merge(of_role);
        described.merge(api);
    }
    (router, described, rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_with_its_role() {
        let (_, described, rules) = assembled();
        assert!(rules.len() > 40, "{}", rules.len());
        let text = serde_json::to_string(&described).unwrap();
        assert!(text.contains("\"openapi\":\"3.1.0\""), "{}", &text[..80]);
        assert_eq!(text.matches("Needs the role").count(), rules.len());
    }
}
