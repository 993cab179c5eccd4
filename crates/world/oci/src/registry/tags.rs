//! The tags of a repository, page by page.

use serde::Deserialize;
use url::Url;

use super::failed::outbound;
use super::{Ask, Registry};
use crate::error::Error;

/// Most tags of a repository.
const TAGS_MAX: usize = 200_000;
/// Most pages that they come in.
const PAGES_MAX: usize = 1000;
/// Largest page, in bytes.
const PAGE_BYTES_MAX: u64 = 16 << 20;
/// Most bytes of all tags together.
const BYTES_MAX: usize = 32 << 20;
/// Tags that are asked for at once.
const PAGE: &str = "n=1000";

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Registry {
    /// Returns all tags, in the order of the registry.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn tags(&mut self) -> Result<Vec<String>, Error> {
        let mut tags: Vec<String> = Vec::new();
        let mut bytes = 0_usize;
        let mut ask = Ask {
            query: Some(PAGE.to_owned()),
            ..Ask::get("tags/list".to_owned())
        };
        for _ in 0..PAGES_MAX {
            let answer = self.send(&ask).await?;
            let next = answer.header("link").and_then(next).map(str::to_owned);
            let url = answer.url.clone();
            let body = answer.bytes("a list of tags", PAGE_BYTES_MAX).await;
            let body = body.map_err(|source| outbound(&ask.method, &url, source))?;
            let page: Page = serde_json::from_slice(&body)
                .map_err(|_| self.unexpected("the list of tags has another form"))?;

            let page = page.tags.unwrap_or_default();
            bytes = page
                .iter()
                .fold(bytes, |sum, tag| sum.saturating_add(tag.len()));
            if tags.len().saturating_add(page.len()) > TAGS_MAX || bytes > BYTES_MAX {
                return Err(self.unexpected("there are more than 200000 tags, or 32 MiB of them"));
            }
            tags.extend(page);
            match next {
                Some(next) => ask = self.page(&url, &next)?,
                None => return Ok(tags),
            }
        }
        Err(self.unexpected("the list of tags has more than 1000 pages"))
    }

    /// Returns the request for another page: it must be of the same list, because it gets the credentials.
    fn page(&self, from: &Url, link: &str) -> Result<Ask, Error> {
        let elsewhere = || self.unexpected("the next page of tags is elsewhere");
        let to = from.join(link).map_err(|_| elsewhere())?;
        if to.origin() != from.origin() || to.path() != from.path() {
            return Err(elsewhere());
        }
        let query = to.query().ok_or_else(elsewhere)?;
        Ok(Ask {
            query: Some(query.to_owned()),
            ..Ask::get("tags/list".to_owned())
        })
    }
}

/// Returns the target of the link with the relation `next`.
fn next(header: &str) -> Option<&str> {
    let mut links = header.split(',').filter_map(|link| link.split_once('>'));
    let (target, _) =
        links.find(|(_, about)| about.replace(['"', ' '], "").contains("rel=next"))?;
    target.trim().strip_prefix('<')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_link_of_that_name() {
        for (header, expected) in [
            (
                "</v2/a/tags/list?n=1&last=x>; rel=\"next\"",
                Some("/v2/a/tags/list?n=1&last=x"),
            ),
            ("</prev>; rel=prev, </next>; rel=next", Some("/next")),
            ("</prev>; rel=\"prev\"", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(next(header), expected, "{header}");
        }
    }
}
