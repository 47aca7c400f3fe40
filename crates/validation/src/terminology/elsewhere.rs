//! Questions that cannot be decided here, as data, and the answers that somebody else gave: a validation collects the
//! questions, whoever does the I/O asks, and a second validation takes the answers in. Nothing here goes to a network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Coding, Membership};

/// Questions that one validation may ask.
const MOST: usize = 1000;

/// Whether a code is in a value set.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Question {
    /// Canonical reference of the value set.
    pub value_set: String,
    /// The code system, where the code came with one.
    pub system: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The code.
    pub code: String,
}

/// What somebody answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// It is in.
    In,
    /// It is not.
    Out,
    /// There is no answer; why.
    Silent(Arc<str>),
}

/// Answers by their questions.
pub type Answers = HashMap<Question, Told>;

/// The answers of one validation, and the questions that it still has.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    answers: Answers,
    questions: Mutex<Vec<Question>>,
}

impl Elsewhere {
    pub(crate) fn with(answers: Answers) -> Elsewhere {
        Elsewhere { answers, questions: Mutex::default() }
    }

    /// The questions that had no answer, each once, in the order that they came up.
    pub(crate) fn questions(&self) -> Vec<Question> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The answer to a question that could not be decided for a reason.
    pub(super) fn ask(&self, value_set: &str, coding: &Coding<'_>, reason: Arc<str>) -> Membership {
        let question = Question {
            value_set: value_set.to_owned(),
            system: coding.system.map(str::to_owned),
            version: coding.version.map(str::to_owned),
            code: coding.code.to_owned(),
        };
        match self.answers.get(&question) {
            Some(Told::In) => Membership::In,
            Some(Told::Out) => Membership::Out,
            Some(Told::Silent(why)) => Membership::Unknown(format!("{reason}; {why}").into()),
            None => {
                let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
                if questions.len() < MOST && !questions.contains(&question) {
                    questions.push(question);
                }
                Membership::Unknown(reason)
            }
        }
    }
}
