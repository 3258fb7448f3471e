//! What a request costs (Graph "Identity and access service limits").

use super::Request;
use crate::conditions::BindCost;
use crate::odata::{Part, parts};
use crate::throttle::Cost;
use axum::http::Method;
use serde_json::Value as Json;

/// The cost of a request whose path is below the version.
pub(crate) fn of(request: &Request<'_>, binds: BindCost, audience: impl Fn(&Part) -> Option<String>) -> Cost {
    let parts = parts(request.path);
    let words: Vec<String> = parts.iter().map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let options = Options::of(request.query);
    let reports = u32::from(words.first() == Some(&"users") && options.reports);
    let (units, writes) = match (request.method, words.as_slice()) {
        (&Method::GET, words) => (options.modified(read(words)), 0),
        (&Method::POST, words) => match action(words, &options) {
            Some(units) => (units, 0),
            None => (1, bound(request.body, binds)),
        },
        (&Method::PATCH, _) => (1, bound(request.body, binds)),
        _ => (1, 1),
    };
    let application = writes > 0 && words.first() == Some(&"applications");
    let personal = application && is_personal(request.body, parts.get(1).and_then(audience));
    // Values of directory extensions are properties like others.
    let extensions = u32::from(words.contains(&"extensions") || writes > 0 && mentions(request.body, b"\"extensions\""));
    let (applications, personal) = (u32::from(application && !personal), u32::from(personal));
    Cost { units, writes, reports, applications, personal, extensions }
}

fn mentions(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|bytes| bytes == text)
}

/// Whether personal accounts may use an application: the one that is there, or the one that a body describes; that is the default.
fn is_personal(body: &[u8], known: Option<String>) -> bool {
    let given = || {
        let body: Json = serde_json::from_slice(body).unwrap_or_default();
        body.get("signInAudience").and_then(Json::as_str).map(str::to_owned)
    };
    known.or_else(given).is_none_or(|audience| audience.contains("Personal"))
}

/// The query options that change a cost.
#[derive(Default)]
struct Options {
    select: bool,
    expand: bool,
    small: bool,
    reports: bool,
}

impl Options {
    fn of(query: &str) -> Options {
        let mut options = Options::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let name = name.trim_start_matches("%24").trim_start_matches('$').to_ascii_lowercase();
            match name.as_str() {
                "select" => {
                    options.select = true;
                    options.reports = value.to_ascii_lowercase().contains("signinactivity");
                }
                "expand" => options.expand = true,
                "top" => options.small = value.parse::<u32>().is_ok_and(|top| top < 20),
                _ => {}
            }
        }
        options
    }

    fn modified(&self, base: u32) -> u32 {
        (base + u32::from(self.expand)).saturating_sub(u32::from(self.select) + u32::from(self.small)).max(1)
    }
}

fn read(words: &[&str]) -> u32 {
    match words {
        ["groups", _, "transitivemembers", ..] => 5,
        ["domains", _, "domainnamereferences"] => 4,
        ["groups", _, "members", ..] | ["contracts" | "subscribedskus"] => 3,
        ["users" | "applications" | "oauth2permissiongrants"]
        | ["oauth2permissiongrants", _]
        | ["applications", _, "extensionproperties"]
        | ["serviceprincipals", _, "approleassignments"]
        | ["users", _, "licensedetails" | "memberof" | "ownedobjects" | "transitivememberof", ..] => 2,
        _ => 1,
    }
}

/// The units of an action that only reads.
fn action(words: &[&str], options: &Options) -> Option<u32> {
    match words.last().copied() {
        Some("getbyids") => Some(if options.select { 2 } else { 5 }),
        Some("ismemberof" | "checkmembergroups" | "checkmemberobjects") => Some(4),
        Some("getmembergroups" | "getmemberobjects") => Some(2),
        _ => None,
    }
}

/// The writes of a request that may bind references in its body.
fn bound(body: &[u8], cost: BindCost) -> u32 {
    if cost == BindCost::One || !mentions(body, b"s@odata.bind") {
        return 1;
    }
    let body: Json = serde_json::from_slice(body).unwrap_or_default();
    let of = |name: &str| body.get(name).and_then(Json::as_array).map_or(0, Vec::len);
    let references = of("members@odata.bind") + of("owners@odata.bind");
    u32::try_from(references.div_ceil(3)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;

    fn cost(method: &str, target: &str, body: &str) -> (u32, u32) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let method = method.parse().unwrap();
        let headers = HeaderMap::new();
        let request = Request { method: &method, path, query, headers: &headers, body: body.as_bytes() };
        let cost = of(&request, BindCost::Third, |_| None);
        (cost.units, cost.writes)
    }

    #[test]
    fn the_table() {
        for (target, units) in [
            ("users", 2),
            ("users?$select=id", 1),
            ("users?%24select=id&$top=5", 1),
            ("users?$expand=manager", 3),
            ("users/1", 1),
            ("users/1?$expand=manager", 2),
            ("users('a@b')/memberOf", 2),
            ("users/delta", 1),
            ("groups", 1),
            ("groups/1/members", 3),
            ("groups/1/members?$top=19&$select=id", 1),
            ("groups/1/members?$top=20&$select=id", 2),
            ("groups(uniqueName='x')/transitiveMembers", 5),
            ("subscribedSkus", 3),
        ] {
            assert_eq!(cost("GET", target, ""), (units, 0), "{target}");
        }
        for (target, units) in [
            ("directoryObjects/getByIds", 5),
            ("directoryObjects/getByIds?$select=id", 2),
            ("users/1/checkMemberGroups", 4),
            ("groups/1/getMemberObjects", 2),
        ] {
            assert_eq!(cost("POST", target, "{}"), (units, 0), "{target}");
        }
    }

    #[test]
    fn writes() {
        for (method, target) in [
            ("POST", "users"),
            ("PATCH", "users/1"),
            ("DELETE", "users/1"),
            ("PUT", "users/1/manager/$ref"),
            ("POST", "groups/1/members/$ref"),
        ] {
            assert_eq!(cost(method, target, "{}"), (1, 1), "{method} {target}");
        }
        let bind = |members: usize, owners: usize| {
            serde_json::json!({ "members@odata.bind": vec!["x"; members], "owners@odata.bind": vec!["x"; owners] }).to_string()
        };
        assert_eq!(cost("PATCH", "groups/1", &bind(20, 0)), (1, 7));
        assert_eq!(cost("PATCH", "groups/1", &bind(18, 0)), (1, 6));
        assert_eq!(cost("POST", "groups", &bind(2, 2)), (1, 2));
        assert_eq!(cost("POST", "groups", &bind(0, 1)), (1, 1));
    }
}
