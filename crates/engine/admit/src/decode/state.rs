//! Findings during decoding, and their positions.

use std::fmt::Write as _;

use lode_schema::fields::{Field, Fields, Id, Type};

/// Findings during decoding.
pub(super) struct DecodeState {
    /// The types.
    pub(super) fields: &'static Fields,
    /// Whether unknown and duplicate fields are recorded.
    pub(super) strict: bool,
    /// Unknown and duplicate fields, as in messages.
    pub(super) findings: Vec<String>,
    /// Why the value does not match its type, in Go's words: the first reason found.
    error: Option<String>,
    /// The reason from a type with its own decoding, which takes precedence in Go.
    special_error: Option<String>,
    structs: usize,
    /// Whether decoding is for a client; see [`super::client`].
    is_client: bool,
    /// Fields that a client drops.
    dropped: Vec<Vec<super::client_step::ClientStep>>,
}

/// Position of a value.
#[derive(Clone, Copy)]
pub(super) struct DecodePath<'p> {
    above: Option<&'p DecodePath<'p>>,
    step: PathStep<'p>,
    depth: usize,
}

/// One step down.
#[derive(Clone, Copy)]
enum PathStep<'p> {
    Root,
    Field {
        owner: &'static Type,
        field: &'static Field,
    },
    Key(&'p str),
    Index(usize),
}

impl DecodeState {
    pub(super) fn new(fields: &'static Fields, strict: bool) -> Self {
        Self {
            fields,
            strict,
            findings: Vec::new(),
            error: None,
            special_error: None,
            structs: 0,
            is_client: false,
            dropped: Vec::new(),
        }
    }

    /// Starts decoding as a client does: absent fields stay absent, and dropped ones are recorded.
    pub(super) fn for_client(fields: &'static Fields) -> Self {
        Self {
            is_client: true,
            ..Self::new(fields, true)
        }
    }

    pub(super) fn is_client(&self) -> bool {
        self.is_client
    }

    pub(super) fn into_dropped(self) -> Vec<Vec<super::client_step::ClientStep>> {
        self.dropped
    }

    /// Returns the findings, or why the object does not match its type.
    pub(super) fn into_findings(self) -> Result<Vec<String>, String> {
        self.special_error
            .or(self.error)
            .map_or(Ok(self.findings), Err)
    }

    pub(super) fn has_error(&self) -> bool {
        self.error.is_some() || self.special_error.is_some()
    }

    /// Records a field that the struct does not have.
    pub(super) fn unknown(&mut self, name: &str, at: &DecodePath<'_>) {
        if self.is_client {
            if self.dropped.len() < DROPPED_MAX {
                self.dropped.push(at.steps_to(name));
            }
            return;
        }
        self.note("unknown", name, at);
    }

    /// Records a duplicate field.
    pub(super) fn duplicate(&mut self, name: &str, at: &DecodePath<'_>) {
        self.note("duplicate", name, at);
    }

    fn note(&mut self, what: &str, name: &str, at: &DecodePath<'_>) {
        if !self.strict || self.findings.len() >= FINDINGS_MAX {
            return;
        }
        let mut path = at.for_findings();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        let finding = format!("{what} field {path:?}");
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Records that a value has the wrong type.
    pub(super) fn mismatch(&mut self, found: &str, ty: Id, at: &DecodePath<'_>) {
        if self.error.is_none() {
            self.error = Some(at.mismatch(found, &self.fields.go_name(ty)));
        }
    }

    /// Records an error without a position.
    pub(super) fn fail(&mut self, message: String) {
        self.error.get_or_insert(message);
    }

    /// Records a wrong type within a type with its own decoding that expects a Go type.
    pub(super) fn special_mismatch(&mut self, found: &str, go_name: &str, at: &DecodePath<'_>) {
        if self.special_error.is_none() {
            self.special_error = Some(at.mismatch(found, go_name));
        }
    }

    /// Records an error of a type with its own decoding.
    pub(super) fn special_fail(&mut self, message: String) {
        self.special_error.get_or_insert(message);
    }

    /// Counts a struct, and returns whether the bounds still hold.
    pub(super) fn is_within_bounds(&mut self, at: &DecodePath<'_>) -> bool {
        self.structs += 1;
        let within = at.depth <= DEPTH_MAX && self.structs <= STRUCTS_MAX;
        if !within {
            self.special_fail("exceeded max depth".to_owned());
        }
        within
    }
}

impl<'p> DecodePath<'p> {
    pub(super) const ROOT: Self = Self {
        above: None,
        step: PathStep::Root,
        depth: 0,
    };

    pub(super) fn field(&'p self, owner: &'static Type, field: &'static Field) -> Self {
        self.down(PathStep::Field { owner, field })
    }

    pub(super) fn key(&'p self, key: &'p str) -> Self {
        self.down(PathStep::Key(key))
    }

    pub(super) fn index(&'p self, index: usize) -> Self {
        self.down(PathStep::Index(index))
    }

    fn down(&'p self, step: PathStep<'p>) -> Self {
        Self {
            above: Some(self),
            step,
            depth: self.depth + 1,
        }
    }

    fn steps(&self) -> Vec<PathStep<'_>> {
        let mut steps: Vec<_> = std::iter::successors(Some(self), |path| path.above)
            .map(|path| path.step)
            .collect();
        steps.reverse();
        steps
    }

    /// Returns the path to a field of this value.
    fn steps_to(&self, name: &str) -> Vec<super::client_step::ClientStep> {
        use super::client_step::ClientStep as To;
        let steps = self.steps().into_iter().filter_map(|step| match step {
            PathStep::Root => None,
            PathStep::Field { field, .. } => Some(To::Key(field.name.into())),
            PathStep::Key(key) => Some(To::Key(key.into())),
            PathStep::Index(index) => Some(To::Index(index)),
        });
        steps.chain([To::Key(name.into())]).collect()
    }

    /// `spec.containers[0].name`
    fn for_findings(&self) -> String {
        let mut text = String::new();
        for step in self.steps() {
            let name = match step {
                PathStep::Root => continue,
                PathStep::Index(index) => {
                    let _ = write!(text, "[{index}]");
                    continue;
                }
                PathStep::Field { field, .. } => field.name,
                PathStep::Key(key) => key,
            };
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(name);
        }
        text
    }

    /// Go names the struct and the fields on the way there, including inlined structs.
    fn mismatch(&self, found: &str, go_name: &str) -> String {
        let (mut structure, mut names) = ("", Vec::new());
        for step in self.steps() {
            if let PathStep::Field { owner, field } = step {
                structure = owner.short_name();
                names.extend(field.via.iter().copied());
                names.push(field.name);
            }
        }
        if names.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {go_name}");
        }
        let names = names.join(".");
        format!(
            "json: cannot unmarshal {found} into Go struct field {structure}.{names} of type {go_name}"
        )
    }
}

/// Most dropped fields that are reported.
pub const DROPPED_MAX: usize = 100;
/// Most unknown and duplicate fields that are reported.
const FINDINGS_MAX: usize = 100;
/// Deepest nesting that is decoded.
const DEPTH_MAX: usize = 200;
/// Most structs of one object that are decoded; a few bytes can each become a struct with many
/// fields.
const STRUCTS_MAX: usize = 250_000;
