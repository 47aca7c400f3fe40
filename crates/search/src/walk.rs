//! One walk over a resource that meets every element which some parameter wants.
//!
//! The routes of all parameters of a type are one tree of names; elements that no route passes are not entered.

use model::{Element, Name};

use crate::route::{Filter, Route};
use crate::value::Kind;

/// The routes of many parameters as one tree.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted by name.
    edges: Vec<Edge>,
    ends: Vec<Arrival>,
}

#[derive(Debug)]
struct Edge {
    name: Name,
    filters: Vec<Filter>,
    to: usize,
}

/// An element that a parameter wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Which parameter, by its number at [`Walk::add`].
    pub(crate) parameter: usize,
    /// What the element is.
    pub(crate) kind: Kind,
    /// Only references to this type.
    pub(crate) target: Option<u8>,
}

impl Walk {
    /// Adds a route of a parameter.
    pub(crate) fn add(&mut self, parameter: usize, route: &Route) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for step in &route.moves {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            let known = node.edges.iter().find(|edge| edge.name == step.name && edge.filters == step.filters);
            at = match known.map(|edge| edge.to) {
                Some(to) => to,
                None => {
                    let place = node.edges.partition_point(|edge| edge.name <= step.name);
                    node.edges.insert(place, Edge { name: step.name, filters: step.filters.clone(), to: next });
                    self.nodes.push(Node::default());
                    next
                }
            };
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.ends.push(Arrival { parameter, kind: route.end.0, target: route.target });
        }
    }

    /// Meets every wanted element of a resource, in the order of the resource.
    pub(crate) fn visit<'t>(&self, resource: Element<'t>, meet: &mut impl FnMut(&Arrival, Element<'t>)) {
        self.enter(0, resource, meet);
    }

    fn enter<'t>(&self, at: usize, element: Element<'t>, meet: &mut impl FnMut(&Arrival, Element<'t>)) {
        let Some(node) = self.nodes.get(at) else { return };
        for end in &node.ends {
            meet(end, element);
        }
        if node.edges.is_empty() {
            return;
        }
        for child in element.children() {
            let name = child.name_id();
            let first = node.edges.partition_point(|edge| edge.name < name);
            for edge in node.edges.iter().skip(first).take_while(|edge| edge.name == name) {
                if edge.filters.iter().all(|filter| passes(filter, child)) {
                    self.enter(edge.to, child, meet);
                }
            }
        }
    }
}

/// The elements that one route leads to.
pub(crate) fn follow<'t>(route: &Route, from: Element<'t>) -> Vec<Element<'t>> {
    let mut found = vec![from];
    for step in &route.moves {
        let next = found.iter().flat_map(|element| element.named(step.name));
        found = next.filter(|element| step.filters.iter().all(|filter| passes(filter, *element))).collect();
    }
    found
}

fn passes(filter: &Filter, element: Element<'_>) -> bool {
    match filter {
        Filter::Text(name, text) => element.named(*name).any(|child| child.text() == Some(text)),
        Filter::Extension(url) => {
            element.all("extension").any(|extension| extension.text_at("url") == Some(url.as_str()))
        }
        Filter::Index(place) => element.index() == *place,
    }
}
