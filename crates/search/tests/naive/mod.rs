//! The specification, read aloud over every resource: no index, no shared code with the crate, no speed.
//!
//! <http://hl7.org/fhir/R4/search.html>. Dates are nanoseconds since 1970, numbers hundred-millionths.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(crate) mod compare;
pub(crate) mod generate;

use model::{Element, Tree};

use compare::{Range, date_matches, number_matches};

/// All resources, live ones only.
pub(crate) struct Naive {
    pub(crate) resources: Vec<Tree>,
}

fn id(resource: &Tree) -> &str {
    resource.root().text_at("id").unwrap()
}

/// The paths of a parameter, and its type; a choice element stands with each type.
fn parameter(type_name: &str, code: &str) -> (&'static str, &'static [&'static str]) {
    match (type_name, code) {
        (_, "_tag") => ("token", &["meta.tag"]),
        (_, "_profile") => ("uri", &["meta.profile"]),
        ("Observation", "code") => ("token", &["code"]),
        ("Observation", "component-code") => ("token", &["component.code"]),
        ("Observation", "combo-code") => ("token", &["code", "component.code"]),
        ("Observation", "category") => ("token", &["category"]),
        ("Observation" | "RiskAssessment", "status") => ("token", &["status"]),
        ("Observation" | "RiskAssessment", "identifier") => ("token", &["identifier"]),
        ("Observation" | "RiskAssessment", "subject") => ("reference", &["subject"]),
        ("Observation" | "RiskAssessment", "patient") => ("patient", &["subject"]),
        ("Observation", "focus") => ("reference", &["focus"]),
        ("Observation", "date") => {
            ("date", &["effectiveDateTime", "effectivePeriod", "effectiveTiming", "effectiveInstant"])
        }
        ("Observation", "value-quantity") => ("quantity", &["valueQuantity"]),
        ("Observation", "component-value-quantity") => ("quantity", &["component.valueQuantity"]),
        ("Observation", "combo-value-quantity") => ("quantity", &["valueQuantity", "component.valueQuantity"]),
        ("Observation", "value-string") => ("string", &["valueString", "valueCodeableConcept.text"]),
        ("Observation", "value-concept") => ("token", &["valueCodeableConcept"]),
        ("Patient", "name") => ("name", &["name"]),
        ("Patient", "family") => ("string", &["name.family"]),
        ("Patient", "given") => ("string", &["name.given"]),
        ("Patient", "birthdate") => ("date", &["birthDate"]),
        ("Patient", "gender") => ("token", &["gender"]),
        ("Patient", "active") => ("token", &["active"]),
        ("Patient", "identifier") => ("token", &["identifier"]),
        ("Patient", "telecom") => ("token", &["telecom"]),
        ("Patient", "general-practitioner") => ("reference", &["generalPractitioner"]),
        ("Practitioner", "name") => ("name", &["name"]),
        ("Practitioner", "family") => ("string", &["name.family"]),
        ("RiskAssessment", "probability") => {
            ("number", &["prediction.probabilityDecimal", "prediction.probabilityRange"])
        }
        ("ValueSet", "url") => ("uri", &["url"]),
        ("ValueSet", "date") => ("date", &["date"]),
        _ => panic!("{type_name}.{code}"),
    }
}

impl Naive {
    /// The ids of the resources of a type that meet all clauses, sorted.
    pub(crate) fn ids(&self, type_name: &str, clauses: &[(String, String)]) -> Vec<String> {
        let of_type = self.resources.iter().filter(|resource| resource.resource_type() == type_name);
        let met = of_type.filter(|resource| clauses.iter().all(|(name, value)| self.meets(resource, name, value)));
        let mut ids: Vec<String> = met.map(|resource| id(resource).to_owned()).collect();
        ids.sort();
        ids
    }

    fn meets(&self, resource: &Tree, name: &str, value: &str) -> bool {
        if let Some(rest) = name.strip_prefix("_has:") {
            let mut parts = rest.splitn(3, ':');
            let (source, code, rest) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let refers = format!("{}/{}", resource.resource_type(), id(resource));
            return self
                .resources
                .iter()
                .filter(|other| other.resource_type() == source)
                .any(|other| self.targets(other, code).contains(&refers) && self.meets(other, rest, value));
        }
        if let Some((link, rest)) = name.split_once('.') {
            let (code, of_type) = link.split_once(':').map_or((link, None), |(code, of_type)| (code, Some(of_type)));
            let targets = self.targets(resource, code);
            // Beyond the specification: a logical reference by the identifier that is asked for is as good as the resource.
            if rest == "identifier" && self.meets(resource, &format!("{code}:identifier"), value) {
                return true;
            }
            return self.resources.iter().any(|other| {
                let reference = format!("{}/{}", other.resource_type(), id(other));
                of_type.is_none_or(|of_type| of_type == other.resource_type())
                    && has_parameter(other.resource_type(), rest)
                    && targets.contains(&reference)
                    && self.meets(other, rest, value)
            });
        }
        let (code, modifier) = name.split_once(':').map_or((name, ""), |(code, modifier)| (code, modifier));
        if code == "_id" {
            return value.split(',').any(|value| value == id(resource));
        }
        if let Some(parts) = composite(resource.resource_type(), code) {
            return value.split(',').any(|value| composite_meets(resource, &parts, value));
        }
        let (of, paths) = parameter(resource.resource_type(), code);
        let found: Vec<Element<'_>> = paths.iter().flat_map(|path| resource.root().every(path)).collect();
        match modifier {
            "missing" => found.iter().any(|element| is_value(of, *element)) != (value == "true"),
            "not" => !value.split(',').any(|value| found.iter().any(|element| one(of, "", *element, value))),
            _ => value.split(',').any(|value| found.iter().any(|element| one(of, modifier, *element, value))),
        }
    }

    fn targets(&self, resource: &Tree, code: &str) -> Vec<String> {
        let (of, paths) = parameter(resource.resource_type(), code);
        let texts = paths.iter().flat_map(|path| resource.root().every(&format!("{path}.reference")));
        let local = texts.filter_map(|text| local(text.text().unwrap()));
        local.filter(|target| of != "patient" || target.starts_with("Patient/")).collect()
    }
}

fn has_parameter(type_name: &str, rest: &str) -> bool {
    let code = rest.split([':', '.']).next().unwrap();
    match type_name {
        "Patient" => !matches!(code, "probability"),
        "Practitioner" => matches!(code, "name" | "family"),
        _ => false,
    }
}

/// Whether a reference is, as far as it tells, to a Patient.
fn is_patient(element: Element<'_>) -> bool {
    let path = element.text_at("reference").map(|text| local(text).unwrap_or_else(|| text.to_owned()));
    let named = path.is_some_and(|path| path.starts_with("Patient/") || path.contains("/Patient/"));
    named || element.text_at("type") == Some("Patient")
}

fn local(reference: &str) -> Option<String> {
    let text = reference.strip_prefix("https://here.example/fhir/").unwrap_or(reference);
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [of, id] | [of, id, "_history", _] if !of.is_empty() && !text.contains(':') => Some(format!("{of}/{id}")),
        _ => None,
    }
}

/// Whether an element counts as a value at all.
fn is_value(of: &str, element: Element<'_>) -> bool {
    match of {
        "date" => compare::range_of(element).is_some(),
        "number" | "quantity" => compare::interval_of(element).is_some(),
        "name" => element.has_children(),
        "patient" => is_patient(element),
        "reference" => element.has_children(),
        _ => element.text().is_some() || element.has_children(),
    }
}

/// Whether one element meets one value.
fn one(of: &str, modifier: &str, element: Element<'_>, value: &str) -> bool {
    match of {
        "token" => token(modifier, element, value),
        "string" => element.text().is_some_and(|text| string(modifier, text, value)),
        "name" => {
            let parts = ["family", "given", "text", "prefix", "suffix"];
            parts.iter().flat_map(|part| element.all(part)).any(|part| string(modifier, part.text().unwrap(), value))
        }
        "date" => compare::range_of(element).is_some_and(|range: Range| date_matches(range, value)),
        "number" => compare::interval_of(element).is_some_and(|interval| number_matches(interval, value)),
        "quantity" => quantity(element, value),
        "uri" => uri(modifier, element.text().unwrap(), value),
        "reference" | "patient" => reference(of, modifier, element, value),
        _ => panic!("{of}"),
    }
}

/// Letters of the texts that are generated, without their marks.
fn fold(text: &str) -> String {
    let mut folded = String::new();
    for character in text.to_lowercase().chars() {
        let plain = match character {
            'ü' | 'ú' => "u",
            'å' | 'á' | 'à' => "a",
            'ö' | 'ó' => "o",
            'é' | 'è' => "e",
            'ß' => "ss",
            'ł' => "l",
            '\'' => "",
            character if character.is_alphanumeric() => {
                folded.push(character);
                continue;
            }
            _ => " ",
        };
        folded.push_str(plain);
    }
    folded.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn string(modifier: &str, text: &str, asked: &str) -> bool {
    match modifier {
        "exact" => text == asked,
        "contains" => fold(text).contains(&fold(asked)),
        _ => fold(text).starts_with(&fold(asked)),
    }
}

fn token(modifier: &str, element: Element<'_>, asked: &str) -> bool {
    // System, code, words; `None`: the definition of the element implies the system.
    let mut found: Vec<(Option<&str>, Option<&str>, Option<&str>)> = Vec::new();
    if element.is_primitive() {
        found.push((None, element.text(), element.text()));
    } else if element.has_children() && element.name() == "telecom" {
        found.push((None, element.text_at("value"), None));
    } else {
        let is_concept = element.get("coding").is_some() || element.get("text").is_some();
        for coding in element.all("coding") {
            found.push((
                Some(coding.text_at("system").unwrap_or("")),
                coding.text_at("code"),
                coding.text_at("display"),
            ));
        }
        if is_concept {
            found.push((Some(""), None, element.text_at("text")));
        } else {
            let code = element.text_at("code").or(element.text_at("value"));
            found.push((Some(element.text_at("system").unwrap_or("")), code, element.text_at("display")));
        }
    }
    found.into_iter().any(|(system, code, words)| {
        if modifier == "text" {
            return words.is_some_and(|words| fold(words).starts_with(&fold(asked)));
        }
        let Some(code) = code else { return false };
        match asked.split_once('|') {
            None => code.eq_ignore_ascii_case(asked),
            Some((asked_system, asked_code)) => {
                let system_is = system.is_none_or(|system| system == asked_system);
                system_is && (asked_code.is_empty() || code.eq_ignore_ascii_case(asked_code))
            }
        }
    })
}

fn reference(of: &str, modifier: &str, element: Element<'_>, asked: &str) -> bool {
    if of == "patient" && !is_patient(element) {
        return false;
    }
    if modifier == "identifier" {
        return element.get("identifier").is_some_and(|identifier| token("", identifier, asked));
    }
    let Some(text) = element.text_at("reference") else { return false };
    let target = local(text);
    match (target, local(asked)) {
        (Some(target), Some(asked)) => target == asked,
        (Some(target), None) => {
            let (of_type, id) = target.split_once('/').unwrap();
            id == asked && (modifier.is_empty() || modifier == of_type)
        }
        (None, _) => text == asked,
    }
}

fn quantity(element: Element<'_>, asked: &str) -> bool {
    let parts: Vec<&str> = asked.split('|').collect();
    let unit_is = match parts.as_slice() {
        [_, "", unit] => element.text_at("code") == Some(unit) || element.text_at("unit") == Some(unit),
        [_, system, code] => element.text_at("system") == Some(system) && element.text_at("code") == Some(code),
        _ => true,
    };
    // The one pair of units that convert: in milligrams.
    let ucum = "http://unitsofmeasure.org";
    let milligrams = |code: &str| if code == "kg" { 1_000_000 } else { 1 };
    if let ([number, system, code], Some(own)) = (parts.as_slice(), element.text_at("code"))
        && *system == ucum
        && element.text_at("system") == Some(ucum)
    {
        let interval = compare::interval_of(element);
        return interval
            .is_some_and(|interval| compare::scaled_matches(interval, milligrams(own), number, milligrams(code)));
    }
    unit_is && compare::interval_of(element).is_some_and(|interval| number_matches(interval, parts[0]))
}

fn uri(modifier: &str, uri: &str, asked: &str) -> bool {
    let split = |text: &str| -> (String, Option<String>) {
        let mut parts = text.splitn(2, '|').map(str::to_owned);
        (parts.next().unwrap(), parts.next())
    };
    let ((url, version), (asked, asked_version)) = (split(uri), split(asked));
    let below = |lower: &str, upper: &str| {
        lower == upper
            || lower
                .strip_prefix(upper)
                .is_some_and(|rest| upper.ends_with(['/', ':', '.', '#']) || rest.starts_with(['/', ':', '.', '#']))
    };
    match modifier {
        "below" => below(&url, &asked),
        "above" => below(&asked, &url),
        _ => url == asked && (asked_version.is_none() || asked_version == version),
    }
}

type Parts = (&'static [&'static str], [(&'static str, &'static str); 2]);

fn composite(type_name: &str, code: &str) -> Option<Parts> {
    Some(match (type_name, code) {
        ("Observation", "code-value-quantity") => (&[""], [("token", "code"), ("quantity", "valueQuantity")]),
        ("Observation", "code-value-concept") => (&[""], [("token", "code"), ("token", "valueCodeableConcept")]),
        ("Observation", "component-code-value-quantity") => {
            (&["component"], [("token", "code"), ("quantity", "valueQuantity")])
        }
        ("Observation", "combo-code-value-quantity") => {
            (&["", "component"], [("token", "code"), ("quantity", "valueQuantity")])
        }
        _ => return None,
    })
}

fn composite_meets(resource: &Tree, (from, parts): &Parts, value: &str) -> bool {
    let asked: Vec<&str> = value.split('$').collect();
    let places: Vec<Element<'_>> = from
        .iter()
        .flat_map(|path| if path.is_empty() { vec![resource.root()] } else { resource.root().every(path) })
        .collect();
    places.into_iter().any(|place| {
        parts
            .iter()
            .zip(&asked)
            .all(|((of, path), asked)| place.every(path).into_iter().any(|it| one(of, "", it, asked)))
    })
}
