//! One connection to a server, kept: HTTP/1.1 by hand, so that a client costs little beside the server it measures.

use std::io::{Read, Write};
use std::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(address: &str) -> Result<Connection, String> {
        let stream = TcpStream::connect(address).map_err(|error| format!("{address}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Connection { stream, buffer: Vec::with_capacity(64 << 10) })
    }

    /// Sends a request and takes its answer, which must say its length.
    ///
    /// # Errors
    /// Where the connection breaks, or the answer is no HTTP; the connection is of no more use then.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Answer, String> {
        self.stream.write_all(request).map_err(|error| error.to_string())?;
        self.buffer.clear();
        let end = loop {
            self.more()?;
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or("no status")?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length: usize = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        while self.buffer.len() < end + length {
            self.more()?;
        }
        answer.body = self.buffer.get(end..end + length).unwrap_or_default().to_vec();
        Ok(answer)
    }

    fn more(&mut self) -> Result<(), String> {
        let length = self.buffer.len();
        self.buffer.resize(length + (32 << 10), 0);
        let room = self.buffer.get_mut(length..).unwrap_or_default();
        let count = self.stream.read(room).map_err(|error| error.to_string())?;
        self.buffer.truncate(length + count);
        if count == 0 { Err("the server closed the connection".into()) } else { Ok(()) }
    }
}

/// The bytes of a request with a FHIR JSON body; `more` are further header lines, each ended by `\r\n`.
pub fn request(method: &str, path: &str, more: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bench\r\nAccept: application/fhir+json\r\n{more}\
         Content-Type: application/fhir+json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
