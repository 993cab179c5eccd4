//! Credentials, proxies, redirects, and servers that fail or are slow.

use super::*;

#[test]
fn credentials_open_what_they_should() {
    let basic = Behaviour {
        authorization: Some("Basic Z2l0OnNlY3JldA==".to_owned()),
        ..Behaviour::default()
    };
    let server = Server::start(basic);
    server.repository("fleet").push("file", "1");
    let mut remote = remote(&server.url("fleet"));
    let words = |remote: &Remote| {
        resolve(remote, &branch("main"))
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(words(&remote), Err("authentication required".to_owned()));
    let with = |password: &str| Credentials::Basic {
        username: "git".to_owned(),
        password: password.to_owned(),
    };
    remote.credentials = with("hunter2");
    assert_eq!(
        words(&remote),
        Err("authentication required: the server refused the credentials".to_owned())
    );
    remote.credentials = with("secret");
    assert_eq!(words(&remote), Ok(()));
    let inside = format!(
        "{}/fleet.git",
        server.address.replace("http://", "http://git:secret@")
    );
    assert_eq!(words(&self::remote(&inside)), Ok(()));
}

#[test]
fn a_proxy_is_asked_instead() {
    let server = Server::start(Behaviour::default());
    server.repository("fleet").push("file", "1");
    let mut remote = remote("http://git.example/fleet.git");
    let address = server.address.clone();
    remote.proxy = Some(Proxy {
        address,
        username: Some("me".to_owned()),
        password: Some("hunter2".to_owned()),
    });
    assert_eq!(text(&take(&remote, &branch("main")).unwrap(), "file"), "1");
    for request in server.requests() {
        assert_eq!(
            request.header("proxy-authorization"),
            Some("Basic bWU6aHVudGVyMg==")
        );
    }
    remote.proxy = Some(Proxy {
        address: "not an address".to_owned(),
        username: None,
        password: None,
    });
    let unusable = resolve(&remote, &branch("main")).unwrap_err();
    assert_eq!(unusable.to_string(), "the proxy's address cannot be used");
}

#[test]
fn a_redirect_to_another_port_carries_no_credentials() {
    let target = Server::start(Behaviour::default());
    let commit = target.repository("fleet").push("file", "1");
    let source = Server::start(Behaviour {
        redirect: Some(target.address.clone()),
        ..Behaviour::default()
    });
    let mut remote = remote(&source.url("fleet"));
    remote.credentials = Credentials::Bearer("hunter2".to_owned());
    assert_eq!(take(&remote, &branch("main")).unwrap().commit, commit);
    assert!(
        source
            .requests()
            .iter()
            .all(|request| request.header("authorization") == Some("Bearer hunter2"))
    );
    assert!(!target.requests().is_empty());
    for request in target.requests() {
        assert_eq!(request.header("authorization"), None);
    }
}

#[test]
fn a_redirect_on_the_same_host_keeps_them() {
    let behaviour = Behaviour {
        authorization: Some("Bearer token".to_owned()),
        ..Behaviour::default()
    };
    let server = Server::start(behaviour);
    server.repository("fleet").push("file", "1");
    for (to, wanted) in [
        (
            "ftp://127.0.0.1",
            "redirect refused: it leads away from http and https",
        ),
        (
            "http://127.0.0.1/login?next=",
            "redirect refused: it leads to something else than a repository",
        ),
    ] {
        let source = Server::start(Behaviour {
            redirect: Some(to.to_owned()),
            ..Behaviour::default()
        });
        let error = resolve(&remote(&source.url("fleet")), &branch("main")).unwrap_err();
        assert_eq!(error.to_string(), wanted);
    }
    let circle = Server::start(Behaviour {
        redirect: Some(String::new()),
        ..Behaviour::default()
    });
    let error = resolve(&remote(&circle.url("fleet")), &branch("main")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "redirect refused: they may lead in a circle"
    );
}

#[test]
fn servers_that_fail_are_told_apart() {
    let ask = |server: &Server| {
        resolve(&remote(&server.url("x")), &branch("main"))
            .unwrap_err()
            .to_string()
    };
    for (status, words) in [
        (403, "access to the repository is forbidden"),
        (404, "repository not found"),
        (503, "the server answered with HTTP status 503"),
    ] {
        assert_eq!(
            ask(&Server::start(Behaviour {
                status: Some(status),
                ..Behaviour::default()
            })),
            words
        );
    }
    let page = Server::start(Behaviour {
        page: true,
        ..Behaviour::default()
    });
    assert!(ask(&page).starts_with("the server does not speak Git's protocol here"));
    let refused =
        resolve(&remote(&format!("{}/x", server::nobody())), &branch("main")).unwrap_err();
    assert_eq!(refused, ResolveError::Remote(TransportError::Refused));
    let cut = Server::start(Behaviour {
        cut: Some(40),
        ..Behaviour::default()
    });
    cut.repository("x").push("file", "1");
    assert_eq!(ask(&cut), "connection closed in the middle of a response");
}

#[test]
fn silence_ends_in_time() {
    let (_listener, address) = server::deaf();
    let silent = Server::start(Behaviour {
        silent: true,
        ..Behaviour::default()
    });
    for url in [format!("{address}/x"), silent.url("x")] {
        let mut remote = remote(&url);
        remote.timeout = Duration::from_millis(300);
        let began = Instant::now();
        let error = resolve(&remote, &branch("main")).unwrap_err();
        assert_eq!(
            error,
            ResolveError::Remote(TransportError::Timeout(remote.timeout))
        );
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn waiting_for_a_server_holds_no_thread() {
    let (_listener, address) = server::deaf();
    let silent = Server::start(Behaviour {
        silent: true,
        ..Behaviour::default()
    });
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (began, main) = (Instant::now(), branch("main"));
    runtime.block_on(async {
        let mut remotes = Vec::new();
        for n in 0..64 {
            let mut remote = remote(&if n % 2 == 0 {
                format!("{address}/x")
            } else {
                silent.url("x")
            });
            remote.timeout = Duration::from_secs(1);
            remotes.push(remote);
        }
        let asked = remotes
            .iter()
            .map(|remote| lode_git::resolve(remote, &main));
        for answer in futures::future::join_all(asked).await {
            assert_eq!(
                answer,
                Err(ResolveError::Remote(TransportError::Timeout(
                    Duration::from_secs(1)
                )))
            );
        }
    });
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "64 waited at the same time: {:?}",
        began.elapsed()
    );
}

#[test]
fn an_operation_that_nobody_waits_for_any_more_hangs_up() {
    let (listener, address) = server::deaf();
    let (remote, main) = (remote(&format!("{address}/x")), branch("main"));
    wait(async {
        let asked = tokio::spawn(async move { lode_git::resolve(&remote, &main).await });
        let accept = tokio::task::spawn_blocking(move || listener.accept().unwrap().0);
        let mut stream = accept.await.unwrap();
        asked.abort();
        let end = tokio::task::spawn_blocking(move || {
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            std::io::copy(&mut stream, &mut std::io::sink())
        });
        end.await
            .unwrap()
            .expect("the connection is closed, long before the operation's own timeout");
    });
}

#[test]
fn a_timeout_of_ages_is_no_trouble() {
    let mut remote = remote(&format!("{}/x", server::nobody()));
    remote.timeout = Duration::MAX;
    assert_eq!(
        resolve(&remote, &branch("main")),
        Err(ResolveError::Remote(TransportError::Refused))
    );
}
