//! QuestionnaireResponse against its Questionnaire: which items there may be, in which order, which must have answers
//! (<http://hl7.org/fhir/R4/questionnaireresponse.html#notes>). The answers themselves: [`answer`](super::answer).

use std::collections::HashMap;
use std::sync::Arc;

use model::{Element, IssueType, Tree};

use super::answer;
use crate::pass::Pass;

/// Holds a response against its questionnaire, where that is contained or in the catalog.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, response: Element<'t>) {
    let Some(reference) = response.get("questionnaire") else { return };
    let Some(canonical) = reference.text() else { return };
    let kept: Arc<Tree>;
    let questionnaire = match canonical.strip_prefix('#') {
        Some(id) => response.all("contained").find(|one| one.text_at("id") == Some(id)),
        None => match pass.programs.catalog.resource("Questionnaire", canonical).map(|found| found.tree()) {
            Some(Ok(tree)) => {
                kept = tree;
                Some(kept.root())
            }
            _ => None,
        },
    };
    let Some(questionnaire) = questionnaire.filter(|found| found.resource_type() == Some("Questionnaire")) else {
        if pass.programs.catalog.any_resource(canonical).is_none() {
            pass.warning(IssueType::NotFound, reference, "questionnaire", || {
                format!("The questionnaire {canonical} is not known; the answers were not checked against it.")
            });
        }
        return;
    };
    let form = Form { response, finished: response.text_at("status") != Some("in-progress"), questionnaire };
    form.items(pass, questionnaire, response);
}

/// A questionnaire with a response to it.
pub(super) struct Form<'q, 't> {
    response: Element<'t>,
    finished: bool,
    pub(super) questionnaire: Element<'q>,
}

impl<'t> Form<'_, 't> {
    /// The items of one level: `asked` holds their definitions, `given` the responses.
    fn items(&self, pass: &mut Pass<'_, 't>, asked: Element<'_>, given: Element<'t>) {
        let definitions: Vec<Element<'_>> = asked.all("item").collect();
        let places: HashMap<&str, usize> = definitions
            .iter()
            .enumerate()
            .filter_map(|(place, item)| item.text_at("linkId").map(|link| (link, place)))
            .collect();
        let mut found: Vec<Vec<Element<'t>>> = vec![Vec::new(); definitions.len()];
        let mut latest = 0;
        for item in given.all("item") {
            let Some(link) = item.text_at("linkId") else { continue };
            let Some(place) = places.get(link).copied() else {
                self.unexpected(pass, item, link);
                continue;
            };
            if place < latest {
                pass.error(IssueType::Structure, item, "questionnaire", || {
                    format!("The item '{link}' is out of order.")
                });
            }
            latest = place;
            if let Some(list) = found.get_mut(place) {
                list.push(item);
            }
        }
        for (definition, items) in definitions.iter().zip(&found) {
            self.item(pass, *definition, items, given);
        }
    }

    fn unexpected(&self, pass: &mut Pass<'_, 't>, item: Element<'t>, link: &str) {
        let elsewhere = self
            .questionnaire
            .descendants()
            .iter()
            .any(|element| element.name() == "item" && element.text_at("linkId") == Some(link));
        pass.error(IssueType::Structure, item, "questionnaire", || match elsewhere {
            true => format!("The item '{link}' stands at the wrong place: the questionnaire has it elsewhere."),
            false => format!("The questionnaire has no item '{link}'."),
        });
    }

    fn item(&self, pass: &mut Pass<'_, 't>, definition: Element<'_>, items: &[Element<'t>], holder: Element<'t>) {
        let ty = definition.text_at("type").unwrap_or_default();
        let link = definition.text_at("linkId").unwrap_or_default();
        let enabled = self.is_enabled(pass, definition, holder);
        let answers: usize = items.iter().map(|item| item.all("answer").count()).sum();
        if !enabled
            && (answers > 0 || (ty == "group" && !items.is_empty() && items.iter().any(|item| has_answers(*item))))
        {
            for item in items {
                pass.error(IssueType::Invalid, *item, "questionnaire", || {
                    format!("The item '{link}' has answers, though it is not enabled.")
                });
            }
        }
        if enabled && self.finished && definition.text_at("required") == Some("true") {
            self.required(pass, ty, link, items, holder);
        }
        let repeats = definition.text_at("repeats") == Some("true");
        if items.len() > 1 && !(repeats && ty == "group") {
            let second = items.get(1).copied().unwrap_or(holder);
            pass.error(IssueType::Structure, second, "questionnaire", || {
                format!("There is only one item '{link}' allowed.")
            });
        }
        for item in items {
            self.content(pass, definition, *item, ty, repeats);
        }
    }

    fn required(&self, pass: &mut Pass<'_, 't>, ty: &str, link: &str, items: &[Element<'t>], holder: Element<'t>) {
        let missing = match ty {
            "display" => false,
            "group" => items.is_empty(),
            _ => !items.iter().any(|item| item.get("answer").is_some()),
        };
        if missing {
            let place = items.first().copied().unwrap_or(holder);
            pass.error(IssueType::Required, place, "questionnaire", || {
                format!("The item '{link}' is required and has no answer.")
            });
        }
    }

    fn content(&self, pass: &mut Pass<'_, 't>, definition: Element<'_>, item: Element<'t>, ty: &str, repeats: bool) {
        let link = definition.text_at("linkId").unwrap_or_default();
        if let (Some(said), Some(asked)) = (item.text_at("text"), definition.text_at("text"))
            && said != asked
        {
            pass.warning(IssueType::Invalid, item, "questionnaire", || {
                format!("The text of the item '{link}' is not that of the questionnaire, '{asked}'.")
            });
        }
        let answers: Vec<Element<'t>> = item.all("answer").collect();
        let refuses = matches!(ty, "group" | "display" | "question");
        if refuses && !answers.is_empty() {
            pass.error(IssueType::Structure, item, "questionnaire", || format!("An item of type {ty} has no answers."));
        }
        if answers.len() > 1 && !repeats && !refuses {
            pass.error(IssueType::Structure, item, "questionnaire", || {
                format!("The item '{link}' may have only one answer, but has {}.", answers.len())
            });
        }
        if ty == "display" && item.get("item").is_some() {
            pass.error(IssueType::Structure, item, "questionnaire", || "A display has no items.".into());
        }
        if !refuses {
            answer::count(pass, definition, item, answers.len());
            for one in &answers {
                answer::check(pass, self, definition, *one, ty);
                self.items(pass, definition, *one);
            }
            if answers.is_empty() && item.get("item").is_some() {
                self.items(pass, definition, item);
            }
        } else {
            self.items(pass, definition, item);
        }
    }

    /// Whether the conditions of an item hold: <http://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen>.
    fn is_enabled(&self, pass: &Pass<'_, 't>, definition: Element<'_>, holder: Element<'t>) -> bool {
        let mut conditions = definition.all("enableWhen").peekable();
        if conditions.peek().is_none() {
            return true;
        }
        let any = definition.text_at("enableBehavior") != Some("all");
        let mut outcomes = conditions.map(|condition| self.holds(pass, condition, holder));
        if any { outcomes.any(|holds| holds) } else { outcomes.all(|holds| holds) }
    }

    fn holds(&self, pass: &Pass<'_, 't>, condition: Element<'_>, holder: Element<'t>) -> bool {
        let question = condition.text_at("question").unwrap_or_default();
        let Some(wanted) = condition.children().find(|child| child.name().starts_with("answer")) else { return true };
        let answers: Vec<Element<'t>> =
            self.find(question, holder).iter().flat_map(|item| item.all("answer")).collect();
        let operator = condition.text_at("operator").unwrap_or_default();
        if operator == "exists" {
            return answers.is_empty() == (wanted.text() == Some("false"));
        }
        let values = answers.iter().filter_map(|answer| answer::value(*answer));
        let mut outcomes = values.map(|value| answer::compares(pass, value, operator, wanted));
        match operator {
            "!=" => !answers.is_empty() && outcomes.all(|holds| holds),
            _ => outcomes.any(|holds| holds),
        }
    }

    /// The items of a link id, those nearest to `holder`.
    fn find(&self, link: &str, holder: Element<'t>) -> Vec<Element<'t>> {
        let mut at = Some(holder);
        while let Some(here) = at {
            let found: Vec<Element<'t>> =
                below(here).into_iter().filter(|item| item.text_at("linkId") == Some(link)).collect();
            if !found.is_empty() || here == self.response {
                return found;
            }
            at = here.parent();
        }
        Vec::new()
    }
}

/// All items below an element.
fn below(element: Element<'_>) -> Vec<Element<'_>> {
    element.descendants().into_iter().filter(|one| one.name() == "item").collect()
}

fn has_answers(item: Element<'_>) -> bool {
    item.descendants().iter().any(|one| one.name() == "answer")
}
