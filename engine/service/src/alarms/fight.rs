//! Two that write the same: a value or reference that is put right again and again.

use entrain_model::{Kind, TargetName};
use entrain_store::{Alarm, AlarmKind, AlarmRow, Fight, Refought, Store, StoreError, Turn};
use serde_json::{Value as Json, json};

use super::look::millis;
use crate::cli::utc;
use crate::config::FightConfig;

/// Values that are looked at to find whether a fight that was raised goes on.
const LOOKED_AT: usize = 1_000;

/// Objects that an alarm names.
const NAMED: usize = 10;

/// Makes the alarms of fights what they should be. Returns what turned.
pub async fn settle_fights(store: &Store, target: &TargetName, config: FightConfig) -> Result<Vec<(Turn, AlarmRow)>, StoreError> {
    let wanted = alarms(store, target, config).await?;
    store.settle_alarms(target, AlarmKind::Fight, &wanted).await
}

/// The fights that go on: one alarm for each attribute or relation, however many objects. One that was raised is over when
/// none of the objects that it names was put right for as long as the window.
async fn alarms(store: &Store, target: &TargetName, config: FightConfig) -> Result<Vec<Alarm>, StoreError> {
    let since = store.now().saturating_sub(millis(config.window));
    let mut fights = store.fights(target, since, config.repairs, NAMED).await?;
    for open in store.alarms(Some(target)).await?.into_iter().filter(|row| row.alarm.kind == AlarmKind::Fight) {
        let Some((kind, attribute)) = subject(&open.alarm.about) else { continue };
        if fights.iter().all(|fight| (fight.kind, fight.attribute.as_str()) != (kind, attribute)) {
            let mut foremost = store.refought(target, since, (kind, attribute), LOOKED_AT).await?;
            foremost.retain(|one| is_named(&open.alarm.body, one));
            if !foremost.is_empty() {
                let values = u64::try_from(foremost.len()).unwrap_or(u64::MAX);
                fights.push(Fight { kind, attribute: attribute.to_owned(), values, foremost });
            }
        }
    }
    Ok(fights.iter().map(|fight| alarm(fight, config)).collect())
}

fn alarm(fight: &Fight, config: FightConfig) -> Alarm {
    let Fight { kind, attribute, values, foremost } = fight;
    let named: Vec<String> = foremost.iter().map(|one| named(one, attribute)).collect();
    let rest = values.saturating_sub(u64::try_from(foremost.len()).unwrap_or(0));
    let rest = if rest > 0 { format!(", and {rest} more") } else { String::new() };
    let hours = config.window.as_secs() / 3600;
    Alarm {
        kind: AlarmKind::Fight,
        about: format!("{kind} {attribute}"),
        level: i64::from(values.checked_ilog10().unwrap_or(0)),
        message: format!(
            "somebody else changes {attribute} of {kind}s, and it was put right again and again within {hours} hours: {}{rest}. {}",
            named.join(", "),
            remedy(*kind, attribute)
        ),
        body: json!({
            "object_kind": kind, "attribute": attribute, "values": values, "repairs": config.repairs, "window_hours": hours,
            "objects": foremost.iter().map(object).collect::<Vec<_>>(),
        }),
    }
}

fn named(one: &Refought, attribute: &str) -> String {
    let other = if one.other.is_empty() { String::new() } else { format!(" ({attribute} {})", one.other) };
    format!("{}{other} {} times, last at {}", one.object, one.times, utc(one.last_at))
}

fn object(one: &Refought) -> Json {
    json!({
        "object": one.object, "other": one.other, "times": one.times, "first_at": one.first_at, "last_at": one.last_at,
    })
}

fn remedy(kind: Kind, attribute: &str) -> String {
    let look = "The tenant's own audit log says who it is";
    match attribute {
        "member" | "owner" | "manager" => format!("{look}: take the reference off the other system, or change it in the source"),
        _ if attribute.starts_with('(') => {
            format!("{look}: stop whoever deletes the record, or take the object out of the source or the scope")
        }
        _ => {
            let parent = attribute.split_once('.').map_or(attribute, |(parent, _)| parent);
            format!(
                "{look}: take the attribute off the other system, or leave it to the tenant with {parent} = \"yield\" in \
                 [target.authority] {kind}s"
            )
        }
    }
}

fn subject(about: &str) -> Option<(Kind, &str)> {
    let (kind, attribute) = about.split_once(' ')?;
    Some((kind.parse().ok()?, attribute))
}

fn is_named(body: &Json, one: &Refought) -> bool {
    let objects = body["objects"].as_array();
    objects.into_iter().flatten().any(|named| named["object"] == json!(one.object) && named["other"] == json!(one.other))
}
