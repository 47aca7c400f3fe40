//! What a resource holds for a parameter: one small value per element found.

use model::{Decimal, Element};

use crate::param::date::Range;

/// The type of an element, as far as searching tells types apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Address,
    Attachment,
    Boolean,
    Canonical,
    Code,
    CodeableConcept,
    Coding,
    ContactPoint,
    Date,
    Extension,
    HumanName,
    Identifier,
    Money,
    Number,
    Period,
    /// A number with a unit: Quantity and what specialises it.
    Quantity,
    Range,
    Reference,
    /// A resource in its place, such as an entry of a Bundle.
    Resource,
    /// A string, or any primitive of which no more is known.
    Text,
    Timing,
    Uri,
    /// Any other type, whose own children say what it is: Location.position and the like.
    Other,
}

impl Kind {
    /// The kind of a FHIR type.
    pub(crate) fn of(type_name: &str) -> Kind {
        match type_name {
            "Address" => Kind::Address,
            "Attachment" => Kind::Attachment,
            "boolean" => Kind::Boolean,
            "canonical" => Kind::Canonical,
            "code" => Kind::Code,
            "CodeableConcept" => Kind::CodeableConcept,
            "Coding" => Kind::Coding,
            "ContactPoint" => Kind::ContactPoint,
            "date" | "dateTime" | "instant" => Kind::Date,
            "Extension" => Kind::Extension,
            "HumanName" => Kind::HumanName,
            "Identifier" => Kind::Identifier,
            "Money" => Kind::Money,
            "decimal" | "integer" | "positiveInt" | "unsignedInt" | "integer64" => Kind::Number,
            "Period" => Kind::Period,
            "Quantity" | "Age" | "Count" | "Distance" | "Duration" | "SimpleQuantity" | "MoneyQuantity" => {
                Kind::Quantity
            }
            "Range" => Kind::Range,
            "Reference" => Kind::Reference,
            "string" | "markdown" | "id" | "base64Binary" | "time" | "xhtml" => Kind::Text,
            "Timing" => Kind::Timing,
            "uri" | "url" | "oid" | "uuid" => Kind::Uri,
            "Resource" | "DomainResource" => Kind::Resource,
            _ => Kind::Other,
        }
    }
}

/// One value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'t> {
    Text(&'t str),
    Token(Token<'t>),
    Date(Range),
    Number(Interval),
    Quantity(Quantity<'t>),
    Uri(&'t str),
    Reference(Reference<'t>),
    Position {
        /// Degrees north.
        latitude: Decimal,
        /// Degrees east.
        longitude: Decimal,
    },
}

/// In which system a code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System<'t> {
    /// In none.
    None,
    /// In the one that the element's definition implies: whatever system is asked for is right.
    Implied,
    /// In this one.
    Uri(&'t str),
}

/// A code, an identifier, a flag, a phone number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'t> {
    pub(crate) system: System<'t>,
    /// `None`: there is only text.
    pub(crate) code: Option<&'t str>,
    /// What a person reads.
    pub(crate) text: Option<&'t str>,
    /// Identifier.type
    pub(crate) identifier_type: Option<Element<'t>>,
}

/// From `low` to `high`, both included; `None`: open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    pub(crate) low: Option<Decimal>,
    pub(crate) high: Option<Decimal>,
}

/// A number with a unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantity<'t> {
    pub(crate) interval: Interval,
    pub(crate) system: Option<&'t str>,
    pub(crate) code: Option<&'t str>,
    /// The unit as a person reads it.
    pub(crate) unit: Option<&'t str>,
}

/// What a reference refers to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reference<'t> {
    /// A resource of this server: type and id.
    Local(&'t str, &'t str),
    /// A URL elsewhere, a URN.
    Url(&'t str),
    /// A canonical URL, its version apart.
    Canonical(&'t str, Option<&'t str>),
    /// A logical reference.
    Identifier(Token<'t>),
    /// Words only.
    Display,
}
