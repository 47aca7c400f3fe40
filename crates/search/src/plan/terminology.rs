//! Codes of value sets and code systems, for `:in`, `:above` and `:below`, as far as the catalog has them.

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::{Catalog, CodeSystem, ConceptSet, Content};

use crate::param::{Criterion, token};
use crate::query::QueryError;
use crate::value_sets::{Members, ValueSets};

/// The catalog, asked on behalf of a parameter.
pub(crate) struct Terminology<'c> {
    pub(crate) catalog: Option<&'c Catalog>,
    pub(crate) written: &'c str,
    /// Who tells of sets that cannot be listed.
    pub(crate) value_sets: Option<&'c Arc<dyn ValueSets>>,
}

/// A system and a code.
type Coding = (String, String);

/// Value sets that include one another, one inside the other.
const DEPTH: usize = 16;

impl Terminology<'_> {
    fn refuse(&self, reason: String) -> QueryError {
        QueryError::unsupported(self.written, reason)
    }

    /// What meets `:in`: every code of a value set.
    pub(crate) fn members(&self, url: &str) -> Result<Vec<Criterion>, QueryError> {
        let error = match self.expand(url, DEPTH) {
            Ok(codes) => return Ok(codes.into_iter().map(criterion).collect()),
            Err(error) => error,
        };
        match self.value_sets.filter(|sets| sets.is_known(url)) {
            Some(sets) => {
                let members = Members { sets: sets.clone(), url: url.to_owned() };
                Ok(vec![Criterion::Token(token::Criterion::Members(members))])
            }
            None => Err(error),
        }
    }

    fn expand(&self, url: &str, depth: usize) -> Result<BTreeSet<Coding>, QueryError> {
        let found = self.catalog.and_then(|catalog| catalog.value_set(url));
        let set = found.ok_or_else(|| self.refuse(format!("the value set {url} is not known here")))?;
        if depth == 0 {
            return Err(self.refuse(format!("the value set {url} includes itself")));
        }
        if set.include.is_empty()
            && let Some(expansion) = &set.expansion
        {
            if expansion.is_partial {
                return Err(self.refuse(format!("only a part of the value set {url} is known here")));
            }
            let coding = |concept: &catalog::Expanded| {
                (concept.system.as_deref().unwrap_or_default().to_owned(), concept.code.to_string())
            };
            return Ok(expansion.contains.iter().map(coding).collect());
        }
        let mut codes = BTreeSet::new();
        for include in set.include.iter() {
            codes.extend(self.concepts(include, depth)?);
        }
        for exclude in set.exclude.iter() {
            for coding in self.concepts(exclude, depth)? {
                codes.remove(&coding);
            }
        }
        Ok(codes)
    }

    fn concepts(&self, part: &ConceptSet, depth: usize) -> Result<BTreeSet<Coding>, QueryError> {
        let mut found: Option<BTreeSet<Coding>> = None;
        if let Some(system) = part.system.as_deref() {
            let listed = part.concepts.iter().map(|concept| (system.to_owned(), concept.code.to_string()));
            found = Some(match part.concepts.is_empty() {
                false => listed.collect(),
                true => self.filtered(system, part)?,
            });
        }
        for other in part.value_sets.iter() {
            let codes = self.expand(other, depth - 1)?;
            found = Some(match found {
                Some(found) => found.intersection(&codes).cloned().collect(),
                None => codes,
            });
        }
        Ok(found.unwrap_or_default())
    }

    fn filtered(&self, url: &str, part: &ConceptSet) -> Result<BTreeSet<Coding>, QueryError> {
        let system = self.system(url)?;
        let mut codes: BTreeSet<Coding> =
            (0..system.len()).map(|index| (url.to_owned(), system.code(index).to_owned())).collect();
        for filter in part.filters.iter() {
            let kept: BTreeSet<String> = match (&*filter.property, &*filter.operator) {
                ("concept", "is-a" | "descendent-of") => {
                    let Some(top) = system.find(&filter.value) else { return Ok(BTreeSet::new()) };
                    let below = system.descendants(top).into_iter().map(|index| index as usize);
                    let all = below.chain((&*filter.operator == "is-a").then_some(top));
                    all.map(|index| system.code(index).to_owned()).collect()
                }
                (property, operator) => {
                    return Err(
                        self.refuse(format!("the filter {property} {operator} of a value set is not supported"))
                    );
                }
            };
            codes.retain(|(_, code)| kept.contains(code));
        }
        Ok(codes)
    }

    fn system(&self, url: &str) -> Result<std::sync::Arc<CodeSystem>, QueryError> {
        let found = self.catalog.and_then(|catalog| catalog.code_system(url));
        let whole = found.filter(|system| system.content == Content::Complete);
        whole.ok_or_else(|| self.refuse(format!("not all codes of {url} are known here")))
    }

    /// What meets `:below` (the code and those below it) or `:above` (the code and those above it).
    pub(crate) fn relatives(&self, url: &str, code: &str, below: bool) -> Result<Vec<Criterion>, QueryError> {
        if url.is_empty() {
            return Err(QueryError::invalid(self.written, "the system of the code is needed: system|code"));
        }
        let system = self.system(url)?;
        let index = system.find(code);
        let index = index.ok_or_else(|| self.refuse(format!("{code} is no code of {url}")))?;
        let others = if below { system.descendants(index) } else { system.ancestors(index) };
        let all: BTreeSet<&str> =
            others.into_iter().map(|index| index as usize).chain([index]).map(|index| system.code(index)).collect();
        Ok(all.into_iter().map(|code| criterion((url.to_owned(), code.to_owned()))).collect())
    }
}

fn criterion((system, code): Coding) -> Criterion {
    Criterion::Token(token::Criterion::Code { system: token::Asked::Uri(system), code: Some(code) })
}
