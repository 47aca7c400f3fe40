//! `_text` and `_content`: <http://hl7.org/fhir/R4/search.html#content>.
//!
//! ```text
//! text := part ("or" part)*
//! part := word (["and"] word)*
//! word := ["not"] ( "(" text ")" | words in double quotes | a word )      the words and, or, not in any case
//! ```
//!
//! A word is found by its beginning, case and accents aside; words in quotes one behind the other. The words of narratives have rows
//! (`docs/search.md`); for `_content` the content of each candidate is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Element;

use crate::fold::fold;
use crate::param::{Criterion, string};
use crate::parameter::Parameter;
use crate::parameters::TypeParameters;
use crate::plan::set::{Content, Rows, Set};

/// The set that a text asks for; `leaf` gives that of folded words, one behind the other.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn parse(text: &str, leaf: &dyn Fn(&str) -> Set) -> Result<Set, String> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, leaf };
    let set = reader.text(DEPTH)?;
    match reader.peek() {
        None => Ok(set),
        Some(_) => Err("a ) has no (".to_owned()),
    }
}

/// Parentheses within parentheses.
const DEPTH: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Words(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => {
                tokens.push(if first == '(' { Token::Open } else { Token::Close });
                1
            }
            '"' => {
                let inner = rest.get(1..).and_then(|inner| inner.split_once('"')).ok_or("a \" has no end")?.0;
                tokens.push(Token::Words(fold(inner)));
                inner.len() + 2
            }
            _ => {
                let is_end = |character: char| character.is_whitespace() || "()\"".contains(character);
                let word = rest.get(..rest.find(is_end).unwrap_or(rest.len())).unwrap_or("");
                tokens.push(match word.to_ascii_lowercase().as_str() {
                    "and" => Token::And,
                    "or" => Token::Or,
                    "not" => Token::Not,
                    _ => Token::Words(fold(word)),
                });
                word.len()
            }
        };
        rest = rest.get(length..).unwrap_or("").trim_start();
    }
    tokens.retain(|token| *token != Token::Words(String::new()));
    Ok(tokens)
}

struct Reader<'r> {
    tokens: Vec<Token>,
    at: usize,
    leaf: &'r dyn Fn(&str) -> Set,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn text(&mut self, depth: usize) -> Result<Set, String> {
        if depth == 0 {
            return Err("there are too many parentheses".to_owned());
        }
        let mut parts = vec![self.part(depth)?];
        while self.take(&Token::Or) {
            parts.push(self.part(depth)?);
        }
        Ok(Set::any(parts))
    }

    fn part(&mut self, depth: usize) -> Result<Set, String> {
        let mut all = vec![self.word(depth)?];
        while !matches!(self.peek(), None | Some(Token::Or | Token::Close)) {
            self.take(&Token::And);
            all.push(self.word(depth)?);
        }
        Ok(Set::And(all))
    }

    fn word(&mut self, depth: usize) -> Result<Set, String> {
        if self.take(&Token::Not) {
            return Ok(Set::Not(Box::new(self.word(depth)?)));
        }
        if self.take(&Token::Open) {
            let inner = self.text(depth - 1)?;
            return if self.take(&Token::Close) { Ok(inner) } else { Err("a ( has no )".to_owned()) };
        }
        match self.peek().cloned() {
            Some(Token::Words(words)) => {
                self.at += 1;
                Ok((self.leaf)(&words))
            }
            _ => Err("a word is missing".to_owned()),
        }
    }
}

/// Those whose narrative has these words, one behind the other.
pub(crate) fn in_narrative(words: &str, narrative: &Arc<Parameter>, of_type: &TypeParameters) -> Set {
    let row = |word: &str| {
        let criterion = Criterion::String(string::Criterion::new(string::How::Starts, word));
        Set::Rows(Rows::new(narrative, criterion, of_type))
    };
    let mut sets: Vec<Set> = words.split(' ').map(row).collect();
    if sets.len() > 1 {
        sets.push(Set::Content(Content::Narrative(words.to_owned())));
    }
    Set::And(sets)
}

/// The words of the narrative, folded, each once.
pub(crate) fn narrative_words(resource: Element<'_>) -> BTreeSet<String> {
    let text = resource.text_at("text.div").map(|text| fold(&without_tags(text))).unwrap_or_default();
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether the narrative holds folded words, one behind the other; the last may go on.
pub(crate) fn narrative_holds(resource: Element<'_>, words: &str) -> bool {
    let text = resource.text_at("text.div").map(without_tags).unwrap_or_default();
    holds(&fold(&text), words)
}

/// The same of the texts of the resource.
pub(crate) fn text_holds(resource: Element<'_>, words: &str) -> bool {
    resource.descendants().into_iter().any(|element| {
        let text = element.text();
        text.is_some_and(|text| match element.name() {
            "div" => holds(&fold(&without_tags(text)), words),
            _ => holds(&fold(text), words),
        })
    })
}

fn holds(folded: &str, words: &str) -> bool {
    folded.starts_with(words) || folded.contains(&format!(" {words}"))
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
        assert!(narrative_holds(tree.root(), "bronch") && narrative_holds(tree.root(), "chronic bron"));
        assert!(!narrative_holds(tree.root(), "red") && !narrative_holds(tree.root(), "bronchitis chronic"));
        assert!(!narrative_holds(tree.root(), "cough") && !narrative_holds(tree.root(), "onchitis"));
        assert!(text_holds(tree.root(), "cough") && text_holds(tree.root(), "chronic"));
        assert_eq!(narrative_words(tree.root()).into_iter().collect::<Vec<_>>(), ["bronchitis", "chronic"]);
    }

    #[test]
    fn what_is_asked_is_read_and_what_is_wrong_told() {
        let leaf = |words: &str| Set::Content(Content::Text(words.to_owned()));
        for text in
            ["bone", "(bone OR liver) and metastases", "\"bone marrow\" not liver", "((a))", "a b or c", "not (a or b)"]
        {
            assert!(parse(text, &leaf).is_ok(), "{text}");
        }
        for text in ["", "(", "a)", "\"a", "and", "a or", "not", "()", "-"] {
            assert!(parse(text, &leaf).is_err(), "{text}");
        }
        assert!(parse(&"(".repeat(10_000), &leaf).is_err());
    }
}
