//! Evaluating a plan.
//!
//! Every plan can be asked in four ways, and answers the cheapest one itself: `each` pushes items one by one into a
//! sink that may stop it (so `exists()` looks at one item), `single` wants one item at most, `truth` a boolean, `collect`
//! all items. The head of a path, and every argument that is no lambda, is applied to `$this`.

mod boundary;
mod conversion;
mod dates;
mod distinct;
mod encoding;
mod equality;
mod existence;
mod fhir;
mod filtering;
mod html;
mod math;
mod navigation;
mod operator;
mod order;
mod primitive;
mod resolve;
mod strings;
mod subset;
mod types;
mod utility;

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use crate::ast::Operator;
use crate::environment::{Environment, unknown_variable};
use crate::error::{EvaluationError, Fault};
use crate::function::{Family, Function, Yields};
use crate::item::{Collection, Item};
use crate::plan::{Call, Plan, Variable};

pub(crate) use primitive::system_value;
pub(crate) use strings::pattern;

type Outcome<T> = Result<T, EvaluationError>;
type Flow = Outcome<ControlFlow<()>>;
const MORE: Flow = Ok(ControlFlow::Continue(()));
const STOP: Flow = Ok(ControlFlow::Break(()));

/// One evaluation in progress.
pub(crate) struct Evaluation<'a, 't> {
    env: &'a Environment<'a, 't>,
    /// `%context`
    context: &'a [Item<'t>],
    slots: RefCell<Vec<Collection<'t>>>,
    steps: Cell<u64>,
    pattern: RefCell<Option<strings::Compiled>>,
}

/// What `$this`, `$index` and `$total` are.
#[derive(Clone, Copy)]
struct Scope<'s, 't> {
    this: &'s [Item<'t>],
    index: usize,
    total: &'s [Item<'t>],
}

fn fault<T>(fault: Fault, message: impl Into<String>) -> Outcome<T> {
    Err(EvaluationError::new(fault, message))
}

impl<'a, 't> Evaluation<'a, 't> {
    pub(crate) fn new(env: &'a Environment<'a, 't>, context: &'a [Item<'t>], slots: usize) -> Self {
        let slots = RefCell::new(vec![Collection::new(); slots]);
        Evaluation { env, context, slots, steps: Cell::new(env.steps), pattern: RefCell::new(None) }
    }

    pub(crate) fn run(&self, plan: &Plan) -> Outcome<Collection<'t>> {
        self.collect(plan, &self.outermost())
    }

    /// A boolean by its value, nothing as `None`, anything else as true.
    pub(crate) fn test(&self, plan: &Plan) -> Outcome<Option<bool>> {
        let scope = self.outermost();
        if self.is_boolean(plan) {
            return self.truth(plan, &scope);
        }
        let items = self.collect(plan, &scope)?;
        Ok(match items.as_slice() {
            [] => None,
            [item] => Some(self.boolean_of(item).unwrap_or(true)),
            _ => Some(true),
        })
    }

    fn outermost(&self) -> Scope<'a, 't> {
        Scope { this: self.context, index: 0, total: &[] }
    }

    /// Pays for work; the evaluation stops when nothing is left.
    fn charge(&self, steps: usize) -> Outcome<()> {
        match self.steps.get().checked_sub(steps as u64) {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => fault(Fault::Limit, format!("the evaluation takes more than {} steps", self.env.steps)),
        }
    }

    /// All items.
    fn collect(&self, plan: &Plan, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        match plan {
            Plan::Call(call) if call.function.yields() == Yields::Many && !streams(call.function) => {
                self.charge(1)?;
                self.many(call, scope)
            }
            Plan::Chain { operator: Operator::Union, operands } => self.union(operands, scope),
            _ => {
                let mut items = Collection::new();
                let _ = self.each(plan, scope, &mut |item| {
                    items.push(item);
                    MORE
                })?;
                Ok(items)
            }
        }
    }

    /// The items one by one, until the sink stops.
    fn each(&self, plan: &Plan, scope: &Scope<'_, 't>, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
        self.charge(1)?;
        match plan {
            Plan::Constant(items) => push_all(items.iter().cloned(), sink),
            Plan::This => push_all(scope.this.iter().cloned(), sink),
            Plan::Total => push_all(scope.total.iter().cloned(), sink),
            Plan::Index => sink(Item::Integer(scope.index as i64)),
            Plan::Variable(variable) => push_all(self.variable(variable)?.into_iter(), sink),
            Plan::OnlyOf(test) => push_all(scope.this.iter().filter(|item| self.is_of(item, test)).cloned(), sink),
            Plan::Child { input, step } => {
                if let (Plan::This, [Item::Element(typed)]) = (&**input, scope.this) {
                    return self.step(typed, step, sink);
                }
                self.each(input, scope, &mut |item| self.step_of(&item, step, sink))
            }
            Plan::Indexer { input, index } => self.at(input, index, scope, sink),
            Plan::As { input, test, single } => self.as_type(input, test, *single, scope, sink),
            Plan::Chain { operator: Operator::Union, operands } => {
                push_all(self.union(operands, scope)?.into_iter(), sink)
            }
            Plan::Call(call) if streams(call.function) => self.stream(call, scope, sink),
            Plan::Call(call) if call.function.yields() == Yields::Many => {
                push_all(self.many(call, scope)?.into_iter(), sink)
            }
            Plan::Operation { .. } | Plan::Chain { .. } | Plan::Negate(_) | Plan::Is { .. } | Plan::Call(_) => {
                match self.single(plan, scope)? {
                    Some(item) => sink(item),
                    None => MORE,
                }
            }
        }
    }

    /// The only item; several are an error.
    fn single(&self, plan: &Plan, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        match plan {
            Plan::Constant(items) => match items.as_slice() {
                [] => Ok(None),
                [item] => Ok(Some(item.clone())),
                _ => several(),
            },
            Plan::This => match scope.this {
                [] => Ok(None),
                [item] => Ok(Some(item.clone())),
                _ => several(),
            },
            Plan::Chain { operator, operands } if *operator != Operator::Union => {
                Ok(self.chain(*operator, operands, scope)?.map(Item::Boolean))
            }
            Plan::Operation { operator, left, right } => {
                self.charge(1)?;
                self.operation(*operator, left, right, scope)
            }
            Plan::Negate(operand) => self.negate(operand, scope),
            Plan::Is { input, test } => Ok(self.is(input, test, scope)?.map(Item::Boolean)),
            Plan::Call(call) if call.function.yields() == Yields::Boolean => {
                self.charge(1)?;
                Ok(self.boolean(call, scope)?.map(Item::Boolean))
            }
            Plan::Call(call) if call.function.yields() == Yields::One => {
                self.charge(1)?;
                self.one(call, scope)
            }
            _ => {
                let mut only = None;
                let mut more = false;
                let _ = self.each(plan, scope, &mut |item| {
                    more = only.is_some();
                    if more {
                        return STOP;
                    }
                    only = Some(item);
                    MORE
                })?;
                if more { several() } else { Ok(only) }
            }
        }
    }

    /// The only item as a boolean: an item that is no boolean is true by being there:
    /// <http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections>.
    fn truth(&self, plan: &Plan, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        match plan {
            Plan::Operation { operator, left, right } if is_logical(*operator) => {
                self.charge(1)?;
                self.decide(*operator, left, right, scope)
            }
            Plan::Chain { operator, operands } if *operator != Operator::Union => {
                self.chain(*operator, operands, scope)
            }
            Plan::Is { input, test } => self.is(input, test, scope),
            Plan::Call(call) if call.function.yields() == Yields::Boolean => {
                self.charge(1)?;
                self.boolean(call, scope)
            }
            _ => Ok(self.single(plan, scope)?.map(|item| self.boolean_of(&item).unwrap_or(true))),
        }
    }

    /// Whether [`Self::truth`] answers without a singleton rule.
    fn is_boolean(&self, plan: &Plan) -> bool {
        match plan {
            Plan::Operation { operator, .. } => is_logical(*operator),
            Plan::Chain { operator, .. } => *operator != Operator::Union,
            Plan::Is { .. } => true,
            Plan::Call(call) => call.function.yields() == Yields::Boolean,
            _ => false,
        }
    }

    fn variable(&self, variable: &Variable) -> Outcome<Collection<'t>> {
        let element = || self.context.first().and_then(Item::element);
        let one = |element: Option<model::Element<'t>>| element.map(Item::untyped).into_iter().collect();
        Ok(match variable {
            Variable::Context => self.context.iter().cloned().collect(),
            Variable::Resource => one(self.env.resource_of(element())),
            Variable::RootResource => one(self.env.root_resource_of(element())),
            Variable::Slot(slot) => self.slots.borrow().get(*slot).cloned().unwrap_or_default(),
            Variable::Named(name) => self.env.variable(name).ok_or_else(|| unknown_variable(name))?,
        })
    }

    fn boolean(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        match call.function.family() {
            Family::Existence => self.existence(call, scope),
            Family::Strings => self.string_test(call, scope),
            Family::Conversion => self.converts(call, scope),
            Family::Boundary => self.comparable(call, scope),
            _ => self.fhir_test(call, scope),
        }
    }

    fn one(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        match call.function.family() {
            Family::Existence => Ok(Some(Item::Integer(self.count(&call.input, scope)? as i64))),
            Family::Strings => self.string(call, scope),
            Family::Encoding => self.encoding(call, scope),
            Family::Conversion => self.conversion(call, scope),
            Family::Math => self.math(call, scope),
            Family::Boundary => self.boundary(call, scope),
            Family::Dates => self.date_part(call, scope),
            Family::Utility => self.moment(call),
            _ => self.get_value(call, scope),
        }
    }

    fn many(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        match call.function.family() {
            Family::Filtering => self.repeat(call, scope),
            Family::Subset => self.subset(call, scope),
            Family::Conversion => self.iif(call, scope),
            Family::Strings => self.strings(call, scope),
            Family::Utility => self.utility(call, scope),
            _ => self.fhir_items(call, scope),
        }
    }

    /// The calls that push their items as they find them.
    fn stream(&self, call: &Call, scope: &Scope<'_, 't>, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
        match call.function {
            Function::Where => self.filter(call, scope, sink),
            Function::Select => self.select(call, scope, sink),
            Function::First | Function::Tail | Function::Skip | Function::Take => self.part(call, scope, sink),
            Function::Children => self.each(&call.input, scope, &mut |item| self.children(&item, sink)),
            Function::Descendants => self.each(&call.input, scope, &mut |item| self.descendants(&item, sink)),
            Function::Resolve => self.each(&call.input, scope, &mut |item| match self.resolve(&item) {
                Some(item) => sink(item),
                None => MORE,
            }),
            _ => self.extensions(call, scope, sink),
        }
    }
}

fn streams(function: Function) -> bool {
    use Function::*;
    matches!(function, Where | Select | First | Tail | Skip | Take | Children | Descendants | Resolve | Extension)
}

fn is_logical(operator: Operator) -> bool {
    use Operator::*;
    !matches!(operator, Multiply | Divide | Div | Mod | Add | Subtract | Concatenate)
}

fn several<T>() -> Outcome<T> {
    fault(Fault::Several, "several items stand where one is wanted")
}

fn push_all<'t>(items: impl Iterator<Item = Item<'t>>, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
    for item in items {
        if sink(item)?.is_break() {
            return STOP;
        }
    }
    MORE
}
