//! XML Patch: <https://www.rfc-editor.org/rfc/rfc5261>, on the XML text of a resource.

use std::borrow::Cow;

use super::markup::{self, Element, Node};
use super::xpath::{Path, Place};
use crate::refusal::{Class, Refusal};

/// Applies a patch to a text; all of it or nothing.
///
/// # Errors
/// [`Class::Malformed`] where the patch is none, [`Class::Unprocessable`] where it does not fit what is there.
pub fn apply(text: &str, patch: &[u8]) -> Result<String, Refusal> {
    let malformed = |text: String| Refusal::new(Class::Malformed, text);
    let patch = std::str::from_utf8(patch).map_err(|_| malformed("The patch is not UTF-8.".to_owned()))?;
    let patch = markup::read(patch).map_err(|fault| malformed(format!("The patch is not understood: {fault}.")))?;
    let unfit = |text: String| Refusal::new(Class::Unprocessable, text);
    let mut document = markup::read(text).map_err(|fault| unfit(format!("There is nothing to patch: {fault}.")))?;
    let root = patch.children.iter().find_map(as_element);
    let operations: Vec<&Element> =
        root.into_iter().flat_map(|root| root.children.iter().filter_map(as_element)).collect();
    if operations.is_empty() {
        return Err(malformed("The patch has no operation.".to_owned()));
    }
    let declared: Vec<&(String, String)> = root.into_iter().flat_map(|root| &root.declarations).collect();
    for (number, operation) in operations.iter().enumerate() {
        let done = Operation::of(operation, &declared).and_then(|operation| operation.apply(&mut document));
        done.map_err(|fault| match fault {
            Fault::Malformed(text) => malformed(format!("Operation {number}: {text}.")),
            Fault::Unfit(text) => unfit(format!("Operation {number}: {text}.")),
        })?;
    }
    Ok(markup::write(&document))
}

enum Fault {
    Malformed(String),
    Unfit(String),
}

fn malformed(text: impl Into<String>) -> Fault {
    Fault::Malformed(text.into())
}

fn unfit(text: impl Into<String>) -> Fault {
    Fault::Unfit(text.into())
}

fn as_element(node: &Node) -> Option<&Element> {
    match node {
        Node::Element(element) => Some(element),
        _ => None,
    }
}

struct Operation<'p> {
    element: &'p Element,
    selector: &'p str,
    path: Path,
    declared: &'p [&'p (String, String)],
}

impl<'p> Operation<'p> {
    fn of(element: &'p Element, declared: &'p [&'p (String, String)]) -> Result<Operation<'p>, Fault> {
        let selector = attribute(element, "sel").ok_or_else(|| malformed("it has no sel"))?;
        let namespace = |prefix: &str| match prefix {
            "" => Some(element.namespace.clone()),
            _ => namespace(element, declared, prefix),
        };
        let path = Path::read(selector, &namespace).map_err(Fault::Malformed)?;
        Ok(Operation { element, selector, path, declared })
    }

    fn apply(&self, document: &mut Element) -> Result<(), Fault> {
        let place = match self.path.find(document).as_slice() {
            [] => return Err(unfit(format!("{} leads to nothing", self.selector))),
            [place] => place.clone(),
            _ => return Err(unfit(format!("{} leads to several nodes", self.selector))),
        };
        match self.element.name.as_str() {
            "add" => self.add(document, &place),
            "replace" => self.replace(document, &place),
            "remove" => self.remove(document, &place),
            other => Err(malformed(format!("there is no operation {other}"))),
        }
    }

    fn add(&self, document: &mut Element, place: &Place) -> Result<(), Fault> {
        if place.attribute.is_some() {
            return Err(unfit("nothing can be added to an attribute"));
        }
        if let Some(ty) = attribute(self.element, "type") {
            return self.add_attribute(document, place, ty);
        }
        let content = self.element.children.clone();
        match attribute(self.element, "pos") {
            None => element_at(document, place)?.children.extend(content),
            Some("prepend") => drop(element_at(document, place)?.children.splice(0..0, content)),
            Some(position @ ("before" | "after")) => {
                let (parent, at) = beside(document, place)?;
                let at = if position == "before" { at } else { at + 1 };
                drop(parent.children.splice(at..at, content));
            }
            Some(other) => return Err(malformed(format!("there is no pos {other}"))),
        }
        Ok(())
    }

    fn add_attribute(&self, document: &mut Element, place: &Place, ty: &str) -> Result<(), Fault> {
        let value = self.element.text();
        let target = element_at(document, place)?;
        if let Some(prefix) = ty.strip_prefix("namespace::") {
            if target.declarations.iter().any(|(known, _)| known == prefix) {
                return Err(unfit(format!("the prefix {prefix} is declared already")));
            }
            if prefix.is_empty() || !prefix.chars().all(|character| character.is_alphanumeric() || character == '_') {
                return Err(malformed(format!("{prefix} is no prefix")));
            }
            target.declarations.push((prefix.to_owned(), value));
            return Ok(());
        }
        let name = ty.strip_prefix('@').ok_or_else(|| malformed(format!("there is no type {ty}")))?;
        let (prefix, name) = name.split_once(':').unwrap_or(("", name));
        let namespace = match prefix {
            "" => Cow::Borrowed(""),
            "xml" => Cow::Borrowed("http://www.w3.org/XML/1998/namespace"),
            _ => {
                let known = namespace(self.element, self.declared, prefix);
                Cow::Owned(known.ok_or_else(|| malformed(format!("the prefix {prefix} is not declared")))?)
            }
        };
        let is_name = |character: char| character.is_alphanumeric() || "_-.".contains(character);
        if !name.starts_with(|first: char| first.is_alphabetic() || first == '_') || !name.chars().all(is_name) {
            return Err(malformed(format!("{name} is no name of an attribute")));
        }
        if target.attributes.iter().any(|(uri, known, _)| *uri == namespace && known == name) {
            return Err(unfit(format!("there is an attribute {name} already")));
        }
        target.attributes.push((namespace.into_owned(), name.to_owned(), value));
        Ok(())
    }

    fn replace(&self, document: &mut Element, place: &Place) -> Result<(), Fault> {
        if let Some(number) = place.attribute {
            let value = self.element.text();
            let found = element_at(document, place)?.attributes.get_mut(number);
            found.ok_or_else(|| unfit("the attribute is gone"))?.2 = value;
            return Ok(());
        }
        let old = document.node(&place.node).ok_or_else(|| unfit("the document cannot be replaced"))?;
        let blank = |node: &&Node| matches!(node, Node::Text(text) if text.trim().is_empty());
        let content: Vec<&Node> = match old {
            Node::Text(_) => self.element.children.iter().collect(),
            _ => self.element.children.iter().filter(|node| !blank(node)).collect(),
        };
        let new = match (old, content.as_slice()) {
            (Node::Text(_), []) => None,
            (Node::Element(_), [new @ Node::Element(_)])
            | (Node::Text(_), [new @ Node::Text(_)])
            | (Node::Comment(_), [new @ Node::Comment(_)])
            | (Node::Instruction(..), [new @ Node::Instruction(..)]) => Some((*new).clone()),
            _ => return Err(malformed("a node is replaced by one node of its kind")),
        };
        let (parent, at) = beside(document, place)?;
        drop(parent.children.splice(at..=at, new));
        Ok(())
    }

    fn remove(&self, document: &mut Element, place: &Place) -> Result<(), Fault> {
        if let Some(number) = place.attribute {
            let element = element_at(document, place)?;
            if number < element.attributes.len() {
                element.attributes.remove(number);
            }
            return Ok(());
        }
        if place.node.len() == 1 && matches!(document.node(&place.node), Some(Node::Element(_))) {
            return Err(unfit("the whole cannot be removed"));
        }
        let (parent, at) = beside(document, place)?;
        let blank = |node: Option<&Node>| matches!(node, Some(Node::Text(text)) if text.trim().is_empty());
        let (before, after) = match attribute(self.element, "ws") {
            None => (false, false),
            Some("before") => (true, false),
            Some("after") => (false, true),
            Some("both") => (true, true),
            Some(other) => return Err(malformed(format!("there is no ws {other}"))),
        };
        let from = at.checked_sub(1).filter(|_| before);
        let is_blank = |place: Option<usize>| place.is_none_or(|place| blank(parent.children.get(place)));
        if (before && from.is_none()) || !is_blank(from) || !is_blank(Some(at + 1).filter(|_| after)) {
            return Err(unfit("there is no white space beside what is removed"));
        }
        let end = at + usize::from(after);
        parent.children.drain(from.unwrap_or(at)..=end);
        Ok(())
    }
}

/// What a prefix means where an operation stands.
fn namespace(element: &Element, declared: &[&(String, String)], prefix: &str) -> Option<String> {
    let mut all = element.declarations.iter().chain(declared.iter().copied());
    all.find(|(known, _)| known == prefix).map(|(_, uri)| uri.clone())
}

fn attribute<'e>(element: &'e Element, name: &str) -> Option<&'e str> {
    let found = element.attributes.iter().find(|(uri, known, _)| uri.is_empty() && known == name);
    found.map(|(_, _, value)| value.as_str())
}

fn element_at<'d>(document: &'d mut Element, place: &Place) -> Result<&'d mut Element, Fault> {
    document.element_mut(&place.node).ok_or_else(|| unfit("the path leads to no element"))
}

/// The parent of a node and its place in it. Beside the root there is room for comments only, which is no content of FHIR.
fn beside<'d>(document: &'d mut Element, place: &Place) -> Result<(&'d mut Element, usize), Fault> {
    let (last, parent) = place.node.split_last().ok_or_else(|| unfit("the path leads to the document"))?;
    let parent = document.element_mut(parent).ok_or_else(|| unfit("the path leads to no element"))?;
    match *last < parent.children.len() {
        true => Ok((parent, *last)),
        false => Err(unfit("the node is gone")),
    }
}

#[cfg(test)]
mod tests {
    use super::apply;

    const DOCUMENT: &str = r#"<a xmlns="http://hl7.org/fhir" x="1"> <b>t</b> <c/></a>"#;

    fn check(operation: &str, expected: Option<&str>) {
        let patch = format!(r#"<diff xmlns="http://hl7.org/fhir" xmlns:p="http://hl7.org/fhir">{operation}</diff>"#);
        let expected = expected.map(|inner| format!(r#"<a xmlns="http://hl7.org/fhir"{inner}</a>"#));
        assert_eq!(apply(DOCUMENT, patch.as_bytes()).ok(), expected, "{operation}");
    }

    #[test]
    fn each_operation_does_its_work() {
        check("<add sel='a/b' pos='before'><d/></add>", Some(r#" x="1"> <d/><b>t</b> <c/>"#));
        check("<add sel='p:a/p:b' pos='after'><d/></add>", Some(r#" x="1"> <b>t</b><d/> <c/>"#));
        check("<add sel='a' pos='prepend'><d/></add>", Some(r#" x="1"><d/> <b>t</b> <c/>"#));
        check("<add sel='f:a/f:c' type='@y'>&lt;2</add>", Some(r#" x="1"> <b>t</b> <c y="&lt;2"/>"#));
        check("<replace sel='a/b'> <d/> </replace>", Some(r#" x="1"> <d/> <c/>"#));
        check("<replace sel='a/@x'>2</replace>", Some(r#" x="2"> <b>t</b> <c/>"#));
        check("<replace sel='a/b/text()'>u</replace>", Some(r#" x="1"> <b>u</b> <c/>"#));
        check("<remove sel='a/b' ws='both'/>", Some(r#" x="1"><c/>"#));
        check("<remove sel='a/@x'/><remove sel='a/c'/>", Some(r#"> <b>t</b> "#));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for operation in [
            "",
            "<add><d/></add>",
            "<add sel='a/x'><d/></add>",
            "<add sel='a/*'><d/></add>",
            "<add sel='a' type='@x'>2</add>",
            "<add sel='a' type='@x y'>2</add>",
            "<add sel='a/b' pos='nowhere'/>",
            "<replace sel='a/b'>text</replace>",
            "<replace sel='a/b'><c/><d/></replace>",
            "<remove sel='a'/>",
            "<remove sel='a/c' ws='after'/>",
            "<remove sel='a/c' ws='sideways'/>",
            "<nonsense sel='a'/>",
        ] {
            check(operation, None);
        }
        assert!(apply(DOCUMENT, b"nonsense").is_err() && apply("", b"<diff><remove sel='a'/></diff>").is_err());
    }
}
