//! Answers of a QuestionnaireResponse: their type, bounds and options as the question has them
//! (<http://hl7.org/fhir/R4/questionnaire.html>, extensions of <http://hl7.org/fhir/R4/questionnaire-profiles.html>).

use std::cmp::Ordering;

use model::{Decimal, Element, IssueType, PartialDateTime, PartialTime};

use super::questionnaire_response::Form;
use crate::pass::Pass;
use crate::terminology::{Coding, Membership};

/// How many answers a question may have: extensions minOccurs and maxOccurs.
pub(super) fn count<'t>(pass: &mut Pass<'_, 't>, question: Element<'_>, item: Element<'t>, answers: usize) {
    let bound = |name: &str| setting(question, name)?.text()?.parse::<usize>().ok();
    if let Some(least) = bound("questionnaire-minOccurs").filter(|least| answers < *least) {
        pass.error(IssueType::Required, item, "questionnaire", || {
            format!("At least {least} answers are required, but there are {answers}.")
        });
    }
    if let Some(most) = bound("questionnaire-maxOccurs").filter(|most| answers > *most) {
        pass.error(IssueType::Structure, item, "questionnaire", || {
            format!("At most {most} answers are allowed, but there are {answers}.")
        });
    }
}

/// The value of an answer.
pub(super) fn value(answer: Element<'_>) -> Option<Element<'_>> {
    answer.children().find(|child| child.name().starts_with("value"))
}

/// Holds one answer against its question.
pub(super) fn check<'t>(
    pass: &mut Pass<'_, 't>,
    form: &Form<'_, 't>,
    question: Element<'_>,
    answer: Element<'t>,
    ty: &str,
) {
    let Some(value) = value(answer) else { return };
    let given = value.name().strip_prefix("value").unwrap_or_default();
    let allowed: &[&str] = match ty {
        "boolean" => &["Boolean"],
        "decimal" => &["Decimal"],
        "integer" => &["Integer"],
        "date" => &["Date"],
        "dateTime" => &["DateTime"],
        "time" => &["Time"],
        "string" | "text" => &["String"],
        "url" => &["Uri"],
        "attachment" => &["Attachment"],
        "reference" => &["Reference"],
        "quantity" => &["Quantity"],
        "choice" => &["Coding", "Date", "Time", "Integer", "String", "Reference"],
        "open-choice" => &["Coding", "String", "Date", "Time", "Integer", "Reference"],
        _ => return,
    };
    if !allowed.contains(&given) {
        pass.error(IssueType::Structure, value, "questionnaire", || {
            format!("The answer to a question of type {ty} may not be of type {given}.")
        });
        return;
    }
    bounds(pass, question, value);
    if given == "Quantity" {
        quantity(pass, question, value);
    }
    options(pass, form, question, value, ty);
}

/// The value of an extension of a question, by the last part of its url.
fn setting<'q>(question: Element<'q>, name: &str) -> Option<Element<'q>> {
    settings(question, name).next()
}

fn settings<'q>(question: Element<'q>, name: &str) -> impl Iterator<Item = Element<'q>> {
    let extensions = question
        .all("extension")
        .filter(move |extension| extension.text_at("url").is_some_and(|url| url.rsplit('/').next() == Some(name)));
    extensions.filter_map(|extension| extension.children().find(|child| child.name().starts_with("value")))
}

fn bounds<'t>(pass: &mut Pass<'_, 't>, question: Element<'_>, value: Element<'t>) {
    for (name, wrong, word) in [("minValue", Ordering::Less, "smallest"), ("maxValue", Ordering::Greater, "largest")] {
        if let Some(bound) = setting(question, name)
            && order(pass, value, bound) == Some(wrong)
        {
            let limit = bound.text().unwrap_or_default();
            pass.error(IssueType::Value, value, "questionnaire", || format!("The {word} allowed value is {limit}."));
        }
    }
    let Some(text) = value.text() else { return };
    if let Some(places) = setting(question, "maxDecimalPlaces").and_then(|places| places.text()?.parse::<i32>().ok())
        && Decimal::parse(text).is_some_and(|decimal| decimal.scale() > places)
    {
        pass.error(IssueType::Value, value, "questionnaire", || {
            format!("At most {places} decimal places are allowed.")
        });
    }
    let length = text.chars().count();
    if let Some(least) = setting(question, "minLength").and_then(|least| least.text()?.parse::<usize>().ok())
        && length < least
    {
        pass.error(IssueType::Value, value, "questionnaire", || format!("At least {least} characters are required."));
    }
    if let Some(most) = question.text_at("maxLength").and_then(|most| most.parse::<usize>().ok())
        && length > most
    {
        pass.error(IssueType::TooLong, value, "questionnaire", || format!("At most {most} characters are allowed."));
    }
    if let Some(pattern) = setting(question, "regex").and_then(Element::text)
        && regex::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| !regex.is_match(text))
    {
        pass.error(IssueType::Value, value, "questionnaire", || {
            format!("The answer does not have the form {pattern}.")
        });
    }
}

fn quantity<'t>(pass: &mut Pass<'_, 't>, question: Element<'_>, value: Element<'t>) {
    for (name, wrong, word) in [
        ("sdc-questionnaire-minQuantity", Ordering::Less, "smallest"),
        ("sdc-questionnaire-maxQuantity", Ordering::Greater, "largest"),
    ] {
        let Some(bound) = setting(question, name) else { continue };
        let formal = value.get("code").is_some() && bound.get("code").is_some();
        match pass.terminology.compare_quantities(value, bound).filter(|_| formal) {
            Some(order) if order != wrong => {}
            order => {
                let limit = format!(
                    "{} {}",
                    bound.text_at("value").unwrap_or_default(),
                    bound.text_at("unit").unwrap_or_default()
                );
                pass.error(IssueType::Value, value, "questionnaire", || match order {
                    Some(_) => format!("The {word} allowed quantity is {limit}."),
                    None => format!("The quantity cannot be compared with the {word} allowed one, {limit}."),
                });
            }
        }
    }
    let units: Vec<Element<'_>> = settings(question, "questionnaire-unitOption").collect();
    let unit = Coding::of(value);
    if !units.is_empty()
        && !units.iter().any(|one| {
            Coding::of(*one)
                .is_some_and(|one| unit.is_some_and(|unit| unit.code == one.code && unit.system == one.system))
        })
    {
        let names: Vec<&str> = units.iter().filter_map(|unit| unit.text_at("code")).collect();
        pass.error(IssueType::Value, value, "questionnaire", || {
            format!("The unit is none of those that are allowed: {}.", names.join(", "))
        });
    }
    if let Some(value_set) = setting(question, "questionnaire-unitValueSet").and_then(Element::text) {
        let member = unit.map(|unit| pass.terminology.contains(value_set, &unit));
        if matches!(member, None | Some(Membership::Out)) {
            pass.error(IssueType::CodeInvalid, value, "questionnaire", || {
                format!("The unit is not in the value set {value_set}.")
            });
        }
    }
}

fn options<'t>(pass: &mut Pass<'_, 't>, form: &Form<'_, 't>, question: Element<'_>, value: Element<'t>, ty: &str) {
    let open = ty == "open-choice" && value.name() == "valueString";
    let listed: Vec<Element<'_>> = question
        .all("answerOption")
        .filter_map(|option| option.children().find(|child| child.name().starts_with("value")))
        .collect();
    if !listed.is_empty() && !open && !listed.iter().any(|option| is_option(value, *option)) {
        pass.error(IssueType::CodeInvalid, value, "questionnaire", || {
            "The answer is none of the questionnaire's options.".into()
        });
    }
    let Some(value_set) = question.text_at("answerValueSet").filter(|_| !open) else { return };
    let coding = match value.text() {
        Some(code) => Coding { code, ..Coding::default() },
        None => match Coding::of(value) {
            Some(coding) => coding,
            None => return,
        },
    };
    let member = match value_set.strip_prefix('#') {
        Some(id) => match form.questionnaire.all("contained").find(|one| one.text_at("id") == Some(id)) {
            Some(contained) => {
                let set = catalog::ValueSet::read(&model::Tree::from_element(contained));
                pass.terminology.is_member(&set, &coding)
            }
            None => Membership::Unknown("the questionnaire does not contain it".into()),
        },
        None if value.text().is_some() => pass.terminology.is_display(value_set, coding.code),
        None => pass.terminology.contains(value_set, &coding),
    };
    match member {
        Membership::In => {}
        Membership::Out => pass.error(IssueType::CodeInvalid, value, "questionnaire", || {
            format!("The answer is not in the questionnaire's value set {value_set}.")
        }),
        Membership::Unknown(reason) => pass.warning(IssueType::NotFound, value, "questionnaire", || {
            format!("Whether the answer is in the questionnaire's value set {value_set} was not checked: {reason}.")
        }),
    }
}

fn is_option(value: Element<'_>, option: Element<'_>) -> bool {
    if value.name() != option.name() {
        return false;
    }
    match (value.text(), option.text()) {
        (Some(value), Some(option)) => value == option,
        _ if value.get("reference").is_some() => value.text_at("reference") == option.text_at("reference"),
        _ => {
            value.text_at("code") == option.text_at("code")
                && (value.text_at("system") == option.text_at("system") || option.get("system").is_none())
        }
    }
}

/// Whether `value operator wanted` holds.
pub(super) fn compares(pass: &Pass<'_, '_>, value: Element<'_>, operator: &str, wanted: Element<'_>) -> bool {
    let equal = || match (value.text(), wanted.text()) {
        (Some(left), Some(right)) => left == right || order(pass, value, wanted) == Some(Ordering::Equal),
        _ if value.get("value").is_some() => order(pass, value, wanted) == Some(Ordering::Equal),
        _ if value.get("reference").is_some() => value.text_at("reference") == wanted.text_at("reference"),
        _ => {
            let part = |name| value.text_at(name) == wanted.text_at(name);
            part("code") && (part("system") || wanted.get("system").is_none() || value.get("system").is_none())
        }
    };
    match operator {
        "=" => equal(),
        "!=" => !equal(),
        ">" => order(pass, value, wanted) == Some(Ordering::Greater),
        "<" => order(pass, value, wanted) == Some(Ordering::Less),
        ">=" => matches!(order(pass, value, wanted), Some(Ordering::Greater | Ordering::Equal)),
        "<=" => matches!(order(pass, value, wanted), Some(Ordering::Less | Ordering::Equal)),
        _ => true,
    }
}

fn order(pass: &Pass<'_, '_>, left: Element<'_>, right: Element<'_>) -> Option<Ordering> {
    if left.get("value").is_some() {
        return pass.terminology.compare_quantities(left, right);
    }
    let (left, right) = (left.text()?, right.text()?);
    if let (Some(left), Some(right)) = (Decimal::parse(left), Decimal::parse(right)) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (PartialDateTime::parse(left), PartialDateTime::parse(right)) {
        return Some(left.range(0).0.cmp(&right.range(0).0));
    }
    let (left, right) = (PartialTime::parse(left)?, PartialTime::parse(right)?);
    Some(left.start_nanos().cmp(&right.start_nanos()))
}
