//! CodeSystem (<http://hl7.org/fhir/R4/codesystem.html>): concepts with hierarchy, properties and designations, laid
//! out compactly so that 100,000 codes cost some ten megabytes and a look-up a binary search.

use std::sync::OnceLock;

use model::{Element, Tree};

use crate::extension::{Extension, extensions};
use crate::value_set::Designation;

/// How much of a code system is there: <http://hl7.org/fhir/R4/valueset-codesystem-content-mode.html>.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Content {
    /// No concept.
    NotPresent,
    /// Some, as examples.
    Example,
    /// A part.
    Fragment,
    /// All of them.
    Complete,
    /// Additions to another code system.
    Supplement,
}

/// A place in the text of a code system.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    length: u32,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    code: Span,
    display: Span,
    definition: Span,
    /// The first designation and the first property of this concept; those of the next row end them.
    designations: u32,
    properties: u32,
    /// The parents in `parents`, the children in `children`, likewise.
    parents: u32,
    children: u32,
}

/// The number of a concept in its [`CodeSystem`], in document order.
pub type ConceptIndex = usize;

/// One code system.
#[derive(Debug)]
pub struct CodeSystem {
    /// `url`
    pub url: Box<str>,
    /// `version`
    pub version: Option<Box<str>>,
    /// `name`
    pub name: Box<str>,
    /// `title`
    pub title: Option<Box<str>>,
    /// `status`
    pub status: Box<str>,
    /// `experimental`
    pub experimental: bool,
    /// `language`: that of the displays.
    pub language: Option<Box<str>>,
    /// How much of it is here.
    pub content: Content,
    /// Whether codes differ when only their case does; taken as so where it is not said.
    pub case_sensitive: bool,
    /// Whether it has a grammar for codes beyond those listed.
    pub compositional: bool,
    /// Whether concept meanings change between versions.
    pub version_needed: bool,
    /// The value set of all codes.
    pub value_set: Option<Box<str>>,
    /// What it adds to, for a supplement.
    pub supplements: Option<Box<str>>,
    /// `is-a`, `grouped-by`, `part-of`, `classified-with`
    pub hierarchy_meaning: Option<Box<str>>,
    /// `count`: how many concepts the whole has.
    pub count: Option<u32>,
    /// The properties that concepts may have: code, uri, type.
    pub properties: Vec<PropertyDefinition>,
    /// The filters it declares: code, operators.
    pub filters: Vec<(Box<str>, Vec<Box<str>>)>,
    text: String,
    rows: Vec<Row>,
    by_code: Vec<u32>,
    /// The same in the order of lower-case codes; made when first wanted.
    by_folded: OnceLock<Vec<u32>>,
    parents: Vec<u32>,
    children: Vec<u32>,
    values: Vec<(Span, PropertyValue, Span)>,
    designations: Vec<Designation>,
    /// Extensions of the few concepts that have some, in the order of the concepts.
    extensions: Vec<(u32, Extension)>,
    /// `http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status`
    pub standards_status: Option<Box<str>>,
}

/// A property that concepts may have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PropertyDefinition {
    /// Its code here.
    pub code: Box<str>,
    /// What it means, such as `http://hl7.org/fhir/concept-properties#status`.
    pub uri: Option<Box<str>>,
    /// `code`, `Coding`, `string`, `integer`, `boolean`, `dateTime`, `decimal`
    pub kind: Box<str>,
}

/// What kind of value a property has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PropertyValue {
    /// A code of the same system.
    Code,
    /// `system|code`
    Coding,
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`
    Boolean,
    /// A date or time.
    DateTime,
    /// A number.
    Decimal,
}

/// One property of a concept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Property<'a> {
    /// Its code.
    pub code: &'a str,
    /// What kind of value.
    pub kind: PropertyValue,
    /// The value as text; of a Coding `system|code`.
    pub value: &'a str,
}

impl CodeSystem {
    /// Reads a CodeSystem resource.
    pub fn read(tree: &Tree) -> CodeSystem {
        let root = tree.root();
        let text = |name: &str| root.text_at(name).map(Box::from);
        let flag = |name: &str| root.text_at(name).map(|value| value == "true");
        let mut system = CodeSystem {
            url: text("url").unwrap_or_default(),
            version: text("version"),
            name: text("name").unwrap_or_default(),
            title: text("title"),
            status: text("status").unwrap_or_default(),
            experimental: flag("experimental").unwrap_or(false),
            language: text("language"),
            // Whatever else it says of its content: what names a system that it supplements is none of its own.
            content: match root.text_at("content").filter(|_| root.get("supplements").is_none()) {
                Some("complete") => Content::Complete,
                Some("fragment") => Content::Fragment,
                Some("example") => Content::Example,
                Some("supplement") => Content::Supplement,
                None if root.get("supplements").is_some() => Content::Supplement,
                _ => Content::NotPresent,
            },
            case_sensitive: flag("caseSensitive").unwrap_or(true),
            compositional: flag("compositional").unwrap_or(false),
            version_needed: flag("versionNeeded").unwrap_or(false),
            value_set: text("valueSet"),
            supplements: text("supplements"),
            hierarchy_meaning: text("hierarchyMeaning"),
            count: root.text_at("count").and_then(|count| count.parse().ok()),
            properties: root.all("property").map(property_definition).collect(),
            filters: root.all("filter").map(filter_definition).collect(),
            text: String::new(),
            rows: Vec::new(),
            by_code: Vec::new(),
            by_folded: OnceLock::new(),
            parents: Vec::new(),
            children: Vec::new(),
            values: Vec::new(),
            designations: Vec::new(),
            extensions: Vec::new(),
            standards_status: crate::extension::value_of(root, crate::extension::STANDARDS_STATUS),
        };
        let mut edges = Vec::new();
        system.add(root, None, &mut edges);
        system.index(edges);
        system
    }

    fn keep(&mut self, text: &str) -> Span {
        let span = Span { start: self.text.len() as u32, length: text.len() as u32 };
        self.text.push_str(text);
        span
    }

    fn add(&mut self, element: Element<'_>, above: Option<u32>, edges: &mut Vec<(u32, u32)>) {
        for concept in element.all("concept") {
            let index = self.rows.len() as u32;
            let row = Row {
                code: self.keep(concept.text_at("code").unwrap_or_default()),
                display: self.keep(concept.text_at("display").unwrap_or_default()),
                definition: self.keep(concept.text_at("definition").unwrap_or_default()),
                designations: self.designations.len() as u32,
                properties: self.values.len() as u32,
                parents: 0,
                children: 0,
            };
            self.rows.push(row);
            if let Some(above) = above {
                edges.push((above, index));
            }
            self.extensions.extend(extensions(concept).into_iter().map(|one| (index, one)));
            self.designations.extend(concept.all("designation").map(Designation::read));
            for property in concept.all("property") {
                self.add_property(property);
            }
            self.add(concept, Some(index), edges);
        }
    }

    fn add_property(&mut self, property: Element<'_>) {
        let Some(code) = property.text_at("code") else { return };
        let Some(value) = property.children().find(|child| child.name().starts_with("value")) else { return };
        let (kind, text) = match value.name() {
            "valueCode" => (PropertyValue::Code, value.text()),
            "valueInteger" => (PropertyValue::Integer, value.text()),
            "valueBoolean" => (PropertyValue::Boolean, value.text()),
            "valueDateTime" => (PropertyValue::DateTime, value.text()),
            "valueDecimal" => (PropertyValue::Decimal, value.text()),
            "valueCoding" => {
                let part = |name| value.text_at(name).unwrap_or_default();
                let (code, text) = (self.keep(code), self.keep(&format!("{}|{}", part("system"), part("code"))));
                self.values.push((code, PropertyValue::Coding, text));
                return;
            }
            _ => (PropertyValue::String, value.text()),
        };
        let (code, text) = (self.keep(code), self.keep(text.unwrap_or_default()));
        self.values.push((code, kind, text));
    }

    /// Sorts the codes and settles parents and children, those of `parent`, `child` and `subsumedBy` properties too.
    fn index(&mut self, mut edges: Vec<(u32, u32)>) {
        let mut by_code: Vec<u32> = (0..self.rows.len() as u32).collect();
        by_code.sort_by(|left, right| self.code(*left as usize).cmp(self.code(*right as usize)));
        self.by_code = by_code;
        for index in 0..self.rows.len() {
            for property in self.properties_of(index) {
                let other = || self.find_exact(property.value).map(|other| other as u32);
                match property.code {
                    "parent" | "subsumedBy" => edges.extend(other().map(|other| (other, index as u32))),
                    "child" => edges.extend(other().map(|other| (index as u32, other))),
                    _ => {}
                }
            }
        }
        edges.retain(|(parent, child)| parent != child);
        edges.sort_unstable();
        edges.dedup();
        let mut next = edges.iter().peekable();
        for (index, row) in self.rows.iter_mut().enumerate() {
            row.children = self.children.len() as u32;
            while let Some((_, child)) = next.next_if(|(parent, _)| *parent as usize == index) {
                self.children.push(*child);
            }
        }
        edges.sort_unstable_by_key(|(parent, child)| (*child, *parent));
        let mut next = edges.iter().peekable();
        for (index, row) in self.rows.iter_mut().enumerate() {
            row.parents = self.parents.len() as u32;
            while let Some((parent, _)) = next.next_if(|(_, child)| *child as usize == index) {
                self.parents.push(*parent);
            }
        }
    }

    fn at(&self, span: Span) -> &str {
        self.text.get(span.start as usize..(span.start + span.length) as usize).unwrap_or_default()
    }

    /// How many concepts are here.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no concept is here.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The code of a concept; empty for an index that is not here.
    pub fn code(&self, index: ConceptIndex) -> &str {
        self.rows.get(index).map_or("", |row| self.at(row.code))
    }

    /// The display of a concept, where it has one (and its owner lets us say it).
    pub fn display(&self, index: ConceptIndex) -> Option<&str> {
        self.rows.get(index).map(|row| self.at(row.display)).filter(|display| !display.is_empty())
    }

    /// What a concept means, where it says so.
    pub fn definition(&self, index: ConceptIndex) -> Option<&str> {
        self.rows.get(index).map(|row| self.at(row.definition)).filter(|definition| !definition.is_empty())
    }

    /// The simple extensions of a concept.
    pub fn extensions(&self, index: ConceptIndex) -> impl Iterator<Item = &Extension> {
        let start = self.extensions.partition_point(|(place, _)| (*place as usize) < index);
        let rest = self.extensions.get(start..).unwrap_or_default().iter();
        rest.take_while(move |(place, _)| *place as usize == index).map(|(_, one)| one)
    }

    /// The concept of a code, by the system's rule of case.
    pub fn find(&self, code: &str) -> Option<ConceptIndex> {
        self.find_exact(code).or_else(|| if self.case_sensitive { None } else { self.find_folded(code) })
    }

    fn find_folded(&self, code: &str) -> Option<ConceptIndex> {
        let folded = |index: &u32| self.code(*index as usize).to_lowercase();
        let order = self.by_folded.get_or_init(|| {
            let mut order: Vec<u32> = (0..self.rows.len() as u32).collect();
            order.sort_by_cached_key(folded);
            order
        });
        let wanted = code.to_lowercase();
        let place = order.binary_search_by(|index| folded(index).cmp(&wanted)).ok()?;
        order.get(place).map(|index| *index as usize)
    }

    fn find_exact(&self, code: &str) -> Option<ConceptIndex> {
        let place = self.by_code.binary_search_by(|index| self.code(*index as usize).cmp(code)).ok()?;
        self.by_code.get(place).map(|index| *index as usize)
    }

    fn range<'a, T>(&'a self, list: &'a [T], index: ConceptIndex, of: impl Fn(&Row) -> u32) -> &'a [T] {
        let Some(row) = self.rows.get(index) else { return &[] };
        let end = self.rows.get(index + 1).map_or(list.len(), |next| of(next) as usize);
        list.get(of(row) as usize..end).unwrap_or_default()
    }

    /// The concepts right above.
    pub fn parents(&self, index: ConceptIndex) -> &[u32] {
        self.range(&self.parents, index, |row| row.parents)
    }

    /// The concepts right below.
    pub fn children(&self, index: ConceptIndex) -> &[u32] {
        self.range(&self.children, index, |row| row.children)
    }

    /// Designations of a concept: other languages, other uses.
    pub fn designations(&self, index: ConceptIndex) -> &[Designation] {
        self.range(&self.designations, index, |row| row.designations)
    }

    /// Properties of a concept.
    pub fn properties_of(&self, index: ConceptIndex) -> impl Iterator<Item = Property<'_>> {
        self.range(&self.values, index, |row| row.properties).iter().map(|(code, kind, value)| Property {
            code: self.at(*code),
            kind: *kind,
            value: self.at(*value),
        })
    }

    /// Whether `concept` is `ancestor` or lies below it. Ends also on a cyclic hierarchy.
    pub fn is_a(&self, concept: ConceptIndex, ancestor: ConceptIndex) -> bool {
        concept == ancestor || self.ancestors(concept).contains(&(ancestor as u32))
    }

    /// All concepts above, nearest first.
    pub fn ancestors(&self, concept: ConceptIndex) -> Vec<u32> {
        self.closure(concept, |index| self.parents(index))
    }

    /// All concepts below.
    pub fn descendants(&self, concept: ConceptIndex) -> Vec<u32> {
        self.closure(concept, |index| self.children(index))
    }

    fn closure<'a>(&'a self, concept: ConceptIndex, step: impl Fn(ConceptIndex) -> &'a [u32]) -> Vec<u32> {
        let mut seen = std::collections::HashSet::new();
        let mut found: Vec<u32> = Vec::new();
        let mut at = 0;
        let mut next = step(concept);
        loop {
            found.extend(next.iter().filter(|index| **index as usize != concept && seen.insert(**index)));
            let Some(index) = found.get(at) else { return found };
            next = step(*index as usize);
            at += 1;
        }
    }

    /// Whether a concept is marked not for use: `inactive`, or a `status` or `retirementDate` that says so.
    pub fn is_inactive(&self, index: ConceptIndex) -> bool {
        self.properties_of(index).any(|property| match property.code {
            "inactive" => property.value == "true",
            "status" => matches!(property.value, "retired" | "inactive"),
            _ => false,
        })
    }

    /// Whether a concept only groups others (`notSelectable`, `abstract`).
    pub fn is_abstract(&self, index: ConceptIndex) -> bool {
        self.properties_of(index).any(|property| {
            property.value == "true"
                && (matches!(property.code, "notSelectable" | "abstract")
                    || self.properties.iter().any(|defined| {
                        *defined.code == *property.code
                            && defined.uri.as_deref() == Some("http://hl7.org/fhir/concept-properties#notSelectable")
                    }))
        })
    }
}

fn property_definition(element: Element<'_>) -> PropertyDefinition {
    PropertyDefinition {
        code: element.text_at("code").unwrap_or_default().into(),
        uri: element.text_at("uri").map(Box::from),
        kind: element.text_at("type").unwrap_or_default().into(),
    }
}

fn filter_definition(element: Element<'_>) -> (Box<str>, Vec<Box<str>>) {
    let operators = element.all("operator").filter_map(Element::text).map(Box::from).collect();
    (element.text_at("code").unwrap_or_default().into(), operators)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system() -> CodeSystem {
        let text = br#"{"resourceType":"CodeSystem","url":"http://example.org/cs","content":"complete","caseSensitive":false,
            "property":[{"code":"notSelectable","type":"boolean"},{"code":"parent","type":"code"}],
            "concept":[{"code":"b","display":"B","property":[{"code":"notSelectable","valueBoolean":true}],
                "concept":[{"code":"b1","designation":[{"language":"fr","value":"b un"}]},{"code":"b2","concept":[{"code":"b21"}]}]},
              {"code":"a","property":[{"code":"parent","valueCode":"b1"},{"code":"status","valueCode":"retired"}]},
              {"code":"loop","property":[{"code":"parent","valueCode":"a"},{"code":"child","valueCode":"a"}]}]}"#;
        CodeSystem::read(&model::json::read(text, &Default::default()).unwrap())
    }

    #[test]
    fn concepts_are_found_with_what_is_said_of_them() {
        let system = system();
        assert_eq!(system.len(), 6);
        let find = |code| system.find(code).unwrap();
        assert_eq!(system.display(find("b")), Some("B"));
        assert_eq!(system.display(find("b1")), None);
        assert_eq!(system.find("B21"), system.find("b21"));
        assert_eq!(system.find("b3"), None);
        assert!(system.is_abstract(find("b")) && !system.is_abstract(find("b1")));
        assert!(system.is_inactive(find("a")) && !system.is_inactive(find("b")));
        assert_eq!(&*system.designations(find("b1"))[0].value, "b un");
        assert!(system.designations(find("b2")).is_empty());
    }

    #[test]
    fn hierarchy_comes_from_nesting_and_properties_and_cycles_end() {
        let system = system();
        let find = |code| system.find(code).unwrap();
        assert!(system.is_a(find("b21"), find("b")));
        assert!(system.is_a(find("a"), find("b")));
        assert!(!system.is_a(find("b"), find("b21")));
        assert_eq!(system.parents(find("a")).len(), 2);
        assert_eq!(system.descendants(find("b")).len(), 5);
        assert!(system.is_a(find("loop"), find("a")) && system.is_a(find("a"), find("loop")));
    }
}
