//! A server in this process on a free port, and a client.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use interaction::Service;
use model::Tree;
use reqwest::blocking::{Client, RequestBuilder, Response};
use server::configuration::{SETTINGS, Source, Values};

pub struct Running {
    pub base: String,
    pub client: Client,
    /// Where HL7 v2 messages go, if anywhere.
    pub mllp: Option<std::net::SocketAddr>,
    handle: Option<ServerHandle>,
    thread: Option<JoinHandle<()>>,
}

/// An answer, taken.
pub struct Told {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Told {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn tree(&self) -> Tree {
        model::json::read(&self.body, &Default::default()).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts an OperationOutcome with this status and issue code.
    pub fn refused(&self, status: u16, code: &str) -> &Told {
        assert_eq!(self.status, status, "{}", self.text());
        let tree = self.tree();
        assert_eq!(tree.resource_type(), "OperationOutcome", "{}", self.text());
        assert_eq!(tree.root().text_at("issue.code"), Some(code), "{}", self.text());
        self
    }
}

/// Settings for a test: a free port, and what is given.
pub fn values(given: &[(&str, &str)]) -> Values {
    let mut values = Values::defaults();
    for (key, text) in [("listen", "127.0.0.1:0"), ("workers", "2"), ("writers", "8")].iter().chain(given) {
        let setting = SETTINGS.iter().find(|setting| setting.key == *key).unwrap();
        values.set(setting, text, Source::Flag).unwrap();
    }
    values
}

pub fn start(given: &[(&str, &str)]) -> Running {
    let store = server::store::open("memory", std::path::Path::new("")).unwrap();
    start_over(store, given)
}

pub fn start_over(store: storage::Store, given: &[(&str, &str)]) -> Running {
    let values = values(given);
    let (send, receive) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        System::new().block_on(async {
            let settings = server::command::settings(&values);
            let service = Arc::new(Service::new(store, catalog::Catalog::built_in(), settings));
            let running = server::command::serve(service, &values).unwrap();
            send.send((running.base(), running.handle(), running.mllp)).unwrap();
            running.server.await.unwrap();
        });
    });
    let (base, handle, mllp) = receive.recv().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().build().unwrap();
    Running { base, client, mllp, handle: Some(handle), thread: Some(thread) }
}

impl Running {
    pub fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}/{path}", self.base) }
    }

    pub fn get(&self, path: &str) -> Told {
        told(self.client.get(self.url(path)))
    }

    pub fn post(&self, path: &str, body: &str) -> Told {
        told(self.client.post(self.url(path)).header("Content-Type", "application/fhir+json").body(body.to_owned()))
    }

    pub fn put(&self, path: &str, body: &str) -> Told {
        told(self.client.put(self.url(path)).header("Content-Type", "application/fhir+json").body(body.to_owned()))
    }

    pub fn delete(&self, path: &str) -> Told {
        told(self.client.delete(self.url(path)))
    }
}

pub fn told(request: RequestBuilder) -> Told {
    let response: Response = request.send().unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Told { status, headers, body: response.bytes().unwrap().to_vec() }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            // Told from another thread: the message goes to the server's own.
            System::new().block_on(async { drop(handle.stop(false)) });
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
