//! Tree to XML text: <http://hl7.org/fhir/R4/xml.html>.

use super::read::FHIR;
use crate::{Child, Element, Form, Shapes, TypeId};

/// The tree holds what XML cannot; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct WriteError {
    /// The element.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// The XML text of a resource, elements in the order of their definition; elements that the shapes do not know follow
/// the known ones.
pub fn write(element: Element<'_>, shapes: &dyn Shapes) -> Result<String, WriteError> {
    let mut out = String::with_capacity(element.tree().text.len() * 2);
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    let mut writer = Writer { out, shapes };
    writer.resource(element, true)?;
    Ok(writer.out)
}

struct Writer<'t> {
    out: String,
    shapes: &'t dyn Shapes,
}

impl Writer<'_> {
    fn resource(&mut self, element: Element<'_>, root: bool) -> Result<(), WriteError> {
        let name = element.resource_type().unwrap_or(element.name());
        check_name(element, name)?;
        self.out.push('<');
        self.out.push_str(name);
        if root {
            self.out.push_str(" xmlns=\"");
            self.out.push_str(FHIR);
            self.out.push('"');
        }
        self.out.push('>');
        let ty = element
            .resource_type_id()
            .or(Some(element.name_id()))
            .and_then(|name| self.shapes.named(name))
            .unwrap_or(TypeId::UNKNOWN);
        self.children(element, ty, true)?;
        self.close(name);
        Ok(())
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn children(&mut self, element: Element<'_>, ty: TypeId, resource: bool) -> Result<(), WriteError> {
        let mut children: Vec<(Element<'_>, Option<Child>)> = element
            .children()
            .filter(|child| resource || !is_attribute(element, *child))
            .map(|child| (child, self.shapes.child(ty, child.name_id())))
            .collect();
        children.sort_by_key(|(_, shape)| shape.map_or(u16::MAX, |shape| shape.order));
        for (child, shape) in children {
            self.child(child, shape)?;
        }
        Ok(())
    }

    fn child(&mut self, element: Element<'_>, shape: Option<Child>) -> Result<(), WriteError> {
        let name = element.name();
        check_name(element, name)?;
        let xhtml = match shape {
            Some(shape) => shape.form == Form::Xhtml,
            None => name == "div" && element.parent().is_some_and(|parent| parent.name() == "text"),
        };
        if let Some(markup) = element.text().filter(|_| xhtml) {
            let markup = super::narrative::to_markup(markup).map_err(|message| fault(element, message))?;
            self.out.push_str(&markup);
            return Ok(());
        }
        self.out.push('<');
        self.out.push_str(name);
        for attribute in element.children().filter(|child| is_attribute(element, *child)) {
            self.attribute(attribute, attribute.name())?;
        }
        if element.text().is_some() {
            self.attribute(element, "value")?;
        }
        if element.resource_type().is_some() {
            self.out.push('>');
            self.resource(element, false)?;
            self.close(name);
        } else if element.children().any(|child| !is_attribute(element, child)) {
            self.out.push('>');
            self.children(element, shape.map_or(TypeId::UNKNOWN, |shape| shape.ty), false)?;
            self.close(name);
        } else {
            self.out.push_str("/>");
        }
        Ok(())
    }

    fn attribute(&mut self, element: Element<'_>, name: &str) -> Result<(), WriteError> {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        for character in element.text().unwrap_or_default().chars() {
            match character {
                '"' => self.out.push_str("&quot;"),
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '\n' => self.out.push_str("&#xA;"),
                '\r' => self.out.push_str("&#xD;"),
                '\t' => self.out.push_str("&#x9;"),
                '\u{0}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => {
                    let message = format!("XML cannot hold the character U+{:04X}.", u32::from(character));
                    return Err(fault(element, message));
                }
                other => self.out.push(other),
            }
        }
        self.out.push('"');
        Ok(())
    }
}

/// Whether XML writes a child as an attribute: `id` of what is no resource, `url` of an extension.
fn is_attribute(parent: Element<'_>, child: Element<'_>) -> bool {
    if parent.resource_type().is_some() || child.text().is_none() || child.has_children() {
        return false;
    }
    match child.name() {
        "id" => true,
        "url" => matches!(parent.name(), "extension" | "modifierExtension"),
        _ => false,
    }
}

fn check_name(element: Element<'_>, name: &str) -> Result<(), WriteError> {
    let first = |character: char| character.is_alphabetic() || character == '_';
    let rest = |character: char| first(character) || character.is_numeric() || matches!(character, '-' | '.');
    if name.starts_with(first) && name.chars().all(rest) {
        return Ok(());
    }
    Err(fault(element, format!("XML cannot hold an element of the name {name:?}.")))
}

fn fault(element: Element<'_>, message: impl Into<String>) -> WriteError {
    WriteError { path: element.path(), message: message.into() }
}
