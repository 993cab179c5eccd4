//! Certificates: what they say, signed, in DER.

use core::net::IpAddr;

use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::ParsedExtension;
use x509_parser::parse_x509_certificate;
use yasna::{DERWriter, Tag, construct_der};

use crate::go::layout;
use crate::go::time::Time;
use crate::pki::key::{PrivateKey, write_id};

/// What a certificate says.
pub(crate) struct Contents {
    /// Its number.
    pub(crate) serial: BigUint,
    /// The common name.
    pub(crate) name: String,
    /// The addresses it is for.
    pub(crate) addresses: Vec<IpAddr>,
    /// The names it is for.
    pub(crate) hosts: Vec<String>,
    /// Valid from.
    pub(crate) not_before: Time,
    /// Valid to.
    pub(crate) not_after: Time,
    /// It may sign others.
    pub(crate) is_authority: bool,
}

/// Who signs a certificate.
pub(crate) struct Issuer {
    /// The subject of its certificate, in DER.
    name: Vec<u8>,
    /// The identifier of its key.
    key_id: Option<Vec<u8>>,
    /// The bytes of its public key.
    public: Vec<u8>,
}

impl Issuer {
    /// Reads the certificate of an issuer in DER.
    ///
    /// # Errors
    /// It is no certificate.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, String> {
        let (rest, certificate) =
            parse_x509_certificate(der).map_err(|_| "x509: malformed certificate".to_owned())?;
        if !rest.is_empty() {
            return Err("x509: trailing data".to_owned());
        }
        let key_id = certificate.extensions().iter().find_map(|extension| {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
                _ => None,
            }
        });
        Ok(Self {
            name: certificate.subject().as_raw().to_vec(),
            key_id,
            public: certificate.public_key().subject_public_key.data.to_vec(),
        })
    }
}

const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
const SUBJECT_KEY_ID: &[u64] = &[2, 5, 29, 14];
const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
const ALTERNATIVE_NAMES: &[u64] = &[2, 5, 29, 17];
const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
const AUTHORITY_KEY_ID: &[u64] = &[2, 5, 29, 35];
const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
const SERVER_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];

/// Returns a certificate for a key in DER; without an issuer it signs itself.
///
/// # Errors
/// Go's message.
pub(crate) fn create(
    contents: &Contents,
    key: &PrivateKey,
    issuer: Option<&Issuer>,
    signer: &PrivateKey,
) -> Result<Vec<u8>, String> {
    let subject = subject(&contents.name);
    let issuer_name = issuer.map_or(&subject, |issuer| &issuer.name);
    if issuer.is_some_and(|issuer| issuer.public != signer.public_bytes()) {
        return Err("x509: provided PrivateKey doesn't match parent's PublicKey".to_owned());
    }
    let extensions = extensions(contents, key, issuer, &subject)?;
    let (not_before, not_after) = (
        instant(&contents.not_before)?,
        instant(&contents.not_after)?,
    );

    let body = construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer
                .next()
                .write_tagged(Tag::context(0), |writer| writer.write_u8(2));
            let serial = contents.serial.to_bytes_be();
            writer.next().write_bigint_bytes(&serial, true);
            signer.write_signature_id(writer.next());
            writer.next().write_der(issuer_name);
            writer.next().write_sequence(|writer| {
                writer.next().write_der(&not_before);
                writer.next().write_der(&not_after);
            });
            writer.next().write_der(&subject);
            key.write_public(writer.next());
            writer.next().write_tagged(Tag::context(3), |writer| {
                writer.write_sequence(|writer| {
                    for extension in &extensions {
                        extension.write(writer.next());
                    }
                });
            });
        });
    });

    let signature = signer.sign(&body)?;
    Ok(construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_der(&body);
            signer.write_signature_id(writer.next());
            let bits = signature.len() * 8;
            writer.next().write_bitvec_bytes(&signature, bits);
        });
    }))
}

/// Returns a name that has nothing but a common name, in DER.
fn subject(name: &str) -> Vec<u8> {
    let printable = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    construct_der(|writer| {
        writer.write_sequence(|writer| {
            if name.is_empty() {
                return;
            }
            writer.next().write_set(|writer| {
                writer.next().write_sequence(|writer| {
                    write_id(writer.next(), COMMON_NAME);
                    if name.bytes().all(printable) {
                        writer.next().write_printable_string(name);
                    } else {
                        writer.next().write_utf8_string(name);
                    }
                });
            });
        });
    })
}

/// Tag of a time whose year has two digits.
const UTC_TIME: u8 = 23;
/// Tag of a time whose year has four digits.
const GENERALIZED_TIME: u8 = 24;

/// Returns a time in DER, to the second: with a year of two digits until 2049.
fn instant(time: &Time) -> Result<Vec<u8>, String> {
    let year = time.civil().year;
    let (tag, layout): (u8, &[u8]) = match year {
        1950..2050 => (UTC_TIME, b"060102150405Z"),
        0..10_000 => (GENERALIZED_TIME, b"20060102150405Z"),
        _ => return Err("cannot represent time as GeneralizedTime".to_owned()),
    };
    let shown = layout::format(time, layout);
    let mut der = vec![tag, shown.len() as u8];
    der.extend(shown);
    Ok(der)
}

// === extensions ===

struct Extension {
    id: &'static [u64],
    is_critical: bool,
    value: Vec<u8>,
}

impl Extension {
    fn new(id: &'static [u64], is_critical: bool, value: impl FnOnce(DERWriter<'_>)) -> Self {
        Self {
            id,
            is_critical,
            value: construct_der(value),
        }
    }

    fn write(&self, writer: DERWriter<'_>) {
        writer.write_sequence(|writer| {
            write_id(writer.next(), self.id);
            if self.is_critical {
                writer.next().write_bool(true);
            }
            writer.next().write_bytes(&self.value);
        });
    }
}

/// Returns the extensions, in Go's order.
fn extensions(
    contents: &Contents,
    key: &PrivateKey,
    issuer: Option<&Issuer>,
    subject: &[u8],
) -> Result<Vec<Extension>, String> {
    // Signatures and encryption of keys; authorities sign certificates too.
    let (usage, bits) = if contents.is_authority {
        (0b1010_0100, 6)
    } else {
        (0b1010_0000, 3)
    };
    let mut extensions = vec![
        Extension::new(KEY_USAGE, true, |writer| {
            writer.write_bitvec_bytes(&[usage], bits);
        }),
        Extension::new(EXTENDED_KEY_USAGE, false, |writer| {
            writer.write_sequence(|writer| {
                write_id(writer.next(), SERVER_AUTH);
                write_id(writer.next(), CLIENT_AUTH);
            });
        }),
        Extension::new(BASIC_CONSTRAINTS, true, |writer| {
            writer.write_sequence(|writer| {
                if contents.is_authority {
                    writer.next().write_bool(true);
                }
            });
        }),
    ];
    if contents.is_authority {
        let digest = Sha256::digest(key.public_bytes());
        let id: Vec<u8> = digest.iter().take(20).copied().collect();
        extensions.push(Extension::new(SUBJECT_KEY_ID, false, |writer| {
            writer.write_bytes(&id);
        }));
    }
    let other = issuer.filter(|issuer| issuer.name != subject);
    if let Some(id) = other.and_then(|issuer| issuer.key_id.as_ref()) {
        extensions.push(Extension::new(AUTHORITY_KEY_ID, false, |writer| {
            writer.write_sequence(|writer| {
                writer
                    .next()
                    .write_tagged_implicit(Tag::context(0), |writer| writer.write_bytes(id));
            });
        }));
    }
    if !contents.hosts.is_empty() || !contents.addresses.is_empty() {
        // Without a subject these names are all there is.
        let is_critical = contents.name.is_empty();
        let names = alternative_names(contents)?;
        extensions.push(Extension {
            id: ALTERNATIVE_NAMES,
            is_critical,
            value: names,
        });
    }
    Ok(extensions)
}

fn alternative_names(contents: &Contents) -> Result<Vec<u8>, String> {
    if let Some(host) = contents.hosts.iter().find(|host| !host.is_ascii()) {
        let host = crate::go::runes::quoted(host.as_bytes());
        return Err(format!("x509: {host} cannot be encoded as an IA5String"));
    }
    Ok(construct_der(|writer| {
        writer.write_sequence(|writer| {
            for host in &contents.hosts {
                writer
                    .next()
                    .write_tagged_implicit(Tag::context(2), |writer| {
                        writer.write_ia5_string(host);
                    });
            }
            for address in &contents.addresses {
                let bytes = match address.to_canonical() {
                    IpAddr::V4(address) => address.octets().to_vec(),
                    IpAddr::V6(address) => address.octets().to_vec(),
                };
                writer
                    .next()
                    .write_tagged_implicit(Tag::context(7), |writer| writer.write_bytes(&bytes));
            }
        });
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::go::time::Zone;
    use crate::pki::key::testing::Counter;

    fn contents(name: &str, is_authority: bool) -> Contents {
        Contents {
            serial: BigUint::from(0x80_u32),
            name: name.to_owned(),
            addresses: vec!["10.0.0.1".parse().unwrap(), "fe80::1".parse().unwrap()],
            hosts: vec!["bar.com".to_owned()],
            not_before: Time::from_unix(1_700_000_000, Zone::Utc),
            not_after: Time::from_unix(2_600_000_000, Zone::Utc),
            is_authority,
        }
    }

    #[test]
    fn a_chain_of_certificates_holds() {
        let random = Counter::default();
        let authority = PrivateKey::ecdsa(&random).unwrap();
        let root = create(&contents("root*", true), &authority, None, &authority).unwrap();
        let issuer = Issuer::parse(&root).unwrap();
        let key = PrivateKey::ed25519(&random).unwrap();
        let leaf = create(&contents("leaf", false), &key, Some(&issuer), &authority).unwrap();

        let (_, root) = parse_x509_certificate(&root).unwrap();
        let (_, leaf) = parse_x509_certificate(&leaf).unwrap();
        assert!(root.is_ca() && !leaf.is_ca());
        assert_eq!(leaf.issuer(), root.subject());
        assert_eq!(root.subject().to_string(), "CN=root*");
        assert_eq!(leaf.validity().not_after.timestamp(), 2_600_000_000);
        assert_eq!(leaf.raw_serial(), [0, 0x80]);
        let ids: Vec<String> = leaf
            .extensions()
            .iter()
            .map(|e| e.oid.to_string())
            .collect();
        let want = [
            "2.5.29.15",
            "2.5.29.37",
            "2.5.29.19",
            "2.5.29.35",
            "2.5.29.17",
        ];
        assert_eq!(ids, want);
        let names = leaf.subject_alternative_name().unwrap().unwrap();
        assert_eq!(names.value.general_names.len(), 3);
    }

    #[test]
    fn another_key_signs_nothing() {
        let random = Counter::default();
        let (key, other) = (
            PrivateKey::ed25519(&random).unwrap(),
            PrivateKey::ed25519(&random).unwrap(),
        );
        let root = create(&contents("root", true), &key, None, &key).unwrap();
        let issuer = Issuer::parse(&root).unwrap();
        let failure = create(&contents("leaf", false), &key, Some(&issuer), &other);
        assert_eq!(
            failure.unwrap_err(),
            "x509: provided PrivateKey doesn't match parent's PublicKey"
        );
        assert!(Issuer::parse(b"x").is_err());
    }
}
