//! The answer to a [`Call`](crate::Call), without its transport.

use access::Released;
use model::Instant;

use crate::Refusal;

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `None` for none.
    pub body: Option<Released>,
    /// The media type of the body.
    pub content_type: String,
    /// `Location`: absolute URL of the version that was created.
    pub location: Option<String>,
    /// `ETag`, with its quotes: `W/"3"`.
    pub etag: Option<String>,
    /// `Last-Modified`
    pub last_modified: Option<Instant>,
    /// `Allow`, with status 405.
    pub allow: Option<String>,
    /// `Content-Range`, with status 206 and 416.
    pub content_range: Option<String>,
    /// `X-Security-Context`, of the raw content of a Binary.
    pub security_context: Option<String>,
    /// `Content-Location`
    pub content_location: Option<String>,
    /// A body that is made while it is sent, in place of [`Answer::body`].
    pub stream: Option<crate::bulk::Stream>,
    /// What went wrong inside, for the log; never for the caller.
    pub internal: Option<String>,
    /// The FHIR name of the interaction that answered, for the log: `read`, `$convert`.
    pub interaction: &'static str,
}

impl Answer {
    /// A status and nothing else.
    pub fn empty(status: u16) -> Answer {
        Answer {
            status,
            body: None,
            content_type: String::new(),
            location: None,
            etag: None,
            last_modified: None,
            allow: None,
            content_range: None,
            security_context: None,
            content_location: None,
            stream: None,
            internal: None,
            interaction: "",
        }
    }

    /// A status and a body.
    pub fn with_body(status: u16, content_type: impl Into<String>, body: Released) -> Answer {
        Answer { body: Some(body), content_type: content_type.into(), ..Answer::empty(status) }
    }

    /// A refusal in the form that the caller asked for.
    pub(crate) fn refusal(refusal: Refusal, media: &crate::media::Media, shapes: &dyn model::Shapes) -> Answer {
        let outcome = model::operation_outcome(&refusal.issues);
        let body = Released::statement(crate::render::tree(outcome.root(), media, shapes));
        let mut answer = Answer::with_body(refusal.class.status(), media.content_type(), body);
        answer.allow = refusal.allow;
        answer.internal = refusal.internal;
        answer
    }
}

/// The entity tag of a version.
pub(crate) fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}
