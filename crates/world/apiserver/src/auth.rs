//! The user of a request: by token ([`Users`]), by client certificate, or anonymous.

pub(crate) mod authority;

use std::collections::HashMap;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use lode_admit::Status;
use lode_object::json::text;
use lode_rbac::{Policy, User, as_user, impersonations};
use lode_stdx::SharedLock;
use serde_json::{Value, json};

use crate::wire::request::decoded;

/// Users by bearer token.
#[derive(Default)]
pub(crate) struct Users(SharedLock<HashMap<String, User>>);

impl Users {
    /// Adds a user with a token.
    pub(crate) fn put(&self, token: String, user: User) {
        self.0.write().insert(token, user);
    }

    /// Returns the user of a request.
    ///
    /// # Errors
    /// The token is unknown.
    pub(crate) fn authenticate(
        &self,
        headers: &HeaderMap,
        certificate: Option<&User>,
    ) -> Result<User, Status> {
        let header = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, token)) = token else {
            let anonymous = || User::new(ANONYMOUS).with_groups(["system:unauthenticated"]);
            return Ok(certificate.cloned().unwrap_or_else(anonymous));
        };
        let users = self.0.read();
        users
            .get(token.trim())
            .cloned()
            .ok_or_else(|| Status::bare(401, "Unauthorized", "Unauthorized"))
    }
}

impl Users {
    /// Answers a `TokenReview`.
    pub(crate) fn review(&self, review: &Value) -> Value {
        let token = text(review, "/spec/token");
        let users = self.0.read();
        let mut answer = review.clone();
        answer["status"] = match users.get(token) {
            Some(user) => json!({"authenticated": true, "user": {
                "username": user.name, "uid": user.uid, "groups": user.groups}}),
            None => json!({"user": {}, "error": "[invalid bearer token, token lookup failed]"}),
        };
        answer
    }
}

/// Returns the user to act as: the user itself, or another one that it may impersonate.
///
/// # Errors
/// Impersonation is not allowed, or the headers are incomplete.
pub(crate) fn impersonate(
    user: User,
    headers: &HeaderMap,
    policy: &Policy,
) -> Result<User, Status> {
    let Some(wanted) = wanted(headers)? else {
        return Ok(user);
    };
    for attributes in impersonations(&wanted) {
        policy.authorize(&user, &attributes)?;
    }
    Ok(as_user(&wanted))
}

fn wanted(headers: &HeaderMap) -> Result<Option<User>, Status> {
    let texts = |name: &str| {
        headers
            .get_all(name)
            .into_iter()
            .filter_map(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let mut user = User::new(texts("impersonate-user").next().unwrap_or_default());
    user.uid = texts("impersonate-uid").next().unwrap_or_default();
    user.groups = texts("impersonate-group").take(PARTS_MAX).collect();
    for name in headers.keys().take(PARTS_MAX) {
        if let Some(key) = name.as_str().strip_prefix("impersonate-extra-") {
            let key = decoded(key).unwrap_or_else(|| key.to_owned());
            user.extra
                .insert(key, texts(name.as_str()).take(PARTS_MAX).collect());
        }
    }

    match (
        user.name.is_empty(),
        user.uid.is_empty() && user.groups.is_empty() && user.extra.is_empty(),
    ) {
        (false, _) => Ok(Some(user)),
        (true, true) => Ok(None),
        (true, false) => Err(Status::internal(format!(
            "requested {:?} without impersonating a user",
            user.groups
        ))),
    }
}

/// Parses users in the format of kube-apiserver's `--token-auth-file`:
/// `token,user,uid,"group,group"` per line. An invalid line is an error, while kube-apiserver skips
/// some: a user who is left out, or put in other groups than intended, should be noticed at the
/// start. Lines that begin with `#` are ignored.
///
/// # Errors
/// A line does not have this form, or repeats a token.
pub(crate) fn read_tokens(text: &str) -> Result<Vec<(String, User)>, TokensError> {
    let mut users: Vec<(String, User)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let refused = |what| TokensError { line: at + 1, what };
        let (token, user) = read_user(line).map_err(refused)?;
        if users.iter().any(|(known, _)| *known == token) {
            return Err(refused("the token is that of an earlier line"));
        }
        users.push((token, user));
    }
    Ok(users)
}

fn read_user(line: &str) -> Result<(String, User), &'static str> {
    let columns = columns(line)?;
    let (token, name, uid, groups) = match columns.as_slice() {
        [token, name, uid] => (token, name, uid, ""),
        [token, name, uid, groups] => (token, name, uid, groups.as_str()),
        [_, _, _, _, _, ..] => {
            return Err("there are more than four columns: several groups stand in quotes");
        }
        _ => return Err("there are fewer than three columns"),
    };

    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err("the token is empty or holds a space");
    }
    if name.is_empty() {
        return Err("the user has no name");
    }

    let groups = groups
        .split(',')
        .map(str::trim)
        .filter(|group| !group.is_empty());
    let mut user = User::new(name).with_groups(groups.chain([AUTHENTICATED]));
    uid.clone_into(&mut user.uid);
    Ok((token.clone(), user))
}

/// Splits a line of comma-separated values. Within quotes, commas are text and two quotes mean one.
fn columns(line: &str) -> Result<Vec<String>, &'static str> {
    let mut columns = Vec::new();
    let mut rest = line;
    loop {
        let start = rest.trim_start();
        let Some(mut quoted) = start.strip_prefix('"') else {
            let (column, after) = start
                .split_once(',')
                .map_or((start, None), |(column, after)| (column, Some(after)));
            if column.contains('"') {
                return Err("a quote stands within a column that does not begin with one");
            }
            columns.push(column.trim().to_owned());
            match after {
                Some(after) => rest = after,
                None => return Ok(columns),
            }
            continue;
        };

        let mut column = String::new();
        loop {
            let (text, after) = quoted.split_once('"').ok_or("a quote is never closed")?;
            column.push_str(text);
            let Some(after) = after.strip_prefix('"') else {
                quoted = after.trim_start();
                break;
            };
            column.push('"');
            quoted = after;
        }
        columns.push(column);
        match quoted.strip_prefix(',') {
            Some(after) => rest = after,
            None if quoted.is_empty() => return Ok(columns),
            None => return Err("text stands behind a closing quote"),
        }
    }
}

/// An invalid file of tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: not of the form token,user,uid,\"group,group\": {what}")]
pub struct TokensError {
    /// Line number, from 1.
    pub line: usize,
    /// The reason; without the line itself, which contains a token.
    pub what: &'static str,
}

/// Returns the user who may do everything.
pub(crate) fn admin() -> User {
    User::new("admin").with_groups(["system:masters", AUTHENTICATED])
}

/// Returns the user of a client certificate: the common name, in the groups given as organisations.
pub(crate) fn certified(der: &[u8]) -> Option<User> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let subject = certificate.subject();
    let name = subject.iter_common_name().next()?.as_str().ok()?;
    let groups = subject
        .iter_organization()
        .filter_map(|group| group.as_str().ok());
    Some(User::new(name).with_groups(groups.chain([AUTHENTICATED])))
}

const ANONYMOUS: &str = "system:anonymous";
const AUTHENTICATED: &str = "system:authenticated";
/// Most groups, extras and values that are read.
const PARTS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_token_is_somebody_and_no_token_is_nobody() {
        let users = Users::default();
        users.put("t1".to_owned(), User::new("jane"));
        let who = |pairs| {
            users
                .authenticate(&headers(pairs), None)
                .map(|user| user.name)
        };
        assert_eq!(
            who(&[("authorization", "Bearer t1")]).as_deref(),
            Ok("jane")
        );
        assert_eq!(who(&[]).as_deref(), Ok(ANONYMOUS));
        assert_eq!(
            who(&[("authorization", "bearer t2")]).unwrap_err().code,
            401
        );
        let certified = users.authenticate(&headers(&[]), Some(&admin())).unwrap();
        assert_eq!(certified.name, "admin");
    }

    #[test]
    fn only_who_may_acts_as_another() {
        let policy = Policy::default();
        let wanted = headers(&[
            ("impersonate-user", "bob"),
            ("impersonate-group", "dev"),
            ("impersonate-extra-a%2fb", "c"),
        ]);
        let bob = impersonate(admin(), &wanted, &policy).unwrap();
        assert_eq!(
            (&*bob.name, &*bob.groups),
            ("bob", &["dev".to_owned(), AUTHENTICATED.to_owned()][..])
        );
        assert_eq!(bob.extra["a/b"], ["c"]);
        assert_eq!(
            impersonate(User::new("jane"), &wanted, &policy)
                .unwrap_err()
                .code,
            403
        );
        assert_eq!(
            impersonate(User::new("jane"), &headers(&[]), &policy)
                .unwrap()
                .name,
            "jane"
        );
        assert!(impersonate(admin(), &headers(&[("impersonate-group", "dev")]), &policy).is_err());
    }

    #[test]
    fn a_file_names_users_by_token() {
        let users =
            read_tokens("# who\nt1,jane,7,\"dev,ops\"\nt2,bob,\n\n\"t,\"\"3\", eve ,e, qa\r\n")
                .unwrap();
        assert_eq!(
            (&*users[0].0, &*users[0].1.name, &*users[0].1.uid),
            ("t1", "jane", "7")
        );
        assert_eq!(users[0].1.groups, ["dev", "ops", AUTHENTICATED]);
        assert_eq!(users[1].1.groups, [AUTHENTICATED]);
        assert_eq!(
            (&*users[2].0, &*users[2].1.name, &*users[2].1.groups[0]),
            ("t,\"3", "eve", "qa")
        );
    }

    #[test]
    fn a_line_of_tokens_that_means_nothing_is_refused() {
        for line in [
            "t2",
            "t2,bob",
            ",bob,7",
            "t2,,7",
            "t 2,bob,7",
            "t2,bob,7,\"dev,ops",
            "t2,bob,7,\"dev\"ops",
            "t2,bob,7,de\"v",
            "t2,bob,7,dev,ops",
            "t1,bob,7",
        ] {
            let error = read_tokens(&format!("t1,jane,1\n{line}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{line}");
            assert!(
                !error.to_string().contains("t2,"),
                "no token is shown: {error}"
            );
        }
    }
}
