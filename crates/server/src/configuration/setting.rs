//! Every option of the program, one row each: `--help`, `config --print`, the environment, the file and
//! `docs/operations.md` are all made of this table.

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number of at least this.
    Number(u64),
    /// A size in bytes; `KiB`, `MiB` and `GiB` may follow.
    Bytes,
    /// `true` or `false`; as a flag it takes no value.
    Switch,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Levels of [`interaction::document_checks::DocumentChecks`].
    Levels,
}

/// One option.
#[derive(Debug)]
pub struct Setting {
    /// Its name: the flag `--max-body`, the key `max-body` of the file, and `PASSERELLE_MAX_BODY`.
    pub key: &'static str,
    /// What stands for the value in help.
    pub value: &'static str,
    /// What the value must be.
    pub kind: Kind,
    /// The value where none is given; empty for none.
    pub default: &'static str,
    /// The commands that it matters to; empty for all.
    pub commands: &'static [&'static str],
    /// What it does, in a sentence or two.
    pub help: &'static str,
}

impl Setting {
    /// Its environment variable.
    pub fn environment(&self) -> String {
        format!("PASSERELLE_{}", self.key.to_ascii_uppercase().replace('-', "_"))
    }

    /// Whether a command takes it.
    pub fn is_for(&self, command: &str) -> bool {
        self.commands.is_empty() || self.commands.contains(&command)
    }
}

const SERVE: &[&str] = &["serve", "config"];
const STORE: &[&str] = &["serve", "load", "export", "packages", "config"];

macro_rules! settings {
    ($($key:literal $value:literal $kind:expr, $default:literal, $commands:expr, $help:literal;)*) => {
        /// The table.
        pub static SETTINGS: &[Setting] = &[$(Setting {
            key: $key, value: $value, kind: $kind, default: $default, commands: $commands, help: $help,
        }),*];
    };
}

settings! {
    "listen" "ADDRESS" Kind::Text, "127.0.0.1:8080", SERVE,
        "Address and port to listen on. Port 0 takes a free one, which is printed.";
    "mllp" "ADDRESS" Kind::Text, "", SERVE,
        "Address and port to take HL7 v2 messages on by MLLP, over TLS where tls-certificate is given: each is converted, stored, and then acknowledged.";
    "data" "DIR" Kind::Text, "data", STORE,
        "Folder of the store. It is made when it is not there.";
    "engine" "NAME" Kind::Choice(&["fjall", "sled", "memory"]), "fjall", STORE,
        "Storage engine. sled is the alternative: slower, and its flush is weaker than an fsync. memory keeps nothing.";
    "demo" "" Kind::Switch, "false", SERVE,
        "Serve a fresh store in a fresh folder, filled with the built-in examples; --data is not used.";
    "base-url" "URL" Kind::Text, "", &["serve", "load", "config"],
        "Public URL of the FHIR base, ending in /fhir, as it stands in links. Without it links follow the Host header.";
    "workers" "NUMBER" Kind::Number(0), "0", SERVE,
        "Threads that serve connections; 0: as many as there are processors.";
    "writers" "NUMBER" Kind::Number(0), "0", SERVE,
        "Threads for work that may block: writes, conversions, history, searches; 0: eight for each of --workers.";
    "max-requests" "NUMBER" Kind::Number(1), "1024", SERVE,
        "Requests at a time; more are answered 503 with Retry-After.";
    "max-body" "BYTES" Kind::Bytes, "128MiB", &[],
        "Largest body of a request or file, after decompression; a larger one is answered 413.";
    "max-depth" "NUMBER" Kind::Number(8), "128", &[],
        "Elements within elements; deeper input is refused.";
    "request-timeout" "SECONDS" Kind::Number(1), "60", SERVE,
        "Longest time for one request; then 503. A write that has begun is still finished.";
    "shutdown-timeout" "SECONDS" Kind::Number(0), "30", SERVE,
        "How long requests that are under way may take after SIGTERM or SIGINT.";
    "tls-certificate" "FILE" Kind::Text, "", SERVE,
        "Certificate chain in PEM. With it and --tls-key the server speaks HTTPS (TLS 1.2 and 1.3) only.";
    "tls-key" "FILE" Kind::Text, "", SERVE,
        "Private key of the certificate, in PEM.";
    "tls-client-authority" "FILE" Kind::Text, "", SERVE,
        "Certificate authorities in PEM: every client must present a certificate of one of them (mutual TLS).";
    "cors-origins" "LIST" Kind::Text, "", SERVE,
        "Origins whose pages may call the server, separated by commas; * for all. Without it no CORS headers are sent.";
    "validate-resources" "LEVEL" Kind::Choice(&["text", "structure", "profiles"]), "structure", &["serve", "load", "config"],
        "What a resource must pass to be stored: its text, also the structure of its type, also all rules of claimed profiles.";
    "validate-documents" "LEVELS" Kind::Levels, "enforce", &["serve", "load", "config"],
        "A pushed FHIR document that breaks its European profile is stored (off), stored with an OperationOutcome (report), or refused (enforce). Other levels for a category or a caller follow: enforce,Laboratory-Reports=report,@CALLER=off,Laboratory-Reports@CALLER=enforce.";
    "validate-conversions" "LEVELS" Kind::Levels, "report", &["serve", "load", "config"],
        "The same for a document that was converted here.";
    "terminology-server" "URL" Kind::Text, "", SERVE,
        "FHIR base URL of a terminology server that is asked of codes that cannot be decided here; only codes are sent. Without one, and while it is silent, such codes are a warning.";
    "unknown-extensions" "LEVEL" Kind::Choice(&["warning", "error"]), "warning", &["serve", "validate", "config"],
        "What an extension whose definition is not known is for a validation on demand; modifier extensions always are errors.";
    "example-urls" "LEVEL" Kind::Choice(&["off", "warning", "error"]), "off", &["serve", "validate", "config"],
        "What a URL that is made for examples (example.org, acme.com) is for a validation on demand.";
    "markup-in-text" "LEVEL" Kind::Choice(&["off", "warning", "error"]), "off", &["serve", "validate", "config"],
        "What a text that looks like markup is for a validation on demand.";
    "broad-search" "WORD" Kind::Choice(&["allow", "refuse"]), "allow", SERVE,
        "A search that names neither a patient nor a record, and what goes over all patients, is answered, or refused with 403.";
    "log-level" "LEVEL" Kind::Choice(&["error", "warn", "info", "debug", "trace"]), "info", &[],
        "How much is logged, to standard error. Queries and bodies are never logged: they hold identities.";
    "log-format" "FORMAT" Kind::Choice(&["text", "json"]), "text", &[],
        "Log lines for people or one JSON object a line.";
    "static-probe" "BYTES" Kind::Bytes, "0", SERVE,
        "For measurements: answer GET /static-probe with that many bytes from memory; 0: there is no such path.";
    "package-folder" "DIR" Kind::Text, "", &["serve", "packages", "validate", "config"],
        "Folder of FHIR packages, laid out as NAME#VERSION/package; without it, packages in the folder of the store.";
    "package-registry" "URL" Kind::Text, "", &["packages", "config"],
        "FHIR package registry that packages add fetches from: URL/NAME/VERSION answers the archive. There is no default.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_flags_and_help_is_a_sentence() {
        for setting in SETTINGS {
            assert!(setting.key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", setting.key);
            assert!(setting.help.ends_with('.'), "{}", setting.key);
            assert_eq!(SETTINGS.iter().filter(|other| other.key == setting.key).count(), 1, "{}", setting.key);
        }
    }
}
