//! Which filters are answered without the advanced query headers (Graph "Advanced query capabilities").

use super::evaluate::is_owners;
use super::expression::{Expression, Function, Operator};
use super::lex::invalid;
use crate::directory::{Compared, Filter, Kind, Schema};
use crate::failure::Failure;

/// Whether the request carries `ConsistencyLevel: eventual` and `$count=true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It does not.
    Plain,
    /// It does.
    Advanced,
}

const MOST_CLAUSES: usize = 15;
const MOST_HEIGHT: usize = 3;
const ENDING: &[&str] = &["mail", "otherMails", "proxyAddresses", "userPrincipalName"];

/// Checks that the filter is answered in this mode.
///
/// # Errors
/// Unknown properties, unsupported operators, too many clauses, or a missing advanced mode.
pub(crate) fn check(filter: &Expression, schema: &Schema, kind: Kind, mode: Mode) -> Result<(), Failure> {
    let gate = Gate { schema, kind, mode, subject: Subject::Object };
    gate.visit(filter)?;
    if mode == Mode::Advanced {
        return Ok(());
    }
    let clauses = widest_or(filter);
    if clauses > MOST_CLAUSES {
        let message = format!(
            "Too many child clauses specified in search filter expression containing 'OR' operators: {clauses}. Max allowed: {MOST_CLAUSES}"
        );
        return Err(Failure::unsupported_query(message));
    }
    match height(filter) {
        height if height > MOST_HEIGHT => Err(Failure::unsupported_query(format!(
            "search filter expression has excessive height: {height}. Max allowed: {MOST_HEIGHT}"
        ))),
        _ => Ok(()),
    }
}

struct Gate<'a> {
    schema: &'a Schema,
    kind: Kind,
    mode: Mode,
    subject: Subject,
}

/// What the paths of an expression begin at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Object,
    /// The element of a lambda, whose fields the schema does not list.
    Element,
}

impl Gate<'_> {
    fn visit(&self, filter: &Expression) -> Result<(), Failure> {
        match filter {
            Expression::And(parts) | Expression::Or(parts) => parts.iter().try_for_each(|part| self.visit(part)),
            Expression::Not(part) => self.visit(part).and_then(|()| self.advanced(|| unsupported_operator("not"))),
            Expression::Compare(path, operator, _) => {
                self.property(path)?;
                self.order(path, *operator)?;
                let ne = *operator == Operator::NotEqual;
                if ne { self.advanced(|| unsupported_operator("ne")) } else { Ok(()) }
            }
            Expression::In(path, _) => self.property(path),
            Expression::Text(function, path, _) => self.property(path).and_then(|()| self.function(*function, path)),
            Expression::Any(path, body) => {
                self.property(path)?;
                let element = Gate { subject: Subject::Element, ..*self };
                body.as_ref().map_or(Ok(()), |body| element.visit(body))
            }
        }
    }

    fn function(&self, function: Function, path: &[String]) -> Result<(), Failure> {
        match function {
            Function::StartsWith => self.comparable(path, Compared::AsText),
            Function::EndsWith if self.mode == Mode::Plain => Err(unsupported_operator("endsWith")),
            Function::EndsWith => self.ends(path),
            Function::Contains => Err(self.unsupported(path.first().map_or("", String::as_str))),
        }
    }

    /// Nothing is strictly above or below, and not everything has an order.
    fn order(&self, path: &[String], operator: Operator) -> Result<(), Failure> {
        // The number of items has one of its own.
        let counted = path.last().is_some_and(|last| last.eq_ignore_ascii_case("$count"));
        match operator {
            Operator::Equal | Operator::NotEqual => Ok(()),
            _ if counted => Ok(()),
            Operator::Greater | Operator::Less => Err(self.unsupported(path.first().map_or("", String::as_str))),
            Operator::GreaterOrEqual | Operator::LessOrEqual => self.comparable(path, Compared::InOrder),
        }
    }

    fn comparable(&self, path: &[String], as_what: Compared) -> Result<(), Failure> {
        let (Subject::Object, Some(first)) = (self.subject, path.first()) else { return Ok(()) };
        let compared = self.schema.find(self.kind, first).map_or(Compared::AsText, |(_, property)| property.compared);
        let fits = match as_what {
            Compared::Exactly => true,
            Compared::InOrder => compared != Compared::Exactly,
            Compared::AsText => compared == Compared::AsText,
        };
        if fits { Ok(()) } else { Err(self.unsupported(first)) }
    }

    /// Only addresses can be compared from their end.
    fn ends(&self, path: &[String]) -> Result<(), Failure> {
        let (Subject::Object, Some(first)) = (self.subject, path.first()) else { return Ok(()) };
        let known = ENDING.iter().any(|name| name.eq_ignore_ascii_case(first));
        if known { Ok(()) } else { Err(self.unsupported(first)) }
    }

    fn advanced(&self, failure: impl Fn() -> Failure) -> Result<(), Failure> {
        if self.mode == Mode::Advanced { Ok(()) } else { Err(failure()) }
    }

    fn property(&self, path: &[String]) -> Result<(), Failure> {
        let (Subject::Object, Some(first)) = (self.subject, path.first()) else { return Ok(()) };
        let counted = path.last().is_some_and(|last| last.eq_ignore_ascii_case("$count"));
        let owned = matches!(self.kind, Kind::Group | Kind::Application | Kind::ServicePrincipal);
        if owned && counted && path.len() == 2 && is_owners(first) {
            return self.advanced(|| self.unsupported(first));
        }
        let Some((_, property)) = self.schema.find(self.kind, first) else {
            let kind = self.kind.odata_type().trim_start_matches('#');
            return Err(invalid(&format!("Could not find a property named '{first}' on type '{kind}'.")));
        };
        match property.filter {
            Filter::Plain if counted => self.advanced(|| self.unsupported(first)),
            Filter::Plain => Ok(()),
            Filter::Advanced => self.advanced(|| self.unsupported(first)),
            Filter::Refused => Err(self.unsupported(first)),
        }
    }

    fn unsupported(&self, property: &str) -> Failure {
        let resource = self.kind.resource();
        Failure::unsupported_query(format!(
            "Unsupported or invalid query filter clause specified for property '{property}' of resource '{resource}'."
        ))
    }
}

fn unsupported_operator(operator: &str) -> Failure {
    Failure::unsupported_query(format!(
        "Operator '{operator}' is not supported because the required parameters might be missing. Try adding $count=true query \
         parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information"
    ))
}

fn children(filter: &Expression) -> &[Expression] {
    match filter {
        Expression::And(parts) | Expression::Or(parts) => parts,
        Expression::Not(part) => std::slice::from_ref(part),
        Expression::Compare(..) | Expression::In(..) | Expression::Text(..) | Expression::Any(..) => &[],
    }
}

fn widest_or(filter: &Expression) -> usize {
    let own = match filter {
        Expression::Or(parts) => parts.iter().map(clauses).sum(),
        Expression::In(_, literals) => literals.len(),
        Expression::And(_) | Expression::Not(_) | Expression::Compare(..) | Expression::Text(..) | Expression::Any(..) => 1,
    };
    children(filter).iter().map(widest_or).fold(own, usize::max)
}

fn clauses(filter: &Expression) -> usize {
    match filter {
        Expression::Or(parts) => parts.iter().map(clauses).sum(),
        Expression::In(_, literals) => literals.len(),
        Expression::And(_) | Expression::Not(_) | Expression::Compare(..) | Expression::Text(..) | Expression::Any(..) => 1,
    }
}

fn height(filter: &Expression) -> usize {
    1 + children(filter).iter().map(height).max().unwrap_or(0)
}
