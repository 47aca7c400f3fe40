//! What a FHIR text says, as facts: a reading of JSON and XML that shares nothing with `model` and the converter.
//!
//! A fact is an object with its plain values (a Coding, a Quantity, an Identifier, a name, a Period, the plain elements
//! of a resource), at a place that counts from the resource it stands in. Two texts say the same where the facts are the
//! same, each as often; that one's facts are all among the other's means that nothing is lost. References are
//! compared by the resource that they lead to, blanks count as one.

use std::collections::{BTreeMap, HashMap};

use roxmltree::{Document, Node};

use crate::json_text::Json;

/// An element: its plain value, and what stands inside.
#[derive(Default)]
struct Part {
    text: Option<String>,
    inside: Vec<(String, Vec<Part>)>,
}

/// Plain values by name.
type Values = [(String, String)];

/// One object and its plain values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fact {
    /// Names from the resource down, without indexes: `Observation.component.valueQuantity`.
    pub place: String,
    /// The plain values by name, sorted.
    pub values: Vec<(String, String)>,
    /// Where it stands in the text: a FHIRPath with the indexes above 0 only.
    pub path: String,
}

/// What references may say, and the resource that each means.
pub type Targets = HashMap<String, String>;

/// The facts of a FHIR text, JSON or XML, and where its references lead; `known` says where those lead that nothing in the
/// text answers.
///
/// # Errors
/// A line that says why it is neither.
pub fn of_text(text: &str, known: &Targets) -> Result<(Vec<Fact>, Targets), String> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let root = if text.starts_with('<') {
        let document = Document::parse(text).map_err(|error| error.to_string())?;
        of_xml_resource(document.root_element())
    } else {
        of_json(&Json::read(text)?)
    };
    let mut targets = targets(&root);
    for (key, label) in known {
        targets.entry(key.clone()).or_insert_with(|| label.clone());
    }
    let mut facts = Vec::new();
    walk(&root, "", "", "", &targets, &mut facts);
    Ok((facts, targets))
}

/// A path without its indexes 0, as a [`Fact`] has it.
pub fn plain_path(path: &str) -> String {
    path.replace("[0]", "")
}

impl Part {
    fn of(text: &str) -> Part {
        Part { text: Some(text.split_whitespace().collect::<Vec<_>>().join(" ")), inside: Vec::new() }
    }

    fn add(&mut self, name: &str, part: Part) {
        match self.inside.iter_mut().find(|(known, _)| known == name) {
            Some((_, parts)) => parts.push(part),
            None => self.inside.push((name.to_owned(), vec![part])),
        }
    }

    fn all(&self, name: &str) -> &[Part] {
        self.inside.iter().find(|(known, _)| known == name).map(|(_, parts)| parts.as_slice()).unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.all(name).first()?.text.as_deref()
    }
}

fn of_json(json: &Json) -> Part {
    match json {
        Json::Object(members) => {
            let mut part = Part::default();
            for (name, value) in members {
                let (name, is_beside) = name.strip_prefix('_').map_or((name.as_str(), false), |name| (name, true));
                let items = if let Json::Array(items) = value { items.as_slice() } else { std::slice::from_ref(value) };
                for (index, item) in items.iter().enumerate() {
                    // `_name` stands beside `name`: the same elements, here their extensions, there their values.
                    let known = part.inside.iter_mut().find(|(known, _)| known == name);
                    match known.and_then(|(_, parts)| parts.get_mut(index)) {
                        Some(slot) if is_beside => slot.inside.extend(of_json(item).inside),
                        Some(slot) if slot.text.is_none() => slot.text = of_json(item).text,
                        _ => part.add(name, of_json(item)),
                    }
                }
            }
            part
        }
        Json::Array(items) => {
            let mut part = Part::default();
            items.iter().for_each(|item| part.add("item", of_json(item)));
            part
        }
        Json::String(text) => Part::of(&words(text)),
        Json::Number(text) => Part::of(text),
        Json::Word(word) if word == "null" => Part::default(),
        Json::Word(word) => Part::of(word),
    }
}

/// A narrative by its words: its tags are the writer's.
fn words(text: &str) -> String {
    if !text.starts_with("<div") {
        return text.to_owned();
    }
    match Document::parse(text) {
        Ok(document) => document.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect(),
        Err(_) => text.to_owned(),
    }
}

fn of_xml_resource(node: Node<'_, '_>) -> Part {
    let mut part = of_xml(node);
    part.add("resourceType", Part::of(node.tag_name().name()));
    part
}

fn of_xml(node: Node<'_, '_>) -> Part {
    let mut part = Part::default();
    for attribute in node.attributes().filter(|attribute| attribute.namespace().is_none()) {
        match attribute.name() {
            "value" => part.text = Part::of(attribute.value()).text,
            name => part.add(name, Part::of(attribute.value())),
        }
    }
    for child in node.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        if name == "div" {
            let words: String = child.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect();
            part.add(name, Part::of(&words));
        } else if matches!(node.tag_name().name(), "resource" | "contained" | "outcome") {
            return of_xml_resource(child);
        } else {
            part.add(name, of_xml(child));
        }
    }
    part
}

fn targets(bundle: &Part) -> Targets {
    let mut targets = Targets::new();
    for (number, entry) in bundle.all("entry").iter().enumerate() {
        let Some(resource) = entry.all("resource").first() else { continue };
        let kind = resource.text("resourceType").unwrap_or_default();
        let own = resource.text("id").map(|id| format!("{kind}/{id}"));
        let label = own.clone().unwrap_or_else(|| format!("{kind} {}", first_words(resource, number)));
        for key in entry.text("fullUrl").map(str::to_owned).into_iter().chain(own) {
            targets.entry(key).or_insert_with(|| label.clone());
        }
    }
    targets
}

/// Something to know a resource without id by. References are no part of it: the same one may be written in several ways.
fn first_words(resource: &Part, number: usize) -> String {
    let mut plain: Vec<&str> = Vec::new();
    for part in resource.inside.iter().flat_map(|(_, parts)| parts) {
        plain.extend(part.text.as_deref());
        let inner = part.inside.iter().filter(|(name, _)| name != "reference").flat_map(|(_, parts)| parts);
        plain.extend(inner.filter_map(|part| part.text.as_deref()));
    }
    plain.sort_unstable();
    if plain.len() > 1 { plain.join(" ") } else { number.to_string() }
}

/// The resource that a reference leads to, else the reference as it stands.
fn led(text: &str, base: &str, targets: &Targets) -> String {
    let (plain, _) = text.split_once("/_history/").unwrap_or((text, ""));
    let absolute = base.rsplitn(3, '/').nth(2).map(|base| format!("{base}/{plain}"));
    let found = absolute.and_then(|url| targets.get(&url)).or_else(|| targets.get(plain));
    found.cloned().unwrap_or_else(|| text.to_owned())
}

fn walk(part: &Part, place: &str, path: &str, base: &str, targets: &Targets, facts: &mut Vec<Fact>) {
    let kind = part.text("resourceType");
    let place = kind.unwrap_or(place);
    let path = if path.is_empty() { place } else { path };
    let base = part.text("fullUrl").unwrap_or(base);
    let mut values: Vec<(String, String)> = Vec::new();
    for (name, parts) in &part.inside {
        for (index, inner) in parts.iter().enumerate() {
            if let Some(text) = &inner.text {
                // A fullUrl is the name of its resource in the text: what counts is where the references lead.
                match name.as_str() {
                    "fullUrl" => {}
                    "reference" => values.push((name.clone(), led(text, base, targets))),
                    _ => values.push((name.clone(), text.clone())),
                }
            }
            if !inner.inside.is_empty() {
                let index = if index == 0 { String::new() } else { format!("[{index}]") };
                walk(inner, &format!("{place}.{name}"), &format!("{path}.{name}{index}"), base, targets, facts);
            }
        }
    }
    values.sort();
    if !values.is_empty() {
        facts.push(Fact { place: place.to_owned(), values, path: path.to_owned() });
    }
}

/// The facts of `source` that `found` does not have, each as often as it stands there; a fact is had by one at the same
/// place that says the same and perhaps more.
pub fn missing<'s>(source: &'s [Fact], found: &[Fact]) -> Vec<&'s Fact> {
    let mut equal: BTreeMap<(&str, &Values), usize> = BTreeMap::new();
    found.iter().for_each(|fact| *equal.entry((&fact.place, &fact.values)).or_default() += 1);
    let open: Vec<&Fact> = source
        .iter()
        .filter(|fact| match equal.get_mut(&(fact.place.as_str(), fact.values.as_slice())) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .collect();
    let mut more: HashMap<&str, Vec<&Values>> = HashMap::new();
    for ((place, values), count) in equal {
        more.entry(place).or_default().extend(std::iter::repeat_n(values, count));
    }
    let taken = |fact: &Fact, more: &mut HashMap<&str, Vec<&Values>>| {
        let Some(more) = more.get_mut(fact.place.as_str()) else { return false };
        let at = more.iter().position(|values| fact.values.iter().all(|value| values.contains(value)));
        at.map(|at| more.remove(at)).is_some()
    };
    open.into_iter().filter(|fact| !taken(fact, &mut more)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"p","birthDate":"1980",
        "_birthDate":{"extension":[{"url":"u","valueCode":"c"}]},"name":[{"given":["A","B"]}]}},
        {"resource":{"resourceType":"Condition","subject":{"reference":"Patient/p"},"contained":[{"resourceType":"Device","id":"d"}],
        "text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><b>x</b>  y</div>"}}}]}"#;

    fn read(text: &str) -> Vec<Fact> {
        of_text(text, &Targets::new()).unwrap().0
    }

    #[test]
    fn json_and_xml_say_the_same() {
        let xml = r#"<Bundle xmlns="http://hl7.org/fhir"><entry><fullUrl value="urn:uuid:1"/><resource><Patient><id value="p"/>
            <name><given value="A"/><given value="B"/></name><birthDate value="1980"><extension url="u"><valueCode value="c"/></extension></birthDate></Patient></resource></entry>
            <entry><resource><Condition><text><div xmlns="http://www.w3.org/1999/xhtml"><b>x</b> y</div></text><contained><Device><id value="d"/></Device></contained>
            <subject><reference value="urn:uuid:1"/></subject></Condition></resource></entry></Bundle>"#;
        let (json, xml) = (read(JSON), read(xml));
        assert_eq!(missing(&json, &xml), Vec::<&Fact>::new());
        assert_eq!(missing(&xml, &json), Vec::<&Fact>::new());
        assert!(json.iter().any(|fact| fact.path == "Bundle.entry[1].resource.contained" && fact.place == "Device"));
        assert!(json.iter().any(|fact| fact.place == "Patient.birthDate.extension"));
    }

    #[test]
    fn a_resource_without_id_is_the_same_however_it_refers_to_others() {
        let before = r#"{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"p"}},
            {"fullUrl":"urn:uuid:2","resource":{"resourceType":"Condition","code":{"text":"x"},"subject":{"reference":"Patient/p"}}},
            {"fullUrl":"urn:uuid:3","resource":{"resourceType":"Condition","code":{"text":"y"},"subject":{"reference":"Patient/p"}}},
            {"resource":{"resourceType":"List","entry":[{"item":{"reference":"urn:uuid:2"}}]}}]}"#;
        let (source, targets) = of_text(before, &Targets::new()).unwrap();
        let led = before.replace("Patient/p", "urn:uuid:1");
        assert_eq!(missing(&source, &of_text(&led, &targets).unwrap().0), Vec::<&Fact>::new());
        let other = led.replace(r#""item":{"reference":"urn:uuid:2"}"#, r#""item":{"reference":"urn:uuid:3"}"#);
        let (other, _) = of_text(&other, &targets).unwrap();
        let lost: Vec<&str> = missing(&source, &other).iter().map(|fact| fact.place.as_str()).collect();
        assert_eq!(lost, ["List.entry.item"]);
    }

    #[test]
    fn what_is_changed_or_stands_once_too_few_is_missing() {
        let facts = read(JSON);
        for (from, to, place) in [
            ("\"B\"", "\"C\"", "Patient.name"),
            ("1980", "1981", "Patient"),
            ("\"c\"", "\"d\"", "Patient.birthDate.extension"),
            ("Patient/p", "Patient/q", "Condition.subject"),
            ("</b>  y", "</b>  z", "Condition.text"),
        ] {
            let other = read(&JSON.replacen(from, to, 1));
            let lost: Vec<&str> = missing(&facts, &other).iter().map(|fact| fact.place.as_str()).collect();
            assert_eq!(lost, [place], "{from}");
        }
        let twice: Vec<Fact> = facts.iter().chain(&facts).cloned().collect();
        assert_eq!(missing(&twice, &facts).len(), facts.len());
    }
}
