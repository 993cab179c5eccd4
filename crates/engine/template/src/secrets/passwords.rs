//! Passwords: hashed, derived, and texts that they encrypt.

use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blowfish::Blowfish;
use scrypt::Params;

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, int, text};
use crate::secrets::digests::decode_base64;
use crate::value::Value;

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("bcrypt", "func(string) string", |context, args| {
        Ok(bcrypt(context, text(args, 0))?.into())
    }),
    TemplateFunction::new(
        "htpasswd",
        "func(string, string) string",
        |context, args| {
            let user = text(args, 0).to_str_lossy();
            if user.contains(':') {
                return Ok(format!("invalid username: {user}").into());
            }
            let hash = bcrypt(context, text(args, 1))?;
            Ok(format!("{user}:{hash}").into())
        },
    ),
    TemplateFunction::new(
        "derivePassword",
        "func(uint32, string, string, string, string) string",
        derive_password,
    ),
    TemplateFunction::new(
        "encryptAES",
        "func(string, string) (string, error)",
        encrypt,
    ),
    TemplateFunction::new(
        "decryptAES",
        "func(string, string) (string, error)",
        decrypt,
    ),
];

// === bcrypt ===

/// Rounds of bcrypt, as a power of two.
const BCRYPT_COST: u32 = 10;
/// Steps that one hash is worth: about fifty milliseconds.
const BCRYPT_STEPS: usize = 100_000;
/// Longest password, in bytes.
const BCRYPT_PASSWORD_MAX: usize = 72;

/// Returns the hash of a password with a random salt, or the message why there is none.
fn bcrypt(context: &Context<'_>, password: &[u8]) -> Result<String, TemplateError> {
    if password.len() > BCRYPT_PASSWORD_MAX {
        return Ok(
            "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
                .to_owned(),
        );
    }
    context.steps(BCRYPT_STEPS)?;
    let mut salt = [0; 16];
    context.environment().random.fill(&mut salt);
    Ok(bcrypt_with(password, &salt))
}

fn bcrypt_with(password: &[u8], salt: &[u8; 16]) -> String {
    let mut key = password.to_vec();
    // The end of a C string is part of the key.
    key.push(0);
    let mut state: Blowfish = Blowfish::bc_init_state();
    state.salted_expand_key(salt, &key);
    for _ in 0..1_u32 << BCRYPT_COST {
        state.bc_expand_key(&key);
        state.bc_expand_key(salt);
    }

    let mut hash = Vec::with_capacity(24);
    for block in b"OrpheanBeholderScryDoubt".chunks_exact(8) {
        let word = |at: usize| {
            let bytes = block.iter().skip(4 * at).take(4);
            bytes.fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
        };
        let mut pair = [word(0), word(1)];
        for _ in 0..64 {
            pair = state.bc_encrypt(pair);
        }
        hash.extend(pair.iter().flat_map(|word| word.to_be_bytes()));
    }
    // The last byte is never written.
    hash.truncate(23);
    format!(
        "$2a${BCRYPT_COST:02}${}{}",
        bcrypt_letters(salt),
        bcrypt_letters(&hash)
    )
}

/// Writes bytes in base 64 with the alphabet of bcrypt, without marks at the end.
fn bcrypt_letters(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=chunk.len() {
            let letter = LETTERS.get((bits >> (18 - 6 * at)) as usize & 63);
            out.extend(letter.map(|letter| char::from(*letter)));
        }
    }
    out
}

// === derived passwords ===

/// Steps that deriving one password is worth: about a hundred milliseconds.
const DERIVE_STEPS: usize = 300_000;
/// Bytes of memory that deriving takes.
const DERIVE_BYTES: usize = 33 << 20;
const MASTER_SEED: &[u8] = b"com.lyndir.masterpassword";

/// Derives the password of a user for a site from a master password.
fn derive_password(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let Some(templates) = templates(text(args, 1)) else {
        let name = text(args, 1).to_str_lossy();
        return Ok(format!("cannot find password template {name}").into());
    };
    context.steps(DERIVE_STEPS)?;
    context.bytes(DERIVE_BYTES)?;
    let (password, user, site) = (text(args, 2), text(args, 3), text(args, 4));

    let mut key = [0; 64];
    let salt = [MASTER_SEED, &length(user), user].concat();
    let derived = Params::new(15, 8, 2)
        .is_ok_and(|params| scrypt::scrypt(password, &salt, &params, &mut key).is_ok());
    if !derived {
        return Ok("failed to derive password: scrypt: parameters are too large".into());
    }
    let counter = (int(args, 0) as u32).to_be_bytes();
    let message = [MASTER_SEED, &length(site), site, &counter].concat();
    let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
    let mut seed = seed.as_ref().iter().map(|byte| usize::from(*byte));

    let chosen = seed.next().unwrap_or_default() % templates.len().max(1);
    let template = templates.get(chosen).copied().unwrap_or_default();
    let letters = template.bytes().zip(seed).filter_map(|(class, number)| {
        let letters = class_letters(class);
        letters.get(number % letters.len().max(1)).copied()
    });
    Ok(Value::text(letters.collect::<Vec<u8>>()))
}

fn length(text: &[u8]) -> [u8; 4] {
    (text.len() as u32).to_be_bytes()
}

fn templates(name: &[u8]) -> Option<&'static [&'static str]> {
    Some(match name {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

fn class_letters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        b'x' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
        _ => b"",
    }
}

// === AES ===

/// Bytes of a block of AES.
const BLOCK: usize = 16;

fn aes_key(password: &[u8]) -> Result<UnboundCipherKey, TemplateError> {
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().zip(password) {
        *place = *byte;
    }
    UnboundCipherKey::new(&AES_256, &key).map_err(|_| failed())
}

fn failed() -> TemplateError {
    TemplateError::new("the cipher failed")
}

/// Encrypts a text with AES-256 in CBC mode, with a random start.
fn encrypt(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let plain = text(args, 1);
    if plain.is_empty() {
        return Ok("".into());
    }
    context.bytes(plain.len().saturating_mul(3) + 4 * BLOCK)?;
    context.steps(plain.len() / BLOCK)?;

    let mut start = [0; BLOCK];
    context.environment().random.fill(&mut start);
    let padding = BLOCK - plain.len() % BLOCK;
    let mut blocks = plain.to_vec();
    blocks.resize(plain.len() + padding, padding as u8);
    let key = EncryptingKey::cbc(aes_key(text(args, 0))?).map_err(|_| failed())?;
    let iv = EncryptionContext::Iv128(FixedLength::from(start));
    key.less_safe_encrypt(&mut blocks, iv)
        .map_err(|_| failed())?;
    Ok(STANDARD.encode([&start[..], &blocks].concat()).into())
}

/// Decrypts what [`encrypt`] returned. A wrong password is not noticed.
fn decrypt(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let coded = text(args, 1);
    if coded.is_empty() {
        return Ok("".into());
    }
    context.bytes(coded.len().saturating_mul(2))?;
    context.steps(coded.len() / BLOCK)?;

    let bytes = decode_base64(coded).map_err(TemplateError::new)?;
    let length = bytes.len();
    let (start, blocks) = bytes.split_first_chunk::<BLOCK>().ok_or_else(|| {
        TemplateError::new(format!(
            "runtime error: slice bounds out of range [:{BLOCK}] with capacity {length}"
        ))
    })?;
    if blocks.len() % BLOCK != 0 {
        return Err(TemplateError::new("crypto/cipher: input not full blocks"));
    }
    let mut blocks = blocks.to_vec();
    let key = DecryptingKey::cbc(aes_key(text(args, 0))?).map_err(|_| failed())?;
    let iv = DecryptionContext::Iv128(FixedLength::from(*start));
    let plain = key.decrypt(&mut blocks, iv).map_err(|_| failed())?;

    // The last byte says how many bytes were added.
    let Some(added) = plain.last().map(|byte| usize::from(*byte)) else {
        return Err(TemplateError::new("runtime error: index out of range [-1]"));
    };
    let end = plain.len().checked_sub(added);
    let plain = end.and_then(|end| plain.get(..end)).ok_or_else(|| {
        let end = plain.len() as i64 - added as i64;
        TemplateError::new(format!("runtime error: slice bounds out of range [:{end}]"))
    })?;
    Ok(Value::text(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_holds_cost_and_salt() {
        let hash = bcrypt_with(
            b"U*U",
            &[
                0x10, 0x41, 0x04, 0x10, 0x41, 0x04, 0x10, 0x41, 0x04, 0x10, 0x41, 0x04, 0x10, 0x41,
                0x04, 0x10,
            ],
        );
        assert_eq!(hash.len(), 60);
        assert!(hash.starts_with("$2a$10$CCCCCCCCCCCCCCCCCCCCC."), "{hash}");
    }
}
