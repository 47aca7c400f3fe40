//! Bundles of stored texts, put together without parsing them: <http://hl7.org/fhir/R4/bundle.html>.

use model::json;

/// A Bundle in the making; entries in the order that they are added.
pub struct BundleText {
    text: Vec<u8>,
    entries: usize,
}

/// What stands beside an entry's resource.
#[derive(Clone, Debug, Default)]
pub struct Beside<'a> {
    /// `search.mode`: `match`, `include`, `outcome`.
    pub search_mode: Option<&'a str>,
    /// `request`: method and URL.
    pub request: Option<(&'a str, &'a str)>,
    /// `response.status`; without it there is no `response`.
    pub status: Option<&'a str>,
    /// `response.location`
    pub location: Option<&'a str>,
    /// `response.etag`
    pub etag: Option<&'a str>,
    /// `response.lastModified`
    pub modified: Option<model::Instant>,
    /// `response.outcome`, as JSON.
    pub outcome: Option<&'a [u8]>,
}

impl Beside<'_> {
    fn response(&self) -> Option<String> {
        let mut text = format!("\"response\":{{\"status\":{}", quoted(self.status?));
        for (name, value) in [("location", self.location), ("etag", self.etag)] {
            if let Some(value) = value {
                text.push_str(&format!(",\"{name}\":{}", quoted(value)));
            }
        }
        if let Some(modified) = self.modified {
            text.push_str(&format!(",\"lastModified\":\"{}\"", modified.to_fhir()));
        }
        if let Some(outcome) = self.outcome {
            text.push_str(&format!(",\"outcome\":{}", String::from_utf8_lossy(outcome)));
        }
        text.push('}');
        Some(text)
    }
}

impl BundleText {
    /// A Bundle of a type, with its links (relation, URL) and, where it is known, its total.
    pub fn new(bundle_type: &str, updated: model::Instant, total: Option<u64>, links: &[(&str, String)]) -> BundleText {
        let mut text = format!(
            "{{\"resourceType\":\"Bundle\",\"meta\":{{\"lastUpdated\":\"{}\"}},\"type\":\"{bundle_type}\"",
            updated.to_fhir()
        );
        if let Some(total) = total {
            text.push_str(&format!(",\"total\":{total}"));
        }
        for (number, (relation, url)) in links.iter().enumerate() {
            text.push_str(if number == 0 { ",\"link\":[" } else { "," });
            text.push_str(&format!("{{\"relation\":{},\"url\":{}}}", quoted(relation), quoted(url)));
        }
        if !links.is_empty() {
            text.push(']');
        }
        BundleText { text: text.into_bytes(), entries: 0 }
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Adds an entry; `resource` is JSON that a permit let through.
    pub fn entry(&mut self, full_url: Option<&str>, resource: Option<&[u8]>, beside: &Beside<'_>) {
        let room = resource.map_or(0, <[u8]>::len) + full_url.map_or(0, str::len) + 80;
        self.text.reserve(room);
        self.add(if self.entries == 0 { ",\"entry\":[{" } else { ",{" });
        self.entries += 1;
        let mut comma = "";
        let mut member = |text: &mut Vec<u8>, name: &str| {
            text.extend_from_slice(comma.as_bytes());
            text.extend_from_slice(name.as_bytes());
            comma = ",";
        };
        if let Some(url) = full_url {
            member(&mut self.text, "\"fullUrl\":");
            put_quoted(&mut self.text, url);
        }
        if let Some(resource) = resource {
            member(&mut self.text, "\"resource\":");
            self.text.extend_from_slice(resource);
        }
        if let Some(mode) = beside.search_mode {
            member(&mut self.text, "\"search\":{\"mode\":");
            put_quoted(&mut self.text, mode);
            self.text.push(b'}');
        }
        if let Some((method, url)) = beside.request {
            member(&mut self.text, "\"request\":{\"method\":");
            put_quoted(&mut self.text, method);
            self.add(",\"url\":");
            put_quoted(&mut self.text, url);
            self.text.push(b'}');
        }
        if let Some(response) = beside.response() {
            member(&mut self.text, &response);
        }
        self.text.push(b'}');
    }

    fn add(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// The text.
    pub fn finish(mut self) -> Vec<u8> {
        self.add(if self.entries == 0 { "}" } else { "]}" });
        self.text
    }
}

/// A JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    json::put_string(text, &mut out);
    out
}

/// Appends a JSON string.
fn put_quoted(out: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(quoted(text).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_together_reads_as_a_bundle() {
        let now = model::Instant(0);
        let mut bundle = BundleText::new("history", now, Some(2), &[("self", "http://h/fhir/A\"".to_owned())]);
        let beside =
            Beside { request: Some(("PUT", "A/1")), status: Some("200"), etag: Some("W/\"1\""), ..Beside::default() };
        bundle.entry(Some("http://h/fhir/A/1"), Some(br#"{"resourceType":"Basic"}"#), &beside);
        bundle.entry(None, None, &Beside { search_mode: Some("match"), ..Beside::default() });
        assert_eq!(bundle.len(), 2);
        let text = bundle.finish();
        let tree = model::json::read(&text, &Default::default()).unwrap();
        assert_eq!(tree.root().every("entry").len(), 2);
        assert_eq!(tree.root().text_at("entry.response.etag"), Some("W/\"1\""));
        assert_eq!(tree.root().text_at("link.url"), Some("http://h/fhir/A\""));
        let empty = BundleText::new("searchset", now, None, &[]).finish();
        assert!(model::json::read(&empty, &Default::default()).is_ok());
    }
}
