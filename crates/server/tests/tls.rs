//! HTTPS and mutual TLS, with certificates made for the test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::blocking::Client;
use running::{start, told};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sha2::{Digest, Sha256};

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Files {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let files = Files { folder };
        files.write("authority.pem", &authority.pem());
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            files.write(&format!("{name}.pem"), &params.signed_by(&key, &authority).unwrap().pem());
            files.write(&format!("{name}-key.pem"), &key.serialize_pem());
        }
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(Path::new(&self.path(name))).unwrap()
    }

    fn config(&self, with_certificate: bool) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate("authority.pem")).unwrap();
        let builder = ClientConfig::builder().with_root_certificates(roots);
        match with_certificate {
            false => builder.with_no_client_auth(),
            true => {
                let key = PrivateKeyDer::from_pem_file(Path::new(&self.path("client-key.pem"))).unwrap();
                builder.with_client_auth_cert(vec![self.certificate("client.pem")], key).unwrap()
            }
        }
    }

    fn client(&self, with_certificate: bool) -> Client {
        let config = self.config(with_certificate);
        Client::builder().tls_backend_preconfigured(config).build().unwrap()
    }
}

#[test]
fn https_answers_and_its_links_say_https() {
    let files = Files::new();
    let server = start(&[("tls-certificate", &files.path("server.pem")), ("tls-key", &files.path("server-key.pem"))]);
    assert!(server.base.starts_with("https://"));
    let answer = told(files.client(false).get(server.url("metadata")));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.tree().root().text_at("implementation.url"), Some(server.base.as_str()));
    // In the clear nothing is answered.
    assert!(server.client.get(server.url("metadata").replace("https", "http")).send().is_err());
}

#[test]
fn with_an_authority_of_clients_only_their_holders_get_in() {
    let files = Files::new();
    let server = start(&[
        ("tls-certificate", &files.path("server.pem")),
        ("tls-key", &files.path("server-key.pem")),
        ("tls-client-authority", &files.path("authority.pem")),
    ]);
    assert!(files.client(false).get(server.url("metadata")).send().is_err());
    assert_eq!(told(files.client(true).get(server.url("metadata"))).status, 200);
}

#[test]
fn the_holder_of_a_certificate_is_a_caller_with_a_level_of_his_own() {
    let files = Files::new();
    let digest = Sha256::digest(files.certificate("client.pem"));
    let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let published = |caller: &str| {
        let server = start(&[
            ("tls-certificate", &files.path("server.pem")),
            ("tls-key", &files.path("server-key.pem")),
            ("tls-client-authority", &files.path("authority.pem")),
            ("validate-documents", &format!("enforce,@{caller}=off")),
        ]);
        let client = files.client(true);
        let summary = include_str!("documents/summary.xml");
        let document = told(client.post(server.url("$convert")).body(summary)).text();
        let broken = document.replacen(r#""status":"final""#, r#""status":"finished""#, 1);
        told(client.post(server.url("$convert?store=true")).body(broken)).status
    };
    assert_eq!(published(&format!("x5t#S256:{name}")), 201);
    assert_eq!(published("x5t#S256:00"), 422);
}

#[test]
fn messages_of_hl7_v2_go_over_tls_to_holders_of_a_certificate() {
    let files = Files::new();
    let server = start(&[
        ("mllp", "127.0.0.1:0"),
        ("tls-certificate", &files.path("server.pem")),
        ("tls-key", &files.path("server-key.pem")),
        ("tls-client-authority", &files.path("authority.pem")),
    ]);
    let message = include_str!("../../convert/tests/pairs/hl7v2-admission/input.hl7");
    let answer = |with_certificate: bool| -> std::io::Result<String> {
        let config = Arc::new(files.config(with_certificate));
        let session = ClientConnection::new(config, "127.0.0.1".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(session, TcpStream::connect(server.mllp.unwrap())?);
        stream.write_all(&[b"\x0b", message.as_bytes(), b"\x1c\r"].concat())?;
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(b"\x1c\r") {
            stream.read_exact(&mut byte)?;
            bytes.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    assert!(answer(true).unwrap().contains("MSA|AA|ADT-1\r"));
    assert!(answer(false).is_err());
}
