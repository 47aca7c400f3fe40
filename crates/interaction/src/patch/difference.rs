//! The FHIRPath Patch between two resources: <http://hl7.org/fhir/R4/fhirpatch.html>.
//!
//! Applied to the one it gives the other.
//! Lists are compared from both ends inwards: what is alike there stays, what is left between is changed in place, and
//! what is too much or too little is deleted or inserted. It is right always and shortest mostly.

use model::{Element, ElementMut, Shapes, Tree, TypeId};

/// The Parameters whose operations make `to` of `from`, resources of one type.
pub fn between(shapes: &dyn Shapes, from: &Tree, to: &Tree) -> Tree {
    let mut out = Difference { shapes, parameters: Tree::new("Parameters") };
    out.element(from.root(), to.root(), to.resource_type());
    out.parameters
}

struct Difference<'s> {
    shapes: &'s dyn Shapes,
    parameters: Tree,
}

impl Difference<'_> {
    /// Two complex elements at one path.
    fn element(&mut self, from: Element<'_>, to: Element<'_>, path: &str) {
        let mut names: Vec<Stem> = Vec::new();
        for (child, parent) in from.children().map(|child| (child, from)).chain(to.children().map(|child| (child, to)))
        {
            let stem = self.stem(parent, child);
            if !names.contains(&stem) {
                names.push(stem);
            }
        }
        for stem in names {
            let old: Vec<Element<'_>> = from.children().filter(|child| self.stem(from, *child) == stem).collect();
            let new: Vec<Element<'_>> = to.children().filter(|child| self.stem(to, *child) == stem).collect();
            if old.iter().chain(&new).any(|child| child.is_list()) {
                self.list(&old, &new, to, path, &stem.0);
            } else {
                self.single(old.first().copied(), new.first().copied(), to, path, &stem.0);
            }
        }
    }

    fn single(
        &mut self,
        old: Option<Element<'_>>,
        new: Option<Element<'_>>,
        parent: Element<'_>,
        path: &str,
        name: &str,
    ) {
        let own = format!("{path}.{name}");
        match (old, new) {
            (Some(old), Some(new)) => self.changed(old, new, parent, &own),
            (Some(_), None) => self.delete(&own),
            (None, Some(new)) => {
                let ty = self.ty(parent, new);
                let shapes = self.shapes;
                let mut operation = self.operation("add", path);
                part(&mut operation, "name").set("valueString", name);
                give(shapes, &mut operation, "value", new, ty);
            }
            (None, None) => {}
        }
    }

    fn changed(&mut self, old: Element<'_>, new: Element<'_>, parent: Element<'_>, path: &str) {
        if is_same(old, new) {
            return;
        }
        let alike = old.name() == new.name() && old.resource_type() == new.resource_type();
        if alike && !old.is_primitive() && !new.is_primitive() {
            return self.element(old, new, path);
        }
        let ty = self.ty(parent, new);
        let shapes = self.shapes;
        let mut operation = self.operation("replace", path);
        give(shapes, &mut operation, "value", new, ty);
    }

    fn list(&mut self, old: &[Element<'_>], new: &[Element<'_>], parent: Element<'_>, path: &str, name: &str) {
        let own = format!("{path}.{name}");
        let alike = |pair: &(&Element<'_>, &Element<'_>)| is_same(*pair.0, *pair.1);
        let before = old.iter().zip(new).take_while(alike).count();
        let rest = old.len().min(new.len()) - before;
        let after = old.iter().rev().zip(new.iter().rev()).take_while(alike).count().min(rest);
        let between = |items: &[Element<'_>]| items.len() - before - after;
        let common = between(old).min(between(new));
        for place in before..before + common {
            if let (Some(old), Some(new)) = (old.get(place), new.get(place)) {
                self.changed(*old, *new, parent, &format!("{own}[{place}]"));
            }
        }
        for place in (before + common..before + between(old)).rev() {
            self.delete(&format!("{own}[{place}]"));
        }
        for place in before + common..before + between(new) {
            let Some(item) = new.get(place) else { continue };
            let ty = self.ty(parent, *item);
            let shapes = self.shapes;
            if old.is_empty() {
                let mut operation = self.operation("add", path);
                part(&mut operation, "name").set("valueString", name);
                give(shapes, &mut operation, "value", *item, ty);
            } else {
                let mut operation = self.operation("insert", &own);
                give(shapes, &mut operation, "value", *item, ty);
                part(&mut operation, "index").set("valueInteger", i64::try_from(place).unwrap_or(0));
            }
        }
    }

    fn delete(&mut self, path: &str) {
        self.operation("delete", path);
    }

    fn operation(&mut self, kind: &str, path: &str) -> ElementMut<'_> {
        let id = self.parameters.edit().item("parameter").set("name", "operation").id();
        let mut operation = self.parameters.edit_at(id);
        part(&mut operation, "type").set("valueCode", kind);
        part(&mut operation, "path").set("valueString", path);
        operation
    }

    /// The name of a child in a path: a choice's without its type.
    fn stem(&self, parent: Element<'_>, child: Element<'_>) -> Stem {
        let known = self.shapes.child(parent.type_in(self.shapes), child.name_id());
        let base = known.and_then(|known| known.choice).and_then(|(base, _)| base.known());
        Stem(base.unwrap_or(child.name()).to_owned())
    }

    fn ty(&self, parent: Element<'_>, child: Element<'_>) -> Option<TypeId> {
        self.shapes.child(parent.type_in(self.shapes), child.name_id()).map(|known| known.ty)
    }
}

#[derive(PartialEq, Eq)]
struct Stem(String);

fn part<'o>(operation: &'o mut ElementMut<'_>, name: &str) -> ElementMut<'o> {
    let mut part = operation.item("part");
    part.set("name", name);
    part
}

/// Puts a part with a value: a resource, a `value[x]`, or parts by name where the type has no `value[x]`.
fn give(shapes: &dyn Shapes, operation: &mut ElementMut<'_>, name: &str, value: Element<'_>, ty: Option<TypeId>) {
    let mut given = part(operation, name);
    if value.resource_type().is_some() {
        given.copy_as("resource", value, false);
        return;
    }
    let type_name = ty.map(|ty| shapes.type_name(ty)).unwrap_or_default();
    if OPEN.contains(&type_name) || value.is_primitive() {
        let known = if OPEN.contains(&type_name) { type_name } else { "string" };
        let mut letters = known.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase()).unwrap_or_default();
        given.copy_as(&format!("value{first}{}", letters.as_str()), value, false);
        return;
    }
    for child in value.children() {
        let known = ty.and_then(|ty| shapes.child(ty, child.name_id()));
        let base = known.and_then(|known| known.choice).and_then(|(base, _)| base.known());
        give(shapes, &mut given, base.unwrap_or(child.name()), child, known.map(|known| known.ty));
    }
}

/// Same value and same children, whatever their place in the text.
fn is_same(one: Element<'_>, other: Element<'_>) -> bool {
    let (mine, its) = (one.children().count(), other.children().count());
    one.name() == other.name()
        && one.resource_type() == other.resource_type()
        && one.text() == other.text()
        && one.is_primitive() == other.is_primitive()
        && mine == its
        && one.children().all(|child| {
            let place = one.all(child.name()).position(|item| item.id() == child.id());
            let found = place.and_then(|place| other.all(child.name()).nth(place));
            found.is_some_and(|found| is_same(child, found))
        })
}

/// The types of `Parameters.parameter.value[x]`: <http://hl7.org/fhir/R4/datatypes.html#open>.
const OPEN: [&str; 50] = [
    "base64Binary",
    "boolean",
    "canonical",
    "code",
    "date",
    "dateTime",
    "decimal",
    "id",
    "instant",
    "integer",
    "markdown",
    "oid",
    "positiveInt",
    "string",
    "time",
    "unsignedInt",
    "uri",
    "url",
    "uuid",
    "Address",
    "Age",
    "Annotation",
    "Attachment",
    "CodeableConcept",
    "Coding",
    "ContactPoint",
    "Count",
    "Distance",
    "Duration",
    "HumanName",
    "Identifier",
    "Money",
    "Period",
    "Quantity",
    "Range",
    "Ratio",
    "Reference",
    "SampledData",
    "Signature",
    "Timing",
    "ContactDetail",
    "Contributor",
    "DataRequirement",
    "Expression",
    "ParameterDefinition",
    "RelatedArtifact",
    "TriggerDefinition",
    "UsageContext",
    "Dosage",
    "Meta",
];
