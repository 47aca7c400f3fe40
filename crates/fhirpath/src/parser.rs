//! Tokens to a syntax tree, by precedence: <http://hl7.org/fhirpath/N1/#operator-precedence>.
//!
//! Bounds: an expression nests at most [`DEPTH`] deep, parentheses and chains counted, so that compiling and evaluating
//! need a known amount of stack.

use crate::ast::{Argument, Expr, Kind, Operator, TypeSpecifier};
use crate::error::CompileError;
use crate::item::{Item, Text};
use crate::lexer::{Spanned, Token, tokens};
use crate::value::{Calendar, Quantity, Unit};

/// How high a syntax tree may be.
pub(crate) const DEPTH: usize = 160;

pub(crate) fn parse(text: &str) -> Result<Expr, CompileError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, end: text.len(), depth: 0 };
    let expr = parser.expression(0)?;
    match parser.tokens.get(parser.at) {
        None => Ok(expr),
        Some((token, offset)) => {
            Err(CompileError { message: format!("{} is not expected here", shown(token)), offset: *offset })
        }
    }
}

struct Parser {
    tokens: Vec<Spanned>,
    at: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn offset(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |(_, offset)| *offset)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, CompileError> {
        Err(CompileError { message: message.into(), offset: self.offset() })
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol)
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), CompileError> {
        if self.accept(symbol) { Ok(()) } else { self.unexpected(&format!("'{symbol}'")) }
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, CompileError> {
        match self.peek() {
            Some(token) => self.error(format!("{wanted} is wanted here, not {}", shown(token))),
            None => self.error(format!("the expression ends where {wanted} is wanted")),
        }
    }

    fn node(&self, kind: Kind, offset: usize) -> Result<Expr, CompileError> {
        let height = 1 + kind.inner_height();
        if height > DEPTH {
            return Err(CompileError { message: too_deep(), offset });
        }
        Ok(Expr { kind, offset, height })
    }

    /// An expression whose operators bind at least as strongly as `least`.
    fn expression(&mut self, least: u8) -> Result<Expr, CompileError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.error(too_deep());
        }
        let mut left = self.signed()?;
        loop {
            let offset = self.offset();
            if let Some(is) = self.type_operator(least) {
                self.at += 1;
                let (operand, ty) = (Box::new(left), self.type_specifier()?);
                left = self.node(if is { Kind::Is { operand, ty } } else { Kind::As { operand, ty } }, offset)?;
                continue;
            }
            let Some((operator, strength)) = self.operator().filter(|(_, strength)| *strength >= least) else { break };
            self.at += 1;
            let right = self.expression(strength + 1)?;
            left = self.joined(operator, left, right, offset)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn joined(&self, operator: Operator, left: Expr, right: Expr, offset: usize) -> Result<Expr, CompileError> {
        if !operator.is_chain() {
            return self.node(Kind::Binary { operator, left: Box::new(left), right: Box::new(right) }, offset);
        }
        match left.kind {
            Kind::Chain { operator: known, mut operands } if known == operator => {
                let height = left.height.max(1 + right.height);
                operands.push(right);
                let mut chain = self.node(Kind::Chain { operator, operands: Vec::new() }, left.offset)?;
                chain.kind = Kind::Chain { operator, operands };
                chain.height = height;
                if height > DEPTH { self.error(too_deep()) } else { Ok(chain) }
            }
            _ => self.node(Kind::Chain { operator, operands: vec![left, right] }, offset),
        }
    }

    fn type_operator(&self, least: u8) -> Option<bool> {
        match self.peek()? {
            Token::Word(word) if least <= 7 => match word.as_str() {
                "is" => Some(true),
                "as" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        match self.peek()? {
            Token::Word(word) => Operator::written(word),
            Token::Symbol(symbol) => Operator::written(symbol),
            _ => None,
        }
    }

    fn signed(&mut self) -> Result<Expr, CompileError> {
        let offset = self.offset();
        let mut signs = Vec::new();
        loop {
            if self.accept("-") {
                signs.push(true);
            } else if self.accept("+") {
                signs.push(false);
            } else {
                break;
            }
        }
        let mut expr = self.path()?;
        for negative in signs.into_iter().rev() {
            let operand = Box::new(expr);
            expr = self.node(if negative { Kind::Negate(operand) } else { Kind::Plus(operand) }, offset)?;
        }
        Ok(expr)
    }

    /// A term with all its `.name`, `.function()` and `[index]`.
    fn path(&mut self) -> Result<Expr, CompileError> {
        let mut expr = self.term()?;
        loop {
            let offset = self.offset();
            if self.accept(".") {
                expr = self.invocation(Some(Box::new(expr)))?;
            } else if self.accept("[") {
                let index = Box::new(self.expression(0)?);
                self.expect("]")?;
                expr = self.node(Kind::Indexer { input: Box::new(expr), index }, offset)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn term(&mut self) -> Result<Expr, CompileError> {
        let offset = self.offset();
        if self.accept("(") {
            let inner = self.expression(0)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.accept("{") {
            self.expect("}")?;
            return self.node(Kind::Literal(None), offset);
        }
        let kind = match self.peek().cloned() {
            Some(Token::Word(word)) if word == "true" || word == "false" => {
                Kind::Literal(Some(Item::Boolean(word == "true")))
            }
            Some(Token::Word(_) | Token::Delimited(_)) => return self.invocation(None),
            Some(Token::String(text)) => Kind::Literal(Some(Item::String(Text::from(text)))),
            Some(Token::Integer(value)) => return self.number(Item::Integer(value), offset),
            Some(Token::Decimal(value)) => return self.number(Item::Decimal(value), offset),
            Some(Token::Date(value)) => Kind::Literal(Some(Item::Date(value))),
            Some(Token::DateTime(value)) => Kind::Literal(Some(Item::DateTime(value))),
            Some(Token::Time(value)) => Kind::Literal(Some(Item::Time(value))),
            Some(Token::Variable(name)) => Kind::Variable(name),
            Some(Token::Dollar(name)) => match name.as_str() {
                "this" => Kind::This,
                "index" => Kind::Index,
                _ => Kind::Total,
            },
            _ => return self.unexpected("a term"),
        };
        self.at += 1;
        self.node(kind, offset)
    }

    /// A number, or a quantity where a unit follows.
    fn number(&mut self, number: Item<'static>, offset: usize) -> Result<Expr, CompileError> {
        self.at += 1;
        let unit = match self.peek() {
            Some(Token::String(unit)) => Some(Unit::ucum(unit)),
            Some(Token::Word(word)) => Calendar::of_word(word).map(Unit::Calendar),
            _ => None,
        };
        let item = match (unit, number.decimal()) {
            (Some(unit), Some(value)) => {
                self.at += 1;
                Item::Quantity(Box::new(Quantity { value, unit }))
            }
            _ => number,
        };
        self.node(Kind::Literal(Some(item)), offset)
    }

    fn invocation(&mut self, input: Option<Box<Expr>>) -> Result<Expr, CompileError> {
        let offset = self.offset();
        let name = match self.peek() {
            Some(Token::Word(name) | Token::Delimited(name)) => name.clone(),
            Some(Token::Dollar(name)) if input.is_some() => {
                return self.error(format!("'${name}' does not stand behind a dot"));
            }
            _ => return self.unexpected("a name"),
        };
        self.at += 1;
        if !self.accept("(") {
            return self.node(Kind::Member { input, name }, offset);
        }
        let mut arguments = Vec::new();
        if !self.accept(")") {
            loop {
                arguments.push(self.argument(&name)?);
                if !self.accept(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        self.node(Kind::Call { input, name, arguments }, offset)
    }

    fn argument(&mut self, function: &str) -> Result<Argument, CompileError> {
        let expr = self.expression(0)?;
        let direction = match self.peek() {
            Some(Token::Word(word)) if function == "sort" && (word == "asc" || word == "desc") => Some(word == "desc"),
            _ => None,
        };
        self.at += usize::from(direction.is_some());
        Ok(Argument { expr, descending: direction == Some(true) })
    }

    fn type_specifier(&mut self) -> Result<TypeSpecifier, CompileError> {
        let offset = self.offset();
        let first = self.type_name()?;
        if self.is_symbol(".") && is_namespace(&first) {
            self.at += 1;
            return Ok(TypeSpecifier { namespace: Some(first), name: self.type_name()?, offset });
        }
        Ok(TypeSpecifier { namespace: None, name: first, offset })
    }

    fn type_name(&mut self) -> Result<String, CompileError> {
        match self.next() {
            Some(Token::Word(name) | Token::Delimited(name)) => Ok(name),
            _ => {
                self.at -= 1;
                self.unexpected("the name of a type")
            }
        }
    }
}

fn too_deep() -> String {
    format!("the expression nests deeper than {DEPTH}")
}

pub(crate) fn is_namespace(name: &str) -> bool {
    name == "FHIR" || name == "System"
}

impl Kind {
    fn inner_height(&self) -> usize {
        let of = |expr: &Option<Box<Expr>>| expr.as_ref().map_or(0, |expr| expr.height);
        match self {
            Kind::Literal(_) | Kind::This | Kind::Index | Kind::Total | Kind::Variable(_) => 0,
            Kind::Member { input, .. } => of(input),
            Kind::Call { input, arguments, .. } => {
                arguments.iter().map(|argument| argument.expr.height).max().unwrap_or(0).max(of(input))
            }
            Kind::Indexer { input, index } => input.height.max(index.height),
            Kind::Negate(operand) | Kind::Plus(operand) => operand.height,
            Kind::Binary { left, right, .. } => left.height.max(right.height),
            Kind::Chain { operands, .. } => operands.iter().map(|operand| operand.height).max().unwrap_or(0),
            Kind::Is { operand, .. } | Kind::As { operand, .. } => operand.height,
        }
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(text) | Token::Delimited(text) => format!("'{text}'"),
        Token::String(text) => format!("the string '{text}'"),
        Token::Integer(value) => format!("{value}"),
        Token::Decimal(value) => format!("{value}"),
        Token::Date(_) | Token::DateTime(_) | Token::Time(_) => "a date or time".to_owned(),
        Token::Variable(name) => format!("'%{name}'"),
        Token::Dollar(name) => format!("'${name}'"),
        Token::Symbol(symbol) => format!("'{symbol}'"),
    }
}
