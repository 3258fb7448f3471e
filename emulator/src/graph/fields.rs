//! What `$select` and `$expand` ask for, and how objects are written.

use crate::clock::rfc3339;
use crate::directory::{Kind, Life, Name, Object, Relation, Row, Shape, Tenant, Value, View, Way, Write, write_text};
use crate::failure::Failure;
use crate::odata::Query;

/// The most objects that `$expand` returns.
const MOST_EXPANDED: usize = 20;

/// The properties to write for each kind of object.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    selected: [Vec<Name>; Kind::ALL.len()],
    expanded: Vec<Expansion>,
}

#[derive(Clone, Debug)]
struct Expansion {
    name: &'static str,
    relation: Relation,
    way: Way,
    fields: Box<Fields>,
}

/// Which kinds a list can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Only this kind.
    Only(Kind),
    /// Anything: items carry their type.
    Any,
}

impl Holds {
    /// The kinds.
    pub(crate) fn kinds(self) -> &'static [Kind] {
        match self {
            Holds::Only(kind) => &Kind::ALL[kind as usize..=kind as usize],
            Holds::Any => &Kind::ALL,
        }
    }

    /// Whether an object may be in the list.
    pub(crate) fn admits(self, object: &Object) -> bool {
        self.kinds().contains(&object.kind)
    }
}

impl Fields {
    /// Everything returned by default.
    pub(crate) fn shown(tenant: &Tenant) -> Fields {
        Fields { selected: Kind::ALL.map(|kind| tenant.schema.shown(kind).to_vec()), expanded: Vec::new() }
    }

    /// What a request selects and expands.
    ///
    /// # Errors
    /// 400 for a name that no kind in question has.
    pub(crate) fn of(tenant: &Tenant, holds: Holds, query: &Query) -> Result<Fields, Failure> {
        let mut fields = Fields::selected(tenant, holds, query.select().as_deref())?;
        if let Some(expand) = query.option("expand") {
            fields.expanded = expansions(tenant, holds, expand)?;
        }
        Ok(fields)
    }

    fn selected(tenant: &Tenant, holds: Holds, select: Option<&[&str]>) -> Result<Fields, Failure> {
        let mut fields = Fields::shown(tenant);
        let Some(select) = select else { return Ok(fields) };
        fields.selected = Kind::ALL.map(|_| Vec::new());
        for text in select {
            let mut known = Relation::named(text).is_some();
            for kind in holds.kinds() {
                let found = tenant.schema.find(*kind, text);
                known |= found.is_some();
                fields.selected[*kind as usize].extend(found.map(|(name, _)| name));
            }
            if !known {
                return Err(unknown(holds, text));
            }
        }
        Ok(fields)
    }

    /// The properties written for a kind.
    pub(crate) fn names(&self, kind: Kind) -> &[Name] {
        &self.selected[kind as usize]
    }
}

fn unknown(holds: Holds, text: &str) -> Failure {
    let of = match holds {
        Holds::Only(kind) => kind.odata_type().trim_start_matches('#'),
        Holds::Any => "microsoft.graph.directoryObject",
    };
    Failure::new(
        400,
        "BadRequest",
        format!("Parsing OData Select and Expand failed: Could not find a property named '{text}' on type '{of}'."),
    )
}

fn expansions(tenant: &Tenant, holds: Holds, text: &str) -> Result<Vec<Expansion>, Failure> {
    let mut depth = 0;
    let outer_comma = |letter: char| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ',' && depth == 0
    };
    text.split(outer_comma).map(|part| expansion(tenant, holds, part)).collect()
}

/// What can be expanded, over which relation, and of which kinds.
const EXPANDED: &[(&str, Relation, Way, &[Kind])] = &[
    ("manager", Relation::Manager, Way::Forward, &[Kind::User]),
    ("directReports", Relation::Manager, Way::Backward, &[Kind::User]),
    ("members", Relation::Member, Way::Forward, &[Kind::Group]),
    (
        "memberOf",
        Relation::Member,
        Way::Backward,
        &[Kind::User, Kind::Group, Kind::ServicePrincipal, Kind::Device, Kind::Contact],
    ),
    ("owners", Relation::Owner, Way::Forward, &[Kind::Group, Kind::Application, Kind::ServicePrincipal]),
    ("ownedObjects", Relation::Owner, Way::Backward, &[Kind::User, Kind::ServicePrincipal]),
];

/// `manager` or `manager($select=id,displayName)`.
fn expansion(tenant: &Tenant, holds: Holds, text: &str) -> Result<Expansion, Failure> {
    let (name, inner) = text.trim_end_matches(')').split_once('(').unwrap_or((text, ""));
    let known =
        EXPANDED.iter().find(|(known, _, _, of)| *known == name.trim() && of.iter().any(|kind| holds == Holds::Only(*kind)));
    let (name, relation, way, _) =
        *known.ok_or_else(|| Failure::new(400, "ExpandNotSupported", format!("Expand of '{name}' is not supported.")))?;
    let select = inner.strip_prefix("$select=").or_else(|| inner.strip_prefix("select="));
    // One level and no options of its own but the properties.
    if select.is_none() && !inner.is_empty() || inner.contains(';') {
        return Err(Failure::new(400, "ExpandNotSupported", format!("Expand of '{text}' is not supported.")));
    }
    let select: Option<Vec<&str>> = select.map(|names| names.split(',').collect());
    Ok(Expansion { name, relation, way, fields: Box::new(Fields::selected(tenant, Holds::Any, select.as_deref())?) })
}

/// What is written before an object's properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preamble<'a> {
    /// Nothing.
    None,
    /// The type, for an item of a list of several kinds.
    Type,
    /// The context (and the tip that Graph adds when nothing was selected).
    Context(&'a str, Option<&'a str>),
    /// The context and the type, for one object that could have been of another kind.
    Entity(&'a str),
}

/// Writes an object with its selected properties; unset ones are `null` or empty.
pub(crate) fn write_object(out: &mut Vec<u8>, tenant: &View<'_>, row: Row, fields: &Fields, preamble: Preamble<'_>) {
    let object = tenant.object(row);
    let mut map = Members::open(out);
    match preamble {
        Preamble::None => {}
        Preamble::Type => map.text("@odata.type", object.kind.odata_type()),
        Preamble::Entity(context) => {
            map.text("@odata.context", context);
            map.text("@odata.type", object.kind.odata_type());
        }
        Preamble::Context(context, tip) => {
            map.text("@odata.context", context);
            if let Some(tip) = tip {
                map.text("@microsoft.graph.tips", tip);
            }
        }
    }
    for name in fields.names(object.kind) {
        map.name(tenant.schema.spell(*name));
        write_value(map.out, tenant, object, *name);
    }
    for expansion in &fields.expanded {
        write_expansion(&mut map, tenant, row, expansion);
    }
    map.close();
}

fn write_expansion(map: &mut Members<'_>, tenant: &View<'_>, row: Row, expansion: &Expansion) {
    let live = |row: &Row| tenant.object(*row).is_live();
    let links = tenant.links();
    let rows: Vec<Row> = match expansion.way {
        Way::Forward => links.targets(expansion.relation, row, None).filter(live).take(MOST_EXPANDED).collect(),
        Way::Backward => links.sources(expansion.relation, row, None).filter(live).take(MOST_EXPANDED).collect(),
    };
    if expansion.name == "manager" {
        if let Some(manager) = rows.first() {
            map.name("manager");
            write_object(map.out, tenant, *manager, &expansion.fields, Preamble::Type);
        }
        return;
    }
    map.name(expansion.name);
    write_list(map.out, rows, |out, row| write_object(out, tenant, row, &expansion.fields, Preamble::Type));
}

/// Writes a JSON array.
pub(crate) fn write_list<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Writes one property of an object, as a read returns it.
pub(crate) fn write_value(out: &mut Vec<u8>, tenant: &Tenant, object: &Object, name: Name) {
    match (name, object.life) {
        (Name::ID, _) => return write_text(out, &object.id.to_string()),
        (Name::DELETED, Life::Recycled(at)) => return write_text(out, &rfc3339(at)),
        _ => {}
    }
    match object.value(name) {
        Some(value) => value.write(out),
        None => out.extend_from_slice(unset(tenant, object.kind, name)),
    }
}

fn unset(tenant: &Tenant, kind: Kind, name: Name) -> &'static [u8] {
    let Some(property) = tenant.schema.property(kind, name) else { return b"null" };
    match property.shape {
        Shape::Texts(..) | Shape::Several(_) => b"[]",
        Shape::Json if property.write == Write::Never && property.name.ends_with('s') => b"[]",
        Shape::Merged(..) => NO_EXTENSION_ATTRIBUTES,
        Shape::Json
        | Shape::Text(_)
        | Shape::Flag
        | Shape::Number
        | Shape::Large
        | Shape::Binary(_)
        | Shape::Moment
        | Shape::Replaced(..) => b"null",
    }
}

const NO_EXTENSION_ATTRIBUTES: &[u8] = br#"{"extensionAttribute1":null,"extensionAttribute2":null,"extensionAttribute3":null,"extensionAttribute4":null,"extensionAttribute5":null,"extensionAttribute6":null,"extensionAttribute7":null,"extensionAttribute8":null,"extensionAttribute9":null,"extensionAttribute10":null,"extensionAttribute11":null,"extensionAttribute12":null,"extensionAttribute13":null,"extensionAttribute14":null,"extensionAttribute15":null}"#;

/// Writes the members of a JSON object one after the other.
pub(crate) struct Members<'a> {
    /// Where to.
    pub(crate) out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Members<'a> {
    /// Begins an object.
    pub(crate) fn open(out: &'a mut Vec<u8>) -> Members<'a> {
        out.push(b'{');
        Members { out, first: true }
    }

    /// Writes a name; the value follows.
    pub(crate) fn name(&mut self, name: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        write_text(self.out, name);
        self.out.push(b':');
    }

    /// Writes a name and a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        write_text(self.out, text);
    }

    /// Writes a name and a number.
    pub(crate) fn number(&mut self, name: &str, number: usize) {
        self.name(name);
        Value::Number(i64::try_from(number).unwrap_or(i64::MAX)).write(self.out);
    }

    /// Ends the object.
    pub(crate) fn close(self) {
        self.out.push(b'}');
    }
}
