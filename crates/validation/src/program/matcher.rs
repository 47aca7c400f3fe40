//! Discriminators as tests: what an item must look like to fall into a slice
//! (<http://hl7.org/fhir/R4/profiling.html#discriminator>).
//!
//! The path of a discriminator is walked through the definitions below the slice, through type profiles, extension
//! definitions and targets of references, to the element whose fixed value, pattern, type, profile, binding or
//! cardinality tells the slices apart.

use std::sync::{Arc, OnceLock};

use catalog::{BindingStrength, Discriminator, DiscriminatorType, ElementDefinition, Slicing, Structure};
use model::{Name, Tree};

use super::{Node, Programs};

/// One step of a discriminator's path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// A child; of a choice under whatever name.
    Child { name: Box<str>, id: Option<Name>, choice: bool },
    /// `resolve()`
    Resolve,
    /// `extension('url')`
    Extension(Box<str>),
    /// `ofType(Quantity)`
    OfType(Box<str>),
}

impl Step {
    fn child(name: &str, choice: bool) -> Step {
        Step::Child { name: name.into(), id: Name::of(name), choice }
    }
}

/// One discriminator for one slice.
pub(crate) struct Matcher {
    pub(crate) path: Vec<Step>,
    pub(crate) test: Test,
}

/// What must hold at the end of the path.
pub(crate) enum Test {
    /// All of these.
    Value(Vec<Need>),
    /// There, or not there.
    Exists(bool),
    /// One of these types.
    Type(Vec<Box<str>>),
    /// One of these profiles is met.
    Profile(Vec<Wanted>),
    /// A code of this value set.
    Code(Box<str>),
    /// The place among the items.
    Position(usize),
}

/// A profile that an item must meet.
pub(crate) struct Wanted {
    pub(crate) url: Box<str>,
    canonical: Box<str>,
    root: OnceLock<Option<Node>>,
}

impl Wanted {
    fn new(canonical: Box<str>) -> Wanted {
        Wanted { url: catalog::Canonical::of(&canonical).url.into(), canonical, root: OnceLock::new() }
    }

    /// Its root; `None` where the catalog does not have it.
    pub(crate) fn root(&self, programs: &Programs) -> Option<Node> {
        *self.root.get_or_init(|| programs.root(&self.canonical))
    }
}

/// A value somewhere at or below the end of the path.
pub(crate) struct Need {
    pub(crate) path: Vec<Step>,
    pub(crate) value: Arc<Tree>,
    /// Nothing else may be there.
    pub(crate) exact: bool,
}

/// What a profile demands of a resource so plainly that it can be seen before anything is tried.
#[derive(Default)]
pub(crate) struct Needs {
    /// Values where something must be.
    pub(crate) values: Vec<Need>,
    /// Elements that must be there, with the value sets that their codes must be of.
    pub(crate) codes: Vec<(Step, Box<str>)>,
}

const NESTED: usize = 4;

impl Matcher {
    /// The tests of a slice; `None` where no discriminator has anything to go by.
    pub(super) fn all(
        programs: &Programs,
        structure: &Arc<Structure>,
        slice: usize,
        slicing: &Slicing,
        place: usize,
    ) -> Option<Vec<Matcher>> {
        if slicing.discriminators.is_empty() {
            return None;
        }
        let here = At { structure: structure.clone(), index: slice };
        // A discriminator that a slice says nothing of leaves the others to tell.
        let found: Vec<Matcher> =
            slicing.discriminators.iter().filter_map(|one| Matcher::of(programs, &here, one, place)).collect();
        (!found.is_empty()).then_some(found)
    }

    /// What a profile plainly demands.
    pub(super) fn needs(programs: &Programs, structure: &Arc<Structure>) -> Needs {
        let root = At { structure: structure.clone(), index: 0 };
        let mut needs = Needs::default();
        collect(programs, &root, &mut Vec::new(), 0, &mut needs.values);
        let base = At::root(programs, &structure.facts.r#type);
        for child in structure.children(0) {
            let element = structure.element(*child as usize);
            let Some(binding) = element.binding.as_ref().filter(|_| element.min > 0 && !element.is_choice()) else {
                continue;
            };
            let Some(value_set) = binding.value_set.as_ref() else { continue };
            let plain = base.as_ref().and_then(|base| Some(base.same(base.structure.child(0, element.name())? as u32)));
            let plain = plain.and_then(|plain| plain.element().binding.as_ref()?.value_set.clone());
            if binding.strength == BindingStrength::Required && plain.as_deref() != Some(&**value_set) {
                needs.codes.push((Step::child(element.name(), false), value_set.clone()));
            }
        }
        needs
    }

    /// A slice of extensions names the extension by its type profile, whether or not that is known.
    fn of_extension(slice: &At, discriminator: &Discriminator) -> Option<Matcher> {
        let [ty] = &*slice.element().types else { return None };
        let ([profile], "Extension", "url") = (&*ty.profiles, &*ty.code, &*discriminator.path) else { return None };
        let mut url = Tree::new("url");
        url.edit().set_value(catalog::Canonical::of(profile).url);
        let path = vec![Step::child("url", false)];
        let need = Need { path: Vec::new(), value: Arc::new(url), exact: true };
        Some(Matcher { path, test: Test::Value(vec![need]) })
    }

    fn of(programs: &Programs, slice: &At, discriminator: &Discriminator, place: usize) -> Option<Matcher> {
        if discriminator.kind == DiscriminatorType::Position {
            return Some(Matcher { path: Vec::new(), test: Test::Position(place) });
        }
        if let Some(matcher) = Matcher::of_extension(slice, discriminator) {
            return Some(matcher);
        }
        let mut path = Vec::new();
        let mut ends = vec![slice.clone()];
        for step in steps(&discriminator.path)? {
            let mut choice = false;
            ends = ends.iter().flat_map(|at| at.step(programs, &step, &mut choice)).collect();
            path.push(match step {
                Step::Child { name, id, .. } => Step::Child { name, id, choice },
                step => step,
            });
        }
        let test = match discriminator.kind {
            DiscriminatorType::Value | DiscriminatorType::Pattern => value_test(programs, &ends)?,
            DiscriminatorType::Exists => exists_test(&ends)?,
            DiscriminatorType::Type => Test::Type(types(programs, &ends, &path)?),
            _ => Test::Profile(profiles(&ends, &path)?.into_iter().map(Wanted::new).collect()),
        };
        Some(Matcher { path, test })
    }
}

/// Whether the path of a discriminator on an element leads somewhere, else why not. What is not known here is taken to
/// be right.
pub(crate) fn leads(programs: &Programs, structure: &Arc<Structure>, index: usize, path: &str) -> Result<(), String> {
    let Some(steps) = steps(path) else { return Err("is no path that a discriminator may have".into()) };
    let mut ends = vec![At { structure: structure.clone(), index }];
    for step in steps {
        if let Step::Child { name, .. } = &step
            && !ends.is_empty()
            && ends.iter().all(|at| at.lacks(programs, name))
        {
            return Err(format!("leads nowhere: there is no element '{name}'"));
        }
        ends = ends.iter().flat_map(|at| at.step(programs, &step, &mut false)).collect();
    }
    Ok(())
}

/// The steps of a path in the restricted FHIRPath of discriminators.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut found = Vec::new();
    let mut rest = path.trim();
    while !rest.is_empty() {
        let end = rest.find(['.', '(']).unwrap_or(rest.len());
        let (name, tail) = (rest.get(..end)?, rest.get(end..)?);
        if let Some(argument) = tail.strip_prefix('(') {
            let close = argument.find(')')?;
            let text = argument.get(..close)?.trim();
            let quoted = || text.trim_matches(['\'', '"']).into();
            match name {
                "resolve" => found.push(Step::Resolve),
                "extension" => found.push(Step::Extension(quoted())),
                "ofType" | "as" => found.push(Step::OfType(text.into())),
                "first" | "single" | "last" => {}
                _ => return None,
            }
            rest = argument.get(close + 1..)?;
        } else {
            if name != "$this" && !name.is_empty() {
                found.push(Step::child(name.trim_end_matches("[x]"), false));
            }
            rest = tail;
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    Some(found)
}

/// An element of a structure.
#[derive(Clone)]
struct At {
    structure: Arc<Structure>,
    index: usize,
}

impl At {
    fn element(&self) -> &ElementDefinition {
        self.structure.element(self.index)
    }

    fn root(programs: &Programs, canonical: &str) -> Option<At> {
        programs.program(canonical).map(|program| At { structure: program.structure.clone(), index: 0 })
    }

    fn same(&self, index: u32) -> At {
        At { structure: self.structure.clone(), index: index as usize }
    }

    /// The definitions one step further: an element and those of its slices that must be there.
    fn step(&self, programs: &Programs, step: &Step, choice: &mut bool) -> Vec<At> {
        match step {
            Step::Child { name, .. } => self.child(programs, name, choice),
            Step::Resolve => {
                let profiles = self.element().types.iter().flat_map(|ty| ty.target_profiles.iter());
                profiles.filter_map(|profile| At::root(programs, profile)).collect()
            }
            Step::Extension(url) => self.extension(programs, url),
            Step::OfType(ty) => {
                let slices = self.structure.slices(self.index).iter().map(|slice| self.same(*slice));
                let typed: Vec<At> =
                    slices.filter(|slice| slice.element().types.iter().any(|known| known.code == *ty)).collect();
                if typed.is_empty() { vec![self.clone()] } else { typed }
            }
        }
    }

    /// Its slices and their slices.
    fn slices(&self) -> Vec<At> {
        let mut found: Vec<At> = self.structure.slices(self.index).iter().map(|slice| self.same(*slice)).collect();
        for slice in found.clone() {
            found.extend(slice.slices());
        }
        found
    }

    fn child(&self, programs: &Programs, name: &str, choice: &mut bool) -> Vec<At> {
        let Some(inside) = self.inside(programs, name) else { return Vec::new() };
        let Some(index) = inside.structure.child(inside.index, name) else { return Vec::new() };
        let found = At { structure: inside.structure, index };
        *choice |= found.element().is_choice();
        let mut all: Vec<At> = found.slices().into_iter().filter(|slice| slice.element().min > 0).collect();
        all.insert(0, found);
        all
    }

    /// Where the children of this element are described: here, in its type profile, its type, or what it refers to.
    fn inside(&self, programs: &Programs, name: &str) -> Option<At> {
        if self.structure.child(self.index, name).is_some() {
            return Some(self.clone());
        }
        let element = self.element();
        if let Some(reference) = &element.content_reference {
            let index = self.structure.content_reference(reference)?;
            return Some(At { structure: self.structure.clone(), index });
        }
        let profile = element.types.iter().find_map(|ty| match &*ty.profiles {
            [one] => Some(one.clone()),
            _ => None,
        });
        let profile = profile.and_then(|profile| At::root(programs, &profile));
        let profile = profile.filter(|at| at.structure.child(0, name).is_some());
        profile.or_else(|| At::root(programs, &element.types.first()?.code))
    }

    /// Whether it surely has no child of a name: it has one type, which is known and not abstract.
    fn lacks(&self, programs: &Programs, name: &str) -> bool {
        let types = &self.element().types;
        let open =
            types.len() > 1 || types.first().is_some_and(|ty| matches!(&*ty.code, "Resource" | "DomainResource"));
        let inside = self.inside(programs, name).filter(|_| !open);
        inside.is_some_and(|inside| inside.structure.child(inside.index, name).is_none())
    }

    fn extension(&self, programs: &Programs, url: &str) -> Vec<At> {
        let mut choice = false;
        let found = self.child(programs, "extension", &mut choice);
        let Some(unsliced) = found.first() else { return Vec::new() };
        let profiled = unsliced.slices().into_iter().filter(|slice| {
            let profiles = slice.element().types.iter().flat_map(|ty| ty.profiles.iter());
            profiles.into_iter().any(|profile| catalog::Canonical::of(profile).url == url)
        });
        let mut found: Vec<At> = profiled.collect();
        if found.is_empty() {
            found.extend(At::root(programs, url));
        }
        found
    }
}

fn value_test(programs: &Programs, ends: &[At]) -> Option<Test> {
    let mut needs = Vec::new();
    for end in ends {
        collect(programs, end, &mut Vec::new(), 0, &mut needs);
    }
    if !needs.is_empty() {
        return Some(Test::Value(needs));
    }
    if ends.first().is_some_and(|end| end.element().max == 0) {
        return Some(Test::Exists(false));
    }
    let binding = ends.iter().find_map(|end| {
        let binding = end.element().binding.as_ref()?;
        let required = binding.strength == BindingStrength::Required && end.structure.facts.is_constraint;
        binding.value_set.clone().filter(|_| required)
    });
    if let Some(value_set) = binding {
        return Some(Test::Code(value_set));
    }
    exists_test(ends)
}

/// The fixed values and patterns at an element, else those of what must be below it.
fn collect(programs: &Programs, at: &At, path: &mut Vec<Step>, depth: usize, needs: &mut Vec<Need>) {
    let element = at.element();
    let found =
        element.fixed.as_ref().map(|value| (value, true)).or(element.pattern.as_ref().map(|value| (value, false)));
    if let Some((value, exact)) = found {
        needs.push(Need { path: path.clone(), value: value.clone(), exact });
        return;
    }
    if depth == 0
        && element.name() == "url"
        && at.index > 0
        && at.structure.is_extension()
        && at.structure.parent(at.index) == Some(0)
    {
        let mut tree = Tree::new("url");
        tree.edit().set_value(at.structure.url());
        needs.push(Need { path: path.clone(), value: Arc::new(tree), exact: true });
        return;
    }
    if depth == NESTED {
        return;
    }
    let mut inside = at.clone();
    if at.structure.children(at.index).is_empty() {
        let profile = element.types.iter().find_map(|ty| match &*ty.profiles {
            [one] => At::root(programs, one),
            _ => None,
        });
        match profile {
            Some(profile) => inside = profile,
            None => return,
        }
    }
    for child in inside.structure.children(inside.index) {
        let child = inside.same(*child);
        let slices = child.structure.slices(child.index).iter().map(|slice| child.same(*slice));
        let step = Step::child(child.element().name(), child.element().is_choice());
        for one in std::iter::once(child.clone()).chain(slices).filter(|one| one.element().min > 0) {
            path.push(step.clone());
            collect(programs, &one, path, depth + 1, needs);
            path.pop();
        }
    }
}

fn exists_test(ends: &[At]) -> Option<Test> {
    let element = ends.first()?.element();
    if element.max == 0 {
        return Some(Test::Exists(false));
    }
    ends.iter().any(|end| end.element().min > 0).then_some(Test::Exists(true))
}

fn types(programs: &Programs, ends: &[At], path: &[Step]) -> Option<Vec<Box<str>>> {
    let mut found: Vec<Box<str>> = Vec::new();
    for end in ends {
        let element = end.element();
        if end.index == 0 || (path.last() == Some(&Step::Resolve) && element.types.is_empty()) {
            found.push(end.structure.facts.r#type.clone());
            continue;
        }
        for ty in element.types.iter() {
            let is_url = ty.code.contains('/');
            let code = is_url.then(|| programs.program(&ty.code)).flatten();
            found.push(code.map_or_else(|| ty.code.clone(), |program| program.structure.facts.r#type.clone()));
        }
    }
    (!found.is_empty()).then_some(found)
}

fn profiles(ends: &[At], path: &[Step]) -> Option<Vec<Box<str>>> {
    let resolves = path.last() == Some(&Step::Resolve);
    let mut found: Vec<Box<str>> = Vec::new();
    for end in ends {
        if resolves || end.index == 0 {
            found.push(end.structure.canonical().into());
        } else {
            found.extend(end.element().types.iter().flat_map(|ty| ty.profiles.iter().cloned()));
        }
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::{Step, steps};

    fn child(name: &str) -> Step {
        Step::child(name, false)
    }

    #[test]
    fn paths_of_discriminators_come_apart() {
        assert_eq!(steps("$this"), Some(vec![]));
        assert_eq!(steps("coding.code"), Some(vec![child("coding"), child("code")]));
        assert_eq!(steps("item.resolve().code"), Some(vec![child("item"), Step::Resolve, child("code")]));
        assert_eq!(
            steps("extension('http://example.org/a.b').value"),
            Some(vec![Step::Extension("http://example.org/a.b".into()), child("value")])
        );
        assert_eq!(steps("value.ofType(Quantity)"), Some(vec![child("value"), Step::OfType("Quantity".into())]));
        assert_eq!(steps("a.where(b)"), None);
    }
}
