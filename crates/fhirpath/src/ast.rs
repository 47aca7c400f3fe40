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

impl Operator {
    /// How strongly it binds; `is` and `as` have 7, a sign 10.
    pub(crate) fn strength(self) -> u8 {
        use Operator::*;
        match self {
            Multiply | Divide | Div | Mod => 9,
            Add | Subtract | Concatenate => 8,
            Union => 6,
            Less | LessOrEqual | Greater | GreaterOrEqual => 5,
            Equal | NotEqual | Equivalent | NotEquivalent => 4,
            In | Contains => 3,
            And => 2,
            Or | Xor => 1,
            Implies => 0,
        }
    }

    /// Whether `(a . b) . c` and `a . (b . c)` are the same, so that a row of any length is one node.
    pub(crate) fn is_chain(self) -> bool {
        matches!(self, Operator::And | Operator::Or | Operator::Union)
    }

    pub(crate) fn text(self) -> &'static str {
        use Operator::*;
        match self {
            Multiply => "*",
            Divide => "/",
            Div => "div",
            Mod => "mod",
            Add => "+",
            Subtract => "-",
            Concatenate => "&",
            Union => "|",
            Less => "<",
            LessOrEqual => "<=",
            Greater => ">",
            GreaterOrEqual => ">=",
            Equal => "=",
            NotEqual => "!=",
            Equivalent => "~",
            NotEquivalent => "!~",
            In => "in",
            Contains => "contains",
            And => "and",
            Or => "or",
            Xor => "xor",
            Implies => "implies",
        }
    }
}
