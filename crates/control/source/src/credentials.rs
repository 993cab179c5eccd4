//! What the Secrets of all kinds hold to reach a server: certificates, a user's name and password, a proxy.
//!
//! Pure. Failures are texts in the words of Flux, without anything that a Secret holds.

use lode_net::{ClientCertificate, Egress, Proxy};

use crate::secret::SecretData;

/// Certificates for a connection.
pub(crate) struct Certificates {
    /// Authorities in PEM, trusted in addition to the system's.
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) client: Option<ClientCertificate>,
}

/// Reads an authority, a client certificate, or both; old names of the keys count where the new ones are missing.
pub(crate) fn certificates(secret: &SecretData) -> Result<Certificates, String> {
    let name = secret.name();
    let ca = secret.any(&["ca.crt", "caFile"]);
    let certificate = secret.any(&["tls.crt", "certFile"]);
    let key = secret.any(&["tls.key", "keyFile"]);
    let client = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            return Err(format!(
                "secret '{name}' contains 'tls.crt' but missing 'tls.key'"
            ));
        }
        (None, Some(_)) => {
            return Err(format!(
                "secret '{name}' contains 'tls.key' but missing 'tls.crt'"
            ));
        }
    };
    if ca.is_none() && client.is_none() {
        return Err(format!(
            "secret '{name}' must contain either 'ca.crt' or both 'tls.crt' and 'tls.key'"
        ));
    }
    Ok(Certificates { ca, client })
}

/// Reads a user's name and password; nothing if the Secret has neither.
pub(crate) fn basic(secret: &SecretData) -> Result<Option<(String, String)>, String> {
    let malformed = |has: &str, lacks: &str| {
        let name = secret.name();
        format!("secret '{name}': malformed basic auth - has '{has}' but missing '{lacks}'")
    };
    let text = |key| secret.text(key).unwrap_or_default();
    match (secret.has("username"), secret.has("password")) {
        (false, false) => Ok(None),
        (true, true) => Ok(Some((text("username"), text("password")))),
        (true, false) => Err(malformed("username", "password")),
        (false, true) => Err(malformed("password", "username")),
    }
}

/// Reads a proxy.
pub(crate) fn proxy(secret: &SecretData, egress: &Egress) -> Result<Proxy, String> {
    let name = secret.name();
    let address = secret.text("address");
    let proxy = Proxy {
        username: secret.text("username"),
        password: secret.text("password"),
        address: address.ok_or_else(|| format!("secret '{name}': key 'address' not found"))?,
    };
    // The address may hold a password, so it is not shown.
    if !proxy.is_allowed(egress) {
        return Err(format!(
            "the address in secret '{name}' is not allowed, or is no address"
        ));
    }
    Ok(proxy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(data: &[(&str, &str)]) -> SecretData {
        SecretData::of_texts("ns/auth", data)
    }

    #[test]
    fn certificates_come_alone_or_together() {
        let ca = certificates(&secret(&[("ca.crt", "CA")])).unwrap();
        assert!(ca.ca.is_some() && ca.client.is_none());
        let old = certificates(&secret(&[("certFile", "C"), ("keyFile", "K")])).unwrap();
        assert!(old.ca.is_none() && old.client.is_some());
    }

    #[test]
    fn incomplete_certificates_are_told_by_their_keys() {
        for (data, expected) in [
            (
                &[("tls.crt", "C")][..],
                "secret 'ns/auth' contains 'tls.crt' but missing 'tls.key'",
            ),
            (
                &[("tls.key", "K"), ("ca.crt", "CA")],
                "secret 'ns/auth' contains 'tls.key' but missing 'tls.crt'",
            ),
            (
                &[],
                "secret 'ns/auth' must contain either 'ca.crt' or both 'tls.crt' and 'tls.key'",
            ),
        ] {
            assert_eq!(certificates(&secret(data)).err().unwrap(), expected);
        }
    }

    #[test]
    fn a_user_has_a_name_and_a_password() {
        let both = basic(&secret(&[("username", "git"), ("password", "")])).unwrap();
        assert_eq!(both, Some(("git".to_owned(), String::new())));
        assert_eq!(basic(&secret(&[("other", "x")])), Ok(None));
        let half = basic(&secret(&[("username", "git")])).unwrap_err();
        assert_eq!(
            half,
            "secret 'ns/auth': malformed basic auth - has 'username' but missing 'password'"
        );
        assert!(basic(&secret(&[("password", "hunter2")])).is_err());
    }

    #[test]
    fn a_proxy_needs_an_address_that_is_allowed() {
        let all = [
            ("address", "http://proxy:3128"),
            ("username", "me"),
            ("password", "hunter2"),
        ];
        let found = proxy(&secret(&all), &Egress::default()).unwrap();
        assert_eq!(
            (found.address.as_str(), found.username.as_deref()),
            ("http://proxy:3128", Some("me"))
        );
        let none = proxy(&secret(&all[1..]), &Egress::default());
        assert_eq!(
            none.unwrap_err(),
            "secret 'ns/auth': key 'address' not found"
        );
        let bad = proxy(&secret(&[("address", "hunter2")]), &Egress::default()).unwrap_err();
        assert!(!bad.contains("hunter2"), "{bad}");
    }
}
