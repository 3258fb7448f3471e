//! Reading: one resource, and lists of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entrain_model::{Kind, Millis, ObjectRef, SourceId};
use entrain_scim::{
    Condition, Direction, ErrorKind, ListRequest, Map, Meta, Named, Page, Projection, ResourceType, ScimError, Shape,
    list_response,
};
use entrain_store::{Membership, Role, SourceDirection, SourceOrder, SourceQuery, SourceTest, Versioned};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::LIMITS;
use super::answer::{Failure, Reply};
use super::call::Call;
use super::kept::{Kept, other_resource};
use super::pushdown::share;
use super::rows::{group_resource, user_resource};

/// Rows that are read at once to be judged here.
const SCANNED: usize = 500;
/// The most groups that are shown for the users of one page.
const GROUPS_SHOWN: usize = 20_000;

/// A resource without what only a second query gives.
pub(super) struct Found {
    pub(super) id: SourceId,
    pub(super) meta: Meta,
    pub(super) attributes: Map,
}

/// One resource as a reply.
pub(super) async fn read(
    call: &Call,
    resource_type: &ResourceType,
    kept: Kept,
    id: &str,
    projection: &Projection,
    status: u16,
) -> Result<Reply, Failure> {
    let shape = call.shape(resource_type);
    let found = find(call, &shape, kept, &by_id(&SourceTest::Id(id.to_owned()), 1)).await?;
    let Some(found) = found.into_iter().next() else { return Err(missing(resource_type, id).into()) };
    if status == 200 && call.seen(found.meta.version) {
        return Ok(Reply { etag: Some(found.meta.etag()), ..Reply::bare(304) });
    }
    let (location, etag) = (found.meta.location.clone(), found.meta.etag());
    let mut shown = show(call, &shape, kept, vec![found], projection).await?;
    Ok(Reply { status, document: shown.pop(), location: Some(location), etag: Some(etag), id: Some(id.to_owned()) })
}

pub(super) fn missing(resource_type: &ResourceType, id: &str) -> ScimError {
    ScimError::not_found(&format!("{} `{id}`", resource_type.name))
}

/// The first rows that pass, in the order of ids.
fn by_id(test: &SourceTest, rows: usize) -> SourceQuery<'_> {
    SourceQuery { test, order: Default::default(), after: None, skip: 0, rows }
}

async fn find(call: &Call, shape: &Shape<'_>, kept: Kept, query: &SourceQuery<'_>) -> Result<Vec<Found>, Failure> {
    let (store, catalog) = (call.store(), call.catalog());
    let found = |id: SourceId, (created, modified, version): (Millis, Millis, i64), attributes| {
        let location = call.location(shape.resource_type, id.as_str());
        Found { meta: Meta { id: id.to_string(), created, modified, version, location }, attributes, id }
    };
    Ok(match kept {
        Kept::User => {
            let users = store.find_users(query).await?.into_iter();
            users.map(|kept| found(kept.row.id.clone(), times(&kept), user_resource(catalog, shape, &kept.row))).collect()
        }
        Kept::Group => {
            let groups = store.find_groups(query).await?.into_iter();
            groups.map(|kept| found(kept.row.id.clone(), times(&kept), group_resource(catalog, shape, &kept.row))).collect()
        }
        Kept::Other => {
            let others = store.find_resources(&shape.resource_type.name, query).await?.into_iter();
            others.map(|kept| found(kept.row.id.clone(), times(&kept), other_resource(&kept.row))).collect()
        }
    })
}

fn times<R>(kept: &Versioned<R>) -> (Millis, Millis, i64) {
    (kept.created, kept.modified, kept.version)
}

/// The documents of a page, with groups and members where they are to be seen.
async fn show(
    call: &Call,
    shape: &Shape<'_>,
    kept: Kept,
    found: Vec<Found>,
    projection: &Projection,
) -> Result<Vec<Json>, Failure> {
    let mut groups = match kept {
        Kept::User if projection.shows(shape, "groups") => {
            let ids: Vec<SourceId> = found.iter().map(|found| found.id.clone()).collect();
            call.store().groups_of(&ids, GROUPS_SHOWN).await?
        }
        Kept::User | Kept::Group | Kept::Other => Default::default(),
    };
    let mut shown = Vec::with_capacity(found.len());
    for Found { id, meta, mut attributes } in found {
        if let Some(groups) = groups.remove(&id) {
            let list: Vec<Json> = groups.iter().map(|(id, name)| group_of(call, id, name)).collect();
            attributes.insert("groups".into(), list.into());
        }
        if let Some(Json::Object(manager)) =
            attributes.get_mut(entrain_scim::ENTERPRISE_USER).and_then(|part| part.get_mut("manager"))
            && let Some(id) = manager.get("value").and_then(Json::as_str)
        {
            let location = format!("{}/Users/{id}", call.base);
            manager.insert("$ref".into(), location.into());
        }
        if kept == Kept::Group && projection.shows(shape, "members") {
            let members = members(call, &id).await?;
            if !members.is_empty() {
                attributes.insert("members".into(), members.into());
            }
        }
        let mut document = entrain_scim::resource(shape, attributes, &meta);
        projection.apply(shape, &mut document);
        shown.push(Json::Object(document));
    }
    Ok(shown)
}

fn group_of(call: &Call, id: &SourceId, name: &str) -> Json {
    json!({ "value": id.as_str(), "$ref": format!("{}/Groups/{id}", call.base), "display": name, "type": "direct" })
}

/// The members of a group, page by page.
async fn members(call: &Call, group: &SourceId) -> Result<Vec<Json>, Failure> {
    let mut shown = Vec::new();
    let mut after: Option<Membership> = None;
    loop {
        let page = call.store().memberships_of(group, after.as_ref(), 1000).await?;
        let last = page.last().cloned();
        let of_members = page.iter().filter(|membership| membership.role == Role::Member);
        shown.extend(of_members.map(|membership| member(call, &membership.member)));
        match last {
            // Owners come after members.
            Some(last) if last.role == Role::Member => after = Some(last),
            Some(_) | None => return Ok(shown),
        }
    }
}

fn member(call: &Call, member: &ObjectRef) -> Json {
    let (word, endpoint) = match member.kind {
        Kind::User => ("User", "Users"),
        Kind::Group => ("Group", "Groups"),
    };
    json!({ "value": member.id.as_str(), "$ref": format!("{}/{endpoint}/{}", call.base, member.id), "type": word })
}

/// A list over one resource type, or over several.
pub(super) async fn list(call: &Call, types: &[&ResourceType], request: &ListRequest) -> Result<Reply, Failure> {
    let limit = request.count.map_or(LIMITS.page, |count| usize::try_from(count).unwrap_or(usize::MAX)).min(LIMITS.largest_page);
    let digest = digest(types, request);
    let mut place = match &request.page {
        Page::Index(skip) => Place { skip: *skip, after: None, at: 0 },
        Page::Cursor(cursor) => Place::read(cursor, &digest)?,
    };
    let (mut total, mut shown, mut next) = (0, Vec::new(), None);
    for (at, resource_type) in types.iter().enumerate() {
        let kept = Kept::of(resource_type);
        let shape = call.shape(resource_type);
        let condition = condition(call, request, &shape, types.len() > 1)?;
        let order = order(request, &shape, kept)?;
        let wanted = if at < place.at { 0 } else { limit - shown.len() };
        let shared = share(condition, kept)?;
        let after = place.after.clone().filter(|_| at == place.at);
        let window = SourceQuery { test: &shared.test, order, after, skip: place.skip, rows: wanted };
        let (of_type, found, more) = search(call, &shape, kept, shared.rest.as_ref(), &window).await?;
        total += of_type;
        if at >= place.at {
            place.skip =
                if found.is_empty() && matches!(request.page, Page::Index(_)) { place.skip.saturating_sub(of_type) } else { 0 };
        }
        if more && next.is_none() && wanted > 0 {
            let by_id = order == Default::default();
            let after = found.last().map(|found| found.id.clone()).filter(|_| by_id);
            let skip = if by_id { 0 } else { window.skip + found.len() as u64 };
            next = Some(Place { at, after, skip }.write(&digest));
        }
        shown.extend(show(call, &shape, kept, found, &request.projection).await?);
    }
    let mut list = list_response(total, &request.page, shown.len(), next);
    list.insert("Resources".into(), shown.into());
    Ok(Reply::document(Json::Object(list)))
}

fn condition<'a>(call: &Call, request: &ListRequest, shape: &Shape<'a>, several: bool) -> Result<Option<Condition<'a>>, Failure> {
    let profile = call.client.profile;
    let parse = if several { Condition::parse_for_any } else { Condition::parse };
    Ok(request.filter.as_deref().map(|text| parse(text, shape, profile)).transpose()?)
}

fn order(request: &ListRequest, shape: &Shape<'_>, kept: Kept) -> Result<(SourceOrder, SourceDirection), Failure> {
    let Some(by) = &request.sort_by else { return Ok(Default::default()) };
    let direction = match request.direction {
        Direction::Ascending => SourceDirection::Ascending,
        Direction::Descending => SourceDirection::Descending,
    };
    let path = match shape.named(by) {
        Ok(Named::Attribute(place)) => place.path(),
        Ok(Named::Extension(_)) | Err(_) => String::new(),
    };
    let order = match path.as_str() {
        "id" => SourceOrder::Id,
        "userName" if kept == Kept::User => SourceOrder::Login,
        "displayName" if kept != Kept::Other => SourceOrder::Name,
        "externalId" => SourceOrder::ExternalId,
        "meta.created" => SourceOrder::Created,
        "meta.lastModified" => SourceOrder::Modified,
        _ => {
            let named = if kept == Kept::Other { "" } else { "userName, displayName, " };
            let known = format!("id, {named}externalId, meta.created, meta.lastModified");
            return Err(
                ScimError::bad(ErrorKind::InvalidPath, format!("a list cannot be sorted by `{by}`, only by {known}")).into()
            );
        }
    };
    Ok((order, direction))
}

/// How many there are, those of the window, and whether more follow.
async fn search(
    call: &Call,
    shape: &Shape<'_>,
    kept: Kept,
    rest: Option<&Condition<'_>>,
    window: &SourceQuery<'_>,
) -> Result<(u64, Vec<Found>, bool), Failure> {
    let Some(rest) = rest else {
        let total = count(call, shape, kept, window.test).await?;
        if window.rows == 0 {
            return Ok((total, Vec::new(), false));
        }
        let wider = SourceQuery { rows: window.rows + 1, ..window.clone() };
        let mut found = find(call, shape, kept, &wider).await?;
        let more = found.len() > window.rows;
        found.truncate(window.rows);
        return Ok((total, found, more));
    };
    let (mut total, mut behind, mut taken, mut more) = (0, 0, Vec::new(), false);
    let mut part = SourceQuery { order: window.order, ..by_id(window.test, SCANNED) };
    loop {
        let page = find(call, shape, kept, &part).await?;
        let last = page.last().map(|found| found.id.clone());
        let full = page.len() == SCANNED;
        for found in page {
            let document = entrain_scim::resource(shape, found.attributes.clone(), &found.meta);
            if !rest.matches(&document) {
                continue;
            }
            total += 1;
            let before = window.after.as_ref().is_some_and(|after| found.id <= *after);
            if before || behind < window.skip {
                behind += u64::from(!before);
            } else if taken.len() < window.rows {
                taken.push(found);
            } else {
                more = true;
            }
        }
        if !full {
            return Ok((total, taken, more));
        }
        if part.order == Default::default() { part.after = last } else { part.skip += SCANNED as u64 }
    }
}

async fn count(call: &Call, shape: &Shape<'_>, kept: Kept, test: &SourceTest) -> Result<u64, Failure> {
    let store = call.store();
    Ok(match kept {
        Kept::User => store.count_found(Kind::User, test).await?,
        Kept::Group => store.count_found(Kind::Group, test).await?,
        Kept::Other => store.count_resources(&shape.resource_type.name, test).await?,
    })
}

/// Where a list goes on.
struct Place {
    /// The resource type.
    at: usize,
    after: Option<SourceId>,
    skip: u64,
}

impl Place {
    fn write(&self, digest: &str) -> String {
        let after = self.after.as_ref().map(SourceId::as_str);
        URL_SAFE_NO_PAD.encode(json!([digest, self.at, self.skip, after]).to_string())
    }

    fn read(cursor: &str, digest: &str) -> Result<Self, ScimError> {
        if cursor.is_empty() {
            return Ok(Self { at: 0, after: None, skip: 0 });
        }
        let invalid = || ScimError::bad(ErrorKind::InvalidCursor, "the cursor is not one of this query: begin with an empty one");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let (of, at, skip, after): (String, usize, u64, Option<String>) =
            serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        let plain = after.as_deref().is_none_or(|id| !id.contains('\0'));
        if of != digest || !plain {
            return Err(invalid());
        }
        Ok(Self { at, skip, after: after.map(SourceId::from) })
    }
}

/// What a cursor belongs to.
fn digest(types: &[&ResourceType], request: &ListRequest) -> String {
    let names: Vec<&str> = types.iter().map(|found| found.name.as_str()).collect();
    let what = format!("{names:?} {:?} {:?} {:?}", request.filter, request.sort_by, request.direction);
    URL_SAFE_NO_PAD.encode(&Sha256::digest(what.as_bytes())[..9])
}
