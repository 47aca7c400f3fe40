//! `:above` and `:below` of references: <http://hl7.org/fhir/R4/search.html#recursive>.
//!
//! Resources that are part of others of their own type (Location, Organization, Encounter, Procedure …) are a tree by the parameter
//! `partof` or `part-of`. `location:below=1` finds what refers to Location/1 or to anything that is, at any depth, a part of it;
//! `:above` what refers to it or to anything that it is a part of. Canonical URLs go by their path, as parameters of type uri do.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::numbers;
use crate::param::{Criterion, ParameterType, reference, uri};
use crate::parameter::Parameter;
use crate::parameters::TypeParameters;
use crate::plan::candidate::Candidate;
use crate::plan::resolve::{Fault, Resolver};
use crate::plan::set::Rows;
use crate::plan::stream;

/// Resources of one tree that are followed.
const MOST: usize = 10_000;

impl Resolver<'_, '_> {
    /// What a reference meets that is above or below what is asked.
    pub(crate) fn relatives(&self, parameter: &Parameter, text: &str, below: bool) -> Result<Vec<Criterion>, Fault> {
        let only = match parameter.targets.as_slice() {
            [only] => numbers::of_type(only),
            _ => None,
        };
        let asked = reference::Criterion::parse(&crate::query::unescape(text), only, &self.context.index.context);
        let (of_type, id) = match asked {
            reference::Criterion::Local { of_type: Some(of_type), id } => (of_type, id),
            reference::Criterion::Url(_) => {
                let how = if below { uri::How::Below } else { uri::How::Above };
                let criterion = uri::Criterion::new(how, &crate::query::unescape(text));
                return Ok(vec![Criterion::Reference(reference::Criterion::Url(criterion))]);
            }
            _ => return Err(self.invalid(format!("the type of {text} is needed: Type/id"))),
        };
        let type_name = numbers::type_name(of_type).unwrap_or_default();
        let Some((parameters, part_of)) = self.part_of(type_name) else {
            return Err(self.invalid(format!("{type_name} is no part of another {type_name}")));
        };
        let mut all = BTreeSet::from([id.clone()]);
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            let found = match below {
                true => self.parts(parameters, part_of, (type_name, &id))?,
                false => self.wholes(parameters, part_of, (type_name, &id))?,
            };
            next.extend(found.into_iter().filter(|id| all.insert(id.clone())));
            if all.len() > MOST {
                return Err(self.invalid(format!("more than {MOST} resources are related to {text}")));
            }
        }
        let all = all.into_iter().map(|id| (of_type, id)).collect();
        Ok(vec![Criterion::Reference(reference::Criterion::AnyOf(all))])
    }

    fn part_of(&self, type_name: &str) -> Option<(&TypeParameters, &Arc<Parameter>)> {
        let parameters = self.context.index.parameters(type_name)?;
        let found = ["partof", "part-of"].iter().find_map(|code| parameters.get(code))?;
        let own = found.targets.iter().any(|target| target == type_name);
        (own && found.of == ParameterType::Reference).then_some((parameters, found))
    }

    fn parts(
        &self,
        parameters: &TypeParameters,
        part_of: &Arc<Parameter>,
        whole: (&str, &str),
    ) -> Result<Vec<String>, Fault> {
        let mut numbers = Vec::new();
        stream::referring(self.context, parameters, part_of, whole, &mut numbers)?;
        let found = self.context.view.identities(&numbers)?;
        Ok(found.into_iter().flatten().map(|identity| identity.id).collect())
    }

    fn wholes(
        &self,
        parameters: &TypeParameters,
        part_of: &Arc<Parameter>,
        (type_name, id): (&str, &str),
    ) -> Result<Vec<String>, Fault> {
        let Some(number) = stream::live(self.context, type_name, id)? else { return Ok(Vec::new()) };
        let rows = Rows::new(part_of, Criterion::Present, parameters);
        let found = stream::targets(&Candidate::new(self.context, number), &rows)?;
        Ok(found.into_iter().filter(|(of, _)| numbers::type_name(*of) == Some(type_name)).map(|(_, id)| id).collect())
    }
}
