//! Release records: what Helm stores of each revision of a release in the cluster.
//!
//! A [`Release`] is encoded as Helm 4 encodes it (JSON, gzip at level 9, base64) and kept in a Secret
//! or ConfigMap whose name and labels other programs search for. Records of Helm 3 are read too.
//! [`Release::secret`] and [`Release::config_map`] return the objects as data; reading and writing
//! them is the caller's.
//!
//! ```
//! use lode_chart::release::{RecordedChart, Release, ReleaseStatus};
//! use lode_stdx::budget::Budget;
//!
//! let mut release = Release::new("web", "shop", 1, RecordedChart::default());
//! release.info.status = ReleaseStatus::Deployed;
//! let encoded = release.encode().unwrap();
//! let read = Release::decode(&encoded, &Budget::unlimited()).unwrap();
//! assert_eq!(read.info.status, ReleaseStatus::Deployed);
//! assert_eq!(read.key(), "sh.helm.release.v1.web.v1");
//! ```

mod decode;
mod deflate;
mod encode;
mod hook;
mod info;
mod name;
mod object;
mod record;
mod recorded;

pub use decode::{DecodeError, RECORD_MAX};
pub use encode::EncodeError;
pub use hook::{DeletePolicy, Event, Hook, HookExecution, OutputLogPolicy, Phase};
pub use info::{Info, ReleaseStatus};
pub use name::{InvalidName, validate_name};
pub use object::{Driver, ObjectError, SECRET_TYPE, Stamp, is_system_label, selector};
pub use record::{ApplyMethod, Release, key};
pub use recorded::RecordedChart;
