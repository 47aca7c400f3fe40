//! The expressions of search parameters, as far as they are plain paths: what needs no FHIRPath engine.
//!
//! ```text
//! expression := term ("|" term)*
//! term       := path | "(" path ["as" type] ")" ("." step)* | path "as" type
//! path       := step ("." step)*
//! step       := name ["[" number "]"] | "as(" type ")" | "ofType(" type ")" | "extension('" url "')"
//!             | "where(resolve() is " type ")" | "where(" name "='" text "')" | "where(hasExtension('" url "'))"
//! ```
//!
//! Nearly all of R4's are of this form. Any other expression is left to the crate `fhirpath`.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    /// An element of this name; a choice element without its type.
    Child(String),
    /// Only those of this type.
    As(String),
    /// Only references to this resource type.
    Resolves(String),
    /// Only those whose element of this name has this text.
    Where(String, String),
    /// Only those with an extension of this URL.
    WhereExtension(String),
    /// The extension of this URL.
    Extension(String),
    /// Only the one at this place.
    Index(usize),
}

/// The paths of an expression; `None` where it is none of the form above.
pub(crate) fn parse(expression: &str) -> Option<Vec<Vec<Step>>> {
    let mut reader = Reader { rest: expression.trim() };
    let mut paths = Vec::new();
    loop {
        paths.push(reader.term()?);
        if reader.rest.is_empty() {
            return Some(paths);
        }
        reader.take("|")?;
    }
}

struct Reader<'e> {
    rest: &'e str,
}

impl<'e> Reader<'e> {
    fn take(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(word)?.trim_start();
        Some(())
    }

    fn name(&mut self) -> Option<&'e str> {
        let rest = self.rest.trim_start();
        let end =
            rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end)?;
        let first = name.chars().next()?;
        self.rest = after;
        (first.is_ascii_alphabetic() || first == '_').then_some(name)
    }

    fn text(&mut self) -> Option<String> {
        self.take("'")?;
        let (text, after) = self.rest.split_once('\'')?;
        self.rest = after;
        (!text.contains('\\')).then(|| text.to_owned())
    }

    fn term(&mut self) -> Option<Vec<Step>> {
        let mut steps = if self.take("(").is_some() {
            let steps = self.term()?;
            self.take(")")?;
            steps
        } else {
            let mut steps = Vec::new();
            self.step(&mut steps)?;
            steps
        };
        while self.take(".").is_some() {
            self.step(&mut steps)?;
        }
        if self.rest.trim_start().starts_with("as ") {
            self.take("as")?;
            steps.push(Step::As(self.name()?.to_owned()));
        }
        self.rest = self.rest.trim_start();
        Some(steps)
    }

    fn step(&mut self, steps: &mut Vec<Step>) -> Option<()> {
        let name = self.name()?;
        if self.take("(").is_none() {
            steps.push(Step::Child(name.to_owned()));
            if self.take("[").is_some() {
                let (digits, after) = self.rest.split_once(']')?;
                steps.push(Step::Index(digits.trim().parse().ok()?));
                self.rest = after;
            }
            return Some(());
        }
        steps.push(match name {
            "as" | "ofType" => Step::As(self.name()?.to_owned()),
            "extension" => Step::Extension(self.text()?),
            "where" => self.condition()?,
            _ => return None,
        });
        self.take(")")
    }

    fn condition(&mut self) -> Option<Step> {
        let name = self.name()?;
        match name {
            "resolve" => {
                self.take("(")?;
                self.take(")")?;
                self.take("is ")?;
                Some(Step::Resolves(self.name()?.to_owned()))
            }
            "hasExtension" => {
                self.take("(")?;
                let url = self.text()?;
                self.take(")")?;
                Some(Step::WhereExtension(url))
            }
            _ => {
                self.take("=")?;
                Some(Step::Where(name.to_owned(), self.text()?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(name: &str) -> Step {
        Step::Child(name.to_owned())
    }

    #[test]
    fn paths_of_every_form_are_read() {
        let read = |text: &str| parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(read("Patient.name.given"), [[child("Patient"), child("name"), child("given")]]);
        assert_eq!(
            read("(Observation.value as CodeableConcept).text"),
            [[child("Observation"), child("value"), Step::As("CodeableConcept".into()), child("text")]]
        );
        assert_eq!(
            read(
                "Encounter.participant.individual.where(resolve() is Practitioner) | Patient.telecom.where(system='phone')"
            ),
            [
                vec![
                    child("Encounter"),
                    child("participant"),
                    child("individual"),
                    Step::Resolves("Practitioner".into())
                ],
                vec![child("Patient"), child("telecom"), Step::Where("system".into(), "phone".into())],
            ]
        );
        assert_eq!(read("value.as(Quantity) | value.as(Range)").len(), 2);
        assert_eq!(read("Goal.start as date")[0].last(), Some(&Step::As("date".into())));
        assert_eq!(read("Bundle.entry[0].resource")[0].get(2), Some(&Step::Index(0)));
        assert_eq!(read("(extension('http://x/y').value.ofType(oid))")[0].len(), 3);
        assert_eq!(
            read("QuestionnaireResponse.item.where(hasExtension('u')).answer.value.ofType(Reference)")[0].get(2),
            Some(&Step::WhereExtension("u".into()))
        );
    }

    #[test]
    fn what_is_no_plain_path_is_left_to_others() {
        for text in
            ["", "Patient.deceased.exists() and Patient.deceased != false", "a.", "%resource.x", "a | ", "(a", "a b"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
