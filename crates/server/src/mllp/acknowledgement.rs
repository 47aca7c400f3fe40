//! ACK: MSH, MSA, and ERR where the message was refused.
//!
//! AA: stored. AE: the content cannot be taken, sending it again changes nothing. AR: not processed; the kind of message is not
//! taken, or the server cannot at the moment (error 207: send it again).

use model::{Instant, Tree};

/// The parts of a header that an acknowledgement repeats.
struct Header {
    separator: char,
    encoding: String,
    fields: Vec<String>,
}

impl Header {
    /// That of a message; one of usual separators and nothing else where it has none.
    fn of(message: &[u8]) -> Header {
        let usual = Header { separator: '|', encoding: "^~\\&".to_owned(), fields: Vec::new() };
        let Some(start) = message.windows(3).position(|word| word == b"MSH") else { return usual };
        let line = message.get(start..).and_then(|rest| rest.split(|byte| matches!(byte, b'\r' | b'\n')).next());
        let line = String::from_utf8_lossy(line.unwrap_or_default()).into_owned();
        let Some(separator) = line.chars().nth(3).filter(|c| c.is_ascii_punctuation()) else { return usual };
        let fields: Vec<String> = line.split(separator).map(str::to_owned).collect();
        let encoding =
            fields.get(1).filter(|text| text.len() >= 2 && text.is_ascii()).cloned().unwrap_or(usual.encoding);
        Header { separator, encoding, fields }
    }

    /// A field by its number; MSH-1 is the separator itself.
    fn field(&self, number: usize) -> &str {
        self.fields.get(number - 1).map_or("", String::as_str)
    }

    fn escaped(&self, text: &str) -> String {
        let mut marks = self.encoding.chars();
        let (component, repetition) = (marks.next(), marks.next());
        let (escape, sub) = (marks.next(), marks.next());
        let escape = escape.unwrap_or('\\');
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            let code = match c {
                _ if c == self.separator => "F",
                _ if Some(c) == component => "S",
                _ if Some(c) == repetition => "R",
                _ if c == escape => "E",
                _ if Some(c) == sub => "T",
                _ if c.is_control() => {
                    out.push(' ');
                    continue;
                }
                _ => {
                    out.push(c);
                    continue;
                }
            };
            out.push(escape);
            out.push_str(code);
            out.push(escape);
        }
        out
    }

    fn line(&self, fields: &[&str]) -> String {
        let separator = self.separator.to_string();
        let mut line = fields.join(&separator);
        line.push('\r');
        line
    }
}

/// The acknowledgement of a message that was answered with an HTTP status and, where it was refused, an OperationOutcome.
pub(super) fn of(message: &[u8], status: u16, outcome: Option<&[u8]>, now: Instant) -> Vec<u8> {
    let header = Header::of(message);
    let issue = outcome.and_then(|bytes| model::json::read(bytes, &model::Limits::default()).ok());
    let kind = issue.as_ref().and_then(|tree| tree.root().text_at("issue.code")).unwrap_or_default().to_owned();
    let code = match status {
        200..=299 => "AA",
        422 if kind == "not-supported" => "AR",
        400..=428 => "AE",
        _ => "AR",
    };
    let mut text = begin(&header, code, now);
    if code != "AA" {
        text.push_str(&error(&header, status, &kind, issue.as_ref()));
    }
    text.into_bytes()
}

/// The acknowledgement of a message that was not read to its end.
pub(super) fn too_long(longest: usize, now: Instant) -> Vec<u8> {
    let header = Header::of(b"");
    let words = header.escaped(&format!("The message has more than {longest} bytes."));
    let error = header.line(&["ERR", "", "", "207^Application internal error^HL70357", "E", "", "", "", &words]);
    (begin(&header, "AR", now) + &error).into_bytes()
}

fn begin(header: &Header, code: &str, now: Instant) -> String {
    let time: String = now.to_fhir().chars().filter(|c| c.is_ascii_digit()).take(14).collect();
    let stamp = format!("{time}+0000");
    let component = header.encoding.chars().next().unwrap_or('^');
    let event = header.field(9).split(component).nth(1).unwrap_or_default();
    let kind = if event.is_empty() { "ACK".to_owned() } else { format!("ACK{component}{event}{component}ACK") };
    let id = format!("A{time}-{}", header.field(10));
    let msh = [
        "MSH",
        &header.encoding,
        header.field(5),
        header.field(6),
        header.field(3),
        header.field(4),
        &stamp,
        "",
        &kind,
        &id.chars().take(199).collect::<String>(),
        header.field(11),
        header.field(12),
        "",
        "",
        "",
        "",
        "",
        "UNICODE UTF-8",
    ];
    header.line(&msh) + &header.line(&["MSA", code, header.field(10)])
}

/// ERR of version 2.5: place, code of table 0357, severity, words for people.
fn error(header: &Header, status: u16, kind: &str, outcome: Option<&Tree>) -> String {
    let component = header.encoding.chars().next().unwrap_or('^');
    let (code, name) = match (status, kind) {
        (422, "not-supported") => ("200", "Unsupported message type"),
        (400..=428, "required" | "incomplete") => ("101", "Required field missing"),
        (400..=428, "structure") => ("100", "Segment sequence error"),
        (400..=428, _) => ("102", "Data type error"),
        _ => ("207", "Application internal error"),
    };
    let code = [code, name, "HL70357"].join(&component.to_string());
    let first = outcome.and_then(|tree| tree.root().get("issue"));
    let place =
        first.and_then(|issue| issue.text_at("expression")).map(|path| header.escaped(path)).unwrap_or_default();
    let words = first.and_then(|issue| issue.text_at("diagnostics").or(issue.text_at("details.text")));
    let words = words.map_or_else(|| format!("Not processed (status {status})."), str::to_owned);
    let words: String = words.chars().take(2000).collect();
    header.line(&["ERR", "", &place, &code, "E", "", "", "", &header.escaped(&words)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"MSH|^~\\&|LIS|LAB|KIS|WARD|20261012||ORU^R01^ORU_R01|M-1|P|2.5.1\rPID|1";

    fn text(status: u16, outcome: Option<&str>) -> String {
        String::from_utf8(of(MESSAGE, status, outcome.map(str::as_bytes), Instant(0))).unwrap_or_default()
    }

    #[test]
    fn an_acknowledgement_goes_back_to_its_sender() {
        let answer = text(201, None);
        assert!(answer.starts_with("MSH|^~\\&|KIS|WARD|LIS|LAB|19700101000000+0000||ACK^R01^ACK|"), "{answer}");
        assert!(answer.ends_with("\rMSA|AA|M-1\r") && !answer.contains("ERR"), "{answer}");
    }

    #[test]
    fn a_refusal_says_whether_sending_again_helps() {
        let outcome = |code: &str| {
            format!(
                r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"error","code":"{code}","diagnostics":"no | here","expression":["PID[1]-3"]}}]}}"#
            )
        };
        let answer = text(422, Some(&outcome("not-supported")));
        assert!(
            answer.contains("MSA|AR|M-1\rERR||PID[1]-3|200^Unsupported message type^HL70357|E||||no \\F\\ here"),
            "{answer}"
        );
        assert!(text(422, Some(&outcome("value"))).contains("MSA|AE|M-1\rERR||PID[1]-3|102^"));
        assert!(text(503, None).contains("MSA|AR|M-1\rERR|||207^"));
        assert!(text(500, None).contains("MSA|AR|M-1\rERR|||207^"));
    }

    #[test]
    fn what_has_no_header_is_acknowledged_too() {
        let answer = String::from_utf8(of(b"\xff\x00nonsense", 422, None, Instant(0))).unwrap_or_default();
        assert!(answer.starts_with("MSH|^~\\&|||||") && answer.contains("\rMSA|AE|\r"), "{answer}");
        assert!(!of(b"MSH", 422, None, Instant(0)).is_empty());
    }
}
