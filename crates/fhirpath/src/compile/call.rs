//! Calls of functions, with the types of what they yield.

use super::typing::{Kind, Typing, may_be_string};
use super::{Compiler, Typed};
use crate::ast::{Argument, Expr, Kind as Syntax};
use crate::error::CompileError;
use crate::evaluate::pattern;
use crate::function::{Function, Yields};
use crate::item::{Item, SystemType};
use crate::plan::{Call, Detail, Plan};

impl Compiler<'_> {
    pub(super) fn call(
        &mut self,
        input: Typed,
        name: &str,
        arguments: &[Argument],
        offset: usize,
        focus: &Typing,
    ) -> Result<Typed, CompileError> {
        if matches!(name, "is" | "as" | "ofType") {
            return self.type_function(input, name, arguments, offset);
        }
        let Some(function) = Function::of(name) else {
            return Err(CompileError { message: format!("there is no function '{name}'"), offset });
        };
        let (least, most) = function.arity();
        if !(least..=most).contains(&arguments.len()) {
            let wanted = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            let message = format!("{name}() takes {wanted} arguments, not {}", arguments.len());
            return Err(CompileError { message, offset });
        }
        self.check_input(function, &input.1, offset)?;
        if function == Function::DefineVariable {
            return self.define_variable(input, arguments, offset);
        }
        let (input, typing) = input;
        let mut plans = Vec::new();
        let mut typings = Vec::new();
        for (place, argument) in arguments.iter().enumerate() {
            let focus = if function.is_lambda(place) { &typing } else { focus };
            let (plan, typing) = match function {
                Function::Repeat | Function::RepeatAll => self.repeated(&argument.expr, focus)?,
                _ => self.scoped(&argument.expr, focus)?,
            };
            plans.push(plan);
            typings.push(typing);
        }
        let detail = self.detail(function, arguments, &mut plans)?;
        let result = self.yields(function, typing, &typings);
        Ok((Plan::Call(Box::new(Call { function, input, arguments: plans, detail })), result))
    }

    /// `is`, `as` and `ofType` take the name of a type.
    fn type_function(
        &mut self,
        input: Typed,
        name: &str,
        arguments: &[Argument],
        offset: usize,
    ) -> Result<Typed, CompileError> {
        let [argument] = arguments else {
            return Err(CompileError { message: format!("{name}() takes the name of one type"), offset });
        };
        let ty = self.specifier_of(&argument.expr)?;
        if name == "is" {
            return self.is(input, &ty);
        }
        let single = name == "as" && self.strict;
        self.as_type(input, &ty, single)
    }

    fn check_input(&mut self, function: Function, typing: &Typing, offset: usize) -> Result<(), CompileError> {
        let shapes = self.shapes;
        if function.takes_string() && typing.never(|kind| may_be_string(shapes, kind)) {
            self.doubt(format!("{}() is for strings", function.name()), offset)?;
        }
        if function.takes_order() && typing.unordered {
            self.doubt(format!("{}() means nothing where there is no order", function.name()), offset)?;
        }
        Ok(())
    }

    /// The projection of `repeat` sees its own results: it is compiled again until it knows their types.
    fn repeated(&mut self, expr: &Expr, focus: &Typing) -> Result<Typed, CompileError> {
        let mut seen = focus.clone();
        for _ in 0..4 {
            let notes = self.notes.len();
            let (plan, typing) = self.scoped(expr, &seen)?;
            let wider = seen.clone().or(&typing);
            if wider == seen {
                return Ok((plan, typing));
            }
            self.notes.truncate(notes);
            seen = wider;
        }
        let (plan, _) = self.scoped(expr, &Typing::any())?;
        Ok((plan, Typing::any()))
    }

    fn define_variable(&mut self, input: Typed, arguments: &[Argument], offset: usize) -> Result<Typed, CompileError> {
        let name = match arguments.first().map(|argument| &argument.expr.kind) {
            Some(Syntax::Literal(Some(Item::String(name)))) => name.to_string(),
            _ => {
                let message = "defineVariable() takes the name as a literal string".to_owned();
                return Err(CompileError { message, offset });
            }
        };
        let reserved = ["context", "resource", "rootResource", "ucum", "sct", "loinc", "us-zip"];
        let known = self.visible.iter().any(|(known, ..)| *known == name);
        if known || reserved.contains(&name.as_str()) || name.starts_with("vs-") || name.starts_with("ext-") {
            return Err(CompileError { message: format!("the variable '%{name}' exists already"), offset });
        }
        let (plan, typing) = input;
        let value = match arguments.get(1) {
            Some(argument) => Some(self.scoped(&argument.expr, &typing)?),
            None => None,
        };
        let kept = value.as_ref().map_or_else(|| typing.clone(), |(_, typing)| typing.clone());
        let slot = self.slots;
        self.slots += 1;
        self.visible.push((name, slot, kept));
        let arguments = value.into_iter().map(|(plan, _)| plan).collect();
        let call = Call { function: Function::DefineVariable, input: plan, arguments, detail: Detail::Slot(slot) };
        Ok((Plan::Call(Box::new(call)), typing))
    }

    fn detail(
        &mut self,
        function: Function,
        arguments: &[Argument],
        plans: &mut [Plan],
    ) -> Result<Detail, CompileError> {
        match function {
            Function::Sort => {
                let mut down = Vec::new();
                for (argument, plan) in arguments.iter().zip(plans.iter_mut()) {
                    let negative = matches!(argument.expr.kind, Syntax::Negate(_));
                    if let Plan::Negate(inner) = plan {
                        *plan = std::mem::replace(&mut **inner, Plan::This);
                    }
                    down.push(negative != argument.descending);
                }
                Ok(Detail::Descending(down))
            }
            Function::Matches | Function::MatchesFull | Function::ReplaceMatches => {
                let [Plan::Constant(items), flags @ ..] = &*plans else { return Ok(Detail::None) };
                // The flags of later versions make the pattern depend on them.
                if flags.len() > usize::from(function == Function::ReplaceMatches) {
                    return Ok(Detail::None);
                }
                let ([Item::String(text)], Some(argument)) = (items.as_slice(), arguments.first()) else {
                    return Ok(Detail::None);
                };
                let compiled = pattern(text, "", function == Function::MatchesFull);
                let offset = argument.expr.offset;
                compiled.map(Detail::Pattern).map_err(|error| CompileError { message: error.message, offset })
            }
            _ => Ok(Detail::None),
        }
    }

    fn yields(&self, function: Function, input: Typing, arguments: &[Typing]) -> Typing {
        use Function::*;
        let argument = |place: usize| arguments.get(place).cloned().unwrap_or_else(Typing::none);
        match function {
            Where | Single | First | Last | Tail | Skip | Take | Distinct | Intersect | Exclude | Trace => input,
            Sort => Typing { unordered: false, ..input },
            Select | Repeat | RepeatAll => {
                let unordered = input.unordered;
                let mut typing = argument(0);
                typing.unordered |= unordered;
                typing
            }
            Union | Combine => input.or(&argument(0)),
            Iif => argument(1).or(&argument(2)),
            Coalesce => arguments.iter().fold(Typing::none(), |typing, other| typing.or(other)),
            Children | Descendants => Typing::any().unordered(),
            Type => Typing { kinds: vec![Kind::TypeInfo], ..Typing::none() },
            ToInteger | ToLong | Count | Length | IndexOf | LastIndexOf | Precision => {
                Typing::system(SystemType::Integer)
            }
            ToDecimal => Typing::system(SystemType::Decimal),
            ToString | Substring | Upper | Lower | Replace | ReplaceMatches | Trim | Join | ToChars | Split
            | Encode | Decode | Escape | Unescape => Typing::system(SystemType::String),
            ToDate | Today | DateOf => Typing::system(SystemType::Date),
            ToDateTime | Now => Typing::system(SystemType::DateTime),
            ToTime | TimeOfDay | TimeOf => Typing::system(SystemType::Time),
            ToQuantity => Typing::system(SystemType::Quantity),
            Extension => model::Name::of("Extension")
                .and_then(|name| self.shapes.named(name))
                .map_or_else(Typing::any, Typing::fhir),
            _ if function.yields() == Yields::Boolean => Typing::system(SystemType::Boolean),
            _ => Typing::any(),
        }
    }
}
