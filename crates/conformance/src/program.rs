//! The real program in a process of its own, on a free port, over a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that answers; dropping it kills it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Where it listens.
    pub address: String,
}

/// Where the program lies: beside this one in the build folder.
///
/// # Errors
/// Where it is not built.
pub fn path() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    // A test's program lies one folder deeper.
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join("passerelle")).find(|path| path.is_file());
    found.ok_or_else(|| "the program is not built: cargo build --release -p server".into())
}

impl Program {
    /// Starts `passerelle serve`, the program beside this one in the build folder, and waits until it answers.
    ///
    /// # Errors
    /// Where the program is not there, or ends before it listens.
    pub fn start(data: &Path, options: &[&str]) -> Result<Program, String> {
        let path = path()?;
        let mut child = Command::new(&path)
            .args(["serve", "--listen", "127.0.0.1:0", "--log-level", "error", "--data"])
            .arg(data)
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let output = child.stdout.take().ok_or("no output")?;
        let begun = Instant::now();
        let mut program = Program { child, address: String::new() };
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        while let Some(line) = lines.next() {
            if let Some((_, rest)) = line.split_once("http://") {
                program.address = rest.split('/').next().unwrap_or_default().to_owned();
                // What it says further is taken, so that it can go on saying it.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(program);
            }
            if begun.elapsed() > Duration::from_secs(30) {
                break;
            }
        }
        Err("the server ended without saying where it listens".into())
    }

    /// Tells it to stop (SIGTERM) and waits for its end.
    ///
    /// # Errors
    /// Where it has not ended within the time, or did not end well.
    pub fn stop(mut self, within: Duration) -> Result<(), String> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        told.map_err(|error| format!("kill: {error}"))?;
        let begun = Instant::now();
        while begun.elapsed() < within {
            match self.child.try_wait().map_err(|error| error.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("it ended with {status}")),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Err(format!("it has not ended within {} s", within.as_secs()))
    }

    /// Kills it, as a power cut would, and waits for its end.
    pub fn kill(self) {
        drop(self);
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Memory that is resident now, in bytes (Linux; else 0).
    pub fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most memory that was ever resident, in bytes (Linux; else 0).
    pub fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Processor time that it has used so far (Linux; else none).
    pub fn processor(&self) -> Duration {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // Behind the name in brackets: fields 14 and 15 of proc(5), user and system time in hundredths of a second.
        let fields = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default().split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    fn status(&self, name: &str) -> u64 {
        status(self.child.id(), name)
    }
}

/// Memory of a process that is resident now, in bytes (Linux; else 0).
pub fn resident(process: u32) -> u64 {
    status(process, "VmRSS:")
}

fn status(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
