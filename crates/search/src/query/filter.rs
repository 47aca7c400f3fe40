//! The text of `_filter`: <http://hl7.org/fhir/R4/search_filter.html>.
//!
//! ```text
//! filter := term ("or" term)*
//! term   := factor ("and" factor)*
//! factor := "not" "(" filter ")" | "(" filter ")" | path operator value
//! path   := name ["[" filter "]"] ("." path)?      name as in a search: code, code ":" type, "_has:" type ":" code ":" name
//! value  := a text in double quotes with the escapes of JSON | anything up to a blank or ")" or "]"
//! ```
//!
//! `and` binds closer than `or`, as in SCIM, from which the operators come; the specification says nothing of it.

/// A filter, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// One of them.
    Or(Vec<Filter>),
    /// Not it.
    Not(Box<Filter>),
    /// A comparison.
    Test(Path, Operator, String),
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// A parameter.
    Parameter(String),
    /// What the resources referred to have, of those that meet the filter.
    Chain {
        /// A reference parameter.
        code: String,
        /// The type that it shall refer to.
        of_type: Option<String>,
        /// What stands in brackets.
        filter: Option<Box<Filter>>,
        /// What follows.
        rest: Box<Path>,
    },
    /// What those have that refer here.
    Has {
        /// Their type.
        of_type: String,
        /// By this reference parameter.
        code: String,
        /// What follows.
        rest: Box<Path>,
    },
}

macro_rules! operators {
    ($($name:ident $word:literal $about:literal),* $(,)?) => {
        /// How it is compared; each is about one value of the resource: it is met where one of them meets it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Operator { $(#[doc = $about] $name),* }

        impl Operator {
            /// All of them, as they are written.
            pub(crate) const WORDS: &'static [&'static str] = &[$($word),*];

            fn of(word: &str) -> Option<Operator> {
                match word { $($word => Some(Operator::$name),)* _ => None }
            }

            /// As it is written.
            pub(crate) fn word(self) -> &'static str {
                match self { $(Operator::$name => $word),* }
            }
        }
    };
}

operators! {
    Eq "eq" "equal", Ne "ne" "unequal", Co "co" "contains", Sw "sw" "begins with", Ew "ew" "ends with",
    Gt "gt" "reaches above", Lt "lt" "reaches below", Ge "ge" "reaches above or is contained", Le "le" "reaches below or is contained",
    Ap "ap" "is about there", Sa "sa" "lies all above", Eb "eb" "lies all below", Pr "pr" "is there, or is not",
    Po "po" "overlaps", Ss "ss" "is subsumed by what is asked", Sb "sb" "subsumes what is asked", In "in" "is in a value set",
    Ni "ni" "no value is in a value set", Re "re" "refers to",
}

/// Filters within filters.
const DEPTH: usize = 32;

/// Takes a filter apart.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn parse(text: &str) -> Result<Filter, String> {
    let mut reader = Reader { text, at: 0 };
    let filter = reader.or(DEPTH)?;
    reader.blanks();
    match reader.rest() {
        "" => Ok(filter),
        _ => Err(reader.expected("and, or, or the end")),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn expected(&self, what: &str) -> String {
        format!(
            "{what} is expected at character {}",
            self.text.get(..self.at).map_or(0, |text| text.chars().count()) + 1
        )
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    fn while_is(&mut self, is: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|character| !is(character)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    /// A word that stands alone.
    fn keyword(&mut self, word: &str) -> bool {
        let before = self.at;
        self.blanks();
        let found = self.while_is(|character| character.is_ascii_alphabetic()) == word
            && self.rest().starts_with(|next: char| next.is_whitespace() || next == '(');
        if !found {
            self.at = before;
        }
        found
    }

    fn or(&mut self, depth: usize) -> Result<Filter, String> {
        if depth == 0 {
            return Err(self.expected("a filter that is less deep"));
        }
        let mut all = vec![self.and(depth)?];
        while self.keyword("or") {
            all.push(self.and(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::Or(all) })
    }

    fn and(&mut self, depth: usize) -> Result<Filter, String> {
        let mut all = vec![self.factor(depth)?];
        while self.keyword("and") {
            all.push(self.factor(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn factor(&mut self, depth: usize) -> Result<Filter, String> {
        let negated = self.keyword("not");
        self.blanks();
        if self.take("(") {
            let inner = self.or(depth - 1)?;
            self.blanks();
            if !self.take(")") {
                return Err(self.expected(")"));
            }
            return Ok(if negated { Filter::Not(Box::new(inner)) } else { inner });
        }
        if negated {
            return Err(self.expected("("));
        }
        let path = self.path(depth)?;
        self.blanks();
        let operator = Operator::of(self.while_is(|character| character.is_ascii_alphabetic()));
        let known = format!("one of {}", Operator::WORDS.join(", "));
        let operator = operator.filter(|_| self.rest().starts_with(char::is_whitespace));
        let operator = operator.ok_or_else(|| self.expected(&known))?;
        self.blanks();
        Ok(Filter::Test(path, operator, self.value()?))
    }

    fn path(&mut self, depth: usize) -> Result<Path, String> {
        if depth == 0 {
            return Err(self.expected("a shorter path"));
        }
        let part = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
        if self.take("_has:") {
            let of_type = self.while_is(part).to_owned();
            let first = self.take(":");
            let code = self.while_is(part).to_owned();
            if !first || !self.take(":") || of_type.is_empty() || code.is_empty() {
                return Err(self.expected("_has:Type:reference:parameter"));
            }
            return Ok(Path::Has { of_type, code, rest: Box::new(self.path(depth - 1)?) });
        }
        let code = self.while_is(part).to_owned();
        if code.is_empty() {
            return Err(self.expected("a search parameter"));
        }
        let of_type = self.take(":").then(|| self.while_is(part).to_owned());
        let mut filter = None;
        if self.take("[") {
            filter = Some(Box::new(self.or(depth - 1)?));
            self.blanks();
            if !self.take("]") {
                return Err(self.expected("]"));
            }
        }
        if self.take(".") {
            return Ok(Path::Chain { code, of_type, filter, rest: Box::new(self.path(depth - 1)?) });
        }
        if filter.is_some() || of_type.is_some() {
            return Err(self.expected(". and what the resource referred to must have"));
        }
        Ok(Path::Parameter(code))
    }

    fn value(&mut self) -> Result<String, String> {
        if !self.rest().starts_with('"') {
            let word = self.while_is(|character| !character.is_whitespace() && !")]".contains(character));
            return if word.is_empty() { Err(self.expected("a value")) } else { Ok(word.to_owned()) };
        }
        let mut value = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += at + 1;
                    return Ok(value);
                }
                '\\' => value.push(match characters.next().map(|(_, escaped)| escaped) {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('b') => '\u{8}',
                    Some('f') => '\u{c}',
                    Some('u') => {
                        let digits: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                        code.ok_or_else(|| self.expected("a text with known escapes"))?
                    }
                    Some(escaped @ ('"' | '\\' | '/')) => escaped,
                    _ => return Err(self.expected("a text with known escapes")),
                }),
                character => value.push(character),
            }
        }
        Err(self.expected("a text that ends"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(code: &str, operator: Operator, value: &str) -> Filter {
        Filter::Test(Path::Parameter(code.to_owned()), operator, value.to_owned())
    }

    #[test]
    fn the_forms_of_the_specification_are_read() {
        let given = test("given", Operator::Eq, "peter");
        let birth = test("birthdate", Operator::Ge, "2014-10-10");
        assert_eq!(
            parse(r#"given eq "peter" and birthdate ge 2014-10-10"#).unwrap(),
            Filter::And(vec![given.clone(), birth.clone()])
        );
        let mixed = parse(r#"a eq 1 or given eq "peter" and birthdate ge 2014-10-10"#).unwrap();
        let both = Filter::And(vec![given.clone(), birth]);
        assert_eq!(mixed, Filter::Or(vec![test("a", Operator::Eq, "1"), both]));
        assert_eq!(parse(r#" not ( given eq "peter" ) "#).unwrap(), Filter::Not(Box::new(given)));
        let chain =
            parse(r#"(subject:Patient[gender eq male and not(active eq false)].name co "pe\"t\u0065")"#).unwrap();
        let Filter::Test(Path::Chain { code, of_type, filter, rest }, Operator::Co, value) = chain else { panic!() };
        assert_eq!((code.as_str(), of_type.as_deref(), value.as_str()), ("subject", Some("Patient"), "pe\"te"));
        assert_eq!(*rest, Path::Parameter("name".to_owned()));
        assert!(matches!(filter.as_deref(), Some(Filter::And(all)) if all.len() == 2));
        let has = parse("_has:Observation:patient:code eq http://loinc.org|1234-5").unwrap();
        assert!(matches!(has, Filter::Test(Path::Has { .. }, Operator::Eq, _)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, place) in [
            ("", "character 1"),
            ("given", "character 6"),
            ("given is x", "one of eq, ne"),
            ("given eq", "one of eq"),
            ("given eq \"x", "ends"),
            ("(given eq x", ") is expected"),
            ("given eq x birthdate eq y", "character 12"),
            ("not given eq x", "( is expected"),
            ("subject[active eq true] eq x", ". and what"),
            ("_has:Observation:patient eq x", "_has:Type"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(place), "{text}: {error}");
        }
        assert!(parse(&"(".repeat(10_000)).is_err());
        assert!(parse(&format!("{} eq 1", "a.".repeat(10_000))).is_err());
    }
}
