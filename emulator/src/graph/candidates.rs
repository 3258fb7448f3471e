//! Which objects a filter can match at all, found in the index.

use crate::directory::{INDEXED, Kind, Name, Row, View};
use crate::odata::{Expression, Literal, Operator};

/// The objects that may pass the filter, in order; `None` when the index cannot tell.
pub(crate) fn candidates(tenant: &View<'_>, filter: &Expression) -> Option<Vec<Row>> {
    let mut rows = find(tenant, filter)?;
    rows.sort_unstable();
    rows.dedup();
    Some(rows)
}

fn find(tenant: &View<'_>, filter: &Expression) -> Option<Vec<Row>> {
    match filter {
        Expression::And(parts) => parts.iter().find_map(|part| find(tenant, part)),
        Expression::Or(parts) => parts.iter().map(|part| find(tenant, part)).collect::<Option<Vec<_>>>().map(|all| all.concat()),
        Expression::Compare(path, Operator::Equal, literal) => holders(tenant, path, literal),
        Expression::In(path, literals) => {
            let each = literals.iter().map(|literal| holders(tenant, path, literal));
            each.collect::<Option<Vec<_>>>().map(|all| all.concat())
        }
        Expression::Any(path, Some(body)) => {
            let Expression::Compare(element, Operator::Equal, literal) = &**body else { return None };
            if element.is_empty() { holders(tenant, path, literal) } else { None }
        }
        Expression::Not(_) | Expression::Compare(..) | Expression::Text(..) | Expression::Any(_, None) => None,
    }
}

fn holders(tenant: &View<'_>, path: &[String], literal: &Literal) -> Option<Vec<Row>> {
    let ([property], Literal::Text(text)) = (path, literal) else { return None };
    let (name, _) = tenant.schema.find_in(&Kind::ALL, property)?;
    if name == Name::ID {
        return Some(text.parse().ok().and_then(|id| tenant.find(id)).into_iter().collect());
    }
    INDEXED.contains(&name).then(|| tenant.holders_of_any(name, text).collect())
}
