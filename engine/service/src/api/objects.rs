//! One object: why it is so, what happened to it, and making it true now.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use entrain_model::{Millis, ObjectRef, Reason, Scope};
use entrain_store::Moment as Place;
use entrain_sync::{Ask, Knowledge, Source, Target};
use serde_json::Value;

use super::Api;
use super::extract::{Asked, At};
use super::page::{self, Page};
use super::runs::PageAsked;
use crate::explained;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::{KindWord, Moment, Run};
use crate::wiring::connect_as_published;

/// So long a request waits for a sync of one object.
const PATIENCE: Duration = Duration::from_secs(45);

/// So long it waits for another run that works on the object, in milliseconds.
const BUSY: Millis = 5_000;

/// How often it looks whether that has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Everything about one object: scope, mapping, matching, link, plan, holds
///
/// From the database, without a call and without writing anything.
#[utoipa::path(get, path = "/targets/{target}/objects/{kind}/{id}", tag = "objects",
    params(("target" = String, Path), ("kind" = KindWord, Path), ("id" = String, Path)),
    responses((status = 200, body = Object)))]
pub(super) async fn explain(
    State(api): State<Api>,
    caller: Caller,
    At((target, kind, id)): At<(String, KindWord, String)>,
) -> Result<Json<Value>, Problem> {
    let config = api.served(&caller, &target)?.config();
    let object = ObjectRef { kind: kind.into(), id: id.into() };
    let target = connect_as_published(api.engine.store(), &config, api.clock.clone()).await?.target;
    let explanation = api.engine.explain(&target, &object, Knowledge::Remembered).await?;
    if let Source::Unknown(_) = &explanation.source {
        return Err(Problem::missing(format!("{object}: source and target `{}` do not know it", target.name)));
    }
    Ok(Json(explained::object(&explanation, &target)))
}

/// What happened to one object, newest first: changes of the source, changes of the target, decisions
#[utoipa::path(get, path = "/targets/{target}/objects/{kind}/{id}/timeline", tag = "objects",
    params(("target" = String, Path), ("kind" = KindWord, Path), ("id" = String, Path), PageAsked),
    responses((status = 200, body = Page<Moment>)))]
pub(super) async fn timeline(
    State(api): State<Api>,
    caller: Caller,
    At((target, kind, id)): At<(String, KindWord, String)>,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Page<Moment>>, Problem> {
    let name = api.served(&caller, &target)?.config().name;
    let object = ObjectRef { kind: kind.into(), id: id.into() };
    let size = page::size(asked.limit)?;
    let before: Option<Place> = page::place(asked.cursor.as_deref())?;
    let rows = api.engine.store().timeline(&name, &object, before.as_ref(), size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| row.moment(), |row| Moment::of(&row))))
}

/// Makes one object true now
///
/// The answer has the run with its report; if it takes longer than 45 seconds, 202 and the run as it stands.
#[utoipa::path(post, path = "/targets/{target}/objects/{kind}/{id}/sync", tag = "objects",
    params(("target" = String, Path), ("kind" = KindWord, Path), ("id" = String, Path)),
    responses((status = 200, body = Run), (status = 202, body = Run)))]
pub(super) async fn sync(
    State(api): State<Api>,
    caller: Caller,
    At((target, kind, id)): At<(String, KindWord, String)>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    let target = api.ready(&caller, &target)?;
    let object = ObjectRef { kind: kind.into(), id: id.into() };
    let store = api.engine.store();
    let known = !store.source_records(std::slice::from_ref(&object)).await?.is_empty();
    if !known && store.link_of(&target.name, &object).await?.is_none() {
        return Err(Problem::missing(format!("{object}: source and target `{}` do not know it", target.name)));
    }
    let engine = api.engine(&caller);
    let holder = api.leased(&target, &object).await?;
    let ask = Ask { holder: Some(holder.clone()), ..Ask::sync(Scope::Only(BTreeSet::from([object])), Reason::Operator) };
    let going = api.begin(move |began| async move {
        let result = engine.reconcile(&target, ask, began.as_ref()).await;
        // A halted target is left before a run begins, and nobody else gives the lease back.
        engine.store().release(&target.name, &holder, None).await?;
        result
    });
    let going = going.await?;
    let status = match tokio::time::timeout(PATIENCE, going.end).await {
        Ok(Ok(Ok(_))) => StatusCode::OK,
        Ok(Ok(Err(error))) => return Err(error.into()),
        Ok(Err(_)) | Err(_) => StatusCode::ACCEPTED,
    };
    Ok((status, Json(Run::of(&api.run(&caller, going.run.as_str()).await?))))
}

impl Api {
    /// Waits until nobody else works on the object; the name under which it is ours.
    async fn leased(&self, target: &Target, object: &ObjectRef) -> Result<String, Problem> {
        let (store, holder) = (self.engine.store(), self.engine.holder());
        let until = store.now() + BUSY;
        while store.lease(&target.name, &holder, std::slice::from_ref(object), target.timing.lease).await?.is_empty() {
            if store.now() >= until {
                return Err(
                    Problem::conflict(format!("another run works on {object}; try again when it has ended")).coded("busy")
                );
            }
            self.clock.sleep(LOOK).await;
        }
        Ok(holder)
    }
}
