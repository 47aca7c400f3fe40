//! What [`model`] must know of FHIR's types, from the structures that define them: [`Shapes`] of a [`Catalog`].
//!
//! Types are numbered once; a child is found by one probe of a hash table over (type, name). Profiles play no part.

use std::collections::HashMap;

use model::{Child, Form, Name, Shapes, TypeId};

use crate::Catalog;
use crate::structure::{ElementDefinition, Structure, UNBOUNDED};

/// The types of FHIR, settled.
#[derive(Debug, Default)]
pub(crate) struct Types {
    /// By the number of a name: the type of this name, or `UNKNOWN`.
    named: Vec<TypeId>,
    types: Vec<Type>,
    children: Vec<(Name, Child)>,
    /// Open addressing over (type, name): the pair as one number, and its place in `children`.
    slots: Vec<(u32, u32)>,
    /// Numbers of type names in `model`'s list, for those that are in it.
    numbers: HashMap<Box<str>, TypeId>,
}

#[derive(Debug)]
struct Type {
    name: Box<str>,
    base: Option<TypeId>,
    start: u32,
    end: u32,
}

impl Types {
    pub(crate) fn of(catalog: &Catalog) -> Types {
        let mut types = Types::default();
        let mut structures = Vec::new();
        for resource in catalog.type_definitions() {
            if let Ok(structure) = catalog.structure(resource.url())
                && !types.numbers.contains_key(&structure.facts.r#type)
            {
                types.declare(&structure.facts.r#type);
                structures.push(structure);
            }
        }
        for structure in &structures {
            for (index, element) in structure.elements().iter().enumerate().skip(1) {
                if !structure.children(index).is_empty() {
                    types.declare(&element.path);
                }
            }
        }
        for structure in &structures {
            types.define(structure);
        }
        types.index();
        types
    }

    fn declare(&mut self, name: &str) {
        let number = TypeId(self.types.len().min(usize::from(u16::MAX) - 1) as u16);
        self.numbers.insert(name.into(), number);
        self.types.push(Type { name: name.into(), base: None, start: 0, end: 0 });
    }

    fn number(&self, name: &str) -> TypeId {
        self.numbers.get(name).copied().unwrap_or(TypeId::UNKNOWN)
    }

    fn define(&mut self, structure: &Structure) {
        for (index, element) in structure.elements().iter().enumerate() {
            let list = structure.children(index);
            if index > 0 && list.is_empty() {
                continue;
            }
            let base = if index == 0 {
                structure.facts.base.as_deref().and_then(|base| base.rsplit('/').next()).map(|base| self.number(base))
            } else {
                element.types.first().map(|ty| self.number(&ty.code))
            };
            let number = self.number(&element.path);
            let start = self.children.len() as u32;
            for (order, child) in list.iter().enumerate() {
                let child = structure.element(*child as usize);
                // The value of a primitive is its text, not an element.
                if index == 0 && child.name() == "value" && is_primitive_type(structure) {
                    continue;
                }
                self.add(child, order as u16);
            }
            let end = self.children.len() as u32;
            if let Some(ty) = self.types.get_mut(usize::from(number.0)) {
                *ty = Type { name: element.path.as_ref().into(), base, start, end };
            }
        }
    }

    fn add(&mut self, element: &ElementDefinition, order: u16) {
        let list = element.max == UNBOUNDED || element.max > 1;
        let Some(stem) = Name::of(element.name()) else { return };
        if element.is_choice() {
            for ty in element.types.iter() {
                let mut code = ty.code.chars();
                let Some(first) = code.next() else { continue };
                let name = format!("{}{}{}", element.name(), first.to_ascii_uppercase(), code.as_str());
                if let (Some(name), Some(type_name)) = (Name::of(&name), Name::of(&ty.code)) {
                    let number = self.number(&ty.code);
                    let choice = Some((stem, type_name));
                    self.children.push((name, Child { ty: number, list, order, form: form(&ty.code), choice }));
                }
            }
            return;
        }
        let (ty, form) = match (&element.content_reference, element.types.first()) {
            (Some(reference), _) => (self.number(reference.rsplit('#').next().unwrap_or_default()), Form::Complex),
            (None, Some(ty)) if self.numbers.contains_key(&*element.path) => {
                (self.number(&element.path), form(&ty.code))
            }
            (None, Some(ty)) => (self.number(&ty.code), form(&ty.code)),
            (None, None) => (TypeId::UNKNOWN, Form::Complex),
        };
        self.children.push((stem, Child { ty, list, order, form, choice: None }));
    }

    fn index(&mut self) {
        self.named = Name::all().map(|name| name.known().map_or(TypeId::UNKNOWN, |text| self.number(text))).collect();
        let size = (self.children.len() * 2).next_power_of_two().max(16);
        self.slots = vec![(EMPTY, 0); size];
        for (number, ty) in self.types.iter().enumerate() {
            for place in ty.start..ty.end {
                let Some((name, _)) = self.children.get(place as usize) else { continue };
                let key = key(TypeId(number as u16), *name);
                let mut slot = hash(key) & (size - 1);
                while self.slots[slot].0 != EMPTY {
                    slot = (slot + 1) & (size - 1);
                }
                self.slots[slot] = (key, place);
            }
        }
    }

    fn child(&self, parent: TypeId, name: Name) -> Option<Child> {
        let key = key(parent, name);
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash(key) & mask;
        loop {
            match self.slots.get(slot)? {
                (EMPTY, _) => return None,
                (known, place) if *known == key => return self.children.get(*place as usize).map(|(_, child)| *child),
                _ => slot = (slot + 1) & mask,
            }
        }
    }
}

/// No pair has this number: the last type is `UNKNOWN`, which has no children.
const EMPTY: u32 = u32::MAX;

fn key(ty: TypeId, name: Name) -> u32 {
    (u32::from(ty.0) << 16) | name.index() as u32
}

fn hash(key: u32) -> usize {
    (u64::from(key).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize
}

fn is_primitive_type(structure: &Structure) -> bool {
    structure.facts.kind == Some(crate::structure::StructureKind::PrimitiveType)
}

fn form(code: &str) -> Form {
    match code {
        "boolean" => Form::Boolean,
        "integer" | "decimal" | "positiveInt" | "unsignedInt" => Form::Number,
        "xhtml" => Form::Xhtml,
        "Resource" | "DomainResource" => Form::Resource,
        code if code.starts_with(|first: char| first.is_ascii_lowercase()) => Form::String,
        _ => Form::Complex,
    }
}

impl Shapes for Catalog {
    fn named(&self, name: Name) -> Option<TypeId> {
        self.types().named.get(name.index()).copied().filter(|ty| *ty != TypeId::UNKNOWN)
    }

    fn child(&self, parent: TypeId, name: Name) -> Option<Child> {
        self.types().child(parent, name)
    }

    fn children(&self, parent: TypeId) -> &[(Name, Child)] {
        let types = self.types();
        let Some(ty) = types.types.get(usize::from(parent.0)) else { return &[] };
        types.children.get(ty.start as usize..ty.end as usize).unwrap_or_default()
    }

    fn type_name(&self, ty: TypeId) -> &str {
        self.types().types.get(usize::from(ty.0)).map_or("", |ty| &ty.name)
    }

    fn base(&self, ty: TypeId) -> Option<TypeId> {
        self.types().types.get(usize::from(ty.0))?.base.filter(|base| *base != TypeId::UNKNOWN)
    }
}
