//! The rules, on a simulated network.

use std::collections::HashMap;
use std::sync::Mutex;

use super::*;

/// A resolver's successive answers; the last one is repeated.
#[derive(Default)]
struct Names(Mutex<HashMap<String, Vec<Vec<IpAddr>>>>);

impl Network for Names {
    fn resolve(&self, host: &str) -> Resolved {
        let mut names = self.0.lock().unwrap();
        let answers = names.entry(host.to_owned()).or_default();
        let answer = if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers.first().cloned().unwrap_or_default()
        };
        Box::pin(std::future::ready(Ok(answer)))
    }
}

fn rules(allow: &[&str], deny: &[&str]) -> Rules {
    let read = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Rules {
        allow: read(allow),
        deny: read(deny),
    }
}

/// Returns a network in which one name has these answers, each a list separated by spaces.
fn network(host: &str, answers: &[&str]) -> Arc<Names> {
    let answers = answers
        .iter()
        .map(|answer| {
            answer
                .split(' ')
                .map(|text| text.parse().unwrap())
                .collect()
        })
        .collect();
    Arc::new(Names(Mutex::new([(host.to_owned(), answers)].into())))
}

fn check(egress: &Egress, url: &str) -> Result<(), String> {
    egress
        .check(&Url::parse(url).unwrap())
        .map_err(|refused| refused.to_string())
}

/// Returns whether a name that resolves to one address is allowed.
async fn resolves(allow: &[&str], deny: &[&str], host: &str, address: &str) -> Result<(), String> {
    let egress = Egress::within(rules(allow, deny), network(host, &[address]));
    egress
        .resolve(host)
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

#[test]
fn metadata_loopback_and_link_local_are_refused_however_they_are_spelt() {
    let egress = Egress::default();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "0.0.0.0",
        "0",
        "169.254.169.254",
        "0xa9fea9fe",
        "169.254.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "255.255.255.255",
        "１２７.0.0.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[64:ff9b:1:a9fe:a9:fe00::]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[2001:0:808:808::5601:5601]",
        "[::ffff:0:127.0.0.1]",
    ] {
        for scheme in ["http", "https", "socks5"] {
            let Ok(url) = Url::parse(&format!("{scheme}://{host}:8080/x")) else {
                continue;
            };
            assert!(egress.check(&url).is_err(), "{url}");
        }
    }
}

#[test]
fn other_hosts_and_private_networks_are_allowed() {
    for host in [
        "github.com",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "[fd12::1]",
        "[2606:4700::1]",
    ] {
        assert_eq!(
            check(&Egress::default(), &format!("https://{host}/x")),
            Ok(()),
            "{host}"
        );
    }
    assert_eq!(
        check(&Egress::default(), "file:///etc/passwd"),
        Err("egress over \"file\" is refused: use https or http".to_owned())
    );
}

#[tokio::test]
async fn a_name_is_what_it_resolves_to() {
    assert_eq!(
        resolves(&[], &[], "git.example", "93.184.216.34").await,
        Ok(())
    );
    assert_eq!(
        resolves(&[], &[], "git.example", "169.254.169.254").await,
        Err("egress to git.example (169.254.169.254) is refused: it is a link-local address, as metadata services have \
             (--egress-allow 169.254.169.254 would allow it)"
            .to_owned())
    );
    assert!(
        resolves(&[], &[], "git.example", "::ffff:127.0.0.1")
            .await
            .is_err()
    );
    assert_eq!(
        resolves(&["127.0.0.0/8"], &[], "localhost", "127.0.0.1").await,
        Ok(())
    );
    assert_eq!(
        resolves(&["localhost"], &[], "localhost", "127.0.0.1").await,
        Ok(())
    );
}

#[tokio::test]
async fn only_the_addresses_that_were_checked_are_handed_on() {
    let egress = Egress::within(
        Rules::default(),
        network("git.example", &["127.0.0.1 93.184.216.34", "127.0.0.1"]),
    );
    let allowed: IpAddr = "93.184.216.34".parse().unwrap();
    assert_eq!(
        egress.resolve("GIT.example.").await.unwrap(),
        [allowed],
        "the refused one is left out"
    );
    let error = egress.resolve("git.example").await.unwrap_err();
    assert!(
        error
            .get_ref()
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Refused>),
        "a name that changed its mind: {error}"
    );
}

#[tokio::test]
async fn the_most_specific_rule_counts_and_a_denial_wins_a_tie() {
    for (allow, deny, host, address, is_allowed) in [
        // Names.
        (
            &[][..],
            &["git.example"][..],
            "git.example",
            "1.1.1.1",
            false,
        ),
        (&[], &["*.example"], "git.example", "1.1.1.1", false),
        (&[], &["*.example"], "example", "1.1.1.1", true),
        (&[], &["*.example"], "git.notexample", "1.1.1.1", true),
        (
            &["git.example"],
            &["*.example"],
            "git.example",
            "1.1.1.1",
            true,
        ),
        (
            &["*.a.example"],
            &["*.example"],
            "git.a.example",
            "1.1.1.1",
            true,
        ),
        (
            &["git.example"],
            &["git.example"],
            "git.example",
            "1.1.1.1",
            false,
        ),
        // Addresses.
        (&[], &["10.0.0.0/8"], "git.example", "10.1.2.3", false),
        (
            &["10.1.0.0/16"],
            &["10.0.0.0/8"],
            "git.example",
            "10.1.2.3",
            true,
        ),
        (
            &["10.0.0.0/8"],
            &["10.1.0.0/16"],
            "git.example",
            "10.1.2.3",
            false,
        ),
        (
            &["127.0.0.0/8"],
            &["127.0.0.1"],
            "git.example",
            "127.0.0.1",
            false,
        ),
        (
            &["::ffff:127.0.0.0/104"],
            &[],
            "git.example",
            "127.0.0.1",
            true,
        ),
        // Names and addresses.
        (
            &["git.example"],
            &["10.0.0.0/8"],
            "git.example",
            "10.1.2.3",
            true,
        ),
        (&["git.example"], &[], "git.example", "127.0.0.1", true),
        (&["*.example"], &[], "git.example", "127.0.0.1", false),
        (
            &["*.example", "127.0.0.0/8"],
            &[],
            "git.example",
            "127.0.0.1",
            true,
        ),
        // Everything but a few.
        (&["git.example"], &["*"], "git.example", "1.1.1.1", true),
        (&["*.example"], &["*"], "git.example", "1.1.1.1", true),
        (&["10.0.0.0/8"], &["*"], "git.example", "10.1.2.3", true),
        (&["git.example"], &["*"], "other.example", "1.1.1.1", false),
        (&["*"], &[], "git.example", "127.0.0.1", true),
    ] {
        let verdict = resolves(allow, deny, host, address).await;
        assert_eq!(
            verdict.is_ok(),
            is_allowed,
            "{allow:?} {deny:?} {host} {address}: {verdict:?}"
        );
    }
}

#[test]
fn behind_a_proxy_the_name_alone_is_judged() {
    let proxied = |allow: &[&str], deny: &[&str], url: &str| {
        Egress::new(rules(allow, deny))
            .check_proxied(&Url::parse(url).unwrap())
            .is_ok()
    };
    assert!(proxied(&[], &[], "https://git.example/x"));
    assert!(!proxied(&[], &["git.example"], "https://git.example/x"));
    assert!(!proxied(&[], &[], "http://169.254.169.254/x"));
    assert!(
        !proxied(&[], &[], "http://localhost/x")
            && !proxied(&[], &[], "http://metadata.google.internal/x")
    );
    assert!(
        !proxied(&[], &["*"], "https://git.example/x"),
        "none of its addresses can be allowed"
    );
    assert!(proxied(&["git.example"], &["*"], "https://git.example/x"));
}

#[test]
fn rules_are_hosts_addresses_and_ranges() {
    for (text, shown) in [
        ("GitHub.com.", "github.com"),
        ("*.Example.com", "*.example.com"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("127.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("*", "*"),
        ("bücher.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(
            text.parse::<EgressRule>().unwrap().to_string(),
            shown,
            "{text}"
        );
    }
    for text in [
        "",
        "https://host",
        "host:80",
        "10.0.0.0/33",
        "*.127.0.0.1",
        "a b",
        "**",
    ] {
        assert!(text.parse::<EgressRule>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn a_name_is_the_same_with_any_number_of_dots_at_its_end() {
    for host in [
        "evil.example.com.",
        "evil.example.com..",
        "EVIL.example.com...",
    ] {
        assert!(
            resolves(&[], &["evil.example.com"], host, "10.0.0.1")
                .await
                .is_err(),
            "{host}"
        );
        let egress = Egress::new(rules(&[], &["*.example.com"]));
        assert!(
            check(&egress, &format!("http://{host}/")).is_err(),
            "{host}"
        );
    }
    for host in ["localhost..", "metadata.google.internal.."] {
        let url = Url::parse(&format!("http://{host}/")).unwrap();
        assert!(Egress::default().check_proxied(&url).is_err(), "{host}");
    }
}
