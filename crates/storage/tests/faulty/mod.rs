//! A disk in memory that fails at the n-th call and loses power, and tables that lose what was not synced.

#![allow(dead_code, reason = "not every test file needs all")]

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use storage::memory::Memory;
use storage::{Direction, Disk, DiskFile, EngineError, KeyRange, Op, Scan, Slice, Space, Tables};

/// Files in memory. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, File>,
    /// Calls that still succeed; `None`: all.
    calls_left: Option<u64>,
    calls: u64,
    /// How long a sync takes.
    sync_time: std::time::Duration,
}

#[derive(Clone, Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

/// What is left of bytes that were written but not synced, when the power goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tail {
    /// Nothing.
    Lost,
    /// The first half.
    Half,
    /// Everything.
    Kept,
    /// The length, but only the second half of the content: blocks reach the disk in any order.
    SecondHalf,
    /// All but the last byte.
    AllButOne,
}

pub(crate) const TAILS: [Tail; 5] = [Tail::Lost, Tail::Half, Tail::Kept, Tail::SecondHalf, Tail::AllButOne];

impl FaultyDisk {
    /// From now on only so many calls succeed, then every one fails.
    pub(crate) fn fail_after(&self, calls: u64) {
        self.state.lock().unwrap().calls_left = Some(calls);
    }

    /// From now on a sync takes its time, so that others come to wait for it.
    pub(crate) fn sync_slowly(&self) {
        self.state.lock().unwrap().sync_time = std::time::Duration::from_micros(300);
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.state.lock().unwrap().calls
    }

    /// What a restart after a power failure finds.
    pub(crate) fn after_power_failure(&self, tail: Tail) -> FaultyDisk {
        let mut files = self.state.lock().unwrap().files.clone();
        for file in files.values_mut() {
            let unsynced = file.bytes.len() - file.synced;
            match tail {
                Tail::Lost => file.bytes.truncate(file.synced),
                Tail::Half => file.bytes.truncate(file.synced + unsynced / 2),
                Tail::Kept => {}
                Tail::SecondHalf => file.bytes[file.synced..file.synced + unsynced / 2].fill(0),
                Tail::AllButOne => file.bytes.truncate(file.synced + unsynced.saturating_sub(1)),
            }
            file.synced = file.bytes.len();
        }
        FaultyDisk { state: Arc::new(Mutex::new(State { files, ..State::default() })) }
    }

    /// The names of the files, and how long they are.
    pub(crate) fn files(&self) -> Vec<(String, usize)> {
        self.state.lock().unwrap().files.iter().map(|(name, file)| (name.clone(), file.bytes.len())).collect()
    }

    /// Changes the bytes of a file.
    pub(crate) fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state.lock().unwrap();
        let file = state.files.get_mut(name).unwrap();
        change(&mut file.bytes);
        file.synced = file.bytes.len();
    }

    /// The bytes of a file.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.state.lock().unwrap().files[name].bytes.clone()
    }

    /// Puts a file there.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let file = File { bytes: bytes.to_vec(), synced: bytes.len() };
        self.state.lock().unwrap().files.insert(name.to_owned(), file);
    }

    fn call<R>(&self, work: impl FnOnce(&mut State) -> io::Result<R>) -> io::Result<R> {
        let mut state = self.state.lock().unwrap();
        state.calls += 1;
        match &mut state.calls_left {
            Some(0) => return Err(io::Error::other("the disk failed")),
            Some(left) => *left -= 1,
            None => {}
        }
        work(&mut state)
    }
}

impl Disk for FaultyDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.call(|state| Ok(state.files.keys().cloned().collect()))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.call(|state| match state.files.insert(name.to_owned(), File::default()) {
            None => Ok(()),
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
        })?;
        Ok(Box::new(OpenFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn append(&self, name: &str, length: u64) -> io::Result<Box<dyn DiskFile>> {
        self.call(|state| {
            let file = state.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
            file.bytes.truncate(length as usize);
            file.synced = file.bytes.len();
            Ok(())
        })?;
        Ok(Box::new(OpenFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.call(|state| Ok(state.files.get(name).ok_or(io::ErrorKind::NotFound)?.bytes.clone()))?;
        Ok(Box::new(io::Cursor::new(bytes)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.call(|state| state.files.remove(name).map(|_| ()).ok_or(io::ErrorKind::NotFound.into()))
    }

    fn path(&self, name: &str) -> PathBuf {
        name.into()
    }
}

struct OpenFile {
    disk: FaultyDisk,
    name: String,
}

impl DiskFile for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // A write that fails has written half.
        let half = &bytes[..bytes.len() / 2];
        let result = self.disk.call(|_| Ok(()));
        let mut state = self.disk.state.lock().unwrap();
        let file = state.files.get_mut(&self.name).unwrap();
        file.bytes.extend_from_slice(if result.is_ok() { bytes } else { half });
        result
    }

    fn sync(&mut self) -> io::Result<()> {
        let sync_time = self.disk.state.lock().unwrap().sync_time;
        std::thread::sleep(sync_time);
        self.disk.call(|state| {
            let file = state.files.get_mut(&self.name).unwrap();
            file.synced = file.bytes.len();
            Ok(())
        })
    }
}

/// Tables that come back after a crash as they were at their last sync, or as they were at the crash. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct ForgetfulTables {
    now: Arc<Memory>,
    synced: Arc<Mutex<(Vec<Op>, u64)>>,
}

impl ForgetfulTables {
    /// What a restart finds: the state of the last sync, or everything.
    pub(crate) fn after_power_failure(&self, lucky: bool) -> ForgetfulTables {
        let (rows, applied) = match lucky {
            true => (self.rows(), self.now.applied().unwrap()),
            false => self.synced.lock().unwrap().clone(),
        };
        let now = Memory::default();
        now.apply(&rows, applied).unwrap();
        ForgetfulTables { now: Arc::new(now), synced: Arc::new(Mutex::new((rows, applied))) }
    }

    fn rows(&self) -> Vec<Op> {
        let mut rows = Vec::new();
        for space in Space::ALL {
            for row in self.now.scan(space, KeyRange::all(), Direction::Forward) {
                let (key, value) = row.unwrap();
                rows.push(Op { space, key: key.to_vec(), value: Some(value.to_vec()) });
            }
        }
        rows
    }
}

impl Tables for ForgetfulTables {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        self.now.get(space, key)
    }

    fn scan<'a>(&'a self, space: Space, range: KeyRange, direction: Direction) -> Scan<'a> {
        self.now.scan(space, range, direction)
    }

    fn apply(&self, ops: &[Op], applied: u64) -> Result<(), EngineError> {
        // Held, so that a sync on another thread keeps the state between two batches.
        let _between_batches = self.synced.lock().unwrap();
        self.now.apply(ops, applied)
    }

    fn applied(&self) -> Result<u64, EngineError> {
        self.now.applied()
    }

    fn sync(&self) -> Result<(), EngineError> {
        let mut synced = self.synced.lock().unwrap();
        *synced = (self.rows(), self.now.applied()?);
        Ok(())
    }

    fn flush(&self) -> Result<(), EngineError> {
        self.sync()
    }

    fn compact(&self) -> Result<(), EngineError> {
        self.sync()
    }

    fn disk_bytes(&self) -> Result<u64, EngineError> {
        Ok(0)
    }
}
