//! Invariants, compiled once each however many structures repeat them.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use catalog::Constraint;
use fhirpath::Expression;
use model::{Name, Severity, TypeId};

use super::{Programs, read, write};

/// Invariants are the same when these are.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct RuleKey {
    key: Box<str>,
    expression: Box<str>,
    severity: Severity,
    ty: Box<str>,
    outer: bool,
}

/// An invariant.
pub(crate) struct Rule {
    pub(crate) key: Box<str>,
    pub(crate) severity: Severity,
    pub(crate) text: Box<str>,
    pub(crate) source: Option<Box<str>>,
    pub(crate) best_practice: bool,
    /// It was made on an element that holds a resource, not on that resource: `%resource` is the one around it.
    pub(crate) outer: bool,
    pub(crate) how: Shortcut,
}

/// How an invariant is decided.
pub(crate) enum Shortcut {
    /// `ele-1`: a value, or a child that is not `id`.
    HasContent,
    /// `ext-1`: extensions or a value, not both and not neither.
    ValueOrExtensions,
    /// Decided elsewhere in this crate.
    Elsewhere,
    /// By evaluation.
    Expression(Expression),
    /// It does not compile.
    Broken(String),
}

/// Rules that have a file of their own under `rule/`.
const ELSEWHERE: [&str; 3] = ["ref-1", "txt-1", "txt-2"];

impl Programs {
    /// The compiled form of an invariant on elements of a type; `None` where it has no expression.
    pub(super) fn rule(&self, constraint: &Constraint, ty: &str, outer: bool) -> Option<Arc<Rule>> {
        let expression = &*repaired(&constraint.key, constraint.expression.as_deref()?);
        let key = RuleKey {
            key: constraint.key.clone(),
            expression: expression.into(),
            severity: constraint.severity,
            ty: if expression == HAS_CONTENT { "".into() } else { ty.into() },
            outer: outer && expression.contains("esource"),
        };
        if let Some(known) = read(&self.rules).get(&key) {
            return Some(known.clone());
        }
        let how = match (&*constraint.key, expression) {
            (_, HAS_CONTENT) => Shortcut::HasContent,
            ("ext-1", _) => Shortcut::ValueOrExtensions,
            (key, _) if ELSEWHERE.contains(&key) => Shortcut::Elsewhere,
            _ => match Expression::compile(expression, &*self.catalog, self.type_id(ty)) {
                Ok(expression) => Shortcut::Expression(expression),
                Err(error) => Shortcut::Broken(error.to_string()),
            },
        };
        let rule = Arc::new(Rule {
            key: constraint.key.clone(),
            severity: if constraint.best_practice { Severity::Warning } else { constraint.severity },
            text: constraint.human.clone().unwrap_or_else(|| expression.into()),
            source: constraint.source.clone(),
            best_practice: constraint.best_practice,
            outer: key.outer,
            how,
        });
        Some(write(&self.rules).entry(key).or_insert(rule).clone())
    }

    fn type_id(&self, ty: &str) -> Option<TypeId> {
        use model::Shapes;
        self.catalog.named(Name::of(ty)?)
    }
}

const HAS_CONTENT: &str = "hasValue() or (children().count() > id.count())";

/// `x.contains('y').not()` holds where there is no x: so published rules mean it, though the language says otherwise.
fn without_negated_tests(expression: &str) -> Cow<'_, str> {
    static NEGATED: LazyLock<Option<regex::Regex>> = LazyLock::new(|| {
        regex::Regex::new(r"([A-Za-z.]+)\.(contains|startsWith|endsWith|matches)\(('[^']*')\)\.not\(\)").ok()
    });
    match &*NEGATED {
        Some(negated) if expression.contains(".not()") => {
            negated.replace_all(expression, "$1.where($$this.$2($3)).empty()")
        }
        _ => expression.into(),
    }
}

/// Published expressions that do not say what the standard's own text says, as the reference validator mends them.
fn repaired<'e>(key: &str, expression: &'e str) -> Cow<'e, str> {
    match key {
        "ele-1" => HAS_CONTENT.into(),
        // Its text says more than one.
        "que-12" => expression.replace("> 2", "> 1").into(),
        // `as String` is meant for FHIR's string.
        _ if expression.contains(" as String)") => expression.replace(" as String)", " as string)").into(),
        _ => without_negated_tests(expression),
    }
}
