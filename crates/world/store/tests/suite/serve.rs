//! The artifact server, tested over loopback with hand-written requests.

use lode_store::{Owner, Records, Store, Stored, serve};
use lode_tree::Tree;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{RwLockReadGuard, oneshot};

use crate::ALONE;

struct World {
    _turn: RwLockReadGuard<'static, ()>,
    folder: tempfile::TempDir,
    stored: Stored,
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    server: tokio::task::JoinHandle<()>,
}

async fn world() -> World {
    let turn = ALONE.read().await;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let tree: Tree = [("a.yaml", "kind: ConfigMap")].into_iter().collect();
    let stored = store
        .put(
            &Owner::new("gitrepository", "default", "fleet", "1").unwrap(),
            "1.tar.gz",
            &tree,
        )
        .unwrap();
    Records::open(folder.path())
        .put("apply", "uid", b"secret")
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let root = store.served().to_owned();
    let server = tokio::spawn(serve(listener, root, async { drop(stopped.await) }));
    World {
        _turn: turn,
        folder,
        stored,
        address,
        stop,
        server,
    }
}

impl World {
    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("artifacts").join(&self.stored.path)
    }

    async fn ask(&self, method: &str, path: &str, header: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(bytes[..end].to_vec())
            .unwrap()
            .to_lowercase();
        (head, bytes[end + 4..].to_vec())
    }
}

#[tokio::test]
async fn an_artifact_is_handed_out_whole_or_in_part() {
    let world = world().await;
    let path = format!("/{}", world.stored.path);
    let file = std::fs::read(world.file()).unwrap();
    let (head, body) = world.ask("GET", &path, "").await;
    assert!(
        head.starts_with("http/1.1 200") && head.contains("content-type: application/gzip"),
        "{head}"
    );
    assert!(head.contains(&format!("content-length: {}", file.len())));
    assert_eq!(body, file);
    let (head, body) = world.ask("HEAD", &path, "").await;
    assert!(
        head.contains(&format!("content-length: {}", file.len())) && body.is_empty(),
        "{head}"
    );
    let (head, body) = world.ask("GET", &path, "Range: bytes=2-9\r\n").await;
    assert!(head.starts_with("http/1.1 206"), "{head}");
    assert!(
        head.contains(&format!("content-range: bytes 2-9/{}", file.len())),
        "{head}"
    );
    assert_eq!(body, &file[2..10]);
    let (head, _) = world.ask("GET", &path, "Range: bytes=999999-\r\n").await;
    assert!(head.starts_with("http/1.1 416"), "{head}");
}

#[tokio::test]
async fn nothing_else_is_handed_out() {
    let world = world().await;
    let hidden = world.file().with_file_name(".tmp-1");
    std::fs::write(&hidden, "half").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", world.file().with_file_name("link")).unwrap();
    let folder = "/gitrepository/default/fleet";
    for path in [
        "/".to_owned(),
        folder.to_owned(),
        format!("{folder}/"),
        format!("{folder}/.tmp-1"),
        format!("{folder}/link"),
        format!("{folder}/nothere"),
        format!("{folder}/../../../../records/apply/uid"),
        format!("{folder}/..%2f..%2f..%2f..%2frecords%2fapply%2fuid"),
        "/../records/apply/uid".to_owned(),
        "/%2e%2e/records/apply/uid".to_owned(),
        "/etc/passwd/a/b".to_owned(),
        "/%00/a/b/c".to_owned(),
    ] {
        let (head, body) = world.ask("GET", &path, "").await;
        assert!(
            head.starts_with("http/1.1 404") && body.is_empty(),
            "{path}: {head}"
        );
    }
    let (head, _) = world
        .ask("DELETE", &format!("/{}", world.stored.path), "")
        .await;
    assert!(
        head.starts_with("http/1.1 405") && world.file().exists(),
        "{head}"
    );
}

#[tokio::test]
async fn links_on_the_way_to_a_file_are_not_followed() {
    let world = world().await;
    let artifacts = world.folder.path().join("artifacts");
    let outside = world.folder.path().join("outside");
    std::fs::create_dir_all(outside.join("fleet/a")).unwrap();
    for place in ["secret", "fleet/secret", "fleet/a/secret"] {
        std::fs::write(outside.join(place), "secret").unwrap();
    }
    std::os::unix::fs::symlink(&outside, artifacts.join("gitrepository/default/linked")).unwrap();
    std::os::unix::fs::symlink(&outside, artifacts.join("gitrepository/linked")).unwrap();
    std::os::unix::fs::symlink(&outside, artifacts.join("linked")).unwrap();
    std::os::unix::fs::symlink(world.file(), world.file().with_file_name("own.tar.gz")).unwrap();
    for path in [
        "/gitrepository/default/linked/secret",
        "/gitrepository/linked/fleet/secret",
        "/linked/fleet/a/secret",
        "/gitrepository/default/fleet/own.tar.gz",
    ] {
        let (head, body) = world.ask("GET", path, "").await;
        assert!(
            head.starts_with("http/1.1 404") && body.is_empty(),
            "{path}: {head}"
        );
    }
}

#[tokio::test]
async fn two_hundred_idle_sockets_and_six_hundred_that_do_not_read_keep_nobody_out() {
    let world = world().await;
    std::fs::write(world.file(), vec![0; 8 << 20]).unwrap();
    let path = format!("/{}", world.stored.path);
    let mut held = Vec::new();
    for at in 0..800 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        if at >= 200 {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            // Connections beyond their peer's limit are refused, at once or on write.
            let _ = stream.write_all(request.as_bytes()).await;
        }
        held.push(stream);
    }
    let answered = async {
        loop {
            let mut stream = TcpStream::connect(world.address).await.unwrap();
            let request = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let mut answer = Vec::new();
            if stream.write_all(request.as_bytes()).await.is_ok()
                && stream.read_to_end(&mut answer).await.is_ok()
                && answer.starts_with(b"HTTP/1.1 200")
            {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), answered)
        .await
        .expect("answered within ten seconds");
}

#[tokio::test]
async fn a_large_file_flows_and_the_server_stops_when_told() {
    let world = world().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(world.file(), &bytes).unwrap();
    let (_, body) = world
        .ask("GET", &format!("/{}", world.stored.path), "")
        .await;
    assert!(body == bytes);
    let World {
        stop,
        server,
        address,
        ..
    } = world;
    stop.send(()).unwrap();
    server.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
