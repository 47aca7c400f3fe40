//! Two ways of doing one thing, timed in turns so that what else the machine does hits both.

use std::time::{Duration, Instant};

/// The medians of two ways.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Against {
    /// The median time of a round of ours.
    pub(crate) ours: Duration,
    /// The median time of a round of theirs.
    pub(crate) theirs: Duration,
    /// The median, over the rounds, of theirs / ours: above 1 ours is faster.
    pub(crate) ratio: f64,
}

/// Runs both `rounds` times in turns, after one round of each that is not counted.
pub(crate) fn against(rounds: usize, mut ours: impl FnMut(), mut theirs: impl FnMut()) -> Against {
    ours();
    theirs();
    let (mut one, mut other, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds.max(1) {
        // Who goes first changes with every round: neither always finds the caches warm.
        let (mine, its) = if round % 2 == 0 {
            let mine = time(&mut ours);
            (mine, time(&mut theirs))
        } else {
            let its = time(&mut theirs);
            (time(&mut ours), its)
        };
        ratios.push(its.as_secs_f64() / mine.as_secs_f64().max(f64::EPSILON));
        one.push(mine);
        other.push(its);
    }
    ratios.sort_by(f64::total_cmp);
    Against { ours: median(one), theirs: median(other), ratio: ratios.get(ratios.len() / 2).copied().unwrap_or(0.0) }
}

fn time(work: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
