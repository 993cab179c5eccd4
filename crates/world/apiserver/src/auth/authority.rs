//! [`Authority`]: the certificate authority of the API and of its clients.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// The certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
    pem: String,
    host: IpAddr,
}

/// Why certificates cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One cannot be signed.
    #[error("sign a certificate")]
    Sign(#[from] rcgen::Error),
    /// They cannot be used for TLS.
    #[error("set up TLS")]
    Tls(#[from] rustls::Error),
    /// They cannot be used to verify clients.
    #[error("set up the check of client certificates")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

impl Authority {
    /// Creates the authority for an API at an address.
    pub(crate) fn new(host: IpAddr) -> Result<Self, Error> {
        // A key of this kind is generated in less than a millisecond.
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named("lode", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let certificate = params.self_signed(&key)?;
        let pem = certificate.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate,
            pem,
            host,
        })
    }

    /// Returns its certificate as PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.pem
    }

    /// Returns the TLS acceptor of the API.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, Error> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
        params.distinguished_name = named("kube-apiserver", &[]);
        let own = [
            self.host,
            Ipv4Addr::LOCALHOST.into(),
            Ipv4Addr::new(10, 96, 0, 1).into(),
        ];
        params.subject_alt_names.extend(own.map(SanType::IpAddress));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone())?;
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier.allow_unauthenticated().build()?)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )?;

        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Returns a certificate for a client and its key, both as PEM.
    pub(crate) fn client(&self, name: &str, groups: &[&str]) -> Result<(String, String), Error> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name, groups);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// Returns a kubeconfig with a token.
    pub(crate) fn kubeconfig(&self, address: SocketAddr, token: &str) -> String {
        let certificate = STANDARD.encode(&self.pem);
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: lode\nclusters:\n- name: lode\n  cluster:\n    \
             server: https://{address}\n    certificate-authority-data: {certificate}\nusers:\n- name: admin\n  user:\n    \
             token: {token}\ncontexts:\n- name: lode\n  context:\n    cluster: lode\n    user: admin\n"
        )
    }
}

fn named(name: &str, groups: &[&str]) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    for group in groups {
        named.push(DnType::OrganizationName, *group);
    }
    named
}

/// Host names in the API's certificate.
const NAMES: [&str; 4] = [
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
];
