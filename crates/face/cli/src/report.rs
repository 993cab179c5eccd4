//! How errors are printed: what failed, why, and a hint.

use std::fmt::Write as _;

use lode_cluster::Error as ClusterError;

/// An error with a hint for the user.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Told {
    message: String,
    hint: String,
}

impl Told {
    /// Creates an error from a message and a hint.
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// Returns an error as it is printed: the step that failed, one line per cause, and the hint if
/// there is one.
pub(crate) fn text(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}");
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Some errors already contain the text of their cause.
        if !said.contains(&cause) {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "\n  because: {cause}");
        }
        said = cause;
    }
    if let Some(hint) = error.chain().find_map(hint) {
        let _ = write!(text, "\nhint: {hint}");
    }
    text
}

fn hint(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(told) = error.downcast_ref::<Told>() {
        return Some(told.hint.clone());
    }
    let text = match error.downcast_ref::<ClusterError>()? {
        ClusterError::Unreachable(_) => {
            "is the cluster up, and is this its address? `kubectl version` asks the same server"
        }
        ClusterError::Request(text) if text.contains("configuration") => {
            "name a kubeconfig with --kubeconfig or KUBECONFIG, and a context of it with --context"
        }
        refused if refused.is(401) => {
            "the credentials in the kubeconfig are not valid or have expired"
        }
        refused if refused.is(403) => {
            "the user of the kubeconfig may not do this; `kubectl auth can-i --list` shows what it may"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_and_a_hint() {
        let error = Err::<(), _>(ClusterError::Unreachable("tcp connect error".into()));
        let error = error
            .context("read Kustomization/flux-system/apps")
            .unwrap_err();
        insta::assert_snapshot!(text(&error), @r"
        error: read Kustomization/flux-system/apps
          because: Kubernetes API is not reachable: tcp connect error
        hint: is the cluster up, and is this its address? `kubectl version` asks the same server
        ");
    }

    #[test]
    fn a_cause_that_was_said_already_is_not_repeated() {
        let error = anyhow::anyhow!("no such file").context("read x: no such file");
        assert_eq!(text(&error), "error: read x: no such file");
    }

    #[test]
    fn an_error_may_bring_its_own_hint() {
        let error =
            anyhow::Error::from(Told::new("a is suspended", "resume it")).context("reconcile a");
        assert_eq!(
            text(&error),
            "error: reconcile a\n  because: a is suspended\nhint: resume it"
        );
    }
}
