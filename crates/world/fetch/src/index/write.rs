//! [`IndexFile`]: the JSON of an index, as Go writes it, streamed from a file without a name.
//!
//! Entries are written in the order of the text, and read in the order of the result: by name, the newest version first.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Map, Value};

use super::entry;
use super::error::{IndexError, Misfit};
use super::shape::{ENTRY, HEAD, IndexField, IndexShape, TAIL};

/// Indentation of an entry in the index.
const ENTRY_INDENT: &str = "      ";
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Where the JSON of an entry is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    offset: u64,
    length: u64,
}

/// The entries that were written.
pub(super) struct EntryFile {
    file: BufWriter<File>,
    written: u64,
    limit: u64,
}

/// The JSON of an index. It is read once, from the beginning to the end.
#[derive(Debug)]
pub struct IndexFile {
    file: File,
    pieces: std::vec::IntoIter<Piece>,
    current: Option<(Piece, u64)>,
    size: u64,
}

#[derive(Debug)]
enum Piece {
    Text(Box<[u8]>),
    Entry(Span),
}

impl EntryFile {
    pub(super) fn create(folder: &Path, limit: u64) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(CHUNK, tempfile::tempfile_in(folder)?),
            written: 0,
            limit,
        })
    }

    /// Adds an entry in its shape.
    pub(super) fn add(&mut self, entry: &Map<String, Value>) -> Result<Span, IndexError> {
        let IndexShape::Table(fields) = ENTRY else {
            return Ok(Span::default());
        };
        let text = ordered(entry, fields)?.replace('\n', &format!("\n{ENTRY_INDENT}"));
        let span = Span {
            offset: self.written,
            length: text.len() as u64,
        };
        self.written = self.written.saturating_add(span.length);
        if self.written > self.limit {
            return Err(IndexError::TooLarge { limit: self.limit });
        }
        self.file.write_all(text.as_bytes())?;
        Ok(span)
    }

    /// Puts the index together, given the parts that are no entries.
    pub(super) fn finish(
        self,
        rest: &Map<String, Value>,
        charts: &[(Box<str>, Vec<Span>)],
    ) -> Result<IndexFile, IndexError> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        let mut pieces = Pieces::default();
        pieces.text("{\n");
        pieces.fields(rest, HEAD)?;
        pieces.text("  \"entries\": ");
        pieces.charts(charts)?;
        let tail = entry::fields(rest, TAIL).map_err(IndexError::Form)?;
        if !tail.is_empty() {
            pieces.text(",\n");
            pieces.fields(rest, TAIL)?;
            pieces.trim(",\n");
        }
        pieces.text("\n}");
        Ok(pieces.into_file(file))
    }
}

/// The parts of an index in their order.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    text: String,
    size: u64,
}

impl Pieces {
    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn trim(&mut self, end: &str) {
        let length = self.text.trim_end_matches(end).len();
        self.text.truncate(length);
    }

    /// Writes the fields that are there, each with a comma behind it.
    fn fields(
        &mut self,
        rest: &Map<String, Value>,
        fields: &[IndexField],
    ) -> Result<(), IndexError> {
        let shaped = entry::fields(rest, fields).map_err(IndexError::Form)?;
        for field in fields {
            if let Some(value) = shaped.get(field.name) {
                let text = go_json(value)?.replace('\n', "\n  ");
                self.text(&format!("  \"{}\": {text},\n", field.name));
            }
        }
        Ok(())
    }

    fn charts(&mut self, charts: &[(Box<str>, Vec<Span>)]) -> Result<(), IndexError> {
        if charts.is_empty() {
            self.text("{}");
            return Ok(());
        }
        self.text("{\n");
        for (at, (name, spans)) in charts.iter().enumerate() {
            let comma = if at == 0 { "" } else { ",\n" };
            let name = go_json(&Value::from(&**name))?;
            self.text(&format!("{comma}    {name}: "));
            self.versions(spans);
        }
        self.text("\n  }");
        Ok(())
    }

    fn versions(&mut self, spans: &[Span]) {
        if spans.is_empty() {
            self.text("[]");
            return;
        }
        self.text("[\n");
        for (at, span) in spans.iter().enumerate() {
            let comma = if at == 0 { "" } else { ",\n" };
            self.text(&format!("{comma}{ENTRY_INDENT}"));
            self.entry(*span);
        }
        self.text("\n    ]");
    }

    fn entry(&mut self, span: Span) {
        self.flush();
        self.size = self.size.saturating_add(span.length);
        self.done.push(Piece::Entry(span));
    }

    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.text).into_bytes();
        self.size = self.size.saturating_add(text.len() as u64);
        self.done.push(Piece::Text(text.into()));
    }

    fn into_file(mut self, file: File) -> IndexFile {
        self.flush();
        IndexFile {
            file,
            pieces: self.done.into_iter(),
            current: None,
            size: self.size,
        }
    }
}

impl IndexFile {
    /// Returns how many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for IndexFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let (piece, taken) = match self.current.take() {
                Some(current) => current,
                None => match self.pieces.next() {
                    Some(piece) => (piece, 0),
                    None => return Ok(0),
                },
            };
            let count = match &piece {
                Piece::Text(text) => {
                    let rest = text.get(taken as usize..).unwrap_or_default();
                    let count = rest.len().min(out.len());
                    out[..count].copy_from_slice(&rest[..count]);
                    count
                }
                Piece::Entry(span) => {
                    let left = span.length.saturating_sub(taken);
                    let count = (out.len() as u64).min(left) as usize;
                    self.file
                        .read_exact_at(&mut out[..count], span.offset + taken)?;
                    count
                }
            };
            if count > 0 {
                self.current = Some((piece, taken + count as u64));
                return Ok(count);
            }
            if out.is_empty() {
                self.current = Some((piece, taken));
                return Ok(0);
            }
        }
    }
}

/// Returns the JSON of a table whose fields are in the order of a list, also those of tables in it.
fn ordered(table: &Map<String, Value>, fields: &[IndexField]) -> Result<String, IndexError> {
    let mut parts = Vec::new();
    for field in fields {
        let Some(value) = table.get(field.name) else {
            continue;
        };
        let text = of_shape(value, &field.shape)?.replace('\n', "\n  ");
        parts.push(format!("  \"{}\": {text}", field.name));
    }
    if parts.is_empty() {
        return Ok("{}".to_owned());
    }
    Ok(format!("{{\n{}\n}}", parts.join(",\n")))
}

fn of_shape(value: &Value, shape: &IndexShape) -> Result<String, IndexError> {
    match (shape, value) {
        (IndexShape::Table(fields), Value::Object(table)) => ordered(table, fields),
        (IndexShape::List(item), Value::Array(items)) if !items.is_empty() => {
            let items = items.iter().map(|value| {
                let text = of_shape(value, item)?.replace('\n', "\n  ");
                Ok(format!("  {text}"))
            });
            let items: Vec<String> = items.collect::<Result<_, IndexError>>()?;
            Ok(format!("[\n{}\n]", items.join(",\n")))
        }
        (_, value) => go_json(value),
    }
}

/// Returns a value as Go's indented JSON.
fn go_json(value: &Value) -> Result<String, IndexError> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Go::default());
    let misfit = |_| {
        IndexError::Form(Misfit {
            chart: String::new(),
            field: "index".to_owned(),
            want: "what JSON can express",
        })
    };
    value.serialize(&mut serializer).map_err(misfit)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Indents by two blanks, and escapes what HTML or JavaScript would misread, as Go does.
#[derive(Default)]
struct Go(PrettyFormatter<'static>);

impl Formatter for Go {
    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }

    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let is_escaped = |letter| matches!(letter, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        for piece in fragment.split_inclusive(is_escaped) {
            let last = piece
                .chars()
                .next_back()
                .filter(|letter| is_escaped(*letter));
            let plain = piece.trim_end_matches(is_escaped);
            writer.write_all(plain.as_bytes())?;
            if let Some(letter) = last {
                write!(writer, "\\u{:04x}", u32::from(letter))?;
            }
        }
        Ok(())
    }
}
