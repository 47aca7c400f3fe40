//! A compiled expression.

use std::fmt;

use model::{Element, Shapes, TypeId};

use crate::compile::{Compiled, compile};
use crate::environment::Environment;
use crate::error::{CompileError, EvaluationError, Fault};
use crate::evaluate::Evaluation;
use crate::item::{Collection, Item};
use crate::plan::is_a;

/// An expression, ready to be evaluated any number of times.
///
/// ```
/// use fhirpath::{Environment, Expression, Prepared};
/// use model::{NoShapes, json};
///
/// let tree = json::read(br#"{"resourceType":"Patient","active":true}"#, &Default::default())?;
/// let prepared = Prepared::new(&tree, &NoShapes);
/// let expression = Expression::compile("active.exists() and active", &NoShapes, None)?;
/// assert!(expression.is_true(tree.root(), &Environment::new(&prepared))?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Expression {
    text: String,
    context: Option<TypeId>,
    compiled: Compiled,
}

impl Expression {
    /// Compiles an expression for elements of a type (`None`: of any).
    ///
    /// It is lenient, as published invariants and search parameters need it: an element that the type has not selects
    /// nothing (or what JSON calls so) and is noted in [`Expression::notes`]; `as` of several items keeps those of the
    /// type.
    ///
    /// # Errors
    /// Broken syntax, an unknown function or type, a wrong count of arguments, a broken literal pattern, nesting deeper
    /// than 160.
    pub fn compile(text: &str, shapes: &dyn Shapes, context: Option<TypeId>) -> Result<Expression, CompileError> {
        Self::compile_mode(text, shapes, context, false)
    }

    /// The same, strictly: what would be a note is an error, and so is `as` of several items.
    ///
    /// # Errors
    /// As [`Expression::compile`], and the notes.
    pub fn compile_strict(
        text: &str,
        shapes: &dyn Shapes,
        context: Option<TypeId>,
    ) -> Result<Expression, CompileError> {
        Self::compile_mode(text, shapes, context, true)
    }

    fn compile_mode(
        text: &str,
        shapes: &dyn Shapes,
        context: Option<TypeId>,
        strict: bool,
    ) -> Result<Expression, CompileError> {
        let compiled = compile(text, shapes, context, strict)?;
        Ok(Expression { text: text.to_owned(), context, compiled })
    }

    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What looks wrong for the types that are known, in the order of the text.
    pub fn notes(&self) -> &[CompileError] {
        &self.compiled.notes
    }

    /// The items that it yields for an element, in order.
    ///
    /// # Errors
    /// See [`Fault`]; also where the element is a resource of another type than the expression was compiled for.
    pub fn evaluate<'t>(
        &self,
        element: Element<'t>,
        environment: &Environment<'_, 't>,
    ) -> Result<Collection<'t>, EvaluationError> {
        self.evaluate_item(Item::untyped(element), environment)
    }

    /// The same for any item, such as one of another expression's result.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn evaluate_item<'t>(
        &self,
        item: Item<'t>,
        environment: &Environment<'_, 't>,
    ) -> Result<Collection<'t>, EvaluationError> {
        self.check_context(&item, environment)?;
        let this = [item];
        Evaluation::new(environment, &this, self.compiled.slots).run(&self.compiled.plan)
    }

    /// Whether it holds: a boolean by its value, nothing as false, anything else as true.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn is_true<'t>(
        &self,
        element: Element<'t>,
        environment: &Environment<'_, 't>,
    ) -> Result<bool, EvaluationError> {
        Ok(self.test(element, environment)? == Some(true))
    }

    /// What it says as a test: a boolean by its value, `None` where it yields nothing, anything else as true.
    ///
    /// Some invariants of R4 yield nothing where they mean to hold: `ref-1` for a reference with a display alone,
    /// `bdl-8` for an entry without a full URL. Whoever judges by invariants finds a violation only in `Some(false)`.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn test<'t>(
        &self,
        element: Element<'t>,
        environment: &Environment<'_, 't>,
    ) -> Result<Option<bool>, EvaluationError> {
        let this = [Item::untyped(element)];
        self.check_context(&this[0], environment)?;
        Evaluation::new(environment, &this, self.compiled.slots).test(&self.compiled.plan)
    }

    fn check_context<'t>(&self, item: &Item<'t>, environment: &Environment<'_, 't>) -> Result<(), EvaluationError> {
        let (Some(context), Item::Element(typed)) = (self.context, item) else { return Ok(()) };
        let Some(resource) = typed.element.resource_type_id() else { return Ok(()) };
        let shapes = environment.prepared.shapes();
        match shapes.named(resource) {
            Some(ty) if !is_a(shapes, ty, context) => Err(EvaluationError::new(
                Fault::Type,
                format!(
                    "the expression is for {}, and is applied to {}",
                    shapes.type_name(context),
                    shapes.type_name(ty)
                ),
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expression").field("text", &self.text).finish_non_exhaustive()
    }
}
