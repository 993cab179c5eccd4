//! [`Page`]: a part of a list, and the [`ContinueToken`] of the next part.

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use lode_admit::Status;
use serde_json::{Value, json};

use crate::store::Snapshot;
use crate::store::key::Key;
use crate::store::stored::Stored;
use crate::wire::options::ListOptions;

/// A part of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) revision: u64,
    pub(crate) objects: Vec<(Key, Arc<Stored>)>,
    /// Token of the next page, unless this is the last.
    pub(crate) token: Option<String>,
    /// Number of objects after this page, if known.
    pub(crate) remaining: Option<usize>,
}

/// Where a page begins, and at which revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContinueToken {
    pub(crate) revision: u64,
    /// The page begins after this namespace and name.
    after: String,
}

impl ContinueToken {
    /// Reads a token that a client sends back; `None` if there is none.
    ///
    /// # Errors
    /// The token is invalid.
    pub(crate) fn read(text: &str) -> Result<Option<Self>, Status> {
        if text.is_empty() {
            return Ok(None);
        }

        let refused = |why: &str| {
            Status::bad_request(format!(
                "invalid continue token: continue key is not valid: {why}"
            ))
        };
        let decoded = TOKENS
            .decode(text)
            .map_err(|error| refused(&error.to_string()))?;
        let token: Value =
            serde_json::from_slice(&decoded).map_err(|_| refused(&unreadable(&decoded)))?;
        if token["v"] != VERSION {
            return Err(refused("server does not recognize this encoded version"));
        }

        let revision = token["rv"].as_u64().filter(|revision| *revision > 0);
        let revision = revision.ok_or_else(|| {
            refused("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
        })?;
        let start = token["start"].as_str().unwrap_or_default();
        let after = start
            .strip_prefix('/')
            .and_then(|start| start.strip_suffix('\0'));
        let after =
            after.ok_or_else(|| refused("encoded start key empty (version meta.k8s.io/v1)"))?;
        Ok(Some(Self {
            revision,
            after: after.to_owned(),
        }))
    }

    fn text(revision: u64, last: &Key, everywhere: bool) -> String {
        let start = if everywhere && !last.namespace().is_empty() {
            format!("/{}/{}\0", last.namespace(), last.name())
        } else {
            format!("/{}\0", last.name())
        };
        TOKENS.encode(json!({"v": VERSION, "rv": revision, "start": start}).to_string())
    }

    /// Returns whether a key is before the page; the namespace is omitted if only one is listed.
    fn is_before(&self, key: &Key, everywhere: bool) -> bool {
        match self.after.split_once('/') {
            Some((namespace, name)) if everywhere => {
                (namespace, name) < (key.namespace(), key.name())
            }
            _ => *self.after < *key.name(),
        }
    }
}

impl Page {
    /// Cuts a page out of all objects and filters it. Whether another page follows is decided
    /// before filtering, so it may be empty.
    pub(crate) fn cut(
        snapshot: Snapshot,
        token: Option<&ContinueToken>,
        options: &ListOptions,
        everywhere: bool,
        is_meant: impl Fn(&Key, &Stored) -> bool,
    ) -> Self {
        let Snapshot {
            revision,
            mut objects,
        } = snapshot;
        if let Some(token) = token {
            let start = objects.partition_point(|(key, _)| !token.is_before(key, everywhere));
            objects.drain(..start);
        }
        let meant = objects
            .iter()
            .enumerate()
            .filter(|(_, (key, stored))| is_meant(key, stored));
        let last = options
            .limit
            .checked_sub(1)
            .and_then(|last| meant.map(|(at, _)| at).nth(last));
        let end = last.map_or(objects.len(), |at| at + 1);
        let more = objects.len() - end;
        objects.truncate(end);
        objects.retain(|(key, stored)| is_meant(key, stored));
        if more == 0 {
            return Self {
                revision,
                objects,
                token: None,
                remaining: None,
            };
        }
        let token = objects
            .last()
            .map(|(last, _)| ContinueToken::text(revision, last, everywhere));
        // With a selector Kubernetes does not report the remaining number.
        let unselected = options.labels.is_empty() && options.fields.0.is_empty();
        Self {
            revision,
            objects,
            token,
            remaining: unselected.then_some(more),
        }
    }
}

/// Returns Go's error for a text that is not JSON.
fn unreadable(bytes: &[u8]) -> String {
    let Some(first) = bytes.first() else {
        return "unexpected end of JSON input".to_owned();
    };
    let shown = if first.is_ascii_graphic() {
        char::from(*first).to_string()
    } else {
        format!("\\u{first:04x}")
    };
    format!("invalid character '{shown}' looking for beginning of value")
}

const VERSION: &str = "meta.k8s.io/v1";
/// As lenient as Go about trailing bits.
const TOKENS: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::stored::Draft;

    fn snapshot(names: &[(&str, &str)]) -> Snapshot {
        let stored = Arc::new(
            Draft::new(
                &json!({"apiVersion": "v1", "kind": "ConfigMap"}),
                Box::default(),
            )
            .at(9),
        );
        let object =
            |(namespace, name): &(&str, &str)| (Key::new(namespace, name), Arc::clone(&stored));
        Snapshot {
            revision: 9,
            objects: names.iter().map(object).collect(),
        }
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let all = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z"), ("c", "a")];
        let options = ListOptions {
            limit: 2,
            ..ListOptions::default()
        };
        let (mut token, mut seen, mut remaining) = (None, Vec::new(), Vec::new());
        loop {
            let page = Page::cut(snapshot(&all), token.as_ref(), &options, true, |_, _| true);
            seen.extend(
                page.objects
                    .iter()
                    .map(|(key, _)| (key.namespace().to_string(), key.name().to_string())),
            );
            remaining.push(page.remaining);
            let Some(next) = page.token else { break };
            token = ContinueToken::read(&next).unwrap();
        }
        assert_eq!(
            seen,
            all.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
        );
        assert_eq!(remaining, [Some(3), Some(1), None]);
    }

    #[test]
    fn within_a_namespace_a_token_names_no_namespace() {
        let options = ListOptions {
            limit: 1,
            ..ListOptions::default()
        };
        let page = Page::cut(
            snapshot(&[("a", "x"), ("a", "y")]),
            None,
            &options,
            false,
            |_, _| true,
        );
        let decoded = TOKENS.decode(page.token.unwrap()).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&decoded).unwrap(),
            json!({"v": VERSION, "rv": 9, "start": "/x\0"})
        );
    }

    #[test]
    fn more_follows_a_full_page_whatever_it_is() {
        let options = ListOptions {
            limit: 1,
            ..ListOptions::default()
        };
        let all = [("a", "x"), ("a", "y"), ("a", "z")];
        let cut = |name: &str| {
            Page::cut(snapshot(&all), None, &options, false, |key, _| {
                key.name() == name
            })
        };
        let names = |page: &Page| {
            page.objects
                .iter()
                .map(|(key, _)| key.name().to_string())
                .collect::<Vec<_>>()
        };
        let page = cut("y");
        assert_eq!(
            (names(&page), page.token.is_some()),
            (vec!["y".to_owned()], true)
        );
        let page = cut("z");
        assert_eq!(
            (names(&page), page.token.is_some()),
            (vec!["z".to_owned()], false)
        );
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let error = |text: &str| ContinueToken::read(text).unwrap_err().message;
        assert!(
            error("garbage").starts_with("invalid continue token: continue key is not valid: ")
        );
        let other = TOKENS.encode("{\"v\":\"v2\",\"rv\":1,\"start\":\"/a\"}");
        assert!(error(&other).ends_with("server does not recognize this encoded version"));
        assert_eq!(ContinueToken::read(""), Ok(None));
    }
}
