//! TLS 1.2 and 1.3 by rustls, with mutual TLS where it is configured.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use actix_web::rt::net::TcpStream;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use sha2::{Digest, Sha256};

use crate::configuration::Values;

/// Why TLS cannot be used. Nothing listens then.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or holds something else.
    #[error("{file}: {reason}")]
    File {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
    /// Certificate and key do not fit, or the authorities are none.
    #[error("TLS: {0}")]
    Refused(String),
    /// One of the two is missing.
    #[error("tls-certificate and tls-key are needed together; tls-client-authority needs both")]
    Together,
}

/// The TLS configuration; `None` where none is asked for.
///
/// # Errors
/// See [`TlsError`].
pub(crate) fn configuration(values: &Values) -> Result<Option<ServerConfig>, TlsError> {
    let (certificate, key, authority) =
        (values.some_text("tls-certificate"), values.some_text("tls-key"), values.some_text("tls-client-authority"));
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) if authority.is_none() => return Ok(None),
        _ => return Err(TlsError::Together),
    };
    let refused = |error: &dyn std::fmt::Display| TlsError::Refused(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| refused(&error))?;
    let builder = match authority {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| unusable(file, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| refused(&error))?)
        }
    };
    let key_file = PrivateKeyDer::from_pem_file(Path::new(key)).map_err(|error| unusable(key, &error))?;
    let configuration = builder.with_single_cert(certificates(certificate)?, key_file);
    configuration.map(Some).map_err(|error| refused(&error))
}

/// What names the client of a connection whose certificate was verified: the SHA-256 of the certificate, as RFC 8705 has it.
pub(crate) fn client_subject(connection: &dyn Any) -> Option<String> {
    let stream = connection.downcast_ref::<actix_tls::accept::rustls_0_23::TlsStream<TcpStream>>()?;
    let (_, session) = stream.get_ref();
    subject(session)
}

/// The same of a session.
pub(crate) fn subject(session: &ServerConnection) -> Option<String> {
    let certificate = session.peer_certificates()?.first()?;
    let digest = Sha256::digest(certificate);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("x5t#S256:{hex}"))
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(Path::new(file)).map_err(|error| unusable(file, &error))?;
    found.collect::<Result<_, _>>().map_err(|error| unusable(file, &error))
}

fn unusable(file: &str, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { file: file.to_owned(), reason: reason.to_string() }
}
