//! The resources that are in several sets at once, ascending: streams leap over one another, what has no stream is tested.

use storage::{EngineError, Number};

use crate::parameters::TypeParameters;
use crate::plan::candidate::Candidate;
use crate::plan::run::Context;
use crate::plan::set::Set;
use crate::plan::stream::{self, Stream};

/// Resources of one type that are in all sets.
pub(crate) struct Matches<'s, 'c> {
    context: &'s Context<'c>,
    streams: Vec<Stream<'c>>,
    tests: Vec<Test<'s>>,
    next: Option<Number>,
    /// Candidates that were tested for nothing, until the tests are [settled](Matches::settle).
    in_vain: Option<usize>,
    steps: Vec<String>,
    /// Ascending; these are passed over.
    except: Vec<Number>,
}

/// A set to be tested.
enum Test<'s> {
    Asked(&'s Set),
    /// The same as numbers.
    Settled(Box<Set>),
}

impl Test<'_> {
    fn set(&self) -> &Set {
        match self {
            Test::Asked(set) => set,
            Test::Settled(set) => set,
        }
    }
}

/// Candidates that may be tested for nothing before all rows of the tested sets are read instead.
const IN_VAIN: usize = 1_500;
/// Rows that are read for that at most.
const SETTLED: usize = 4_000_000;

/// Rows that are read at once for a set without a stream: first few of each, then more.
const AT_ONCE: [usize; 3] = [256, 4_096, 65_536];

impl<'s, 'c> Matches<'s, 'c> {
    /// From `from` on.
    pub(crate) fn new(
        context: &'s Context<'c>,
        of_type: &TypeParameters,
        sets: &'s [Set],
        from: Number,
    ) -> Result<Matches<'s, 'c>, EngineError> {
        let mut matches = Matches {
            context,
            streams: Vec::new(),
            tests: Vec::new(),
            next: Some(from),
            in_vain: Some(0),
            steps: Vec::new(),
            except: Vec::new(),
        };
        for set in flat(sets) {
            let mut exact = true;
            match stream::open(context, of_type, set, &mut exact)? {
                Some(stream) => {
                    matches.steps.push(format!("scan {}", set.describe()));
                    matches.streams.push(stream);
                    if !exact {
                        matches.tests.push(Test::Asked(set));
                    }
                }
                None => matches.tests.push(Test::Asked(set)),
            }
        }
        if matches.streams.is_empty() {
            let stream = matches.first_stream(of_type)?;
            matches.streams.push(stream);
        }
        for test in &matches.tests {
            matches.steps.push(format!("test {}", test.set().describe()));
        }
        Ok(matches)
    }

    /// The same without these, which are in order.
    pub(crate) fn except(mut self, numbers: Vec<Number>) -> Matches<'s, 'c> {
        self.except = numbers;
        self
    }

    /// A stream where no set has one: of the set with the fewest rows, if any are few, else all of the type.
    fn first_stream(&mut self, of_type: &TypeParameters) -> Result<Stream<'c>, EngineError> {
        for most in AT_ONCE {
            for at in 0..self.tests.len() {
                let Some(set) = self.tests.get(at).map(Test::set) else { continue };
                let mut exact = true;
                let found = match set {
                    Set::Updated(criterion) => {
                        exact = false;
                        stream::updated(self.context, of_type, criterion, most)?
                    }
                    set => stream::gather_numbers(self.context, set, most, &mut exact)?,
                };
                if let Some(found) = found {
                    self.steps.push(format!("read {} ({} found)", set.describe(), found.len()));
                    if exact {
                        self.tests.remove(at);
                    }
                    return Ok(Stream::List(found.into_iter().collect(), 0));
                }
            }
        }
        self.steps.push(format!("scan {}", Set::Every.describe()));
        let every = stream::open(self.context, of_type, &Set::Every, &mut true)?;
        Ok(every.unwrap_or(Stream::List(Vec::new(), 0)))
    }

    /// The next resource in all sets.
    pub(crate) fn next(&mut self) -> Result<Option<Candidate<'s, 'c>>, EngineError> {
        'numbers: while let Some(number) = self.leap()? {
            self.next = stream::after(number);
            if self.except.binary_search(&number).is_ok() {
                continue;
            }
            let candidate = Candidate::new(self.context, number);
            for test in &self.tests {
                if !candidate.is_in(test.set())? {
                    self.settle()?;
                    continue 'numbers;
                }
            }
            if self.context.may_see(&candidate)? {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// After many candidates in vain: reads all rows of the sets that are tested, so that the rest are compared with numbers.
    fn settle(&mut self) -> Result<(), EngineError> {
        let Some(count) = self.in_vain else { return Ok(()) };
        self.in_vain = Some(count + 1).filter(|count| *count < IN_VAIN);
        if self.in_vain.is_some() {
            return Ok(());
        }
        for test in &mut self.tests {
            let (set, negated) = match test.set() {
                Set::Not(set) => (&**set, true),
                set => (set, false),
            };
            let mut exact = true;
            let Some(found) = stream::gather_numbers(self.context, set, SETTLED, &mut exact)? else { continue };
            if exact {
                let numbers = Set::Numbers(found.into_iter().collect());
                *test = Test::Settled(Box::new(if negated { Set::Not(Box::new(numbers)) } else { numbers }));
            }
        }
        Ok(())
    }

    /// The next number that all streams have.
    fn leap(&mut self) -> Result<Option<Number>, EngineError> {
        let Some(mut from) = self.next else { return Ok(None) };
        loop {
            let start = from;
            for stream in &mut self.streams {
                match stream.at(from)? {
                    Some(number) => from = number,
                    None => {
                        self.next = None;
                        return Ok(None);
                    }
                }
            }
            if from == start || self.streams.len() == 1 {
                return Ok(Some(from));
            }
        }
    }

    /// What is done, for a person.
    pub(crate) fn steps(&self) -> &[String] {
        &self.steps
    }
}

impl Drop for Matches<'_, '_> {
    fn drop(&mut self) {
        let read: u64 = self.streams.iter().map(Stream::read).sum();
        self.context.cost.rows.set(self.context.cost.rows.get() + read);
    }
}

/// Sets that must all hold, without a level between.
fn flat(sets: &[Set]) -> Vec<&Set> {
    let mut found = Vec::new();
    for set in sets {
        match set {
            Set::And(inner) => found.extend(flat(inner)),
            Set::Every => {}
            other => found.push(other),
        }
    }
    found
}
