//! What a delta round looks at: properties and relations by number.

use super::token::Tracked;
use crate::directory::{Kind, Name, Relation, Row, Tenant, What, Write};
use crate::failure::Failure;
use crate::odata::{Expression, Literal, Operator, Query, filter};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The most ids of users or groups that `$filter` may name.
const MOST_IDS: usize = 50;

/// The selected properties and relations.
#[derive(Clone, Debug)]
pub(crate) struct Tracking {
    /// Properties, told whole whenever one of them changes.
    pub(crate) names: Vec<Name>,
    /// Relations, told as changes.
    pub(crate) relations: Vec<Relation>,
    only: Option<BTreeSet<Row>>,
}

impl Tracking {
    /// Resolves what a token tracks.
    ///
    /// # Errors
    /// 400 for an unknown name; 501 for a property that is kept outside the directory.
    pub(crate) fn of(tenant: &Tenant, kind: Kind, tracked: &Tracked) -> Result<Tracking, Failure> {
        let find = |id: &String| id.parse().ok().and_then(|id| tenant.find(id));
        let only = (!tracked.ids.is_empty()).then(|| tracked.ids.iter().filter_map(find).collect());
        let Some(select) = &tracked.select else {
            let relations = if kind == Kind::Group { vec![Relation::Member] } else { Vec::new() };
            return Ok(Tracking { names: tenant.schema.shown(kind).to_vec(), relations, only });
        };
        let mut tracking = Tracking { names: vec![Name::ID], relations: Vec::new(), only };
        for text in select {
            tracking.add(tenant, kind, text)?;
        }
        tracking.relations.sort_unstable();
        Ok(tracking)
    }

    fn add(&mut self, tenant: &Tenant, kind: Kind, text: &str) -> Result<(), Failure> {
        let relation = Relation::named(text).filter(|relation| match relation {
            Relation::Manager => kind == Kind::User,
            Relation::Member => kind == Kind::Group,
            Relation::Owner => kind != Kind::User,
        });
        if let Some(relation) = relation {
            self.relations.push(relation);
            return Ok(());
        }
        let (name, property) = tenant.schema.find(kind, text).ok_or_else(|| {
            let message =
                format!("Could not find a property named '{text}' on type 'microsoft.graph.{}'.", kind.resource().to_lowercase());
            Failure::new(400, "BadRequest", format!("Parsing OData Select and Expand failed: {message}"))
        })?;
        if property.write == Write::Elsewhere {
            return Err(Failure::new(501, "NotImplemented", "This operation target is not yet supported."));
        }
        if !self.names.contains(&name) {
            self.names.push(name);
        }
        Ok(())
    }

    /// Whether the object is tracked.
    pub(crate) fn has(&self, row: Row) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&row))
    }

    /// Whether a change is to be told.
    pub(crate) fn sees(&self, what: What) -> bool {
        match what {
            What::Created | What::Recycled | What::Restored | What::Purged => true,
            What::Property(name) => self.names.contains(&name),
            What::Link(relation, _) => self.relations.contains(&relation),
        }
    }
}

/// What the first request of a round asks to track.
///
/// # Errors
/// Query options that delta queries do not have.
pub(crate) fn tracked(query: &Query, kind: Kind) -> Result<Tracked, Failure> {
    for option in ["top", "orderby", "expand", "search"] {
        if query.option(option).is_some() {
            return Err(Failure::unsupported_query(format!("The query option '${option}' is not supported by a delta query.")));
        }
    }
    let ids = query.option("filter").map(|text| filter(text).and_then(|filter| ids(&filter))).transpose()?.unwrap_or_default();
    if ids.len() > MOST_IDS && matches!(kind, Kind::User | Kind::Group) {
        return Err(Failure::unsupported_query("A delta query can filter by at most 50 ids."));
    }
    let select = query.select().map(|names| names.into_iter().map(str::to_owned).collect());
    Ok(Tracked { select, ids })
}

fn ids(filter: &Expression) -> Result<Vec<String>, Failure> {
    let unsupported = || Failure::unsupported_query("A delta query can only filter by id.");
    match filter {
        Expression::Or(parts) => parts.iter().map(ids).collect::<Result<Vec<_>, _>>().map(|all| all.concat()),
        Expression::Compare(path, Operator::Equal, Literal::Text(id)) if path == &["id"] => {
            id.parse::<Uuid>().map(|id| vec![id.to_string()]).map_err(|_| unsupported())
        }
        Expression::And(_)
        | Expression::Not(_)
        | Expression::Compare(..)
        | Expression::In(..)
        | Expression::Text(..)
        | Expression::Any(..) => Err(unsupported()),
    }
}
