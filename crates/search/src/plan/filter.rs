//! What a `_filter` means: <http://hl7.org/fhir/R4/search_filter.html>.
//!
//! Each comparison becomes the set that the parameter's own rows give, so that filters are answered by the same index. An operator
//! that a parameter's type does not have is refused by name.

use std::sync::Arc;

use crate::param::{Criterion, ParameterType, string, uri};
use crate::parameter::Parameter;
use crate::parameters::TypeParameters;
use crate::plan::criteria::{Modifier, criteria};
use crate::plan::resolve::{Fault, Resolver, with_value};
use crate::plan::set::{Rows, Set};
use crate::query::filter::{Filter, Operator, Path};

impl Resolver<'_, '_> {
    /// The resources of a type that meet a filter.
    pub(crate) fn filter(&self, type_name: &str, filter: &Filter, depth: usize) -> Result<Set, Fault> {
        let all = |filters: &[Filter]| -> Result<Vec<Set>, Fault> {
            filters.iter().map(|filter| self.filter(type_name, filter, depth)).collect()
        };
        match filter {
            Filter::And(filters) => Ok(Set::And(all(filters)?)),
            Filter::Or(filters) => Ok(Set::Or(all(filters)?)),
            Filter::Not(filter) => Ok(Set::Not(Box::new(self.filter(type_name, filter, depth)?))),
            Filter::Test(path, operator, value) => self.path(type_name, path, (*operator, value), depth),
        }
    }

    fn path(&self, type_name: &str, path: &Path, test: (Operator, &str), depth: usize) -> Result<Set, Fault> {
        if depth == 0 {
            return Err(self.invalid("the chain is too long".to_owned()));
        }
        match path {
            Path::Parameter(code) => self.test(type_name, code, test),
            Path::Chain { code, of_type, filter, rest } => {
                let set = self.chain_to(type_name, code, of_type.as_deref(), &mut |target| {
                    let rest = self.path(target, rest, test, depth - 1)?;
                    Ok(match filter {
                        Some(filter) => Set::And(vec![self.filter(target, filter, depth - 1)?, rest]),
                        None => rest,
                    })
                })?;
                match (&**rest, filter, test) {
                    (Path::Parameter(last), None, (Operator::Eq, value)) if last == "identifier" => {
                        self.or_identified(type_name, code, set, &[value])
                    }
                    _ => Ok(set),
                }
            }
            Path::Has { of_type, code, rest } => {
                let set = self.path(of_type, rest, test, depth - 1)?;
                self.referred(type_name, of_type, code, &set)
            }
        }
    }

    fn test(&self, type_name: &str, code: &str, (operator, value): (Operator, &str)) -> Result<Set, Fault> {
        let refuse = |what: &str| self.invalid(format!("{what} takes no operator {}", operator.word()));
        if code.starts_with('_')
            && let Some(set) = match operator {
                Operator::Eq => self.special(type_name, code, None, &[&escaped(value)])?,
                Operator::Ne => {
                    let equal = self.special(type_name, code, None, &[&escaped(value)])?;
                    equal.map(|set| Set::Not(Box::new(set)))
                }
                _ if code == "_lastUpdated" => {
                    self.special(type_name, code, None, &[&format!("{}{value}", operator.word())])?
                }
                _ => None,
            }
        {
            return Ok(set);
        }
        let (of_type, parameter) = self.find(type_name, code)?;
        let with = |modifier: Modifier, value: &str| -> Result<Vec<Criterion>, Fault> {
            Ok(criteria(self.context, self.written(), parameter, &modifier, value)?)
        };
        let text = |how| vec![Criterion::String(string::Criterion::new(how, value))];
        let link = |how| vec![Criterion::Uri(uri::Criterion::new(how, value))];
        use Operator as O;
        use ParameterType as T;
        let found = match (operator, parameter.of) {
            (O::Pr, _) => return self.present(of_type, parameter, value),
            (_, T::Composite) if operator == O::Eq => return self.composite(of_type, parameter, value),
            (O::Eq, T::String) => text(string::How::Whole),
            (O::Ne, T::String) => other_than(text(string::How::Whole)),
            (O::Co, T::String) => text(string::How::Contains),
            (O::Sw, T::String) => text(string::How::Starts),
            (O::Ew, T::String) => text(string::How::Ends),
            (O::Co, T::Uri) => link(uri::How::Contains),
            (O::Sw, T::Uri) => link(uri::How::Starts),
            (O::Ew, T::Uri) => link(uri::How::Ends),
            (O::Eq, _) => with(Modifier::None, value)?,
            (O::Ne, T::Token | T::Reference | T::Uri) => other_than(with(Modifier::None, value)?),
            (O::Ne | O::Gt | O::Lt | O::Ge | O::Le | O::Ap | O::Sa | O::Eb, T::Date | T::Number | T::Quantity) => {
                with(Modifier::None, &format!("{}{value}", operator.word()))?
            }
            (O::Po, T::Date) => {
                let mut found = with(Modifier::None, value)?;
                for criterion in &mut found {
                    if let Criterion::Date(date) = criterion {
                        date.prefix = crate::query::Prefix::Ap;
                    }
                }
                found
            }
            (O::Ss, T::Token) => with(Modifier::Below, value)?,
            (O::Sb, T::Token) => with(Modifier::Above, value)?,
            (O::In | O::Ni, T::Token) => with(Modifier::In, value)?,
            (O::Re, T::Reference) => with(Modifier::None, value)?,
            _ => return Err(refuse(&format!("{code}, a {},", parameter.of.code()))),
        };
        let mut sets = Vec::new();
        for mut criterion in found {
            self.convert(&mut criterion, parameter, of_type)?;
            sets.push(Set::Rows(Rows::new(parameter, criterion, of_type)));
        }
        let set = Set::any(sets);
        Ok(if operator == O::Ni { Set::Not(Box::new(set)) } else { set })
    }

    fn present(&self, of_type: &TypeParameters, parameter: &Arc<Parameter>, value: &str) -> Result<Set, Fault> {
        let present = with_value(of_type, parameter);
        match value {
            "true" => Ok(present),
            "false" => Ok(Set::Not(Box::new(present))),
            other => Err(self.invalid(format!("{other} is neither true nor false"))),
        }
    }
}

/// Any value that meets none of them.
fn other_than(criteria: Vec<Criterion>) -> Vec<Criterion> {
    vec![Criterion::Other(criteria)]
}

/// A value as it would stand in a search: a filter has no lists.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace(',', "\\,")
}
