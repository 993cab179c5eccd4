//! [`ApiAnswer`]: a response before its HTTP encoding.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, SizeHint};
use lode_admit::Status;
use serde_json::Value;

use crate::wire::negotiate::Output;
use crate::wire::stream::Stream;

/// A response.
pub(crate) struct ApiAnswer {
    pub(crate) code: u16,
    pub(crate) content_type: &'static str,
    /// Warnings; each becomes a header.
    pub(crate) warnings: Vec<String>,
    /// Identifies the body, so that an unchanged one is not sent again.
    pub(crate) etag: Option<String>,
    /// `Retry-After` in seconds; 0 for none.
    pub(crate) retry_after_s: u32,
    pub(crate) body: AnswerBody,
}

/// A body.
pub(crate) enum AnswerBody {
    /// Parts in order.
    Parts(VecDeque<Bytes>),
    /// Parts produced as the client reads them.
    Lazy(Box<dyn Iterator<Item = Bytes> + Send>),
    /// A stream of events.
    Stream(Stream),
}

impl ApiAnswer {
    /// Answers with JSON.
    pub(crate) fn json(code: u16, bytes: impl Into<Bytes>) -> Self {
        Self::parts(code, JSON, [bytes.into()])
    }

    /// Answers with a value.
    pub(crate) fn value(code: u16, value: &Value, output: Output) -> Self {
        if output.yaml {
            return Self::parts(
                code,
                "application/yaml",
                [lode_yaml::to_string(value).into()],
            );
        }
        Self::json(code, value.to_string())
    }

    /// Answers with text.
    pub(crate) fn text(code: u16, text: impl Into<String>) -> Self {
        Self::parts(code, "text/plain; charset=utf-8", [text.into().into()])
    }

    /// Answers with an error.
    pub(crate) fn status(status: &Status) -> Self {
        let retry_after_s = status
            .details
            .as_ref()
            .map_or(0, |details| details.retry_after_s);
        Self {
            retry_after_s,
            ..Self::json(status.code, status.to_value().to_string())
        }
    }

    /// Answers with parts in order.
    pub(crate) fn parts(
        code: u16,
        content_type: &'static str,
        parts: impl IntoIterator<Item = Bytes>,
    ) -> Self {
        let body = AnswerBody::Parts(parts.into_iter().collect());
        Self {
            code,
            content_type,
            warnings: Vec::new(),
            etag: None,
            retry_after_s: 0,
            body,
        }
    }

    /// Answers with JSON produced as the client reads it.
    pub(crate) fn lazy(code: u16, parts: impl Iterator<Item = Bytes> + Send + 'static) -> Self {
        let body = AnswerBody::Lazy(Box::new(parts));
        Self {
            code,
            content_type: JSON,
            warnings: Vec::new(),
            etag: None,
            retry_after_s: 0,
            body,
        }
    }

    /// Answers with a stream of events.
    pub(crate) fn stream(content_type: &'static str, stream: Stream) -> Self {
        let body = AnswerBody::Stream(stream);
        Self {
            code: 200,
            content_type,
            warnings: Vec::new(),
            etag: None,
            retry_after_s: 0,
            body,
        }
    }

    /// Adds warnings.
    pub(crate) fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }

    /// Returns the HTTP response, without its body for a `HEAD`.
    pub(crate) fn response(self, head: bool) -> Response<AnswerBody> {
        let body = if head {
            AnswerBody::Parts(VecDeque::new())
        } else {
            self.body
        };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );

        let etag = self
            .etag
            .and_then(|etag| HeaderValue::from_str(&format!("\"{etag}\"")).ok());
        let cache = if etag.is_some() {
            "public"
        } else {
            "no-cache, private"
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        if let Some(etag) = etag {
            headers.insert(header::ETAG, etag);
            headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        }

        if self.retry_after_s > 0 {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after_s));
        }

        for warning in self.warnings.iter().take(WARNINGS_MAX) {
            if let Ok(value) =
                HeaderValue::from_bytes(format!("299 - {}", quoted(warning)).as_bytes())
            {
                headers.append(header::WARNING, value);
            }
        }
        response
    }
}

/// Quotes a text for a header, escaping line ends, which would end the header.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for next in text.chars() {
        match next {
            '"' | '\\' => out.extend(['\\', next]),
            next if next.is_control() => out.push(' '),
            next => out.push(next),
        }
    }
    out.push('"');
    out
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.get_mut() {
            Self::Parts(parts) => Poll::Ready(parts.pop_front()),
            Self::Lazy(parts) => Poll::Ready(parts.next()),
            Self::Stream(stream) => stream.poll_next(context),
        };
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Parts(parts) if parts.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Parts(parts) => {
                SizeHint::with_exact(parts.iter().map(|part| part.len() as u64).sum())
            }
            Self::Lazy(_) | Self::Stream(_) => SizeHint::default(),
        }
    }
}

const JSON: &str = "application/json";
/// Most warnings per response.
const WARNINGS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_become_headers_that_no_text_can_break() {
        let answer =
            ApiAnswer::text(200, "ok").with_warnings(vec!["unknown field \"a\"\r\nb".to_owned()]);
        let response = answer.response(false);
        assert_eq!(
            response.headers()["warning"],
            "299 - \"unknown field \\\"a\\\"  b\""
        );
        assert_eq!(response.headers()["cache-control"], "no-cache, private");
    }

    #[test]
    fn a_head_has_no_body_and_an_etag_is_public() {
        let mut answer = ApiAnswer::json(200, "{}");
        answer.etag = Some("X".to_owned());
        let response = answer.response(true);
        assert_eq!(
            (
                response.body().size_hint().exact(),
                &response.headers()["etag"]
            ),
            (Some(0), &HeaderValue::from_static("\"X\""))
        );
        assert_eq!(response.headers()["cache-control"], "public");
    }
}
