//! Text to tokens: <http://hl7.org/fhirpath/N1/#lexical-elements>. Comments and white space are left out.

use model::Decimal;

use crate::error::CompileError;
use crate::value::{Date, DateTime, Time};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// An identifier or keyword as written.
    Word(String),
    /// An identifier in back-ticks (or double quotes): never a keyword.
    Delimited(String),
    String(String),
    Integer(i64),
    Decimal(Decimal),
    Date(Date),
    DateTime(DateTime),
    Time(Time),
    /// `%name`
    Variable(String),
    /// `$this`, `$index`, `$total`, without the sign.
    Dollar(String),
    Symbol(&'static str),
}

/// A token and the byte at which it begins.
pub(crate) type Spanned = (Token, usize);

const SYMBOLS: [&str; 22] =
    ["!=", "!~", "<=", ">=", ".", "[", "]", "(", ")", "{", "}", ",", "+", "-", "*", "/", "&", "|", "<", ">", "=", "~"];

pub(crate) fn tokens(text: &str) -> Result<Vec<Spanned>, CompileError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut found = Vec::new();
    loop {
        lexer.skip_blank()?;
        if lexer.at >= text.len() {
            return Ok(found);
        }
        let start = lexer.at;
        found.push((lexer.token()?, start));
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error(&self, message: impl Into<String>) -> CompileError {
        CompileError { message: message.into(), offset: self.at }
    }

    /// Takes the text as long as `keep` holds.
    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Takes exactly `count` digits.
    fn take_digits(&mut self, count: usize) -> bool {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let enough = digits >= count;
        if enough {
            self.at += count;
        }
        enough
    }

    fn skip_blank(&mut self) -> Result<(), CompileError> {
        loop {
            self.take_while(char::is_whitespace);
            let rest = self.rest();
            if rest.starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) if end >= 2 => self.at += end + 2,
                    Some(_) => match rest.get(3..).and_then(|inner| inner.find("*/")) {
                        Some(end) => self.at += end + 5,
                        None => return Err(self.error("the comment has no end")),
                    },
                    None => return Err(self.error("the comment has no end")),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token, CompileError> {
        match self.peek() {
            Some('\'') => Ok(Token::String(self.quoted('\'')?)),
            Some(quote @ ('`' | '"')) => Ok(Token::Delimited(self.quoted(quote)?)),
            Some('@') => self.moment(),
            Some('%') => self.variable(),
            Some('$') => {
                self.at += 1;
                let word = self.word();
                match word {
                    "this" | "index" | "total" => Ok(Token::Dollar(word.to_owned())),
                    _ => Err(self.error(format!("'${word}' is none of $this, $index, $total"))),
                }
            }
            Some(c) if c.is_ascii_digit() => self.number(),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => Ok(Token::Word(self.word().to_owned())),
            Some(c) => {
                let rest = self.rest();
                let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                let symbol = symbol.ok_or_else(|| self.error(format!("'{c}' has no place in FHIRPath")))?;
                self.at += symbol.len();
                Ok(Token::Symbol(symbol))
            }
            None => Err(self.error("the expression ends too early")),
        }
    }

    fn word(&mut self) -> &'a str {
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    fn variable(&mut self) -> Result<Token, CompileError> {
        self.at += 1;
        match self.peek() {
            Some(quote @ ('`' | '\'' | '"')) => Ok(Token::Variable(self.quoted(quote)?)),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                // The names of FHIR's variables may hold a hyphen: %us-zip, %vs-name, %ext-name.
                let special = ["vs-", "ext-", "us-zip"].iter().any(|start| self.rest().starts_with(start));
                let name = if special {
                    self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
                } else {
                    self.word()
                };
                Ok(Token::Variable(name.to_owned()))
            }
            _ => Err(self.error("a name is missing behind '%'")),
        }
    }

    fn number(&mut self) -> Result<Token, CompileError> {
        let start = self.at;
        self.take_while(|c| c.is_ascii_digit());
        let mut rest = self.rest().chars();
        let fraction = rest.next() == Some('.') && rest.next().is_some_and(|c| c.is_ascii_digit());
        if fraction {
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let number = if fraction {
            Decimal::parse(text).map(Token::Decimal)
        } else {
            let number = text.parse().ok().map(Token::Integer);
            // The long suffix of later FHIRPath versions: 5L.
            if self.rest().strip_prefix('L').is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric())) {
                self.at += 1;
            }
            number
        };
        number.ok_or_else(|| CompileError { message: format!("the number {text} is too long"), offset: start })
    }

    /// `@2015`, `@2015T`, `@2015-02-04T14:34:28.123+10:00`, `@T14:34`
    fn moment(&mut self) -> Result<Token, CompileError> {
        let offset = self.at;
        let fault = |text: &str| CompileError { message: format!("'{text}' is no date, dateTime or time"), offset };
        self.at += 1;
        if self.rest().starts_with('T') {
            self.at += 1;
            let start = self.at;
            self.clock();
            let text = self.text.get(start..self.at).unwrap_or_default();
            return Time::parse(text).map(Token::Time).ok_or_else(|| fault(text));
        }
        let start = self.at;
        if self.take_digits(4) {
            for _ in 0..2 {
                let before = self.at;
                if !self.rest().starts_with('-') {
                    break;
                }
                self.at += 1;
                if !self.take_digits(2) {
                    self.at = before;
                    break;
                }
            }
        }
        let date = self.text.get(start..self.at).unwrap_or_default();
        if !self.rest().starts_with('T') {
            return Date::parse(date).map(Token::Date).ok_or_else(|| fault(date));
        }
        self.at += 1;
        let clock = self.at;
        self.clock();
        if self.at == clock {
            return DateTime::parse(date).map(Token::DateTime).ok_or_else(|| fault(date));
        }
        if self.rest().starts_with('Z') {
            self.at += 1;
        } else {
            let before = self.at;
            let signed = self.rest().starts_with(['+', '-']);
            self.at += usize::from(signed);
            let zone = signed && self.take_digits(2) && self.rest().starts_with(':') && {
                self.at += 1;
                self.take_digits(2)
            };
            if !zone {
                self.at = before;
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        DateTime::parse(text).map(Token::DateTime).ok_or_else(|| fault(text))
    }

    /// Takes `hh[:mm[:ss[.fff]]]`.
    fn clock(&mut self) {
        if !self.take_digits(2) {
            return;
        }
        for _ in 0..2 {
            let before = self.at;
            if !self.rest().starts_with(':') {
                return;
            }
            self.at += 1;
            if !self.take_digits(2) {
                self.at = before;
                return;
            }
        }
        let rest = self.rest();
        if rest.starts_with('.') && rest.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
    }

    /// The text between quotes, its escapes read. A backslash before any other character is left out.
    fn quoted(&mut self, quote: char) -> Result<String, CompileError> {
        let start = self.at;
        self.at += 1;
        let mut units: Vec<u16> = Vec::new();
        let mut text = String::new();
        loop {
            let c = self.peek();
            let c = c.ok_or_else(|| CompileError { message: "the quotes have no end".into(), offset: start })?;
            self.at += c.len_utf8();
            if c == '\\' && self.rest().starts_with('u') {
                let unit = self.rest().get(1..5).and_then(|hex| u16::from_str_radix(hex, 16).ok());
                units.push(unit.ok_or_else(|| self.error("four hexadecimal digits are missing behind '\\u'"))?);
                self.at += 5;
                continue;
            }
            text.extend(char::decode_utf16(units.drain(..)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
            match c {
                '\\' => {
                    let escaped = self.peek().ok_or_else(|| self.error("the quotes have no end"))?;
                    self.at += escaped.len_utf8();
                    text.push(match escaped {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'f' => '\u{c}',
                        other => other,
                    });
                }
                c if c == quote => return Ok(text),
                c => text.push(c),
            }
        }
    }
}
