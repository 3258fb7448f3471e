//! Licences: `/subscribedSkus`, `assignLicense`, `licenseDetails`.

use super::answer::Answer;
use super::call::Call;
use super::objects::identifier;
use super::table::Table;
use super::users::{self, entity};
use crate::clock::rfc3339;
use crate::directory::{Name, Product, Row, Tenant, Value, View, assigned};
use crate::failure::Failure;
use crate::odata::Part;
use crate::rules;
use axum::http::Method;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use uuid::Uuid;

const PRODUCT: Table<'_> = Table {
    context: "subscribedSkus",
    of: "subscribedSku",
    properties: &[
        "id",
        "accountId",
        "accountName",
        "appliesTo",
        "capabilityStatus",
        "consumedUnits",
        "prepaidUnits",
        "servicePlans",
        "skuId",
        "skuPartNumber",
        "subscriptionIds",
    ],
    filtered: &[],
    page: None,
};

/// Answers `/subscribedSkus`, also by id.
///
/// # Errors
/// Unknown paths and methods.
pub(crate) fn products(call: &Call<'_>) -> Result<Answer, Failure> {
    if *call.method != Method::GET {
        return Err(Failure::method());
    }
    let world = call.app.world.read();
    let seen = &call.view(&world.tenant);
    let shown = |product: &Product| shown(call, seen, product);
    let mut all = world.tenant.licences.products().iter().map(shown);
    match call.parts.get(1..).unwrap_or(&[]) {
        [] => PRODUCT.list(call, all),
        [key] => {
            let found = all.find(|product| product["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(key.text())));
            PRODUCT.one(call, 200, &found.ok_or_else(|| Failure::not_found(key.text()))?)
        }
        [_, segment, ..] => Err(Failure::segment(segment.text())),
    }
}

/// The licences of a product that live users hold.
fn consumed(tenant: &View<'_>, product: Uuid) -> usize {
    let holds = |row: &Row| {
        let object = tenant.object(*row);
        object.is_live() && assigned(object.value(Name::ASSIGNED_LICENSES)).contains(&product)
    };
    let candidates: BTreeSet<Row> = tenant.licences.holders(product).chain(tenant.differing()).collect();
    candidates.iter().filter(|row| holds(row)).count()
}

fn shown(call: &Call<'_>, tenant: &View<'_>, product: &Product) -> Json {
    let plans: Vec<Json> = product
        .service_plans
        .iter()
        .map(|plan| {
            json!({ "servicePlanId": plan.service_plan_id.to_string(), "servicePlanName": plan.service_plan_name,
                "provisioningStatus": "Success", "appliesTo": "User" })
        })
        .collect();
    json!({
        "id": format!("{}_{}", call.app.tenant_id, product.sku_id),
        "accountId": call.app.tenant_id.to_string(),
        "accountName": call.app.tenant_name,
        "appliesTo": product.applies_to,
        "capabilityStatus": product.capability_status,
        "consumedUnits": consumed(tenant, product.sku_id),
        "prepaidUnits": { "enabled": product.enabled, "suspended": 0, "warning": 0, "lockedOut": 0 },
        "servicePlans": plans,
        "skuId": product.sku_id.to_string(),
        "skuPartNumber": product.sku_part_number,
        "subscriptionIds": [],
    })
}

/// What a request adds and removes.
struct Wanted {
    add: Vec<(Uuid, Vec<Uuid>)>,
    remove: Vec<Uuid>,
}

impl Wanted {
    /// Both collections have to be there.
    fn read(body: &Map<String, Json>) -> Result<Wanted, Failure> {
        let list = |name: &str| {
            let items = body.get(name).and_then(Json::as_array);
            items.ok_or_else(|| Failure::bad_request(format!("A value is required for parameter '{name}'.")))
        };
        let add = list("addLicenses")?.iter().map(|item| {
            let disabled = item.get("disabledPlans").filter(|json| !json.is_null());
            let disabled = disabled.map_or(Some(&[][..]), |json| json.as_array().map(Vec::as_slice));
            let disabled = disabled.ok_or_else(|| Failure::bad_request("Invalid value specified for 'disabledPlans'."))?;
            Ok((id(item.get("skuId"))?, disabled.iter().map(|plan| id(Some(plan))).collect::<Result<_, _>>()?))
        });
        let remove = list("removeLicenses")?.iter().map(|item| id(Some(item))).collect::<Result<_, Failure>>()?;
        Ok(Wanted { add: add.collect::<Result<_, Failure>>()?, remove })
    }
}

fn id(json: Option<&Json>) -> Result<Uuid, Failure> {
    let text = json.and_then(Json::as_str).unwrap_or_default();
    identifier(text)
}

/// Answers `POST /users/{id}/assignLicense`.
///
/// # Errors
/// What Graph would refuse; then nothing is assigned.
pub(crate) fn assign(call: &Call<'_>, user: &Part) -> Result<Answer, Failure> {
    let wanted = Wanted::read(&rules::object(call.body)?)?;
    let mut world = call.write();
    let row = call.locate(&world.tenant, |seen| users::find(seen, user))?;
    let tenant = &world.tenant;
    let mut held = states(tenant, row);
    for sku in &wanted.remove {
        let at = held.iter().position(|state| is_of(state, *sku));
        held.remove(at.ok_or_else(|| Failure::bad_request("User does not have a corresponding license."))?);
    }
    // A replica that does not know the location yet refuses for the lack of it.
    let located = call.view(tenant).object(row).text(Name::USAGE_LOCATION).is_some();
    for (sku, disabled) in &wanted.add {
        let product = assignable(tenant, *sku, disabled)?;
        if !located {
            return Err(Failure::bad_request("License assignment cannot be done for user with invalid usage location."));
        }
        let had = assigned(tenant.object(row).value(Name::ASSIGNED_LICENSES)).contains(sku);
        if !had && consumed(&View::primary(tenant), *sku) >= product.enabled {
            return Err(Failure::bad_request(format!("Subscription with SKU {sku} does not have any available licenses.")));
        }
        held.retain(|state| !is_of(state, *sku));
        held.push(state(*sku, disabled, &rfc3339(call.app.clock.now())));
    }
    let edits = vec![(Name::ASSIGNED_LICENSES, licences(&held)), (Name::LICENSE_STATES, list(held))];
    world.tenant.edit(row, edits);
    entity(call, &View::primary(&world.tenant), row)
}

fn assignable<'t>(tenant: &'t Tenant, sku: Uuid, disabled: &[Uuid]) -> Result<&'t Product, Failure> {
    let product = tenant.licences.product(sku).filter(|product| product.applies_to == "User");
    let product =
        product.ok_or_else(|| Failure::bad_request(format!("License {sku} does not correspond to a valid company License.")))?;
    match disabled.iter().find(|plan| !product.service_plans.iter().any(|known| known.service_plan_id == **plan)) {
        Some(plan) => {
            Err(Failure::bad_request(format!("Service plan {plan} cannot be disabled: it is not a part of license {sku}.")))
        }
        None => Ok(product),
    }
}

fn list(items: Vec<Json>) -> Value {
    Value::Json(Box::new(Json::Array(items)))
}

fn is_of(state: &Json, sku: Uuid) -> bool {
    state.get("skuId").and_then(Json::as_str).is_some_and(|id| id.eq_ignore_ascii_case(&sku.to_string()))
}

/// The states of the licences that a user has; those that were seeded without a state have one now.
fn states(tenant: &Tenant, user: Row) -> Vec<Json> {
    let object = tenant.object(user);
    let known = match object.value(Name::LICENSE_STATES) {
        Some(Value::Json(json)) => json.as_array().cloned().unwrap_or_default(),
        _ => Vec::new(),
    };
    let lacking =
        assigned(object.value(Name::ASSIGNED_LICENSES)).into_iter().filter(|sku| !known.iter().any(|one| is_of(one, *sku)));
    let since = object.text(Name::CREATED).unwrap_or_default();
    let lacking: Vec<Json> = lacking.map(|sku| state(sku, &[], since)).collect();
    known.into_iter().chain(lacking).collect()
}

fn state(sku: Uuid, disabled: &[Uuid], since: &str) -> Json {
    let disabled: Vec<String> = disabled.iter().map(Uuid::to_string).collect();
    json!({ "skuId": sku.to_string(), "disabledPlans": disabled, "assignedByGroup": null, "state": "Active", "error": "None",
            "lastUpdatedDateTime": since })
}

fn licences(states: &[Json]) -> Value {
    list(states.iter().map(|state| json!({ "disabledPlans": state["disabledPlans"], "skuId": state["skuId"] })).collect())
}

/// Answers `GET /users/{id}/licenseDetails`.
///
/// # Errors
/// An unknown user.
pub(crate) fn details(call: &Call<'_>, user: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let seen = &call.view(&world.tenant);
    let object = seen.object(users::find(seen, user)?);
    let disabled = |sku: Uuid, plan: Uuid| match object.value(Name::ASSIGNED_LICENSES) {
        Some(Value::Json(json)) => json.as_array().into_iter().flatten().filter(|one| is_of(one, sku)).any(|one| {
            one["disabledPlans"].as_array().into_iter().flatten().any(|id| id.as_str() == Some(plan.to_string().as_str()))
        }),
        _ => false,
    };
    let products =
        assigned(object.value(Name::ASSIGNED_LICENSES)).into_iter().filter_map(|sku| world.tenant.licences.product(sku));
    let value = products.map(|product| {
        let plans = product.service_plans.iter().map(|plan| {
            let status = if disabled(product.sku_id, plan.service_plan_id) { "Disabled" } else { "Success" };
            json!({ "servicePlanId": plan.service_plan_id.to_string(), "servicePlanName": plan.service_plan_name,
                    "provisioningStatus": status, "appliesTo": "User" })
        });
        json!({ "id": format!("{}_{}", object.id, product.sku_id), "skuId": product.sku_id.to_string(),
                "skuPartNumber": product.sku_part_number, "servicePlans": plans.collect::<Vec<_>>() })
    });
    let context = call.context(&format!("users('{}')/licenseDetails", object.id));
    Ok(Answer::json(200, &json!({ "@odata.context": context, "value": value.collect::<Vec<_>>() })))
}
