//! Helm repositories over HTTP, and charts that are artifacts of a registry.
//!
//! A [`ChartRepository`] fetches the index and charts: bounded, within one deadline, where the egress policy allows, with
//! credentials for its own server only. [`convert`] reads an index, in YAML or JSON, without building it in memory: each
//! entry is written to a file as soon as it is read, and only what selects and locates a chart is kept. The result is an
//! [`Index`], which all charts of a repository share, and an [`IndexFile`], the JSON that Flux stores.
//!
//! ```
//! use lode_fetch::{convert, IndexLimits};
//! use lode_stdx::budget::Budget;
//!
//! let text = b"apiVersion: v1\nentries:\n  app:\n  - {name: app, version: 1.2.0, urls: [app-1.2.0.tgz]}\n";
//! let folder = std::env::temp_dir();
//! let (index, file) = convert(text, &folder, &IndexLimits::default(), &Budget::unlimited())?;
//! let chart = index.find("app", ">=1.0.0 <2")?;
//! assert_eq!((chart.version(), chart.urls().next()), ("1.2.0", Some("app-1.2.0.tgz")));
//! assert!(file.size() > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`ChartShelf`] is either of them: charts by name and version.
//!
//! Left out: buckets, and provenance files.

mod index;
mod repository;
mod shelf;
mod shelf_error;
mod tags;

pub use index::{
    FindError, FoundChart, Index, IndexError, IndexFile, IndexLimits, Misfit, convert,
};
pub use repository::{ChartRepository, Download, FetchError, UrlError};
pub use shelf::{ChartShelf, ShelfChart};
pub use shelf_error::ShelfError;
pub use tags::TaggedCharts;
