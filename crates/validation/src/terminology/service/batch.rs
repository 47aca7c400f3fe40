//! `$batch-validate-code`: many questions in one request, as terminology clients ask them. Each `validation` parameter is
//! a Parameters of its own; what the request says outside of them holds for all.

use model::{Element, Tree};

use super::asked::parameters;
use super::finding::{Failure, outcome};
use super::{Service, Terminology};

/// `$batch-validate-code`: Parameters in, Parameters out, answers in the order of the questions.
///
/// # Errors
/// There is no question. What is wrong with one question is its own answer.
pub fn batch_validate_code(
    terms: &Terminology,
    request: Element<'_>,
    accept_language: Option<&str>,
) -> Result<Tree, Failure> {
    let mut tree = Tree::new("Parameters");
    let shared = Service::new(terms, request, accept_language)?;
    let mut any = false;
    for question in parameters(request, "validation") {
        any = true;
        let whole = together(request, question);
        let answer = answer(&shared.terms, whole.root(), accept_language);
        let answer = answer.unwrap_or_else(|failure| outcome(&failure.findings));
        let mut root = tree.edit();
        root.item("parameter").set("name", "validation").copy_as("resource", answer.root(), false);
    }
    match any {
        true => Ok(tree),
        false => Err(Failure::malformed("There is no parameter validation")),
    }
}

/// A question with the parameters that hold for all.
fn together(request: Element<'_>, question: Element<'_>) -> Tree {
    let mut tree = Tree::new("Parameters");
    let mut root = tree.edit();
    let own: Vec<Element<'_>> = question.all("parameter").collect();
    for parameter in &own {
        root.copy(*parameter);
    }
    for parameter in request.all("parameter") {
        let name = parameter.text_at("name").unwrap_or_default();
        let overridden = own.iter().any(|own| own.text_at("name") == Some(name));
        if !overridden && !matches!(name, "validation" | "tx-resource") {
            root.copy(parameter);
        }
    }
    tree
}

fn answer(terms: &Terminology, request: Element<'_>, accept_language: Option<&str>) -> Result<Tree, Failure> {
    let mut service = Service::new(terms, request, accept_language)?;
    let has = |name: &str| parameters(request, name).next().is_some();
    match has("valueSet") || (has("url") && !has("codeSystem")) {
        true => service.validate_code(request),
        false => service.validate_code_in_system(request),
    }
}
