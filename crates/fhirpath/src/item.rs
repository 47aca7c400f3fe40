//! What an expression yields: elements of the tree and system values.

use std::fmt;
use std::sync::Arc;

use model::{Decimal, Element, TypeId};
use smallvec::SmallVec;

use crate::value::{Date, DateTime, Quantity, Time, number};

/// The items of a result, in order.
pub type Collection<'t> = SmallVec<[Item<'t>; 1]>;

/// A string: of the tree, or of the expression and its results.
#[derive(Clone, Debug)]
pub enum Text<'t> {
    /// Stands in the tree.
    Tree(&'t str),
    /// Was made.
    Own(Arc<str>),
}

impl Text<'_> {
    /// The characters.
    pub fn as_str(&self) -> &str {
        match self {
            Text::Tree(text) => text,
            Text::Own(text) => text,
        }
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Text::Own(text.into())
    }
}

impl From<&String> for Text<'_> {
    fn from(text: &String) -> Self {
        Text::Own(text.as_str().into())
    }
}

/// An element, with its type where that is already known.
#[derive(Clone, Copy, Debug)]
pub struct Typed<'t> {
    /// The element.
    pub element: Element<'t>,
    /// Its type; [`TypeId::UNKNOWN`] until somebody asks.
    pub(crate) ty: TypeId,
}

/// One item of a collection.
#[derive(Clone, Debug)]
pub enum Item<'t> {
    /// An element of the tree, a resource included.
    Element(Typed<'t>),
    /// `System.Boolean`
    Boolean(bool),
    /// `System.Integer`
    Integer(i64),
    /// `System.Decimal`
    Decimal(Decimal),
    /// `System.String`
    String(Text<'t>),
    /// `System.Date`
    Date(Date),
    /// `System.DateTime`
    DateTime(DateTime),
    /// `System.Time`
    Time(Time),
    /// `System.Quantity`
    Quantity(Box<Quantity>),
    /// What `type()` gives: the namespace, `System` or `FHIR`, and the name.
    Type(Box<TypeInfo>),
    /// A resource of which only the type is known, because its reference could not be followed
    /// ([`Environment::with_typed_references`](crate::Environment::with_typed_references)).
    Unresolved(TypeId),
}

/// The name of a type: `System.Integer`, `FHIR.Patient`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeInfo {
    /// `System` or `FHIR`.
    pub namespace: &'static str,
    /// The name in its namespace.
    pub name: String,
}

/// The types of the language itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SystemType {
    /// `true`, `false`
    Boolean,
    /// Characters.
    String,
    /// A whole number.
    Integer,
    /// A number with its digits.
    Decimal,
    /// A date without a time of day.
    Date,
    /// A date, perhaps with a time of day.
    DateTime,
    /// A time of day.
    Time,
    /// A number with a unit.
    Quantity,
}

impl SystemType {
    const ALL: [(SystemType, &'static str); 8] = [
        (SystemType::Boolean, "Boolean"),
        (SystemType::String, "String"),
        (SystemType::Integer, "Integer"),
        (SystemType::Decimal, "Decimal"),
        (SystemType::Date, "Date"),
        (SystemType::DateTime, "DateTime"),
        (SystemType::Time, "Time"),
        (SystemType::Quantity, "Quantity"),
    ];

    /// The type of a name.
    pub fn of(name: &str) -> Option<SystemType> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(ty, _)| *ty)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(ty, _)| *ty == self).map_or("", |(_, name)| name)
    }

    /// What a FHIR primitive of this type is when it is computed with; `None` for a complex type.
    pub(crate) fn of_primitive(name: &str) -> Option<SystemType> {
        Some(match name {
            "boolean" => SystemType::Boolean,
            "integer" | "positiveInt" | "unsignedInt" | "integer64" => SystemType::Integer,
            "decimal" => SystemType::Decimal,
            "date" => SystemType::Date,
            "dateTime" | "instant" => SystemType::DateTime,
            "time" => SystemType::Time,
            "string" | "uri" | "url" | "canonical" | "code" | "id" | "oid" | "uuid" | "markdown" | "base64Binary"
            | "xhtml" => SystemType::String,
            _ => return name.strip_prefix("http://hl7.org/fhirpath/System.").and_then(SystemType::of),
        })
    }
}

impl<'t> From<Element<'t>> for Item<'t> {
    fn from(element: Element<'t>) -> Self {
        Item::untyped(element)
    }
}

impl From<bool> for Item<'_> {
    fn from(value: bool) -> Self {
        Item::Boolean(value)
    }
}

impl From<i64> for Item<'_> {
    fn from(value: i64) -> Self {
        Item::Integer(value)
    }
}

impl From<&str> for Item<'_> {
    fn from(text: &str) -> Self {
        Item::string(text)
    }
}

impl<'t> Item<'t> {
    /// An element whose type the caller knows; the caller vouches for it.
    pub fn typed(element: Element<'t>, ty: TypeId) -> Item<'t> {
        Item::Element(Typed { element, ty })
    }

    pub(crate) fn string(text: impl Into<String>) -> Item<'t> {
        Item::String(Text::from(text.into()))
    }

    pub(crate) fn untyped(element: Element<'t>) -> Item<'t> {
        Item::Element(Typed { element, ty: TypeId::UNKNOWN })
    }

    /// The element it is.
    pub fn element(&self) -> Option<Element<'t>> {
        match self {
            Item::Element(typed) => Some(typed.element),
            _ => None,
        }
    }

    /// The text of a string, or of an element with a string value.
    pub fn text(&self) -> Option<&str> {
        match self {
            Item::Element(typed) => typed.element.text(),
            Item::String(text) => Some(text),
            _ => None,
        }
    }

    /// The type of a system value; `None` for elements.
    pub fn system_type(&self) -> Option<SystemType> {
        Some(match self {
            Item::Boolean(_) => SystemType::Boolean,
            Item::Integer(_) => SystemType::Integer,
            Item::Decimal(_) => SystemType::Decimal,
            Item::String(_) => SystemType::String,
            Item::Date(_) => SystemType::Date,
            Item::DateTime(_) => SystemType::DateTime,
            Item::Time(_) => SystemType::Time,
            Item::Quantity(_) => SystemType::Quantity,
            Item::Element(_) | Item::Type(_) | Item::Unresolved(_) => return None,
        })
    }

    /// The number of an integer or decimal.
    pub(crate) fn decimal(&self) -> Option<Decimal> {
        match self {
            Item::Integer(value) => Some(number::of_integer(*value)),
            Item::Decimal(value) => Some(*value),
            _ => None,
        }
    }
}

impl fmt::Display for Item<'_> {
    /// A value as `toString()` gives it; an element by its value, or else by its path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Element(typed) => match typed.element.text() {
                Some(text) => f.write_str(text),
                None => f.write_str(&typed.element.path()),
            },
            Item::Boolean(value) => write!(f, "{value}"),
            Item::Integer(value) => write!(f, "{value}"),
            Item::Decimal(value) => write!(f, "{value}"),
            Item::String(text) => f.write_str(text),
            Item::Date(value) => write!(f, "{value}"),
            Item::DateTime(value) => write!(f, "{value}"),
            Item::Time(value) => write!(f, "{value}"),
            Item::Quantity(value) => write!(f, "{value}"),
            Item::Type(info) => write!(f, "{}.{}", info.namespace, info.name),
            Item::Unresolved(_) => f.write_str("an unresolved resource"),
        }
    }
}
