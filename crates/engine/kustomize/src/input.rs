//! The input of a build: kustomizations, the files they name, and their settings.

pub(crate) mod charts;
pub(crate) mod crds;
pub(crate) mod decode;
pub(crate) mod kustomization;
pub(crate) mod manifests;
pub(crate) mod remote;
pub(crate) mod settings;
pub(crate) mod settings_file;
pub(crate) mod source;
pub(crate) mod sources;
