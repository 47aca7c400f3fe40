//! Rows and content give the same verdict: what a key says of a criterion is what the value that it was made of says, for every
//! parameter of these types, so that an answer does not depend on which of them was read.

use std::fmt::Write;

use catalog::Catalog;
use model::{Decimal, Limits, Tree};

use crate::context::Context;
use crate::index::Index;
use crate::numbers;
use crate::param::{Criterion, ParameterType, date, number, quantity, reference, special, string, token, uri};
use crate::plan::set::Rows;
use crate::query::{Prefix, prefix};
use crate::span::Verdict;
use crate::value::{Reference, Token, Value};

/// Numbers that look random: xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.roll(from.len())]
    }
}

const LONG: &str = "Ærøskøbing-Straße and so on, far behind the forty bytes that a key has of a text";
const LONG_UNIT: &str = "tablets of the kind that nobody ever gave a code, by the dozen";
const TEXTS: [&str; 9] = ["Müller", "muller", "MULLER junior", "O'Brien", "a", "", "Łódź", LONG, "Ærøskøbing"];
const CODES: [&str; 7] = ["final", "FINAL", "8302-2", "0d1b5c9a-0000-4f00-8abc-00ff00ff00ff", "true", "a|b", LONG];
const SYSTEMS: [&str; 5] =
    ["", "http://loinc.org", "http://example.org/codes", "urn:oid:2.16.840.1.113883.6.1", "urn:ietf:rfc:3986"];
const DATES: [&str; 10] = [
    "1850",
    "1969-12",
    "2020",
    "2020-02-29",
    "2020-02-29T23:59:59Z",
    "2020-02-29T23:59:59.5Z",
    "2020-03-01T00:00:00+14:00",
    "2020-03-01T00:00:00-12:00",
    "9999-12-31",
    "2020-02-30",
];
const NUMBERS: [&str; 11] =
    ["0", "100", "100.0", "99.5", "100.5", "-5.4", "1e2", "0.001", "1e-20", "123456789012345678901234567890", "5e60"];
const UNITS: [&str; 8] = ["mg", "kg", "g", "Cel", "mm[Hg]", "milligram", LONG_UNIT, ""];
const UNIT_SYSTEMS: [&str; 3] = ["http://unitsofmeasure.org", "http://example.org/units", ""];
const TARGETS: [&str; 12] = [
    "Patient/p",
    "Group/p",
    "Practitioner/0d1b5c9a-0000-4f00-8abc-00ff00ff00ff",
    "https://here.example/fhir/Patient/p/_history/2",
    "https://there.example/fhir/Patient/p",
    "urn:uuid:0d1b5c9a-0000-4f00-8abc-00ff00ff00ff",
    "#in",
    "http://example.org/fhir/ValueSet/a",
    "http://example.org/fhir/ValueSet/a|1",
    "http://example.org/fhir",
    "urn:oid:2.16.840",
    "p",
];

fn text(of: &str) -> String {
    format!("\"{}\"", of.replace('"', ""))
}

/// An element of a type, as JSON.
fn element(dice: &mut Dice, of: &str) -> String {
    let mut parts: Vec<(&str, String)> = Vec::new();
    match of {
        "string" => return text(dice.pick(&TEXTS[..5])),
        "code" => return text(dice.pick(&CODES[..3])),
        "boolean" => return ["true", "false"][dice.roll(2)].to_owned(),
        "date" => return text(dice.pick(&DATES)),
        "number" => return dice.pick(&NUMBERS).to_owned(),
        "uri" => return text(dice.pick(&TARGETS)),
        "Coding" => {
            parts.extend(some(dice, "system", |dice| text(dice.pick(&SYSTEMS[1..]))));
            parts.extend(some(dice, "code", |dice| text(dice.pick(&CODES))));
            parts.extend(some(dice, "display", |dice| text(dice.pick(&TEXTS))));
        }
        "CodeableConcept" => {
            let codings: Vec<String> = (0..dice.roll(3)).map(|_| element(dice, "Coding")).collect();
            parts.push(("coding", format!("[{}]", codings.join(","))));
            parts.extend(some(dice, "text", |dice| text(dice.pick(&TEXTS))));
        }
        "Identifier" => {
            parts.extend(some(dice, "system", |dice| text(dice.pick(&SYSTEMS[1..]))));
            parts.extend(some(dice, "value", |dice| text(dice.pick(&CODES))));
            parts.extend(some(dice, "type", |dice| element(dice, "CodeableConcept")));
        }
        "ContactPoint" => {
            parts.push(("system", text(dice.pick(&["phone", "email"]))));
            parts.extend(some(dice, "value", |dice| text(dice.pick(&TEXTS))));
        }
        "HumanName" => {
            parts.extend(some(dice, "family", |dice| text(dice.pick(&TEXTS))));
            let given: Vec<String> = (0..dice.roll(3)).map(|_| text(dice.pick(&TEXTS))).collect();
            parts.push(("given", format!("[{}]", given.join(","))));
        }
        "Address" => {
            parts.extend(some(dice, "city", |dice| text(dice.pick(&TEXTS))));
            parts.extend(some(dice, "text", |dice| text(dice.pick(&TEXTS))));
        }
        "Reference" => {
            parts.extend(some(dice, "reference", |dice| text(dice.pick(&TARGETS))));
            parts.extend(some(dice, "type", |dice| text(dice.pick(&["Patient", "Group"]))));
            parts.extend(some(dice, "identifier", |dice| element(dice, "Identifier")));
            parts.extend(some(dice, "display", |dice| text(dice.pick(&TEXTS))));
        }
        "Period" => {
            parts.extend(some(dice, "start", |dice| text(dice.pick(&DATES))));
            parts.extend(some(dice, "end", |dice| text(dice.pick(&DATES))));
        }
        "Timing" => {
            let events: Vec<String> = (0..dice.roll(3)).map(|_| text(dice.pick(&DATES))).collect();
            parts.push(("event", format!("[{}]", events.join(","))));
            parts.extend(some(dice, "repeat", |dice| format!("{{\"boundsPeriod\":{}}}", element(dice, "Period"))));
        }
        "Quantity" => {
            parts.extend(some(dice, "value", |dice| dice.pick(&NUMBERS).to_owned()));
            parts.extend(some(dice, "comparator", |dice| text(dice.pick(&["<", ">=", ">"]))));
            parts.extend(some(dice, "unit", |dice| text(dice.pick(&UNITS[..7]))));
            parts.extend(some(dice, "system", |dice| text(dice.pick(&UNIT_SYSTEMS[..2]))));
            parts.extend(some(dice, "code", |dice| text(dice.pick(&UNITS[..7]))));
        }
        "Range" => {
            parts.extend(some(dice, "low", |dice| format!("{{\"value\":{}}}", dice.pick(&NUMBERS))));
            parts.extend(some(dice, "high", |dice| format!("{{\"value\":{}}}", dice.pick(&NUMBERS))));
        }
        "Money" => {
            parts.push(("value", dice.pick(&NUMBERS).to_owned()));
            parts.extend(some(dice, "currency", |dice| text(dice.pick(&["EUR", "SEK"]))));
        }
        "Position" => {
            parts.push(("latitude", ["50.8503", "51.2194", "-90", "0"][dice.roll(4)].to_owned()));
            parts.push(("longitude", ["4.3517", "4.4025", "180", "-180"][dice.roll(4)].to_owned()));
        }
        other => panic!("{other}"),
    }
    let parts: Vec<String> = parts.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", parts.join(","))
}

fn some<'n>(dice: &mut Dice, name: &'n str, make: impl Fn(&mut Dice) -> String) -> Option<(&'n str, String)> {
    (dice.roll(3) > 0).then(|| (name, make(dice)))
}

/// An element and its type; of several, one is there.
type Choice = &'static [(&'static str, &'static str)];

/// Resource types and what their resources hold.
const SHAPES: [(&str, &[Choice]); 10] = [
    (
        "Patient",
        &[
            &[("name", "[HumanName]")],
            &[("identifier", "[Identifier]")],
            &[("telecom", "[ContactPoint]")],
            &[("address", "[Address]")],
            &[("birthDate", "date")],
            &[("gender", "code")],
            &[("deceasedBoolean", "boolean"), ("deceasedDateTime", "date")],
            &[("generalPractitioner", "[Reference]")],
        ],
    ),
    (
        "Observation",
        &[
            &[("status", "code")],
            &[("code", "CodeableConcept")],
            &[("category", "[CodeableConcept]")],
            &[("subject", "Reference")],
            &[("performer", "[Reference]")],
            &[("effectiveDateTime", "date"), ("effectivePeriod", "Period"), ("effectiveTiming", "Timing")],
            &[
                ("valueQuantity", "Quantity"),
                ("valueCodeableConcept", "CodeableConcept"),
                ("valueString", "string"),
                ("valueDateTime", "date"),
                ("valuePeriod", "Period"),
            ],
        ],
    ),
    (
        "Location",
        &[&[("position", "Position")], &[("name", "string")], &[("partOf", "Reference")], &[("address", "Address")]],
    ),
    (
        "ValueSet",
        &[
            &[("url", "uri")],
            &[("version", "string")],
            &[("status", "code")],
            &[("date", "date")],
            &[("jurisdiction", "[CodeableConcept]")],
        ],
    ),
    (
        "PlanDefinition",
        &[
            &[("url", "uri")],
            &[("library", "[uri]")],
            &[("effectivePeriod", "Period")],
            &[("topic", "[CodeableConcept]")],
        ],
    ),
    (
        "Condition",
        &[
            &[
                ("onsetDateTime", "date"),
                ("onsetAge", "Quantity"),
                ("onsetRange", "Range"),
                ("onsetString", "string"),
                ("onsetPeriod", "Period"),
            ],
            &[("code", "CodeableConcept")],
            &[("subject", "Reference")],
            &[("recordedDate", "date")],
        ],
    ),
    (
        "Invoice",
        &[
            &[("totalGross", "Money")],
            &[("subject", "Reference")],
            &[("date", "date")],
            &[("identifier", "[Identifier]")],
        ],
    ),
    (
        "ServiceRequest",
        &[
            &[("occurrenceDateTime", "date"), ("occurrencePeriod", "Period"), ("occurrenceTiming", "Timing")],
            &[("requisition", "Identifier")],
            &[("instantiatesCanonical", "[uri]")],
            &[("instantiatesUri", "[uri]")],
            &[("subject", "Reference")],
        ],
    ),
    (
        "Encounter",
        &[&[("length", "Quantity")], &[("period", "Period")], &[("subject", "Reference")], &[("class", "Coding")]],
    ),
    (
        "ChargeItem",
        &[
            &[("factorOverride", "number")],
            &[("quantity", "Quantity")],
            &[("priceOverride", "Money")],
            &[("subject", "Reference")],
        ],
    ),
];

fn resource(dice: &mut Dice, of: &str, shape: &[Choice]) -> Tree {
    let mut json = format!("{{\"resourceType\":\"{of}\"");
    for choice in shape {
        if dice.roll(5) == 0 {
            continue;
        }
        let (name, of) = choice[dice.roll(choice.len())];
        let value = match of.strip_prefix('[').and_then(|of| of.strip_suffix(']')) {
            Some(of) => format!("[{},{}]", element(dice, of), element(dice, of)),
            None => element(dice, of),
        };
        write!(json, ",\"{name}\":{value}").unwrap();
    }
    json.push('}');
    model::json::read(json.as_bytes(), &Limits::default()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// A criterion for a parameter of a type, whatever way it is asked in.
fn criterion(dice: &mut Dice, of: ParameterType, context: &Context) -> Option<Criterion> {
    const PREFIXES: [&str; 10] = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];
    let coded = |dice: &mut Dice| format!("{}|{}", dice.pick(&SYSTEMS), dice.pick(&CODES).replace('|', "\\|"));
    Some(match of {
        ParameterType::Number => {
            let (prefix, _) = prefix(dice.pick(&PREFIXES));
            Criterion::Number(number::Criterion::new(prefix, Decimal::parse(dice.pick(&NUMBERS))?)?)
        }
        ParameterType::Date => {
            let (prefix, _): (Prefix, _) = prefix(dice.pick(&PREFIXES));
            Criterion::Date(date::Criterion::new(
                prefix,
                date::Range::parse(dice.pick(&DATES))?,
                1_600_000_000_000_000_000,
            ))
        }
        ParameterType::String => {
            const HOWS: [string::How; 5] =
                [string::How::Starts, string::How::Contains, string::How::Ends, string::How::Whole, string::How::Exact];
            Criterion::String(string::Criterion::new(HOWS[dice.roll(5)], dice.pick(&TEXTS)))
        }
        ParameterType::Token => Criterion::Token(match dice.roll(5) {
            0 => token::Criterion::Text(dice.pick(&TEXTS).to_owned()),
            1 => token::Criterion::OfType {
                system: dice.pick(&SYSTEMS).to_owned(),
                code: dice.pick(&CODES).to_owned(),
                value: dice.pick(&CODES).to_owned(),
            },
            2 => token::Criterion::parse(&dice.pick(&CODES).replace('|', "\\|"), context),
            3 => token::Criterion::parse(&format!("{}|", dice.pick(&SYSTEMS[1..])), context),
            _ => token::Criterion::parse(&coded(dice), context),
        }),
        ParameterType::Reference => Criterion::Reference(match dice.roll(4) {
            0 => reference::identifier(&coded(dice), context),
            1 => reference::Criterion::AnyOf([(numbers::of_type("Patient")?, "p".to_owned())].into()),
            _ => {
                let only = [None, numbers::of_type("Patient"), numbers::of_type("Group")][dice.roll(3)];
                reference::Criterion::parse(dice.pick(&TARGETS), only, context)
            }
        }),
        ParameterType::Quantity => {
            let (prefix, _) = prefix(dice.pick(&PREFIXES));
            let number = dice.pick(&NUMBERS);
            let asked = match dice.roll(3) {
                0 => number.to_owned(),
                _ => format!("{number}|{}|{}", dice.pick(&UNIT_SYSTEMS), dice.pick(&UNITS)),
            };
            let mut criterion = quantity::Criterion::parse(prefix, &asked)?;
            criterion.know(&UNITS.map(str::to_owned));
            Criterion::Quantity(Box::new(criterion))
        }
        ParameterType::Uri => {
            const HOWS: [uri::How; 6] =
                [uri::How::Is, uri::How::Below, uri::How::Above, uri::How::Starts, uri::How::Ends, uri::How::Contains];
            Criterion::Uri(uri::Criterion::new(HOWS[dice.roll(6)], dice.pick(&TARGETS)))
        }
        ParameterType::Special => {
            let asked = ["50.85|4.35", "51|4|50|km", "-90|0|1|m", "0|179.9|30|[mi_i]"][dice.roll(4)];
            Criterion::Near(special::Criterion::parse(asked)?)
        }
        ParameterType::Composite => return None,
    })
}

/// Words beside a code have no row: they count only for what is asked of the words themselves.
fn is_bare(value: &Value<'_>) -> bool {
    matches!(value, Value::Token(Token { code: None, .. }) | Value::Reference(Reference::Display))
}

#[test]
fn what_a_key_tells_is_what_its_value_tells() {
    let context = Context::new(vec!["https://here.example/fhir".to_owned()]).with_catalog(Catalog::built_in());
    let index = Index::with_context(Catalog::built_in(), context.clone());
    let mut dice = Dice(0xA62E_E000_0001);
    // By type of parameter: yes by its key, unsure, no.
    let mut told = std::collections::BTreeMap::new();
    for round in 0..600 {
        let (of, shape) = SHAPES[round % SHAPES.len()];
        let tree = resource(&mut dice, of, shape);
        let of_type = index.parameters(of).unwrap();
        let keys = index.keys(tree.root());
        for parameter in of_type.list() {
            let values = parameter.values(tree.root(), &context);
            if values.is_empty() && dice.roll(8) > 0 {
                continue;
            }
            for turn in 0..4 {
                let Some(asked) = criterion(&mut dice, parameter.of, &context) else { break };
                let asked = match turn {
                    0 => Criterion::Other(vec![asked]),
                    1 if round % 4 == 0 => Criterion::Present,
                    _ => asked,
                };
                let rows = Rows::new(parameter, asked, of_type);
                let places = keys.iter().flat_map(|key| rows.around(key).map(|at| &key[at..]));
                let verdicts: Vec<Verdict> = places.map(|value| rows.keep(value)).collect();
                let is_other = matches!(rows.criterion, Criterion::Other(_));
                let says = values
                    .iter()
                    .filter(|value| !(is_other && is_bare(value)))
                    .any(|value| rows.criterion.matches(value));
                let asked =
                    || format!("{of}.{} {:?}: {}", parameter.code, rows.criterion, model::json::to_string(tree.root()));
                let counts: &mut [usize; 3] = told.entry(parameter.of.code()).or_default();
                if verdicts.contains(&Verdict::Yes) {
                    assert!(says || is_other, "the key says yes, the content no: {}", asked());
                    counts[0] += 1;
                } else if verdicts.contains(&Verdict::Unsure) {
                    counts[1] += 1;
                } else {
                    assert!(!says, "the key says no, the content yes: {}", asked());
                    counts[2] += 1;
                }
            }
        }
    }
    let meet = |counts: &[usize; 3]| counts[0] > 5 && counts[2] > 20;
    assert!(told.len() == 8 && told.values().all(meet), "{told:?}");
}
