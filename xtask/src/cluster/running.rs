//! [`Cluster`]: a cluster that answers.

use std::path::PathBuf;
use std::process::Command;

/// A cluster that answers.
pub(crate) struct Cluster {
    pub(crate) state: PathBuf,
    /// Folder with `kubectl`.
    pub(crate) bin: PathBuf,
}

impl Cluster {
    /// The file that makes a client its administrator.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.state.join("admin.kubeconfig")
    }

    /// A call of `kubectl` as administrator.
    pub(crate) fn kubectl(&self) -> Command {
        let mut command = Command::new(self.bin.join("kubectl"));
        command
            .arg("--kubeconfig")
            .arg(self.kubeconfig())
            .env("KUBECACHEDIR", self.state.join("kubectl"));
        command
    }
}
