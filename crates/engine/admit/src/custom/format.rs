//! [`Format`]: validates texts of a `format`. Formats that the API server does not know are not
//! checked.

use core::net::{Ipv4Addr, Ipv6Addr};

use lode_stdx::duration;

/// A format the API server checks.
#[derive(Debug, Clone)]
pub(crate) struct Format {
    /// As spelled in the schema.
    pub(crate) name: Box<str>,
    is: fn(&str) -> bool,
}

impl Format {
    /// Returns the format with a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let plain = name.replace('-', "");
        let (_, is) = FORMATS.iter().find(|(known, _)| *known == plain)?;
        Some(Self {
            name: name.into(),
            is: *is,
        })
    }

    /// Returns whether a text matches the format.
    pub(crate) fn fits(&self, text: &str) -> bool {
        (self.is)(text)
    }
}

type Test = fn(&str) -> bool;

const FORMATS: [(&str, Test); 26] = [
    ("bsonobjectid", |text| text.len() == 24 && hex(text)),
    ("uri", uri),
    ("email", email),
    ("hostname", hostname),
    ("ipv4", |text| text.parse::<Ipv4Addr>().is_ok()),
    ("ipv6", |text| text.parse::<Ipv6Addr>().is_ok()),
    ("cidr", cidr),
    ("mac", mac),
    ("uuid", |text| uuid(text, None)),
    ("uuid3", |text| uuid(text, Some('3'))),
    ("uuid4", |text| uuid(text, Some('4'))),
    ("uuid5", |text| uuid(text, Some('5'))),
    ("isbn", |text| isbn10(text) || isbn13(text)),
    ("isbn10", isbn10),
    ("isbn13", isbn13),
    ("creditcard", credit_card),
    ("ssn", social_security_number),
    ("hexcolor", |text| {
        let digits = text.strip_prefix('#').unwrap_or(text);
        matches!(digits.len(), 3 | 6) && hex(digits)
    }),
    ("rgbcolor", rgb_color),
    ("byte", base64),
    ("password", |_| true),
    ("date", date),
    ("duration", |text| {
        duration::parse(text.trim_start_matches(['-', '+'])).is_ok() || long_duration(text)
    }),
    ("datetime", date_time),
    ("k8sshortname", |text| label(text, 63)),
    ("k8slongname", |text| {
        text.len() <= 253 && text.split('.').all(|part| label(part, 253))
    }),
];

fn hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether a text is a DNS label (RFC 1123).
pub(super) fn label(text: &str, max: usize) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = text.bytes().next().is_some_and(inner) && text.bytes().last().is_some_and(inner);
    ends && text.len() <= max && text.bytes().all(|byte| inner(byte) || byte == b'-')
}

/// What Go accepts as the target of a request: an absolute path, or anything after a scheme.
fn uri(text: &str) -> bool {
    if text.chars().any(|c| c.is_ascii_control()) || !percents(text) {
        return false;
    }
    if text.starts_with('/') {
        return true;
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };

    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let host = rest
        .strip_prefix("//")
        .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let host = host.map(|host| host.rsplit('@').next().unwrap_or_default());
    let port = |host: &str| {
        host.rsplit_once(':')
            .is_none_or(|(_, port)| host.ends_with(']') || digits(port))
    };
    named
        && host.is_none_or(|host| {
            !host.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}']) && port(host)
        })
}

fn percents(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|after| after.len() >= 2 && after.is_char_boundary(2) && hex(&after[..2]))
}

fn email(text: &str) -> bool {
    let address = match text.rsplit_once('<') {
        Some((_, address)) => match address.strip_suffix('>') {
            Some(address) => address,
            None => return false,
        },
        None => text,
    };
    let Some((local, domain)) = address.trim().rsplit_once('@') else {
        return false;
    };
    let word = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let dotted = |text: &str| {
        text.split('.')
            .all(|part| !part.is_empty() && part.chars().all(word))
    };
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    (quoted || dotted(local))
        && (dotted(domain) || (domain.starts_with('[') && domain.ends_with(']')))
}

fn hostname(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_digit() || c.is_alphabetic() || "$+<=>^`|~".contains(c);
    let part = |part: &str| {
        let ends = part.starts_with(inner) && part.ends_with(inner);
        ends && part.len() <= 63 && part.chars().all(|c| inner(c) || c == '-')
    };
    let last = |part: &str| part.chars().count() >= 2 && part.chars().all(char::is_alphabetic);
    let parts: Vec<&str> = text.split('.').collect();
    let ends_well = parts.len() == 1 || parts.last().is_some_and(|part| last(part));
    text.len() <= 255 && ends_well && parts.into_iter().all(part)
}

fn cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match (address.parse::<Ipv4Addr>(), address.parse::<Ipv6Addr>()) {
        (Ok(_), _) => 32,
        (_, Ok(_)) => 128,
        _ => return false,
    };
    digits(bits) && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn mac(text: &str) -> bool {
    let Some(mark) = text.chars().find(|c| [':', '-', '.'].contains(c)) else {
        return false;
    };
    let width = if mark == '.' { 4 } else { 2 };
    let parts: Vec<&str> = text.split(mark).collect();
    [6, 8, 20].contains(&(parts.len() * width / 2))
        && parts.iter().all(|part| part.len() == width && hex(part))
}

fn uuid(text: &str, version: Option<char>) -> bool {
    let mut rest = text;
    let mut plain = String::with_capacity(32);
    for (place, width) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let Some((part, after)) = rest.split_at_checked(width) else {
            return false;
        };
        plain.push_str(part);
        rest = after;
    }
    let at = |place: usize| plain.chars().nth(place);
    let variant = || version == Some('3') || at(16).is_some_and(|c| "89abAB".contains(c));
    rest.is_empty()
        && hex(&plain)
        && version.is_none_or(|version| at(12) == Some(version) && variant())
}

fn without_marks(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '-' | ' ')).collect()
}

fn isbn10(text: &str) -> bool {
    let text = without_marks(text);
    let value = |(place, c): (usize, char)| match c {
        'X' if place == 9 => Some(10 * 10),
        _ => Some(c.to_digit(10)? * (place as u32 + 1)),
    };
    let sum: Option<u32> = text.chars().enumerate().map(value).sum();
    text.len() == 10 && sum.is_some_and(|sum| sum % 11 == 0)
}

fn isbn13(text: &str) -> bool {
    let text = without_marks(text);
    let value =
        |(place, c): (usize, char)| Some(c.to_digit(10)? * if place % 2 == 0 { 1 } else { 3 });
    let sum: Option<u32> = text.chars().enumerate().map(value).sum();
    text.len() == 13 && sum.is_some_and(|sum| sum % 10 == 0)
}

fn credit_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let value = |(place, digit): (usize, &u32)| match digit * (1 + place as u32 % 2) {
        two @ 10.. => two - 9,
        one => one,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(value).sum();
    (13..=16).contains(&digits.len()) && sum.is_multiple_of(10)
}

fn social_security_number(text: &str) -> bool {
    let marks = text.chars().filter(|c| matches!(c, '-' | ' ')).count();
    let plain = without_marks(text);
    let placed = marks == 0
        || text
            .char_indices()
            .filter(|(_, c)| matches!(c, '-' | ' '))
            .all(|(at, _)| at == 3 || at >= 5);
    plain.len() == 9 && digits(&plain) && marks <= 2 && placed
}

fn rgb_color(text: &str) -> bool {
    let Some(parts) = text
        .strip_prefix("rgb(")
        .and_then(|text| text.strip_suffix(')'))
    else {
        return false;
    };
    let parts: Vec<&str> = parts.split(',').map(str::trim).collect();
    parts.len() == 3
        && parts
            .iter()
            .all(|part| digits(part) && part.parse::<u8>().is_ok())
}

fn base64(text: &str) -> bool {
    let plain = text
        .strip_suffix("==")
        .or_else(|| text.strip_suffix('='))
        .unwrap_or(text);
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !text.is_empty() && text.len().is_multiple_of(4) && plain.bytes().all(known)
}

fn date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };

    let number = |part: &str, width: usize| {
        (part.len() == width && digits(part)).then(|| part.parse::<u32>().ok())?
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };

    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// A time (RFC 3339); seconds may be a leap second.
fn date_time(text: &str) -> bool {
    let Some((day, time)) = text.split_once(['T', 't']) else {
        return false;
    };
    let zone = time.find(['Z', 'z', '+', '-']);
    let Some((time, zone)) = zone.and_then(|at| time.split_at_checked(at)) else {
        return false;
    };
    let clock = |text: &str, most: &[u32]| {
        let parts: Vec<&str> = text.split(':').collect();
        let fits = |part: &str, most: u32| {
            part.len() == 2 && digits(part) && part.parse::<u32>().is_ok_and(|n| n <= most)
        };
        parts.len() == most.len() && parts.iter().zip(most).all(|(part, most)| fits(part, *most))
    };
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let zoned =
        zone.eq_ignore_ascii_case("z") || clock(zone.get(1..).unwrap_or_default(), &[23, 59]);
    date(day) && clock(whole, &[23, 59, 60]) && !fraction.is_empty() && digits(fraction) && zoned
}

/// `3 days`, which the validator's library accepts in addition to Go's durations.
fn long_duration(text: &str) -> bool {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    number.parse::<f64>().is_ok()
        && UNITS.contains(
            &unit
                .trim()
                .trim_end_matches('s')
                .to_ascii_lowercase()
                .as_str(),
        )
}

/// Full unit names, without a plural `s`.
const UNITS: [&str; 20] = [
    "n",
    "nano",
    "nanosecond",
    "u",
    "µ",
    "micro",
    "microsecond",
    "m",
    "milli",
    "millisecond",
    "",
    "sec",
    "second",
    "min",
    "minute",
    "hr",
    "hour",
    "d",
    "day",
    "week",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_knows_its_own() {
        for (name, right, wrong) in [
            ("date-time", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05"),
            (
                "date-time",
                "2026-01-02T03:04:05.123+01:00",
                "2026-13-02T03:04:05Z",
            ),
            ("date", "2024-02-29", "2023-02-29"),
            ("duration", "1h30m", "soon"),
            ("duration", "3 days", "3 moons"),
            ("ipv4", "10.0.0.1", "10.0.0"),
            ("ipv6", "::1", "10.0.0.1"),
            ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
            ("mac", "00:00:5e:00:53:01", "00:00:5e"),
            ("uri", "https://a.example/x?y=%20", "a.example/x"),
            ("uri", "/path", "http://a b/"),
            ("email", "a.b@example.com", "a.b.example.com"),
            ("hostname", "a-b.example", "-a.example"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
            (
                "uuid4",
                "123e4567-e89b-42d3-a456-426614174000",
                "123e4567-e89b-12d3-a456-426614174000",
            ),
            ("byte", "aGk=", "aGk"),
            ("isbn", "978-3-16-148410-0", "978-3-16-148410-1"),
            ("isbn10", "0-306-40615-2", "0-306-40615-3"),
            ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
            ("ssn", "078-05-1120", "0780-5-112"),
            ("hexcolor", "#ff00aa", "#ff00a"),
            ("rgbcolor", "rgb(1, 2, 255)", "rgb(1, 2, 256)"),
            ("bsonobjectid", "507f1f77bcf86cd799439011", "507f1f77"),
            ("k8s-short-name", "a-b", "a.b"),
            ("k8s-long-name", "a.b", "a..b"),
        ] {
            let format = Format::named(name).unwrap();
            assert!(format.fits(right) && !format.fits(wrong), "{name}");
        }
        assert!(Format::named("int32").is_none());
        assert!(Format::named("password").unwrap().fits(""));
    }
}
