//! What Graph knows of one property: its shape, who may write it, and how it may be queried.

/// The type of a property, with its limits (`user` and `group` resource pages).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `Edm.String` of at most so many UTF-16 characters (0: no limit known).
    Text(u32),
    /// `Edm.Boolean`.
    Flag,
    /// `Edm.Int32`.
    Number,
    /// `Edm.Int64`.
    Large,
    /// `Edm.Binary` of at most so many bytes, as base64.
    Binary(u32),
    /// `Edm.DateTimeOffset`.
    Moment,
    /// A collection of strings: at most so many items (0: no limit known) of so many characters.
    Texts(u32, u32),
    /// A collection of anything but texts.
    Several(&'static Shape),
    /// A complex value of these text fields; a write replaces the whole value.
    Replaced(&'static [&'static str], u32),
    /// A complex value of these text fields; a write touches only the fields that it names.
    Merged(&'static [&'static str], u32),
    /// Anything else.
    Json,
}

/// Who may write a property, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// In a create and in an update.
    Always,
    /// In a create; an update may only repeat the value.
    AtCreation,
    /// In an update of nothing else; kept by Exchange, which takes it from an application only by choice.
    Alone,
    /// Never through Graph.
    Never,
    /// Kept outside the directory (SharePoint): refused to applications, not tracked, not stored here.
    Elsewhere,
    /// Written, never read: the password profile.
    Secret,
}

/// The comparisons that a filter may make with a property. None of them is `gt` or `lt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// `eq`, `ne`, `in`.
    Exactly,
    /// Also `ge` and `le`.
    InOrder,
    /// Also `startsWith`.
    AsText,
}

/// How a property may be filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Without ceremony.
    Plain,
    /// Only with `ConsistencyLevel: eventual` and `$count=true`, even for `eq`.
    Advanced,
    /// Not at all.
    Refused,
}

/// Whether a property belongs to the answer when no `$select` is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Returned by default.
    ByDefault,
    /// Returned only when selected.
    OnSelect,
}

/// Whether `null` may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clearing {
    /// `null` clears the property.
    Allowed,
    /// `null` is refused.
    Refused,
}

/// One property of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Property {
    /// Its name as the service writes it.
    pub(crate) name: &'static str,
    /// Type and limits.
    pub(crate) shape: Shape,
    /// Who may write it.
    pub(crate) write: Write,
    /// How it may be filtered.
    pub(crate) filter: Filter,
    /// The comparisons that a filter may make.
    pub(crate) compared: Compared,
    /// Part of the default answer or not.
    pub(crate) shown: Shown,
    /// Whether it may be cleared.
    pub(crate) clearing: Clearing,
}

impl Property {
    /// A property that may be written, cleared and filtered, and is returned on `$select`.
    pub(crate) const fn new(name: &'static str, shape: Shape) -> Property {
        let compared = match shape {
            Shape::Text(_) | Shape::Texts(..) | Shape::Replaced(..) | Shape::Merged(..) | Shape::Json => Compared::AsText,
            Shape::Number | Shape::Large | Shape::Moment | Shape::Several(_) => Compared::InOrder,
            Shape::Flag | Shape::Binary(_) => Compared::Exactly,
        };
        Property {
            name,
            shape,
            write: Write::Always,
            filter: Filter::Plain,
            compared,
            shown: Shown::OnSelect,
            clearing: Clearing::Allowed,
        }
    }

    /// The same, compared in fewer ways.
    pub(crate) const fn compared(self, compared: Compared) -> Property {
        Property { compared, ..self }
    }

    /// A text property of at most `max` characters.
    pub(crate) const fn text(name: &'static str, max: u32) -> Property {
        Property::new(name, Shape::Text(max))
    }

    /// A property that only the service writes.
    pub(crate) const fn read_only(name: &'static str, shape: Shape) -> Property {
        Property { write: Write::Never, ..Property::new(name, shape) }
    }

    /// The same, returned by default.
    pub(crate) const fn shown(self) -> Property {
        Property { shown: Shown::ByDefault, ..self }
    }

    /// The same, refusing `null`.
    pub(crate) const fn kept(self) -> Property {
        Property { clearing: Clearing::Refused, ..self }
    }

    /// The same, filtered only with the advanced query headers.
    pub(crate) const fn advanced(self) -> Property {
        Property { filter: Filter::Advanced, ..self }
    }

    /// The same, not filterable.
    pub(crate) const fn unfiltered(self) -> Property {
        Property { filter: Filter::Refused, ..self }
    }

    /// The same, with another rule of writing.
    pub(crate) const fn written(self, write: Write) -> Property {
        Property { write, ..self }
    }
}
