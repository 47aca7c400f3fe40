//! Where resources stand in a tree, and which one a reference names
//! (<http://hl7.org/fhir/R4/bundle.html#references>, <http://hl7.org/fhir/R4/references.html#contained>).

use model::{Element, ElementId, Tree};

use crate::{Map, known};

/// The resources of one tree by what references call them.
pub(crate) struct Places<'t> {
    root: Element<'t>,
    /// For every Bundle (and Parameters) what is in it.
    inside: Map<ElementId, Inside<'t>>,
}

#[derive(Default)]
struct Inside<'t> {
    all: Vec<Element<'t>>,
    by_url: Map<&'t str, Vec<Element<'t>>>,
    by_name: Map<(&'t str, &'t str), Vec<Element<'t>>>,
}

/// What a reference leads to.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Target<'t> {
    /// A resource of this tree.
    Here(Element<'t>),
    /// Several resources of this tree.
    Several(Vec<Element<'t>>),
    /// Nothing in this tree.
    Elsewhere,
}

impl<'t> Places<'t> {
    pub(crate) fn of(tree: &'t Tree) -> Places<'t> {
        let mut places = Places { root: tree.root(), inside: Map::default() };
        let mut waiting = vec![tree.root()];
        while let Some(holder) = waiting.pop() {
            let mut inside = Inside::default();
            for entry in holder.all("entry") {
                inside.add(known::get(entry, &known::RESOURCE), known::text(entry, &known::FULL_URL));
            }
            let mut parameters: Vec<Element<'t>> = holder.all("parameter").collect();
            while let Some(parameter) = parameters.pop() {
                parameters.extend(parameter.all("part"));
                inside.add(parameter.get("resource"), None);
            }
            let within = inside.all.iter().filter(|one| matches!(one.resource_type(), Some("Bundle" | "Parameters")));
            waiting.extend(within);
            places.inside.insert(holder.id(), inside);
        }
        places
    }

    /// The resource that a reference at `from` names, where it is in this tree and the only one.
    pub(crate) fn resolve(&self, from: Element<'t>, reference: &str) -> Option<Element<'t>> {
        match self.target(from, reference) {
            Target::Here(found) => Some(found),
            Target::Several(found) => found.into_iter().next(),
            Target::Elsewhere => None,
        }
    }

    /// What a reference at `from` leads to.
    pub(crate) fn target(&self, from: Element<'t>, reference: &str) -> Target<'t> {
        if let Some(id) = reference.strip_prefix('#') {
            return self.contained(from, id);
        }
        if reference.is_empty() {
            return Target::Elsewhere;
        }
        let mut holder = Some(from);
        while let Some(at) = holder {
            if let Some(inside) = self.inside.get(&at.id()) {
                let found = inside.target(from, reference);
                if found != Target::Elsewhere {
                    return found;
                }
            }
            holder = at.parent();
        }
        Target::Elsewhere
    }

    /// The resource with a type and id in the nearest Bundle, whatever its URL.
    pub(crate) fn named(&self, from: Element<'t>, reference: &str) -> Option<Element<'t>> {
        let inside = self.inside.get(&bundle_of(from)?.id())?;
        match inside.named(split_version(reference).0, None) {
            Target::Here(found) => Some(found),
            _ => None,
        }
    }

    /// The entry of the nearest Bundle whose fullUrl is a UUID that a relative reference gives as id.
    pub(crate) fn with_uuid(&self, from: Element<'t>, reference: &str) -> Option<Element<'t>> {
        let inside = self.inside.get(&bundle_of(from)?.id())?;
        let id = split_version(reference).0.rsplit('/').next().filter(|id| id.len() == 36)?;
        inside.by_url.get(format!("urn:uuid:{id}").as_str())?.first().copied()
    }

    /// A contained resource of the resource that holds `from`, or that resource itself for an empty id.
    fn contained(&self, from: Element<'t>, id: &str) -> Target<'t> {
        let mut holder = from.resource();
        while holder.name() == "contained"
            && let Some(parent) = holder.parent()
        {
            holder = parent.resource();
        }
        if id.is_empty() {
            return Target::Here(holder);
        }
        let found = holder.all("contained").find(|one| one.text_at("id") == Some(id));
        found.map_or(Target::Elsewhere, Target::Here)
    }

    /// The resource that was validated.
    pub(crate) fn root(&self) -> Element<'t> {
        self.root
    }
}

impl<'t> Inside<'t> {
    fn add(&mut self, resource: Option<Element<'t>>, full_url: Option<&'t str>) {
        let Some(resource) = resource else { return };
        self.all.push(resource);
        if let Some(url) = full_url {
            self.by_url.entry(url).or_default().push(resource);
        }
        if let (Some(ty), Some(id)) = (resource.resource_type(), known::text(resource, &known::ID)) {
            self.by_name.entry((ty, id)).or_default().push(resource);
        }
    }

    fn target(&self, from: Element<'t>, reference: &str) -> Target<'t> {
        let (plain, version) = split_version(reference);
        if plain.contains(':') {
            return pick(self.by_url.get(plain), version);
        }
        let base = entry_of(from).and_then(|entry| known::text(entry, &known::FULL_URL));
        match base.and_then(base_of) {
            Some(base) => pick(self.by_url.get(format!("{base}/{plain}").as_str()), version),
            None if base.is_some() => Target::Elsewhere,
            None => self.named(plain, version),
        }
    }

    fn named(&self, reference: &str, version: Option<&str>) -> Target<'t> {
        let Some((ty, id)) = reference.rsplit_once('/') else { return Target::Elsewhere };
        let ty = ty.rsplit('/').next().unwrap_or(ty);
        pick(self.by_name.get(&(ty, id)), version)
    }
}

fn pick<'t>(found: Option<&Vec<Element<'t>>>, version: Option<&str>) -> Target<'t> {
    let Some(found) = found else { return Target::Elsewhere };
    let mut fitting: Vec<Element<'t>> = found.clone();
    if let Some(version) = version {
        fitting.retain(|one| one.text_at("meta.versionId").is_none_or(|known| known == version));
        let exact: Vec<_> = fitting
            .iter()
            .copied()
            .filter(|one| one.get("meta").is_some_and(|meta| meta.get("versionId").is_some()))
            .collect();
        if !exact.is_empty() {
            fitting = exact;
        } else if found.len() > 1 {
            fitting.clear();
        }
    }
    match fitting.as_slice() {
        [] => Target::Elsewhere,
        [one] => Target::Here(*one),
        _ => Target::Several(fitting),
    }
}

/// A reference without `/_history/n`, and that version.
pub(crate) fn split_version(reference: &str) -> (&str, Option<&str>) {
    match reference.split_once("/_history/") {
        Some((plain, version)) => (plain, Some(version)),
        None => (reference, None),
    }
}

/// The server in a URL that ends with `Type/id`.
pub(crate) fn base_of(full_url: &str) -> Option<&str> {
    if !full_url.starts_with("http:") && !full_url.starts_with("https:") {
        return None;
    }
    let (rest, id) = full_url.rsplit_once('/')?;
    let (base, ty) = rest.rsplit_once('/')?;
    let is_type = ty.starts_with(|first: char| first.is_ascii_uppercase());
    (is_type && !id.is_empty()).then_some(base)
}

/// The Bundle entry that an element stands in, the nearest.
pub(crate) fn entry_of(element: Element<'_>) -> Option<Element<'_>> {
    let mut at = element;
    loop {
        let parent = at.parent()?;
        if at.resource_type().is_some() && parent.name() == "entry" && at.name() == "resource" {
            return Some(parent);
        }
        at = parent;
    }
}

/// The Bundle that an element stands in, the nearest.
pub(crate) fn bundle_of(element: Element<'_>) -> Option<Element<'_>> {
    entry_of(element)?.parent().filter(|bundle| bundle.resource_type() == Some("Bundle"))
}
