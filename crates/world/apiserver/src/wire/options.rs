//! The query parameters of a request ([`Query`]), validated per verb.

use lode_admit::{FieldError, Status, decode::FieldValidation};
use lode_object::LabelSelector;
use serde_json::{Value, json};

use crate::wire::request::decoded;

/// The decoded parameters of a URL, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

/// Options of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WriteOptions {
    /// Whether nothing is stored.
    pub(crate) dry_run: bool,
    pub(crate) validation: FieldValidation,
    /// Empty if the client gives none.
    pub(crate) manager: String,
    pub(crate) force: bool,
}

/// The kind of write, by its name in errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    Create,
    Update,
    Patch,
    Apply,
}

/// Options of a list or a watch.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListOptions {
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
    pub(crate) bookmarks: bool,
    /// Whether a watch begins with all objects and marks their end.
    pub(crate) initial_events: Option<bool>,
    pub(crate) timeout_s: Option<u64>,
    /// Zero for no limit.
    pub(crate) limit: usize,
    pub(crate) token: String,
    pub(crate) revision: Revision,
}

/// The revision of a read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Revision {
    /// The latest.
    #[default]
    Newest,
    /// Any available one.
    Any,
    /// This one or a later one.
    NotOlder(u64),
    /// Exactly this one.
    Exact(u64),
}

/// A selector by fields that the kind supports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldSelector(pub(crate) Vec<FieldRequirement>);

/// A required or excluded value of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldRequirement {
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) equal: bool,
}

/// Options of a deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeleteOptions {
    pub(crate) dry_run: bool,
    pub(crate) propagation: Option<Propagation>,
    pub(crate) grace_s: Option<i64>,
    /// Precondition on the uid.
    pub(crate) uid: Option<String>,
    /// Precondition on the resource version.
    pub(crate) revision: Option<String>,
}

/// What happens to an object's dependents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    Orphan,
    Background,
    Foreground,
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let read = |text: &str| decoded(&text.replace('+', " "));
            Some((read(key)?, read(value)?))
        };
        Self(
            text.split('&')
                .filter(|pair| !pair.is_empty())
                .filter_map(pair)
                .take(PARAMETERS_MAX)
                .collect(),
        )
    }

    /// Returns the first value of a parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|value| !matches!(value, "false" | "0" | "False" | "FALSE"))
    }

    fn whole(&self, name: &str) -> Result<Option<i64>, Status> {
        let Some(text) = self.text(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| not_a_number("ParseInt", text));
        number.map(Some).map_err(Status::bad_request)
    }

    fn dry_run(&self, errors: &mut Vec<FieldError>) -> bool {
        let values: Vec<&str> = self
            .0
            .iter()
            .filter(|(key, _)| key == "dryRun")
            .map(|(_, value)| &**value)
            .collect();
        if values.iter().any(|value| *value != "All") {
            errors.push(FieldError::not_supported(
                "dryRun",
                &json!(values),
                &["All"],
            ));
        }
        !values.is_empty()
    }
}

impl WriteOptions {
    /// Reads the options of a write.
    ///
    /// # Errors
    /// One of them is not allowed.
    pub(crate) fn read(query: &Query, writing: Writing) -> Result<Self, Status> {
        let mut errors = Vec::new();
        let manager = query.text("fieldManager").unwrap_or_default();
        if writing == Writing::Apply && manager.is_empty() {
            errors.push(FieldError::required(
                "fieldManager",
                "is required for apply patch",
            ));
        }

        if manager.len() > MANAGER_MAX {
            errors.push(FieldError::too_long("fieldManager", MANAGER_MAX));
        }

        if let Some(unprintable) = manager.chars().find(|next| next.is_control()) {
            let detail = format!("should only contain printable characters, found {unprintable:?}");
            errors.push(FieldError::invalid(
                "fieldManager",
                &manager.into(),
                &detail,
            ));
        }

        if writing == Writing::Patch && query.text("force").is_some() {
            errors.push(FieldError::forbidden(
                "force",
                "may not be specified for non-apply patch",
            ));
        }

        let dry_run = query.dry_run(&mut errors);
        let text = query.text("fieldValidation").unwrap_or_default();
        let validation = match text {
            "Ignore" => FieldValidation::Ignore,
            "" | "Warn" => FieldValidation::Warn,
            "Strict" => FieldValidation::Strict,
            other => {
                let known = ["", "Ignore", "Strict", "Warn"];
                errors.push(FieldError::not_supported(
                    "fieldValidation",
                    &other.into(),
                    &known,
                ));
                FieldValidation::Warn
            }
        };
        refuse(writing.options(), &errors)?;
        Ok(Self {
            dry_run,
            validation,
            manager: manager.to_owned(),
            force: query.flag("force"),
        })
    }
}

impl Writing {
    fn options(self) -> &'static str {
        match self {
            Self::Create => "CreateOptions",
            Self::Update => "UpdateOptions",
            Self::Patch | Self::Apply => "PatchOptions",
        }
    }
}

impl ListOptions {
    /// Reads the options of a list or a watch.
    ///
    /// # Errors
    /// A selector or number cannot be read; options do not go together.
    pub(crate) fn read(query: &Query, watch: bool) -> Result<Self, Status> {
        let watch = watch || query.flag("watch");
        let labels = query.text("labelSelector").unwrap_or_default();
        let labels = LabelSelector::parse(labels).map_err(|error| {
            Status::bad_request(format!("unable to parse requirement: {error}"))
        })?;
        let initial_events = query
            .text("sendInitialEvents")
            .map(|_| query.flag("sendInitialEvents"));
        let (version, matching) = (
            text(query, "resourceVersion"),
            text(query, "resourceVersionMatch"),
        );
        let limit = query.whole("limit")?.unwrap_or_default();
        let token = text(query, "continue").to_owned();
        refuse(
            "ListOptions",
            &check(watch, version, matching, initial_events, &token),
        )?;
        if !token.is_empty() && !version.is_empty() && version != "0" {
            return Err(Status::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }

        Ok(Self {
            labels,
            fields: FieldSelector::parse(text(query, "fieldSelector"))?,
            bookmarks: query.flag("allowWatchBookmarks"),
            initial_events,
            timeout_s: query
                .whole("timeoutSeconds")?
                .and_then(|seconds| seconds.try_into().ok()),
            limit: limit.try_into().unwrap_or_default(),
            token,
            revision: Revision::read(version, matching, watch)?,
        })
    }
}

fn text<'q>(query: &'q Query, name: &str) -> &'q str {
    query.text(name).unwrap_or_default()
}

/// Checks options against each other.
fn check(
    watch: bool,
    version: &str,
    matching: &str,
    initial_events: Option<bool>,
    token: &str,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut forbidden =
        |field: &str, detail: &str| errors.push(FieldError::forbidden(field, detail));
    if watch {
        match (initial_events, matching) {
            (None, "") | (Some(_), "NotOlderThan") => {}
            (None, _) => {
                forbidden(
                    MATCH,
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                );
            }
            (Some(_), _) => forbidden(
                MATCH,
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
        }
        return errors;
    }

    if !matching.is_empty() {
        if version.is_empty() {
            forbidden(
                MATCH,
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            );
        }
        if !token.is_empty() {
            forbidden(
                MATCH,
                "resourceVersionMatch is forbidden when continue is provided",
            );
        }
        match matching {
            "Exact" if version == "0" => {
                forbidden(
                    MATCH,
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                );
            }
            "Exact" | "NotOlderThan" => {}
            other => {
                let known = ["", "Exact", "NotOlderThan"];
                errors.push(FieldError::not_supported(MATCH, &other.into(), &known));
            }
        }
    }

    if initial_events.is_some() {
        errors.push(FieldError::forbidden(
            "sendInitialEvents",
            "sendInitialEvents is forbidden for list",
        ));
    }
    errors
}

impl Revision {
    fn read(version: &str, matching: &str, internal: bool) -> Result<Self, Status> {
        match version {
            "" => return Ok(Self::Newest),
            "0" => return Ok(Self::Any),
            _ => {}
        }

        let revision = version.parse().map_err(|_| {
            let error = FieldError::invalid(
                "resourceVersion",
                &version.into(),
                &not_a_number("ParseUint", version),
            );
            if internal {
                Status::internal(error.to_string())
            } else {
                Status::bad_request(format!("invalid resource version: {error}"))
            }
        })?;
        Ok(if matching == "Exact" {
            Self::Exact(revision)
        } else {
            Self::NotOlder(revision)
        })
    }

    /// Reads the options of a request for one object.
    ///
    /// # Errors
    /// A number is malformed.
    pub(crate) fn of_one(query: &Query) -> Result<Self, Status> {
        Self::read(text(query, "resourceVersion"), "", true)
    }
}

impl FieldSelector {
    /// Parses `metadata.name=a,type!=b`; a backslash escapes the next character.
    ///
    /// # Errors
    /// A term has no operator.
    pub(crate) fn parse(text: &str) -> Result<Self, Status> {
        let mut requirements = Vec::new();
        for term in split(text, ',').into_iter().filter(|term| !term.is_empty()) {
            let at = split(term, '=')[0].len();
            let Some(value) = term.get(at + 1..) else {
                let message = format!("invalid selector: '{text}'; can't understand '{term}'");
                return Err(Status::bad_request(message));
            };
            let (field, value) = (&term[..at], value.strip_prefix('=').unwrap_or(value));
            let (field, equal) = field
                .strip_suffix('!')
                .map_or((field, true), |field| (field, false));
            requirements.push(FieldRequirement {
                field: field.to_owned(),
                value: unescaped(value),
                equal,
            });
        }
        Ok(Self(requirements))
    }

    /// Returns whether an object with these fields is selected.
    pub(crate) fn matches<'f>(&self, field: impl Fn(&str) -> Option<&'f str>) -> bool {
        let holds = |wanted: &FieldRequirement| {
            (field(&wanted.field).unwrap_or_default() == wanted.value) == wanted.equal
        };
        self.0.iter().all(holds)
    }

    /// Returns the value that a field must have, if one is required.
    pub(crate) fn required(&self, field: &str) -> Option<&str> {
        let wanted = self
            .0
            .iter()
            .find(|wanted| wanted.equal && wanted.field == field);
        wanted.map(|wanted| wanted.value.as_str())
    }

    /// Adds a required value.
    pub(crate) fn require(&mut self, field: &str, value: &str) {
        self.0.push(FieldRequirement {
            field: field.to_owned(),
            value: value.to_owned(),
            equal: true,
        });
    }
}

/// Splits at a character that is not escaped by a backslash.
fn split(text: &str, sign: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, next) in text.char_indices() {
        if next == sign && !escaped {
            parts.push(&text[start..at]);
            start = at + next.len_utf8();
        }
        escaped = next == '\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

fn unescaped(text: &str) -> String {
    let (mut out, mut escaped) = (String::with_capacity(text.len()), false);
    for next in text.chars() {
        escaped = next == '\\' && !escaped;
        if !escaped {
            out.push(next);
        }
    }
    out
}

impl DeleteOptions {
    /// Reads the options of a deletion, from the query and then from the body, which is null if
    /// absent.
    ///
    /// # Errors
    /// One of them is not allowed.
    pub(crate) fn read(query: &Query, body: &Value) -> Result<Self, Status> {
        let mut errors = Vec::new();
        let mut dry_run = query.dry_run(&mut errors);
        if let Some(values) = body
            .get("dryRun")
            .and_then(Value::as_array)
            .filter(|values| !values.is_empty())
        {
            dry_run = true;
            if values.iter().any(|value| value != "All") {
                errors.push(FieldError::not_supported(
                    "dryRun",
                    &json!(values),
                    &["All"],
                ));
            }
        }

        let word = body
            .get("propagationPolicy")
            .and_then(Value::as_str)
            .or(query.text("propagationPolicy"));
        let orphan = body.get("orphanDependents").and_then(Value::as_bool);
        let orphan = orphan.or_else(|| {
            query
                .text("orphanDependents")
                .map(|_| query.flag("orphanDependents"))
        });
        if word.is_some() && orphan.is_some() {
            let value = json!(word);
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(FieldError::invalid("propagationPolicy", &value, detail));
        }

        let propagation = match word {
            Some("Orphan") => Some(Propagation::Orphan),
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some(other) => {
                let known = ["Foreground", "Background", "Orphan", "nil"];
                errors.push(FieldError::not_supported(
                    "propagationPolicy",
                    &other.into(),
                    &known,
                ));
                None
            }
            None => orphan.map(|orphan| {
                if orphan {
                    Propagation::Orphan
                } else {
                    Propagation::Background
                }
            }),
        };
        refuse("DeleteOptions", &errors)?;
        let precondition = |key: &str| {
            body.pointer(&format!("/preconditions/{key}"))
                .and_then(Value::as_str)
        };
        Ok(Self {
            dry_run,
            propagation,
            grace_s: body
                .get("gracePeriodSeconds")
                .and_then(Value::as_i64)
                .or(query.whole("gracePeriodSeconds")?),
            uid: precondition("uid").map(str::to_owned),
            revision: precondition("resourceVersion").map(str::to_owned),
        })
    }
}

fn refuse(options: &str, errors: &[FieldError]) -> Result<(), Status> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid_as(options, "meta.k8s.io", "", errors))
    }
}

/// Returns Go's error for a malformed number.
pub(crate) fn not_a_number(function: &str, text: &str) -> String {
    format!("strconv.{function}: parsing {text:?}: invalid syntax")
}

/// Longest field manager in bytes.
const MANAGER_MAX: usize = 128;
/// The option that says how a revision is to be matched.
const MATCH: &str = "resourceVersionMatch";
/// Most parameters read.
const PARAMETERS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &str) -> Result<ListOptions, String> {
        ListOptions::read(&Query::parse(query), false)
            .map_err(|status| format!("{} {status}", status.code))
    }

    fn write(query: &str, writing: Writing) -> String {
        WriteOptions::read(&Query::parse(query), writing)
            .unwrap_err()
            .message
    }

    #[test]
    fn a_query_is_decoded() {
        let query = Query::parse("labelSelector=a%3Db%2Cc+in+%28d%29&watch&limit=3");
        assert_eq!(query.text("labelSelector"), Some("a=b,c in (d)"));
        assert!(query.flag("watch"));
        assert!(!Query::parse("watch=false").flag("watch"));
    }

    #[test]
    fn options_of_a_write_are_held_against_their_rules() {
        let options = WriteOptions::read(
            &Query::parse("dryRun=All&fieldManager=m&force=true"),
            Writing::Apply,
        )
        .unwrap();
        assert!(options.dry_run && options.force && options.manager == "m");
        assert_eq!(
            write("fieldValidation=Bogus", Writing::Create),
            "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"Bogus\": supported values: \
             \"\", \"Ignore\", \"Strict\", \"Warn\""
        );
        assert_eq!(
            write("dryRun=Bogus", Writing::Create),
            "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Bogus\"]: supported values: \"All\""
        );
        assert!(
            write("", Writing::Apply)
                .ends_with("fieldManager: Required value: is required for apply patch")
        );
        assert!(
            write("force=true", Writing::Patch)
                .ends_with("may not be specified for non-apply patch")
        );
        assert!(
            write(
                &format!("fieldManager={}", "x".repeat(129)),
                Writing::Update
            )
            .ends_with("more than 128 bytes")
        );
    }

    #[test]
    fn revisions_say_as_of_when() {
        let revision = |query| list(query).unwrap().revision;
        assert_eq!(revision(""), Revision::Newest);
        assert_eq!(revision("resourceVersion=0"), Revision::Any);
        assert_eq!(revision("resourceVersion=7"), Revision::NotOlder(7));
        assert_eq!(
            revision("resourceVersion=7&resourceVersionMatch=Exact"),
            Revision::Exact(7)
        );
        let refused = |query| list(query).unwrap_err();
        assert!(
            refused("resourceVersion=abc")
                .starts_with("400 invalid resource version: resourceVersion: Invalid value")
        );
        assert!(
            refused("watch=1&resourceVersion=abc")
                .starts_with("500 resourceVersion: Invalid value")
        );
        assert!(refused("resourceVersionMatch=Exact").starts_with("422 ListOptions.meta.k8s.io"));
        assert!(
            refused("watch=1&sendInitialEvents=true")
                .ends_with("resourceVersionMatch to NotOlderThan")
        );
        assert!(
            refused("limit=abc").ends_with("strconv.ParseInt: parsing \"abc\": invalid syntax")
        );
        assert!(
            refused("continue=x&resourceVersion=5").ends_with("not allowed when using continue")
        );
    }

    #[test]
    fn field_selectors_are_terms_with_signs() {
        let selector = FieldSelector::parse("metadata.name=a\\,b,type!=x,reason==y").unwrap();
        assert_eq!(
            (&*selector.0[0].field, &*selector.0[0].value),
            ("metadata.name", "a,b")
        );
        let fields = |key: &str| Some(if key == "metadata.name" { "a,b" } else { "y" });
        assert!(selector.matches(fields));
        assert!(!FieldSelector::parse("type!=y").unwrap().matches(fields));
        assert!(FieldSelector::parse("type").is_err());
    }

    #[test]
    fn a_deletion_says_what_becomes_of_dependents() {
        let read = |query: &str, body: Value| DeleteOptions::read(&Query::parse(query), &body);
        let options = read(
            "",
            json!({"propagationPolicy": "Foreground", "preconditions": {"uid": "u"}}),
        )
        .unwrap();
        assert_eq!(
            (options.propagation, options.uid.as_deref()),
            (Some(Propagation::Foreground), Some("u"))
        );
        assert_eq!(
            read("orphanDependents=true", Value::Null)
                .unwrap()
                .propagation,
            Some(Propagation::Orphan)
        );
        assert!(read("propagationPolicy=Never", Value::Null).is_err());
        assert!(
            read(
                "",
                json!({"propagationPolicy": "Orphan", "orphanDependents": true})
            )
            .is_err()
        );
        assert!(read("", json!({"dryRun": ["All"]})).unwrap().dry_run);
    }
}
