//! HL7 v2 over MLLP (`--mllp ADDRESS`): each message is converted and stored as `$convert?store=true` does, and acknowledged
//! only when the commit is durable. Specification: <https://www.hl7.org/implement/standards/product_brief.cfm?product_id=55>,
//! acknowledgements as in chapter 2 of HL7 v2 (original mode). Over TLS where the server speaks TLS; nothing is sent on its own.
//!
//! A message that has begun must come whole, and its answer be taken, within the time limit of a request; between messages a
//! connection may stay silent.

mod acknowledgement;
mod frame;

use std::io;
use std::net::{SocketAddr, TcpListener as Blocking};
use std::sync::Arc;
use std::time::Duration;

use access::Evidence;
use actix_web::web::{self, Data};
use interaction::{Call, Headers, Method};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::http::{HttpError, State, tls};
use frame::{Frames, Next};

/// The media type of HL7 v2 in its own encoding.
const MEDIA: &str = "x-application/hl7-v2+er7";

/// Begins to listen on an address, over TLS where there is a configuration of it; connections are served by tasks of the
/// running system.
///
/// # Errors
/// Where the address cannot be used; nothing listens then.
pub(crate) fn start(
    state: Data<State>,
    address: &str,
    base: String,
    tls: Option<ServerConfig>,
) -> Result<SocketAddr, HttpError> {
    let acceptor = tls.map(|configuration| TlsAcceptor::from(Arc::new(configuration)));
    let failed = |source| HttpError::Bind { address: address.to_owned(), source };
    let listener = Blocking::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let listener = TcpListener::from_std(listener).map_err(failed)?;
    let connections = Arc::new(Semaphore::new(state.connections()));
    actix_web::rt::spawn(async move {
        loop {
            let Ok(permit) = connections.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (state, base, acceptor) = (state.clone(), base.clone(), acceptor.clone());
                    actix_web::rt::spawn(async move {
                        if let Err(error) = accepted(stream, acceptor, &state, &base).await {
                            tracing::debug!(%error, "MLLP connection ended");
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    // No file descriptors, for one: wait a little instead of spinning.
                    tracing::warn!(%error, "MLLP connection not accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    });
    Ok(bound)
}

/// Serves a connection, after its handshake where there is one.
async fn accepted(
    mut stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    state: &Data<State>,
    base: &str,
) -> io::Result<()> {
    let Some(acceptor) = acceptor else { return serve(&mut stream, None, state, base).await };
    let mut stream = timeout(state.timeout, acceptor.accept(stream)).await??;
    let subject = tls::subject(stream.get_ref().1);
    serve(&mut stream, subject, state, base).await
}

/// Answers the messages of one connection, in order, until it ends; `subject` names the client's certificate.
async fn serve(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    subject: Option<String>,
    state: &Data<State>,
    base: &str,
) -> io::Result<()> {
    let mut frames = Frames::new(state.longest_body(), state.timeout);
    loop {
        match frames.next(stream).await? {
            Next::End => return Ok(()),
            Next::TooLong => {
                let answer = acknowledgement::too_long(state.longest_body(), state.now());
                send(stream, &answer, state.timeout).await?;
                // What follows is the rest of that message: there is no telling where the next one begins.
                return stream.shutdown().await;
            }
            Next::Message(message) => {
                let answer = answer(message, subject.clone(), state, base).await;
                send(stream, &answer, state.timeout).await?;
            }
        }
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), answer: &[u8], limit: Duration) -> io::Result<()> {
    let framed = frame::framed(answer);
    let written = async {
        stream.write_all(&framed).await?;
        stream.flush().await
    };
    timeout(limit, written).await?
}

/// The acknowledgement of one message.
async fn answer(message: Vec<u8>, subject: Option<String>, state: &Data<State>, base: &str) -> Vec<u8> {
    let message = Arc::new(message);
    let Ok(_slot) = state.slot() else {
        return acknowledgement::of(&message, 503, None, state.now());
    };
    let (shared, bytes, base) = (state.clone(), message.clone(), base.to_owned());
    let work = web::block(move || store(&shared, &bytes, subject.as_deref(), &base));
    // No time limit: the sender waits, and an answer that comes late is still true.
    let (status, body) = work.await.unwrap_or((500, None));
    if status >= 400 {
        tracing::info!(status, "MLLP message refused");
    }
    acknowledgement::of(&message, status, body.as_deref(), state.now())
}

/// Converts and stores through the one way of all requests; gives the status and, where it is refused, the OperationOutcome.
fn store(state: &State, bytes: &[u8], subject: Option<&str>, base: &str) -> (u16, Option<Vec<u8>>) {
    let evidence = Evidence { authorization: None, certificate: subject };
    let caller = match state.service.settings().policy.identify(&evidence) {
        Ok(caller) => caller,
        Err(_) => return (401, None),
    };
    let call = Call {
        caller: &caller,
        method: Method::Post,
        path: "$convert",
        query: "store=true",
        headers: Headers { content_type: Some(MEDIA), accept: Some("application/fhir+json"), ..Headers::default() },
        body: bytes,
        base,
        now: state.now(),
        ids: &*state.ids,
    };
    let answer = state.service.answer(&call);
    if let Some(internal) = &answer.internal {
        tracing::error!(internal, "MLLP fault");
    }
    let body = answer.body.filter(|_| answer.status >= 400).map(access::Released::into_bytes);
    (answer.status, body)
}
