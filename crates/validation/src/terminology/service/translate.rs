//! `ConceptMap/$translate` (<http://hl7.org/fhir/R4/conceptmap-operation-translate.html>), also backwards.

use std::sync::Arc;

use catalog::{Canonical, ConceptMap, MapGroup, Unmapped};
use model::{Element, Tree};

use super::Service;
use super::asked::{parameter, text};
use super::finding::Failure;
use crate::terminology::Coding;

/// Maps that refer to other maps …
const DEPTH: usize = 8;

/// One translation.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Match {
    equivalence: String,
    system: Option<String>,
    code: Option<String>,
    display: Option<String>,
    map: String,
    /// What it was translated from, of a backward one.
    source: Option<(Option<String>, String)>,
}

/// What is to be translated.
struct Wanted<'t> {
    codings: Vec<Coding<'t>>,
    backward: bool,
    /// The code system it shall lead to (backward: come from).
    system: Option<&'t str>,
    /// The value set it shall lead to.
    target: Option<&'t str>,
    /// The value set it comes from.
    source: Option<&'t str>,
}

impl Service {
    /// `ConceptMap/$translate`: Parameters in, Parameters out. The names of parameters are those of R4 (`code`, `system`,
    /// `targetsystem`, `target` …), those of R5 (`sourceCode`, `targetSystem`, `targetCode` …) are understood too.
    ///
    /// # Errors
    /// The map is not here, or nothing is asked.
    pub fn translate(&mut self, request: Element<'_>) -> Result<Tree, Failure> {
        let wanted = wanted(request)?;
        let maps = self.maps(request)?;
        let mut found: Vec<Match> = Vec::new();
        for map in &maps {
            let scope = |own: Option<&str>, asked: Option<&str>| match (own, asked) {
                (Some(own), Some(asked)) => Canonical::of(own).url == Canonical::of(asked).url,
                _ => true,
            };
            if scope(map.target.as_deref(), wanted.target) && scope(map.source.as_deref(), wanted.source) {
                for coding in &wanted.codings {
                    self.translate_by(map, coding, &wanted, &mut found, 0);
                }
            }
        }
        found.dedup();
        Ok(answer(&found))
    }

    fn maps(&self, request: Element<'_>) -> Result<Vec<Arc<ConceptMap>>, Failure> {
        if let Some(own) = parameter(request, "conceptMap") {
            return Ok(vec![Arc::new(ConceptMap::read(&Tree::from_element(own)))]);
        }
        let catalog = self.terms.catalog();
        let named = text(request, "url").map(|url| match text(request, "conceptMapVersion") {
            Some(version) => format!("{url}|{version}"),
            None => url.to_owned(),
        });
        match named {
            Some(url) => match catalog.concept_map(&url) {
                Some(map) => Ok(vec![map]),
                None => {
                    let text = format!("A definition for the Concept Map '{url}' could not be found");
                    Err(Failure::not_found("not-found", text))
                }
            },
            None => {
                let mut urls: Vec<String> =
                    catalog.resources("ConceptMap").iter().map(|map| map.url().to_owned()).collect();
                urls.sort();
                urls.dedup();
                Ok(urls.iter().filter_map(|url| catalog.concept_map(url)).collect())
            }
        }
    }

    fn translate_by(
        &self,
        map: &ConceptMap,
        coding: &Coding<'_>,
        wanted: &Wanted<'_>,
        found: &mut Vec<Match>,
        depth: usize,
    ) {
        let url = match map.version.as_deref() {
            Some(version) => format!("{}|{version}", map.url),
            None => map.url.to_string(),
        };
        for group in &map.groups {
            let (from, to) = match wanted.backward {
                false => (group.source.as_deref(), group.target.as_deref()),
                true => (group.target.as_deref(), group.source.as_deref()),
            };
            let plain = |system: &str| Canonical::of(system).url.to_owned();
            let fits = |own: Option<&str>, asked: Option<&str>| {
                own.is_none() || asked.is_none() || own.map(plain) == asked.map(plain)
            };
            if !fits(from, coding.system) || !fits(to, wanted.system) {
                continue;
            }
            if wanted.backward {
                backward(group, coding, &url, found);
                continue;
            }
            let before = found.len();
            forward(group, coding, &url, found);
            if found.len() > before {
                continue;
            }
            let target = |code: &str, display: Option<&str>, equivalence: &str| Match {
                equivalence: equivalence.to_owned(),
                system: group.target.as_deref().map(str::to_owned),
                code: Some(code.to_owned()),
                display: display.map(str::to_owned),
                map: url.clone(),
                source: None,
            };
            match &group.unmapped {
                Some(Unmapped::Provided) => found.push(target(coding.code, coding.display, "equal")),
                Some(Unmapped::Fixed(code)) => found.push(target(code, None, "wider")),
                Some(Unmapped::OtherMap(other)) if depth < DEPTH => {
                    if let Some(other) = self.terms.catalog().concept_map(other) {
                        self.translate_by(&other, coding, wanted, found, depth + 1);
                    }
                }
                _ => {}
            }
        }
    }
}

fn wanted(request: Element<'_>) -> Result<Wanted<'_>, Failure> {
    let concept = |names: [&str; 2]| names.iter().find_map(|name| parameter(request, name));
    let either = |names: [&str; 2]| names.iter().find_map(|name| text(request, name));
    let mut wanted = Wanted {
        codings: Vec::new(),
        backward: text(request, "reverse") == Some("true"),
        system: either(["targetsystem", "targetSystem"]),
        target: either(["target", "targetScope"]),
        source: either(["source", "sourceScope"]),
    };
    let system = either(["system", "sourceSystem"]);
    let plain = |code, system| Coding { system, version: None, code, display: None };
    if let Some(coding) = concept(["coding", "sourceCoding"]).and_then(Coding::of) {
        wanted.codings.push(coding);
    } else if let Some(concept) = concept(["codeableConcept", "sourceCodeableConcept"]) {
        wanted.codings.extend(concept.all("coding").filter_map(Coding::of));
    } else if let Some(code) = either(["code", "sourceCode"]) {
        wanted.codings.push(plain(code, system));
    } else if let Some(code) = text(request, "targetCode") {
        wanted.codings.push(plain(code, wanted.system));
        (wanted.backward, wanted.system) = (true, system);
    } else if let Some(coding) = parameter(request, "targetCoding").and_then(Coding::of) {
        wanted.codings.push(coding);
        (wanted.backward, wanted.system) = (true, system);
    }
    match wanted.codings.is_empty() {
        true => Err(Failure::malformed("Nothing to translate: there is no code, coding or codeableConcept")),
        false => Ok(wanted),
    }
}

fn forward(group: &MapGroup, coding: &Coding<'_>, url: &str, found: &mut Vec<Match>) {
    for (_, targets) in group.elements.iter().filter(|(code, _)| **code == *coding.code) {
        found.extend(targets.iter().map(|one| Match {
            equivalence: one.equivalence.to_string(),
            system: group.target.as_deref().map(str::to_owned),
            code: one.code.as_deref().map(str::to_owned),
            display: one.display.as_deref().map(str::to_owned),
            map: url.to_owned(),
            source: None,
        }));
    }
}

fn backward(group: &MapGroup, coding: &Coding<'_>, url: &str, found: &mut Vec<Match>) {
    for (code, targets) in &group.elements {
        for one in targets.iter().filter(|one| one.code.as_deref() == Some(coding.code)) {
            found.push(Match {
                equivalence: one.equivalence.to_string(),
                system: group.target.as_deref().map(str::to_owned),
                code: one.code.as_deref().map(str::to_owned),
                display: one.display.as_deref().map(str::to_owned),
                map: url.to_owned(),
                source: Some((group.source.as_deref().map(str::to_owned), code.to_string())),
            });
        }
    }
}

fn answer(found: &[Match]) -> Tree {
    let mut tree = Tree::new("Parameters");
    let mut root = tree.edit();
    let translated = |one: &Match| one.code.is_some() && !matches!(one.equivalence.as_str(), "unmatched" | "disjoint");
    let result = found.iter().any(translated);
    root.item("parameter").set("name", "result").set("valueBoolean", result);
    if !result {
        root.item("parameter").set("name", "message").set("valueString", "No translation was found");
    }
    for one in found {
        let mut item = root.item("parameter");
        item.set("name", "match");
        item.item("part").set("name", "equivalence").set("valueCode", one.equivalence.as_str());
        if let Some(code) = &one.code {
            let mut part = item.item("part");
            part.set("name", "concept");
            let mut coding = part.object("valueCoding");
            coding.set_some("system", one.system.as_deref());
            coding.set("code", code.as_str());
            coding.set_some("display", one.display.as_deref());
        }
        if let Some((system, code)) = &one.source {
            let mut part = item.item("part");
            part.set("name", "source");
            part.object("valueCoding").set_some("system", system.as_deref()).set("code", code.as_str());
        }
        item.item("part").set("name", "originMap").set("valueCanonical", one.map.as_str());
    }
    tree
}
