//! Validation: a resource held against its type and any number of profiles, and terminology in process.
//!
//! [`Validator::validate`] takes a tree and gives [`Issue`]s: every rule that is broken, where (FHIRPath, line and
//! column) and by whose word (invariant key or profile). It never fails, does no I/O and has no clock. Structures are
//! compiled once for each catalog into programs, which all validations share; one pass over the tree carries what
//! holds at each element.
//!
//! Questions of terminology that cannot be decided here are data ([`Validator::validate_with`]): who has a terminology
//! server asks it, and validates again with its answers.
//!
//! Not here: storing outcomes, deciding what to do about them, asking terminology servers.

mod finding;
mod known;
mod options;
mod pass;
mod places;
mod program;
mod rule;
mod said;
pub mod terminology;
mod text_places;
mod trial;

use std::sync::Arc;

use catalog::Catalog;
use model::{Issue, IssueType, Severity, Tree};

use finding::Finding;
pub use options::{Mode, Options};
use pass::Pass;
use program::Programs;
pub use terminology::Terminology;
use terminology::{Answers, Elsewhere, Question};
use text_places::TextPlaces;

/// A table whose keys nobody outside chooses to collide: the seed differs between processes.
type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
type Set<T> = std::collections::HashSet<T, foldhash::fast::RandomState>;

/// Validates resources over one catalog. Share it: what it compiles is kept for the next validation.
pub struct Validator {
    programs: Programs,
    terminology: Terminology,
}

impl Validator {
    /// A validator over a catalog; compiles nothing yet.
    pub fn new(catalog: Arc<Catalog>) -> Validator {
        Validator { programs: Programs::new(catalog.clone()), terminology: Terminology::new(catalog) }
    }

    /// The terminology it uses.
    pub fn terminology(&self) -> &Terminology {
        &self.terminology
    }

    /// The catalog it works over.
    pub fn catalog(&self) -> &Catalog {
        &self.programs.catalog
    }

    /// Everything that is wrong with, or worth saying of, a resource: the text's faults ([`Tree::issues`]) and the
    /// content's, in the order of the text. No error or fatal among them means that it is valid.
    pub fn validate(&self, tree: &Tree, options: &Options) -> Vec<Issue> {
        self.validate_by(&self.terminology, tree, options)
    }

    /// The same with answers from elsewhere, and the questions that have none yet.
    pub fn validate_with(&self, tree: &Tree, options: &Options, answers: Answers) -> (Vec<Issue>, Vec<Question>) {
        let elsewhere = Arc::new(Elsewhere::with(answers));
        let issues = self.validate_by(&self.terminology.with(elsewhere.clone()), tree, options);
        (issues, elsewhere.questions())
    }

    fn validate_by(&self, terminology: &Terminology, tree: &Tree, options: &Options) -> Vec<Issue> {
        if options.mode == Mode::Delete {
            return Vec::new();
        }
        let root = tree.root();
        let mut issues = tree.issues().to_vec();
        for issue in &mut issues {
            issue.path = in_fhirpath(tree, &self.programs.catalog, &issue.path);
        }
        if root.resource_type().is_none_or(str::is_empty) {
            if issues.is_empty() {
                issues.push(Issue::error(IssueType::Structure, "", "There is no resource here: no resourceType."));
            }
            return issues;
        }
        let prepared = fhirpath::Prepared::new(tree, &*self.programs.catalog);
        let mut pass = Pass::new(&self.programs, terminology, options, tree, prepared);
        let mut nodes = Vec::new();
        for profile in &options.profiles {
            rule::resource::add(&mut pass, root, profile, Severity::Error, &mut nodes);
        }
        if options.claimed_profiles {
            rule::resource::claimed(&mut pass, root, &mut nodes);
        }
        if options.mode == Mode::Update && root.get("id").is_none() {
            pass.error(IssueType::Required, root, "mode", || {
                "A resource that replaces another must have an id.".into()
            });
        }
        pass.resource_with(root, nodes);
        rule::identity::ids(&mut pass, root);
        self.tell(tree, pass.into_findings(), &mut issues);
        issues
    }

    /// Adds findings with their paths and positions, in the order of the text, each once.
    fn tell(&self, tree: &Tree, mut findings: Vec<Finding>, issues: &mut Vec<Issue>) {
        // Errors first at one element, so that of one text said twice the graver one stays.
        let place = |finding: &Finding| {
            let offset = tree.element(finding.element).offset().unwrap_or(0);
            (offset, finding.element, finding.severity)
        };
        findings.sort_by_key(place);
        let mut places = TextPlaces::of(tree.source());
        let mut last: Vec<(String, String)> = Vec::new();
        let mut path_of = (None, String::new());
        for finding in findings {
            let element = tree.element(finding.element);
            if path_of.0 != Some(finding.element) {
                path_of = (Some(finding.element), element.path_in(&*self.programs.catalog));
                last.clear();
            }
            let key = (finding.text, finding.rule.to_string());
            if last.iter().any(|known| known.0 == key.0) {
                continue;
            }
            let position = element.offset().map(|offset| places.position(offset));
            let issue = Issue::new(finding.severity, finding.code, path_of.1.clone(), key.0.clone());
            issues.push(issue.with_rule(key.1.clone()).at(position));
            last.push(key);
        }
    }
}

/// The path of a fault of the text, which knows no types, as the other issues have it: `value.ofType(Quantity)`.
fn in_fhirpath(tree: &Tree, catalog: &Catalog, path: &str) -> String {
    let mut at = tree.root();
    let mut steps = path.split('.').skip(1);
    while let Some(step) = steps.next() {
        let (name, index) = step.trim_end_matches(']').split_once('[').unwrap_or((step, "0"));
        let index = index.parse().unwrap_or_default();
        let Some(child) = at.children().filter(|child| child.name() == name).nth(index) else {
            let rest: Vec<&str> = std::iter::once(step).chain(steps).collect();
            return format!("{}.{}", at.path_in(catalog), rest.join("."));
        };
        at = child;
    }
    if path.contains('.') { at.path_in(catalog) } else { path.to_owned() }
}
