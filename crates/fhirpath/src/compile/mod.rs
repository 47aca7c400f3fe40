//! Syntax tree to plan: functions are looked up, names become numbers, types are followed as far as they are known.
//!
//! In strict mode an element that the type has not, an operand that can never have the right type and an order that has
//! no meaning are errors; otherwise they are noted, and the expression means what the tree makes of it.

mod call;
mod names;
mod path;
mod specifier;
mod typing;

use model::{Shapes, TypeId};

use crate::ast::{Expr, Kind as Syntax, Operator};
use crate::error::CompileError;
use crate::item::{Item, SystemType};
use crate::parser;
use crate::plan::{Plan, Variable};
use crate::value::{Quantity, number};
use typing::Typing;

/// A plan with what the evaluation must know of it.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) plan: Plan,
    pub(crate) notes: Vec<CompileError>,
    /// How many variables the expression itself defines.
    pub(crate) slots: usize,
}

pub(crate) fn compile(
    text: &str,
    shapes: &dyn Shapes,
    context: Option<TypeId>,
    strict: bool,
) -> Result<Compiled, CompileError> {
    let expr = parser::parse(text)?;
    let context = context.map_or_else(Typing::any, |ty| path::instance_of(shapes, ty));
    let mut compiler =
        Compiler { shapes, strict, context: context.clone(), notes: Vec::new(), slots: 0, visible: Vec::new() };
    let (plan, _) = compiler.expr(&expr, &context)?;
    Ok(Compiled { plan, notes: compiler.notes, slots: compiler.slots })
}

struct Compiler<'s> {
    shapes: &'s dyn Shapes,
    strict: bool,
    context: Typing,
    notes: Vec<CompileError>,
    slots: usize,
    /// The variables that `defineVariable` has made so far, innermost last.
    visible: Vec<(String, usize, Typing)>,
}

type Typed = (Plan, Typing);

impl Compiler<'_> {
    /// What is wrong in strict mode, and else worth a note.
    fn doubt(&mut self, message: String, offset: usize) -> Result<(), CompileError> {
        let doubt = CompileError { message, offset };
        if self.strict {
            return Err(doubt);
        }
        self.notes.push(doubt);
        Ok(())
    }

    /// An expression whose variables are its own.
    fn scoped(&mut self, expr: &Expr, focus: &Typing) -> Result<Typed, CompileError> {
        let visible = self.visible.len();
        let compiled = self.expr(expr, focus);
        self.visible.truncate(visible);
        compiled
    }

    fn expr(&mut self, expr: &Expr, focus: &Typing) -> Result<Typed, CompileError> {
        let offset = expr.offset;
        Ok(match &expr.kind {
            Syntax::Literal(None) => (Plan::Constant(Vec::new()), Typing::none()),
            Syntax::Literal(Some(item)) => {
                (Plan::Constant(vec![item.clone()]), item.system_type().map_or_else(Typing::any, Typing::system))
            }
            Syntax::This => (Plan::This, focus.clone()),
            Syntax::Index => (Plan::Index, Typing::system(SystemType::Integer)),
            Syntax::Total => (Plan::Total, Typing::any()),
            Syntax::Variable(name) => self.variable(name),
            Syntax::Member { input, name } => {
                let input = input.as_ref().map(|input| self.expr(input, focus)).transpose()?;
                self.member(input, name, offset, focus)?
            }
            Syntax::Call { input, name, arguments } => {
                let input = match input {
                    Some(input) => self.expr(input, focus)?,
                    None => (Plan::This, focus.clone()),
                };
                self.call(input, name, arguments, offset, focus)?
            }
            Syntax::Indexer { input, index } => {
                let (input, typing) = self.expr(input, focus)?;
                if typing.unordered {
                    self.doubt("an index means nothing where there is no order".to_owned(), offset)?;
                }
                let (index, _) = self.scoped(index, focus)?;
                (Plan::Indexer { input: Box::new(input), index: Box::new(index) }, typing)
            }
            Syntax::Plus(operand) => self.scoped(operand, focus)?,
            Syntax::Negate(operand) => {
                let (operand, typing) = self.scoped(operand, focus)?;
                (negated(operand), typing)
            }
            Syntax::Binary { operator, left, right } => {
                let (left, _) = self.scoped(left, focus)?;
                let (right, _) = self.scoped(right, focus)?;
                let typing = operation_typing(*operator);
                (Plan::Operation { operator: *operator, left: Box::new(left), right: Box::new(right) }, typing)
            }
            Syntax::Chain { operator, operands } => {
                let mut plans = Vec::with_capacity(operands.len());
                let mut typing = Typing::none();
                for operand in operands {
                    let (plan, kinds) = self.scoped(operand, focus)?;
                    plans.push(plan);
                    typing = typing.or(&kinds);
                }
                if *operator != Operator::Union {
                    typing = Typing::system(SystemType::Boolean);
                }
                (chain(*operator, plans), typing)
            }
            Syntax::Is { operand, ty } => {
                let input = self.scoped(operand, focus)?;
                self.is(input, ty)?
            }
            Syntax::As { operand, ty } => {
                let input = self.scoped(operand, focus)?;
                let single = self.strict;
                self.as_type(input, ty, single)?
            }
        })
    }

    fn variable(&mut self, name: &str) -> Typed {
        if let Some((_, slot, typing)) = self.visible.iter().rev().find(|(known, ..)| known == name) {
            return (Plan::Variable(Variable::Slot(*slot)), typing.clone());
        }
        let string = |text: String| (Plan::Constant(vec![Item::string(text)]), Typing::system(SystemType::String));
        match name {
            "context" => (Plan::Variable(Variable::Context), self.context.clone()),
            "resource" => (Plan::Variable(Variable::Resource), Typing::any()),
            "rootResource" => (Plan::Variable(Variable::RootResource), Typing::any()),
            "ucum" => string("http://unitsofmeasure.org".to_owned()),
            "sct" => string("http://snomed.info/sct".to_owned()),
            "loinc" => string("http://loinc.org".to_owned()),
            "us-zip" => string("[0-9]{5}(-[0-9]{4}){0,1}".to_owned()),
            _ => {
                if let Some(id) = name.strip_prefix("vs-") {
                    return string(format!("http://hl7.org/fhir/ValueSet/{id}"));
                }
                if let Some(id) = name.strip_prefix("ext-") {
                    return string(format!("http://hl7.org/fhir/StructureDefinition/{id}"));
                }
                (Plan::Variable(Variable::Named(name.to_owned())), Typing::any())
            }
        }
    }
}

/// A sign before a literal is part of it.
fn negated(operand: Plan) -> Plan {
    if let Plan::Constant(items) = &operand
        && let [item] = items.as_slice()
    {
        let negative = match item {
            Item::Integer(value) => value.checked_neg().map(Item::Integer),
            Item::Decimal(value) => Some(Item::Decimal(number::negate(*value))),
            Item::Quantity(quantity) => Some(Item::Quantity(Box::new(Quantity {
                value: number::negate(quantity.value),
                unit: quantity.unit.clone(),
            }))),
            _ => None,
        };
        if let Some(negative) = negative {
            return Plan::Constant(vec![negative]);
        }
    }
    Plan::Negate(Box::new(operand))
}

/// A union of literals of one type is a literal list: `('a' | 'b')`.
fn chain(operator: Operator, operands: Vec<Plan>) -> Plan {
    if operator == Operator::Union
        && let Some(literals) = distinct_literals(&operands)
    {
        return Plan::Constant(literals);
    }
    Plan::Chain { operator, operands }
}

fn distinct_literals(operands: &[Plan]) -> Option<Vec<Item<'static>>> {
    let mut list: Vec<Item<'static>> = Vec::new();
    for operand in operands {
        let Plan::Constant(items) = operand else { return None };
        for item in items {
            let mut known = false;
            for other in &list {
                known |= match (item, other) {
                    (Item::String(item), Item::String(other)) => **item == **other,
                    (Item::Integer(item), Item::Integer(other)) => item == other,
                    _ => return None,
                };
            }
            if !known {
                list.push(item.clone());
            }
        }
    }
    Some(list)
}

fn operation_typing(operator: Operator) -> Typing {
    use Operator::*;
    match operator {
        Concatenate => Typing::system(SystemType::String),
        Multiply | Divide | Div | Mod | Add | Subtract => Typing::any(),
        _ => Typing::system(SystemType::Boolean),
    }
}
