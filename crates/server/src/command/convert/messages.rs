//! HL7 v2 files of several messages: a batch with its envelope (FHS, BHS … BTS, FTS), or messages one after the other.

use std::io::{self, BufRead};

/// Whether a file begins as HL7 v2 does: with a header of a message, a batch or a file.
pub(super) fn begins(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let start = head.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != 0x0b).unwrap_or(head.len());
    let names = [b"MSH", b"FHS", b"BHS"];
    let found = head.get(start..).unwrap_or_default();
    let separated = found.get(3).is_some_and(u8::is_ascii_punctuation);
    separated && names.iter().any(|name| found.starts_with(*name))
}

/// The messages of a text, in order; the lines of an envelope belong to none. `most` bounds the bytes of one.
pub(super) struct Messages<R> {
    reader: R,
    most: usize,
    /// The first line of the next message, read already.
    ahead: Vec<u8>,
}

impl<R: BufRead> Messages<R> {
    pub(super) fn of(reader: R, most: usize) -> Messages<R> {
        Messages { reader, most, ahead: Vec::new() }
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// Those of reading, and [`io::ErrorKind::FileTooLarge`] for a message of more bytes; what follows it is not read.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut message = std::mem::take(&mut self.ahead);
        while let Some(line) = self.line()? {
            let bare = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
            let bare = bare.strip_prefix(b"\x0b").unwrap_or(bare);
            if [b"FHS", b"BHS", b"BTS", b"FTS"].iter().any(|name| bare.starts_with(*name)) {
                continue;
            }
            if bare.starts_with(b"MSH") && !message.is_empty() {
                self.ahead = line;
                return Ok(Some(message));
            }
            let blank = line.iter().all(|byte| byte.is_ascii_whitespace() || matches!(byte, 0x0b | 0x1c));
            if message.is_empty() && blank {
                continue;
            }
            message.extend(line);
            if message.len() > self.most {
                return Err(self.too_large());
            }
        }
        Ok(Some(message).filter(|message| !message.is_empty()))
    }

    /// The next line with the CR or LF that ends it.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Some(line).filter(|line| !line.is_empty()));
            }
            let end = buffer.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let count = end.map_or(buffer.len(), |end| end + 1);
            line.extend(buffer.iter().take(count));
            self.reader.consume(count);
            if end.is_some() {
                return Ok(Some(line));
            }
            if line.len() > self.most {
                return Err(self.too_large());
            }
        }
    }

    fn too_large(&self) -> io::Error {
        let text = format!("The message has more than {} bytes; the rest of the file was not read.", self.most);
        io::Error::new(io::ErrorKind::FileTooLarge, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, most: usize) -> Vec<String> {
        let mut messages = Messages::of(text.as_bytes(), most);
        let mut found = Vec::new();
        loop {
            match messages.next() {
                Ok(Some(message)) => found.push(String::from_utf8(message).unwrap()),
                Ok(None) => return found,
                Err(error) => {
                    found.push(error.kind().to_string());
                    return found;
                }
            }
        }
    }

    #[test]
    fn an_envelope_is_no_message_and_each_header_begins_one() {
        let batch = "\u{feff}FHS|^~\\&|A\rBHS|^~\\&|A\rMSH|^~\\&|1\rPID|1\rMSH|^~\\&|2\rPID|2\rBTS|2\rFTS|1\r";
        assert_eq!(all(batch, 100), ["MSH|^~\\&|1\rPID|1\r", "MSH|^~\\&|2\rPID|2\r"]);
        let framed = "\u{b}MSH|^~\\&|1\r\nPID|1\r\n\u{1c}\r\n\u{b}MSH|^~\\&|2\n";
        assert_eq!(all(framed, 100).len(), 2);
        assert!(all("", 100).is_empty());
        assert_eq!(all(batch, 12), ["file too large"]);
    }

    #[test]
    fn only_hl7_v2_begins_as_one() {
        for text in ["MSH|^~\\&", "\u{feff}FHS|", "\u{b}MSH|", "\r\nBHS#"] {
            assert!(begins(text.as_bytes()), "{text:?}");
        }
        for text in ["", "MSHX|", "<MSH/>", "{\"MSH|\":1}"] {
            assert!(!begins(text.as_bytes()), "{text:?}");
        }
    }
}
