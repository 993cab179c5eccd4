//! [`serve`]: serves artifacts over http, for programs that fetch a source by its URL.
//!
//! GET and HEAD for the four-part paths of artifacts, one range at a time; everything else is 404.
//! Files are read in pieces as the client reads them, so a slow client holds no thread.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RANGE,
};
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use lode_net::{Caller, Limits, SocketListener, Terms};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::owner;

/// Most connections, in total and per peer.
const CONNECTIONS_MAX: usize = 512;
const CONNECTIONS_PER_PEER_MAX: usize = 128;
/// How long an idle connection is kept.
const IDLE_MAX: Duration = Duration::from_secs(30);
const CHUNK: u64 = 256 << 10;

/// Serves the artifacts below `root` until `stop` resolves, then completes responses in progress.
pub async fn serve(
    listener: impl Into<SocketListener>,
    root: PathBuf,
    stop: impl Future<Output = ()>,
) {
    let limits = Limits {
        connections: CONNECTIONS_MAX,
        per_peer: CONNECTIONS_PER_PEER_MAX,
        idle: IDLE_MAX,
        ..Limits::default()
    };
    let terms = Terms {
        name: "artifacts",
        tls: None,
        limits,
    };
    let root: Arc<Path> = root.into();
    let greet = move |_: &Caller| {
        let root = Arc::clone(&root);
        move |request| answer(request, Arc::clone(&root))
    };
    lode_net::serve(listener.into(), terms, stop, greet).await;
}

async fn answer<B>(request: Request<B>, root: Arc<Path>) -> Response<FileBody> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let path = percent_decoded(request.uri().path().trim_start_matches('/'));
    let Some(parts) = path.and_then(|path| owner::parts(&path)) else {
        return plain(StatusCode::NOT_FOUND);
    };
    let kind = content_type(Path::new(&parts[3]));
    let range = request
        .headers()
        .get(RANGE)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let opened = spawn_blocking(move || open(&root, &parts, range.as_deref())).await;
    let Ok(Ok(found)) = opened else {
        return plain(StatusCode::NOT_FOUND);
    };
    found.response(kind, *request.method() == Method::HEAD)
}

/// A file with the requested range.
struct FoundArtifact {
    file: File,
    size: u64,
    part: ByteRange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByteRange {
    All,
    /// First byte and number of bytes.
    Some(u64, u64),
    None,
}

fn open(root: &Path, parts: &[String; 4], range: Option<&str>) -> io::Result<FoundArtifact> {
    let mut file = below(root, parts)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }

    let size = metadata.len();
    let part = range.map_or(ByteRange::All, |range| part(range, size));
    if let ByteRange::Some(first, _) = part {
        file.seek(SeekFrom::Start(first))?;
    }
    Ok(FoundArtifact { file, size, part })
}

/// Opens a path below a folder, one part at a time and without following links: a link in the store
/// must not make the server serve files from elsewhere.
fn below(root: &Path, parts: &[String; 4]) -> io::Result<File> {
    let mut folder = OwnedFd::from(File::open(root)?);
    let [folders @ .., name] = parts;
    for part in folders {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        folder = openat(&folder, part.as_str(), flags, Mode::empty())?;
    }
    // Opening a pipe would block without `O_NONBLOCK`, which has no effect on files.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    Ok(openat(&folder, name.as_str(), flags, Mode::empty())?.into())
}

impl FoundArtifact {
    fn response(self, kind: &'static str, head: bool) -> Response<FileBody> {
        let (status, length) = match self.part {
            ByteRange::All => (StatusCode::OK, self.size),
            ByteRange::Some(_, length) => (StatusCode::PARTIAL_CONTENT, length),
            ByteRange::None => (StatusCode::RANGE_NOT_SATISFIABLE, 0),
        };
        let body = if head || length == 0 {
            FileBody::empty()
        } else {
            FileBody::of(self.file, length)
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        let range = match self.part {
            ByteRange::All => return response,
            ByteRange::Some(first, length) => {
                format!("bytes {first}-{}/{}", first + length - 1, self.size)
            }
            ByteRange::None => format!("bytes */{}", self.size),
        };
        headers.extend(HeaderValue::try_from(range).map(|value| (CONTENT_RANGE, value)));
        response
    }
}

/// Parses a `Range` header. Anything but a single range of bytes is ignored.
fn part(range: &str, size: u64) -> ByteRange {
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return ByteRange::All;
    };
    let (first, last) = (first.trim(), last.trim());
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), _) if first >= size => ByteRange::None,
        (Ok(first), Ok(last)) if last >= first => {
            ByteRange::Some(first, last.min(size - 1) - first + 1)
        }
        (Ok(first), Err(_)) if last.is_empty() => ByteRange::Some(first, size - first),
        (Err(_), Ok(0)) if first.is_empty() => ByteRange::None,
        (Err(_), Ok(length)) if first.is_empty() && size > 0 => {
            ByteRange::Some(size - length.min(size), length.min(size))
        }
        _ => ByteRange::All,
    }
}

fn plain(status: StatusCode) -> Response<FileBody> {
    let mut response = Response::new(FileBody::empty());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz" | "tgz") => "application/gzip",
        Some("yaml" | "yml") => "application/yaml",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// A file's bytes, read in pieces on the threads for blocking work.
struct FileBody {
    left: u64,
    state: FileState,
}

enum FileState {
    Empty,
    Idle(File),
    Reading(JoinHandle<(File, io::Result<Vec<u8>>)>),
}

impl FileBody {
    fn empty() -> Self {
        Self {
            left: 0,
            state: FileState::Empty,
        }
    }

    fn of(file: File, length: u64) -> Self {
        Self {
            left: length,
            state: FileState::Idle(file),
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match std::mem::replace(&mut self.state, FileState::Empty) {
                FileState::Empty => return Poll::Ready(None),
                FileState::Idle(_) if self.left == 0 => return Poll::Ready(None),
                FileState::Idle(file) => {
                    let wanted = self.left.min(CHUNK);
                    self.state =
                        FileState::Reading(spawn_blocking(move || read_piece(file, wanted)));
                }
                FileState::Reading(mut piece) => {
                    let Poll::Ready(done) = Pin::new(&mut piece).poll(cx) else {
                        self.state = FileState::Reading(piece);
                        return Poll::Pending;
                    };
                    let (file, bytes) = done.map_err(io::Error::other)?;
                    let bytes = bytes?;
                    self.left -= bytes.len() as u64;
                    self.state = FileState::Idle(file);
                    return Poll::Ready(Some(Ok(Frame::data(bytes.into()))));
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn read_piece(mut file: File, wanted: u64) -> (File, io::Result<Vec<u8>>) {
    let mut bytes = Vec::with_capacity(wanted as usize);
    let read = file.by_ref().take(wanted).read_to_end(&mut bytes);
    let whole = read.and_then(|count| {
        if count == 0 {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(bytes)
        }
    });
    (file, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        for (range, part_wanted) in [
            ("bytes=0-3", ByteRange::Some(0, 4)),
            ("bytes=4-", ByteRange::Some(4, 6)),
            ("bytes=-3", ByteRange::Some(7, 3)),
            ("bytes=-30", ByteRange::Some(0, 10)),
            ("bytes=5-99", ByteRange::Some(5, 5)),
            ("bytes=10-", ByteRange::None),
            ("bytes=-0", ByteRange::None),
            ("bytes=5-2", ByteRange::All),
            ("bytes=0-1,4-5", ByteRange::All),
            ("lines=0-1", ByteRange::All),
            ("bytes=x-y", ByteRange::All),
        ] {
            assert_eq!(part(range, 10), part_wanted, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), ByteRange::None);
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(percent_decoded("a%3Ab").as_deref(), Some("a:b"));
        assert_eq!(percent_decoded("%252e").as_deref(), Some("%2e"));
        for text in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(percent_decoded(text), None, "{text}");
        }
    }
}
