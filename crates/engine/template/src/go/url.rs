//! URLs as Go's `net/url` takes them apart and puts them together.

use core::net::Ipv6Addr;

use crate::go::runes;
use crate::go::runes::quoted;

/// A URL in parts, unescaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Url {
    /// What stands before the colon, in lowercase.
    pub(crate) scheme: Vec<u8>,
    /// What follows the scheme if it does not begin with a slash.
    pub(crate) opaque: Vec<u8>,
    /// User and password.
    pub(crate) user: Option<User>,
    /// Host with port.
    pub(crate) host: Vec<u8>,
    /// The path.
    pub(crate) path: Vec<u8>,
    /// The query, still escaped.
    pub(crate) query: Vec<u8>,
    /// The fragment.
    pub(crate) fragment: Vec<u8>,
}

/// The user of a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// The part of a URL in which a byte stands; decides what is escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UrlPart {
    Path,
    User,
    Host,
    Zone,
    Fragment,
}

impl Url {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// Go's message.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let (url, fragment) = cut(text, b'#');
        let failed = |url: &[u8], why: String| format!("parse {}: {why}", quoted(url));
        let mut parsed = Self::parse_without_fragment(url).map_err(|why| failed(url, why))?;
        if let Some(fragment) = fragment {
            parsed.fragment =
                unescape(fragment, UrlPart::Fragment).map_err(|why| failed(text, why))?;
        }
        Ok(parsed)
    }

    fn parse_without_fragment(text: &[u8]) -> Result<Self, String> {
        if text.iter().any(u8::is_ascii_control) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Self::default();
        if text == b"*" {
            url.path = text.to_vec();
            return Ok(url);
        }

        let (scheme, rest) = split_scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (rest, query) = cut(rest, b'?');
        url.query = query.unwrap_or_default().to_vec();
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }

        let mut path = rest;
        if let Some(authority) = rest.strip_prefix(b"//")
            && (!url.scheme.is_empty() || !rest.starts_with(b"///"))
        {
            let end = authority.iter().position(|byte| *byte == b'/');
            let (authority, behind) = authority.split_at(end.unwrap_or(authority.len()));
            path = behind;
            url.authority(authority)?;
        }
        url.path = unescape(path, UrlPart::Path)?;
        Ok(url)
    }

    fn authority(&mut self, text: &[u8]) -> Result<(), String> {
        let at = text.iter().rposition(|byte| *byte == b'@');
        let host = at.map_or(text, |at| text.get(at + 1..).unwrap_or_default());
        self.host = parse_host(host, matches!(&*self.scheme, b"http" | b"https"))?;
        if let Some(user) = at.and_then(|at| text.get(..at)) {
            self.user = Some(User::parse(user)?);
        }
        Ok(())
    }

    /// Returns the host without its port and without the brackets of an IPv6 address.
    pub(crate) fn hostname(&self) -> &[u8] {
        let mut host = self.host.as_slice();
        if let Some(colon) = host.iter().rposition(|byte| *byte == b':')
            && is_port(host.get(colon..).unwrap_or_default())
        {
            host = host.get(..colon).unwrap_or_default();
        }
        host.strip_prefix(b"[")
            .and_then(|inner| inner.strip_suffix(b"]"))
            .unwrap_or(host)
    }

    /// Returns the URL as a text.
    pub(crate) fn to_text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.push_hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            escape(&mut out, &self.fragment, UrlPart::Fragment);
        }
        out
    }

    fn push_hierarchy(&self, out: &mut Vec<u8>) {
        let has_authority = !self.host.is_empty() || self.user.is_some();
        if has_authority || (!self.scheme.is_empty() && !self.path.is_empty()) {
            out.extend_from_slice(b"//");
        }
        if let Some(user) = &self.user {
            out.extend_from_slice(&user.to_text());
            out.push(b'@');
        }
        escape(out, &self.host, UrlPart::Host);

        if !self.host.is_empty() && self.path.first().is_some_and(|first| *first != b'/') {
            out.push(b'/');
        }
        // Without this a colon in the first segment would end a scheme.
        if out.is_empty() && cut(&self.path, b'/').0.contains(&b':') {
            out.extend_from_slice(b"./");
        }
        if self.path == b"*" {
            out.push(b'*');
        } else {
            escape(out, &self.path, UrlPart::Path);
        }
    }
}

impl User {
    /// Reads what stands before the `@`.
    fn parse(text: &[u8]) -> Result<Self, String> {
        let is_allowed =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
        if !text.iter().all(is_allowed) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = cut(text, b':');
        Ok(Self {
            name: unescape(name, UrlPart::User)?,
            password: password
                .map(|password| unescape(password, UrlPart::User))
                .transpose()?,
        })
    }

    /// Returns user and password as they stand in a URL.
    pub(crate) fn to_text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        escape(&mut out, &self.name, UrlPart::User);
        if let Some(password) = &self.password {
            out.push(b':');
            escape(&mut out, password, UrlPart::User);
        }
        out
    }
}

/// Splits at the first `mark`.
fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == mark) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    }
}

fn split_scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let length = text.iter().take_while(|byte| is_part(byte)).count();
    let (scheme, rest) = text.split_at(length);
    match rest.strip_prefix(b":") {
        Some(_) if scheme.is_empty() => Err("missing protocol scheme".to_owned()),
        Some(rest) if scheme.first().is_some_and(u8::is_ascii_alphabetic) => Ok((scheme, rest)),
        _ => Ok((&[], text)),
    }
}

fn parse_host(host: &[u8], strict: bool) -> Result<Vec<u8>, String> {
    let position = |mark: u8| host.iter().position(|byte| *byte == mark);
    let last = |mark: u8| host.iter().rposition(|byte| *byte == mark);
    match last(b'[') {
        Some(0) => return parse_literal(host),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }

    // Lists of hosts with ports are allowed outside HTTP.
    let colon = if strict { position(b':') } else { last(b':') };
    if let Some(port) = colon.and_then(|colon| host.get(colon..)) {
        check_port(port)?;
    }
    unescape(host, UrlPart::Host)
}

/// Reads an IPv6 address in brackets.
fn parse_literal(host: &[u8]) -> Result<Vec<u8>, String> {
    let close = host
        .iter()
        .rposition(|byte| *byte == b']')
        .ok_or("missing ']' in host")?;
    let port = host.get(close + 1..).unwrap_or_default();
    check_port(port)?;

    let name = host.get(1..close).unwrap_or_default();
    let zone = name.windows(3).position(|window| window == b"%25");
    let (address, zone) = name.split_at(zone.unwrap_or(name.len()));
    let mut plain = unescape(address, UrlPart::Host)?;
    let parsed = String::from_utf8_lossy(&plain).parse::<Ipv6Addr>();
    plain.extend(unescape(zone, UrlPart::Zone)?);
    if parsed.is_err() {
        return Err(format!(
            "invalid host: ParseAddr({}): unable to parse IP",
            quoted(&plain)
        ));
    }

    let mut out = vec![b'['];
    out.extend(plain);
    out.push(b']');
    out.extend_from_slice(port);
    Ok(out)
}

fn check_port(port: &[u8]) -> Result<(), String> {
    if is_port(port) {
        Ok(())
    } else {
        Err(format!("invalid port {} after host", quoted(port)))
    }
}

/// Returns whether a text is a colon with digits, or nothing.
fn is_port(text: &[u8]) -> bool {
    match text.split_first() {
        None => true,
        Some((mark, digits)) => *mark == b':' && digits.iter().all(u8::is_ascii_digit),
    }
}

// === escapes ===

fn unescape(text: &[u8], part: UrlPart) -> Result<Vec<u8>, String> {
    let is_host = matches!(part, UrlPart::Host | UrlPart::Zone);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        if byte != b'%' {
            if is_host && byte < 0x80 && is_escaped(byte, part) {
                return Err(format!(
                    "invalid character {} in host name",
                    quoted(&[byte])
                ));
            }
            out.push(byte);
            rest = behind;
            continue;
        }

        let shown = rest.get(..3.min(rest.len())).unwrap_or_default();
        let wrong = || format!("invalid URL escape {}", quoted(shown));
        let decoded = escaped_byte(behind).ok_or_else(wrong)?;
        let allowed = match part {
            UrlPart::Host => decoded >= 0x80 || shown == b"%25",
            UrlPart::Zone => {
                shown == b"%25" || decoded == b' ' || !is_escaped(decoded, UrlPart::Host)
            }
            _ => true,
        };
        if !allowed {
            return Err(wrong());
        }
        out.push(decoded);
        rest = behind.get(2..).unwrap_or_default();
    }
    Ok(out)
}

fn escaped_byte(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| {
        text.get(at)
            .and_then(|digit| char::from(*digit).to_digit(16))
    };
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

fn escape(out: &mut Vec<u8>, text: &[u8], part: UrlPart) {
    for &byte in text {
        if is_escaped(byte, part) {
            out.push(b'%');
            for half in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(half), 16).unwrap_or('0');
                runes::push(out, digit.to_ascii_uppercase());
            }
        } else {
            out.push(byte);
        }
    }
}

/// Returns whether a byte must be escaped in a part.
fn is_escaped(byte: u8, part: UrlPart) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    let allowed: &[u8] = match part {
        UrlPart::Host | UrlPart::Zone => b"!$&'()*+,;=:[]<>\"",
        UrlPart::Path => b"$&+,/:;=@",
        UrlPart::User => b"$&+,;=",
        UrlPart::Fragment => b"$&+,/:;=?@!()*",
    };
    !allowed.contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        let url = Url::parse(text.as_bytes()).unwrap();
        String::from_utf8(url.to_text()).unwrap()
    }

    #[test]
    fn urls_are_taken_apart() {
        let url = Url::parse(b"HTTP://us%40er:p%3Aw@host.example:80/a%20b/c?q=1&r#fr%41g").unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text(&url.scheme), "http");
        assert_eq!(text(&url.host), "host.example:80");
        assert_eq!(text(url.hostname()), "host.example");
        assert_eq!(text(&url.path), "/a b/c");
        assert_eq!(text(&url.query), "q=1&r");
        assert_eq!(text(&url.fragment), "frAg");
        assert_eq!(text(&url.user.unwrap().to_text()), "us%40er:p%3Aw");

        assert_eq!(Url::parse(b"mailto:a@b").unwrap().opaque, b"a@b");
        assert_eq!(
            Url::parse(b"http://[::1]:8080/").unwrap().hostname(),
            b"::1"
        );
        assert_eq!(Url::parse(b"a/b").unwrap().path, b"a/b");
        assert_eq!(
            Url::parse(b"postgres://a:1,b:2/db").unwrap().host,
            b"a:1,b:2"
        );
    }

    #[test]
    fn urls_are_put_together() {
        for text in [
            "proto://auth@host:80/path?query#fragment",
            "http://host",
            "mailto:a@b",
            "/path?q",
            "http://[fe80::1%25en0]:1/",
            "//host/x",
        ] {
            assert_eq!(round(text), text, "{text}");
        }
        let relative = Url {
            path: b"a:b/c".to_vec(),
            ..Url::default()
        };
        assert_eq!(relative.to_text(), b"./a:b/c");
        let rooted = Url {
            host: b"h".to_vec(),
            path: b"p q".to_vec(),
            ..Url::default()
        };
        assert_eq!(rooted.to_text(), b"//h/p%20q");
    }

    #[test]
    fn what_is_no_url_says_why() {
        for (text, want) in [
            (
                "http://a b/",
                "parse \"http://a b/\": invalid character \" \" in host name",
            ),
            (":x", "parse \":x\": missing protocol scheme"),
            ("a:b/c d%zz", "ok"),
            ("/%zz", "parse \"/%zz\": invalid URL escape \"%zz\""),
            (
                "http://h:x/",
                "parse \"http://h:x/\": invalid port \":x\" after host",
            ),
            (
                "1:b/c",
                "parse \"1:b/c\": first path segment in URL cannot contain colon",
            ),
            ("http://[::1", "parse \"http://[::1\": missing ']' in host"),
            (
                "a\n",
                "parse \"a\\n\": net/url: invalid control character in URL",
            ),
        ] {
            let parsed = Url::parse(text.as_bytes());
            assert_eq!(parsed.err().as_deref().unwrap_or("ok"), want, "{text}");
        }
    }
}
