//! `html`, `js`, `urlquery`.

use crate::context::Context;
use crate::error::TemplateError;
use crate::print;
use crate::value::{GoString, Value};

/// Bytes that one byte can become.
const GROWTH: usize = 6;

pub(super) fn html(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    escaped(context, args, |text, out| {
        for byte in text {
            match byte {
                0 => out.extend_from_slice("\u{fffd}".as_bytes()),
                b'"' => out.extend_from_slice(b"&#34;"),
                b'\'' => out.extend_from_slice(b"&#39;"),
                b'&' => out.extend_from_slice(b"&amp;"),
                b'<' => out.extend_from_slice(b"&lt;"),
                b'>' => out.extend_from_slice(b"&gt;"),
                byte => out.push(*byte),
            }
        }
    })
}

pub(super) fn js(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    escaped(context, args, |text, out| {
        for chunk in text.utf8_chunks() {
            for c in chunk.valid().chars() {
                js_character(c, out);
            }
            for _ in chunk.invalid() {
                // U+FFFD is printed as the bytes that are there.
                out.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
    })
}

fn js_character(c: char, out: &mut Vec<u8>) {
    match c {
        '\\' => out.extend_from_slice(br"\\"),
        '\'' => out.extend_from_slice(br"\'"),
        '"' => out.extend_from_slice(br#"\""#),
        '<' | '>' | '&' | '=' | '\0'..'\x20' => {
            out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes());
        }
        c if c.is_ascii() || print::is_print(c) => {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        c => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
    }
}

pub(super) fn urlquery(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    escaped(context, args, |text, out| {
        for byte in text {
            match byte {
                b' ' => out.push(b'+'),
                b'-' | b'_' | b'.' | b'~' => out.push(*byte),
                byte if byte.is_ascii_alphanumeric() => out.push(*byte),
                byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            }
        }
    })
}

fn escaped(
    context: &Context<'_>,
    args: &[Value],
    escape: impl FnOnce(&[u8], &mut Vec<u8>),
) -> Result<Value, TemplateError> {
    let text = match args {
        [Value::String(text)] => text.clone(),
        args => GoString::from(print::print_shown(context, args)?),
    };
    context.bytes(text.len().saturating_mul(GROWTH))?;
    let mut out = Vec::with_capacity(text.len());
    escape(&text, &mut out);
    Ok(Value::text(out))
}
