//! Paths of elements as FHIRPath: `Bundle.entry[0].resource.name[1].given[0]`.

use crate::{Element, Name, Shapes, TypeId};

impl Element<'_> {
    /// The path from the root. An element that stands in an array has its index; choice elements are written with
    /// their type suffix as in JSON (see [`Element::path_in`]).
    pub fn path(self) -> String {
        self.write_path(&|element| element.name().to_owned())
    }

    /// The path with choice elements in FHIRPath's form: `Observation.value.ofType(Quantity)`.
    pub fn path_in(self, shapes: &dyn Shapes) -> String {
        self.write_path(&|element| match choice(element, shapes) {
            Some((base, ty)) => format!("{}.ofType({})", element.tree().name(base), element.tree().name(ty)),
            None => element.name().to_owned(),
        })
    }

    /// The type of an element, found by walking from the nearest resource.
    pub fn type_in(self, shapes: &dyn Shapes) -> TypeId {
        if let Some(resource) = self.resource_type_id() {
            return shapes.named(resource).unwrap_or(TypeId::UNKNOWN);
        }
        let parent = match self.parent() {
            Some(parent) => parent.type_in(shapes),
            None => return TypeId::UNKNOWN,
        };
        shapes.child(parent, self.name_id()).map_or(TypeId::UNKNOWN, |child| child.ty)
    }

    fn write_path(self, name: &dyn Fn(Element<'_>) -> String) -> String {
        let mut steps = Vec::new();
        let mut element = self;
        while let Some(parent) = element.parent() {
            let mut step = name(element);
            if element.is_list() {
                step.push_str(&format!("[{}]", element.index()));
            }
            steps.push(step);
            element = parent;
        }
        steps.push(element.name().to_owned());
        steps.reverse();
        steps.join(".")
    }
}

fn choice(element: Element<'_>, shapes: &dyn Shapes) -> Option<(Name, Name)> {
    shapes.child(element.parent()?.type_in(shapes), element.name_id())?.choice
}
