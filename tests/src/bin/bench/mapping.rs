//! The default mapping for users, on one core.

use std::time::Instant;

use entrain_mapping::{Context, Limits, Mapped, Mapping, ScopeRules, default_scripts};
use entrain_model::{Attributes, ObjectRef, SourceRecord};
use serde_json::{Value as Json, json};

/// Evaluates for that long.
pub(crate) fn run(seconds: u64) -> anyhow::Result<Json> {
    let mapping = Mapping::compile(&default_scripts(), &ScopeRules { users: None, groups: None }, Limits::default())?;
    let records: Vec<_> = (0..1000).map(record).collect();
    let target = json!({});
    let context = Context { target: &target, manager: None };
    let (started, mut evaluations, mut attributes) = (Instant::now(), 0_u64, 0_usize);
    while started.elapsed().as_secs() < seconds {
        for record in &records {
            if let Mapped::Record(mapped) = mapping.evaluate(record, &context)? {
                attributes = mapped.settings.len();
            }
            evaluations += 1;
        }
    }
    let per_second = evaluations as f64 / started.elapsed().as_secs_f64();
    Ok(json!({ "benchmark": "mapping", "evaluations_per_second": per_second.round(), "attributes": attributes }))
}

fn record(n: usize) -> SourceRecord {
    let attributes: Attributes = serde_json::from_value(json!({
        "id": format!("u{n}"), "userName": format!("user{n}@contoso.example"), "displayName": format!("Zoë Núñez {n}"), "active": true,
        "serviceAccount": false, "mail": format!("user{n}@contoso.example"), "externalId": format!("user{n}"),
        "name": { "givenName": "Zoë", "familyName": format!("Núñez {n}") }, "title": "Engineer", "department": "Research",
        "employeeNumber": format!("{n}"), "employeeType": "Employee", "costCenter": "4711", "division": "North", "companyName": "Contoso",
        "phoneNumbers": [{ "type": "work", "value": "+41 44 000 00 00" }, { "type": "mobile", "value": "+41 79 000 00 00" }],
        "addresses": [{ "type": "work", "streetAddress": "Main Street 1", "locality": "Zürich", "region": "ZH", "postalCode": "8000", "country": "CH" }],
        "preferredLanguage": "de-CH", "startDateTime": "2020-01-15"
    }))
    .unwrap_or_default();
    SourceRecord { object: ObjectRef::user(format!("u{n}").as_str()), version: 1, attributes }
}
