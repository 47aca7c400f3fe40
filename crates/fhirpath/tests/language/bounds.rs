//! No text and no tree makes the engine panic, run on or overflow the stack.

use fhirpath::{Environment, Expression, Fault, Prepared};
use model::{Shapes, Tree};

use crate::{CATALOG, evaluate, patient};

#[test]
fn broken_expressions_say_where() {
    for (text, offset) in [
        ("", 0),
        ("name.", 5),
        ("name..given", 5),
        ("(1", 2),
        ("1 +", 3),
        ("'open", 0),
        ("name[", 5),
        ("name given", 5),
        ("@2024-13-01", 0),
        ("%", 1),
        ("$that", 5),
        ("a ? b", 2),
        ("/* open", 0),
        ("'\\u12'", 2),
        ("99999999999999999999", 0),
    ] {
        let error = Expression::compile(text, &model::NoShapes, None).unwrap_err();
        assert_eq!(error.offset, offset, "{text}: {error}");
    }
}

#[test]
fn deep_expressions_are_refused_and_deep_enough_ones_evaluated() {
    let small_stack = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {
        for text in [
            format!("{}1{}", "(".repeat(5000), ")".repeat(5000)),
            format!("name{}", ".given".repeat(5000)),
            format!("1{}", " + 1".repeat(5000)),
            format!("{}1", "-".repeat(5000)),
            format!("{}1{}", "iif(true, ".repeat(5000), ")".repeat(5000)),
        ] {
            assert!(evaluate(&text).contains("nests deeper than 160"), "{}", &text[..40]);
        }
        assert_eq!(evaluate(&format!("{}1{}", "(".repeat(100), ")".repeat(100))), "1");
        assert_eq!(evaluate(&format!("1{}", " + 1".repeat(150))), "151");
        for operator in ["and", "or", "|"] {
            assert_eq!(evaluate(&format!("true{}", format!(" {operator} true").repeat(5000))), "true");
        }
        assert_eq!(evaluate(&format!("{}1{}", "iif(true, ".repeat(70), ")".repeat(70))), "1");
        assert_eq!(evaluate(&format!("name{}", ".select($this)".repeat(150))).matches("Patient").count(), 2);
        let nested = format!("{}true{}", "name.where(".repeat(75), ")".repeat(75));
        assert_eq!(evaluate(&nested), "");
    });
    small_stack.unwrap().join().unwrap();
}

#[test]
fn work_without_end_stops_at_the_limit() {
    let shapes: &dyn Shapes = &*CATALOG;
    let tree = patient();
    let prepared = Prepared::new(&tree, shapes);
    let environment = Environment::new(&prepared).with_steps(100_000);
    for text in [
        "1.repeat($this + 1)",
        "1.repeatAll($this)",
        "'a'.repeat($this & $this)",
        "'a'.repeat($this.replace('a', 'aa'))",
        "(1 | 2).repeatAll(1 | 2)",
        "descendants().where(%resource.descendants().where(%resource.descendants().exists(nonsense)).exists())",
        "name.repeatAll(descendants() | %resource.descendants())",
        "(1 | 2 | 3 | 4 | 5 | 6).where('a'.matches($this.toString())).empty()",
    ] {
        let expression = Expression::compile(text, shapes, None).unwrap();
        let error = expression.evaluate(tree.root(), &environment).unwrap_err();
        assert_eq!(error.fault, Fault::Limit, "{text}: {error}");
    }
}

const PIECES: [&str; 60] = [
    "name",
    ".",
    "given",
    "(",
    ")",
    "[",
    "]",
    "0",
    "1",
    "-1",
    "1.5",
    "'a'",
    "'",
    "`",
    "\"",
    "\\",
    "@2024",
    "@T10",
    "@",
    "T",
    ":",
    "Z",
    "+",
    "-",
    "*",
    "/",
    "div",
    "mod",
    "&",
    "|",
    "=",
    "~",
    "!=",
    "<",
    ">=",
    "and",
    "or",
    "implies",
    "is",
    "as",
    "in",
    "contains",
    "where(",
    "select(",
    "$this",
    "$index",
    "%resource",
    "%",
    "{}",
    "{",
    "}",
    ",",
    " ",
    "day",
    "'kg'",
    "Patient",
    "ofType(",
    "é",
    "repeat(",
    "first()",
];

#[test]
fn an_order_with_gaps_does_not_stop_the_sort() {
    let dates: Vec<String> = (0..60).map(|n| format!("@20{:02}{}", n % 7, ["", "-01", "-02-03"][n % 3])).collect();
    assert_eq!(evaluate(&format!("('x' | {}).skip(1).sort().count()", dates.join(" | "))), "21");
}

#[test]
fn an_expression_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Expression>();
}

/// Joins pieces of expressions at random, but the same ones each time.
#[test]
fn no_text_makes_it_panic() {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    let shapes: &dyn Shapes = &*CATALOG;
    let tree = patient();
    let prepared = Prepared::new(&tree, shapes);
    let environment = Environment::new(&prepared).with_steps(20_000);
    let mut evaluated = 0;
    for _ in 0..20_000 {
        let count = 1 + next(9);
        let text: String = (0..count).map(|_| PIECES[next(PIECES.len())]).collect();
        if let Ok(expression) = Expression::compile(&text, shapes, None) {
            evaluated += 1;
            let _ = expression.evaluate(tree.root(), &environment);
        }
    }
    assert!(evaluated > 500, "only {evaluated} of the texts are expressions");
}

const OPERANDS: [&str; 26] = [
    "{}",
    "1",
    "(-1)",
    "0",
    "9223372036854775807",
    "1.5",
    "0.0",
    "(1e)",
    "123456789012345678901234567890.5",
    "'a'",
    "''",
    "'é😀'",
    "'('",
    "true",
    "@2024",
    "@2024-02-29",
    "@9999-12-31T23:59:59.999Z",
    "@0001-01-01",
    "@T23:59:59.999",
    "1 'kg'",
    "1 year",
    "1 'nonsense'",
    "name",
    "gender",
    "extension.value",
    "(1 | 'a' | name)",
];
const FUNCTIONS: [&str; 40] = [
    "substring",
    "indexOf",
    "lastIndexOf",
    "replaceMatches",
    "matches",
    "split",
    "join",
    "encode",
    "decode",
    "escape",
    "unescape",
    "power",
    "log",
    "round",
    "lowBoundary",
    "highBoundary",
    "precision",
    "comparable",
    "toQuantity",
    "toString",
    "toDate",
    "toDateTime",
    "toTime",
    "toDecimal",
    "toInteger",
    "sqrt",
    "exp",
    "ln",
    "abs",
    "ceiling",
    "truncate",
    "skip",
    "take",
    "sort",
    "aggregate",
    "combine",
    "intersect",
    "extension",
    "resolve",
    "htmlChecks",
];
const OPERATORS: [&str; 12] = ["+", "-", "*", "/", "div", "mod", "&", "|", "<", "=", "~", "in"];

/// Every function with every kind of input and argument: an answer or an error, never a panic.
#[test]
fn no_operand_makes_it_panic() {
    let shapes: &dyn Shapes = &*CATALOG;
    let tree: Tree = patient();
    let prepared = Prepared::new(&tree, shapes);
    let environment = Environment::new(&prepared).with_steps(100_000);
    let mut run = 0;
    let mut evaluate = |text: String| {
        if let Ok(expression) = Expression::compile(&text, shapes, None) {
            run += 1;
            let _ = expression.evaluate(tree.root(), &environment);
        }
    };
    for left in OPERANDS {
        for right in OPERANDS {
            for operator in OPERATORS {
                evaluate(format!("{left} {operator} {right}"));
            }
            for function in FUNCTIONS {
                evaluate(format!("({left}).{function}({right})"));
                evaluate(format!("({left}).{function}({right}, {right})"));
            }
        }
        for function in FUNCTIONS {
            evaluate(format!("({left}).{function}()"));
        }
    }
    assert!(run > 20_000, "{run}");
}
