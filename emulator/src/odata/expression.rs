//! A filter as a tree.

/// A path from the object (or from the element of a lambda) to a value.
pub(crate) type Path = Vec<String>;

/// A literal of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A quoted text, a guid or a moment.
    Text(String),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// A function on texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// `startsWith`
    StartsWith,
    /// `endsWith`
    EndsWith,
    /// `contains`, which directory objects do not support.
    Contains,
}

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    /// All of these.
    And(Vec<Expression>),
    /// One of these.
    Or(Vec<Expression>),
    /// Not this.
    Not(Box<Expression>),
    /// `path op literal`
    Compare(Path, Operator, Literal),
    /// `path in (..)`
    In(Path, Vec<Literal>),
    /// `startsWith(path, 'text')`
    Text(Function, Path, String),
    /// `path/any(x: ..)`; without a body: the collection is not empty.
    Any(Path, Option<Box<Expression>>),
}

impl Expression {
    /// The properties that it looks at, those of the elements of collections left out.
    pub(crate) fn subjects(&self) -> Vec<&str> {
        match self {
            Expression::And(parts) | Expression::Or(parts) => parts.iter().flat_map(Expression::subjects).collect(),
            Expression::Not(part) => part.subjects(),
            Expression::Compare(path, ..) | Expression::In(path, _) | Expression::Text(_, path, _) | Expression::Any(path, _) => {
                path.first().map(String::as_str).into_iter().collect()
            }
        }
    }
}
