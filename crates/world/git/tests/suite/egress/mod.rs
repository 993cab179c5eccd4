//! Where fetches may lead, in a simulated network with its own names and addresses; packets go to
//! loopback only.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use lode_git::{Credentials, Remote, ResolveError, TransportError};
use lode_net::{Egress, Network, Proxy, Resolved, Rules};

use crate::server::{Behaviour, Server};
use crate::{branch, resolve};

/// A public address and one of a private network.
const PUBLIC: &str = "93.184.216.34";
const PRIVATE: &str = "10.1.2.3";
const METADATA: &str = "169.254.169.254";

/// Names with their successive resolutions; the last one is repeated. All addresses are reached on
/// loopback.
struct World {
    names: Mutex<HashMap<String, Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
    connected: Mutex<Vec<IpAddr>>,
}

impl World {
    fn new(names: &[(&str, &[&str])]) -> Arc<Self> {
        let read = |texts: &[&str]| {
            texts
                .iter()
                .rev()
                .map(|text| text.parse().unwrap())
                .collect()
        };
        let names = names
            .iter()
            .map(|(name, answers)| ((*name).to_owned(), read(answers)))
            .collect();
        Arc::new(Self {
            names: Mutex::new(names),
            asked: Mutex::default(),
            connected: Mutex::default(),
        })
    }
}

impl Network for World {
    fn resolve(&self, host: &str) -> Resolved {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut names = self.names.lock().unwrap();
        let answers = names.entry(host.to_owned()).or_default();
        let answer = if answers.len() > 1 {
            answers.pop()
        } else {
            answers.first().copied()
        };
        Box::pin(std::future::ready(Ok(answer.into_iter().collect())))
    }

    fn reach(&self, address: IpAddr) -> IpAddr {
        self.connected.lock().unwrap().push(address);
        Ipv4Addr::LOCALHOST.into()
    }
}

/// Returns a repository at a simulated host served by one of our servers.
fn remote(host: &str, server: &Server, world: &Arc<World>) -> Remote {
    let mut remote = Remote::new(&server.url("fleet").replace("127.0.0.1", host)).unwrap();
    remote.egress = Egress::within(Rules::default(), world.clone());
    remote
}

/// Returns the URL of a server with another host.
fn address(host: &str, server: &Server) -> String {
    server.address.replace("127.0.0.1", host)
}

fn outcome(remote: &Remote) -> Result<(), String> {
    match resolve(remote, &branch("main")) {
        Ok(_) => Ok(()),
        Err(ResolveError::Remote(TransportError::Egress(refused))) => Err(refused.to_string()),
        Err(other) => panic!("{other}"),
    }
}

fn serving(redirect: Option<String>) -> Server {
    let server = Server::start(Behaviour {
        redirect,
        ..Behaviour::default()
    });
    server.repository("fleet").push("file", "1");
    server
}

#[test]
fn metadata_loopback_and_link_local_are_never_connected_to() {
    let server = serving(None);
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "localhost",
        "[::ffff:127.0.0.1]",
        METADATA,
        "[fd00:ec2::254]",
    ] {
        let remote = Remote::new(&address(host, &server)).unwrap();
        assert!(outcome(&remote).is_err(), "{host}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_name_counts_as_what_it_resolves_to() {
    let server = serving(None);
    let world = World::new(&[
        ("public.example", &[PUBLIC]),
        ("private.example", &[PRIVATE]),
        ("inside.example", &["127.0.0.1"]),
        ("mapped.example", &["::ffff:169.254.169.254"]),
    ]);
    assert_eq!(
        outcome(&remote("inside.example", &server, &world))
            .map_err(|said| said.contains("loopback")),
        Err(true)
    );
    assert!(outcome(&remote("mapped.example", &server, &world)).is_err());
    assert!(server.requests().is_empty());
    assert_eq!(outcome(&remote("public.example", &server, &world)), Ok(()));
    assert_eq!(outcome(&remote("private.example", &server, &world)), Ok(()));
}

#[test]
fn a_name_that_changes_its_mind_is_not_followed_to_loopback() {
    let server = serving(None);
    let world = World::new(&[("rebinding.example", &[PUBLIC, "127.0.0.1"])]);
    // Whether the second request reuses the first one's connection is up to the server.
    let _either = outcome(&remote("rebinding.example", &server, &world));
    let connected = [PUBLIC.parse::<IpAddr>().unwrap()];
    assert_eq!(
        *world.connected.lock().unwrap(),
        connected,
        "a name is resolved once for a connection, and checked"
    );
    server.forget();
    assert!(outcome(&remote("rebinding.example", &server, &world)).is_err());
    assert!(server.requests().is_empty());
}

#[test]
fn a_redirect_is_checked_like_the_url_itself() {
    let target = serving(None);
    let world = World::new(&[
        ("git.example", &[PUBLIC]),
        ("inside.example", &["127.0.0.1"]),
    ]);
    for to in [
        format!("http://{METADATA}"),
        target.address.clone(),
        address("inside.example", &target),
    ] {
        let source = serving(Some(to.clone()));
        assert!(
            outcome(&remote("git.example", &source, &world)).is_err(),
            "{to}"
        );
        assert_eq!(source.requests().len(), 1);
    }
    assert!(target.requests().is_empty());
}

#[test]
fn a_redirect_to_another_host_keeps_no_authorization() {
    let target = serving(None);
    let world = World::new(&[
        ("git.example", &[PUBLIC]),
        ("other.example", &["93.184.216.35"]),
    ]);
    let source = serving(Some(address("other.example", &target)));
    let mut remote = remote("git.example", &source, &world);
    remote.credentials = Credentials::Basic {
        username: "git".to_owned(),
        password: "hunter2".to_owned(),
    };
    assert_eq!(outcome(&remote), Ok(()));
    assert!(
        source
            .requests()
            .iter()
            .all(|request| request.header("authorization").is_some())
    );
    assert!(!target.requests().is_empty());
    assert!(
        target
            .requests()
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
}

#[test]
fn a_proxy_that_a_tenant_names_is_checked_too() {
    let server = serving(None);
    let world = World::new(&[
        ("inside.example", &["127.0.0.1"]),
        ("proxy.example", &[PUBLIC]),
    ]);
    let mut remote = Remote::new("http://git.example/fleet.git").unwrap();
    remote.egress = Egress::within(Rules::default(), world.clone());
    let mut through = |address: String| {
        remote.proxy = Some(Proxy {
            address,
            username: None,
            password: None,
        });
        resolve(&remote, &branch("main"))
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        through(server.address.clone()),
        Err("the proxy's address is not allowed".to_owned())
    );
    assert!(through(address("inside.example", &server)).is_err());
    assert!(server.requests().is_empty());
    assert_eq!(through(address("proxy.example", &server)), Ok(()));
}
