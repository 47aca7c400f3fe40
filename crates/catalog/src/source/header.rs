//! The few facts at the top of a conformance resource by which it is found, skimmed from its JSON text without
//! building a tree. The build script packs `profiles/` with this same file.

/// What a resource says of itself at its top level; empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `resourceType`
    pub resource_type: Box<str>,
    /// `id`
    pub id: Box<str>,
    /// `url`
    pub url: Box<str>,
    /// `version`
    pub version: Box<str>,
    /// `name`
    pub name: Box<str>,
    /// `status`
    pub status: Box<str>,
    /// `kind`: of a structure `resource`, `complex-type`, …
    pub kind: Box<str>,
    /// `type`: of a structure the type it describes.
    pub r#type: Box<str>,
    /// `derivation`: of a structure `specialization` or `constraint`.
    pub derivation: Box<str>,
    /// `baseDefinition`: of a structure what it derives from.
    pub base: Box<str>,
    /// `content`: of a code system.
    pub content: Box<str>,
    /// `supplements`: of a code system.
    pub supplements: Box<str>,
    /// `valueSet`: of a code system, the value set of all its codes.
    pub value_set: Box<str>,
}

impl Header {
    /// How many texts a header has.
    pub const FIELDS: usize = 13;

    /// The texts in a fixed order.
    pub fn fields(&self) -> [&str; Header::FIELDS] {
        [
            &self.resource_type,
            &self.id,
            &self.url,
            &self.version,
            &self.name,
            &self.status,
            &self.kind,
            &self.r#type,
            &self.derivation,
            &self.base,
            &self.content,
            &self.supplements,
            &self.value_set,
        ]
    }

    /// A header of texts in that order.
    pub fn from_fields(fields: [&str; Header::FIELDS]) -> Header {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m] = fields.map(Box::from);
        Header {
            resource_type: a,
            id: b,
            url: c,
            version: d,
            name: e,
            status: f,
            kind: g,
            r#type: h,
            derivation: i,
            base: j,
            content: k,
            supplements: l,
            value_set: m,
        }
    }

    fn field(&mut self, key: &[u8]) -> Option<&mut Box<str>> {
        Some(match key {
            b"resourceType" => &mut self.resource_type,
            b"id" => &mut self.id,
            b"url" => &mut self.url,
            b"version" => &mut self.version,
            b"name" => &mut self.name,
            b"status" => &mut self.status,
            b"kind" => &mut self.kind,
            b"type" => &mut self.r#type,
            b"derivation" => &mut self.derivation,
            b"baseDefinition" => &mut self.base,
            b"content" => &mut self.content,
            b"supplements" => &mut self.supplements,
            b"valueSet" => &mut self.value_set,
            _ => return None,
        })
    }

    /// Skims one JSON object that begins at `start` (blanks before it are skipped); with it the byte behind it.
    /// `None` where the text is no object; what is inside nested values is not checked.
    pub fn skim(text: &[u8], start: usize) -> Option<(Header, usize)> {
        let mut header = Header::default();
        let end = members(text, start, |key, value| {
            if let (Some(field), [b'"', inner @ .., b'"']) = (header.field(key), value)
                && field.is_empty()
            {
                *field = unescape(inner).into();
            }
        })?;
        Some((header, end))
    }
}

/// The byte ranges of the resources in `Bundle.entry[*].resource` of a JSON text.
pub(super) fn bundle_resources(text: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let offset = |part: &[u8]| part.as_ptr() as usize - text.as_ptr() as usize;
    members(text, 0, |key, entries| {
        if key != b"entry" {
            return;
        }
        items(entries, |entry| {
            members(entry, 0, |key, resource| {
                if key == b"resource" {
                    found.push((offset(resource), offset(resource) + resource.len()));
                }
            });
        });
    });
    found
}

/// Calls `each` with key and value text of every member of the object at `start`; the byte behind the object.
fn members<'t>(text: &'t [u8], start: usize, mut each: impl FnMut(&'t [u8], &'t [u8])) -> Option<usize> {
    let mut at = blanks(text, start);
    (text.get(at) == Some(&b'{')).then_some(())?;
    at = blanks(text, at + 1);
    while text.get(at)? != &b'}' {
        let key_end = string_end(text, at)?;
        let key = text.get(at + 1..key_end - 1)?;
        at = blanks(text, key_end);
        (text.get(at) == Some(&b':')).then_some(())?;
        at = blanks(text, at + 1);
        let end = value_end(text, at)?;
        each(key, text.get(at..end)?);
        at = blanks(text, end);
        if text.get(at) == Some(&b',') {
            at = blanks(text, at + 1);
        }
    }
    Some(at + 1)
}

fn items<'t>(text: &'t [u8], mut each: impl FnMut(&'t [u8])) -> Option<()> {
    let mut at = blanks(text, 0);
    (text.get(at) == Some(&b'[')).then_some(())?;
    at = blanks(text, at + 1);
    while text.get(at)? != &b']' {
        let end = value_end(text, at)?;
        each(text.get(at..end)?);
        at = blanks(text, end);
        if text.get(at) == Some(&b',') {
            at = blanks(text, at + 1);
        }
    }
    Some(())
}

fn blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t' | 0xEF | 0xBB | 0xBF)) {
        at += 1;
    }
    at
}

fn string_end(text: &[u8], start: usize) -> Option<usize> {
    (text.get(start) == Some(&b'"')).then_some(())?;
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The byte behind the value at `start`; never `start` itself.
fn value_end(text: &[u8], start: usize) -> Option<usize> {
    match text.get(start)? {
        b'"' => string_end(text, start),
        b'{' | b'[' => {
            let mut depth = 0usize;
            let mut at = start;
            loop {
                match text.get(at)? {
                    b'"' => {
                        at = string_end(text, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        _ => {
            let rest = text.get(start..)?;
            let length = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
            length.filter(|length| *length > 0).map(|length| start + length)
        }
    }
}

fn unescape(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    if !text.contains('\\') {
        return text.into_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_level_is_skimmed_and_nothing_deeper() {
        let text = br#" {"contact":[{"name":"no","url":"no"}], "url" : "http://example.org/a\/b","kind":"resource",
            "resourceType":"StructureDefinition","abstract":false,"version":"1"} tail"#;
        let (header, end) = Header::skim(text, 0).unwrap();
        assert_eq!(&*header.url, "http://example.org/a/b");
        assert_eq!(&*header.resource_type, "StructureDefinition");
        assert_eq!((&*header.kind, &*header.version, &*header.name), ("resource", "1", ""));
        assert_eq!(&text[end..], b" tail");
        assert_eq!(Header::from_fields(header.fields()), header);
    }

    #[test]
    fn broken_text_gives_nothing() {
        for text in [
            "",
            "[",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":}",
            "{\"a\":[}",
            "{\"a\":\"",
            "{\"a\":\"\\",
            "{,}",
            "{\"a\":1,,",
        ] {
            assert_eq!(Header::skim(text.as_bytes(), 0).map(|_| ()), None, "{text}");
        }
    }

    #[test]
    fn resources_of_a_bundle_are_found() {
        let text = br#"{"resourceType":"Bundle","entry":[{"fullUrl":"x","resource":{"a":"}"}},
            {"resource" : {"entry":[{"resource":{}}]} }]}"#;
        let parts: Vec<&[u8]> = bundle_resources(text).into_iter().map(|(start, end)| &text[start..end]).collect();
        assert_eq!(parts, [&br#"{"a":"}"}"#[..], br#"{"entry":[{"resource":{}}]}"#]);
    }
}
