//! Keys and certificates: `genCA`, `genSignedCert` and their variants.

use core::net::IpAddr;
use std::any::Any;
use std::borrow::Cow;

use num_bigint::BigUint;

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, any, int, text, to_text};
use crate::functions::dates::now;
use crate::go::duration::{DAY, Nanos};
use crate::pki::certificate::{self, Contents, Issuer};
use crate::pki::key::PrivateKey;
use crate::pki::pem;
use crate::secrets::digests::decode_base64;
use crate::value::{GoKind, GoObject, GoString, Value};

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("genPrivateKey", "func(string) string", gen_private_key),
    TemplateFunction::new(
        "buildCustomCert",
        "func(string, string) (sprig.certificate, error)",
        |_, args| build_custom(args).map_err(TemplateError::new),
    ),
    TemplateFunction::new(
        "genCA",
        "func(string, int) (sprig.certificate, error)",
        |context, args| {
            let key = new_key(context)?;
            signed(context, [args.first(), None, None, args.get(1)], &key, None)
        },
    ),
    TemplateFunction::new(
        "genCAWithKey",
        "func(string, int, string) (sprig.certificate, error)",
        |context, args| {
            let key = given_key(args, 2)?;
            signed(context, [args.first(), None, None, args.get(1)], &key, None)
        },
    ),
    TemplateFunction::new(
        "genSelfSignedCert",
        "func(string, []interface {}, []interface {}, int) (sprig.certificate, error)",
        |context, args| {
            let key = new_key(context)?;
            signed(context, four(args), &key, Some(&Signer::Itself))
        },
    ),
    TemplateFunction::new(
        "genSelfSignedCertWithKey",
        "func(string, []interface {}, []interface {}, int, string) (sprig.certificate, error)",
        |context, args| {
            let key = given_key(args, 4)?;
            signed(context, four(args), &key, Some(&Signer::Itself))
        },
    ),
    TemplateFunction::new(
        "genSignedCert",
        "func(string, []interface {}, []interface {}, int, sprig.certificate) (sprig.certificate, error)",
        |context, args| {
            let key = new_key(context)?;
            let signer = Signer::other(any(args, 4))?;
            signed(context, four(args), &key, Some(&signer))
        },
    ),
    TemplateFunction::new(
        "genSignedCertWithKey",
        "func(string, []interface {}, []interface {}, int, sprig.certificate, string) (sprig.certificate, error)",
        |context, args| {
            let key = given_key(args, 5)?;
            let signer = Signer::other(any(args, 4))?;
            signed(context, four(args), &key, Some(&signer))
        },
    ),
];

/// Bits of the keys of new certificates.
const CERTIFICATE_BITS: u64 = 2048;
/// Bits of new RSA keys.
const KEY_BITS: u64 = 4096;
/// Steps that a key for a certificate is worth.
const CERTIFICATE_STEPS: usize = 200_000;
/// Steps that other keys are worth.
const KEY_STEPS: usize = 1_500_000;

fn gen_private_key(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let random = context.environment().random;
    let kind = text(args, 0);
    let key = match kind.as_bytes() {
        b"" | b"rsa" => {
            context.steps(KEY_STEPS)?;
            PrivateKey::rsa(random, KEY_BITS)
        }
        b"dsa" => {
            context.steps(KEY_STEPS)?;
            PrivateKey::dsa(random)
        }
        b"ecdsa" => {
            context.steps(CERTIFICATE_STEPS)?;
            PrivateKey::ecdsa(random)
        }
        b"ed25519" => {
            context.steps(CERTIFICATE_STEPS)?;
            PrivateKey::ed25519(random)
        }
        _ => return Ok(format!("Unknown type {kind}").into()),
    };
    Ok(match key {
        Ok(key) => key.to_pem().into(),
        Err(why) => format!("failed to generate private key: {why}").into(),
    })
}

fn new_key(context: &Context<'_>) -> Result<PrivateKey, TemplateError> {
    context.steps(CERTIFICATE_STEPS)?;
    PrivateKey::rsa(context.environment().random, CERTIFICATE_BITS)
        .map_err(|why| TemplateError::new(format!("error generating rsa key: {why}")))
}

fn given_key(args: &[Value], at: usize) -> Result<PrivateKey, TemplateError> {
    PrivateKey::from_pem(text(args, at))
        .map_err(|why| TemplateError::new(format!("parsing private key: {why}")))
}

fn build_custom(args: &[Value]) -> Result<Value, String> {
    let certificate = decode_base64(text(args, 0))
        .map_err(|_| "unable to decode base64 certificate".to_owned())?;
    let key = decode_base64(text(args, 1))
        .map_err(|_| "unable to decode base64 private key".to_owned())?;
    let block = pem::decode(&certificate).ok_or("unable to decode certificate")?;
    Issuer::parse(&block.bytes)
        .map_err(|why| format!("error parsing certificate: decodedCert.Bytes: {why}"))?;
    PrivateKey::from_pem(&key).map_err(|why| format!("error parsing private key: {why}"))?;
    Ok(Value::object(Certificate {
        certificate: GoString::from(certificate),
        key: GoString::from(key),
    }))
}

/// Who signs a certificate that is no authority.
enum Signer {
    Itself,
    Other(Issuer, PrivateKey),
}

impl Signer {
    fn other(value: &Value) -> Result<Self, TemplateError> {
        let authority = value
            .as_object::<Certificate>()
            .ok_or_else(|| TemplateError::new("unable to decode certificate"))?;
        let block = pem::decode(&authority.certificate)
            .ok_or_else(|| TemplateError::new("unable to decode certificate"))?;
        let issuer = Issuer::parse(&block.bytes).map_err(|why| {
            TemplateError::new(format!(
                "error parsing certificate: decodedSignerCert.Bytes: {why}"
            ))
        })?;
        let key = PrivateKey::from_pem(&authority.key)
            .map_err(|why| TemplateError::new(format!("error parsing private key: {why}")))?;
        Ok(Self::Other(issuer, key))
    }
}

/// Name, addresses, hosts and days of a certificate.
type CertificateArguments<'a> = [Option<&'a Value>; 4];

fn four(args: &[Value]) -> CertificateArguments<'_> {
    [args.first(), args.get(1), args.get(2), args.get(3)]
}

/// Makes a certificate; without a signer it is an authority.
fn signed(
    context: &Context<'_>,
    [name, addresses, hosts, days]: CertificateArguments<'_>,
    key: &PrivateKey,
    signer: Option<&Signer>,
) -> FunctionResult {
    context.steps(CERTIFICATE_STEPS / 10)?;
    let mut serial = [0; 16];
    context.environment().random.fill(&mut serial);
    let now = now(context);
    let days = days.map_or(0, |days| int(std::slice::from_ref(days), 0));
    let name = name.and_then(Value::as_text);
    let contents = Contents {
        serial: BigUint::from_bytes_be(&serial),
        name: name
            .map(|name| name.to_str_lossy().into_owned())
            .unwrap_or_default(),
        addresses: addresses_of(context, addresses)?,
        hosts: hosts_of(context, hosts)?,
        not_after: now.plus(lifetime(days)),
        not_before: now,
        is_authority: signer.is_none(),
    };

    let der = match signer {
        Some(Signer::Other(issuer, signing_key)) => {
            certificate::create(&contents, key, Some(issuer), signing_key)
        }
        _ => certificate::create(&contents, key, None, key),
    };
    let der =
        der.map_err(|why| TemplateError::new(format!("error creating certificate: {why}")))?;
    Ok(Value::object(Certificate {
        certificate: pem::encode("CERTIFICATE", &der).into(),
        key: key.to_pem().into(),
    }))
}

/// Days in nanoseconds, which wrap in Go after 292 years.
fn lifetime(days: i64) -> Nanos {
    days.wrapping_mul(DAY)
}

fn addresses_of(
    context: &Context<'_>,
    value: Option<&Value>,
) -> Result<Vec<IpAddr>, TemplateError> {
    const FAILED: &str = "error parsing ip";
    let address = |item| {
        let text = text_of(context, item, FAILED)?;
        let parsed = text.as_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| TemplateError::new(format!("{FAILED}: {text}")))
    };
    items(value).iter().map(address).collect()
}

fn hosts_of(context: &Context<'_>, value: Option<&Value>) -> Result<Vec<String>, TemplateError> {
    let host = |item| {
        let text = text_of(context, item, "error processing alternate dns name")?;
        Ok(text.to_str_lossy().into_owned())
    };
    items(value).iter().map(host).collect()
}

fn items(value: Option<&Value>) -> &[Value] {
    let list = value.and_then(Value::as_list);
    list.map_or(&[], |list| list.items())
}

/// Returns the text of an item; an error begins with `failed`.
fn text_of<'v>(
    context: &Context<'_>,
    item: &'v Value,
    failed: &str,
) -> Result<&'v GoString, TemplateError> {
    if let Some(text) = item.as_text() {
        return Ok(text);
    }
    let shown = to_text(context, item)?;
    let shown = String::from_utf8_lossy(&shown);
    let message = format!("{failed}: {shown} is not a string");
    Err(TemplateError::new(message))
}

/// A `sprig.certificate`: a certificate and its private key, both in PEM.
struct Certificate {
    certificate: GoString,
    key: GoString,
}

impl GoObject for Certificate {
    fn type_name(&self) -> Cow<'static, str> {
        "sprig.certificate".into()
    }

    fn kind(&self) -> GoKind {
        GoKind::Struct
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn fields(&self) -> Vec<(&str, Value)> {
        vec![
            ("Cert", self.certificate.clone().into()),
            ("Key", self.key.clone().into()),
        ]
    }

    fn equals(&self, other: &dyn GoObject) -> bool {
        other
            .as_any()
            .downcast_ref::<Self>()
            .is_some_and(|other| self.certificate == other.certificate && self.key == other.key)
    }
}
