//! Parameters that no SearchParameter has an expression for: `_text` and `_content`.
//!
//! <http://hl7.org/fhir/R4/search.html#content>. A simple form of it: all words must be there, in any order, case and accents aside.

use model::Element;

use crate::fold::fold;

/// The words of what is asked for, folded.
pub(crate) fn words(text: &str) -> Vec<String> {
    fold(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether the narrative holds all words.
pub(crate) fn narrative_holds(resource: Element<'_>, words: &[String]) -> bool {
    let text = resource.text_at("text.div").map(without_tags).unwrap_or_default();
    holds(&fold(&text), words)
}

/// Whether the texts of the resource hold all words.
pub(crate) fn text_holds(resource: Element<'_>, words: &[String]) -> bool {
    let mut text = String::new();
    for element in resource.descendants() {
        if let Some(value) = element.text() {
            text.push(' ');
            match element.name() {
                "div" => text.push_str(&without_tags(value)),
                _ => text.push_str(value),
            }
        }
    }
    holds(&fold(&text), words)
}

fn holds(folded: &str, words: &[String]) -> bool {
    words.iter().all(|word| folded.split(' ').any(|found| found.starts_with(word.as_str())))
}

fn without_tags(markup: &str) -> String {
    let mut text = String::with_capacity(markup.len());
    let mut inside = false;
    for character in markup.chars() {
        match character {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            _ if !inside => text.push(character),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_between_tags_and_not_in_them() {
        let text = br#"{"resourceType":"Basic","text":{"div":"<div class=\"red\"><b>Chronic</b> br\u00f6nchitis</div>"},"code":{"text":"cough"}}"#;
        let tree = model::json::read(text, &model::Limits::default()).unwrap();
        assert!(narrative_holds(tree.root(), &words("bronch chronic")));
        assert!(!narrative_holds(tree.root(), &words("red")));
        assert!(!narrative_holds(tree.root(), &words("cough")));
        assert!(text_holds(tree.root(), &words("Cough Chronic")));
    }
}
