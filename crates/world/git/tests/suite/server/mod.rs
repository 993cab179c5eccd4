//! Git's own `http-backend` behind a loopback socket, and repositories to serve.
//!
//! The first segment of a path selects the server's behaviour (see [`Behaviour`]); every request is
//! recorded for the test.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// How a server answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behaviour {
    /// The required `Authorization` header.
    pub(crate) authorization: Option<String>,
    /// Where the first request of an operation is redirected to, as a prefix of the path.
    pub(crate) redirect: Option<String>,
    /// Use only the older version of the protocol.
    pub(crate) old_protocol: bool,
    /// Answer every request with this status.
    pub(crate) status: Option<u16>,
    /// Never answer.
    pub(crate) silent: bool,
    /// Answer with an HTML page.
    pub(crate) page: bool,
    /// Cut a response after this many bytes of its body.
    pub(crate) cut: Option<usize>,
}

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Bytes of the response's body.
    pub(crate) answered: usize,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A server on a loopback port, with a folder of repositories.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) folder: PathBuf,
    requests: Arc<Mutex<Vec<Request>>>,
    _held: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        Self::with(behaviour, None)
    }

    pub(crate) fn with(behaviour: Behaviour, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let held = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = format!(
            "{scheme}://127.0.0.1:{}",
            listener.local_addr().unwrap().port()
        );
        let requests = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::new((held.path().to_owned(), behaviour, Arc::clone(&requests)));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                thread::spawn(move || {
                    let (folder, behaviour, requests) = &*shared;
                    // Some tests disconnect in the middle on purpose.
                    let _ = match tls {
                        None => serve(stream, folder, behaviour, requests),
                        Some(config) => {
                            let session = rustls::ServerConnection::new(config).unwrap();
                            serve(
                                rustls::StreamOwned::new(session, stream),
                                folder,
                                behaviour,
                                requests,
                            )
                        }
                    };
                });
            }
        });
        Self {
            address,
            folder: held.path().to_owned(),
            requests,
            _held: held,
        }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.address)
    }

    pub(crate) fn repository(&self, name: &str) -> Repository {
        Repository::create(&self.folder, name)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn forget(&self) {
        self.requests.lock().unwrap().clear();
    }
}

fn serve<S: Read + Write>(
    stream: S,
    folder: &Path,
    behaviour: &Behaviour,
    requests: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(mut request) = read_request(&mut stream)? {
        let (status, mut headers, body) = answer(&request, folder, behaviour);
        request.answered = body.len();
        requests.lock().unwrap().push(request);
        if behaviour.silent {
            thread::park();
        }
        headers.push(format!("Content-Length: {}", body.len()));
        let head = format!("HTTP/1.1 {status}\r\n{}\r\n\r\n", headers.join("\r\n"));
        let output = stream.get_mut();
        output.write_all(head.as_bytes())?;
        match behaviour.cut.filter(|at| *at < body.len()) {
            Some(at) => {
                output.write_all(&body[..at])?;
                output.flush()?;
                return Ok(());
            }
            None => output.write_all(&body)?,
        }
        output.flush()?;
    }
    Ok(())
}

fn read_request<S: Read>(stream: &mut BufReader<S>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((key, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((key.to_owned(), value.to_owned()));
    }
    let mut request = Request {
        method,
        target,
        headers,
        body: Vec::new(),
        answered: 0,
    };
    let length = request
        .header("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    request.body = vec![0; length];
    stream.read_exact(&mut request.body)?;
    Ok(Some(request))
}

type Answer = (String, Vec<String>, Vec<u8>);

fn answer(request: &Request, folder: &Path, behaviour: &Behaviour) -> Answer {
    let plain = |status: &str, headers: Vec<String>| (status.to_owned(), headers, Vec::new());
    if let Some(status) = behaviour.status {
        return plain(&format!("{status} No"), vec![]);
    }
    if let Some(to) = &behaviour.redirect {
        return plain(
            "302 Found",
            vec![format!("Location: {to}{}", request.target)],
        );
    }
    if behaviour.page {
        return (
            "200 OK".to_owned(),
            vec!["Content-Type: text/html".to_owned()],
            b"<html>".to_vec(),
        );
    }
    if behaviour.authorization.is_some()
        && request.header("authorization") != behaviour.authorization.as_deref()
    {
        return plain(
            "401 Unauthorized",
            vec!["WWW-Authenticate: Basic realm=\"git\"".to_owned()],
        );
    }
    backend(request, folder, behaviour)
}

fn backend(request: &Request, folder: &Path, behaviour: &Behaviour) -> Answer {
    // Requests to a proxy contain whole URLs.
    let target = request
        .target
        .strip_prefix("http://git.example")
        .unwrap_or(&request.target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut command = Command::new("git");
    command.arg("http-backend").envs(FIXED);
    command
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1");
    command
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method);
    command.env(
        "CONTENT_TYPE",
        request.header("content-type").unwrap_or_default(),
    );
    command
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1");
    if let (Some(version), false) = (request.header("git-protocol"), behaviour.old_protocol) {
        command.env("GIT_PROTOCOL", version);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = request.body.clone();
    let writer = thread::spawn(move || input.write_all(&body));
    let output = child.wait_with_output().unwrap().stdout;
    let _ = writer.join().unwrap();
    let end = output
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let (mut status, mut headers) = ("200 OK".to_owned(), Vec::new());
    for line in head.split("\r\n") {
        match line.strip_prefix("Status: ") {
            Some(text) => text.clone_into(&mut status),
            None => headers.push(line.to_owned()),
        }
    }
    (status, headers, output[end + 4..].to_vec())
}

pub(crate) const FIXED: [(&str, &str); 8] = [
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_AUTHOR_NAME", "Ada"),
    ("GIT_AUTHOR_EMAIL", "ada@example.com"),
    ("GIT_COMMITTER_NAME", "Ada"),
    ("GIT_COMMITTER_EMAIL", "ada@example.com"),
    ("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z"),
    ("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z"),
];

/// A bare repository and a folder to commit in.
pub(crate) struct Repository {
    pub(crate) bare: PathBuf,
    pub(crate) work: PathBuf,
}

impl Repository {
    pub(crate) fn create(root: &Path, name: &str) -> Self {
        let it = Self {
            bare: root.join(format!("{name}.git")),
            work: root.join(format!("{name}.work")),
        };
        git(
            root,
            &[
                "init",
                "-q",
                "--bare",
                "-b",
                "main",
                it.bare.to_str().unwrap(),
            ],
        );
        git(
            root,
            &["init", "-q", "-b", "main", it.work.to_str().unwrap()],
        );
        it.git(&["remote", "add", "origin", it.bare.to_str().unwrap()]);
        it
    }

    /// Runs Git in the work folder and returns what it prints.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.work, args)
    }

    /// Writes a file, commits and pushes, and returns the commit's id.
    pub(crate) fn push(&self, file: &str, text: &str) -> String {
        let path = self.work.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self.commit(&format!("write {file}\n\nbody"))
    }

    /// Commits all there is, pushes, and returns the commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["push", "-q", "--force", "--tags", "origin", "HEAD"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Makes an object from text and returns its id.
    pub(crate) fn object(&self, args: &[&str], input: &[u8]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.work).args(args).envs(FIXED);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Creates a branch with a crafted tree.
    pub(crate) fn branch_of_tree(&self, branch: &str, tree: &str) {
        let commit = self.object(&["commit-tree", tree, "-m", "by hand"], b"");
        self.git(&["update-ref", &format!("refs/heads/{branch}"), &commit]);
        self.git(&["push", "-q", "--force", "origin", branch]);
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        .envs(FIXED)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Returns a listener that never answers; kept so that the port stays taken.
pub(crate) fn deaf() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    (listener, address)
}

/// Returns an address where nothing listens.
pub(crate) fn nobody() -> String {
    let (listener, address) = deaf();
    drop(listener);
    drop(TcpStream::connect(address.trim_start_matches("http://")));
    address
}
