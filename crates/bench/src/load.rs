//! Many clients at once, each on one connection that is kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conformance::connection::{Answer, Connection};

/// What a load came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// Answers.
    pub(crate) answers: u64,
    /// Answers in a second.
    pub(crate) rate: f64,
    /// The time that half of the answers took at most.
    pub(crate) p50: Duration,
    /// The time that 99 of 100 answers took at most.
    pub(crate) p99: Duration,
}

impl Load {
    /// Of the times of all answers.
    pub(crate) fn of(mut times: Vec<Duration>, elapsed: Duration) -> Load {
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
        let rate = times.len() as f64 / elapsed.as_secs_f64().max(f64::EPSILON);
        Load { answers: times.len() as u64, rate, p50: at(50), p99: at(99) }
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        write!(f, "{:>8.0}/s, p50 {:.2} ms, p99 {:.2} ms", self.rate, ms(self.p50), ms(self.p99))
    }
}

/// Sends `request(n)`, n counting over all clients, until the time is over. Every answer must have `status`.
pub(crate) fn load(
    address: &str,
    clients: usize,
    time: Duration,
    status: u16,
    request: impl Fn(u64) -> Vec<u8> + Sync,
) -> Result<Load, String> {
    let begun = Instant::now();
    let next = |number| (begun.elapsed() < time).then(|| request(number));
    exchange(address, clients, next, |_, answer| match answer.status == status {
        true => Ok(()),
        false => Err(format!(
            "status {} where {status} was expected: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        )),
    })
}

/// Sends `request(n)`, n counting over all clients, until it gives none; `check` gets every answer with its number.
pub(crate) fn exchange(
    address: &str,
    clients: usize,
    request: impl Fn(u64) -> Option<Vec<u8>> + Sync,
    check: impl Fn(u64, &Answer) -> Result<(), String> + Sync,
) -> Result<Load, String> {
    let next = AtomicU64::new(0);
    let begun = Instant::now();
    let client = || -> Result<Vec<Duration>, String> {
        let mut connection = Connection::open(address)?;
        let mut times = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(bytes) = request(number) else { return Ok(times) };
            let sent = Instant::now();
            let answer = connection.exchange(&bytes)?;
            times.push(sent.elapsed());
            check(number, &answer)?;
        }
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a client panicked".into()))).collect()
    });
    let elapsed = begun.elapsed();
    let times: Vec<Duration> = results.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    Ok(Load::of(times, elapsed))
}
