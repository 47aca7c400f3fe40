//! The location paths of XML Patch: <https://www.rfc-editor.org/rfc/rfc5261#section-4.1>, a part of XPath 1.0.
//!
//! ```text
//! path      = ["/"] step *(("/" / "//") step)
//! step      = ("@" name / name / "text()" / "comment()" / "node()" / "processing-instruction(" [literal] ")" / ".") *predicate
//! predicate = "[" (number / "last()" / path / path "=" literal) *("and" …) "]"
//! ```
//!
//! A prefix means what the patch declares; `f` and `h`, undeclared, mean FHIR and XHTML. A name without a prefix is in the
//! default namespace of the patch (RFC 5261, 4.2.2), an attribute without one in none.

use std::collections::HashSet;

use super::markup::{Element, Node};

/// Where a path leads: the places of a node below the document, and the place of its attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Places among children, from the document down.
    pub(crate) node: Vec<usize>,
    /// The place among the attributes.
    pub(crate) attribute: Option<usize>,
}

/// A path that was understood.
#[derive(Debug)]
pub(crate) struct Path {
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    test: Test,
    /// At any depth: the step stands behind `//`.
    deep: bool,
    /// Each a conjunction.
    predicates: Vec<Vec<Predicate>>,
}

#[derive(Debug)]
enum Test {
    /// Namespace (`None` for any) and name (`None` for `*`).
    Element(Option<String>, Option<String>),
    Attribute(String, Option<String>),
    Text,
    Comment,
    Instruction(Option<String>),
    Any,
    Own,
}

#[derive(Debug)]
enum Predicate {
    Position(usize),
    Last,
    Exists(Path),
    Equals(Path, String),
}

/// The deepest nesting of predicates.
const NESTING: usize = 16;

impl Path {
    /// Reads a path; `namespace` gives that of a prefix, of the default for the empty one.
    ///
    /// # Errors
    /// What is wrong with it, as a clause.
    pub(crate) fn read(text: &str, namespace: &dyn Fn(&str) -> Option<String>) -> Result<Path, String> {
        let mut reader = Reader { rest: text.trim(), namespace, nesting: 0 };
        let path = reader.path()?;
        match reader.rest.is_empty() {
            true => Ok(path),
            false => Err(format!("{text} is not understood from {} on", reader.rest)),
        }
    }

    /// Where it leads from a document.
    pub(crate) fn find(&self, document: &Element) -> Vec<Place> {
        self.from(document, Place { node: Vec::new(), attribute: None })
    }

    fn from(&self, document: &Element, start: Place) -> Vec<Place> {
        self.steps.iter().fold(vec![start], |places, step| {
            let nodes = places.into_iter().filter(|place| place.attribute.is_none());
            let found: Vec<Place> = nodes.flat_map(|place| step.from(document, &place.node)).collect();
            let mut known = HashSet::new();
            found.into_iter().filter(|place| known.insert(place.clone())).collect()
        })
    }
}

impl Step {
    fn from(&self, document: &Element, start: &[usize]) -> Vec<Place> {
        let mut found = self.below(document, start);
        for predicate in &self.predicates {
            let size = found.len();
            let mut position = 0;
            found.retain(|place| {
                position += 1;
                predicate.iter().all(|condition| condition.holds(document, place, position, size))
            });
        }
        if self.deep {
            let element = element(document, start);
            for place in 0..element.map_or(0, |element| element.children.len()) {
                found.extend(self.from(document, &[start, &[place]].concat()));
            }
        }
        found
    }

    fn below(&self, document: &Element, start: &[usize]) -> Vec<Place> {
        if matches!(self.test, Test::Own) {
            return vec![Place { node: start.to_vec(), attribute: None }];
        }
        let Some(element) = element(document, start) else { return Vec::new() };
        if let Test::Attribute(namespace, name) = &self.test {
            let fits = |attribute: &(String, String, String)| {
                attribute.0 == *namespace && name.as_ref().is_none_or(|name| attribute.1 == *name)
            };
            let places = element.attributes.iter().enumerate().filter(|(_, attribute)| fits(attribute));
            return places.map(|(place, _)| Place { node: start.to_vec(), attribute: Some(place) }).collect();
        }
        let fitting = element.children.iter().enumerate().filter(|(_, node)| self.test.fits(node));
        fitting.map(|(place, _)| Place { node: [start, &[place]].concat(), attribute: None }).collect()
    }
}

impl Test {
    fn fits(&self, node: &Node) -> bool {
        match (self, node) {
            (Test::Element(namespace, name), Node::Element(element)) => {
                namespace.as_ref().is_none_or(|namespace| element.namespace == *namespace)
                    && name.as_ref().is_none_or(|name| element.name == *name)
            }
            (Test::Instruction(target), Node::Instruction(name, _)) => {
                target.as_ref().is_none_or(|target| target == name)
            }
            (Test::Text, Node::Text(_)) | (Test::Comment, Node::Comment(_)) | (Test::Any, _) => true,
            _ => false,
        }
    }
}

impl Predicate {
    fn holds(&self, document: &Element, place: &Place, position: usize, size: usize) -> bool {
        match self {
            Predicate::Position(wanted) => position == *wanted,
            Predicate::Last => position == size,
            Predicate::Exists(path) => !path.from(document, place.clone()).is_empty(),
            Predicate::Equals(path, text) => {
                path.from(document, place.clone()).iter().any(|place| value(document, place) == *text)
            }
        }
    }
}

/// The element at a path; the document for the empty one.
pub(crate) fn element<'d>(document: &'d Element, path: &[usize]) -> Option<&'d Element> {
    match path {
        [] => Some(document),
        path => match document.node(path)? {
            Node::Element(element) => Some(element),
            _ => None,
        },
    }
}

/// The string-value of what stands at a place.
fn value(document: &Element, place: &Place) -> String {
    if let Some(attribute) = place.attribute {
        let found = element(document, &place.node).and_then(|element| element.attributes.get(attribute));
        return found.map(|(_, _, value)| value.clone()).unwrap_or_default();
    }
    match document.node(&place.node) {
        Some(Node::Element(element)) => element.text(),
        Some(Node::Text(text) | Node::Comment(text) | Node::Instruction(_, text)) => text.clone(),
        None => String::new(),
    }
}

struct Reader<'t> {
    rest: &'t str,
    namespace: &'t dyn Fn(&str) -> Option<String>,
    nesting: usize,
}

impl<'t> Reader<'t> {
    fn take(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.strip_prefix(word);
        self.rest = found.unwrap_or(rest);
        found.is_some()
    }

    fn path(&mut self) -> Result<Path, String> {
        let mut steps = Vec::new();
        let mut deep = self.take("//");
        if !deep {
            self.take("/");
        }
        loop {
            steps.push(self.step(deep)?);
            deep = self.take("//");
            if !deep && !self.take("/") {
                return Ok(Path { steps });
            }
        }
    }

    fn step(&mut self, deep: bool) -> Result<Step, String> {
        let test = self.test()?;
        let mut predicates = Vec::new();
        while self.take("[") {
            self.nesting += 1;
            if self.nesting > NESTING {
                return Err("its predicates are nested too deep".to_owned());
            }
            let mut conditions = vec![self.predicate()?];
            while self.take("and ") {
                conditions.push(self.predicate()?);
            }
            if !self.take("]") {
                return Err(format!("a predicate is not understood from {} on", self.rest));
            }
            self.nesting -= 1;
            predicates.push(conditions);
        }
        Ok(Step { test, deep, predicates })
    }

    fn test(&mut self) -> Result<Test, String> {
        for (word, test) in [("text()", Test::Text), ("comment()", Test::Comment), ("node()", Test::Any)] {
            if self.take(word) {
                return Ok(test);
            }
        }
        if self.take("processing-instruction(") {
            let target = self.literal().ok();
            return if self.take(")") { Ok(Test::Instruction(target)) } else { Err("a ) is missing".to_owned()) };
        }
        if self.take("@") {
            let (prefix, name) = self.name()?;
            let namespace = if prefix.is_empty() { String::new() } else { self.resolve(&prefix)? };
            return Ok(Test::Attribute(namespace, name));
        }
        if self.take(".") {
            return Ok(Test::Own);
        }
        let (prefix, name) = self.name()?;
        // A star without a prefix is any element of any namespace.
        let any = prefix.is_empty() && name.is_none();
        let namespace = if any { None } else { Some(self.resolve(&prefix)?) };
        Ok(Test::Element(namespace, name))
    }

    fn resolve(&self, prefix: &str) -> Result<String, String> {
        let declared = (self.namespace)(prefix);
        let known = match prefix {
            "" => Some(""),
            "f" => Some("http://hl7.org/fhir"),
            "h" => Some("http://www.w3.org/1999/xhtml"),
            "xml" => Some("http://www.w3.org/XML/1998/namespace"),
            _ => None,
        };
        declared.or(known.map(str::to_owned)).ok_or_else(|| format!("the prefix {prefix} is not declared"))
    }

    /// Prefix and local name; `None` for a star.
    fn name(&mut self) -> Result<(String, Option<String>), String> {
        let first = self.part()?;
        match (first.as_str(), self.rest.strip_prefix(':')) {
            ("*", _) => Ok((String::new(), None)),
            (_, Some(rest)) => {
                self.rest = rest;
                let local = self.part()?;
                Ok((first, Some(local).filter(|local| local != "*")))
            }
            (_, None) => Ok((String::new(), Some(first))),
        }
    }

    fn part(&mut self) -> Result<String, String> {
        let rest = self.rest.trim_start();
        let is_part = |character: char| character.is_alphanumeric() || "_-.".contains(character);
        let end = match rest.starts_with('*') {
            true => 1,
            false => rest.find(|character| !is_part(character)).unwrap_or(rest.len()),
        };
        let (name, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if name.is_empty() {
            return Err(format!("a name is missing before {rest}"));
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn predicate(&mut self) -> Result<Predicate, String> {
        if self.take("last()") {
            return Ok(Predicate::Last);
        }
        let rest = self.rest.trim_start();
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        if let Some(Ok(number)) = rest.get(..digits).filter(|digits| !digits.is_empty()).map(str::parse) {
            self.rest = rest.get(digits..).unwrap_or_default();
            return Ok(Predicate::Position(number));
        }
        let path = self.path()?;
        match self.take("=") {
            true => Ok(Predicate::Equals(path, self.literal()?)),
            false => Ok(Predicate::Exists(path)),
        }
    }

    fn literal(&mut self) -> Result<String, String> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let found = quote.and_then(|quote| rest.get(1..)?.split_once(quote));
        let (text, rest) = found.ok_or_else(|| format!("a quoted text is missing at {rest}"))?;
        self.rest = rest;
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::markup;
    use super::*;

    fn count(path: &str) -> Option<usize> {
        let text = "<Patient xmlns=\"http://hl7.org/fhir\"><name><use value=\"usual\"/><given value=\"a\"/></name>\
                    <name><use value=\"official\"/><given value=\"a\"/><given value=\"b\"/></name><!-- c -->text</Patient>";
        let document = markup::read(text).unwrap();
        Path::read(path, &|_| None).ok().map(|path| path.find(&document).len())
    }

    #[test]
    fn paths_lead_to_what_they_name() {
        for (path, expected) in [
            ("f:Patient", 1),
            ("/f:Patient/f:name", 2),
            ("f:Patient/f:name[2]/f:given", 2),
            ("f:Patient/f:name[last()]/f:given[1]/@value", 1),
            ("f:Patient/f:name[f:use/@value = 'official' and f:given]/f:given[@value=\"b\"]", 1),
            ("//f:given", 3),
            ("f:Patient/*/f:given[1]", 2),
            ("f:Patient/text()", 1),
            ("f:Patient/comment()[1]", 1),
            ("f:Patient/node()", 4),
            ("f:Patient[.='text']", 1),
            ("Patient", 0),
            ("h:Patient", 0),
        ] {
            assert_eq!(count(path), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in
            ["", "/", "f:Patient/", "f:Patient[", "f:Patient[1", "x:Patient", "f:a[@b='c]", "f:a | f:b", "é\u{0}"]
        {
            assert_eq!(count(path), None, "{path}");
        }
        assert_eq!(count(&"f:a[".repeat(100)), None);
    }
}
