//! All search parameters of a catalog, compiled type by type when a type is first met.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use catalog::{Catalog, SearchParameter};
use fhirpath::Expression;
use model::{Name, Shapes, TypeId};

use crate::indexed::{Indexed, NOT_YET};
use crate::numbers;
use crate::param::{ParameterType, takes};
use crate::parameter::{Parameter, Parts, Rows};
use crate::path;
use crate::route::{Route, routes};
use crate::walk::Walk;

/// The search parameters of every resource type.
pub(crate) struct Parameters {
    catalog: Catalog,
    pub(crate) indexed: Option<Arc<dyn Indexed>>,
    types: HashMap<&'static str, OnceLock<TypeParameters>>,
}

/// The search parameters of one resource type.
#[derive(Debug, Default)]
pub struct TypeParameters {
    list: Vec<Arc<Parameter>>,
    by_code: HashMap<String, Arc<Parameter>>,
    unsupported: Vec<(String, String)>,
    /// Over the routes of `own`.
    pub(crate) walk: Walk,
    /// Those with rows of their own; the walk knows them by their place here.
    pub(crate) own: Vec<Arc<Parameter>>,
    /// The words of the narrative, as a parameter of type string: `_text`.
    pub(crate) narrative: Option<Arc<Parameter>>,
    /// The key that every resource of the type has.
    pub(crate) every: Vec<u8>,
    /// Places in `own` of the patient and of the date that rows have together.
    pub(crate) course: Option<(usize, usize)>,
}

impl TypeParameters {
    /// All of them, in the order of their codes. `_id`, `_lastUpdated` and the like, which need no rows, are not among them.
    pub fn list(&self) -> &[Arc<Parameter>] {
        &self.list
    }

    /// The parameter of a code.
    pub fn get(&self, code: &str) -> Option<&Arc<Parameter>> {
        self.by_code.get(code)
    }

    /// Codes of parameters that cannot be searched, each with the reason.
    pub fn unsupported(&self) -> &[(String, String)] {
        &self.unsupported
    }
}

impl Parameters {
    pub(crate) fn new(catalog: Catalog) -> Parameters {
        let types = numbers::types().map(|name| (name, OnceLock::new())).collect();
        Parameters { catalog, indexed: None, types }
    }

    /// Those of a type; `None`: there is no such type.
    pub(crate) fn of(&self, type_name: &str) -> Option<&TypeParameters> {
        let (name, cell) = self.types.get_key_value(type_name)?;
        Some(cell.get_or_init(|| Compiler::new(self, name).compile()))
    }
}

/// Composites of R4 that have the expressions of their two parts each in the other's place.
const SWAPPED: [&str; 1] = ["http://hl7.org/fhir/SearchParameter/DocumentReference-relationship"];

/// What a part of a composite begins with that is seen from the resource.
const RESOURCE: &str = "%resource.";

/// Codes that are answered without rows, or not at all.
const WITHOUT_ROWS: [&str; 6] = ["_id", "_lastUpdated", "_query", "_filter", "_content", "_text"];

/// The dates by which a patient's resources are put in order; of each type the first that it has. On disk: never another order.
const COURSE_DATES: [&str; 12] = [
    "date",
    "authoredon",
    "onset-date",
    "effective",
    "effective-time",
    "whenhandedover",
    "started",
    "created",
    "authored",
    "occurrence",
    "recorded-date",
    "period",
];

/// Whether routes lead to at most one value of a resource: no element on the way repeats, and of several they are choices of one element.
fn is_single(of: ParameterType, routes: &[Route]) -> bool {
    let place = |route: &Route| {
        let (last, before) = route.moves.split_last()?;
        let before: Vec<Name> = before.iter().map(|step| step.name).collect();
        Some((before, last.name.known().map(stem)))
    };
    let single =
        matches!(of, ParameterType::Date | ParameterType::Number | ParameterType::Quantity | ParameterType::Uri)
            || routes
                .iter()
                .all(|route| route.end.0 == crate::value::Kind::Code || route.end.0 == crate::value::Kind::Boolean);
    let alike = match routes {
        [_] => true,
        // effectiveDateTime, effectivePeriod: one stem, of which only one can be there.
        [first, rest @ ..] => rest.iter().all(|route| place(route) == place(first)),
        [] => false,
    };
    single && alike && routes.iter().all(|route| !route.many)
}

/// The name of a choice element without its type: up to the first capital.
fn stem(name: &str) -> &str {
    let end = name.find(|character: char| character.is_ascii_uppercase()).unwrap_or(name.len());
    name.get(..end).unwrap_or(name)
}

/// Definitions that a guide publishes for another version of FHIR only, though its rules for R4 rely on them: IHE Pharmacy MPD has its
/// parameters in the package for R5. A definition of the catalog with the same code counts before.
fn added() -> Vec<SearchParameter> {
    vec![SearchParameter {
        url: "https://profiles.ihe.net/PHARM/MPD/SearchParameter/group-or-identifier".into(),
        status: "active".into(),
        code: "group-or-identifier".into(),
        base: vec!["MedicationRequest".into()],
        kind: "token".into(),
        expression: Some("MedicationRequest.groupIdentifier | MedicationRequest.identifier".into()),
        ..SearchParameter::default()
    }]
}

/// Of what decides about a parameter's keys.
fn digest(definition: &SearchParameter) -> [u8; 8] {
    let expression = definition.expression.as_deref().unwrap_or_default();
    crate::key::hash(format!("{}\n{}\n{expression}", definition.url, definition.kind).as_bytes())
}

struct Compiler<'c> {
    catalog: &'c Catalog,
    indexed: Option<&'c dyn Indexed>,
    type_name: &'static str,
    ty: TypeId,
    made: TypeParameters,
    compiled: Vec<Parameter>,
}

impl<'c> Compiler<'c> {
    fn new(parameters: &'c Parameters, type_name: &'static str) -> Compiler<'c> {
        let (catalog, indexed) = (&parameters.catalog, parameters.indexed.as_deref());
        let ty = Name::of(type_name).and_then(|name| catalog.named(name)).unwrap_or(TypeId::UNKNOWN);
        Compiler { catalog, indexed, type_name, ty, made: TypeParameters::default(), compiled: Vec::new() }
    }

    fn compile(mut self) -> TypeParameters {
        let given = self.catalog.search_parameters_of(self.type_name).filter(|found| &*found.status != "retired");
        let added = added();
        let mut definitions: Vec<&SearchParameter> = given.map(|found| &**found).collect();
        definitions.extend(added.iter().filter(|found| found.applies_to(self.type_name)));
        // Where two have one code, HL7's own counts.
        definitions
            .sort_by_key(|found| (found.code.clone(), !found.url.starts_with("http://hl7.org/fhir/SearchParameter/")));
        definitions.dedup_by(|later, first| later.code == first.code);
        let (composites, simple): (Vec<_>, Vec<_>) =
            definitions.into_iter().partition(|found| &*found.kind == "composite");
        for definition in simple {
            if !WITHOUT_ROWS.contains(&&*definition.code) {
                self.simple(definition);
            }
        }
        self.share_rows();
        for parameter in std::mem::take(&mut self.compiled) {
            self.keep(parameter);
        }
        for definition in composites {
            self.composite(definition);
        }
        self.made.list.sort_by(|a, b| a.code.cmp(&b.code));
        self.made.course = self.course();
        self.made.narrative = numbers::of_type(self.type_name).map(|of_type| Arc::new(Parameter::narrative(of_type)));
        self.made.every = numbers::every(self.type_name).unwrap_or_default();
        self.made
    }

    /// The patient and the date of resources that make up a patient's course.
    fn course(&self) -> Option<(usize, usize)> {
        let place = |code: &str| self.made.own.iter().position(|parameter| parameter.code == code);
        let is_patient = |place: &usize| {
            let parameter = self.made.own.get(*place);
            parameter.is_some_and(|parameter| {
                parameter.of == ParameterType::Reference && parameter.targets.iter().any(|target| target == "Patient")
            })
        };
        let is_date = |place: &usize| {
            let parameter = self.made.own.get(*place);
            parameter.is_some_and(|parameter| parameter.of == ParameterType::Date && parameter.single)
        };
        let patient = ["subject", "patient"].iter().filter_map(|code| place(code)).find(is_patient)?;
        let date = COURSE_DATES.iter().filter_map(|code| place(code)).find(is_date)?;
        Some((patient, date))
    }

    fn keep(&mut self, parameter: Parameter) {
        let parameter = Arc::new(parameter);
        if parameter.rows == Rows::Own {
            let place = self.made.own.len();
            for route in &parameter.routes {
                self.made.walk.add(place, route);
            }
            self.made.own.push(parameter.clone());
            let indexed = self.indexed.filter(|_| !parameter.built_in);
            if indexed.is_some_and(|it| !it.is_indexed(self.type_name, &parameter.url, parameter.digest)) {
                return self.made.unsupported.push((parameter.code.clone(), NOT_YET.to_owned()));
            }
        }
        self.made.by_code.insert(parameter.code.clone(), parameter.clone());
        self.made.list.push(parameter);
    }

    fn refuse(&mut self, definition: &SearchParameter, reason: &str) {
        self.made.unsupported.push((definition.code.to_string(), reason.to_owned()));
    }

    fn simple(&mut self, definition: &SearchParameter) {
        let Some(expression) = definition.expression.as_deref() else {
            return self.refuse(definition, "its definition has no expression");
        };
        let Some(of) = ParameterType::of(&definition.kind) else {
            return self.refuse(definition, "its type is not known");
        };
        let Some(paths) = path::parse(expression) else {
            let context = Some(self.ty).filter(|ty| *ty != TypeId::UNKNOWN);
            return match Expression::compile(expression, self.catalog, context) {
                Ok(expression) => {
                    let parameter = self.parameter(definition, of, Vec::new());
                    self.compiled.extend(parameter.map(|made| Parameter { expression: Some(expression), ..made }));
                }
                Err(error) => self.refuse(definition, &format!("its expression cannot be compiled: {}", error.message)),
            };
        };
        let mut found: Vec<Route> = Vec::new();
        for path in &paths {
            found.extend(routes(path, self.type_name, self.ty, self.catalog).into_iter().map(|(route, _)| route));
        }
        found.retain(|route| takes(of, route.end.0));
        found.sort();
        found.dedup();
        if found.is_empty() {
            return self.refuse(definition, "its expression leads to no element of the type");
        }
        self.compiled.extend(self.parameter(definition, of, found));
    }

    fn parameter(&self, definition: &SearchParameter, of: ParameterType, routes: Vec<Route>) -> Option<Parameter> {
        let digest = digest(definition);
        let known = Catalog::built_in().search_parameter(&definition.url);
        let built_in = known.is_some_and(|known| self::digest(&known) == digest)
            || added().iter().any(|known| self::digest(known) == digest);
        // Whoever defines a parameter anew, even under a known code, must not find what others wrote.
        let code = if built_in { &*definition.code } else { "" };
        let prefix = numbers::prefix(self.type_name, code, &definition.url)?;
        Some(Parameter {
            code: definition.code.to_string(),
            url: definition.url.to_string(),
            of,
            targets: definition.target.iter().map(|target| target.to_string()).collect(),
            prefix,
            digest,
            built_in,
            single: is_single(of, &routes),
            routes,
            expression: None,
            rows: Rows::Own,
            parts: None,
        })
    }

    /// Lets parameters whose values are all under other parameters have no rows of their own. Only rows of parameters that are
    /// listed in numbers.txt are relied on, so that a new parameter changes nothing for those that are there.
    fn share_rows(&mut self) {
        let shared: Vec<Option<Rows>> = (0..self.compiled.len()).map(|place| self.shared(place)).collect();
        for (parameter, rows) in self.compiled.iter_mut().zip(shared) {
            parameter.rows = rows.unwrap_or(Rows::Own);
        }
    }

    fn shared(&self, place: usize) -> Option<Rows> {
        let parameter = self.compiled.get(place)?;
        let target = parameter.routes.first()?.target;
        if parameter.routes.iter().any(|route| route.target != target) {
            return None;
        }
        let bare = |routes: &[Route]| -> Vec<Route> {
            let mut bare: Vec<Route> = routes.iter().cloned().map(|route| Route { target: None, ..route }).collect();
            bare.sort();
            bare
        };
        let wanted = bare(&parameter.routes);
        let relied = |(other, candidate): &(usize, &Parameter)| {
            let listed = candidate.prefix.len() == 2 && candidate.of == parameter.of && *other != place;
            let open = candidate.routes.iter().all(|route| route.target.is_none());
            // Of two that are the same, the first has the rows.
            let fewer = candidate.routes.len() < wanted.len() || target.is_some() || *other < place;
            listed && open && fewer && candidate.routes.iter().all(|route| wanted.binary_search(route).is_ok())
        };
        let mut candidates: Vec<(usize, &Parameter)> = self.compiled.iter().enumerate().filter(relied).collect();
        candidates.sort_by_key(|(other, candidate)| (usize::MAX - candidate.routes.len(), *other));
        let mut missing = wanted.clone();
        let mut codes = Vec::new();
        for (_, candidate) in candidates {
            if candidate.routes.iter().any(|route| missing.contains(route)) {
                missing.retain(|route| !candidate.routes.contains(route));
                codes.push(candidate.code.clone());
            }
        }
        (missing.is_empty() && !codes.is_empty()).then_some(Rows::Of { codes, target })
    }

    fn composite(&mut self, definition: &SearchParameter) {
        let Some(paths) = definition.expression.as_deref().and_then(path::parse) else {
            return self.refuse(definition, "its expression is more than a path");
        };
        let mut each: Vec<(ParameterType, Option<Arc<Parameter>>)> = Vec::new();
        for (url, _) in &definition.components {
            let Some(part) = self.catalog.search_parameter(url) else {
                return self.refuse(definition, "the parameter of one of its parts is not known");
            };
            let Some(of) = ParameterType::of(&part.kind) else {
                return self.refuse(definition, "the type of one of its parts is not known");
            };
            each.push((of, self.made.by_code.get(&*part.code).cloned()));
        }
        let mut from = Vec::new();
        for path in &paths {
            for (route, ty) in routes(path, self.type_name, self.ty, self.catalog) {
                let mut expressions: Vec<&str> =
                    definition.components.iter().map(|(_, expression)| &**expression).collect();
                if SWAPPED.contains(&&*definition.url) {
                    expressions.reverse();
                }
                let parts: Vec<Vec<Route>> =
                    expressions.iter().zip(&each).map(|(expression, (of, _))| self.part(*of, expression, ty)).collect();
                from.push((route, parts));
            }
        }
        if from.is_empty() || from.iter().any(|(_, parts)| parts.iter().any(Vec::is_empty)) {
            return self.refuse(definition, "one of its parts leads to no element");
        }
        let same = |parts: &[Vec<Route>]| {
            parts
                .iter()
                .zip(&each)
                .all(|(routes, (_, holder))| holder.as_ref().is_some_and(|holder| holder.routes == *routes))
        };
        let whole = from.len() == 1 && from.iter().all(|(route, parts)| route.moves.is_empty() && same(parts));
        let routes = from.iter().map(|(route, _)| route.clone()).collect();
        if let Some(mut parameter) = self.parameter(definition, ParameterType::Composite, routes) {
            parameter.rows = Rows::None;
            let of_resource = definition.components.iter().map(|(_, text)| text.starts_with(RESOURCE)).collect();
            parameter.parts = Some(Parts { from, each, of_resource, whole });
            self.keep(parameter);
        }
    }

    fn part(&self, of: ParameterType, expression: &str, ty: TypeId) -> Vec<Route> {
        let (expression, ty) = expression.strip_prefix(RESOURCE).map_or((expression, ty), |rest| (rest, self.ty));
        let paths = path::parse(expression).unwrap_or_default();
        let name = self.catalog.type_name(ty);
        let found = paths.iter().flat_map(|path| routes(path, name, ty, self.catalog)).map(|(route, _)| route);
        let mut found: Vec<Route> = found.filter(|route| takes(of, route.end.0)).collect();
        found.sort();
        found.dedup();
        found
    }
}
