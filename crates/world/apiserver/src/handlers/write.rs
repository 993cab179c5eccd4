//! Creating and changing objects: from a client's request to the stored object.
//!
//! The steps of every write: the new object → defaults → field ownership → the rules of its kind →
//! validation → store, if the object it is based on is still the stored one. A write without a
//! resource version is retried after a conflict.

use std::sync::Arc;

use lode_admit::decode::Decoded;
use lode_admit::{
    Cause, Details, FieldError, Kind, Status, create, custom, default, strategy, update, validate,
};
use lode_merge::write::{self, Refusal, Request};
use lode_object::json::text;
use serde_json::Value;

use crate::fields::metadata_mut;
use crate::handlers::admission;
use crate::handlers::body;
use crate::handlers::call::ObjectCall;
use crate::handlers::delete;
use crate::handlers::endpoint;
use crate::handlers::patch::PatchBody;
use crate::handlers::read;
use crate::random;
use crate::store::key::Key;
use crate::store::stored::{Draft, Stored};
use crate::store::{Clash, From};
use crate::wire::answer::ApiAnswer;
use crate::wire::options::{WriteOptions, Writing, not_a_number};

/// The result of a write.
pub(crate) enum Written {
    Stored(Arc<Stored>),
    /// The result of a dry run.
    Unstored(Value),
}

/// How an object is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By a create.
    Created,
    /// By a replace of an object that does not exist.
    Replaced,
    /// By an apply; field ownership is already known.
    Applied,
}

/// A write in progress.
pub(crate) struct Write<'w> {
    pub(crate) call: &'w ObjectCall<'w>,
    pub(crate) options: &'w WriteOptions,
    /// The subresource, or empty.
    pub(crate) subresource: &'w str,
    /// The current time in the format of objects.
    now: String,
}

/// Why an attempt failed.
pub(crate) enum WriteFault {
    /// A concurrent write came first; the next attempt may succeed.
    Outrun,
    Refused(Status),
}

impl<S: Into<Status>> std::convert::From<S> for WriteFault {
    fn from(status: S) -> Self {
        Self::Refused(status.into())
    }
}

/// Creates an object from a body.
pub(crate) fn create(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    let options = WriteOptions::read(call.query, Writing::Create)?;
    let Decoded { object, warnings } = body::object(call, &call.served.kind, options.validation)?;
    call.warn(warnings);
    let written = Write::new(call, &options, "").create(object, Way::Created)?;
    answer(call, 201, &written)
}

/// Replaces an object by a body.
pub(crate) fn replace(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    let options = WriteOptions::read(call.query, Writing::Update)?;
    let Decoded { object, warnings } = body::object(call, &call.served.kind, options.validation)?;
    call.warn(warnings);
    let (code, written) = Write::new(call, &options, &call.target.subresource).replace(object)?;
    answer(call, code, &written)
}

/// Patches an object.
pub(crate) fn patch(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    let writing = if PatchBody::is_apply(call.media) {
        Writing::Apply
    } else {
        Writing::Patch
    };
    PatchBody::check(call.media, &call.served.kind)?;
    let options = WriteOptions::read(call.query, writing)?;
    let (code, written) = Write::new(call, &options, &call.target.subresource).patch()?;
    answer(call, code, &written)
}

/// Answers with what was written.
fn answer(call: &ObjectCall<'_>, code: u16, written: &Written) -> Result<ApiAnswer, Status> {
    match written {
        Written::Stored(stored) => read::object(call, code, stored),
        Written::Unstored(value) => read::shaped(call, code, value),
    }
}

impl<'w> Write<'w> {
    /// Creates a write to an endpoint.
    pub(crate) fn new(
        call: &'w ObjectCall<'w>,
        options: &'w WriteOptions,
        subresource: &'w str,
    ) -> Self {
        Self {
            call,
            options,
            subresource,
            now: call.now_text(),
        }
    }

    /// Creates an object.
    pub(crate) fn create(&self, object: Value, way: Way) -> Result<Written, Status> {
        let named =
            !text(&object, "/metadata/name").is_empty() || !self.call.target.name.is_empty();
        let prefix = text(&object, "/metadata/generateName").to_owned();
        if named || prefix.is_empty() {
            return self.create_once(object, way);
        }
        let mut clash = None;
        for _ in 0..NAMES_TRIED {
            let mut object = object.clone();
            let name = random::name(&prefix);
            metadata_mut(&mut object).insert("name".to_owned(), name.into());
            match self.create_once(object, way) {
                Err(status) if status.reason == "AlreadyExists" => clash = Some(status),
                other => return other,
            }
        }
        Err(clash.unwrap_or_else(|| Status::internal("no name was tried")))
    }

    fn create_once(&self, mut object: Value, way: Way) -> Result<Written, Status> {
        let call = self.call;
        let kind = &call.served.kind;
        call.place(&mut object)?;
        admission::namespace(call, text(&object, "/metadata/name"))?;
        create::begin(&mut object);
        fill(kind, &mut object);
        if way != Way::Applied {
            object = write::update(
                None,
                &object,
                &endpoint::of(call.served, ""),
                self.request(),
            );
        }
        let metadata = metadata_mut(&mut object);
        metadata.insert("uid".to_owned(), random::uid().into());
        metadata.insert("creationTimestamp".to_owned(), call.now_text().into());
        create::prepare(kind, &mut object);
        if let Some(ty) = kind.custom() {
            // As when it is read again: fields that were removed get their defaults too.
            custom::default(ty, &mut object);
        }
        self.check(None, &object, &validate::create(kind, &object))?;
        admission::provide(call, None, &mut object, self.options.dry_run)?;
        admission::grants(call, None, &object)?;
        self.put_new(object, way)
    }

    /// Stores a new object.
    fn put_new(&self, object: Value, way: Way) -> Result<Written, Status> {
        let call = self.call;
        let name = text(&object, "/metadata/name").to_owned();
        let key = Key::new(&call.target.namespace, &name);
        if self.options.dry_run {
            return match call.served.objects.get(&key) {
                Some(stored) => Err(self.exists(&name, Some(&stored))),
                None => Ok(Written::Unstored(object)),
            };
        }
        if way == Way::Created && !text(&object, "/metadata/resourceVersion").is_empty() {
            return Err(Status::internal(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let draft = self.draft(object);
        match call
            .api
            .store
            .put(&call.served.objects, key.clone(), From::Absent, &draft)
        {
            Ok(stored) => Ok(Written::Stored(stored)),
            Err(_) => Err(self.exists(&name, call.served.objects.get(&key).as_deref())),
        }
    }

    fn exists(&self, name: &str, stored: Option<&Stored>) -> Status {
        let mut status = Status::already_exists(&self.call.served.kind, name);
        if stored.is_some_and(|stored| stored.index.deleting) {
            status.message.insert_str(0, "object is being deleted: ");
        }
        status
    }

    /// Replaces an object.
    fn replace(&self, object: Value) -> Result<(u16, Written), Status> {
        let call = self.call;
        let kind = &call.served.kind;
        let mut object = object;
        call.place(&mut object)?;
        let version = text(&object, "/metadata/resourceVersion").to_owned();
        let wanted = wanted(&version)?;
        let uid = text(&object, "/metadata/uid").to_owned();
        for _ in 0..ATTEMPTS {
            let Some(stored) = call.served.objects.get(&call.key()) else {
                if !self.creates() || wanted.is_some() {
                    return Err(Status::not_found(kind, &call.target.name));
                }
                if !uid.is_empty() {
                    return Err(self.other_uid(&uid, ""));
                }
                return Ok((201, self.create(object, Way::Replaced)?));
            };
            if !uid.is_empty() && *uid != *stored.index.uid {
                return Err(self.other_uid(&uid, &stored.index.uid));
            }
            self.conditional(wanted)?;
            if wanted.is_some_and(|wanted| wanted != stored.revision) {
                return Err(Status::modified(kind, &call.target.name));
            }
            match self.attempt(&stored, Changed::Whole(object.clone())) {
                Ok(written) => return Ok((200, written)),
                Err(WriteFault::Outrun) if wanted.is_none() => {}
                Err(WriteFault::Outrun) => return Err(Status::modified(kind, &call.target.name)),
                Err(WriteFault::Refused(status)) => return Err(status),
            }
        }
        Err(Status::modified(kind, &call.target.name))
    }

    /// Patches an object; an apply creates a missing one. A missing object is reported before the
    /// patch is examined.
    fn patch(&self) -> Result<(u16, Written), Status> {
        let call = self.call;
        let kind = &call.served.kind;
        let read = || PatchBody::read(call.media, call.body, kind, self.options.validation);
        for _ in 0..ATTEMPTS {
            let Some(stored) = call.served.objects.get(&call.key()) else {
                if !PatchBody::is_apply(call.media)
                    || !self.subresource.is_empty() && !self.creates()
                {
                    return Err(Status::not_found(kind, &call.target.name));
                }
                let PatchBody::Apply(applied) = read()? else {
                    continue;
                };
                match self.apply_new(&applied) {
                    Err(status) if status.reason == "AlreadyExists" => continue,
                    other => return other.map(|written| (201, written)),
                }
            };
            let live = call.served.value(&stored);
            let changed = match read()? {
                PatchBody::Apply(applied) => Changed::Applied(self.applied(Some(&live), &applied)?),
                patch => Changed::Whole(self.decoded(&patch.apply(&live, kind)?)?),
            };
            let wanted = wanted(text(changed.object(), "/metadata/resourceVersion"))?;
            self.conditional(wanted)?;
            if wanted.is_some_and(|wanted| wanted != stored.revision) {
                return Err(Status::modified(kind, &call.target.name));
            }
            match self.attempt(&stored, changed) {
                Ok(written) => return Ok((200, written)),
                Err(WriteFault::Outrun) => {}
                Err(WriteFault::Refused(status)) => return Err(status),
            }
        }
        Err(Status::modified(kind, &call.target.name))
    }

    /// Refuses a write without a resource version for kinds that require one.
    fn conditional(&self, wanted: Option<u64>) -> Result<(), Status> {
        let kind = &self.call.served.kind;
        if wanted.is_some() || strategy::of(kind).unconditional_update {
            return Ok(());
        }
        let error = FieldError::invalid(
            "metadata.resourceVersion",
            &0.into(),
            "must be specified for an update",
        );
        Err(Status::invalid_as(
            &kind.plural,
            &kind.gvk.group,
            &self.call.target.name,
            &[error],
        ))
    }

    /// Returns whether any kind of write to a missing object creates it.
    fn creates(&self) -> bool {
        strategy::of(&self.call.served.kind).create_on_update
            && matches!(self.subresource, "" | "status")
    }

    fn apply_new(&self, applied: &Value) -> Result<Written, Status> {
        let uid = text(applied, "/metadata/uid");
        if !uid.is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            return Err(Status::conflict(
                &self.call.served.kind,
                &self.call.target.name,
                &why,
            ));
        }
        let object = self.applied(None, applied)?;
        self.create(object, Way::Applied)
    }

    /// Returns the result of an apply.
    fn applied(&self, live: Option<&Value>, patch: &Value) -> Result<Value, Status> {
        let to = endpoint::of(self.call.served, self.subresource);
        let mut object =
            write::apply(live, patch, &to, self.request()).map_err(|refusal| refused(&refusal))?;
        let decoded = body::applied(&self.call.served.kind, &object, self.options.validation)?;
        self.call.warn(decoded.warnings);
        object = decoded.object;
        fill(&self.call.served.kind, &mut object);
        Ok(object)
    }

    /// Returns the result of a change as an object of its kind.
    fn decoded(&self, object: &Value) -> Result<Value, Status> {
        let Decoded { object, warnings } =
            body::patched(&self.call.served.kind, object, self.options.validation)?;
        self.call.warn(warnings);
        Ok(object)
    }

    /// Writes a changed object if it is still the stored one.
    pub(crate) fn attempt(
        &self,
        stored: &Arc<Stored>,
        changed: Changed,
    ) -> Result<Written, WriteFault> {
        let call = self.call;
        let kind = &call.served.kind;
        let live = call.served.value(stored);
        let applied = matches!(changed, Changed::Applied(_));
        let mut object = changed.into_object();
        call.place(&mut object)?;
        if !applied {
            fill(kind, &mut object);
            object = write::update(
                Some(&live),
                &object,
                &endpoint::of(call.served, self.subresource),
                self.request(),
            );
        }
        update::prepare(kind, self.subresource, &live, &mut object);
        write::keep_times(&live, &mut object);
        self.check(
            Some(&live),
            &object,
            &validate::update(kind, self.subresource, &live, &object),
        )?;
        admission::provide(call, Some(&live), &mut object, self.options.dry_run)?;
        admission::grants(call, Some(&live), &object)?;
        self.put(stored, object)
    }

    /// Stores a changed object, or removes it if nothing blocks its deletion any more.
    pub(crate) fn put(
        &self,
        stored: &Arc<Stored>,
        mut object: Value,
    ) -> Result<Written, WriteFault> {
        let call = self.call;
        metadata_mut(&mut object).insert(
            "resourceVersion".to_owned(),
            stored.revision.to_string().into(),
        );
        if self.options.dry_run {
            return Ok(Written::Unstored(object));
        }
        let draft = self.draft(object.clone());
        if draft.same_as(stored) {
            return Ok(Written::Stored(Arc::clone(stored)));
        }
        let key = call.key();
        if stored.index.deleting && delete::is_free(&call.served.kind, &object) {
            return match call
                .api
                .store
                .remove(&call.served.objects, &key, stored.revision)
            {
                Ok(_) => Ok(Written::Unstored(object)),
                Err(clash) => Err(self.outrun(clash)),
            };
        }
        match call.api.store.put(
            &call.served.objects,
            key,
            From::Revision(stored.revision),
            &draft,
        ) {
            Ok(stored) => Ok(Written::Stored(stored)),
            Err(clash) => Err(self.outrun(clash)),
        }
    }

    fn outrun(&self, clash: Clash) -> WriteFault {
        match clash {
            Clash::Gone => WriteFault::Refused(Status::not_found(
                &self.call.served.kind,
                &self.call.target.name,
            )),
            Clash::Newer | Clash::Exists => WriteFault::Outrun,
        }
    }

    fn draft(&self, object: Value) -> Draft {
        endpoint::draft(self.call.served, object)
    }

    fn request(&self) -> Request<'_> {
        Request {
            manager: self.call.manager(&self.options.manager),
            force: self.options.force,
            now: &self.now,
        }
    }

    fn check(
        &self,
        live: Option<&Value>,
        object: &Value,
        errors: &[FieldError],
    ) -> Result<(), Status> {
        let kind = &self.call.served.kind;
        let mut errors = errors.to_vec();
        if let lode_admit::Types::Custom(ty) = &kind.types {
            errors = custom::validate_after(errors, ty, live, object);
        }
        if errors.is_empty() {
            self.call.warn(validate::warnings(kind, live, object));
            return Ok(());
        }
        Err(Status::invalid(
            kind,
            text(object, "/metadata/name"),
            &errors,
        ))
    }

    fn other_uid(&self, uid: &str, found: &str) -> Status {
        let call = self.call;
        let scope = if call.target.namespace.is_empty() {
            String::new()
        } else {
            format!("{}/", call.target.namespace)
        };
        // A dry run's storage reports no path.
        let root = if self.options.dry_run {
            ""
        } else {
            "/registry"
        };
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {root}/{}/{scope}{}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {found}",
            place(&call.served.kind),
            call.target.name,
        );
        Status::conflict(&call.served.kind, &call.target.name, &why)
    }
}

/// Returns the storage path of a kind on a real server, which some errors contain.
fn place(kind: &Kind) -> String {
    let (group, plural) = (&*kind.gvk.group, &*kind.plural);
    match (group, plural) {
        ("", "endpoints" | "services") => format!(
            "services/{}",
            if plural == "services" {
                "specs"
            } else {
                plural
            }
        ),
        ("", "nodes") => "minions".to_owned(),
        ("", "replicationcontrollers") => "controllers".to_owned(),
        ("networking.k8s.io", "ingresses") => "ingress".to_owned(),
        ("apiextensions.k8s.io" | "apiregistration.k8s.io", _) => format!("{group}/{plural}"),
        _ if kind.is_custom() => format!("{group}/{plural}"),
        _ => plural.to_owned(),
    }
}

/// Sets the defaults of an object.
fn fill(kind: &Kind, object: &mut Value) {
    match kind.custom() {
        Some(ty) => custom::default(ty, object),
        None => default(kind, object),
    }
}

/// A changed object.
pub(crate) enum Changed {
    /// Sent by a client, or the result of a patch.
    Whole(Value),
    /// The result of an apply; field ownership and defaults are already set.
    Applied(Value),
}

impl Changed {
    fn object(&self) -> &Value {
        match self {
            Self::Whole(object) | Self::Applied(object) => object,
        }
    }

    fn into_object(self) -> Value {
        match self {
            Self::Whole(object) | Self::Applied(object) => object,
        }
    }
}

/// Returns the resource version that a write is based on; none if it has none.
fn wanted(version: &str) -> Result<Option<u64>, Status> {
    match version {
        "" | "0" => Ok(None),
        version => version
            .parse()
            .map(Some)
            .map_err(|_| Status::internal(not_a_number("ParseUint", version))),
    }
}

/// Returns the status for a refusal over fields.
pub(crate) fn refused(refusal: &Refusal) -> Status {
    let cause = |cause: &write::RefusalCause| Cause {
        reason: cause.reason,
        message: cause.message.clone(),
        field: cause.field.clone(),
    };
    let causes: Vec<Cause> = refusal.causes.iter().map(cause).collect();
    let details = (!causes.is_empty()).then(|| {
        Box::new(Details {
            causes,
            ..Details::default()
        })
    });
    Status {
        code: refusal.code,
        reason: refusal.reason,
        message: refusal.message.clone(),
        details,
    }
}

/// Attempts of a write after conflicts.
const ATTEMPTS: usize = 100;
/// Attempts to generate an unused name.
const NAMES_TRIED: usize = 8;
