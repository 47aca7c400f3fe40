//! OperationDefinition: <http://hl7.org/fhir/R4/operationdefinition.html>.

use model::{Element, Tree};

/// One operation.
#[derive(Clone, Debug, Default)]
pub struct OperationDefinition {
    /// `url`
    pub url: Box<str>,
    /// `version`
    pub version: Option<Box<str>>,
    /// `operation` or `query`
    pub kind: Box<str>,
    /// What stands behind `$`.
    pub code: Box<str>,
    /// Whether it changes content; then GET is not allowed.
    pub affects_state: bool,
    /// Resource types it is defined on.
    pub resources: Vec<Box<str>>,
    /// `[base]/$code`
    pub system: bool,
    /// `[base]/Type/$code`
    pub r#type: bool,
    /// `[base]/Type/id/$code`
    pub instance: bool,
    /// Parameters in and out.
    pub parameters: Vec<OperationParameter>,
}

/// One parameter of an operation.
#[derive(Clone, Debug, Default)]
pub struct OperationParameter {
    /// Its name.
    pub name: Box<str>,
    /// `use` is `out`.
    pub is_output: bool,
    /// How often at least.
    pub min: u32,
    /// How often at most; `u32::MAX` for `*`.
    pub max: u32,
    /// Its type; `None` where it has parts.
    pub kind: Option<Box<str>>,
    /// The value set its codes are taken from.
    pub value_set: Option<Box<str>>,
    /// Its parts.
    pub parts: Vec<OperationParameter>,
}

impl OperationDefinition {
    /// Reads an OperationDefinition resource.
    pub fn read(tree: &Tree) -> OperationDefinition {
        let root = tree.root();
        let text = |name: &str| root.text_at(name).unwrap_or_default().into();
        let flag = |name: &str| root.text_at(name) == Some("true");
        OperationDefinition {
            url: text("url"),
            version: root.text_at("version").map(Box::from),
            kind: text("kind"),
            code: text("code"),
            affects_state: flag("affectsState"),
            resources: root.all("resource").filter_map(Element::text).map(Box::from).collect(),
            system: flag("system"),
            r#type: flag("type"),
            instance: flag("instance"),
            parameters: root.all("parameter").map(parameter).collect(),
        }
    }
}

fn parameter(element: Element<'_>) -> OperationParameter {
    OperationParameter {
        name: element.text_at("name").unwrap_or_default().into(),
        is_output: element.text_at("use") == Some("out"),
        min: element.text_at("min").and_then(|min| min.parse().ok()).unwrap_or(0),
        max: element.text_at("max").and_then(|max| max.parse().ok()).unwrap_or(u32::MAX),
        kind: element.text_at("type").map(Box::from),
        value_set: element.text_at("binding.valueSet").map(Box::from),
        parts: element.all("part").map(parameter).collect(),
    }
}
