//! Nothing of a CDA is dropped in silence: each code, quantity, date, identifier, name and text of the source stands in the
//! document that it became or in the report of the conversion.
//!
//! DIR is the corpus; a case is a CDA below it that is converted. The walk over the XML shares nothing with the converter: it
//! lists attributes and texts, and looks for each in every value of the two results. What FHIR says by other means (a
//! resource type, a status) is a row of `ledgers/expressed.tsv` with its reason; an empty element is no content.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use convert::{BuiltIn, Draft, Knowledge, Options, Source, convert};
use ledger::{Ledger, Report, Tally};
use model::{Element, Instant, NoShapes};
use roxmltree::Node;

use crate::documents::{below, each};

/// Elements that say which template holds, or point into the narrative, not what holds for the patient.
const STRUCTURE: [&str; 6] = ["templateId", "typeId", "realmCode", "reference", "terminologyDomain", "styleCode"];
/// Attributes with content.
const CONTENT: [&str; 5] = ["code", "value", "extension", "displayName", "unit"];

#[derive(Default)]
struct Counts {
    leaves: usize,
    reported: usize,
    expressed: usize,
}

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/accounting.toml")).map_err(|error| error.to_string())?;
    let mut documents = below(corpus, &[])?;
    documents.retain(|document| document.id.starts_with("cda-") || document.id.starts_with("pairs/"));
    let outcomes = each(&documents, |_, bytes| case(bytes));
    let mut tally = Tally::new(&ledger);
    let mut sum = Counts::default();
    let mut lost: BTreeMap<String, usize> = BTreeMap::new();
    for (document, outcome) in documents.iter().zip(outcomes) {
        let (counts, missing) = match outcome.and_then(|found| found) {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(fault) => {
                tally.record(&document.id, Err(fault));
                continue;
            }
        };
        sum.leaves += counts.leaves;
        sum.reported += counts.reported;
        sum.expressed += counts.expressed;
        let first: Vec<&str> = missing.iter().take(5).map(String::as_str).collect();
        let fault = (!first.is_empty()).then(|| format!("{} lost in silence: {}", missing.len(), first.join("; ")));
        missing.into_iter().for_each(|what| *lost.entry(what).or_default() += 1);
        tally.record(&document.id, fault.map_or(Ok(()), Err));
    }
    println!(
        "  {} pieces of content: {} only in the report, {} expressed by other means, {} kinds lost in silence",
        sum.leaves,
        sum.reported,
        sum.expressed,
        lost.len()
    );
    for (what, count) in lost.iter().take(200) {
        println!("  {count:>5} {what}");
    }
    Ok(tally.finish())
}

/// What was counted in one document, and what of it is nowhere; `None` where it is no CDA or is refused.
fn case(bytes: &[u8]) -> Result<Option<(Counts, Vec<String>)>, String> {
    let knowledge = Knowledge { shapes: &NoShapes, systems: &BuiltIn };
    let options = Options::at(Instant(1_790_000_000_000));
    let Ok(draft) = convert(&knowledge, &Source::new(bytes), &options) else { return Ok(None) };
    if draft.format != "cda" {
        return Ok(None);
    }
    // What is not UTF-8 is judged by the converter's own tests of encodings.
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(None) };
    let source = roxmltree::Document::parse(text.trim_start_matches('\u{feff}')).map_err(|error| error.to_string())?;
    let (document, report) = (Words::of_document(&draft), Words::of_report(&draft));
    let mut leaves = BTreeSet::new();
    collect(source.root_element(), &mut leaves);
    let mut counts = Counts::default();
    let mut missing = Vec::new();
    for Leaf { place, value, code } in leaves {
        counts.leaves += 1;
        let forms = spellings(&value);
        if document.have(&forms) {
            continue;
        }
        // What the source calls a code is said where the code is.
        let there = |code: &str| [&document, &report].iter().any(|words| words.have(&[code.to_owned()]));
        let said = |code: &str| there(code) || is_expressed(&place, code);
        if report.have(&forms) {
            counts.reported += 1;
        } else if is_expressed(&place, &value) || code.is_some_and(|code| said(&code)) {
            counts.expressed += 1;
        } else {
            missing.push(format!("{place} {:?}", value.chars().take(120).collect::<String>()));
        }
    }
    Ok(Some((counts, missing)))
}

/// One piece of content: `element@attribute` or the element of a text, the value, and of a name the code that it names.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Leaf {
    place: String,
    value: String,
    code: Option<String>,
}

/// All content below an element.
fn collect(node: Node<'_, '_>, found: &mut BTreeSet<Leaf>) {
    let name = node.tag_name().name();
    if STRUCTURE.contains(&name) {
        return;
    }
    for attribute in node.attributes().filter(|attribute| CONTENT.contains(&attribute.name())) {
        let value = attribute.value().split_whitespace().collect::<Vec<_>>().join(" ");
        if value.chars().any(char::is_alphanumeric) {
            let code = node.attribute("code").filter(|_| attribute.name() == "displayName").map(str::to_owned);
            found.insert(Leaf { place: format!("{name}@{}", attribute.name()), value, code });
        }
    }
    for text in node.children().filter(Node::is_text).filter_map(|child| child.text()) {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.chars().any(char::is_alphanumeric) {
            found.insert(Leaf { place: name.to_owned(), value: words, code: None });
        }
    }
    for child in node.children().filter(Node::is_element) {
        collect(child, found);
    }
}

/// Every value of a result: whole, and run together to look for parts of longer texts.
pub(super) struct Words {
    whole: HashSet<String>,
    all: String,
}

impl Words {
    pub(super) fn of_document(draft: &Draft) -> Words {
        let mut words = Words { whole: HashSet::new(), all: String::new() };
        words.add(draft.document.root());
        words
    }

    fn of_report(draft: &Draft) -> Words {
        let mut words = Words { whole: HashSet::new(), all: String::new() };
        for issue in &draft.report.issues {
            words.push(&issue.text.replace("\\\"", "\"").replace("\\n", " ").replace("\\t", " "));
        }
        words
    }

    fn add(&mut self, element: Element<'_>) {
        for node in element.descendants() {
            match (node.name(), node.text()) {
                ("div", Some(html)) => self.push(&untagged(html)),
                // An attachment is looked up whole.
                ("data", Some(data)) => {
                    self.whole.insert(data.split_whitespace().collect());
                }
                (_, Some(text)) => self.push(text),
                (_, None) => {}
            }
        }
    }

    pub(super) fn push(&mut self, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.all.push_str(&text);
        self.all.push('\n');
        self.whole.insert(text);
    }

    /// Whether a value is exactly this.
    pub(super) fn is(&self, form: &str) -> bool {
        self.whole.contains(form)
    }

    /// Whether a value holds a word, and beside it one of these others.
    pub(super) fn together(&self, word: &str, others: &[String]) -> bool {
        let words = |text: &str| text.split(|letter: char| !letter.is_alphanumeric()).any(|found| found == word);
        self.whole.iter().any(|text| others.iter().any(|other| text.contains(other)) && words(text))
    }

    pub(super) fn have(&self, forms: &[String]) -> bool {
        let word = |form: &str| self.all.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == form);
        let part = |form: &str| if form.len() > 1 { self.all.contains(form) } else { word(form) };
        forms.iter().any(|form| self.whole.contains(form) || part(form))
    }
}

/// The text of an XHTML `div`, a blank for each tag.
fn untagged(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut inside = false;
    for character in html.chars() {
        match character {
            '<' => {
                inside = true;
                text.push(' ');
            }
            '>' if inside => inside = false,
            _ if !inside => text.push(character),
            _ => {}
        }
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// How a value may be written in FHIR: dates with hyphens, numbers without idle zeros, telecoms without their scheme, units
/// in UCUM, attachments without blanks.
pub(super) fn spellings(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    if value.len() > 40 {
        forms.push(value.split_whitespace().collect());
    }
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    if digits.len() >= 4 && digits.len().is_multiple_of(2) {
        let part = |from: usize, to: usize| digits.get(from..to).map(|part| format!("-{part}")).unwrap_or_default();
        forms.push(format!("{}{}{}", digits.get(..4).unwrap_or_default(), part(4, 6), part(6, 8)));
    }
    if let Some((_, rest)) = value.split_once(':') {
        forms.push(rest.trim().to_owned());
        forms.push(rest.trim_start_matches('/').to_owned());
    }
    let number = value.replace(',', ".");
    let number = number.trim_start_matches('+').trim_start_matches('0');
    if number.starts_with('.') {
        forms.push(format!("0{number}"));
    } else if !number.is_empty() {
        forms.push(number.to_owned());
    }
    forms
}

/// Whether a row of `expressed.tsv` says by what FHIR expresses the value: the element, the value (`*` for all), the reason.
fn is_expressed(place: &str, value: &str) -> bool {
    let rows = include_str!("../../ledgers/expressed.tsv").lines().filter(|row| !row.starts_with('#'));
    rows.filter_map(|row| row.split_once('\t')).any(|(known, rest)| {
        let code = rest.split('\t').next().unwrap_or_default();
        (known == "*" || place.starts_with(known)) && (code == "*" || code == value)
    })
}
