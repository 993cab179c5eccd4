//! Secrets and `ConfigMaps`: the objects that hold records, as data.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use lode_stdx::budget::{Budget, Exceeded};
use serde_json::{Value, json};

use super::decode;
use super::encode;
use super::record::Release;

/// The `type` of a Secret that holds a record.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";

/// The kind of object that holds records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Driver {
    /// Secrets, Helm's default.
    #[default]
    Secret,
    /// `ConfigMaps`.
    ConfigMap,
}

/// Whether a record is new, and the time: Helm labels the object with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// The object is created.
    Created(Timestamp),
    /// The object exists and is replaced.
    Modified(Timestamp),
}

/// Why an object is not a record.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// It has no field `data.release`.
    #[error("{0} has no data \"release\"")]
    NoRelease(Box<str>),
    /// The Secret's data is not base64.
    #[error("data \"release\" of {0} is not base64")]
    Base64(Box<str>),
    /// The record in it is damaged.
    #[error("release in {name}: {source}")]
    Record {
        /// Name of the object.
        name: Box<str>,
        /// The reason.
        source: decode::DecodeError,
    },
}

/// Returns the label selector of all records, or of those of one release.
#[must_use]
pub fn selector(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("name={name},owner=helm"),
        None => "owner=helm".to_owned(),
    }
}

/// Returns whether Helm sets a label itself. Users may not set it.
#[must_use]
pub fn is_system_label(label: &str) -> bool {
    matches!(
        label,
        "name" | "owner" | "status" | "version" | "createdAt" | "modifiedAt"
    )
}

impl Release {
    /// Returns the object that holds the record.
    ///
    /// # Errors
    /// The release cannot be encoded.
    pub fn object(&self, driver: Driver, stamp: Stamp) -> Result<Value, encode::EncodeError> {
        match driver {
            Driver::Secret => self.secret(stamp),
            Driver::ConfigMap => self.config_map(stamp),
        }
    }

    /// Returns the Secret that holds the record.
    ///
    /// # Errors
    /// The release cannot be encoded.
    pub fn secret(&self, stamp: Stamp) -> Result<Value, encode::EncodeError> {
        let record = STANDARD.encode(self.encode()?);
        Ok(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": self.object_metadata(stamp),
            "type": SECRET_TYPE,
            "data": {"release": record},
        }))
    }

    /// Returns the ConfigMap that holds the record.
    ///
    /// # Errors
    /// The release cannot be encoded.
    pub fn config_map(&self, stamp: Stamp) -> Result<Value, encode::EncodeError> {
        Ok(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": self.object_metadata(stamp),
            "data": {"release": self.encode()?},
        }))
    }

    /// Reads a record from the Secret or ConfigMap that holds it.
    ///
    /// # Errors
    /// The object holds no record, or a damaged one.
    pub fn from_object(object: &Value, budget: &Budget) -> Result<Self, ObjectError> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let Some(text) = object["data"]["release"].as_str() else {
            return Err(ObjectError::NoRelease(name.into()));
        };
        let unread = |source| ObjectError::Record {
            name: name.into(),
            source,
        };

        let release = if object["kind"] == "ConfigMap" {
            Self::decode(text, budget)
        } else {
            budget
                .bytes(text.len() as u64)
                .map_err(|error: Exceeded| unread(error.into()))?;
            let record = STANDARD.decode(text).ok();
            let record = record.and_then(|record| String::from_utf8(record).ok());
            let record = record.ok_or_else(|| ObjectError::Base64(name.into()))?;
            Self::decode(&record, budget)
        };
        let mut release = release.map_err(unread)?;
        release.labels = user_labels(&object["metadata"]["labels"]);
        Ok(release)
    }

    fn object_metadata(&self, stamp: Stamp) -> Value {
        let (label, time) = match stamp {
            Stamp::Created(time) => ("createdAt", time),
            Stamp::Modified(time) => ("modifiedAt", time),
        };
        let mut labels = self.labels.clone();
        for (name, value) in [
            (label, time.as_second().to_string()),
            ("name", self.name.clone()),
            ("owner", "helm".to_owned()),
            ("status", self.info.status.to_string()),
            ("version", self.version.to_string()),
        ] {
            labels.insert(name.to_owned(), value);
        }
        json!({"name": self.key(), "namespace": self.namespace, "labels": labels})
    }
}

fn user_labels(labels: &Value) -> BTreeMap<String, String> {
    let labels = labels.as_object().into_iter().flatten();
    labels
        .filter(|(name, _)| !is_system_label(name))
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{RecordedChart, ReleaseStatus};

    fn release() -> Release {
        let mut release = Release::new("web", "shop", 7, RecordedChart::default());
        release.info.status = ReleaseStatus::Deployed;
        release.labels.insert("team".to_owned(), "a".to_owned());
        release
            .config
            .insert("password".to_owned(), "hidden".into());
        release
    }

    #[test]
    fn a_record_survives_both_drivers() {
        for driver in [Driver::Secret, Driver::ConfigMap] {
            let stamp = Stamp::Created(Timestamp::UNIX_EPOCH);
            let object = release().object(driver, stamp).unwrap();
            assert_eq!(object["metadata"]["name"], "sh.helm.release.v1.web.v7");
            let want = json!({
                "createdAt": "0", "name": "web", "owner": "helm", "status": "deployed", "team": "a", "version": "7",
            });
            assert_eq!(object["metadata"]["labels"], want);
            let read = Release::from_object(&object, &Budget::unlimited()).unwrap();
            assert_eq!(read, release());
        }
    }

    #[test]
    fn an_object_without_a_record_is_named() {
        let object = json!({"kind": "Secret", "metadata": {"name": "a"}, "data": {"release": "*"}});
        let error = Release::from_object(&object, &Budget::unlimited()).unwrap_err();
        assert_eq!(error.to_string(), "data \"release\" of a is not base64");
        let error = Release::from_object(&json!({}), &Budget::unlimited()).unwrap_err();
        assert_eq!(error.to_string(), " has no data \"release\"");
    }

    #[test]
    fn nothing_of_the_values_is_shown() {
        assert!(!format!("{:?}", release()).contains("hidden"));
    }
}
