//! Questionnaire: conditions of items lead to other items, not into the item itself
//! (<http://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen>).

use model::{Element, IssueType};

use crate::pass::Pass;

/// Holds the conditions of every item against the items there are.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, questionnaire: Element<'t>) {
    let items: Vec<Element<'t>> =
        questionnaire.descendants().into_iter().filter(|element| element.name() == "item").collect();
    for item in &items {
        for condition in item.all("enableWhen") {
            let Some(question) = condition.text_at("question") else { continue };
            let asked = items.iter().find(|other| other.text_at("linkId") == Some(question));
            match asked {
                None => pass.error(IssueType::BusinessRule, *item, "questionnaire", || {
                    format!("There is no item '{question}' that enableWhen asks for.")
                }),
                Some(asked) if *asked == *item => pass.error(IssueType::BusinessRule, *item, "questionnaire", || {
                    "An item may not depend on itself.".into()
                }),
                Some(asked) if is_within(*asked, *item) => {
                    pass.error(IssueType::BusinessRule, *item, "questionnaire", || {
                        format!("An item may not depend on '{question}', which stands in it.")
                    });
                }
                Some(_) => {}
            }
        }
    }
}

fn is_within(inner: Element<'_>, outer: Element<'_>) -> bool {
    let mut at = inner.parent();
    while let Some(parent) = at {
        if parent == outer {
            return true;
        }
        at = parent.parent();
    }
    false
}
