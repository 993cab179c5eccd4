//! Content negotiation: the format of a response ([`Output`]) and of a request body ([`media`]).

use lode_admit::Status;

use lode_describe::table::Version;

/// The format of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output {
    /// YAML instead of JSON.
    pub(crate) yaml: bool,
    pub(crate) shape: Shape,
}

/// The form in which objects are returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Whole objects.
    Object,
    /// Table rows, in a version of `meta.k8s.io`.
    Table(Version),
    /// Metadata only.
    Metadata(Version),
}

impl Output {
    /// Whole objects as JSON.
    pub(crate) const JSON: Self = Self {
        yaml: false,
        shape: Shape::Object,
    };

    /// Chooses by an `Accept` header: the first supported format.
    ///
    /// # Errors
    /// None is supported.
    pub(crate) fn choose(accept: Option<&str>) -> Result<Self, Status> {
        let accept = accept
            .map(str::trim)
            .filter(|accept| !accept.is_empty())
            .unwrap_or("application/json");
        let mut known = false;
        for clause in accept.split(',') {
            let (media, parameters) = clause.split_once(';').unwrap_or((clause, ""));
            let yaml = match media.trim() {
                "application/yaml" | "text/yaml" => true,
                "application/json" | "application/*" | "*/*" => false,
                // Protobuf is read but not written; clients that accept it accept JSON too.
                PROTOBUF => {
                    known = true;
                    continue;
                }
                _ => continue,
            };
            known = true;
            if let Some(shape) = shape(parameters) {
                return Ok(Self { yaml, shape });
            }
        }
        let message = if known {
            "only the following media types are accepted: application/json, application/yaml, \
             application/vnd.kubernetes.protobuf"
        } else {
            NOT_ACCEPTABLE
        };
        let mut status = Status::bare(406, "NotAcceptable", message);
        status.details = (!known).then(Box::default);
        Err(status)
    }
}

fn shape(parameters: &str) -> Option<Shape> {
    let parameter = |name: &str| {
        let mut pairs = parameters
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='));
        pairs
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim())
    };

    let Some(wanted) = parameter("as") else {
        return Some(Shape::Object);
    };

    let version = match (parameter("g"), parameter("v")) {
        (Some("meta.k8s.io"), Some("v1")) => Version::V1,
        (Some("meta.k8s.io"), Some("v1beta1")) => Version::V1Beta1,
        _ => return None,
    };
    match wanted {
        "Table" => Some(Shape::Table(version)),
        "PartialObjectMetadata" | "PartialObjectMetadataList" => Some(Shape::Metadata(version)),
        _ => None,
    }
}

/// Returns the media type of a `Content-Type` header without parameters; JSON if absent.
pub(crate) fn media(content_type: Option<&str>) -> &str {
    let media = content_type.unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if media.is_empty() {
        "application/json"
    } else {
        media
    }
}

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const NOT_ACCEPTABLE: &str = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
    application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

#[cfg(test)]
mod tests {
    use super::*;

    fn shape_of(accept: &str) -> Shape {
        Output::choose(Some(accept)).unwrap().shape
    }

    #[test]
    fn the_first_form_that_there_is_wins() {
        let json = Output {
            yaml: false,
            shape: Shape::Object,
        };
        assert_eq!(Output::choose(None), Ok(json));
        assert_eq!(
            Output::choose(Some("application/vnd.kubernetes.protobuf,application/json")),
            Ok(json)
        );
        assert_eq!(Output::choose(Some("text/html, */*")), Ok(json));
        assert!(Output::choose(Some("application/yaml")).unwrap().yaml);
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io";
        assert_eq!(shape_of(kubectl), Shape::Table(Version::V1));
        let metadata = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
            application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
        assert_eq!(shape_of(metadata), Shape::Metadata(Version::V1));
        assert_eq!(
            shape_of("application/json;as=Nothing;v=v1;g=meta.k8s.io,application/json"),
            Shape::Object
        );
    }

    #[test]
    fn what_there_is_not_is_refused() {
        assert_eq!(
            Output::choose(Some("text/html")).unwrap_err().message,
            NOT_ACCEPTABLE
        );
        let error =
            Output::choose(Some("application/json;as=Bogus;v=v1;g=meta.k8s.io")).unwrap_err();
        assert!(
            error.message.starts_with("only the following media types"),
            "{error}"
        );
    }

    #[test]
    fn parameters_are_no_part_of_a_media_type() {
        assert_eq!(
            media(Some("application/json; charset=utf-8")),
            "application/json"
        );
        assert_eq!(media(None), "application/json");
    }
}
