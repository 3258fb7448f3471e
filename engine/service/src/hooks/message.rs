//! What a sender says: `{"type": "user.changed", "data": {..}}`, or a list of these as `{"events": [..]}`.

use entrain_model::Kind;
use entrain_store::HookKey;
use serde::Deserialize;
use serde_json::Value as Json;

/// The types of events that receivers are told.
pub(crate) const EVENT_TYPES: [&str; 10] = [
    "user.created",
    "user.changed",
    "user.removed",
    "user.synced",
    "user.held",
    "group.created",
    "group.changed",
    "group.removed",
    "group.synced",
    "group.held",
];
/// The most events of a message.
const EVENTS: usize = 1000;

/// One thing that a sender says.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) key: HookKey,
    pub(super) what: What,
}

/// What is said of an object.
#[derive(Debug, PartialEq)]
pub(super) enum What {
    /// It is to be looked at.
    Changed,
    /// It is so now.
    Put(Json),
    /// It is gone.
    Removed,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Many { events: Vec<One> },
    One(One),
}

#[derive(Deserialize)]
struct One {
    #[serde(rename = "type")]
    sort: String,
    data: serde_json::Map<String, Json>,
}

/// Reads a message.
///
/// # Errors
/// What is wrong with which event.
pub(super) fn read(body: &[u8]) -> Result<Vec<Said>, String> {
    let form = "write {\"type\": \"user.changed\", \"data\": {\"id\": \"..\"}}, or such events in a list {\"events\": [..]}";
    let parsed = serde_json::from_slice(body).map_err(|error| format!("the body is no message: {error}; {form}"))?;
    let events = match parsed {
        Form::Many { events } => events,
        Form::One(one) => vec![one],
    };
    if events.len() > EVENTS {
        return Err(format!("the message has {} events; send at most {EVENTS} at once", events.len()));
    }
    let one = |(index, one)| said(one).map_err(|why| format!("event {index}: {why}"));
    events.into_iter().enumerate().map(one).collect()
}

fn said(one: One) -> Result<Said, String> {
    let (kind, what) = one.sort.split_once('.').unwrap_or_default();
    let kind = match kind {
        "user" => Kind::User,
        "group" => Kind::Group,
        _ => return Err(format!("the type `{}` is none: it begins with user. or group.", one.sort)),
    };
    let text = |name: &str| one.data.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let key = text("id").map(HookKey::Id).or_else(|| text("externalId").map(HookKey::ExternalId));
    let key = key.or_else(|| text("userName").filter(|_| kind == Kind::User).map(HookKey::Login));
    let key = key.ok_or("`data` names nobody: give `id`, `externalId`, or the `userName` of a user, as a text")?;
    let what = match what {
        "changed" => What::Changed,
        "put" if matches!(key, HookKey::Login(_)) => {
            return Err("`data` of a whole object has an `id` or an `externalId`: a login may change".to_owned());
        }
        "put" => What::Put(Json::Object(one.data)),
        "removed" => What::Removed,
        _ => return Err(format!("the type `{}` is none: it ends with .changed, .put or .removed", one.sort)),
    };
    Ok(Said { kind, key, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_or_many_and_each_names_somebody() {
        let one = read(br#"{"type": "user.changed", "timestamp": "2026", "data": {"userName": "ada@x"}}"#).unwrap();
        assert_eq!(one, [Said { kind: Kind::User, key: HookKey::Login("ada@x".into()), what: What::Changed }]);
        let many = br#"{"events": [{"type": "group.removed", "data": {"id": "g", "externalId": "e"}}, {"type": "user.put", "data": {"externalId": "e"}}]}"#;
        let many = read(many).unwrap();
        assert_eq!((&many[0].key, &many[0].what), (&HookKey::Id("g".into()), &What::Removed));
        for (wrong, why) in [
            ("[]", "no message"),
            (r#"{"type": "user.changed", "data": {}}"#, "event 0: `data` names nobody"),
            (r#"{"type": "group.changed", "data": {"userName": "x"}}"#, "names nobody"),
            (r#"{"type": "device.changed", "data": {"id": "x"}}"#, "user. or group."),
            (r#"{"type": "user.exploded", "data": {"id": "x"}}"#, "ends with"),
            (r#"{"type": "user.put", "data": {"userName": "x"}}"#, "a login may change"),
        ] {
            assert!(read(wrong.as_bytes()).unwrap_err().contains(why), "{wrong}");
        }
    }
}
