//! [`Charts`]: files of Helm repositories over HTTP, such as `index.yaml` and packaged charts.
//!
//! A folder whose name begins with `private-` is open only to [`CHARTS_USER`] with [`CHARTS_PASSWORD`].

use std::collections::HashMap;
use std::sync::Arc;

use lode_stdx::Lock;

use crate::web::{Web, WebAsk, WebFault, WebReply, WebRequest};

/// The name that opens private folders.
pub const CHARTS_USER: &str = "git";
/// The password that opens them.
pub const CHARTS_PASSWORD: &str = "secret";

/// Files by path.
type ServedFiles = Arc<Lock<HashMap<String, Vec<u8>>>>;

/// A server of Helm repositories; it ends when this is dropped.
pub struct Charts {
    web: Web,
    files: ServedFiles,
    scheme: &'static str,
}

impl Charts {
    /// Starts a server without files on a free port.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_with(None).await
    }

    /// Starts a server without files on a free port, encrypted if an acceptor is given.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start_with(tls: Option<tokio_rustls::TlsAcceptor>) -> std::io::Result<Self> {
        let files = ServedFiles::default();
        let (held, scheme) = (files.clone(), if tls.is_some() { "https" } else { "http" });
        let web = Web::start("charts", tls, |_| move |ask: &WebAsk| answer(&held, ask));
        Ok(Self {
            web: web.await?,
            files,
            scheme,
        })
    }

    /// Returns the URL of a path, which begins with `/`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.web.address())
    }

    /// Puts a file at a path.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().insert(path.to_owned(), bytes.into());
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        self.files.lock().remove(path);
    }

    /// Makes requests go wrong whose path contains a text.
    pub fn fault(&self, part: &str, fault: WebFault) {
        self.web.fault(part, fault);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.web.heal();
    }

    /// Returns the requests since the last call.
    pub fn take_requests(&self) -> Vec<WebRequest> {
        self.web.take_requests()
    }
}

fn answer(files: &ServedFiles, ask: &WebAsk) -> WebReply {
    let is_private = ask.path.split('/').any(|part| part.starts_with("private-"));
    if is_private && !ask.is_basic(CHARTS_USER, CHARTS_PASSWORD) {
        return WebReply {
            body: "unauthorized\n".into(),
            ..WebReply::status(401)
        }
        .with("www-authenticate", "Basic realm=\"charts\"");
    }
    match files.lock().get(&ask.path) {
        Some(bytes) => WebReply::ok(bytes.clone()),
        None => WebReply {
            body: "not found\n".into(),
            ..WebReply::status(404)
        },
    }
}
