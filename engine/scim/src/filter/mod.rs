//! Filters (RFC 7644 section 3.4.2.2): parsed, resolved against the schemas, and judged on JSON.

mod matches;

use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};

use crate::date::date_of;
use crate::schema::{Attribute, Sort};
use crate::value::folded;
use crate::{ErrorKind, Place, Profile, Result, ScimError, Shape};

/// The longest filter, in bytes.
const LENGTH: usize = 16 * 1024;

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Less.
    Lt,
    /// Greater or equal.
    Ge,
    /// Less or equal.
    Le,
}

/// What an attribute is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// A text; folded where capital letters make no difference.
    Text(String),
    /// A truth.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A point in time.
    Date(i64),
    /// No value.
    Null,
}

/// A filter whose attributes are known to exist, and to be comparable so.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition<'a> {
    /// The attribute has a value.
    Present(Place<'a>),
    /// One of its values compares so.
    Compare(Place<'a>, Operator, Constant),
    /// One of its elements fulfils all of this; places inside are parts of the element.
    Element(Place<'a>, Box<Condition<'a>>),
    /// It is not so.
    Not(Box<Condition<'a>>),
    /// All of these.
    All(Vec<Condition<'a>>),
    /// One of these.
    Any(Vec<Condition<'a>>),
}

impl<'a> Condition<'a> {
    /// Reads a filter for a resource type.
    ///
    /// # Errors
    /// It is no filter, names an attribute that the type does not have, or compares what cannot be compared.
    pub fn parse(text: &str, shape: &Shape<'a>, profile: Profile) -> Result<Self> {
        let reader = Reader { shape, profile, unknown_is_absent: false };
        reader.filter(&parsed(text)?)
    }

    /// Reads a filter for several resource types: what this type does not know is a value that is not set.
    ///
    /// # Errors
    /// As `parse`, but for unknown attributes.
    pub fn parse_for_any(text: &str, shape: &Shape<'a>, profile: Profile) -> Result<Self> {
        let reader = Reader { shape, profile, unknown_is_absent: true };
        reader.filter(&parsed(text)?)
    }

    /// The condition of the element of a path, `emails[type eq "work"]`.
    pub(crate) fn of_element(filter: &ValFilter, attribute: &'a Attribute, shape: &Shape<'a>, profile: Profile) -> Result<Self> {
        let reader = Reader { shape, profile, unknown_is_absent: false };
        reader.element(filter, attribute)
    }
}

fn parsed(text: &str) -> Result<Filter> {
    if text.len() > LENGTH {
        return Err(ScimError::bad(ErrorKind::InvalidFilter, format!("the filter has more than {LENGTH} bytes")));
    }
    if text.contains('\0') || text.contains("\\u0000") {
        return Err(ScimError::bad(ErrorKind::InvalidFilter, "the filter has the character U+0000 in it"));
    }
    text.parse().map_err(|error| ScimError::bad(ErrorKind::InvalidFilter, format!("the filter cannot be read: {error}")))
}

struct Reader<'r, 'a> {
    shape: &'r Shape<'a>,
    profile: Profile,
    unknown_is_absent: bool,
}

impl<'a> Reader<'_, 'a> {
    fn filter(&self, filter: &Filter) -> Result<Condition<'a>> {
        Ok(match filter {
            Filter::Attr(expression) => match self.known(path_of(expression))? {
                Some(place) => self.expression(place, expression)?,
                None => absent(expression),
            },
            Filter::ValuePath(path) => match self.known(&path.attr)? {
                Some(place) => Condition::Element(place, Box::new(self.element(&path.filter, place.meant())?)),
                None => Condition::Any(Vec::new()),
            },
            Filter::Not(inner) => Condition::Not(Box::new(self.filter(inner)?)),
            Filter::And(all) => Condition::All(all.iter().map(|filter| self.filter(filter)).collect::<Result<_>>()?),
            Filter::Or(any) => Condition::Any(any.iter().map(|filter| self.filter(filter)).collect::<Result<_>>()?),
        })
    }

    fn known(&self, path: &AttrPath) -> Result<Option<Place<'a>>> {
        match self.shape.attribute(path) {
            Ok(place) => Ok(Some(place)),
            Err(_) if self.unknown_is_absent => Ok(None),
            Err(error) => Err(ScimError::bad(ErrorKind::InvalidFilter, error.detail)),
        }
    }

    fn element(&self, filter: &ValFilter, attribute: &'a Attribute) -> Result<Condition<'a>> {
        Ok(match filter {
            ValFilter::Attr(expression) => {
                let path = path_of(expression);
                let sub = if path.uri.is_none() && path.sub_attr.is_none() { attribute.sub(&path.name) } else { None };
                let unknown = || ScimError::bad(ErrorKind::InvalidFilter, format!("`{}` has no part `{path}`", attribute.name));
                let place = Place { extension: None, attribute: sub.ok_or_else(unknown)?, sub: None };
                self.expression(place, expression)?
            }
            ValFilter::Not(inner) => Condition::Not(Box::new(self.element(inner, attribute)?)),
            ValFilter::And(all) => {
                Condition::All(all.iter().map(|filter| self.element(filter, attribute)).collect::<Result<_>>()?)
            }
            ValFilter::Or(any) => {
                Condition::Any(any.iter().map(|filter| self.element(filter, attribute)).collect::<Result<_>>()?)
            }
        })
    }

    fn expression(&self, place: Place<'a>, expression: &AttrExp) -> Result<Condition<'a>> {
        let (operator, value) = match expression {
            AttrExp::Present(_) => return Ok(Condition::Present(place)),
            AttrExp::Comparison(_, operator, value) => (Operator::from(operator), value),
        };
        let place = compared(place)?;
        let constant = self.constant(place.meant(), operator, value)?;
        Ok(Condition::Compare(place, operator, constant))
    }

    fn constant(&self, attribute: &Attribute, operator: Operator, value: &CompValue) -> Result<Constant> {
        let equality = matches!(operator, Operator::Eq | Operator::Ne);
        let part = matches!(operator, Operator::Co | Operator::Sw | Operator::Ew);
        let lenient = self.profile.reads_values_as_texts();
        Ok(match (attribute.sort, value) {
            (_, CompValue::Null) if equality => Constant::Null,
            (Sort::Boolean, CompValue::True) if equality => Constant::Flag(true),
            (Sort::Boolean, CompValue::False) if equality => Constant::Flag(false),
            (Sort::Boolean, CompValue::Str(text)) if equality && lenient && text.eq_ignore_ascii_case("true") => {
                Constant::Flag(true)
            }
            (Sort::Boolean, CompValue::Str(text)) if equality && lenient && text.eq_ignore_ascii_case("false") => {
                Constant::Flag(false)
            }
            (Sort::Integer | Sort::Decimal, CompValue::Number(number)) if !part => {
                Constant::Number(number.as_f64().unwrap_or(f64::NAN))
            }
            (Sort::DateTime, CompValue::Str(text)) if !part => match date_of(text) {
                Some(millis) => Constant::Date(millis),
                None => return Err(incomparable(attribute, "a date like 2011-05-13T04:42:34Z")),
            },
            (Sort::Binary, CompValue::Str(text)) if equality => Constant::Text(text.clone()),
            (Sort::String | Sort::Reference | Sort::DateTime, CompValue::Str(text)) => {
                Constant::Text(if attribute.case_exact { text.clone() } else { folded(text) })
            }
            (Sort::String | Sort::Reference, CompValue::Number(number)) if lenient => Constant::Text(number.to_string()),
            (Sort::Boolean, _) => return Err(incomparable(attribute, "true or false, by `eq` or `ne`")),
            (Sort::Integer | Sort::Decimal, _) => return Err(incomparable(attribute, "a number, as a whole")),
            (Sort::Binary, _) => return Err(incomparable(attribute, "a text, by `eq` or `ne`")),
            (Sort::String | Sort::Reference | Sort::DateTime | Sort::Complex, _) => {
                return Err(incomparable(attribute, "a text in quotation marks"));
            }
        })
    }
}

fn path_of(expression: &AttrExp) -> &AttrPath {
    match expression {
        AttrExp::Present(path) | AttrExp::Comparison(path, _, _) => path,
    }
}

/// The truth about a value that cannot be set.
fn absent<'a>(expression: &AttrExp) -> Condition<'a> {
    match expression {
        AttrExp::Comparison(_, CompareOp::Ne, value) if *value != CompValue::Null => Condition::All(Vec::new()),
        AttrExp::Comparison(_, CompareOp::Eq, CompValue::Null) => Condition::All(Vec::new()),
        AttrExp::Present(_) | AttrExp::Comparison(..) => Condition::Any(Vec::new()),
    }
}

/// A complex attribute is compared by its `value`.
fn compared(place: Place<'_>) -> Result<Place<'_>> {
    if place.meant().sort != Sort::Complex {
        return Ok(place);
    }
    match place.attribute.sub("value") {
        Some(value) if place.sub.is_none() => Ok(Place { sub: Some(value), ..place }),
        Some(_) | None => {
            Err(ScimError::bad(ErrorKind::InvalidFilter, format!("`{}` is an object: compare one of its parts", place.path())))
        }
    }
}

fn incomparable(attribute: &Attribute, with: &str) -> ScimError {
    ScimError::bad(ErrorKind::InvalidFilter, format!("`{}` can only be compared with {with}", attribute.name))
}

impl From<&CompareOp> for Operator {
    fn from(operator: &CompareOp) -> Self {
        match operator {
            CompareOp::Eq => Operator::Eq,
            CompareOp::Ne => Operator::Ne,
            CompareOp::Co => Operator::Co,
            CompareOp::Sw => Operator::Sw,
            CompareOp::Ew => Operator::Ew,
            CompareOp::Gt => Operator::Gt,
            CompareOp::Lt => Operator::Lt,
            CompareOp::Ge => Operator::Ge,
            CompareOp::Le => Operator::Le,
        }
    }
}
