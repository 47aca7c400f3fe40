//! Type specifiers: `Patient`, `FHIR.string`, `System.Integer`: <http://hl7.org/fhirpath/N1/#types>.

use model::{Name, Shapes, TypeId};

use super::typing::{Kind, Typing, related};
use super::{Compiler, Typed};
use crate::ast::{Expr, Kind as Syntax, TypeSpecifier};
use crate::error::CompileError;
use crate::item::SystemType;
use crate::parser::is_namespace;
use crate::plan::{Plan, TypeTest};

impl Compiler<'_> {
    pub(super) fn is(&mut self, (input, _): Typed, ty: &TypeSpecifier) -> Result<Typed, CompileError> {
        let test = self.type_test(ty)?;
        Ok((Plan::Is { input: Box::new(input), test }, Typing::system(SystemType::Boolean)))
    }

    pub(super) fn as_type(
        &mut self,
        (input, typing): Typed,
        ty: &TypeSpecifier,
        single: bool,
    ) -> Result<Typed, CompileError> {
        let test = self.type_test(ty)?;
        let kinds = test.fhir.map(Kind::Fhir).into_iter().chain(test.system.map(Kind::System));
        let kinds: Vec<Kind> = match test.fhir {
            Some(fhir) => {
                // A more special type that is already known stays: as(Resource) of a Patient is a Patient.
                let narrower = typing.kinds.iter().filter(|kind| match kind {
                    Kind::Fhir(known) => *known != fhir && crate::plan::is_a(self.shapes, *known, fhir),
                    _ => false,
                });
                let narrower: Vec<Kind> = narrower.copied().collect();
                if narrower.is_empty() || typing.any { kinds.collect() } else { narrower }
            }
            None => kinds.collect(),
        };
        let any = test.fhir.is_some_and(|ty| super::typing::is_abstract(self.shapes, ty));
        let result = Typing { kinds, any, unordered: typing.unordered };
        Ok((Plan::As { input: Box::new(input), test, single }, result))
    }

    /// The specifier that stands as an argument: `ofType(FHIR.Patient)`.
    pub(super) fn specifier_of(&self, expr: &Expr) -> Result<TypeSpecifier, CompileError> {
        if let Syntax::Member { input, name } = &expr.kind {
            match input.as_deref() {
                None => return Ok(TypeSpecifier { namespace: None, name: name.clone(), offset: expr.offset }),
                Some(Expr { kind: Syntax::Member { input: None, name: namespace }, .. }) if is_namespace(namespace) => {
                    let namespace = Some(namespace.clone());
                    return Ok(TypeSpecifier { namespace, name: name.clone(), offset: expr.offset });
                }
                _ => {}
            }
        }
        Err(CompileError { message: "the name of a type is wanted here".to_owned(), offset: expr.offset })
    }

    pub(super) fn type_test(&self, ty: &TypeSpecifier) -> Result<TypeTest, CompileError> {
        let name = Name::of(&ty.name);
        let fhir = name.and_then(|name| self.shapes.named(name));
        let system = SystemType::of(&ty.name);
        let test = |fhir: Option<TypeId>, system, name| TypeTest {
            fhir,
            system,
            name,
            primitive: fhir.is_some_and(|ty| is_primitive(self.shapes, ty)),
        };
        match ty.namespace.as_deref() {
            // A name that System has not is a type that nothing is of.
            Some("System") => return Ok(test(None, system, None)),
            Some("FHIR") if fhir.is_some() => return Ok(test(fhir, None, name)),
            None if fhir.is_some() || system.is_some() => return Ok(test(fhir, system, fhir.and(name))),
            _ => {}
        }
        // Shapes that know nothing let a resource type stand for itself.
        if name.is_some() && Name::of("Patient").and_then(|name| self.shapes.named(name)).is_none() {
            return Ok(test(None, None, name));
        }
        Err(CompileError { message: format!("there is no type '{}'", ty.name), offset: ty.offset })
    }

    /// Whether an item may be of a type, as far as is known of it.
    pub(super) fn may_be(&self, typing: &Typing, ty: TypeId) -> bool {
        typing.any
            || typing.kinds.iter().any(|kind| matches!(kind, Kind::Fhir(known) if related(self.shapes, *known, ty)))
    }
}

pub(super) fn is_primitive(shapes: &dyn Shapes, ty: TypeId) -> bool {
    SystemType::of_primitive(shapes.type_name(ty)).is_some()
}
