//! Checks a specification and its credentials before anything is opened.
//!
//! Pure: the specification in, a [`GitPlan`] or a [`Failure`] out; then the plan and the Secrets in, a [`Remote`] out. A
//! field of the contract that is not built yet is a failure, too: ignoring it could let in what it is meant to keep out.

use lode_api::git_repository::{Include, Mode, Provider, Spec};
use lode_api::{GitRepository, reasons};
use lode_git::{Credentials, Reference, Remote, RemoteError};
use lode_net::{ClientCertificate, Egress, Proxy};
use lode_object::NamespacedName;
use lode_runtime::{Failure, Retry};
use lode_tree::RepoPath;

use crate::secret::SecretData;
use crate::{credentials, step};

/// A specification that can be acted on.
pub struct GitPlan {
    pub(crate) address: Address,
    pub(crate) reference: Reference,
    /// Folders to fetch; none means all.
    pub(crate) sparse: Vec<String>,
    pub(crate) includes: Vec<Inclusion>,
    /// Whether the commit has to be signed.
    pub(crate) verify: bool,
}

/// Where the repository is.
pub(crate) enum Address {
    /// An HTTP(S) URL, without the credentials of the Secret.
    Http(Box<Remote>),
    /// An ssh URL.
    Ssh,
}

/// A part of another repository's artifact, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inclusion {
    pub(crate) repository: NamespacedName,
    pub(crate) from: RepoPath,
    pub(crate) to: RepoPath,
}

/// Checks one repository's specification.
pub(crate) fn validate(object: &GitRepository, egress: &Egress) -> Result<GitPlan, Failure> {
    let spec = &object.spec;
    step::check_named(spec.nameless())?;
    refuse_unsupported(spec)?;
    Ok(GitPlan {
        address: address(spec, egress)?,
        reference: reference(spec),
        sparse: spec
            .sparse_checkout
            .iter()
            .map(ToString::to_string)
            .collect(),
        includes: inclusions(object)?,
        verify: verify(spec)?,
    })
}

/// Returns the address of a plan with the credentials of its Secret.
pub(crate) fn authorize(plan: &GitPlan, secret: Option<&SecretData>) -> Result<Remote, Failure> {
    let remote = match &plan.address {
        Address::Http(remote) => (**remote).clone(),
        Address::Ssh => return Err(refuse_ssh(secret)),
    };
    let Some(secret) = secret else {
        return Ok(remote);
    };
    if secret.text("githubAppID").is_some() {
        let text = format!(
            "secretRef '{}' holds the data of a GitHub App, but provider is not github",
            secret.name()
        );
        return Err(step::fetch(reasons::INVALID_PROVIDER_CONFIGURATION, text).with(Retry::Never));
    }
    let scheme = remote.url().split(':').next().unwrap_or_default();
    let scheme = scheme.to_owned();
    let invalid = |what: &str| configuration(&format!("invalid '{scheme}' auth option: {what}"));

    // The credentials of the URL stay if the Secret has none.
    let mut remote = remote;
    if let Some(credentials) = login(secret).map_err(invalid)? {
        remote.credentials = credentials;
    }
    remote.ca = secret.any(&["ca.crt", "caFile"]);
    remote.client_certificate = client_certificate(secret).map_err(invalid)?;
    Ok(remote)
}

/// Reads a user's name and password, or a token; fails with what does not fit.
fn login(secret: &SecretData) -> Result<Option<Credentials>, &'static str> {
    let username = secret.text("username");
    let password = secret.text("password");
    let token = secret.text("bearerToken");
    match (username, password, token) {
        (Some(_), _, Some(_)) => Err("'bearerToken' and 'username' exclude each other"),
        (None, Some(_), None) => Err("'password' requires 'username' to be set"),
        (Some(username), password, None) => Ok(Some(Credentials::Basic {
            username,
            password: password.unwrap_or_default(),
        })),
        (None, _, Some(token)) => Ok(Some(Credentials::Bearer(token))),
        (None, None, None) => Ok(None),
    }
}

/// Reads a client certificate and its key; fails with what does not fit.
fn client_certificate(secret: &SecretData) -> Result<Option<ClientCertificate>, &'static str> {
    let certificate = secret.any(&["tls.crt", "certFile"]);
    let key = secret.any(&["tls.key", "keyFile"]);
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(ClientCertificate { certificate, key })),
        (None, None) => Ok(None),
        _ => Err("'tls.crt' and 'tls.key' require each other"),
    }
}

/// Reads a proxy from its Secret.
pub(crate) fn proxy(secret: &SecretData, egress: &Egress) -> Result<Proxy, Failure> {
    credentials::proxy(secret, egress).map_err(|text| {
        let text = format!("failed to configure proxy options: {text}");
        step::fetch(reasons::AUTHENTICATION_FAILED, text)
    })
}

/// Returns what is wrong with a commit that has to be signed. No signature can be checked yet, so none is trusted.
pub(crate) fn check_signature(commit: &str, is_signed: bool) -> Failure {
    let said = format!("signature verification of commit '{commit}' failed");
    if !is_signed {
        let text = format!("{said}: unsupported signature type: empty");
        return step::verify(reasons::INVALID_COMMIT_SIGNATURE, text);
    }
    let text =
        format!("{said}: checking signatures is not supported yet, so the commit is not trusted");
    step::verify(reasons::UNSUPPORTED, text).with(Retry::Never)
}

fn refuse_unsupported(spec: &Spec) -> Result<(), Failure> {
    let invalid = |text: String| {
        step::fetch(reasons::INVALID_PROVIDER_CONFIGURATION, text).with(Retry::Never)
    };
    let provider = spec.provider();
    match provider.map_err(|error| invalid(error.to_string()))? {
        Provider::Generic => {}
        Provider::GitHub if spec.secret_ref.is_none() => {
            let text = "provider github requires a secretRef with the data of a GitHub App";
            return Err(invalid(text.to_owned()));
        }
        provider => {
            let field = format!("spec.provider {}", provider.as_str());
            return Err(step::unsupported(&field));
        }
    }

    if spec.service_account_name.is_some() {
        return Err(step::unsupported("spec.serviceAccountName"));
    }
    if spec.recurse_submodules.unwrap_or_default() {
        return Err(step::unsupported("spec.recurseSubmodules"));
    }
    Ok(())
}

fn address(spec: &Spec, egress: &Egress) -> Result<Address, Failure> {
    let terminal = |reason, text: String| step::fetch(reason, text).with(Retry::Never);
    let mut remote = match Remote::new(&spec.url) {
        Ok(remote) => remote,
        Err(RemoteError::Ssh) => return Ok(Address::Ssh),
        Err(error @ RemoteError::Scheme(_)) => {
            let reason = reasons::UNSUPPORTED_CONNECTION_TYPE;
            return Err(terminal(reason, error.to_string()));
        }
        Err(error @ RemoteError::Url) => {
            return Err(terminal(reasons::URL_INVALID, error.to_string()));
        }
    };

    if let Err(refused) = remote.with_egress(egress) {
        return Err(terminal(reasons::ACCESS_DENIED, refused.to_string()));
    }
    remote.timeout = spec.timeout().map_err(|error| step::field(&error))?;
    Ok(Address::Http(Box::new(remote)))
}

/// Returns the refusal of ssh. Missing keys are reported first and "ssh unsupported" only once the Secret is complete, as
/// Flux does.
fn refuse_ssh(secret: Option<&SecretData>) -> Failure {
    let lacks = |key: &str| secret.is_none_or(|secret| secret.text(key).is_none());
    match ["identity", "known_hosts"]
        .into_iter()
        .find(|key| lacks(key))
    {
        Some(key) => configuration(&format!("invalid 'ssh' auth option: '{key}' is required")),
        None => step::unsupported("a repository over ssh"),
    }
}

fn configuration(text: &str) -> Failure {
    step::fetch(
        reasons::AUTHENTICATION_FAILED,
        format!("failed to configure authentication options: {text}"),
    )
}

fn reference(spec: &Spec) -> Reference {
    let given = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    spec.r#ref
        .as_deref()
        .map_or_else(Reference::default, |reference| Reference {
            branch: given(&reference.branch),
            tag: given(&reference.tag),
            semver: given(&reference.semver),
            name: given(&reference.name),
            commit: given(&reference.commit),
        })
}

fn inclusions(object: &GitRepository) -> Result<Vec<Inclusion>, Failure> {
    let namespace = &object.metadata.namespace;
    let includes = object.spec.include.iter();
    includes.map(|it| inclusion(namespace, it)).collect()
}

/// Checks one include: the whole artifact by default, in a folder of the repository's name.
fn inclusion(namespace: &str, include: &Include) -> Result<Inclusion, Failure> {
    let name = &include.repository.name;
    let path = |text: &Option<Box<str>>, absent: &str| {
        let text = text.as_deref().unwrap_or(absent);
        RepoPath::parse_rooted(text).map_err(|error| {
            let text = format!("path of include '{name}': {error}");
            step::store(reasons::ILLEGAL_PATH, text).with(Retry::Never)
        })
    };
    Ok(Inclusion {
        repository: NamespacedName::new(namespace, name),
        from: path(&include.from_path, "")?,
        to: path(&include.to_path, name)?,
    })
}

/// Returns whether the commit has to be signed.
fn verify(spec: &Spec) -> Result<bool, Failure> {
    let Some(verification) = spec.verify.as_deref() else {
        return Ok(false);
    };
    let invalid =
        |text: String| step::verify(reasons::INVALID_VERIFICATION_MODE, text).with(Retry::Never);
    let mode = verification.mode();
    let mode = mode.map_err(|error| invalid(error.to_string()))?;
    if mode == Mode::Head {
        return Ok(true);
    }

    let field = format!("spec.verify.mode {}", mode.as_str());
    let reference = reference(spec);
    if reference.tag.is_none() && reference.semver.is_none() {
        let text = format!("{field} requires spec.ref.tag or spec.ref.semver");
        return Err(invalid(text));
    }
    Err(step::unsupported(&field))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan(spec: &Value) -> Result<GitPlan, Failure> {
        let mut object =
            json!({"metadata": {"name": "a", "namespace": "ns"}, "spec": {"interval": "1m"}});
        object["spec"]["url"] = json!("https://example.com/a.git");
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        validate(&GitRepository::parse(&object).unwrap(), &Egress::default())
    }

    fn refusal(spec: &Value) -> (&'static str, bool) {
        let failure = plan(spec).err().unwrap();
        (failure.reason, failure.retry == Retry::Never)
    }

    fn secret(data: &[(&str, &str)]) -> SecretData {
        SecretData::of_texts("ns/auth", data)
    }

    fn remote(url: &str, data: &[(&str, &str)]) -> Result<Remote, Failure> {
        authorize(&plan(&json!({"url": url}))?, Some(&secret(data)))
    }

    #[test]
    fn what_is_not_built_is_refused() {
        for spec in [
            json!({"recurseSubmodules": true}),
            json!({"provider": "azure"}),
            json!({"provider": "aws", "serviceAccountName": "a"}),
            json!({"provider": "github", "secretRef": {"name": "auth"}}),
            json!({"serviceAccountName": "a"}),
            json!({"verify": {"mode": "Tag", "secretRef": {"name": "keys"}}, "ref": {"tag": "v1"}}),
            json!({"verify": {"mode": "TagAndHEAD", "secretRef": {"name": "keys"}}, "ref": {"semver": "1.x"}}),
        ] {
            assert_eq!(refusal(&spec), ("Unsupported", true), "{spec}");
        }
        assert!(plan(&json!({"recurseSubmodules": false, "provider": "generic"})).is_ok());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (spec, reason) in [
            (
                json!({"provider": "github"}),
                "InvalidProviderConfiguration",
            ),
            (
                json!({"provider": "gitlab"}),
                "InvalidProviderConfiguration",
            ),
            (json!({"url": "https://"}), "URLInvalid"),
            (
                json!({"url": "ftp://example.com/x"}),
                "UnsupportedConnectionType",
            ),
            (json!({"timeout": "1d"}), "Failed"),
            (
                json!({"verify": {"mode": "Tag", "secretRef": {"name": "keys"}}}),
                "InvalidVerificationMode",
            ),
            (
                json!({"include": [{"repository": {"name": "b"}, "fromPath": "../x"}]}),
                "IllegalPath",
            ),
            (
                json!({"include": [{"repository": {"name": "b"}, "toPath": "x/.git"}]}),
                "IllegalPath",
            ),
        ] {
            assert_eq!(refusal(&spec), (reason, true), "{spec}");
        }
    }

    #[test]
    fn an_include_goes_to_a_folder_of_its_name_by_default() {
        let include = json!([{"repository": {"name": "b"}}, {"repository": {"name": "c"}, "fromPath": "./", "toPath": "/x/y"}]);
        let includes = plan(&json!({"include": include})).unwrap().includes;
        let paths: Vec<_> = includes
            .iter()
            .map(|include| (include.from.as_str(), include.to.as_str()))
            .collect();
        assert_eq!(paths, [("", "b"), ("", "x/y")]);
    }

    #[test]
    fn an_address_the_policy_forbids_is_not_asked() {
        let object = json!({"metadata": {"name": "a"}, "spec": {"interval": "1m", "url": "http://me:secret@10.0.0.1/x"}});
        let deny = vec!["10.0.0.1".parse().unwrap()];
        let egress = Egress::new(lode_net::Rules {
            deny,
            ..lode_net::Rules::default()
        });
        let failure = validate(&GitRepository::parse(&object).unwrap(), &egress)
            .err()
            .unwrap();
        assert_eq!(failure.reason, "AccessDenied");
        assert!(!failure.message.contains("secret"), "{}", failure.message);
        let failure = proxy(
            &secret(&[("address", "http://me:secret@10.0.0.1")]),
            &egress,
        )
        .err()
        .unwrap();
        assert!(!failure.message.contains("10.0.0.1"), "{}", failure.message);
    }

    #[test]
    fn credentials_come_from_the_secret() {
        let basic = Credentials::Basic {
            username: "git".into(),
            password: "hunter2".into(),
        };
        let url = "https://example.com/a.git";
        assert_eq!(
            remote(url, &[("username", "git"), ("password", "hunter2")])
                .unwrap()
                .credentials,
            basic
        );
        let bearer = remote(url, &[("bearerToken", "hunter2")])
            .unwrap()
            .credentials;
        assert_eq!(bearer, Credentials::Bearer("hunter2".into()));
        let tls = remote(url, &[("ca.crt", "CA"), ("tls.crt", "C"), ("tls.key", "K")]).unwrap();
        assert_eq!(tls.ca.as_deref(), Some(&b"CA"[..]));
        assert!(tls.client_certificate.is_some() && tls.credentials == Credentials::None);
        let kept = remote("https://git:hunter2@example.com/a.git", &[("ca.crt", "CA")]).unwrap();
        assert_eq!(
            (kept.url(), &kept.credentials),
            (url, &basic),
            "those of the URL stay where the secret has none"
        );
    }

    #[test]
    fn credentials_that_make_no_sense_are_told_without_them() {
        let url = "https://example.com/a.git";
        for (data, end) in [
            (
                &[("password", "hunter2")][..],
                "invalid 'https' auth option: 'password' requires 'username' to be set",
            ),
            (
                &[("username", "a"), ("bearerToken", "hunter2")],
                "'bearerToken' and 'username' exclude each other",
            ),
            (
                &[("tls.key", "hunter2")],
                "'tls.crt' and 'tls.key' require each other",
            ),
        ] {
            let failure = remote(url, data).err().unwrap();
            assert_eq!(failure.reason, "AuthenticationFailed");
            assert!(
                failure.message.ends_with(end) && !failure.message.contains("hunter2"),
                "{}",
                failure.message
            );
        }
        assert_eq!(
            remote(url, &[("githubAppID", "1")]).err().unwrap().reason,
            "InvalidProviderConfiguration"
        );
    }

    #[test]
    fn a_repository_without_a_secret_is_asked_anonymously() {
        let plan = plan(&json!({"timeout": "10s"})).unwrap();
        let remote = authorize(&plan, None).unwrap();
        assert_eq!(remote.credentials, Credentials::None);
        assert_eq!(remote.timeout, std::time::Duration::from_secs(10));
        assert!(remote.ca.is_none() && remote.client_certificate.is_none());
    }

    #[test]
    fn old_names_of_certificates_are_read_after_the_new_ones() {
        let url = "https://example.com/a.git";
        let old = [("caFile", "CA"), ("certFile", "C"), ("keyFile", "K")];
        let remote_of_old = remote(url, &old).unwrap();
        assert_eq!(remote_of_old.ca.as_deref(), Some(&b"CA"[..]));
        assert!(remote_of_old.client_certificate.is_some());
        let both = remote(url, &[("caFile", "old"), ("ca.crt", "new")]).unwrap();
        assert_eq!(both.ca.as_deref(), Some(&b"new"[..]));
    }

    #[test]
    fn a_user_may_have_no_password() {
        let remote = remote("https://example.com/a.git", &[("username", "git")]).unwrap();
        let basic = Credentials::Basic {
            username: "git".into(),
            password: String::new(),
        };
        assert_eq!(remote.credentials, basic);
    }

    #[test]
    fn each_form_of_a_reference_is_handed_on() {
        let reference = |reference: Value| plan(&json!({"ref": reference})).unwrap().reference;
        assert_eq!(plan(&json!({})).unwrap().reference, Reference::default());
        let all =
            json!({"branch": "b", "tag": "t", "semver": "1.x", "name": "refs/n", "commit": "c"});
        let all = reference(all);
        let given = [all.branch, all.tag, all.semver, all.name, all.commit];
        let given = given.map(Option::unwrap);
        assert_eq!(given, ["b", "t", "1.x", "refs/n", "c"]);
    }

    #[test]
    fn only_the_head_can_have_to_be_signed() {
        let keys = json!({"name": "keys"});
        let verify = |mode: Value| plan(&json!({"verify": {"mode": mode, "secretRef": keys}}));
        assert!(verify(json!("HEAD")).unwrap().verify);
        assert!(verify(json!("head")).unwrap().verify, "the old spelling");
        assert!(!plan(&json!({})).unwrap().verify);
        let odd = verify(json!("all")).err().unwrap();
        assert_eq!(odd.reason, "InvalidVerificationMode");
    }

    #[test]
    fn a_reference_without_a_name_is_refused() {
        assert_eq!(
            refusal(&json!({"secretRef": {"name": ""}})),
            ("Failed", true)
        );
        let include = json!([{"repository": {"name": ""}}]);
        assert_eq!(refusal(&json!({"include": include})), ("Failed", true));
    }

    #[test]
    fn ssh_is_refused_once_its_secret_is_complete() {
        let url = "ssh://git@example.com/a.git";
        let refuse = |data: &[(&str, &str)]| remote(url, data).err().unwrap();
        assert!(refuse(&[]).message.ends_with("'identity' is required"));
        assert!(
            refuse(&[("identity", "K")])
                .message
                .ends_with("'known_hosts' is required")
        );
        assert_eq!(
            refuse(&[("identity", "K"), ("known_hosts", "H")]).reason,
            "Unsupported"
        );
    }

    #[test]
    fn a_proxy_needs_an_address() {
        let failure = proxy(&secret(&[]), &Egress::default()).err().unwrap();
        assert_eq!(
            failure.message,
            "failed to configure proxy options: secret 'ns/auth': key 'address' not found"
        );
    }

    #[test]
    fn only_an_unsigned_commit_can_be_judged() {
        let unsigned = check_signature("4d", false);
        assert_eq!(unsigned.reason, "InvalidCommitSignature");
        assert_eq!(check_signature("4d", true).reason, "Unsupported");
    }
}
