//! [`GitServer`]: repositories served over http on loopback by Git's own `http-backend`, with or
//! without a password.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_stdx::Lock;
use tempfile::TempDir;

/// Largest request accepted: these are small repositories.
const BODY_MAX: u64 = 256 << 20;
/// The response without valid credentials.
const REFUSAL: &[u8] =
    b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Serves repositories until the process ends.
pub struct GitServer {
    folder: TempDir,
    port: u16,
    guards: Guards,
}

/// The `Authorization` header that a repository requires, by the repository's name.
type Guards = Arc<Lock<HashMap<String, String>>>;

/// One repository: a bare one that is served, and a work tree to commit in.
pub struct Repository {
    /// The URL it is served at.
    pub url: String,
    bare: PathBuf,
    work: PathBuf,
}

impl GitServer {
    /// Starts a server on a free loopback port.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let root = folder.path().to_owned();
        let guards = Guards::default();
        let known = guards.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, guards) = (root.clone(), known.clone());
                // A client that disconnects is ignored.
                std::thread::spawn(move || drop(serve(&root, &guards, stream)));
            }
        });
        Ok(Self {
            folder,
            port,
            guards,
        })
    }

    /// From now on answers 401 unless this name and password are given.
    pub fn guard(&self, repository: &str, username: &str, password: &str) {
        let wanted = format!(
            "Basic {}",
            STANDARD.encode(format!("{username}:{password}"))
        );
        self.guards
            .lock()
            .insert(format!("{repository}.git"), wanted);
    }

    /// Makes an empty repository.
    pub fn repository(&self, name: &str) -> anyhow::Result<Repository> {
        let bare = self.folder.path().join(format!("{name}.git"));
        let work = self.folder.path().join(format!("{name}-work"));
        for (folder, bare) in [(&bare, true), (&work, false)] {
            fs::create_dir_all(folder)?;
            let flags: &[&str] = if bare {
                &["init", "-q", "--bare", "-b", "main"]
            } else {
                &["init", "-q", "-b", "main"]
            };
            git(folder, flags)?;
        }
        git(&bare, &["config", "uploadpack.allowAnySHA1InWant", "true"])?;
        git(&bare, &["config", "http.receivepack", "true"])?;
        let url = format!("http://127.0.0.1:{}/{name}.git", self.port);
        Ok(Repository { url, bare, work })
    }
}

impl Repository {
    /// Returns the work tree's folder.
    pub fn folder(&self) -> &Path {
        &self.work
    }

    /// Writes a file into the work tree.
    pub fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        let path = self.work.join(path);
        fs::create_dir_all(path.parent().context("a path has a folder")?)?;
        Ok(fs::write(path, text)?)
    }

    /// Removes a file or folder from the work tree.
    pub fn remove(&self, path: &str) -> anyhow::Result<()> {
        let path = self.work.join(path);
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Copies a folder of the machine into a folder of the work tree; an empty name is the work tree itself.
    pub fn copy(&self, from: &Path, to: &str) -> anyhow::Result<()> {
        let to = self.work.join(to);
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                let below = target
                    .strip_prefix(&self.work)?
                    .to_string_lossy()
                    .into_owned();
                self.copy(&entry.path(), &below)?;
            } else {
                fs::copy(entry.path(), target)?;
            }
        }
        Ok(())
    }

    /// Commits the work tree and pushes it; returns the commit.
    pub fn push(&self, message: &str) -> anyhow::Result<String> {
        git(&self.work, &["add", "-A"])?;
        git(
            &self.work,
            &["commit", "-q", "--allow-empty", "-m", message],
        )?;
        self.send("main")?;
        git(&self.work, &["rev-parse", "HEAD"])
    }

    /// Pushes by a refspec: `main`, `other`, or `:other` to delete it.
    pub fn send(&self, refspec: &str) -> anyhow::Result<()> {
        let bare = self.bare.to_string_lossy();
        git(&self.work, &["push", "-q", "--force", &bare, refspec]).map(drop)
    }

    /// Runs any git command in the work tree.
    pub fn git(&self, arguments: &[&str]) -> anyhow::Result<String> {
        git(&self.work, arguments)
    }
}

fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let run = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .envs(identity())
        .output()?;
    if !run.status.success() {
        bail!(
            "git {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&run.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&run.stdout).trim().to_owned())
}

fn identity() -> [(&'static str, &'static str); 6] {
    [
        ("GIT_AUTHOR_NAME", "Ada"),
        ("GIT_AUTHOR_EMAIL", "ada@example.com"),
        ("GIT_COMMITTER_NAME", "Ada"),
        ("GIT_COMMITTER_EMAIL", "ada@example.com"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ]
}

/// Answers one request with Git's CGI program; one connection, one request.
fn serve(root: &Path, guards: &Guards, mut stream: TcpStream) -> anyhow::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (
        words.next().unwrap_or_default().to_owned(),
        words.next().unwrap_or("/").to_owned(),
    );
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .envs(identity())
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1");
    command
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &method);
    let repository = path.split('/').nth(1).unwrap_or_default();
    let wanted = guards.lock().get(repository).cloned();
    let (mut length, mut given) = (0, String::new());
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or((&header, ""));
        let value = value.trim();
        match &*name.to_ascii_lowercase() {
            "content-length" => length = value.parse().unwrap_or(0),
            "authorization" => value.clone_into(&mut given),
            "content-type" => drop(command.env("CONTENT_TYPE", value)),
            "git-protocol" => drop(command.env("GIT_PROTOCOL", value)),
            "content-encoding" => drop(command.env("HTTP_CONTENT_ENCODING", value)),
            _ => {}
        }
    }
    command.env("CONTENT_LENGTH", length.to_string());
    let mut body = Vec::new();
    reader.take(length.min(BODY_MAX)).read_to_end(&mut body)?;
    if wanted.is_some_and(|wanted| wanted != given) {
        return Ok(stream.write_all(REFUSAL)?);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    let writer = std::thread::spawn(move || stdin.write_all(&body));
    let output = child.wait_with_output()?;
    // The program may answer before it has read everything.
    let _ = writer.join();
    let text = output.stdout;
    let split = text
        .windows(4)
        .position(|at| at == b"\r\n\r\n")
        .context("the CGI program answers with headers")?;
    let (head, rest) = (
        String::from_utf8_lossy(&text[..split]).into_owned(),
        &text[split + 4..],
    );
    let status = head
        .lines()
        .find_map(|line| line.strip_prefix("Status: "))
        .unwrap_or("200 OK");
    let headers = head
        .lines()
        .filter(|line| !line.starts_with("Status: "))
        .collect::<Vec<_>>()
        .join("\r\n");
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        rest.len()
    )?;
    Ok(stream.write_all(rest)?)
}
