//! Certificates and kubeconfigs of a test cluster, created with `openssl`.
//!
//! One authority signs the server's certificate and one certificate per client; a client's subject
//! is its Kubernetes user. They are created once per folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;

/// Clients by name, with the subject that identifies them.
const CLIENTS: [(&str, &str); 3] = [
    ("admin", "/O=system:masters/CN=admin"),
    ("controllers", "/CN=system:kube-controller-manager"),
    ("scheduler", "/CN=system:kube-scheduler"),
];
/// Names and addresses in the API server's certificate.
const SERVER_NAMES: &str = "subjectAltName=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,\
                            DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1";

/// Creates missing certificates and writes `<client>.kubeconfig` for every client.
pub(super) fn prepare(state: &Path, api_port: u16) -> Result<()> {
    let pki = state.join("pki");
    if !pki.join("complete").exists() {
        fs::create_dir_all(&pki).with_context(|| format!("create {}", pki.display()))?;
        fs::set_permissions(&pki, fs::Permissions::from_mode(0o700))
            .context("hide the keys from others")?;
        make(&pki).context("make certificates")?;
        fs::write(pki.join("complete"), "").context("note that the certificates are complete")?;
    }
    for (client, _) in CLIENTS {
        let path = state.join(format!("{client}.kubeconfig"));
        fs::write(&path, kubeconfig(&pki, client, api_port))
            .with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

fn make(pki: &Path) -> Result<()> {
    let authority = [
        "basicConstraints=critical,CA:TRUE",
        "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
    ];
    certificate(pki, "ca", "/CN=test-cluster", &authority)?;
    certificate(
        pki,
        "apiserver",
        "/CN=kube-apiserver",
        &[SERVER_NAMES, "extendedKeyUsage=serverAuth"],
    )?;
    for (client, subject) in CLIENTS {
        certificate(pki, client, subject, &["extendedKeyUsage=clientAuth"])?;
    }
    // Service account tokens are signed with a plain key.
    let key = [
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-out",
        "accounts.key",
    ];
    command::output(Command::new("openssl").args(key).current_dir(pki))?;
    let public = [
        "pkey",
        "-in",
        "accounts.key",
        "-pubout",
        "-out",
        "accounts.pub",
    ];
    command::output(Command::new("openssl").args(public).current_dir(pki))?;
    Ok(())
}

/// Writes `<name>.key` and `<name>.crt`; all but the authority's own are signed by the authority.
fn certificate(pki: &Path, name: &str, subject: &str, extensions: &[&str]) -> Result<()> {
    let mut openssl = Command::new("openssl");
    openssl
        .current_dir(pki)
        .args(["req", "-x509", "-noenc", "-days", "3650", "-subj", subject]);
    openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    openssl.args([
        "-keyout",
        &format!("{name}.key"),
        "-out",
        &format!("{name}.crt"),
    ]);
    if name != "ca" {
        openssl.args([
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]);
    }

    for extension in extensions {
        openssl.args(["-addext", extension]);
    }

    command::output(&mut openssl).with_context(|| format!("make the certificate of {name}"))?;
    Ok(())
}

fn kubeconfig(pki: &Path, client: &str, api_port: u16) -> String {
    let pki = pki.display();
    format!(
        "apiVersion: v1
kind: Config
current-context: test
clusters:
- name: test
  cluster: {{server: 'https://127.0.0.1:{api_port}', certificate-authority: '{pki}/ca.crt'}}
users:
- name: {client}
  user: {{client-certificate: '{pki}/{client}.crt', client-key: '{pki}/{client}.key'}}
contexts:
- name: test
  context: {{cluster: test, user: {client}}}
"
    )
}
