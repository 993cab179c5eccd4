//! Helm charts, as Helm 4.2.1 treats them.
//!
//! A [`Chart`] is loaded from a folder or an archive and never changes. [`Supplied`] merges the
//! values of files and flags, and [`Chart::prepare`] decides with them which subcharts take part and
//! what their templates see. [`manifest`] splits and sorts what was rendered. [`release`] reads and
//! writes the records of releases.
//!
//! ```
//! use lode_chart::{Chart, ChartFile, Supplied};
//! use lode_stdx::budget::Budget;
//!
//! let files = vec![
//!     ChartFile::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.0.0\n"),
//!     ChartFile::new("values.yaml", b"replicas: 2\n"),
//! ];
//! let budget = Budget::unlimited();
//! let chart = Chart::from_files(files, &budget).unwrap();
//! let supplied = Supplied { set: &["replicas=3"], ..Supplied::default() };
//! let supplied = supplied.merge(&|name| Err(name.to_owned()), &budget).unwrap();
//! let prepared = chart.prepare(&supplied, &budget).unwrap();
//! assert_eq!(prepared.values()["replicas"], 3);
//! ```
//!
//! Left out: reading and writing objects of a cluster, waiting, and fetching charts.

mod archive;
mod capabilities;
mod chart;
mod dependencies;
mod file;
mod folder;
mod ignore;
pub mod json;
mod limits;
mod load;
pub mod manifest;
mod metadata;
mod moment;
mod name;
mod pack;
mod pattern;
mod post_render;
mod prepare;
pub mod release;
mod render;
mod schema;
mod unpacked;
pub mod values;
mod warning;

pub use archive::{ARCHIVE_MAX, ArchiveError, FILE_MAX};
pub use capabilities::{Capabilities, HelmVersion, Incompatible, KubeVersion, VersionError};
pub use chart::{Chart, Missing, NotInstallable};
pub use file::ChartFile;
pub use folder::FolderError;
pub use ignore::IgnoreError;
pub use limits::LIMITS;
pub use load::{DEPTH_MAX, LoadError};
pub use metadata::{Dependency, FieldError, Invalid, Lock, Maintainer, Metadata};
pub use name::{NameError, expand as expand_name};
pub use pack::PackError;
pub use pattern::{BadPattern, PathPattern};
pub use post_render::{PostRender, PostRenderError, PostRenderer, Strategy};
pub use prepare::{Crd, PrepareError, Prepared};
pub use render::{ReleaseInfo, RenderError, RenderOptions, RenderedChart, RenderedFiles, Used};
pub use schema::{SchemaDocuments, SchemaError, Violations};
pub use unpacked::{UnpackError, unpacked};
pub use values::Supplied;
pub use warning::Warnings;
