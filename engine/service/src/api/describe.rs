//! The description of the interface (OpenAPI 3.1), made from the routes themselves: a route that is not in it does not exist.

use std::collections::BTreeSet;

use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, PathItem, Ref, RefOr, Required, ResponseBuilder, SecurityRequirement,
    ServerBuilder,
};

use super::admit::{Rule, Rules};
use crate::http::access::Role;

const ABOUT: &str = "The administrative interface of Entrain. Every request needs `Authorization: Bearer` with an access key, or \
     the session of a person; each operation says which role. Lists come in pages: give `next` as `cursor`. What fails is \
     `application/problem+json` with a \
     stable `code`. A POST may carry an `Idempotency-Key`: sent again within a day, it is answered as it was and done once.";

/// What each answer that is no success may be.
const PROBLEMS: [(&str, &str); 13] = [
    ("400", "The request is wrong: a parameter, a field or a value that is not known here"),
    ("401", "No live access key"),
    ("403", "The key has not the role, or is not for this target"),
    ("404", "There is no such thing"),
    ("405", "This address does not know this method"),
    ("409", "It contradicts how things stand now"),
    ("412", "It was changed since it was read"),
    ("413", "The body is too large"),
    ("415", "The body is not JSON"),
    ("422", "It is well formed and cannot be: the detail says what to mend"),
    ("429", "Too often: wait as long as Retry-After says"),
    ("503", "The database or the target does not answer: try again later"),
    ("504", "It took too long: what it had begun may go on"),
];

/// An empty description.
pub(super) fn begin() -> OpenApi {
    let mut components = Components::new();
    components.add_security_scheme("key", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()));
    components.schemas.insert("Problem".to_owned(), problem());
    let info = InfoBuilder::new().title("Entrain").version("1").description(Some(ABOUT));
    let mut api = OpenApi::new(info.build(), utoipa::openapi::Paths::new());
    api.servers = Some(vec![ServerBuilder::new().url("/api/v1").build()]);
    api.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
    api.components = Some(components);
    api
}

/// Says of each operation which role it needs, what may go wrong, and how it may be repeated; its rules.
pub(super) fn complete(api: &mut OpenApi, role: Role) -> Rules {
    let mut rules = Rules::new();
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            let named = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
                RefOr::T(parameter) if matches!(parameter.parameter_in, ParameterIn::Query) => Some(parameter.name.clone()),
                RefOr::T(_) | RefOr::Ref(_) => None,
            });
            let parameters: BTreeSet<String> = named.collect();
            rules.insert((method.to_owned(), path.clone()), Rule { role, parameters });
            let said = operation.description.take().map_or_else(String::new, |said| format!("{said}\n\n"));
            operation.description = Some(format!("{said}Needs the role `{role}`."));
            for (status, what) in PROBLEMS {
                operation.responses.responses.entry(status.to_owned()).or_insert_with(|| answer(what));
            }
            if method == "POST" {
                repeatable(operation);
            }
        }
    }
    rules
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("GET", item.get.as_mut()),
        ("POST", item.post.as_mut()),
        ("PUT", item.put.as_mut()),
        ("PATCH", item.patch.as_mut()),
        ("DELETE", item.delete.as_mut()),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation?)))
}

fn answer(what: &str) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(what).content("application/problem+json", content).build().into()
}

fn repeatable(operation: &mut Operation) {
    let key = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(200)).pattern(Some("^[!-~]+$"));
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Sent again with the same key within a day, the request is answered as it was and done once."))
        .schema(Some(Schema::Object(key.build())));
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter.build()));
}

fn problem() -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let object = ObjectBuilder::new()
        .description(Some("What went wrong (RFC 9457)."))
        .property("type", text().description(Some("`urn:entrain:problem:` and the code")))
        .property("title", text())
        .property("status", ObjectBuilder::new().schema_type(Type::Integer))
        .property("code", text().description(Some("A stable word; docs/api.md has them all")))
        .property("detail", text().description(Some("What happened and what to do")));
    let all = ["type", "title", "status", "code", "detail"];
    RefOr::T(Schema::Object(all.into_iter().fold(object, ObjectBuilder::required).build()))
}
