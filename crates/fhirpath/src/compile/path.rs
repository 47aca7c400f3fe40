//! Steps along element names: `name.given`, `value` for every `value[x]`, and a type's name at the head of a path.

use model::{Name, Shapes, TypeId};

use super::specifier::is_primitive;
use super::typing::{Kind, Typing, children_of, is_abstract};
use super::{Compiler, Typed, names};
use crate::ast::TypeSpecifier;
use crate::error::CompileError;
use crate::item::SystemType;
use crate::plan::{Plan, Step};

impl Compiler<'_> {
    pub(super) fn member(
        &mut self,
        input: Option<Typed>,
        name: &str,
        offset: usize,
        focus: &Typing,
    ) -> Result<Typed, CompileError> {
        let (input, typing) = match input {
            Some(input) => input,
            None => {
                if name.starts_with(|c: char| c.is_ascii_uppercase())
                    && let Some(head) = self.head(name, offset, focus)?
                {
                    return Ok(head);
                }
                (Plan::This, focus.clone())
            }
        };
        let (step, typing) = self.step(&typing, name, offset)?;
        Ok((Plan::Child { input: Box::new(input), step }, typing))
    }

    /// A type's name at the head of a path keeps the focus where it is of that type.
    fn head(&mut self, name: &str, offset: usize, focus: &Typing) -> Result<Option<Typed>, CompileError> {
        let specifier = TypeSpecifier { namespace: None, name: name.to_owned(), offset };
        let Ok(test) = self.type_test(&specifier) else { return Ok(None) };
        let Some(ty) = test.fhir else { return Ok(Some((Plan::OnlyOf(test), Typing::any()))) };
        if !self.may_be(focus, ty) {
            self.doubt(format!("the expression begins at '{name}', and is not applied to one"), offset)?;
        }
        let typing = if is_abstract(self.shapes, ty) { focus.clone() } else { Typing::fhir(ty) };
        Ok(Some((Plan::OnlyOf(test), typing)))
    }

    pub(super) fn step(&mut self, typing: &Typing, name: &str, offset: usize) -> Result<(Step, Typing), CompileError> {
        let mut found: Vec<(Name, TypeId)> = Vec::new();
        let mut result = Typing { kinds: Vec::new(), any: false, unordered: typing.unordered };
        let mut guess = typing.any || typing.kinds.is_empty();
        let known = Name::of(name);
        for kind in &typing.kinds {
            match *kind {
                Kind::System(ty) if ty != SystemType::Quantity => {}
                Kind::System(_) | Kind::TypeInfo => result.any = true,
                Kind::Fhir(ty) => {
                    let children = known.map_or_else(Vec::new, |name| children_of(self.shapes, ty, name));
                    if name == "value" && is_primitive(self.shapes, ty) {
                        result.any = true;
                    } else if children.is_empty() && is_abstract(self.shapes, ty) {
                        guess = true;
                    }
                    found.extend(children);
                }
            }
        }
        if found.is_empty() && !guess && !result.any {
            if typing.kinds.iter().any(|kind| matches!(kind, Kind::Fhir(_) | Kind::System(_))) {
                self.doubt(self.unknown(typing, name, known), offset)?;
            }
            guess = true;
        }
        let mut choices = if guess { names::suffixed(name, self.shapes) } else { Vec::new() };
        let guessed = guess && !choices.is_empty();
        result.any |= guess;
        let mut plain = known.map(|name| (name, TypeId::UNKNOWN));
        if !guess {
            plain = None;
            for (name, ty) in found {
                let types = instance_of(self.shapes, ty);
                result = result.or(&types);
                let ty = if types.any { TypeId::UNKNOWN } else { ty };
                merge(&mut choices, name, ty);
            }
            if let [single] = choices.as_slice() {
                plain = Some(*single);
                choices.clear();
            }
            choices.sort_unstable();
        }
        Ok((Step { text: name.to_owned(), plain, choices, guess: guessed }, result))
    }

    fn unknown(&self, typing: &Typing, name: &str, known: Option<Name>) -> String {
        let types: Vec<&str> = typing
            .kinds
            .iter()
            .map(|kind| match kind {
                Kind::Fhir(ty) => self.shapes.type_name(*ty),
                Kind::System(ty) => ty.name(),
                Kind::TypeInfo => "TypeInfo",
            })
            .collect();
        let choice = typing.kinds.iter().find_map(|kind| match kind {
            Kind::Fhir(ty) => self.shapes.child(*ty, known?)?.choice,
            _ => None,
        });
        match choice.and_then(|(base, _)| base.known()) {
            Some(base) => format!("'{name}' is written '{base}' in FHIRPath"),
            None => format!("{} has no element '{name}'", types.join(", ")),
        }
    }
}

/// One name with two types: only the tree can tell.
fn merge(choices: &mut Vec<(Name, TypeId)>, name: Name, ty: TypeId) {
    match choices.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) if *known != ty => *known = TypeId::UNKNOWN,
        Some(_) => {}
        None => choices.push((name, ty)),
    }
}

/// What an item of a type may be: for an abstract type, anything that is based on it.
pub(super) fn instance_of(shapes: &dyn Shapes, ty: TypeId) -> Typing {
    let mut typing = Typing::fhir(ty);
    if ty == TypeId::UNKNOWN {
        return Typing::any();
    }
    typing.any = matches!(shapes.type_name(ty), "Resource" | "DomainResource");
    typing
}
