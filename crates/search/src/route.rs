//! Paths made concrete for a resource type: element names as numbers, choice elements with their types.

use model::{Name, Shapes, TypeId};

use crate::numbers;
use crate::path::Step;
use crate::value::Kind;

/// One way from a resource to values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Route {
    /// Element after element, from the resource down.
    pub(crate) moves: Vec<Move>,
    /// Only references to this type of resource.
    pub(crate) target: Option<u8>,
    /// What stands at the end.
    pub(crate) end: End,
    /// Whether it may lead to several elements of one resource.
    pub(crate) many: bool,
}

/// What stands at the end of a route: the kind, in an order that makes routes comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End(pub(crate) Kind);

impl PartialOrd for End {
    fn partial_cmp(&self, other: &End) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for End {
    fn cmp(&self, other: &End) -> std::cmp::Ordering {
        (self.0 as u8).cmp(&(other.0 as u8))
    }
}

impl std::hash::Hash for End {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.0 as u8).hash(state);
    }
}

/// To the elements of a name that pass the filters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Move {
    pub(crate) name: Name,
    pub(crate) filters: Vec<Filter>,
}

/// What an element must be like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Filter {
    /// Its child of this name has this text.
    Text(Name, String),
    /// It has an extension of this URL.
    Extension(String),
    /// It is at this place among those of its name.
    Index(usize),
}

/// Where a path stands while it is followed through the types.
#[derive(Clone)]
struct State {
    moves: Vec<Move>,
    ty: TypeId,
    type_name: String,
    /// The type that a choice element's name carries.
    choice: Option<String>,
    target: Option<u8>,
    many: bool,
}

/// The routes of a path from a type (a resource type, or where a composite's parts begin), and the type that each leads to; none where
/// the path belongs to another type or leads nowhere.
pub(crate) fn routes(path: &[Step], type_name: &str, ty: TypeId, shapes: &dyn Shapes) -> Vec<(Route, TypeId)> {
    let start =
        State { moves: Vec::new(), ty, type_name: type_name.to_owned(), choice: None, target: None, many: false };
    let mut states = vec![start];
    let mut steps = path;
    if let [Step::Child(name), rest @ ..] = path
        && name.starts_with(|character: char| character.is_ascii_uppercase())
    {
        if name != type_name && name != "Resource" && name != "DomainResource" {
            return Vec::new();
        }
        steps = rest;
    }
    for step in steps {
        states = states.into_iter().flat_map(|state| follow(state, step, shapes)).collect();
    }
    let route = |state: State| {
        let ty = state.ty;
        (Route { moves: state.moves, target: state.target, end: End(Kind::of(&state.type_name)), many: state.many }, ty)
    };
    let ended = states.into_iter().filter(|state| !state.moves.is_empty() || steps.is_empty());
    let mut routes: Vec<(Route, TypeId)> = ended.map(route).collect();
    routes.sort();
    routes.dedup();
    routes
}

fn follow(mut state: State, step: &Step, shapes: &dyn Shapes) -> Vec<State> {
    let filter = match step {
        Step::Child(name) => return children(&state, name, shapes),
        Step::Extension(url) => {
            let mut found = children(&state, "extension", shapes);
            for state in &mut found {
                let url_is = Name::of("url").map(|name| Filter::Text(name, url.clone()));
                if let Some(last) = state.moves.last_mut() {
                    last.filters.extend(url_is);
                }
            }
            return found;
        }
        Step::As(wanted) => {
            let is = state.choice.as_deref().unwrap_or(&state.type_name);
            // R4 writes `DateTime` once; extension values tell their type only when they are met.
            let fits =
                is.eq_ignore_ascii_case(wanted) || state.type_name == "Extension" || is_a(&state, wanted, shapes);
            return if fits { vec![state] } else { Vec::new() };
        }
        Step::Resolves(wanted) => {
            state.target = numbers::of_type(wanted);
            return if state.target.is_some() { vec![state] } else { Vec::new() };
        }
        Step::Where(name, text) => match Name::of(name) {
            Some(name) => Filter::Text(name, text.clone()),
            None => return Vec::new(),
        },
        Step::WhereExtension(url) => Filter::Extension(url.clone()),
        Step::Index(place) => Filter::Index(*place),
    };
    match state.moves.last_mut() {
        Some(last) => {
            last.filters.push(filter);
            vec![state]
        }
        None => Vec::new(),
    }
}

fn is_a(state: &State, wanted: &str, shapes: &dyn Shapes) -> bool {
    std::iter::successors(shapes.base(state.ty), |ty| shapes.base(*ty)).any(|ty| shapes.type_name(ty) == wanted)
}

fn children(state: &State, name: &str, shapes: &dyn Shapes) -> Vec<State> {
    // The value of an extension may be of any type: it is looked at where it is met.
    if state.type_name == "Extension" && name == "value" {
        return vec![state.clone()];
    }
    let to = |name: Name, child: &model::Child, choice: Option<Name>| {
        let ty = child.ty;
        let mut next = state.clone();
        next.moves.push(Move { name, filters: Vec::new() });
        next.ty = ty;
        next.many |= child.list;
        next.type_name = shapes.type_name(ty).to_owned();
        next.choice = choice.and_then(Name::known).map(str::to_owned);
        next
    };
    let Some(wanted) = Name::of(name) else { return Vec::new() };
    if let Some(child) = shapes.child(state.ty, wanted) {
        return vec![to(wanted, &child, None)];
    }
    let choices =
        shapes.children(state.ty).iter().filter(|(_, child)| child.choice.is_some_and(|(stem, _)| stem == wanted));
    choices.map(|(name, child)| to(*name, child, child.choice.map(|(_, of)| of))).collect()
}
