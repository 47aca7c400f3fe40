//! `compare [DIR] NAME=URL@PID[,PID…]…`: one script against our program and against other FHIR servers that run already, in turns
//! within one run. What counts is how much each answers for a second of its processors' time; rates stand beside.
//!
//! The script: 5,000 patients, and each kind of request until the server has used `--warm` seconds of processor time (not
//! measured); then, round after round, transactions of 100 entries, single creates, reads by id and searches by code, the same
//! made-up documents for all; with DIR also its transactions (`--files` of them), once. An answer that is no success stops the
//! measurement. The other servers are given with the processes that make them up (program, database).

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conformance::connection::{Answer, request};
use conformance::program::Program;

use crate::documents::{mix, observation};
use crate::load::{Load, exchange};
use crate::options::Options;
use crate::peer::Peer;
use crate::transactions::{created, files, made_up, post_to};

/// Its options.
pub(crate) const OPTIONS: &[&str] = &["seconds", "rounds", "warm", "files"];
const MINIMAL: &str = "Prefer: return=minimal\r\n";
/// Patients that single creates refer to: as many as `observation` names.
const PATIENTS: u64 = 5_000;
/// Transactions that are made up, each of another patient.
const MADE_UP: u64 = 512;
const ENTRIES: usize = 100;
/// How long a server is asked while it warms before its processor time is looked at.
const WARMING: Duration = Duration::from_secs(10);
/// Resources that are read.
const READ: usize = 1_000;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Transactions,
    Creates,
    Reads,
    ByCode,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Transactions, Kind::Creates, Kind::Reads, Kind::ByCode];

    fn name(self) -> &'static str {
        match self {
            Kind::Transactions => "transactions of 100 entries",
            Kind::Creates => "single creates",
            Kind::Reads => "reads by id",
            Kind::ByCode => "searches by code, 20 a page",
        }
    }

    fn clients(self) -> usize {
        match self {
            Kind::Transactions | Kind::ByCode => 8,
            Kind::Creates | Kind::Reads => 32,
        }
    }
}

/// What a server did in one step.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    /// Things done.
    count: u64,
    /// For so long.
    took: Duration,
    /// With so much processor time.
    used: Duration,
    p99: Duration,
}

impl Step {
    /// Things done for a second of processor time.
    fn worth(&self) -> f64 {
        self.count as f64 / self.used.as_secs_f64().max(0.01)
    }

    /// Steps together; of p99 the median.
    fn sum(steps: &[Step]) -> Step {
        let mut times: Vec<Duration> = steps.iter().map(|step| step.p99).collect();
        times.sort_unstable();
        Step {
            count: steps.iter().map(|step| step.count).sum(),
            took: steps.iter().map(|step| step.took).sum(),
            used: steps.iter().map(|step| step.used).sum(),
            p99: times.get(times.len() / 2).copied().unwrap_or_default(),
        }
    }
}

/// A server with what the script knows of it.
struct Server {
    peer: Peer,
    transactions: Vec<Vec<u8>>,
    /// Paths of resources that it made.
    made: Mutex<Vec<String>>,
    /// Counts over all rounds, so that no two creates are alike.
    next: AtomicU64,
}

/// The measurement.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let words = options.paths.iter().map(|path| path.to_string_lossy().into_owned());
    let (peers, folders): (Vec<String>, Vec<String>) = words.partition(|word| word.contains('='));
    if peers.is_empty() || folders.len() > 1 {
        return Err("at least one NAME=http://HOST:PORT/BASE@PID[,PID…] and at most one folder are expected".into());
    }
    let peers: Vec<Peer> = peers.iter().map(|word| Peer::of(word)).collect::<Result<_, _>>()?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let program = Program::start(folder.path(), &[])?;
    let ours = Peer::of(&format!("ours=http://{}/fhir@{}", program.address, program.process()))?;
    let servers: Vec<Server> = std::iter::once(ours).chain(peers).map(Server::new).collect();
    for server in &servers {
        server.patients().map_err(|error| format!("{}: {error}", server.peer.name))?;
    }
    for server in &servers {
        for kind in Kind::ALL {
            server.warm(kind, options.seconds("warm", 30.0))?;
        }
    }
    let mut steps = vec![vec![Vec::new(); servers.len()]; Kind::ALL.len()];
    for _ in 0..options.count("rounds", 3).max(1) {
        for (server, place) in servers.iter().zip(0..) {
            for (kind, steps) in Kind::ALL.into_iter().zip(&mut steps) {
                let step = server.measured(kind.name(), || server.ask(kind, options.seconds("seconds", 10.0)))?;
                if let Some(steps) = steps.get_mut::<usize>(place) {
                    steps.push(step);
                }
            }
        }
    }
    for (kind, steps) in Kind::ALL.into_iter().zip(&steps) {
        print(kind.name(), kind.clients(), &servers, steps);
    }
    if let Some(folder) = folders.first() {
        let files = chosen(Path::new(folder), options.count("files", 40))?;
        let mut steps = Vec::new();
        for server in &servers {
            steps.push(vec![server.measured("the set", || server.set(&files))?]);
        }
        print("resources of the set", 4, &servers, &steps);
    }
    Ok(())
}

/// Files of a folder: those that others refer to, and so many more.
fn chosen(folder: &Path, more: usize) -> Result<(Vec<PathBuf>, Vec<PathBuf>), String> {
    let (first, mut rest): (Vec<PathBuf>, Vec<PathBuf>) = files(folder)?.into_iter().partition(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("hospital") || name.starts_with("practitioner")
    });
    rest.truncate(more);
    Ok((first, rest))
}

/// A table: one row for each server, the first being ours.
fn print(name: &str, clients: usize, servers: &[Server], steps: &[Vec<Step>]) {
    println!("\n{name}, {clients} clients");
    println!("| server | count | rate | p99 | CPU | for a second of CPU | ours / theirs | in single rounds |");
    println!("|---|---|---|---|---|---|---|---|");
    let ours = steps.first().map(Vec::as_slice).unwrap_or_default();
    for (server, steps) in servers.iter().zip(steps) {
        let sum = Step::sum(steps);
        let ratio = Step::sum(ours).worth() / sum.worth();
        let single: Vec<String> =
            ours.iter().zip(steps).map(|(one, other)| format!("{:.1}", one.worth() / other.worth())).collect();
        println!(
            "| {} | {} | {:.1}/s | {:.1} ms | {:.1} s | {:.1} | {ratio:.1} | {} |",
            server.peer.name,
            sum.count,
            sum.count as f64 / sum.took.as_secs_f64().max(f64::EPSILON),
            sum.p99.as_secs_f64() * 1e3,
            sum.used.as_secs_f64(),
            sum.worth(),
            single.join(", ")
        );
    }
}

impl Server {
    fn new(peer: Peer) -> Server {
        let transactions = (0..MADE_UP).map(|number| post_to(&peer.base, &made_up(number, ENTRIES))).collect();
        Server { peer, transactions, made: Mutex::default(), next: AtomicU64::new(0) }
    }

    /// Does a step: what it came to, with the processor time until the server rests again.
    fn measured(&self, name: &str, work: impl FnOnce() -> Result<(Load, u64), String>) -> Result<Step, String> {
        let named = |error| format!("{}: {error}", self.peer.name);
        let (before, begun) = (self.peer.processor_at_rest()?, Instant::now());
        let (load, count) = work().map_err(named)?;
        let took = begun.elapsed();
        let used = self.peer.processor_at_rest()?.saturating_sub(before);
        let step = Step { count, took, used, p99: load.p99 };
        eprintln!(
            "{}, {name}: {count} in {:.1} s, {:.2} s of CPU",
            self.peer.name,
            took.as_secs_f64(),
            used.as_secs_f64()
        );
        Ok(step)
    }

    /// Asks one kind until the server has used so much processor time: on a busy machine the clock says little about how far a
    /// program that is compiled while it runs has come.
    fn warm(&self, kind: Kind, wanted: Duration) -> Result<(), String> {
        let mut used = Duration::ZERO;
        while used < wanted {
            let name = format!("warming, {}", kind.name());
            used += self.measured(&name, || self.ask(kind, WARMING))?.used;
        }
        Ok(())
    }

    /// Puts the patients that single creates refer to.
    fn patients(&self) -> Result<(), String> {
        let body = |part: u64| {
            let entry = |number: u64| {
                format!(
                    r#"{{"resource":{{"resourceType":"Patient","id":"p{number}","name":[{{"family":"Rossi{number}"}}],"gender":"female","birthDate":"1970-01-01"}},"request":{{"method":"PUT","url":"Patient/p{number}"}}}}"#
                )
            };
            let first = part * ENTRIES as u64;
            let all: Vec<String> = (first..(first + ENTRIES as u64).min(PATIENTS)).map(entry).collect();
            format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, all.join(","))
        };
        let parts = PATIENTS.div_ceil(ENTRIES as u64);
        let send = |part| (part < parts).then(|| post_to(&self.peer.base, body(part).as_bytes()));
        exchange(&self.peer.address, 4, send, |_, answer| success(answer, 200)).map(drop)
    }

    /// Sends transactions: the first ones one after the other, then the rest by four clients. The load is that of the rest.
    fn set(&self, (first, rest): &(Vec<PathBuf>, Vec<PathBuf>)) -> Result<(Load, u64), String> {
        let resources = AtomicU64::new(0);
        let mut load = Load::default();
        for (files, clients) in [(first, 1), (rest, 4)] {
            // A file that cannot be read is sent as nothing, and refused.
            let send = |number: u64| {
                let path = files.get(usize::try_from(number).ok()?)?;
                Some(post_to(&self.peer.base, &std::fs::read(path).unwrap_or_default()))
            };
            let check = |number: u64, answer: &Answer| {
                success(answer, 200).map_err(|error| format!("transaction {number}: {error}"))?;
                resources.fetch_add(created(&answer.body), Ordering::Relaxed);
                Ok(())
            };
            load = exchange(&self.peer.address, clients, send, check)?;
        }
        Ok((load, resources.into_inner()))
    }

    /// Asks one kind until the time is over.
    fn ask(&self, kind: Kind, time: Duration) -> Result<(Load, u64), String> {
        let base = &self.peer.base;
        let made = self.made.lock().map_err(|error| error.to_string())?.clone();
        if kind == Kind::Reads && made.is_empty() {
            return Err("no transaction told what it made, nothing can be read".into());
        }
        let send = |number: u64| match kind {
            Kind::Transactions => {
                self.transactions.get(number as usize % self.transactions.len()).cloned().unwrap_or_default()
            }
            Kind::Creates => {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                request("POST", &format!("{base}/Observation"), MINIMAL, &observation(number))
            }
            Kind::Reads => {
                let path = made.get(mix(number) as usize % made.len()).map_or("", String::as_str);
                request("GET", &format!("{base}/{path}"), "", "")
            }
            Kind::ByCode => {
                let code = mix(number) & 0xff;
                let query = format!("code=http://example.org/codes%7Cc{code}&_count=20");
                request("GET", &format!("{base}/Observation?{query}"), "", "")
            }
        };
        let begun = Instant::now();
        let next = |number| (begun.elapsed() < time).then(|| send(number));
        let load = exchange(&self.peer.address, kind.clients(), next, |_, answer| self.check(kind, answer))?;
        Ok((load, load.answers))
    }

    /// Whether an answer is what was asked for.
    fn check(&self, kind: Kind, answer: &Answer) -> Result<(), String> {
        success(answer, if kind == Kind::Creates { 201 } else { 200 })?;
        let (holds, wanted) = match kind {
            Kind::Transactions => {
                self.remember(&answer.body)?;
                (created(&answer.body) == ENTRIES as u64, "100 resources that were made")
            }
            Kind::Creates => (answer.header("location").is_some(), "a Location"),
            Kind::Reads => (has(&answer.body, br#""resourceType":"Observation""#), "an Observation"),
            Kind::ByCode => (has(&answer.body, br#""searchset""#), "a searchset"),
        };
        if holds { Ok(()) } else { Err(format!("the answer has not {wanted}: {}", beginning(answer))) }
    }

    /// Keeps the paths of Observations that the answer to a transaction tells, up to as many as are read.
    fn remember(&self, body: &[u8]) -> Result<(), String> {
        let mut made = self.made.lock().map_err(|error| error.to_string())?;
        if made.len() < READ {
            made.extend(locations(&String::from_utf8_lossy(body)));
            made.truncate(READ);
        }
        Ok(())
    }
}

/// `Observation/ID` of each location, relative or not, in the answer to a transaction.
fn locations(text: &str) -> Vec<String> {
    let found = text.split("\"location\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let paths = found.filter_map(|url| {
        let path = url.get(url.find("Observation/")?..)?;
        let id = path.split('/').nth(1)?;
        Some(format!("Observation/{id}"))
    });
    paths.collect()
}

fn has(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

fn success(answer: &Answer, status: u16) -> Result<(), String> {
    match answer.status == status {
        true => Ok(()),
        false => Err(format!("status {} where {status} was expected: {}", answer.status, beginning(answer))),
    }
}

fn beginning(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_found_whether_relative_or_not() {
        let text = r#"{"location":"Patient/1/_history/1"},{"location":"Observation/7/_history/1"},{"location":"http://h/fhir/Observation/a-b"}"#;
        assert_eq!(locations(text), ["Observation/7", "Observation/a-b"]);
    }

    #[test]
    fn steps_are_weighed_by_processor_time() {
        let step = |count, used, p99| Step {
            count,
            took: Duration::from_secs(1),
            used: Duration::from_millis(used),
            p99: Duration::from_millis(p99),
        };
        let sum = Step::sum(&[step(100, 400, 9), step(300, 400, 1), step(0, 200, 2)]);
        assert_eq!((sum.count, sum.took, sum.p99), (400, Duration::from_secs(3), Duration::from_millis(2)));
        assert!((sum.worth() - 400.0).abs() < 1e-9);
    }

    /// What asking a server comes to that answers everything with the same bytes.
    fn asked(kind: Kind, answer: &'static str) -> Result<(Load, u64), String> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let word = format!("fixed=http://{}/r4@1", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || {
                    let mut asked = [0; 8 << 10];
                    while std::io::Read::read(&mut stream, &mut asked).is_ok_and(|count| count > 0) {
                        std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
                    }
                });
            }
        });
        let made = Mutex::new(vec!["Observation/1".to_owned()]);
        let server = Server { peer: Peer::of(&word).unwrap(), transactions: Vec::new(), made, next: AtomicU64::new(0) };
        server.ask(kind, Duration::from_millis(100))
    }

    #[test]
    fn answers_that_are_no_success_stop_the_measurement() {
        let created = "HTTP/1.1 201 Created\r\nLocation: http://h/r4/Observation/1\r\nContent-Length: 0\r\n\r\n";
        let (load, count) = asked(Kind::Creates, created).unwrap();
        assert!(count > 0 && load.answers == count);
        let error = asked(Kind::Creates, "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy").unwrap_err();
        assert_eq!(error, "status 503 where 201 was expected: busy");
        let error = asked(Kind::Creates, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").unwrap_err();
        assert!(error.contains("has not a Location"), "{error}");
        for kind in [Kind::Reads, Kind::ByCode] {
            let error = asked(kind, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap_err();
            assert!(error.contains("the answer has not"), "{error}");
        }
    }

    #[test]
    fn other_servers_must_be_named_with_their_processes() {
        let options = |words: &str| Options::of(words.split(' ').map(str::to_owned), OPTIONS).unwrap();
        assert!(run(&options("folder")).unwrap_err().contains("at least one"));
        assert!(run(&options("a=http://h/fhir@1 one two")).unwrap_err().contains("at most one folder"));
    }
}
