//! Frames: `<VT>` message `<FS><CR>`. What stands between frames is skipped.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

const BEGIN: u8 = 0x0b;
const END: [u8; 2] = [0x1c, 0x0d];

/// What comes next on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A whole message, without its frame.
    Message(Vec<u8>),
    /// A message that is longer than is read.
    TooLong,
    /// The connection ended.
    End,
}

/// The bytes of a connection that were read and not yet given out.
pub(super) struct Frames {
    bytes: Vec<u8>,
    longest: usize,
    /// From the first byte of a message that was read to its last.
    within: Duration,
}

impl Frames {
    /// For messages of at most so many bytes that come whole within a time.
    pub(super) fn new(longest: usize, within: Duration) -> Frames {
        Frames { bytes: Vec::new(), longest, within }
    }

    /// The next message. A connection that ends inside of a message gives nothing of it.
    ///
    /// # Errors
    /// Those of reading, and [`io::ErrorKind::TimedOut`] where a message that has begun does not end in time.
    pub(super) async fn next(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Next> {
        let mut seen = 0usize;
        let mut begun: Option<Instant> = None;
        loop {
            match self.bytes.first() {
                Some(&BEGIN) => {}
                Some(_) => {
                    let begin = self.bytes.iter().position(|byte| *byte == BEGIN).unwrap_or(self.bytes.len());
                    self.bytes.drain(..begin);
                    seen = 0;
                    continue;
                }
                None => seen = 0,
            }
            let from = seen.saturating_sub(1).min(self.bytes.len());
            let unseen = self.bytes.get(from..).unwrap_or_default();
            if let Some(end) = unseen.windows(2).position(|pair| pair == END) {
                let end = from + end;
                let message = self.bytes.get(1..end).unwrap_or_default().to_vec();
                self.bytes.drain(..end + END.len());
                return Ok(if message.len() > self.longest { Next::TooLong } else { Next::Message(message) });
            }
            if self.bytes.len() > self.longest.saturating_add(1) {
                return Ok(Next::TooLong);
            }
            seen = self.bytes.len();
            let mut chunk = [0; 16 << 10];
            let count = if self.bytes.is_empty() {
                stream.read(&mut chunk).await?
            } else {
                let begun = *begun.get_or_insert_with(Instant::now);
                timeout_at(begun + self.within, stream.read(&mut chunk)).await??
            };
            if count == 0 {
                return Ok(Next::End);
            }
            self.bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        }
    }
}

/// The message in its frame.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 3);
    bytes.push(BEGIN);
    bytes.extend_from_slice(message);
    bytes.extend_from_slice(&END);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], longest: usize) -> Vec<Next> {
        actix_web::rt::System::new().block_on(async {
            let mut frames = Frames::new(longest, Duration::from_secs(3600));
            let mut stream = text;
            let mut found = Vec::new();
            loop {
                match frames.next(&mut stream).await {
                    Ok(Next::End) | Err(_) => return found,
                    Ok(next) => {
                        let ended = next == Next::TooLong;
                        found.push(next);
                        if ended {
                            return found;
                        }
                    }
                }
            }
        })
    }

    #[test]
    fn frames_are_told_apart_and_what_is_between_them_is_skipped() {
        let message = |text: &str| Next::Message(text.as_bytes().to_vec());
        let text = b"\r\n\x0bMSH|one\rPID\x1c\r noise \x0b\x1c\r\x0btwo\x1cstill\x1c\r\x0bcut";
        assert_eq!(all(text, 100), [message("MSH|one\rPID"), message(""), message("two\x1cstill")]);
    }

    #[test]
    fn a_message_that_does_not_go_on_ends_and_silence_between_two_does_not() {
        actix_web::rt::System::new().block_on(async {
            let (mut theirs, mut ours) = tokio::io::duplex(64);
            let mut frames = Frames::new(100, Duration::ZERO);
            tokio::io::AsyncWriteExt::write_all(&mut theirs, b"\x0bwhole\x1c\r").await.unwrap();
            assert_eq!(frames.next(&mut ours).await.unwrap(), Next::Message(b"whole".to_vec()));
            tokio::io::AsyncWriteExt::write_all(&mut theirs, b"\x0bhalf").await.unwrap();
            assert_eq!(frames.next(&mut ours).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        });
    }

    #[test]
    fn what_is_too_long_is_not_read_to_its_end() {
        assert_eq!(all(b"\x0b12345\x1c\r", 4), [Next::TooLong]);
        assert_eq!(all(&[0x0b; 100_000], 1000), [Next::TooLong]);
    }
}
