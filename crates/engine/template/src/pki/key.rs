//! Private keys: made, read and written.

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{agreement, encoding};
use num_bigint::{BigInt, BigUint};
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, Tag, construct_der};

use crate::context::Random;
use crate::pki::{pem, prime};

/// A private key.
pub(crate) enum PrivateKey {
    /// RSA.
    Rsa {
        /// In the form of PKCS#1.
        der: Vec<u8>,
        /// Ready to sign.
        pair: Box<RsaKeyPair>,
    },
    /// A point of a curve.
    Ec {
        /// The curve.
        curve: &'static Curve,
        /// Ready to sign.
        pair: Box<EcdsaKeyPair>,
    },
    /// Ed25519.
    Ed25519 {
        /// What the key is made of.
        seed: [u8; 32],
        /// Ready to sign.
        pair: Box<Ed25519KeyPair>,
    },
    /// DSA: written and read, but it signs no certificate.
    Dsa {
        /// The six numbers.
        der: Vec<u8>,
    },
}

/// A curve, with the way its keys sign.
pub(crate) struct Curve {
    object_id: &'static [u64],
    signature_id: &'static [u64],
    algorithm: &'static EcdsaSigningAlgorithm,
}

static CURVES: [Curve; 3] = [
    Curve {
        object_id: &[1, 2, 840, 10045, 3, 1, 7],
        signature_id: &[1, 2, 840, 10045, 4, 3, 2],
        algorithm: &ECDSA_P256_SHA256_ASN1_SIGNING,
    },
    Curve {
        object_id: &[1, 3, 132, 0, 34],
        signature_id: &[1, 2, 840, 10045, 4, 3, 3],
        algorithm: &ECDSA_P384_SHA384_ASN1_SIGNING,
    },
    Curve {
        object_id: &[1, 3, 132, 0, 35],
        signature_id: &[1, 2, 840, 10045, 4, 3, 4],
        algorithm: &ECDSA_P521_SHA512_ASN1_SIGNING,
    },
];

const RSA_ENCRYPTION: &[u64] = &[1, 2, 840, 113_549, 1, 1, 1];
const RSA_WITH_SHA256: &[u64] = &[1, 2, 840, 113_549, 1, 1, 11];
const EC_PUBLIC_KEY: &[u64] = &[1, 2, 840, 10045, 2, 1];
const ED25519: &[u64] = &[1, 3, 101, 112];

/// The public exponent of new keys.
const EXPONENT: u32 = 65_537;

// === making ===

impl PrivateKey {
    /// Makes an RSA key.
    ///
    /// # Errors
    /// The randomness is none.
    pub(crate) fn rsa(random: &dyn Random, bits: u64) -> Result<Self, String> {
        let failed = || "the randomness gives no prime numbers".to_owned();
        let one = BigUint::from(1_u32);
        let exponent = BigUint::from(EXPONENT);
        let fits = |prime: &BigUint| (prime - &one) % &exponent != BigUint::ZERO;
        let p = prime::random(random, bits / 2, fits).ok_or_else(failed)?;
        let q = prime::random(random, bits / 2, |prime| fits(prime) && *prime != p);
        let q = q.ok_or_else(failed)?;

        let (p_minus, q_minus) = (&p - &one, &q - &one);
        let private = inverse(&exponent, &(&p_minus * &q_minus)).ok_or_else(failed)?;
        let coefficient = inverse(&q, &p).ok_or_else(failed)?;
        let numbers = [
            BigUint::ZERO,
            &p * &q,
            exponent,
            private.clone(),
            p.clone(),
            q,
            &private % p_minus,
            private % q_minus,
            coefficient,
        ];
        Self::from_pkcs1(sequence(&numbers))
    }

    /// Makes a key of the curve P-256.
    ///
    /// # Errors
    /// The randomness is none.
    pub(crate) fn ecdsa(random: &dyn Random) -> Result<Self, String> {
        let failed = || "the randomness gives no key".to_owned();
        for _ in 0..DRAWS_MAX {
            let mut scalar = [0; 32];
            random.fill(&mut scalar);
            // Numbers beyond the order of the curve are no keys.
            let Ok(key) = agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, &scalar)
            else {
                continue;
            };
            let public = key.compute_public_key().map_err(|_| failed())?;
            let curve = CURVES.first().ok_or_else(failed)?;
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                curve.algorithm,
                &scalar,
                public.as_ref(),
            );
            let pair = Box::new(pair.map_err(|_| failed())?);
            return Ok(Self::Ec { curve, pair });
        }
        Err(failed())
    }

    /// Makes an Ed25519 key.
    ///
    /// # Errors
    /// Never, with 32 bytes.
    pub(crate) fn ed25519(random: &dyn Random) -> Result<Self, String> {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        Self::from_seed(seed)
    }

    /// Makes a DSA key of 2,048 and 256 bits.
    ///
    /// # Errors
    /// The randomness is none.
    pub(crate) fn dsa(random: &dyn Random) -> Result<Self, String> {
        let failed = || "the randomness gives no prime numbers".to_owned();
        let one = BigUint::from(1_u32);
        let q = prime::random(random, 256, |_| true).ok_or_else(failed)?;
        let step = &q * 2_u32;
        let p = (0..DSA_DRAWS_MAX).find_map(|_| {
            let mut start = prime::number(random, 2048);
            start.set_bit(2047, true);
            let p = &start - &start % &step + &one;
            let is_prime =
                p.bits() == 2048 && prime::has_no_small_factor(&p) && prime::is_prime(random, &p);
            is_prime.then_some(p)
        });
        let p = p.ok_or_else(failed)?;

        let cofactor = (&p - &one) / &q;
        let generator = (2_u32..100)
            .map(|base| BigUint::from(base).modpow(&cofactor, &p))
            .find(|power| *power != one)
            .ok_or_else(failed)?;
        let private = prime::number(random, 320) % (&q - &one) + &one;
        let public = generator.modpow(&private, &p);
        let der = sequence(&[BigUint::ZERO, p, q, generator, public, private]);
        Ok(Self::Dsa { der })
    }

    fn from_seed(seed: [u8; 32]) -> Result<Self, String> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|why| why.to_string())?;
        let pair = Box::new(pair);
        Ok(Self::Ed25519 { seed, pair })
    }

    fn from_pkcs1(der: Vec<u8>) -> Result<Self, String> {
        let pair = RsaKeyPair::from_der(&der).map_err(|why| why.to_string())?;
        let pair = Box::new(pair);
        Ok(Self::Rsa { der, pair })
    }

    fn from_sec1(der: &[u8]) -> Option<Self> {
        CURVES.iter().find_map(|curve| {
            let pair = EcdsaKeyPair::from_private_key_der(curve.algorithm, der).ok()?;
            let pair = Box::new(pair);
            Some(Self::Ec { curve, pair })
        })
    }
}

/// Most numbers that are drawn for a key of a curve: fewer than one in four billion is no key.
const DRAWS_MAX: usize = 16;
/// Most numbers that are drawn for a DSA key: one in seven hundred is prime.
const DSA_DRAWS_MAX: usize = 16_384;

/// Returns the number whose product with another is one.
fn inverse(number: &BigUint, modulus: &BigUint) -> Option<BigUint> {
    let modulus = BigInt::from(modulus.clone());
    let (mut a, mut b) = (BigInt::from(number.clone()), modulus.clone());
    let (mut x, mut y) = (BigInt::from(1), BigInt::ZERO);
    while b != BigInt::ZERO {
        let quotient = &a / &b;
        (a, b) = (b.clone(), a - &quotient * b);
        (x, y) = (y.clone(), x - quotient * y);
    }
    let positive = ((x % &modulus) + &modulus) % &modulus;
    (a == BigInt::from(1))
        .then(|| positive.to_biguint())
        .flatten()
}

fn sequence(numbers: &[BigUint]) -> Vec<u8> {
    construct_der(|writer| {
        writer.write_sequence(|writer| {
            for number in numbers {
                writer
                    .next()
                    .write_bigint_bytes(&number.to_bytes_be(), true);
            }
        });
    })
}

// === reading ===

impl PrivateKey {
    /// Reads a key in PEM.
    ///
    /// # Errors
    /// Go's message.
    pub(crate) fn from_pem(text: &[u8]) -> Result<Self, String> {
        let block = pem::decode(text).ok_or("no PEM data in input")?;
        if block.kind == "PRIVATE KEY" {
            return Self::from_pkcs8(&block.bytes).ok_or_else(|| {
                "decoding PEM as PKCS#8: x509: failed to parse private key".to_owned()
            });
        }
        let Some(kind) = block.kind.strip_suffix(" PRIVATE KEY") else {
            let kind = &block.kind;
            return Err(format!("no private key data in PEM block of type {kind}"));
        };
        match kind {
            "RSA" => Self::from_pkcs1(block.bytes)
                .map_err(|why| format!("parsing RSA private key from PEM: {why}")),
            "EC" => Self::from_sec1(&block.bytes).ok_or_else(|| {
                "parsing EC private key from PEM: x509: failed to parse EC private key".to_owned()
            }),
            "DSA" if dsa_numbers(&block.bytes) => Ok(Self::Dsa { der: block.bytes }),
            "DSA" => Err("parsing DSA private key from PEM: asn1: structure error".to_owned()),
            kind => Err(format!("invalid private key type {kind}")),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            let seed: encoding::Curve25519SeedBin<'_> = pair.seed().ok()?.as_be_bytes().ok()?;
            return Self::from_seed(seed.as_ref().try_into().ok()?).ok();
        }
        let inner = yasna::parse_der(der, |reader| {
            reader.read_sequence(|reader| {
                let _version = reader.next().read_u8()?;
                let _algorithm = reader.next().read_der()?;
                reader.next().read_bytes()
            })
        });
        let inner = inner.ok();
        inner
            .and_then(|inner| Self::from_pkcs1(inner).ok())
            .or_else(|| {
                CURVES.iter().find_map(|curve| {
                    let pair = EcdsaKeyPair::from_pkcs8(curve.algorithm, der).ok()?;
                    let pair = Box::new(pair);
                    Some(Self::Ec { curve, pair })
                })
            })
    }
}

/// Returns whether this is a list of six numbers.
fn dsa_numbers(der: &[u8]) -> bool {
    yasna::parse_der(der, |reader| {
        reader.read_sequence(|reader| {
            for _ in 0..6 {
                reader.next().read_bigint_bytes()?;
            }
            Ok(())
        })
    })
    .is_ok()
}

// === writing and signing ===

impl PrivateKey {
    /// Returns the key in PEM.
    pub(crate) fn to_pem(&self) -> String {
        match self {
            Self::Rsa { der, .. } => pem::encode("RSA PRIVATE KEY", der),
            Self::Dsa { der } => pem::encode("DSA PRIVATE KEY", der),
            Self::Ec { curve, pair } => pem::encode("EC PRIVATE KEY", &sec1(curve, pair)),
            Self::Ed25519 { seed, .. } => pem::encode("PRIVATE KEY", &ed25519_pkcs8(seed)),
        }
    }

    /// Returns the bytes of the public key, without the name of its kind.
    pub(crate) fn public_bytes(&self) -> &[u8] {
        match self {
            Self::Rsa { pair, .. } => pair.public_key().as_ref(),
            Self::Ec { pair, .. } => pair.public_key().as_ref(),
            Self::Ed25519 { pair, .. } => pair.public_key().as_ref(),
            Self::Dsa { .. } => &[],
        }
    }

    /// Writes the public key with the name of its kind.
    pub(crate) fn write_public(&self, writer: DERWriter<'_>) {
        writer.write_sequence(|writer| {
            writer.next().write_sequence(|writer| match self {
                Self::Rsa { .. } => {
                    write_id(writer.next(), RSA_ENCRYPTION);
                    writer.next().write_null();
                }
                Self::Ec { curve, .. } => {
                    write_id(writer.next(), EC_PUBLIC_KEY);
                    write_id(writer.next(), curve.object_id);
                }
                Self::Ed25519 { .. } | Self::Dsa { .. } => write_id(writer.next(), ED25519),
            });
            let bytes = self.public_bytes();
            writer.next().write_bitvec_bytes(bytes, bytes.len() * 8);
        });
    }

    /// Writes the name of the signatures of this key.
    pub(crate) fn write_signature_id(&self, writer: DERWriter<'_>) {
        writer.write_sequence(|writer| match self {
            Self::Rsa { .. } => {
                write_id(writer.next(), RSA_WITH_SHA256);
                writer.next().write_null();
            }
            Self::Ec { curve, .. } => write_id(writer.next(), curve.signature_id),
            Self::Ed25519 { .. } | Self::Dsa { .. } => write_id(writer.next(), ED25519),
        });
    }

    /// Signs a message.
    ///
    /// # Errors
    /// Keys of this kind do not sign certificates.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let failed = |_| "the signature failed".to_owned();
        match self {
            Self::Rsa { pair, .. } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .map_err(failed)?;
                Ok(signature)
            }
            Self::Ec { pair, .. } => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519 { pair, .. } => Ok(pair.sign(message).as_ref().to_vec()),
            Self::Dsa { .. } => {
                Err("x509: certificate private key does not implement crypto.Signer".to_owned())
            }
        }
    }
}

/// Writes the name of something.
pub(crate) fn write_id(writer: DERWriter<'_>, id: &[u64]) {
    writer.write_oid(&ObjectIdentifier::from_slice(id));
}

fn sec1(curve: &Curve, pair: &EcdsaKeyPair) -> Vec<u8> {
    let private = pair.private_key();
    let scalar: Option<encoding::EcPrivateKeyBin<'_>> = private.as_be_bytes().ok();
    let public = pair.public_key().as_ref();
    construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(1);
            let scalar = scalar.as_deref().map_or(&[][..], AsRef::as_ref);
            writer.next().write_bytes(scalar);
            writer
                .next()
                .write_tagged(Tag::context(0), |writer| write_id(writer, curve.object_id));
            writer.next().write_tagged(Tag::context(1), |writer| {
                writer.write_bitvec_bytes(public, public.len() * 8);
            });
        });
    })
}

fn ed25519_pkcs8(seed: &[u8; 32]) -> Vec<u8> {
    let inner = construct_der(|writer| writer.write_bytes(seed));
    construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(0);
            writer
                .next()
                .write_sequence(|writer| write_id(writer.next(), ED25519));
            writer.next().write_bytes(&inner);
        });
    })
}

#[cfg(test)]
pub(crate) mod testing {
    //! Randomness that is the same in every run.

    use std::cell::Cell;

    use sha2::{Digest as _, Sha256};

    use crate::context::Random;

    /// Digests of numbers.
    #[derive(Default)]
    pub(crate) struct Counter(Cell<u64>);

    impl Random for Counter {
        fn fill(&self, bytes: &mut [u8]) {
            for chunk in bytes.chunks_mut(32) {
                self.0.set(self.0.get() + 1);
                let digest = Sha256::digest(self.0.get().to_be_bytes());
                chunk.copy_from_slice(&digest[..chunk.len()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Counter;
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        let random = Counter::default();
        for (key, kind) in [
            (PrivateKey::rsa(&random, 2048).unwrap(), "RSA PRIVATE KEY"),
            (PrivateKey::ecdsa(&random).unwrap(), "EC PRIVATE KEY"),
            (PrivateKey::ed25519(&random).unwrap(), "PRIVATE KEY"),
        ] {
            let text = key.to_pem();
            assert!(text.starts_with(&format!("-----BEGIN {kind}-----\n")));
            let read = PrivateKey::from_pem(text.as_bytes()).unwrap();
            assert_eq!(read.to_pem(), text);
            assert_eq!(read.public_bytes(), key.public_bytes());
            assert!(read.sign(b"message").is_ok());
        }
    }

    #[test]
    fn the_same_randomness_gives_the_same_key() {
        let key = || PrivateKey::ecdsa(&Counter::default()).unwrap().to_pem();
        assert_eq!(key(), key());
    }

    #[test]
    fn a_dsa_key_has_six_numbers_and_signs_nothing() {
        let key = PrivateKey::dsa(&Counter::default()).unwrap();
        let read = PrivateKey::from_pem(key.to_pem().as_bytes()).unwrap();
        assert!(matches!(read, PrivateKey::Dsa { .. }));
        assert!(read.sign(b"").is_err());
    }

    #[test]
    fn what_is_no_key_says_why() {
        let error = |text: &str| PrivateKey::from_pem(text.as_bytes()).err().unwrap();
        assert_eq!(error(""), "no PEM data in input");
        let block = |kind: &str| pem::encode(kind, b"x");
        assert_eq!(
            error(&block("CERTIFICATE")),
            "no private key data in PEM block of type CERTIFICATE"
        );
        assert_eq!(error(&block("X PRIVATE KEY")), "invalid private key type X");
    }
}
