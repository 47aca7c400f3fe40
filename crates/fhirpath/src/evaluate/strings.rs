//! Functions of strings: <http://hl7.org/fhirpath/N1/#string-manipulation>. Positions count characters, from 0.
//!
//! Patterns are those of the crate `regex`: linear time, without look-around and back-references; a dot matches line
//! breaks, as the official suite has it.

use regex::{Captures, Regex, RegexBuilder};

use super::{Evaluation, Outcome, Scope, fault};
use crate::error::{EvaluationError, Fault};
use crate::function::Function;
use crate::item::{Collection, Item, Text};
use crate::plan::{Call, Detail, Plan};

/// A pattern for `matches` and its kin; `flags` are letters of `ims`; `full` to match the whole text.
pub(crate) fn pattern(text: &str, flags: &str, full: bool) -> Result<Regex, EvaluationError> {
    let full_text = if full { format!("^(?:{text})$") } else { String::new() };
    let text = if full { full_text.as_str() } else { text };
    let mut builder = RegexBuilder::new(text);
    builder
        .dot_matches_new_line(true)
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .size_limit(1 << 20);
    let broken = |error| EvaluationError::new(Fault::Value, format!("'{text}' is no regular expression: {error}"));
    builder.build().map_err(broken)
}

/// What compiling a pattern costs that is no literal: up to some milliseconds.
const PATTERN_STEPS: usize = 20_000;

/// The last pattern that was no literal.
pub(super) struct Compiled {
    text: String,
    flags: String,
    full: bool,
    regex: Regex,
}

impl<'t> Evaluation<'_, 't> {
    /// A string as an operand; an item of another type is an error.
    pub(super) fn text_of(&self, plan: &Plan, scope: &Scope<'_, 't>) -> Outcome<Option<Text<'t>>> {
        let Some(item) = self.single(plan, scope)? else { return Ok(None) };
        if let Item::Element(typed) = &item
            && let Some(model::Value::String(text)) = typed.element.value()
        {
            return Ok(Some(Text::Tree(text)));
        }
        match self.value(item.clone()) {
            Some(Item::String(text)) => Ok(Some(text)),
            Some(other) => fault(Fault::Type, format!("a string is wanted, not {other}")),
            None => match item {
                Item::Element(typed) if typed.element.is_primitive() => Ok(None),
                other => fault(Fault::Type, format!("a string is wanted, not {other}")),
            },
        }
    }

    fn argument(&self, call: &Call, place: usize, scope: &Scope<'_, 't>) -> Outcome<Option<Text<'t>>> {
        match call.arguments.get(place) {
            Some(argument) => self.text_of(argument, scope),
            None => Ok(None),
        }
    }

    /// Runs with the pattern of the first argument, compiled in advance where it is a literal.
    fn with_pattern<T>(
        &self,
        call: &Call,
        flags_at: usize,
        scope: &Scope<'_, 't>,
        run: impl FnOnce(&Regex, &str) -> T,
    ) -> Outcome<Option<T>> {
        if let Detail::Pattern(regex) = &call.detail {
            return Ok(Some(run(regex, regex.as_str())));
        }
        let Some(text) = self.argument(call, 0, scope)? else { return Ok(None) };
        let flags = self.argument(call, flags_at, scope)?;
        let flags = flags.as_deref().unwrap_or_default();
        let full = call.function == Function::MatchesFull;
        let mut last = self.pattern.borrow_mut();
        let known = last.as_ref().filter(|known| known.text == *text && known.flags == *flags && known.full == full);
        if let Some(known) = known {
            return Ok(Some(run(&known.regex, &text)));
        }
        self.charge(PATTERN_STEPS)?;
        let regex = pattern(&text, flags, full)?;
        let outcome = run(&regex, &text);
        *last = Some(Compiled { text: text.to_string(), flags: flags.to_owned(), full, regex });
        Ok(Some(outcome))
    }

    pub(super) fn string_test(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        let Some(text) = self.text_of(&call.input, scope)? else { return Ok(None) };
        self.charge(text.len() / 16)?;
        if matches!(call.function, Function::Matches | Function::MatchesFull) {
            return self.with_pattern(call, 1, scope, |regex, _| regex.is_match(&text));
        }
        let Some(other) = self.argument(call, 0, scope)? else { return Ok(None) };
        Ok(Some(match call.function {
            Function::StartsWith => text.starts_with(other.as_str()),
            Function::EndsWith => text.ends_with(other.as_str()),
            _ => text.contains(other.as_str()),
        }))
    }

    pub(super) fn string(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        if call.function == Function::Join {
            return self.join(call, scope);
        }
        let Some(text) = self.text_of(&call.input, scope)? else { return Ok(None) };
        self.charge(text.len() / 16)?;
        Ok(match call.function {
            Function::Upper => Some(Item::string(text.to_uppercase())),
            Function::Lower => Some(Item::string(text.to_lowercase())),
            Function::Length => Some(Item::Integer(text.chars().count() as i64)),
            Function::Trim => Some(Item::string(text.trim())),
            Function::IndexOf => {
                let Some(part) = self.argument(call, 0, scope)? else { return Ok(None) };
                Some(place_of(&text, text.find(part.as_str())))
            }
            Function::LastIndexOf => {
                let Some(part) = self.argument(call, 0, scope)? else { return Ok(None) };
                Some(place_of(&text, text.rfind(part.as_str())))
            }
            Function::Substring => self.substring(&text, call, scope)?,
            Function::Replace => {
                let (part, by) = (self.argument(call, 0, scope)?, self.argument(call, 1, scope)?);
                let (Some(part), Some(by)) = (part, by) else { return Ok(None) };
                let replaced = replace(&text, &part, &by);
                self.charge(replaced.len() / 16)?;
                Some(Item::string(replaced))
            }
            _ => {
                let Some(by) = self.argument(call, 1, scope)? else { return Ok(None) };
                let replaced = self.with_pattern(call, 2, scope, |regex, pattern| match pattern {
                    "" => text.to_string(),
                    _ => regex.replace_all(&text, |captures: &Captures<'_>| expand(&by, captures)).into_owned(),
                })?;
                self.charge(replaced.as_ref().map_or(0, String::len) / 16)?;
                replaced.map(Item::string)
            }
        })
    }

    fn substring(&self, text: &str, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        let Some(start) = self.first_integer(call, scope)? else { return Ok(None) };
        let length = match call.arguments.get(1) {
            Some(argument) => self.integer(argument, scope)?,
            None => None,
        };
        let Some(start) = usize::try_from(start).ok() else { return Ok(None) };
        let Some((from, _)) = text.char_indices().nth(start) else { return Ok(None) };
        let rest = text.get(from..).unwrap_or_default();
        Ok(Some(match length {
            Some(length) => Item::string(rest.chars().take(usize::try_from(length).unwrap_or(0)).collect::<String>()),
            None => Item::string(rest),
        }))
    }

    pub(super) fn first_integer(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<i64>> {
        match call.arguments.first() {
            Some(argument) => self.integer(argument, scope),
            None => Ok(None),
        }
    }

    fn join(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        let separator = self.argument(call, 0, scope)?;
        let mut joined = String::new();
        let mut first = true;
        let _ = self.each(&call.input, scope, &mut |item| {
            let text = match self.value(item) {
                Some(Item::String(text)) => text,
                Some(other) if other.system_type().is_some() => Text::from(other.to_string()),
                _ => return super::MORE,
            };
            if !first {
                joined.push_str(separator.as_deref().unwrap_or_default());
            }
            first = false;
            joined.push_str(&text);
            super::MORE
        })?;
        self.charge(joined.len() / 16)?;
        Ok((!first).then(|| Item::string(joined)))
    }

    /// `toChars()`, `split()`
    pub(super) fn strings(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        let Some(text) = self.text_of(&call.input, scope)? else { return Ok(Collection::new()) };
        self.charge(text.len())?;
        if call.function == Function::ToChars {
            return Ok(text.chars().map(Item::string).collect());
        }
        let Some(separator) = self.argument(call, 0, scope)? else { return Ok(Collection::new()) };
        if separator.is_empty() {
            return Ok(text.chars().map(Item::string).collect());
        }
        Ok(text.split(separator.as_str()).map(Item::string).collect())
    }
}

fn place_of<'t>(text: &str, found: Option<usize>) -> Item<'t> {
    let place = found.and_then(|at| text.get(..at)).map_or(-1, |before| before.chars().count() as i64);
    Item::Integer(place)
}

/// An empty part stands around every character, but is not put in front of the first and behind the last both.
fn replace(text: &str, part: &str, by: &str) -> String {
    if part.is_empty() && !text.is_empty() {
        return text.chars().fold(by.to_owned(), |mut made, c| {
            made.push(c);
            made.push_str(by);
            made
        });
    }
    text.replace(part, by)
}

/// A substitution: `$1`, `${name}`; a backslash before a sign takes its meaning away.
fn expand(by: &str, captures: &Captures<'_>) -> String {
    let mut made = String::new();
    let mut rest = by;
    while let Some(at) = rest.find(['$', '\\']) {
        let (before, sign) = rest.split_at(at);
        made.push_str(before);
        let after = sign.get(1..).unwrap_or_default();
        if sign.starts_with('\\') {
            let mut chars = after.chars();
            made.push(chars.next().unwrap_or('\\'));
            rest = chars.as_str();
            continue;
        }
        let name = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let digits = after.chars().take_while(char::is_ascii_digit).count();
        let (group, left) = match name {
            Some((name, left)) => (captures.name(name), left),
            None if digits > 0 => {
                let (number, left) = after.split_at(digits);
                (number.parse().ok().and_then(|number: usize| captures.get(number)), left)
            }
            None => {
                made.push('$');
                rest = after;
                continue;
            }
        };
        made.push_str(group.map_or("", |group| group.as_str()));
        rest = left;
    }
    made.push_str(rest);
    made
}
