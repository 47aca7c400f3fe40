//! FHIRPath Patch: <http://hl7.org/fhir/R4/fhirpatch.html>.

use fhirpath::{Environment, Expression, Prepared};
use model::{Element, ElementId, Name, Shapes, Tree};

use crate::refusal::{Class, Refusal};

/// Applies the operations of Parameters, in order; all of them or none.
///
/// # Errors
/// [`Class::Malformed`] where an operation is none, [`Class::Unprocessable`] where a path does not lead to one element.
pub fn apply(shapes: &dyn Shapes, current: &Tree, parameters: &Tree) -> Result<Tree, Refusal> {
    let mut tree = current.clone();
    for (number, operation) in parameters.root().all("parameter").enumerate() {
        if operation.text_at("name") != Some("operation") {
            let text = format!("Parameter {number} is no operation.");
            return Err(Refusal::new(Class::Malformed, text).at(format!("Parameters.parameter[{number}]")));
        }
        one(shapes, &mut tree, operation).map_err(|(class, text)| {
            Refusal::new(class, format!("Operation {number}: {text}.")).at(format!("Parameters.parameter[{number}]"))
        })?;
    }
    Ok(tree)
}

type Fault = (Class, String);

fn malformed(text: impl Into<String>) -> Fault {
    (Class::Malformed, text.into())
}

fn unfit(text: impl Into<String>) -> Fault {
    (Class::Unprocessable, text.into())
}

fn one(shapes: &dyn Shapes, tree: &mut Tree, operation: Element<'_>) -> Result<(), Fault> {
    let part = |name: &str| operation.all("part").find(|part| part.text_at("name") == Some(name));
    let text = |name: &str| {
        let part = part(name)?;
        let value = part.children().find(|child| child.name().starts_with("value"))?;
        value.text().map(str::to_owned)
    };
    let number = |name: &str| {
        let text = text(name).ok_or_else(|| malformed(format!("it has no {name}")))?;
        text.parse::<usize>().map_err(|_| malformed(format!("{name} is no number")))
    };
    let path = text("path").ok_or_else(|| malformed("it has no path"))?;
    match text("type").as_deref() {
        Some("add") => {
            let name = text("name").ok_or_else(|| malformed("it has no name"))?;
            let parent = single(shapes, tree, &path)?.ok_or_else(|| unfit(format!("{path} leads to nothing")))?;
            put(shapes, tree, parent, &name, part("value"))
        }
        Some("insert") => {
            let (items, parent, name) = list(shapes, tree, &path)?;
            let place = number("index")?;
            if place > items.len() {
                return Err(unfit(format!("the list has {} items", items.len())));
            }
            put(shapes, tree, parent, &name, part("value"))?;
            reorder(tree, parent, &name, items.len(), place);
            Ok(())
        }
        Some("delete") => {
            if let Some(element) = single(shapes, tree, &path)? {
                delete(tree, element);
            }
            Ok(())
        }
        Some("replace") => {
            let element = single(shapes, tree, &path)?.ok_or_else(|| unfit(format!("{path} leads to nothing")))?;
            replace(shapes, tree, element, part("value"))
        }
        Some("move") => {
            let (items, parent, name) = list(shapes, tree, &path)?;
            let (source, destination) = (number("source")?, number("destination")?);
            if source >= items.len() || destination >= items.len() {
                return Err(unfit(format!("the list has {} items", items.len())));
            }
            reorder(tree, parent, &name, source, destination);
            Ok(())
        }
        Some(other) => Err(malformed(format!("there is no operation {other}"))),
        None => Err(malformed("it has no type")),
    }
}

fn evaluate(shapes: &dyn Shapes, tree: &Tree, path: &str) -> Result<Vec<ElementId>, Fault> {
    let context = Name::of(tree.resource_type()).and_then(|name| shapes.named(name));
    let expression =
        Expression::compile(path, shapes, context).map_err(|error| malformed(format!("{path}: {error}")))?;
    let prepared = Prepared::new(tree, shapes);
    let environment = Environment::new(&prepared);
    let found = expression.evaluate(tree.root(), &environment).map_err(|error| unfit(format!("{path}: {error}")))?;
    let elements: Option<Vec<ElementId>> =
        found.iter().map(|item| item.element().map(|element| element.id())).collect();
    elements.ok_or_else(|| unfit(format!("{path} leads to no element")))
}

fn single(shapes: &dyn Shapes, tree: &Tree, path: &str) -> Result<Option<ElementId>, Fault> {
    match evaluate(shapes, tree, path)?.as_slice() {
        [] => Ok(None),
        [element] => Ok(Some(*element)),
        _ => Err(unfit(format!("{path} leads to several elements"))),
    }
}

/// Takes an element out, and what holds nothing without it: no element of FHIR is empty.
fn delete(tree: &mut Tree, element: ElementId) {
    let mut next = Some(element);
    while let Some(id) = next {
        next = tree.element(id).parent().map(|parent| parent.id());
        if next.is_some() {
            tree.edit_at(id).detach();
        }
        next = next.filter(|id| tree.element(*id).children().next().is_none() && tree.element(*id).value().is_none());
    }
}

/// The items of a list, the element they stand in, and their name.
fn list(shapes: &dyn Shapes, tree: &Tree, path: &str) -> Result<(Vec<ElementId>, ElementId, String), Fault> {
    let items = evaluate(shapes, tree, path)?;
    if let Some(first) = items.first() {
        let first = tree.element(*first);
        let parent = first.parent().ok_or_else(|| unfit("the whole is no list"))?;
        let whole = parent.named(first.name_id()).map(|item| item.id()).eq(items.iter().copied());
        return match whole {
            true => Ok((items, parent.id(), first.name().to_owned())),
            false => Err(unfit(format!("{path} leads to no whole list"))),
        };
    }
    // An empty list: its parent and its name are the path's.
    let (parent, name) = path.rsplit_once('.').ok_or_else(|| unfit(format!("{path} leads to nothing")))?;
    let parent = single(shapes, tree, parent)?.ok_or_else(|| unfit(format!("{parent} leads to nothing")))?;
    Ok((items, parent, name.to_owned()))
}

/// Adds a child, the value of a part: a `value[x]`, or an object as parts by name.
fn put(
    shapes: &dyn Shapes,
    tree: &mut Tree,
    parent: ElementId,
    name: &str,
    value: Option<Element<'_>>,
) -> Result<(), Fault> {
    let part = value.ok_or_else(|| malformed("it has no value"))?;
    let element = tree.element(parent);
    let ty = element.type_in(shapes);
    let given = given(part);
    let suffixed = given.map(|value| format!("{name}{}", value.name().trim_start_matches("value"))).unwrap_or_default();
    // `value` of Observation is written `valueQuantity`: a name with the type suffix of the given value.
    let known = |name: &str| Name::of(name).and_then(|name| shapes.child(ty, name));
    let (name, child) = match (known(name), known(&suffixed)) {
        (Some(child), _) => (name, child),
        (None, Some(child)) => (suffixed.as_str(), child),
        (None, None) => return Err(unfit(format!("{} has no element {name}", shapes.type_name(ty)))),
    };
    if !child.list && element.get(name).is_some() {
        return Err(unfit(format!("{name} is there already and stands once")));
    }
    match given {
        Some(value) => {
            tree.edit_at(parent).copy_as(name, value, child.list);
        }
        None => {
            let built = parts(shapes, part, child.ty)?;
            tree.edit_at(parent).copy_as(name, built.root(), child.list);
        }
    }
    Ok(())
}

fn given<'p>(part: Element<'p>) -> Option<Element<'p>> {
    part.children().find(|child| child.name().starts_with("value") || child.name() == "resource")
}

/// A backbone element as parts: each names an element and gives its value.
fn parts(shapes: &dyn Shapes, part: Element<'_>, ty: model::TypeId) -> Result<Tree, Fault> {
    let mut built = Tree::from_element(part);
    built.edit().remove("name").remove("part");
    for inner in part.all("part") {
        let name = inner.text_at("name").ok_or_else(|| malformed("a part has no name"))?;
        let value = given(inner);
        let suffixed =
            value.map(|value| format!("{name}{}", value.name().trim_start_matches("value"))).unwrap_or_default();
        let known = |name: &str| Name::of(name).and_then(|name| shapes.child(ty, name));
        let (name, child) = match (known(name), known(&suffixed)) {
            (Some(child), _) => (name, child),
            (None, Some(child)) => (suffixed.as_str(), child),
            (None, None) => return Err(unfit(format!("{} has no element {name}", shapes.type_name(ty)))),
        };
        match value {
            Some(value) => {
                built.edit().copy_as(name, value, child.list);
            }
            None => {
                let inner = parts(shapes, inner, child.ty)?;
                built.edit().copy_as(name, inner.root(), child.list);
            }
        }
    }
    Ok(built)
}

fn replace(shapes: &dyn Shapes, tree: &mut Tree, element: ElementId, value: Option<Element<'_>>) -> Result<(), Fault> {
    let part = value.ok_or_else(|| malformed("it has no value"))?;
    let old = tree.element(element);
    let ty = old.type_in(shapes);
    let parent = old.parent().map(|parent| parent.id()).ok_or_else(|| unfit("the whole cannot be replaced"))?;
    let place = tree.element(parent).children().position(|child| child.id() == element).unwrap_or(0);
    let (name, list) = (old.name().to_owned(), old.is_list());
    let name = match (given(part), choice_name(shapes, tree, parent, &name)) {
        // A choice takes the type of what it is given.
        (Some(value), Some(base)) => format!("{base}{}", value.name().trim_start_matches("value")),
        _ => name,
    };
    tree.edit_at(element).detach();
    match given(part) {
        Some(value) => tree.edit_at(parent).copy_as(&name, value, list),
        None => {
            let built = parts(shapes, part, ty)?;
            tree.edit_at(parent).copy_as(&name, built.root(), list);
            return move_to(tree, parent, &name, place);
        }
    };
    move_to(tree, parent, &name, place)
}

/// `value` for `valueQuantity`.
fn choice_name(shapes: &dyn Shapes, tree: &Tree, parent: ElementId, name: &str) -> Option<String> {
    let child = shapes.child(tree.element(parent).type_in(shapes), Name::of(name)?)?;
    child.choice.and_then(|(base, _)| base.known()).map(str::to_owned)
}

/// Moves the last child of a name to a place among all children.
fn move_to(tree: &mut Tree, parent: ElementId, name: &str, place: usize) -> Result<(), Fault> {
    let last = tree.element(parent).all(name).last().map(|element| element.id());
    let mut order: Vec<ElementId> = tree.element(parent).children().map(|child| child.id()).collect();
    if let Some(last) = last {
        order.retain(|id| *id != last);
        order.insert(place.min(order.len()), last);
        arrange(tree, parent, &order);
    }
    Ok(())
}

/// Moves an item of a list to another place of it.
fn reorder(tree: &mut Tree, parent: ElementId, name: &str, from: usize, to: usize) {
    let mut items: Vec<ElementId> = tree.element(parent).all(name).map(|item| item.id()).collect();
    let mut order: Vec<ElementId> = tree.element(parent).children().map(|child| child.id()).collect();
    let places: Vec<usize> =
        order.iter().enumerate().filter(|(_, id)| items.contains(id)).map(|(place, _)| place).collect();
    if from >= items.len() {
        return;
    }
    let moved = items.remove(from);
    items.insert(to.min(items.len()), moved);
    for (place, item) in places.into_iter().zip(items) {
        if let Some(slot) = order.get_mut(place) {
            *slot = item;
        }
    }
    arrange(tree, parent, &order);
}

/// Puts the children into an order, by copies: the old ones are taken out.
fn arrange(tree: &mut Tree, parent: ElementId, order: &[ElementId]) {
    let copies: Vec<(String, bool, Tree)> = order
        .iter()
        .map(|id| {
            let element = tree.element(*id);
            (element.name().to_owned(), element.is_list(), Tree::from_element(element))
        })
        .collect();
    for id in order {
        tree.edit_at(*id).detach();
    }
    for (name, list, copy) in &copies {
        tree.edit_at(parent).copy_as(name, copy.root(), *list);
    }
}
