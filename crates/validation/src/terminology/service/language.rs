//! Languages that displays are wanted in (RFC 4647: preferences with weights; RFC 5646: tags).

/// Language tags, the most wanted first.
#[derive(Clone, Debug, Default)]
pub(super) struct Languages {
    /// As it was given.
    pub(super) text: String,
    tags: Vec<String>,
    /// Whether no other language will do (`*;q=0`).
    pub(super) only: bool,
}

impl Languages {
    /// Reads a tag or a list like that of `Accept-Language`; `None` where a part is no language tag.
    pub(super) fn parse(text: &str) -> Option<Languages> {
        let mut weighted: Vec<(f32, &str)> = Vec::new();
        let mut only = false;
        for part in text.split(',') {
            let mut pieces = part.split(';').map(str::trim);
            let tag = pieces.next().unwrap_or_default();
            let weight = pieces.find_map(|piece| piece.strip_prefix("q=")?.trim().parse().ok()).unwrap_or(1.0);
            if tag == "*" {
                only |= weight <= 0.0;
                continue;
            }
            let well_formed = tag.split('-').all(|piece| {
                !piece.is_empty() && piece.len() <= 8 && piece.bytes().all(|byte| byte.is_ascii_alphanumeric())
            });
            if !well_formed {
                return None;
            }
            if weight > 0.0 {
                weighted.push((weight, tag));
            }
        }
        weighted.sort_by(|left, right| right.0.total_cmp(&left.0));
        let tags = weighted.into_iter().map(|(_, tag)| tag.to_owned()).collect();
        Some(Languages { text: text.to_owned(), tags, only })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    pub(super) fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Whether a tag is one of these: the same, a region of one, or the general form of one.
    pub(super) fn has(&self, tag: &str) -> bool {
        self.tags.iter().any(|wanted| fits(wanted, tag))
    }
}

/// Whether a display in the language `tag` will do for who wants `wanted`.
pub(super) fn fits(wanted: &str, tag: &str) -> bool {
    let (wanted, tag) = (wanted.to_ascii_lowercase(), tag.to_ascii_lowercase());
    let within = |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('-'));
    wanted == tag || within(&tag, &wanted) || within(&wanted, &tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_comes_first_and_regions_fit() {
        let languages = Languages::parse("en; q=0.4, de-CH, *;q=0").unwrap();
        assert_eq!(languages.tags(), ["de-CH", "en"]);
        assert!(languages.only && languages.has("de") && languages.has("en-GB") && !languages.has("fr"));
        assert!(Languages::parse("-").is_none());
        assert!(!fits("en", "eng"));
    }
}
