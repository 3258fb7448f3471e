//! What an object is a member of, nested groups included: `getMemberGroups`, `checkMemberGroups` and their kin.

use super::answer::Answer;
use super::call::Call;
use super::objects::identifier;
use crate::directory::{Kind, Name, Relation, Row, View, Way};
use crate::failure::Failure;
use crate::rules;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

/// The most ids that one check may ask about.
const MOST_CHECKED: usize = 20;

/// Whether a path segment is one of these actions.
pub(crate) fn is_action(word: &str) -> bool {
    matches!(word, "getmembergroups" | "getmemberobjects" | "checkmembergroups" | "checkmemberobjects")
}

/// Answers an action of the object that `find` names.
///
/// # Errors
/// An unknown object, or a body that lacks what the action needs.
pub(crate) fn answer(call: &Call<'_>, find: impl Fn(&View<'_>) -> Result<Row, Failure>, action: &str) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    let world = call.app.world.read();
    let tenant = &call.view(&world.tenant);
    let row = find(tenant)?;
    let groups = tenant.links().closure(Relation::Member, row, Way::Backward);
    let live = groups.into_iter().filter(|group| tenant.object(*group).is_live());
    let ids: Vec<Uuid> = match action {
        "getmembergroups" | "getmemberobjects" => {
            let secure = securing(&body, tenant.object(row).kind)?;
            let wanted = |group: &Row| !secure || tenant.object(*group).is_true(Name::SECURITY_ENABLED);
            live.filter(wanted).map(|group| tenant.object(group).id).collect()
        }
        _ => {
            let asked = asked(&body, if action == "checkmembergroups" { "groupIds" } else { "ids" })?;
            live.map(|group| tenant.object(group).id).filter(|id| asked.contains(id)).collect()
        }
    };
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    Ok(Answer::json(200, &json!({ "@odata.context": call.context("Collection(Edm.String)"), "value": ids })))
}

fn securing(body: &Map<String, Json>, kind: Kind) -> Result<bool, Failure> {
    let secure = body.get("securityEnabledOnly").and_then(Json::as_bool);
    let secure = secure.ok_or_else(|| Failure::bad_request("A value is required for parameter 'securityEnabledOnly'."))?;
    if secure && kind == Kind::Group {
        return Err(Failure::bad_request("securityEnabledOnly can be true only for users and service principals."));
    }
    Ok(secure)
}

fn asked(body: &Map<String, Json>, parameter: &str) -> Result<Vec<Uuid>, Failure> {
    let given = body.get(parameter).and_then(Json::as_array);
    let given = given.ok_or_else(|| Failure::bad_request(format!("A value is required for parameter '{parameter}'.")))?;
    if given.len() > MOST_CHECKED {
        return Err(Failure::bad_request(format!("A request can check at most {MOST_CHECKED} ids in '{parameter}'.")));
    }
    let id = |text: &Json| {
        let text = text.as_str().unwrap_or_default();
        identifier(text)
    };
    given.iter().map(id).collect()
}
