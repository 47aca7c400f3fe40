//! Many clients at once, each on one connection that is kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conformance::connection::Connection;

/// What a load came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Answers in a second.
    pub(crate) rate: f64,
    /// The time that 99 of 100 answers took at most.
    pub(crate) p99: Duration,
}

/// Sends `request(n)`, n counting over all clients, until the time is over. Every answer must have `status`.
pub(crate) fn load(
    address: &str,
    clients: usize,
    time: Duration,
    status: u16,
    request: impl Fn(u64) -> Vec<u8> + Sync,
) -> Result<Load, String> {
    let next = AtomicU64::new(0);
    let begun = Instant::now();
    let client = || -> Result<Vec<Duration>, String> {
        let mut connection = Connection::open(address)?;
        let mut times = Vec::new();
        while begun.elapsed() < time {
            let bytes = request(next.fetch_add(1, Ordering::Relaxed));
            let sent = Instant::now();
            let answer = connection.exchange(&bytes)?;
            times.push(sent.elapsed());
            if answer.status != status {
                return Err(format!("status {} where {status} was expected", answer.status));
            }
        }
        Ok(times)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a client panicked".into()))).collect()
    });
    let elapsed = begun.elapsed();
    let mut times: Vec<Duration> = results.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    times.sort_unstable();
    let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    Ok(Load { rate: times.len() as f64 / elapsed.as_secs_f64(), p99 })
}
