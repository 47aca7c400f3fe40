//! `ValueSet/$expand` (<http://hl7.org/fhir/R4/valueset-operation-expand.html>).

use std::collections::HashMap;
use std::sync::Arc;

use catalog::ValueSet;
use model::{Element, ElementMut, Instant, Tree};

use super::Service;
use super::asked::{parameters, text};
use super::concept::Shown;
use super::finding::Failure;
use super::judge::state;
use super::kept::{self, Expanded};
use super::listed::{Listed, Sources, nest, too_costly};
use super::validate::label;

const DECLARED: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.property";
const UNCLOSED: &str = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed";
/// What the parameters of an expansion tell again of the request.
const ECHOED: [&str; 8] = [
    "activeOnly",
    "excludeNested",
    "includeDesignations",
    "includeDefinition",
    "count",
    "offset",
    "filter",
    "designation",
];

/// What an expansion takes from outside.
#[derive(Clone, Debug)]
pub struct Expanding {
    /// When it is made.
    pub now: Instant,
    /// Its identifier: a URI.
    pub identifier: String,
    /// How many codes it may have where the request does not ask for a page.
    pub most: usize,
}

impl Service {
    /// `ValueSet/$expand`: Parameters in, a ValueSet with its expansion out.
    ///
    /// # Errors
    /// The value set or what it needs is not here, it is broken, or it has too many codes for one answer.
    pub fn expand(&mut self, request: Element<'_>, expanding: &Expanding) -> Result<Tree, Failure> {
        let set = self.asked_value_set(request)?;
        self.prepare(Some(&set))?;
        let expanded = self.codes(&set, request)?;
        let (listed, sources) = (&expanded.listed, &expanded.sources);
        let number = |name: &str| text(request, name).map(str::parse::<usize>).transpose();
        let malformed = |_| Failure::malformed("offset and count are whole numbers from 0");
        let (offset, count) = (number("offset").map_err(malformed)?, number("count").map_err(malformed)?);
        let total = listed.len();
        if count.is_none() && total > expanding.most {
            return Err(too_costly(&label(&set), expanding.most));
        }
        let shown = shown(request, expanded.several);
        let paged = offset.is_some_and(|offset| offset > 0) || count.is_some_and(|count| count < total);
        let plain = set.exclude.is_empty() && set.include.iter().all(|include| include.value_sets.is_empty());
        let searched = text(request, "filter").is_some() && set.include.iter().any(|one| one.filters.is_empty());
        let nested = text(request, "excludeNested") != Some("true") && !paged && plain && !searched;
        let page: Vec<Listed> =
            listed.iter().skip(offset.unwrap_or(0)).take(count.unwrap_or(usize::MAX)).cloned().collect();
        let parents = if nested { nest(&page) } else { vec![None; page.len()] };

        let mut tree = Tree::new("ValueSet");
        let mut root = tree.edit();
        self.write_head(&set, request, &mut root);
        let mut expansion = root.object("expansion");
        if !sources.fragments.is_empty() {
            expansion.item("extension").set("url", UNCLOSED).set("valueBoolean", true);
            let reason = format!(
                "This extension is based on a fragment of the code system {}",
                sources.fragment_urls.join(", ")
            );
            let url = format!("{UNCLOSED}-reason");
            expansion.item("extension").set("url", url.as_str()).set("valueString", reason.as_str());
        }
        for (code, uri) in self.declared(&page, &shown) {
            let mut extension = expansion.item("extension");
            extension.set("url", DECLARED);
            extension.item("extension").set("url", "code").set("valueCode", code.as_str());
            if let Some(uri) = uri {
                extension.item("extension").set("url", "uri").set("valueUri", uri.as_str());
            }
        }
        expansion.set("identifier", expanding.identifier.as_str());
        expansion.set("timestamp", expanding.now.to_fhir().as_str());
        expansion.set("total", total as i64);
        if paged || offset.is_some() {
            expansion.set("offset", offset.unwrap_or(0) as i64);
        }
        self.write_parameters(request, sources, &mut expansion);
        self.write_concepts(&page, &parents, &shown, &mut expansion);
        Ok(tree)
    }

    /// The codes that are asked for, of which an answer shows a page.
    fn codes(&self, set: &ValueSet, request: Element<'_>) -> Result<Arc<Expanded>, Failure> {
        let asked = kept::asked(request, &self.asked.languages.text);
        if let Some(known) = asked.as_deref().and_then(|asked| self.terms.expansions.get(asked)) {
            return Ok(known);
        }
        let mut sources = Sources::default();
        let state = state(&set.status, set.standards_status.as_deref(), set.experimental, set.experimental);
        sources.note_state(state.filter(|state| *state != "draft"), label(set));
        let mut listed = self.list(set, &mut sources, 0)?;
        if self.asked.active_only {
            listed.retain(|one| !one.is_inactive());
        }
        if let Some(wanted) = text(request, "filter").map(str::to_lowercase) {
            let words: Vec<&str> = wanted.split_whitespace().collect();
            listed.retain(|one| {
                let display = self.display(one).unwrap_or_default().to_lowercase();
                let code = one.code().to_lowercase();
                words.iter().all(|word| display.contains(word) || code.contains(word))
            });
        }
        let several = several_versions(set, &listed);
        let expanded = Arc::new(Expanded { listed, sources, several });
        if let Some(asked) = asked {
            self.terms.expansions.keep(asked, &expanded);
        }
        Ok(expanded)
    }

    fn write_head(&self, set: &ValueSet, request: Element<'_>, root: &mut ElementMut<'_>) {
        let defined = text(request, "includeDefinition") == Some("true");
        let source = defined.then(|| {
            let own = super::asked::parameter(request, "valueSet").map(Tree::from_element).map(std::sync::Arc::new);
            own.or_else(|| self.terms.catalog().resource("ValueSet", &label(set))?.tree().ok())
        });
        let source = source.flatten();
        for extension in source.iter().flat_map(|source| source.root().all("extension")) {
            root.copy(extension);
        }
        root.set_some("language", set.language.as_deref());
        for (name, value) in [("url", Some(&*set.url)), ("version", set.version.as_deref()), ("name", Some(&*set.name))]
        {
            root.set_some(name, value.filter(|value| !value.is_empty()));
        }
        root.set_some("title", set.title.as_deref());
        root.set("status", if set.status.is_empty() { "unknown" } else { &*set.status });
        if set.says_experimental {
            root.set("experimental", set.experimental);
        }
        if let Some(compose) = source.as_ref().and_then(|source| source.root().get("compose")) {
            root.copy_as("compose", compose, false);
        }
    }

    fn write_parameters(&self, request: Element<'_>, sources: &Sources, expansion: &mut ElementMut<'_>) {
        let mut add = |name: &str, kind: &str, value: &str| {
            let mut parameter = expansion.item("parameter");
            parameter.set("name", name);
            super::concept::write_value(&mut parameter, kind, value);
        };
        for name in ECHOED {
            for value in parameters(request, name).filter_map(Element::text) {
                let kind = match (name, value) {
                    ("count" | "offset", _) => "valueInteger",
                    (_, "true" | "false") if !matches!(name, "filter" | "designation") => "valueBoolean",
                    _ => "valueString",
                };
                add(name, kind, value);
            }
        }
        if !self.asked.languages.text.is_empty() {
            add("displayLanguage", "valueCode", &self.asked.languages.text);
        }
        for (rule, value) in &sources.rules {
            add(rule.parameter(), "valueUri", value);
        }
        for (name, list) in [
            ("used-codesystem", &sources.systems),
            ("used-fragment", &sources.fragments),
            ("used-valueset", &sources.sets),
        ] {
            list.iter().for_each(|one| add(name, "valueUri", one));
        }
        for supplement in &self.supplements {
            add("used-supplement", "valueUri", &super::validate::versioned(supplement));
        }
        if sources.versions_match {
            add("versionsMatch", "valueBoolean", "true");
        }
        for (url, version) in &self.asked.value_set_versions {
            if sources.sets.contains(&format!("{url}|{version}")) {
                add("default-valueset-version", "valueUri", &format!("{url}|{version}"));
            }
        }
        for (state, name) in &sources.states {
            add(&format!("warning-{state}"), "valueUri", name);
        }
    }

    /// The properties that concepts have, with their URIs.
    fn declared(&self, page: &[Listed], shown: &Shown) -> Vec<(String, Option<String>)> {
        let mut declared: Vec<(String, Option<String>)> = Vec::new();
        for one in page {
            for (code, _, _) in self.properties(one, shown) {
                if !declared.iter().any(|(known, _)| *known == code) {
                    let uri = self.property_uri(one, &code);
                    declared.push((code, uri));
                }
            }
        }
        declared
    }

    /// Writes the concepts, nested as `parents` say.
    fn write_concepts(
        &self,
        page: &[Listed],
        parents: &[Option<usize>],
        shown: &Shown,
        expansion: &mut ElementMut<'_>,
    ) {
        let mut below: Vec<Vec<usize>> = vec![Vec::new(); page.len()];
        let mut tops = Vec::new();
        for (place, parent) in parents.iter().enumerate() {
            match parent.and_then(|parent| below.get_mut(parent)) {
                Some(list) => list.push(place),
                None => tops.push(place),
            }
        }
        self.write_level(page, &tops, &below, shown, expansion);
    }

    fn write_level(
        &self,
        page: &[Listed],
        places: &[usize],
        below: &[Vec<usize>],
        shown: &Shown,
        above: &mut ElementMut<'_>,
    ) {
        for place in places {
            let Some(one) = page.get(*place) else { continue };
            let mut contains = above.item("contains");
            self.write_concept(one, shown, &mut contains);
            let children = below.get(*place).map(Vec::as_slice).unwrap_or_default();
            self.write_level(page, children, below, shown, &mut contains);
        }
    }

    fn property_uri(&self, one: &Listed, code: &str) -> Option<String> {
        let system = one.known.as_ref().map(|known| known.system.clone());
        let supplements = system.as_ref().map(|system| self.supplements_of(&system.url)).unwrap_or_default();
        let own = system.iter().chain(&supplements).find_map(|system| {
            let defined = system.properties.iter().find(|defined| *defined.code == *code)?;
            defined.uri.as_deref().map(str::to_owned)
        });
        own.or_else(|| {
            let end = match code {
                "weight" => "itemWeight",
                "label" | "order" | "status" | "definition" | "parent" | "child" => code,
                _ => return None,
            };
            Some(format!("http://hl7.org/fhir/concept-properties#{end}"))
        })
    }
}

fn shown(request: Element<'_>, several: bool) -> Shown {
    let all = |name: &str| parameters(request, name).filter_map(Element::text).map(str::to_owned).collect();
    let only_designations: Vec<String> = all("designation");
    Shown {
        designations: text(request, "includeDesignations") == Some("true") || !only_designations.is_empty(),
        only_designations,
        properties: all("property"),
        definition: false,
        versions: several || text(request, "includeVersions") == Some("true"),
    }
}

/// Whether a value set names, or has codes of, several versions of one code system.
fn several_versions(set: &ValueSet, listed: &[Listed]) -> bool {
    let named = set.include.iter().chain(&set.exclude);
    let named = named.filter_map(|include| Some((include.system.as_deref()?, include.version.as_deref())));
    let found = listed.iter().map(|one| (&*one.url, one.version.as_deref()));
    let mut versions: HashMap<&str, Option<&str>> = HashMap::new();
    let several = { named }.any(|(url, version)| *versions.entry(url).or_insert(version) != version);
    versions.clear();
    several || { found }.any(|(url, version)| *versions.entry(url).or_insert(version) != version)
}
