//! A parsed expression, before anything is known of types: <http://hl7.org/fhirpath/N1/#syntax>.

use crate::item::Item;

/// An expression with the byte at which it begins and its height as a tree.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) kind: Kind,
    pub(crate) offset: usize,
    pub(crate) height: usize,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// A literal, or `{}` where there is none.
    Literal(Option<Item<'static>>),
    /// `$this`
    This,
    /// `$index`
    Index,
    /// `$total`
    Total,
    /// `%name`
    Variable(String),
    /// `input.name`; without an input the name applies to `$this`.
    Member { input: Option<Box<Expr>>, name: String },
    /// `input.name(arguments)`
    Call { input: Option<Box<Expr>>, name: String, arguments: Vec<Argument> },
    /// `input[index]`
    Indexer { input: Box<Expr>, index: Box<Expr> },
    /// `-operand`
    Negate(Box<Expr>),
    /// `+operand`
    Plus(Box<Expr>),
    /// `left operator right`
    Binary { operator: Operator, left: Box<Expr>, right: Box<Expr> },
    /// `a or b or c`: two or more operands of `and`, `or` or `|`, which may be read in one row.
    Chain { operator: Operator, operands: Vec<Expr> },
    /// `operand is type`
    Is { operand: Box<Expr>, ty: TypeSpecifier },
    /// `operand as type`
    As { operand: Box<Expr>, ty: TypeSpecifier },
}

/// An argument of a function; only `sort` gives it a direction.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) expr: Expr,
    /// `desc` stood behind it.
    pub(crate) descending: bool,
}

/// `Patient`, `FHIR.Patient`, `System.Integer`
#[derive(Debug, Clone)]
pub(crate) struct TypeSpecifier {
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    pub(crate) offset: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Multiply,
    Divide,
    Div,
    Mod,
    Add,
    Subtract,
    Concatenate,
    Union,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Equivalent,
    NotEquivalent,
    In,
    Contains,
    And,
    Or,
    Xor,
    Implies,
}

/// Each operator with its text and how strongly it binds; `is` and `as` have 7, a sign 10.
const OPERATORS: [(Operator, &str, u8); 22] = [
    (Operator::Multiply, "*", 9),
    (Operator::Divide, "/", 9),
    (Operator::Div, "div", 9),
    (Operator::Mod, "mod", 9),
    (Operator::Add, "+", 8),
    (Operator::Subtract, "-", 8),
    (Operator::Concatenate, "&", 8),
    (Operator::Union, "|", 6),
    (Operator::Less, "<", 5),
    (Operator::LessOrEqual, "<=", 5),
    (Operator::Greater, ">", 5),
    (Operator::GreaterOrEqual, ">=", 5),
    (Operator::Equal, "=", 4),
    (Operator::NotEqual, "!=", 4),
    (Operator::Equivalent, "~", 4),
    (Operator::NotEquivalent, "!~", 4),
    (Operator::In, "in", 3),
    (Operator::Contains, "contains", 3),
    (Operator::And, "and", 2),
    (Operator::Or, "or", 1),
    (Operator::Xor, "xor", 1),
    (Operator::Implies, "implies", 0),
];

impl Operator {
    /// The operator that is written so, and how strongly it binds.
    pub(crate) fn written(text: &str) -> Option<(Operator, u8)> {
        OPERATORS.iter().find(|row| row.1 == text).map(|row| (row.0, row.2))
    }

    /// How it is written.
    pub(crate) fn text(self) -> &'static str {
        OPERATORS.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// Whether `(a . b) . c` and `a . (b . c)` are the same, so that a row of any length is one node.
    pub(crate) fn is_chain(self) -> bool {
        matches!(self, Operator::And | Operator::Or | Operator::Union)
    }
}
