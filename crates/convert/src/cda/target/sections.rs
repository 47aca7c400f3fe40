//! Converted sections into `Composition.section`, with a reason where one has no entries.

use model::{ElementMut, Tree};

use crate::cda::context::Context;
use crate::cda::narrative;
use crate::cda::section::Section;
use crate::markup;

const EMPTY_REASON: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
const NOTE: &str = "http://hl7.org/fhir/StructureDefinition/note";
const LOINC: &str = "http://loinc.org";

/// One section as it will stand in the Composition.
pub(in crate::cda) struct Placed {
    /// LOINC code in the European format, where it has one; added where the source's own code is another.
    pub(in crate::cda) code: Option<&'static str>,
    /// Its title.
    pub(in crate::cda) title: String,
    /// `code` and `author` of the source.
    pub(in crate::cda) parts: Option<Tree>,
    /// Its narrative.
    pub(in crate::cda) div: Option<String>,
    /// References.
    pub(in crate::cda) entries: Vec<String>,
    /// Null flavour of the source.
    pub(in crate::cda) flavor: Option<String>,
    /// Where its coded entries stand instead, in words.
    pub(in crate::cda) pointer: Option<&'static str>,
    /// Whether a narrative without entries is repeated as a note (imaging), instead of a reason for emptiness.
    pub(in crate::cda) note: bool,
    /// Orders that are known by their identifier only.
    pub(in crate::cda) orders: Vec<Tree>,
    /// Observations that the report points to instead of the section.
    pub(in crate::cda) results: Vec<String>,
    /// Whether the source has the section at all.
    pub(in crate::cda) from_source: bool,
}

impl Placed {
    /// A section of the source.
    pub(super) fn of(section: Section<'_>) -> Placed {
        Placed {
            code: None,
            title: section.title,
            parts: Some(section.parts),
            div: section.div,
            entries: section.entries,
            flavor: section.flavor.map(str::to_owned),
            pointer: None,
            note: false,
            orders: Vec::new(),
            results: Vec::new(),
            from_source: true,
        }
    }

    /// A required section that the source does not have.
    pub(in crate::cda) fn missing(code: &'static str, title: &str) -> Placed {
        Placed {
            code: Some(code),
            title: title.to_owned(),
            parts: None,
            div: None,
            entries: Vec::new(),
            flavor: None,
            pointer: None,
            note: false,
            orders: Vec::new(),
            results: Vec::new(),
            from_source: false,
        }
    }

    /// Takes up another section of the same code: a document has each once.
    pub(super) fn merge(&mut self, other: Placed) {
        let inner = |div: &str| {
            let start = div.find('>').map_or(0, |at| at + 1);
            div.get(start..div.len().saturating_sub("</div>".len())).unwrap_or_default().to_owned()
        };
        let second = other.div.map(|div| format!("<p><b>{}</b></p>{}", markup::escaped(&other.title), inner(&div)));
        self.div = match (self.div.take(), second) {
            (Some(first), Some(second)) => {
                let end = first.len().saturating_sub("</div>".len());
                Some(format!("{}{second}</div>", first.get(..end).unwrap_or_default()))
            }
            (None, Some(second)) => Some(format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{second}</div>")),
            (first, None) => first,
        };
        self.entries.extend(other.entries);
        if !self.entries.is_empty() {
            self.flavor = None;
        }
    }

    /// Writes the section.
    pub(super) fn write(self, cx: &Context<'_>, composition: &mut ElementMut<'_>) {
        let mut to = composition.item("section");
        to.set("title", &self.title);
        let own = self.parts.as_ref().and_then(|parts| parts.root().get("code"));
        let has = |code: &str| {
            own.is_some_and(|own| own.every("coding.code").iter().any(|element| element.text() == Some(code)))
        };
        if let Some(code) = self.code.filter(|code| !has(code)) {
            to.object("code").item("coding").set("system", LOINC).set("code", code);
        }
        for child in own.into_iter().flat_map(|own| own.children()) {
            to.object("code").copy(child);
        }
        if to.as_element().get("code").is_none() {
            to.object("code").set("text", &self.title);
        }
        for author in self.parts.iter().flat_map(|parts| parts.root().all("author")) {
            to.copy(author);
        }
        let narrated = self.div.is_some();
        let elsewhere =
            self.pointer.or((!self.results.is_empty()).then_some("The observations are in DiagnosticReport.result."));
        let entries = !self.entries.is_empty() || !self.orders.is_empty();
        let repeated = self.note && !entries;
        let words = self.div.as_deref().filter(|_| repeated).map(markup::words).filter(|words| !words.is_empty());
        let div = self.div.unwrap_or_else(|| {
            narrative::plain(cx, &placeholder(&self.title, self.from_source, entries || elsewhere.is_some()))
        });
        to.object("text").set("status", if narrated { "additional" } else { "generated" }).set("div", &div);
        for note in elsewhere.into_iter().chain(words.as_deref()) {
            to.item("extension").set("url", NOTE).object("valueAnnotation").set("text", note);
        }
        if !entries && to.as_element().get("extension").is_none() {
            empty_reason(self.flavor.as_deref(), narrated, &mut to);
        }
        for order in &self.orders {
            if let Some(identifier) = order.root().get("identifier") {
                to.item("entry").set("type", "ServiceRequest").copy(identifier);
            }
        }
        let mut seen = Vec::new();
        for entry in self.entries {
            if !seen.contains(&entry) {
                to.item("entry").set("reference", &entry);
                seen.push(entry);
            }
        }
    }
}

fn placeholder(title: &str, from_source: bool, entries: bool) -> String {
    match (from_source, entries) {
        (true, true) => format!("{title}: the source document gives entries without a narrative."),
        (false, true) => format!("{title}: taken from the header of the source document, which has no such section."),
        (true, false) => format!("{title}: the source document has this section without content."),
        _ => format!("{title}: the source document has no such section; no information is available."),
    }
}

/// Never `nilknown` and never `withheld`: what the source does not say in codes is unavailable.
fn empty_reason(flavor: Option<&str>, narrated: bool, section: &mut ElementMut<'_>) {
    let (code, text) = match flavor {
        Some("NASK") => ("notasked", None),
        _ if narrated => {
            ("unavailable", Some("The source gives this section as narrative only, without coded entries."))
        }
        _ => ("unavailable", None),
    };
    let mut reason = section.object("emptyReason");
    reason.item("coding").set("system", EMPTY_REASON).set("code", code);
    reason.set_some("text", text);
}
