//! Sources and remote bases that name this machine, a metadata service, or a server that redirects there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;

use anyhow::ensure;
use e2e::GitServer;
use serde_json::json;

use crate::flow::holds;
use crate::ground;
use crate::stage::Stage;

/// The address where clouds serve a machine's credentials.
const METADATA: &str = "169.254.169.254";

/// Starts a server that redirects every request to another host; returns its URL.
fn redirecting(host: &'static str) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut first = String::new();
            // A connection that closes without a request is ignored.
            let Ok(_) = reader.read_line(&mut first) else {
                continue;
            };
            let target = first.split(' ').nth(1).unwrap_or("/").to_owned();
            while matches!(reader.read_line(&mut first), Ok(count) if count > 2) {}
            let head = format!(
                "HTTP/1.1 302 Found\r\nLocation: http://{host}{target}\r\nContent-Length: 0\r\n\r\n"
            );
            let _ = reader.get_mut().write_all(head.as_bytes());
        }
    });
    Ok(url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_at_a_metadata_service_is_denied_and_so_is_a_redirect_to_it() {
    Stage::play("egress", async |stage| {
        let redirect = redirecting(METADATA)?;
        for (name, url) in [
            ("straight", format!("http://{METADATA}/latest.git")),
            ("spelt", "http://0xa9fea9fe/latest.git".to_owned()),
            ("mapped", format!("http://[::ffff:{METADATA}]/latest.git")),
            ("redirected", format!("{redirect}/app.git")),
        ] {
            stage.source_of(name, json!({"url": url})).await?;
            let text = stage.says_no("GitRepository", name, "AccessDenied").await?;
            println!("{name}: {text}");
            holds(&text, &["egress to", "link-local", "--egress-allow"])?;
        }
        Ok(())
    })
    .await;
}

#[test]
fn a_build_asks_no_base_on_this_machine_unless_it_is_allowed() {
    play_build().unwrap();
}

fn play_build() -> anyhow::Result<()> {
    let (git, local) = (GitServer::start()?, tempfile::tempdir()?);
    let repository = git.repository("app")?;
    repository.write("kustomization.yaml", "resources: [a.yaml]\n")?;
    repository.write(
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    )?;
    repository.push("begin")?;
    let kustomization = format!("resources: [\"{}//?ref=main\"]\n", repository.url);
    std::fs::write(local.path().join("kustomization.yaml"), kustomization)?;
    let build = |path: &str, flags: &[&str]| {
        let mut command = Command::new(ground::binary());
        let run = command
            .args(["build", path])
            .args(flags)
            .env("XDG_CACHE_HOME", local.path().join("cache"))
            .output()?;
        Ok::<_, anyhow::Error>((
            run.status.success(),
            String::from_utf8_lossy(&run.stderr).into_owned(),
        ))
    };

    let folder = local.path().to_string_lossy().into_owned();
    for path in [&folder, &format!("{}//?ref=main", repository.url)] {
        let (done, said) = build(path, &[])?;
        ensure!(
            !done && said.contains("egress to 127.0.0.1 is refused"),
            "{said}"
        );
        let (done, said) = build(path, &["--egress-allow", "127.0.0.1"])?;
        ensure!(done, "{said}");
        let (done, said) = build(
            path,
            &[
                "--egress-allow",
                "127.0.0.0/8",
                "--egress-deny",
                "127.0.0.1",
            ],
        )?;
        ensure!(!done && said.contains("--egress-deny 127.0.0.1"), "{said}");
    }
    let (done, said) = build(
        &format!("{}//?timeout=18446744073709551615", repository.url),
        &[],
    )?;
    ensure!(!done && !said.contains("panicked"), "{said}");
    Ok(())
}
