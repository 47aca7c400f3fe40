//! A server that runs already, known by its address and its processes: whose program it is does not matter.
//!
//! It is neither started nor stopped here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a server may go on with its work after the last answer before it is no longer waited for.
const SETTLED: Duration = Duration::from_secs(5);

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// What it is called in the table.
    pub(crate) name: String,
    /// `host:port`.
    pub(crate) address: String,
    /// The path of its FHIR base, as `/fhir`.
    pub(crate) base: String,
    /// Its processes; those that they start count with them.
    pub(crate) processes: Vec<u32>,
}

impl Peer {
    /// Of `NAME=http://HOST:PORT/BASE@PID[,PID…]`.
    pub(crate) fn of(word: &str) -> Result<Peer, String> {
        let wanted = || format!("{word}: NAME=http://HOST:PORT/BASE@PID[,PID…] is expected");
        let (name, rest) = word.split_once('=').ok_or_else(wanted)?;
        let (url, processes) = rest.rsplit_once('@').ok_or_else(wanted)?;
        let (address, base) = url.strip_prefix("http://").and_then(|url| url.split_once('/')).ok_or_else(wanted)?;
        let processes: Vec<u32> =
            processes.split(',').map(|text| text.parse().map_err(|_| wanted())).collect::<Result<_, _>>()?;
        let base = format!("/{}", base.trim_end_matches('/'));
        Ok(Peer { name: name.to_owned(), address: address.to_owned(), base, processes })
    }

    /// Processor time that its processes and all that they started have used so far (Linux).
    ///
    /// # Errors
    /// Where one of its processes is gone.
    pub(crate) fn processor(&self) -> Result<Duration, String> {
        let all = running();
        if let Some(gone) = self.processes.iter().find(|process| !all.contains_key(process)) {
            return Err(format!("{}: there is no process {gone}", self.name));
        }
        let ticks: u64 =
            family(&self.processes, &all).iter().filter_map(|process| all.get(process)).map(|of| of.ticks).sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The same once it rests, which it must not do forever: what it puts off belongs to what was asked before.
    pub(crate) fn processor_at_rest(&self) -> Result<Duration, String> {
        let begun = Instant::now();
        let mut before = self.processor()?;
        loop {
            std::thread::sleep(Duration::from_millis(250));
            let now = self.processor()?;
            if now.saturating_sub(before) <= Duration::from_millis(10) || begun.elapsed() > SETTLED {
                return Ok(now);
            }
            before = now;
        }
    }
}

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Used {
    parent: u32,
    /// Hundredths of a second, with those of children that have ended and were waited for.
    ticks: u64,
}

/// Of the text of `/proc/PID/stat`, proc(5): behind the name in brackets, which may hold anything, fields 4 (parent) and 14 to 17
/// (user and system time of its own and of its ended children).
fn used(text: &str) -> Option<Used> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u64>().unwrap_or(0)).sum();
    Some(Used { parent, ticks })
}

/// All processes that run now.
fn running() -> BTreeMap<u32, Used> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((process, used(&std::fs::read_to_string(entry.path().join("stat")).ok()?)?))
    };
    entries.filter_map(of).collect()
}

/// Processes with all their descendants, each once.
fn family(roots: &[u32], all: &BTreeMap<u32, Used>) -> BTreeSet<u32> {
    let mut family: BTreeSet<u32> = roots.iter().copied().collect();
    loop {
        let born: Vec<u32> = all
            .iter()
            .filter(|(process, of)| family.contains(&of.parent) && !family.contains(process))
            .map(|(process, _)| *process)
            .collect();
        if born.is_empty() {
            return family;
        }
        family.extend(born);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_read_from_its_word() {
        let peer = Peer::of("other=http://127.0.0.1:8090/fhir/r4/@17,4").unwrap();
        assert_eq!((peer.name.as_str(), peer.address.as_str()), ("other", "127.0.0.1:8090"));
        assert_eq!((peer.base.as_str(), peer.processes), ("/fhir/r4", vec![17, 4]));
        for wrong in ["other", "other=http://127.0.0.1:8090/fhir", "o=https://127.0.0.1/fhir@1", "o=http://h/fhir@x"] {
            assert!(Peer::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn time_of_a_process_is_its_own_and_that_of_ended_children() {
        let text = "7 (a ) b) S 3 7 7 0 -1 4194560 1 2 3 4 100 20 3 4000 20 0 1 0 99 0 0";
        assert_eq!(used(text), Some(Used { parent: 3, ticks: 4123 }));
        assert_eq!(used("7 (a"), None);
    }

    #[test]
    fn a_family_has_every_descendant_once() {
        let parents = [(1, 0), (2, 1), (3, 2), (4, 1), (5, 9), (9, 0)];
        let all = parents.iter().map(|(process, parent)| (*process, Used { parent: *parent, ticks: 1 })).collect();
        assert_eq!(family(&[2, 3], &all), BTreeSet::from([2, 3]));
        assert_eq!(family(&[1], &all), BTreeSet::from([1, 2, 3, 4]));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_is_not_there_is_told() {
        let mut peer = Peer::of(&format!("own=http://127.0.0.1:1/fhir@{}", std::process::id())).unwrap();
        assert!(peer.processor().is_ok());
        peer.processes.push(u32::MAX);
        assert!(peer.processor().unwrap_err().contains("there is no process"));
    }
}
