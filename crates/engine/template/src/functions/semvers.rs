//! Semantic versions, and ranges of them.

use std::any::Any;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::LazyLock;

use lode_stdx::semver::{Range, Version};

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::{Signature, TemplateFunction};
use crate::functions::args::{FunctionResult, any, text};
use crate::functions::methods::Methods;
use crate::go::runes::quoted;
use crate::value::{GoKind, GoObject, GoString, IntegerKind, Value};

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new(
        "semver",
        "func(string) (*semver.Version, error)",
        |_, args| {
            let original = text(args, 0);
            let version = parse(original)?;
            Ok(Value::object(SemVer {
                version,
                original: original.clone(),
                is_pointer: true,
            }))
        },
    ),
    TemplateFunction::new(
        "semverCompare",
        "func(string, string) (bool, error)",
        |context, args| {
            let (range, version) = (text(args, 0), text(args, 1));
            context.steps(1 + range.len())?;
            let range = parse_range(range)?;
            Ok(range.matches(&parse(version)?).into())
        },
    ),
];

/// Longest version that is read, in bytes.
const VERSION_MAX: usize = 256;
/// Longest range that is read, in bytes.
const RANGE_MAX: usize = 512;

fn parse(text: &[u8]) -> Result<Version, TemplateError> {
    if text.len() > VERSION_MAX {
        return Err(TemplateError::new(format!(
            "version string is too long (max {VERSION_MAX} bytes)"
        )));
    }
    let parsed = std::str::from_utf8(text)
        .ok()
        .map(|text| (text, Version::parse(text)));
    match parsed {
        Some((_, Ok(version))) => Ok(version),
        Some((text, Err(_))) => Err(TemplateError::new(fault(text))),
        None => Err(TemplateError::new("invalid semantic version")),
    }
}

/// Returns Go's message for a text that is no version.
fn fault(text: &str) -> String {
    let invalid = "invalid semantic version".to_owned();
    let rest = text.strip_prefix('v').unwrap_or(text);
    let (rest, build) = rest.split_once('+').unwrap_or((rest, "0"));
    let (numbers, pre) = rest.split_once('-').unwrap_or((rest, "0"));

    let is_word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !build.split('.').chain(pre.split('.')).all(is_word) {
        return invalid;
    }

    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if numbers.split('.').count() > 3 || !numbers.split('.').all(is_number) {
        return invalid;
    }
    if let Some(large) = numbers.split('.').find(|part| part.parse::<u64>().is_err()) {
        return format!(
            "error parsing version segment: strconv.ParseUint: parsing \"{large}\": value out of range"
        );
    }

    let padded = |part: &str| is_number(part) && part.len() > 1 && part.starts_with('0');
    if pre.split('.').any(padded) {
        return "version segment starts with 0".to_owned();
    }
    invalid
}

fn parse_range(text: &[u8]) -> Result<Range, TemplateError> {
    if text.len() > RANGE_MAX {
        return Err(TemplateError::new(format!(
            "constraint string is too long (max {RANGE_MAX} bytes)"
        )));
    }
    let parsed = std::str::from_utf8(text)
        .ok()
        .and_then(|text| Range::parse(text).ok());
    parsed.ok_or_else(|| {
        // The message shows the alternative that is wrong.
        let shown = std::str::from_utf8(text).unwrap_or_default();
        let wrong = shown.split("||").find(|part| Range::parse(part).is_err());
        let wrong = if shown.is_empty() { None } else { wrong };
        let wrong = quoted(wrong.map_or(text, str::as_bytes));
        TemplateError::new(format!("improper constraint: {wrong}"))
    })
}

/// A `*semver.Version`, or the `semver.Version` that its methods return.
struct SemVer {
    version: Version,
    original: GoString,
    is_pointer: bool,
}

static METHODS: LazyLock<Methods> = LazyLock::new(|| {
    const COMPARE: &str = "func(*semver.Version) bool";
    const CHANGE: &str = "func() semver.Version";
    const SET: &str = "func(string) (semver.Version, error)";
    Methods::new(&[
        ("Compare", "func(*semver.Version) int"),
        ("Equal", COMPARE),
        ("GreaterThan", COMPARE),
        ("GreaterThanEqual", COMPARE),
        ("IncMajor", CHANGE),
        ("IncMinor", CHANGE),
        ("IncPatch", CHANGE),
        ("LessThan", COMPARE),
        ("LessThanEqual", COMPARE),
        ("Major", "func() uint64"),
        ("Metadata", "func() string"),
        ("Minor", "func() uint64"),
        ("Original", "func() string"),
        ("Patch", "func() uint64"),
        ("Prerelease", "func() string"),
        ("SetMetadata", SET),
        ("SetPrerelease", SET),
        ("String", "func() string"),
    ])
});

/// Methods that only the pointer has.
const OF_POINTERS: [&str; 7] = [
    "Compare",
    "Equal",
    "GreaterThan",
    "GreaterThanEqual",
    "LessThan",
    "LessThanEqual",
    "Original",
];

impl SemVer {
    fn order(&self, args: &[Value]) -> Result<Ordering, TemplateError> {
        let other = any(args, 0).as_object::<Self>();
        let other = other.ok_or_else(crate::functions::args::nil_dereference)?;
        let plain = |version: &Version| Version {
            build: "".into(),
            ..version.clone()
        };
        Ok(plain(&self.version).cmp(&plain(&other.version)))
    }

    fn with(&self, version: Version) -> Value {
        let prefix = if self.original.starts_with(b"v") {
            "v"
        } else {
            ""
        };
        Value::object(Self {
            original: GoString::from(format!("{prefix}{version}")),
            version,
            is_pointer: false,
        })
    }

    /// Returns the version after this one in its first, second or third number.
    fn next(&self, name: &str) -> FunctionResult {
        let Version {
            major,
            minor,
            patch,
            pre,
            ..
        } = &self.version;
        let next = |number: &u64| {
            let name = name.trim_start_matches("Inc").to_lowercase();
            number.checked_add(1).ok_or_else(|| {
                TemplateError::new(format!("{name} version increment would overflow uint64"))
            })
        };
        let (major, minor, patch) = match name {
            "IncMajor" => (next(major)?, 0, 0),
            "IncMinor" => (*major, next(minor)?, 0),
            // The release follows its own pre-release.
            _ if pre.is_empty() => (*major, *minor, next(patch)?),
            _ => (*major, *minor, *patch),
        };
        Ok(self.with(Version {
            major,
            minor,
            patch,
            pre: "".into(),
            build: "".into(),
        }))
    }

    /// Returns the version with another pre-release or other metadata.
    fn changed(&self, name: &str, part: &[u8]) -> FunctionResult {
        let of_build = name == "SetMetadata";
        let invalid = || {
            TemplateError::new(if of_build {
                "invalid metadata string"
            } else {
                "invalid prerelease string"
            })
        };
        let part = std::str::from_utf8(part).map_err(|_| invalid())?;
        let mark = if of_build { '+' } else { '-' };
        // A version is what says whether the part is well-formed.
        let sample = format!("0.0.0{mark}{part}");
        if !part.is_empty() && Version::parse(&sample).is_err() {
            return Err(match fault(&sample) {
                fault if fault.starts_with("version segment") => TemplateError::new(fault),
                _ => invalid(),
            });
        }
        let mut version = self.version.clone();
        if of_build {
            version.build = part.into();
        } else {
            version.pre = part.into();
        }
        Ok(self.with(version))
    }
}

impl GoObject for SemVer {
    fn type_name(&self) -> Cow<'static, str> {
        if self.is_pointer {
            "*semver.Version".into()
        } else {
            "semver.Version".into()
        }
    }

    fn kind(&self) -> GoKind {
        if self.is_pointer {
            GoKind::Pointer
        } else {
            GoKind::Struct
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&Signature> {
        if !self.is_pointer && OF_POINTERS.contains(&name) {
            return None;
        }
        METHODS.get(name)
    }

    fn call(&self, name: &str, _: &mut Context<'_>, args: &[Value]) -> FunctionResult {
        let number = |number: u64| Value::integer(IntegerKind::Uint64, number.cast_signed());
        Ok(match name {
            "Compare" => Value::Int(self.order(args)? as i64),
            "Equal" => self.order(args)?.is_eq().into(),
            "GreaterThan" => self.order(args)?.is_gt().into(),
            "GreaterThanEqual" => self.order(args)?.is_ge().into(),
            "LessThan" => self.order(args)?.is_lt().into(),
            "LessThanEqual" => self.order(args)?.is_le().into(),
            "IncMajor" | "IncMinor" | "IncPatch" => self.next(name)?,
            "Major" => number(self.version.major),
            "Minor" => number(self.version.minor),
            "Patch" => number(self.version.patch),
            "Prerelease" => Value::text(&*self.version.pre),
            "Metadata" => Value::text(&*self.version.build),
            "Original" => Value::String(self.original.clone()),
            "SetMetadata" | "SetPrerelease" => self.changed(name, text(args, 0))?,
            "String" => Value::text(self.version.to_string()),
            name => return Err(TemplateError::new(format!("no method {name}"))),
        })
    }

    fn text(&self) -> Option<GoString> {
        Some(GoString::from(self.version.to_string()))
    }

    fn json(&self) -> Option<Value> {
        Some(Value::text(self.version.to_string()))
    }

    fn equals(&self, other: &dyn GoObject) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| {
            self.version == other.version
                && self.original == other.original
                && self.is_pointer == other.is_pointer
        })
    }
}
