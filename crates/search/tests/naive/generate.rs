//! Resources and queries from small pools, so that they often meet; the same seed gives the same ones.

use model::Tree;

use crate::world::read;

/// Numbers that look random: xorshift64*.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }
}

pub(crate) const DATES: [&str; 26] = [
    "1850",
    "1969-12",
    "1970-01-01",
    "1999-12-31",
    "2019",
    "2020",
    "2020-02",
    "2020-02-28",
    "2020-02-29",
    "2020-03",
    "2020-03-01",
    "2020-02-29T00:00:00Z",
    "2020-02-29T23:59:59Z",
    "2020-02-29T23:59:59.5Z",
    "2020-02-29T23:59:59.500Z",
    "2020-02-29T23:59:59.999999999Z",
    "2020-03-01T00:00:00+01:00",
    "2020-03-01T00:00:00-12:00",
    "2020-02-29T14:00:00+14:00",
    "2020-03-01T00:00:00Z",
    "2020-06-15T12:00:00Z",
    "2021",
    "2021-01-01",
    "2026-11",
    "2026-11-23T12:00:00Z",
    "9999",
];
const NAMES: [&str; 12] = [
    "Müller-Ångström",
    "Muller",
    "müller",
    "O'Brien",
    "Groß",
    "Gross",
    "Łukasz",
    "José",
    "Jose María",
    "Rossi",
    "ROSSI",
    "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff Senior",
];
pub(crate) const NUMBERS: [&str; 16] = [
    "100", "100.0", "99.5", "99.49", "100.5", "5.4", "5.40", "5.35", "5.45", "0", "-5.4", "-5.5", "1e2", "95", "105",
    "0.001",
];
const CODES: [(&str, &str); 7] = [
    ("http://loinc.org", "8302-2"),
    ("http://loinc.org", "29463-7"),
    ("http://example.org/codes", "8302-2"),
    ("", "8302-2"),
    ("http://example.org/codes", "ABC"),
    ("http://example.org/codes", "abc"),
    ("http://example.org/codes", "0d1b5c9a-0000-4f00-8abc-00ff00ff00ff"),
];
const UNITS: [(&str, &str, &str); 5] = [
    ("http://unitsofmeasure.org", "mg", "mg"),
    ("http://unitsofmeasure.org", "mg", "milligram"),
    ("http://unitsofmeasure.org", "kg", "kg"),
    ("http://example.org/units", "mg", "mg"),
    ("", "", "mg"),
];
const URLS: [&str; 7] = [
    "http://example.org/fhir/ValueSet/a",
    "http://example.org/fhir/ValueSet/a|1",
    "http://example.org/fhir/ValueSet/a|2",
    "http://example.org/fhir/ValueSet/ab",
    "http://example.org/fhir",
    "urn:oid:2.16.840",
    "urn:oid:2.16.840.1",
];

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn coding(dice: &mut Dice) -> String {
    let (system, code) = dice.pick(&CODES);
    let display = if dice.chance(30) { format!(",\"display\":{}", quoted(dice.pick(&NAMES))) } else { String::new() };
    match system {
        "" => format!("{{\"code\":\"{code}\"{display}}}"),
        _ => format!("{{\"system\":\"{system}\",\"code\":\"{code}\"{display}}}"),
    }
}

fn concept(dice: &mut Dice) -> String {
    let codings: Vec<String> = (0..dice.roll(3)).map(|_| coding(dice)).collect();
    let text = format!("\"text\":{}", quoted(dice.pick(&NAMES)));
    match (codings.is_empty(), dice.chance(30)) {
        (true, _) => format!("{{{text}}}"),
        (false, true) => format!("{{\"coding\":[{}],{text}}}", codings.join(",")),
        (false, false) => format!("{{\"coding\":[{}]}}", codings.join(",")),
    }
}

fn identifier(dice: &mut Dice) -> String {
    let (system, code) = dice.pick(&CODES);
    format!("{{\"system\":\"{system}\",\"value\":\"{code}\"}}").replace("\"system\":\"\",", "")
}

fn quantity(dice: &mut Dice) -> String {
    let (system, code, unit) = dice.pick(&UNITS);
    let comparator = if dice.chance(10) {
        format!("\"comparator\":\"{}\",", dice.pick(&["<", "<=", ">", ">="]))
    } else {
        String::new()
    };
    let value = format!("{{{comparator}\"value\":{},\"unit\":\"{unit}\"", dice.pick(&NUMBERS));
    match system {
        "" => format!("{value}}}"),
        _ => format!("{value},\"system\":\"{system}\",\"code\":\"{code}\"}}"),
    }
}

fn period(dice: &mut Dice) -> String {
    // In the order of DATES, so that no period ends before it begins.
    let (a, b) = (dice.roll(8), 19 + dice.roll(7));
    let (start, end) = (format!("\"start\":\"{}\"", DATES[a]), format!("\"end\":\"{}\"", DATES[b]));
    match dice.roll(4) {
        0 => format!("{{{start}}}"),
        1 => format!("{{{end}}}"),
        2 => "{\"start\":\"2020-02-29T10:00:00Z\",\"end\":\"2020-02-29T10:14:59Z\"}".to_owned(),
        _ => format!("{{{start},{end}}}"),
    }
}

fn effective(dice: &mut Dice) -> String {
    match dice.roll(8) {
        0 | 1 => format!("\"effectivePeriod\":{},", period(dice)),
        2 => format!("\"effectiveTiming\":{{\"event\":[\"{}\",\"{}\"]}},", dice.pick(&DATES), dice.pick(&DATES)),
        3 => format!("\"effectiveTiming\":{{\"repeat\":{{\"boundsPeriod\":{}}}}},", period(dice)),
        4 => "\"effectiveInstant\":\"2020-02-29T23:59:59.123Z\",".to_owned(),
        5 if dice.chance(50) => String::new(),
        _ => format!("\"effectiveDateTime\":\"{}\",", dice.pick(&DATES)),
    }
}

fn subject(dice: &mut Dice, patients: usize) -> String {
    let id = dice.roll(patients + 1);
    match dice.roll(8) {
        0 => format!("{{\"reference\":\"https://here.example/fhir/Patient/p{id}\"}}"),
        1 => format!("{{\"reference\":\"Patient/p{id}/_history/2\"}}"),
        2 => format!("{{\"reference\":\"Group/p{id}\"}}"),
        3 => format!("{{\"reference\":\"https://there.example/fhir/Patient/p{id}\"}}"),
        4 => format!("{{\"type\":\"Patient\",\"identifier\":{}}}", identifier(dice)),
        _ => format!("{{\"reference\":\"Patient/p{id}\"}}"),
    }
}

fn meta(dice: &mut Dice) -> String {
    match dice.roll(3) {
        0 => format!("\"meta\":{{\"tag\":[{}]}},", coding(dice)),
        1 => format!("\"meta\":{{\"profile\":[\"{}\"]}},", dice.pick(&URLS)),
        _ => String::new(),
    }
}

pub(crate) fn practitioner(dice: &mut Dice, number: usize) -> Tree {
    let (family, given) = (quoted(dice.pick(&NAMES)), quoted(dice.pick(&NAMES)));
    read(&format!(
        "{{\"resourceType\":\"Practitioner\",\"id\":\"g{number}\",\"name\":[{{\"family\":{family},\"given\":[{given}]}}]}}"
    ))
}

/// An Observation of every date, of every Period and Timing between two of them, open ends included.
pub(crate) fn dated() -> Vec<Tree> {
    let mut texts: Vec<String> = DATES.iter().map(|date| format!("\"effectiveDateTime\":\"{date}\"")).collect();
    texts.push("\"effectiveInstant\":\"2020-02-29T23:59:59.123+02:00\"".to_owned());
    texts.push("\"effectiveTiming\":{\"repeat\":{\"frequency\":1}}".to_owned());
    texts.push("\"valueInteger\":1".to_owned());
    for (place, first) in DATES.iter().enumerate() {
        let (start, end) = (format!("\"start\":\"{first}\""), format!("\"end\":\"{first}\""));
        texts.push(format!("\"effectivePeriod\":{{{start}}}"));
        texts.push(format!("\"effectivePeriod\":{{{end}}}"));
        for last in DATES.iter().skip(place).step_by(3) {
            let period = format!("{{{start},\"end\":\"{last}\"}}");
            texts.push(format!("\"effectivePeriod\":{period}"));
            texts.push(format!("\"effectiveTiming\":{{\"repeat\":{{\"boundsPeriod\":{period}}}}}"));
            texts.push(format!("\"effectiveTiming\":{{\"event\":[\"{last}\",\"{first}\"]}}"));
        }
    }
    let tree = |(number, text): (usize, &String)| {
        read(&format!(
            "{{\"resourceType\":\"Observation\",\"id\":\"o{number}\",{text},\"status\":\"final\",\"code\":{{\"text\":\"x\"}}}}"
        ))
    };
    texts.iter().enumerate().map(tree).collect()
}

pub(crate) fn patient(dice: &mut Dice, number: usize) -> Tree {
    let mut text = format!("{{\"resourceType\":\"Patient\",\"id\":\"p{number}\",{}", meta(dice));
    let names: Vec<String> = (0..dice.roll(3))
        .map(|_| {
            format!(
                "{{\"family\":{},\"given\":[{},{}]}}",
                quoted(dice.pick(&NAMES)),
                quoted(dice.pick(&NAMES)),
                quoted(dice.pick(&NAMES))
            )
        })
        .collect();
    if !names.is_empty() {
        text.push_str(&format!("\"name\":[{}],", names.join(",")));
    }
    if dice.chance(70) {
        text.push_str(&format!("\"gender\":\"{}\",", dice.pick(&["male", "female", "unknown"])));
    }
    if dice.chance(70) {
        text.push_str(&format!("\"birthDate\":\"{}\",", dice.pick(&DATES[..11])));
    }
    if dice.chance(50) {
        text.push_str(&format!("\"identifier\":[{},{}],", identifier(dice), identifier(dice)));
    }
    if dice.chance(30) {
        text.push_str("\"telecom\":[{\"system\":\"phone\",\"value\":\"555\"}],");
    }
    if dice.chance(40) {
        text.push_str(&format!("\"generalPractitioner\":[{{\"reference\":\"Practitioner/g{}\"}}],", dice.roll(4)));
    }
    text.push_str(&format!("\"active\":{}}}", dice.pick(&["true", "false"])));
    read(&text)
}

pub(crate) fn observation(dice: &mut Dice, number: usize, patients: usize) -> Tree {
    let mut text = format!("{{\"resourceType\":\"Observation\",\"id\":\"o{number}\",{}{}", meta(dice), effective(dice));
    if dice.chance(85) {
        text.push_str(&format!("\"subject\":{},", subject(dice, patients)));
    }
    if dice.chance(40) {
        text.push_str(&format!("\"category\":[{}],", concept(dice)));
    }
    if dice.chance(20) {
        text.push_str(&format!("\"identifier\":[{}],", identifier(dice)));
    }
    match dice.roll(4) {
        0 => text.push_str(&format!("\"valueQuantity\":{},", quantity(dice))),
        1 => text.push_str(&format!("\"valueString\":{},", quoted(dice.pick(&NAMES)))),
        2 => text.push_str(&format!("\"valueCodeableConcept\":{},", concept(dice))),
        _ => {
            let part = |dice: &mut Dice| format!("{{\"code\":{},\"valueQuantity\":{}}}", concept(dice), quantity(dice));
            text.push_str(&format!("\"component\":[{},{}],", part(dice), part(dice)));
        }
    }
    text.push_str(&format!("\"status\":\"{}\",\"code\":{}}}", dice.pick(&["final", "amended"]), concept(dice)));
    read(&text)
}

pub(crate) fn risk(dice: &mut Dice, number: usize, patients: usize) -> Tree {
    let probability = match dice.roll(4) {
        0 => format!("\"probabilityRange\":{{\"low\":{{\"value\":{}}}}}", dice.pick(&NUMBERS)),
        1 => "\"probabilityRange\":{\"low\":{\"value\":5},\"high\":{\"value\":100}}".to_owned(),
        _ => format!("\"probabilityDecimal\":{}", dice.pick(&NUMBERS)),
    };
    read(&format!(
        "{{\"resourceType\":\"RiskAssessment\",\"id\":\"r{number}\",\"status\":\"final\",\"subject\":{},\"prediction\":[{{{probability}}}]}}",
        subject(dice, patients)
    ))
}

pub(crate) fn value_set(dice: &mut Dice, number: usize) -> Tree {
    let (url, date) = (dice.pick(&URLS), dice.pick(&DATES));
    read(&format!(
        "{{\"resourceType\":\"ValueSet\",\"id\":\"v{number}\",\"url\":\"{url}\",\"date\":\"{date}\",\"status\":\"draft\"}}"
    ))
}

/// A clause: name and value.
pub(crate) fn clause(dice: &mut Dice, type_name: &str, depth: usize) -> (String, String) {
    let (name, value) = match (type_name, dice.roll(16)) {
        ("Observation", 0) => ("_has:Observation:focus:status", "final".to_owned()),
        ("Observation", 1 | 2) => return (token_name(dice, &["code", "combo-code", "component-code"]), tokens(dice)),
        ("Observation", 3) => {
            return (token_name(dice, &["category", "value-concept", "identifier", "_tag"]), tokens(dice));
        }
        ("Observation", 4 | 5) => ("date", dates(dice)),
        ("Observation", 6) => {
            (dice.pick(&["value-quantity", "combo-value-quantity", "component-value-quantity"]), quantities(dice))
        }
        ("Observation", 7) => {
            (dice.pick(&["value-string", "value-string:exact", "value-string:contains"]), words(dice))
        }
        ("Observation", 8 | 9) if depth > 0 => {
            let (name, value) = clause(dice, "Patient", depth - 1);
            return (format!("{}.{name}", dice.pick(&["patient", "subject:Patient"])), value);
        }
        ("Observation", 10) => {
            let code =
                dice.pick(&["code-value-quantity", "component-code-value-quantity", "combo-code-value-quantity"]);
            (code, several(dice, |dice| format!("{}${}", token(dice), one_quantity(dice))))
        }
        ("Observation", 11) => ("code-value-concept", format!("{}${}", token(dice), token(dice))),
        ("Observation", 12) => {
            let code = dice.pick(&["date", "value-quantity", "subject", "patient", "code", "category", "value-string"]);
            return (format!("{code}:missing"), dice.pick(&["true", "false"]).to_owned());
        }
        ("Observation", 13) => (dice.pick(&["_profile", "_profile:below"]), dice.pick(&URLS).to_owned()),
        ("Observation", 14) => ("patient:identifier", token(dice)),
        ("Observation", _) => (dice.pick(&["patient", "subject"]), reference(dice)),
        ("Patient", 0..=3) => {
            let name = dice.pick(&["name", "family", "given", "name:exact", "family:contains", "given:exact"]);
            (name, words(dice))
        }
        ("Patient", 4..=6) => ("birthdate", dates(dice)),
        ("Patient", 7) => {
            return (token_name(dice, &["gender", "gender"]), dice.pick(&["male", "FEMALE,male", "|male"]).to_owned());
        }
        ("Patient", 8) => return (token_name(dice, &["identifier", "identifier"]), tokens(dice)),
        ("Patient", 9) => ("telecom", dice.pick(&["555", "556", "phone|555"]).to_owned()),
        ("Patient", 10) => {
            ("general-practitioner", dice.pick(&["Practitioner/g1", "g2", "g1,g3", "Organization/g1"]).to_owned())
        }
        ("Patient", 11 | 12) if depth > 0 => {
            let (name, value) = clause(dice, "Observation", depth - 1);
            return (format!("_has:Observation:{}:{name}", dice.pick(&["patient", "subject"])), value);
        }
        ("Patient", 13) => {
            let code = dice.pick(&["name", "birthdate", "identifier", "telecom", "general-practitioner", "gender"]);
            return (format!("{code}:missing"), dice.pick(&["true", "false"]).to_owned());
        }
        ("Patient", _) => ("active", dice.pick(&["true", "false", "true,false"]).to_owned()),
        ("RiskAssessment", 0..=11) => ("probability", numbers(dice)),
        ("RiskAssessment", _) => ("patient", reference(dice)),
        (_, 0..=10) => (dice.pick(&["url", "url:below", "url:above"]), dice.pick(&URLS).to_owned()),
        _ => ("date", dates(dice)),
    };
    (name.to_owned(), value)
}

fn token_name(dice: &mut Dice, codes: &[&str]) -> String {
    let modifier = if dice.chance(20) { ":not" } else { "" };
    format!("{}{modifier}", dice.pick(codes))
}

fn several(dice: &mut Dice, one: impl Fn(&mut Dice) -> String) -> String {
    let count = if dice.chance(25) { 2 } else { 1 };
    (0..count).map(|_| one(dice)).collect::<Vec<_>>().join(",")
}

fn token(dice: &mut Dice) -> String {
    let (system, code) = dice.pick(&CODES);
    match dice.roll(4) {
        0 => code.to_owned(),
        1 if !system.is_empty() => format!("{system}|"),
        2 => format!("|{code}"),
        _ => format!("{system}|{code}"),
    }
}

fn tokens(dice: &mut Dice) -> String {
    several(dice, token)
}

pub(crate) fn prefix(dice: &mut Dice) -> &'static str {
    dice.pick(&["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])
}

fn dates(dice: &mut Dice) -> String {
    several(dice, |dice| format!("{}{}", prefix(dice), dice.pick(&DATES)))
}

fn numbers(dice: &mut Dice) -> String {
    several(dice, |dice| format!("{}{}", prefix(dice), dice.pick(&NUMBERS)))
}

fn one_quantity(dice: &mut Dice) -> String {
    let (system, code, unit) = dice.pick(&UNITS);
    let number = format!("{}{}", prefix(dice), dice.pick(&NUMBERS));
    match dice.roll(3) {
        0 => number,
        1 => format!("{number}||{unit}"),
        _ if system.is_empty() => format!("{number}||mg"),
        _ => format!("{number}|{system}|{code}"),
    }
}

fn quantities(dice: &mut Dice) -> String {
    several(dice, one_quantity)
}

pub(crate) fn words(dice: &mut Dice) -> String {
    let name = dice.pick(&NAMES);
    let length = 1 + dice.roll(name.chars().count());
    match dice.roll(3) {
        0 => name.chars().take(length).collect::<String>().to_uppercase().replace("SS", "ss").trim().to_owned(),
        1 => name.chars().skip(length - 1).collect::<String>().trim().to_owned(),
        _ => name.to_owned(),
    }
}

fn reference(dice: &mut Dice) -> String {
    let id = dice.roll(12);
    match dice.roll(5) {
        0 => format!("p{id}"),
        1 => format!("https://here.example/fhir/Patient/p{id}"),
        2 => format!("Group/p{id}"),
        3 => format!("https://there.example/fhir/Patient/p{id}"),
        _ => format!("Patient/p{id},p{}", dice.roll(12)),
    }
}
