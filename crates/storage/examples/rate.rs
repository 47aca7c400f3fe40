//! Measures the engines and the store over them. `cargo run --release -p storage --example rate -- [ENGINE] [RECORDS]`
//!
//! Records look like FHIR resources of about 2 KiB with 8 index keys each, made from a fixed seed. The raw engine gets the same
//! bytes and keys. Prints one line per measure; figures of one machine stand in `docs/storage.md`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant as Clock};

use storage::{
    Batch, Bucket, Content, Direction, Engine, EngineOptions, Expect, Instant, Method, Options, Space, Store,
    Transaction, Write,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "fjall".to_owned());
    let records: u64 = arguments.next().map_or(Ok(200_000), |n| n.parse())?;
    let base = std::env::var_os("RATE_DIR").map_or_else(std::env::temp_dir, Into::into);
    let raw = tempfile::tempdir_in(&base)?;
    let engine = open(&name, raw.path())?;
    report("raw engine, 64 threads, single commits", records / 4, || {
        concurrently(64, records / 4, |n| Ok(engine.commit(&raw_batch(n..n + 1))?))
    })?;
    report("raw engine, 4 threads, 100 per commit", records, || {
        concurrently(4, records / 100, |n| {
            Ok(engine.commit(&raw_batch(1_000_000 + n * 100..1_000_000 + (n + 1) * 100))?)
        })
    })?;
    println!("{:>12} bytes of disk per record, raw", engine.disk_bytes()? * 4 / (records * 5));
    drop(engine);
    drop(raw);

    let folder = tempfile::tempdir_in(&base)?;
    let store = Store::open(open(&name, folder.path())?, Options::default())?;
    report("store, 64 threads, single commits", records / 4, || {
        concurrently(64, records / 4, |n| commit(&store, n..n + 1))
    })?;
    drop(store);
    let folder = tempfile::tempdir_in(&base)?;
    let store = Store::open(open(&name, folder.path())?, Options::default())?;
    report("store, 4 threads, 100 per commit", records, || {
        concurrently(4, records / 100, |n| commit(&store, n * 100..(n + 1) * 100))
    })?;
    report("store, one commit of 27,000", 27_000, || commit(&store, 2_000_000..2_027_000))?;
    let total = records + 27_000;
    println!("{:>12} bytes of disk per record, before compaction", store.engine().disk_bytes()? / total);
    println!("{:>12} KiB resident", resident());
    let begun = Clock::now();
    drop(store);
    let store = Store::open(open(&name, folder.path())?, Options::default())?;
    println!("{:>12} ms to open, after a stop without checkpoint", begun.elapsed().as_millis());
    report("reads by id with body, 2 threads", records, || {
        let view = store.view(None)?;
        concurrently(2, records, |n| {
            let version = view.read("Observation", &id(n * 7919 % records))?.ok_or("not there")?;
            let body = version.body()?.ok_or("no body")?;
            (body.len() > 1_000).then_some(()).ok_or_else(|| "short".into())
        })
    })?;
    report("index pages of 20 with bodies, 2 threads", records / 20, || {
        let view = store.view(None)?;
        concurrently(2, records / 20, |n| {
            let key = format!("code={}|", n % 300);
            let rows: Result<Vec<_>, _> = view.index_prefix(key.as_bytes(), Direction::Forward).take(20).collect();
            let numbers: Vec<_> = rows?.iter().map(|row| row.number).collect();
            for found in view.resources(&numbers)? {
                found.ok_or("not there")?.1.body()?;
            }
            Ok(())
        })
    })?;
    let begun = Clock::now();
    store.engine().compact()?;
    println!("{:>12} ms to compact", begun.elapsed().as_millis());
    println!("{:>12} bytes of disk per record, compacted", store.engine().disk_bytes()? / total);
    sizes(folder.path())?;
    println!("{:>12} KiB resident", resident());
    drop(store);
    let begun = Clock::now();
    let store = Store::open(open(&name, folder.path())?, Options::default())?;
    println!("{:>12} ms to open, compacted", begun.elapsed().as_millis());
    println!("{:>12} records counted", store.view(None)?.count("Observation")?);
    Ok(())
}

fn open(name: &str, folder: &Path) -> Result<Arc<dyn Engine>, Failure> {
    let options = EngineOptions::default();
    Ok(match name {
        "fjall" => storage::fjall::open(folder, &options)?,
        "sled" => storage::sled::open(folder, &options)?,
        "memory" => storage::memory::open(),
        _ => return Err(format!("no engine {name}").into()),
    })
}

fn report(what: &str, records: u64, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let (begun, cpu) = (Clock::now(), cpu_ticks());
    work()?;
    let rate = records as f64 / begun.elapsed().as_secs_f64();
    let cpu = (cpu_ticks() - cpu) as f64 * 10_000.0 / records as f64;
    println!("{rate:>12.0} /s {what} ({cpu:.0} us of CPU each, {} MiB resident)", resident() / 1024);
    Ok(())
}

/// User and system time of this process, in hundredths of a second (Linux).
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or("").split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn concurrently(threads: u64, count: u64, work: impl Fn(u64) -> Result<(), Failure> + Sync) -> Result<(), Failure> {
    let next = AtomicU64::new(0);
    let mut times = std::thread::scope(|scope| {
        let each = || {
            let mut times = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return Ok(times);
                }
                let begun = Clock::now();
                work(n)?;
                times.push(begun.elapsed());
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(each)).collect();
        let mut all = Vec::new();
        for thread in threads {
            let times: Result<Vec<Duration>, Failure> = thread.join().map_err(|_| "a thread panicked")?;
            all.extend(times?);
        }
        Ok::<_, Failure>(all)
    })?;
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 1_000).min(times.len() - 1)).copied().unwrap_or_default();
    println!("{:>12} median {:?}, p99 {:?}, p99.9 {:?}", "", at(500), at(990), at(999));
    Ok(())
}

fn raw_batch(records: std::ops::Range<u64>) -> Batch {
    let mut batch = Batch::new();
    for n in records {
        batch.put(Space::Versions, n.to_be_bytes(), body(n));
        for key in index(n) {
            batch.put(Space::Index, [&key[..], &n.to_be_bytes()].concat(), Vec::new());
        }
    }
    batch
}

fn commit(store: &Store, records: std::ops::Range<u64>) -> Result<(), Failure> {
    let mut transaction = Transaction::new(Instant(1_767_225_600_000));
    for n in records {
        let id = id(n);
        transaction.write(Write {
            type_name: "Observation".to_owned(),
            bucket: Bucket::of_patient(&format!("{}", n / 300)),
            id,
            expect: Expect::Any,
            method: Method::Update,
            content: Some(Content { body: body(n).into_bytes().into(), mark: 30, index: index(n) }),
            unless_same: false,
        });
    }
    store.commit(transaction)?;
    Ok(())
}

fn mix(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

fn id(n: u64) -> String {
    let (a, b) = (mix(n), mix(!n));
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xffff, a & 0xffff, b >> 48, b & 0xffff_ffff_ffff)
}

fn index(n: u64) -> Vec<Vec<u8>> {
    let day = mix(n) % 3_000;
    vec![
        format!("code={}|", n % 300).into_bytes(),
        format!("category={}|", n % 5).into_bytes(),
        [b"subject=", &mix(n / 300).to_be_bytes()[..]].concat(),
        [b"encounter=", &mix(n / 20).to_be_bytes()[..]].concat(),
        format!("date={day:08}|").into_bytes(),
        format!("value={:08}|", mix(n) % 10_000).into_bytes(),
        b"status=final|".to_vec(),
        format!("performer={}|", n % 1_000).into_bytes(),
    ]
}

fn body(n: u64) -> String {
    let value = mix(n) % 10_000;
    let mut text = format!(
        r#"{{"resourceType":"Observation","id":"{}","status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital signs"}}]}}],"code":{{"coding":[{{"system":"http://example.org/codes","code":"{}","display":"Measurement number {}"}}],"text":"Measurement number {}"}},"subject":{{"reference":"Patient/{}"}},"encounter":{{"reference":"Encounter/{}"}},"effectiveDateTime":"20{:02}-0{}-1{}T10:{:02}:00+01:00","valueQuantity":{{"value":{}.{:02},"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}},"component":["#,
        id(n),
        n % 300,
        n % 300,
        n % 300,
        id(n / 300),
        id(n / 20),
        n % 25,
        n % 9 + 1,
        n % 10,
        n % 60,
        value / 100,
        value % 100,
    );
    for part in 0..6 {
        let value = mix(n * 7 + part) % 1_000;
        text.push_str(&format!(
            r#"{}{{"code":{{"coding":[{{"system":"http://example.org/parts","code":"part-{part}","display":"Part number {part} of the measurement"}}]}},"valueQuantity":{{"value":{value},"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}}}"#,
            if part == 0 { "" } else { "," },
        ));
    }
    text.push_str("]}");
    text
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

fn sizes(folder: &Path) -> Result<(), Failure> {
    let tables = folder.join("tables").join("keyspaces");
    if !tables.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(tables)? {
        let path = entry?.path();
        let mut bytes = 0;
        let mut folders = vec![path.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                match entry.file_type()?.is_dir() {
                    true => folders.push(entry.path()),
                    false => bytes += entry.metadata()?.len(),
                }
            }
        }
        println!("{bytes:>12} bytes in {}", path.file_name().unwrap_or_default().to_string_lossy());
    }
    Ok(())
}
