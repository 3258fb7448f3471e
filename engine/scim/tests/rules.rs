//! Schemas, checks, PUT, projection, sorting, queries, bulk requests, what the server says of itself.
#![allow(clippy::unwrap_used)]

use entrain_scim::*;
use serde_json::{Value as Json, json};

const DEVICES: &str = r#"{
  "schemas": [
    {"id": "urn:example:schemas:Device", "name": "Device", "attributes": [
      {"name": "serial", "required": true, "mutability": "immutable", "uniqueness": "server"},
      {"name": "secret", "returned": "never", "mutability": "writeOnly"},
      {"name": "notes", "returned": "request"},
      {"name": "size", "type": "integer"},
      {"name": "tags", "multiValued": true},
      {"name": "place", "type": "complex", "subAttributes": [{"name": "room", "mutability": "immutable"}, {"name": "floor", "type": "integer"}]}
    ]},
    {"id": "urn:example:schemas:extension:Badge", "name": "Badge", "attributes": [{"name": "badge", "required": true}]}
  ],
  "resourceTypes": [
    {"name": "Device", "endpoint": "/Devices", "schema": "urn:example:schemas:Device"},
    {"name": "User", "schemaExtensions": [{"schema": "urn:example:schemas:extension:Badge", "required": true}]}
  ]
}"#;

fn load(text: &str) -> std::result::Result<Catalog, CatalogError> {
    Catalog::load(&[SiteDocument { name: "devices.json".into(), text: text.into() }])
}

fn map(value: Json) -> Map {
    value.as_object().unwrap().clone()
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind.unwrap()
}

#[test]
fn a_site_adds_its_own_types_and_extensions() {
    let catalog = load(DEVICES).unwrap();
    assert_eq!(catalog.served_at("Devices").unwrap().name, "Device");
    let users = catalog.shape(catalog.named("User").unwrap());
    let ada = json!({ "schemas": [USER], "userName": "ada" });
    let without = document(&users, ada.clone(), Profile::Standard).unwrap();
    assert_eq!(kind(required(&users, &without)), ErrorKind::InvalidValue);
    let mut ada = ada;
    ada["URN:example:schemas:extension:badge"] = json!({ "Badge": "7", "unknown": 1 });
    let with = document(&users, ada, Profile::Standard).unwrap();
    required(&users, &with).unwrap();
    assert_eq!(Json::Object(with), json!({ "userName": "ada", "urn:example:schemas:extension:Badge": { "badge": "7" } }));

    let broken = |text: &str| load(text).unwrap_err().to_string();
    assert!(broken(r#"{"schemas": [{"id": "x", "name": "x", "attributes": []}]}"#).contains("no URN"));
    assert!(broken(r#"{"schemas": [{"id": "urn:x", "name": "x", "attributes": [{"name": "a b"}]}]}"#).contains("no name"));
    assert!(
        broken(r#"{"schemas": [{"id": "urn:x", "name": "x", "attributes": [{"name": "a"}, {"name": "A"}]}]}"#).contains("twice")
    );
    assert!(
        broken(r#"{"schemas": [{"id": "urn:x", "name": "x", "attributes": [{"name": "a", "type": "complex"}]}]}"#)
            .contains("subAttributes")
    );
    assert!(broken(r#"{"resourceTypes": [{"name": "X", "endpoint": "/X", "schema": "urn:x"}]}"#).contains("no schema"));
    let taken = format!(r#"{{"resourceTypes": [{{"name": "X", "endpoint": "/Users", "schema": "{USER}"}}]}}"#);
    assert!(broken(&taken).contains("taken"));
    assert!(broken(&taken.replace("/Users", "/Bulk")).contains("taken"));
    assert!(broken(r#"{"unknown": []}"#).contains("unknown"));
    assert!(broken("{\n \"schemas\": 1}").starts_with("the SCIM schemas cannot be used: devices.json: invalid type"));
    let again = r#"{"resourceTypes": [{"name": "X", "endpoint": "/X", "schema": "urn:ietf:params:scim:schemas:core:2.0:User"}]}"#;
    assert!(broken(again).contains("another resource type"));
}

#[test]
fn a_resource_is_checked_and_spelled_as_its_schema_says() {
    let catalog = Catalog::load(&[]).unwrap();
    let users = catalog.shape(catalog.named("User").unwrap());
    let check = |value: Json, profile| document(&users, value, profile);
    let given = json!({
        "schemas": [USER, "urn:unknown"], "USERNAME": "ada", "id": "mine", "meta": {}, "groups": [{ "value": "g" }], "shoeSize": 45,
        "Name": { "GIVENNAME": "Ada", "shoe": 1 }, "emails": [{ "VALUE": "a", "Primary": false }], "ims": [], "title": null,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "Manager": { "value": "m", "displayName": "M" } },
    });
    let expected = json!({
        "userName": "ada", "name": { "givenName": "Ada" }, "emails": [{ "value": "a", "primary": false }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "manager": { "value": "m" } },
    });
    assert_eq!(check(given, Profile::Standard).map(Json::Object), Ok(expected));
    for (wrong, sort) in [
        (json!([]), ErrorKind::InvalidSyntax),
        (json!({ "userName": "ada" }), ErrorKind::InvalidSyntax),
        (json!({ "schemas": [GROUP], "userName": "ada" }), ErrorKind::InvalidSyntax),
        (json!({ "schemas": [USER], "userName": 7 }), ErrorKind::InvalidValue),
        (json!({ "schemas": [USER], "userName": "a", "UserName": "b" }), ErrorKind::InvalidSyntax),
        (json!({ "schemas": [USER], "userName": "a\u{0}" }), ErrorKind::InvalidValue),
        (json!({ "schemas": [USER], "active": "True" }), ErrorKind::InvalidValue),
        (json!({ "schemas": [USER], "emails": { "value": "a" } }), ErrorKind::InvalidValue),
        (json!({ "schemas": [USER], "x509Certificates": [{ "value": "no base64!" }] }), ErrorKind::InvalidValue),
        (json!({ "schemas": [USER], "x": [[[[[[[[[[[[[[1]]]]]]]]]]]]]] }), ErrorKind::InvalidSyntax),
    ] {
        assert_eq!(kind(check(wrong.clone(), Profile::Standard)), sort, "{wrong}");
    }
    let lenient = check(json!({ "userName": "a", "active": "True", "emails": { "value": 7 } }), Profile::Entra).unwrap();
    assert_eq!(Json::Object(lenient), json!({ "userName": "a", "active": true, "emails": [{ "value": "7" }] }));
    assert_eq!(kind(required(&users, &map(json!({ "title": "x" })))), ErrorKind::InvalidValue);
    assert_eq!(kind(required(&users, &map(json!({ "userName": "" })))), ErrorKind::InvalidValue);
}

#[test]
fn what_is_immutable_is_set_once() {
    let catalog = load(DEVICES).unwrap();
    let shape = catalog.shape(catalog.named("Device").unwrap());
    let before = map(json!({ "serial": "1", "size": 3, "place": { "room": "A", "floor": 1 } }));
    let put = |given: Json| replace(&shape, &before, map(given)).map(Json::Object);
    assert_eq!(put(json!({ "tags": ["x"] })), Ok(json!({ "serial": "1", "tags": ["x"] })));
    assert_eq!(
        put(json!({ "serial": "1", "place": { "floor": 2 } })),
        Ok(json!({ "serial": "1", "place": { "room": "A", "floor": 2 } }))
    );
    assert_eq!(kind(put(json!({ "serial": "2" }))), ErrorKind::Mutability);
    assert_eq!(kind(put(json!({ "place": { "room": "B" } }))), ErrorKind::Mutability);
    let patch = |operation: Json| {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] });
        let mut resource = before.clone();
        Patch::parse(body, Profile::Standard)?.apply(&shape, &mut resource, Profile::Standard).map(|()| Json::Object(resource))
    };
    assert_eq!(kind(patch(json!({ "op": "replace", "path": "serial", "value": "2" }))), ErrorKind::Mutability);
    assert_eq!(kind(patch(json!({ "op": "remove", "path": "serial" }))), ErrorKind::Mutability);
    assert!(patch(json!({ "op": "replace", "path": "serial", "value": "1" })).is_ok());
    assert!(patch(json!({ "op": "add", "path": "tags", "value": "x" })).is_ok());
}

#[test]
fn an_answer_has_what_was_asked_for() {
    let catalog = load(DEVICES).unwrap();
    let shape = catalog.shape(catalog.named("Device").unwrap());
    let meta = Meta { id: "d1".into(), created: 0, modified: 1, version: 4, location: "https://x/Devices/d1".into() };
    let attributes = map(json!({ "serial": "1", "secret": "s", "notes": "n", "size": 3, "place": { "room": "A", "floor": 1 } }));
    let seen = |only: &[&str], without: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut resource = resource(&shape, attributes.clone(), &meta);
        Projection::new(owned(only), owned(without)).unwrap().apply(&shape, &mut resource);
        resource.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    let sorted = |text: &str| {
        let mut words: Vec<&str> = text.split(' ').collect();
        words.sort_unstable();
        words.join(" ")
    };
    let seen = |only: &[&str], without: &[&str]| sorted(&seen(only, without));
    assert_eq!(seen(&[], &[]), "id meta place schemas serial size");
    assert_eq!(seen(&["SIZE"], &[]), "id schemas size");
    assert_eq!(seen(&["notes", "secret", "unknown"], &[]), "id notes schemas");
    assert_eq!(seen(&[], &["size", "id", "place"]), "id meta schemas serial");
    assert_eq!(seen(&["urn:example:schemas:Device:place.room", "meta.version"], &[]), "id meta place schemas");
    assert!(Projection::new(vec!["a".into()], vec!["b".into()]).is_err());
    let mut whole = resource(&shape, attributes.clone(), &meta);
    Projection::new(vec!["place.floor".into(), "meta.version".into()], vec![]).unwrap().apply(&shape, &mut whole);
    assert_eq!((&whole["place"], &whole["meta"]), (&json!({ "floor": 1 }), &json!({ "version": "W/\"4\"" })));
    let groups = catalog.shape(catalog.named("Group").unwrap());
    assert!(!Projection::new(vec![], vec!["members".into()]).unwrap().shows(&groups, "members"));
    assert!(!Projection::new(vec!["displayName".into()], vec![]).unwrap().shows(&groups, "members"));
    assert!(Projection::new(vec!["members.value".into()], vec![]).unwrap().shows(&groups, "members"));
    assert!(Projection::default().shows(&groups, "members"));
}

#[test]
fn a_list_is_sorted_by_what_its_type_means() {
    let catalog = Catalog::load(&[]).unwrap();
    let users = catalog.shape(catalog.named("User").unwrap());
    let order = |by: &str, resources: &[Json]| {
        let Named::Attribute(place) = users.named(by).unwrap() else { panic!("an attribute") };
        let mut keys: Vec<(SortKey, usize)> = resources
            .iter()
            .enumerate()
            .map(|(index, resource)| (sort_key(&place, resource.as_object().unwrap()), index))
            .collect();
        keys.sort();
        keys.into_iter().map(|(_, index)| index).collect::<Vec<_>>()
    };
    assert_eq!(order("userName", &[json!({ "userName": "b" }), json!({}), json!({ "userName": "A" })]), [2, 0, 1]);
    let mails =
        [json!({ "emails": [{ "value": "a" }, { "value": "z", "primary": true }] }), json!({ "emails": [{ "value": "b" }] })];
    assert_eq!(order("emails", &mails), [1, 0]);
    let dates =
        [json!({ "meta": { "created": "2011-01-01T00:00:00+02:00" } }), json!({ "meta": { "created": "2010-12-31T21:00:00Z" } })];
    assert_eq!(order("meta.created", &dates), [1, 0]);
}

#[test]
fn a_query_is_read_from_a_url_and_from_a_body() {
    let request = ListRequest::from_pairs([
        ("filter", "a eq 1"),
        ("startIndex", "0"),
        ("count", "-3"),
        ("sortOrder", "descending"),
        ("x", "y"),
    ])
    .unwrap();
    assert_eq!((request.page, request.count, request.direction), (Page::Index(0), Some(0), Direction::Descending));
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "a eq 1", "startIndex": 11, "count": 5,
        "attributes": ["userName"], "sortBy": "userName",
    });
    let request = ListRequest::from_body(body).unwrap();
    assert_eq!((request.page, request.count, request.sort_by.as_deref()), (Page::Index(10), Some(5), Some("userName")));
    assert_eq!(kind(ListRequest::from_pairs([("count", "x")])), ErrorKind::InvalidCount);
    assert_eq!(kind(ListRequest::from_pairs([("startIndex", "1"), ("cursor", "")])), ErrorKind::InvalidValue);
    assert_eq!(kind(ListRequest::from_body(json!({ "filter": "x" }))), ErrorKind::InvalidSyntax);
    assert_eq!(ListRequest::from_pairs([("cursor", "")]).unwrap().page, Page::Cursor(String::new()));
}

const LIMITS: Limits = Limits { bulk_operations: 10, body_bytes: 1 << 20, page: 100, largest_page: 1000 };

fn bulk(operations: Json, fail_on_errors: Option<u64>) -> Result<Bulk> {
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"];
    Bulk::parse(json!({ "schemas": schemas, "failOnErrors": fail_on_errors, "Operations": operations }), &LIMITS)
}

/// Makes all steps; ids are `id-` and the bulkId. Those of `failing` fail.
fn run(mut bulk: Bulk, failing: &[&str]) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(step) = bulk.advance() {
        match step {
            BulkStep::Make(index, operation) => {
                let name = operation.bulk_id.clone().unwrap_or_default();
                let id = (!failing.contains(&name.as_str())).then(|| format!("id-{name}"));
                bulk.settle(&operation, id);
                said.push(format!("{index} {} {} {}", operation.method.as_str(), operation.path, operation.data));
            }
            BulkStep::Complete(index, operation) => {
                said.push(format!(
                    "{index} then {} {} {}",
                    operation.method.as_str(),
                    operation.path,
                    operation.data["Operations"][0]["value"]
                ));
            }
            BulkStep::Refuse(index, operation, error) => {
                bulk.settle(&operation, None);
                said.push(format!("{index} {}", error.status));
            }
        }
    }
    said
}

#[test]
fn bulk_operations_may_name_what_others_make() {
    let group = json!({ "method": "POST", "path": "/Groups", "bulkId": "g", "data": { "members": [{ "value": "bulkId:u" }] } });
    let user = json!({ "method": "POST", "path": "/Users", "bulkId": "u", "data": {} });
    let patch = json!({ "method": "PATCH", "path": "/Users/bulkId:u", "data": {} });
    let said = run(bulk(json!([group, patch, user]), None).unwrap(), &[]);
    assert_eq!(said, ["2 POST /Users {}", r#"0 POST /Groups {"members":[{"value":"id-u"}]}"#, "1 PATCH /Users/id-u {}"]);
    assert_eq!(run(bulk(json!([group, user]), None).unwrap(), &["u"]), ["1 POST /Users {}", "0 409"]);
    assert_eq!(run(bulk(json!([group]), None).unwrap(), &[]), ["0 409"]);
    assert_eq!(run(bulk(json!([user, group, patch]), Some(1)).unwrap(), &["u"]), ["0 POST /Users {}"]);
}

#[test]
fn a_circle_of_bulk_operations_is_completed_afterwards() {
    let of = |own: &str, other: &str| json!({ "method": "POST", "path": "/Groups", "bulkId": own, "data": { "members": [{ "value": format!("bulkId:{other}") }, { "value": "x" }] } });
    let said = run(bulk(json!([of("a", "b"), of("b", "a")]), None).unwrap(), &[]);
    assert_eq!(
        said,
        [
            r#"0 POST /Groups {"members":[{"value":"x"}]}"#,
            r#"1 POST /Groups {"members":[{"value":"id-a"},{"value":"x"}]}"#,
            r#"0 then PATCH /Groups/id-a {"members":[{"value":"id-b"}]}"#,
        ]
    );
}

#[test]
fn a_bulk_request_has_its_form_and_its_limits() {
    for wrong in [
        json!([7]),
        json!([{ "method": "GET", "path": "/Users" }]),
        json!([{ "method": "POST", "path": "/Users", "data": {} }]),
        json!([{ "method": "DELETE" }]),
    ] {
        assert_eq!(kind(bulk(wrong.clone(), None)), ErrorKind::InvalidSyntax, "{wrong}");
    }
    let delete = json!({ "method": "DELETE", "path": "/Users/1" });
    assert_eq!(bulk(vec![delete; 11].into(), None).unwrap_err().status, 413);
    let twice = json!({ "method": "POST", "path": "/Users", "bulkId": "a" });
    assert_eq!(kind(bulk(json!([twice, twice]), None)), ErrorKind::InvalidValue);
}

#[test]
fn the_server_describes_what_it_serves() {
    let catalog = Catalog::load(&[]).unwrap();
    let schema = schema_document(catalog.schema(USER).unwrap(), "https://x/scim/v2");
    let name = &schema["attributes"][0];
    assert_eq!(name["name"], "userName");
    // What the file leaves out is said in full.
    assert_eq!((&name["type"], &name["caseExact"], &name["mutability"]), (&json!("string"), &json!(false), &json!("readWrite")));
    assert_eq!(
        resource_type_document(catalog.named("User").unwrap(), "https://x")["meta"]["location"],
        "https://x/ResourceTypes/User"
    );
    assert_eq!(service_provider_config(&LIMITS, "https://x")["pagination"]["maxPageSize"], 1000);
    let error = ScimError::taken("the login is in use").body();
    assert_eq!((&error["status"], &error["scimType"]), (&json!("409"), &json!("uniqueness")));
}
