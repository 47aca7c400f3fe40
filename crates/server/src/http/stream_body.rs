//! A body that is made while it is sent: the next part in a worker thread, when the one before has gone.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use access::Released;
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, Data};
use interaction::Refusal;
use interaction::bulk::Stream;
use tokio::task::JoinHandle;

use super::state::State;

type Part = Option<Result<Released, Refusal>>;

/// The body of an export's file. Where a part fails, the connection breaks off: a file that ends well is whole.
pub(crate) struct StreamBody {
    state: Data<State>,
    source: Option<Stream>,
    work: Option<JoinHandle<(Stream, Part)>>,
}

impl StreamBody {
    /// A body that has not begun.
    pub(crate) fn new(state: Data<State>, source: Stream) -> StreamBody {
        StreamBody { state, source: Some(source), work: None }
    }
}

impl MessageBody for StreamBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let this = self.get_mut();
        if let Some(mut source) = this.source.take() {
            let state = this.state.clone();
            this.work = Some(tokio::task::spawn_blocking(move || {
                let part = source.next(&state.service);
                (source, part)
            }));
        }
        let Some(work) = &mut this.work else { return Poll::Ready(None) };
        let done = match Pin::new(work).poll(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(done) => done,
        };
        this.work = None;
        match done {
            Ok((source, Some(Ok(part)))) => {
                this.source = Some(source);
                Poll::Ready(Some(Ok(Bytes::from(part.into_bytes()))))
            }
            Ok((_, None)) => Poll::Ready(None),
            Ok((_, Some(Err(refusal)))) => {
                tracing::error!(internal = refusal.internal.as_deref().unwrap_or_default(), "an export broke off");
                Poll::Ready(Some(Err(io::Error::other("the export broke off"))))
            }
            Err(error) => Poll::Ready(Some(Err(io::Error::other(error)))),
        }
    }
}
