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

/// A connection that is kept, or made again where the server said that it closes it.
#[derive(Debug)]
pub struct Connection {
    address: String,
    /// The last answer said `Connection: close`.
    closed: bool,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(address: &str) -> Result<Connection, String> {
        let stream = connected(address)?;
        Ok(Connection { address: address.to_owned(), closed: false, stream, buffer: Vec::with_capacity(64 << 10) })
    }

    /// Sends a request and takes its answer, which must say its length or come in chunks; what has neither has no body.
    ///
    /// # Errors
    /// Where the connection breaks, or the answer is no HTTP; the connection is of no more use then.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Answer, String> {
        if self.closed {
            (self.stream, self.closed) = (connected(&self.address)?, false);
        }
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
        self.closed = answer.header("connection").is_some_and(|word| word.eq_ignore_ascii_case("close"));
        if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            answer.body = self.chunks(end)?;
            return Ok(answer);
        }
        let length: usize = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        while self.buffer.len() < end + length {
            self.more()?;
        }
        answer.body = self.buffer.get(end..end + length).unwrap_or_default().to_vec();
        Ok(answer)
    }

    /// A body in chunks (RFC 9112, 7.1) that begins at a place of the buffer; trailers are passed over.
    fn chunks(&mut self, from: usize) -> Result<Vec<u8>, String> {
        let (mut at, mut body) = (from, Vec::new());
        loop {
            let line = self.line(at)?;
            at += line.len() + 2;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| format!("{line:?} is no size of a chunk"))?;
            if size == 0 {
                loop {
                    let trailer = self.line(at)?;
                    at += trailer.len() + 2;
                    if trailer.is_empty() {
                        return Ok(body);
                    }
                }
            }
            while self.buffer.len() < at + size + 2 {
                self.more()?;
            }
            body.extend_from_slice(self.buffer.get(at..at + size).unwrap_or_default());
            at += size + 2;
        }
    }

    /// The line that begins at a place of the buffer, without its end.
    fn line(&mut self, at: usize) -> Result<String, String> {
        loop {
            let rest = self.buffer.get(at..).unwrap_or_default();
            if let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
                return String::from_utf8(rest.get(..end).unwrap_or_default().to_vec())
                    .map_err(|error| error.to_string());
            }
            self.more()?;
        }
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

fn connected(address: &str) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(address).map_err(|error| format!("{address}: {error}"))?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(stream)
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What a client makes of two answers that come in pieces, one after the other on one connection.
    fn exchanged(answers: [&'static [&'static [u8]]; 2]) -> Vec<Result<Answer, String>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for pieces in answers {
                let mut asked = [0; 512];
                assert!(stream.read(&mut asked).unwrap() > 0);
                for piece in pieces {
                    stream.write_all(piece).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                if pieces.concat().windows(5).any(|window| window == b"close") {
                    (stream, _) = listener.accept().unwrap();
                }
            }
        });
        let mut connection = Connection::open(&address).unwrap();
        let asked = request("GET", "/", "", "");
        let results = (0..2).map(|_| connection.exchange(&asked)).collect();
        drop(connection);
        server.join().unwrap();
        results
    }

    #[test]
    fn a_body_in_chunks_is_put_together_and_the_next_answer_is_found() {
        let results = exchanged([
            &[
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
                b"llo\r",
                b"\nA;x=y\r\n, \r\n world\r\n0\r\nEnd: 1\r\n",
                b"\r\n",
            ],
            &[b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc"],
        ]);
        let answers: Vec<Answer> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!((answers[0].status, answers[0].body.as_slice()), (200, b"hello, \r\n world".as_slice()));
        assert_eq!((answers[1].status, answers[1].body.as_slice()), (201, b"abc".as_slice()));
    }

    #[test]
    fn a_connection_that_the_server_closes_is_made_again() {
        let results = exchanged([
            &[b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"],
            &[b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"],
        ]);
        let bodies: Vec<Vec<u8>> = results.into_iter().map(|result| result.unwrap().body).collect();
        assert_eq!(bodies, [b"a", b"b"]);
    }

    #[test]
    fn a_chunk_without_a_size_is_told() {
        let wrong: &[&[u8]] = &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n"];
        let results = exchanged([wrong, wrong]);
        assert!(results[0].as_ref().unwrap_err().contains("no size of a chunk"));
    }
}
