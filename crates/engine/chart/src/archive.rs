//! Unpacks a packed chart: tar, compressed by gzip.
//!
//! Names are judged as in Helm: the first part of each is the chart's folder, and none may lead out
//! of it. Helm's bounds on the size of a file and of the whole archive hold, and everything read is
//! charged to a budget, so that no archive costs more than its bounds say. Links and devices are
//! refused, in Helm they become empty files.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use lode_stdx::budget::{Budget, Exceeded};
use lode_stdx::read::Bounded;
use tar::EntryType;

use crate::file::ChartFile;

/// Largest file of a chart, in bytes.
pub const FILE_MAX: u64 = 5 << 20;
/// Largest chart, in bytes of all its files.
pub const ARCHIVE_MAX: u64 = 100 << 20;

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Not compressed by gzip.
    #[error("not a packed chart: gzip: invalid header")]
    NotGzip,
    /// Damaged.
    #[error("read the archive: {0}")]
    Read(#[source] io::Error),
    /// There are no files.
    #[error("no files in chart archive")]
    Empty,
    /// A name that begins with `/` after the chart's folder.
    #[error("chart illegally contains absolute paths")]
    Absolute,
    /// A file that is not in a folder.
    #[error("chart illegally contains content outside the base directory: {0:?}")]
    Outside(String),
    /// A name with `..`.
    #[error("chart illegally references parent directory")]
    Parent,
    /// A name with a drive.
    #[error("chart contains illegally named files")]
    Drive,
    /// A folder that has the name of Chart.yaml.
    #[error("chart yaml not in base directory")]
    ChartYamlFolder,
    /// A link, a device or a file with holes.
    #[error("chart archive contains {name:?}, which is not a regular file")]
    Irregular {
        /// Its name.
        name: String,
    },
    /// A file that is too large.
    #[error("decompressed chart file {name:?} is larger than the maximum file size {limit}")]
    FileTooLarge {
        /// Its name.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The files together are too large.
    #[error("decompressed chart is larger than the maximum size {limit}")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The budget is exceeded.
    #[error("unpacking {0}")]
    Exceeded(#[from] Exceeded),
}

/// Unpacks an archive and returns its files in their order.
pub(crate) fn unpack(bytes: &[u8], budget: &Budget) -> Result<Vec<ChartFile>, ArchiveError> {
    let files = unpack_bounded(bytes, &|_| true, [FILE_MAX, ARCHIVE_MAX], budget)?;
    if files.is_empty() {
        return Err(ArchiveError::Empty);
    }
    Ok(files)
}

/// Unpacks the files of an archive that are wanted; all others are checked only.
pub(crate) fn unpack_some(
    bytes: &[u8],
    is_wanted: &dyn Fn(&str) -> bool,
    budget: &Budget,
) -> Result<Vec<ChartFile>, ArchiveError> {
    unpack_bounded(bytes, is_wanted, [FILE_MAX, ARCHIVE_MAX], budget)
}

fn unpack_bounded(
    bytes: &[u8],
    is_wanted: &dyn Fn(&str) -> bool,
    [file_max, archive_max]: [u64; 2],
    budget: &Budget,
) -> Result<Vec<ChartFile>, ArchiveError> {
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Err(ArchiveError::NotGzip);
    }
    // Besides the files there are headers and padding.
    let stream = Bounded::new(MultiGzDecoder::new(bytes), archive_max.saturating_mul(2));
    let mut archive = tar::Archive::new(Charged { stream, budget });

    let mut unpacking = Unpacking {
        file_max,
        archive_max,
        left: archive_max,
        is_wanted,
        files: Vec::new(),
        budget,
    };
    let mut extension = Extension::default();
    for entry in archive.entries().map_err(failed)?.raw(true) {
        let mut entry = entry.map_err(failed)?;
        match entry.header().entry_type() {
            EntryType::XHeader => extension.read_pax(&special(&mut entry)?),
            EntryType::GNULongName => extension.name = Some(special(&mut entry)?),
            EntryType::GNULongLink | EntryType::XGlobalHeader => {}
            _ => unpacking.entry(&mut entry, std::mem::take(&mut extension))?,
        }
    }

    Ok(unpacking.files)
}

/// Files that were unpacked, and what more may follow.
struct Unpacking<'b> {
    file_max: u64,
    archive_max: u64,
    left: u64,
    is_wanted: &'b dyn Fn(&str) -> bool,
    files: Vec<ChartFile>,
    budget: &'b Budget,
}

impl Unpacking<'_> {
    /// Unpacks a file; folders are skipped.
    fn entry<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        extension: Extension,
    ) -> Result<(), ArchiveError> {
        let kind = entry.header().entry_type();
        let name = extension
            .name
            .unwrap_or_else(|| entry.path_bytes().into_owned());
        let name = String::from_utf8_lossy(&name);
        let name = name.trim_end_matches('\0');
        if kind.is_dir() || name.ends_with('/') {
            return Ok(());
        }
        let path = path_of(name)?;
        if !matches!(kind, EntryType::Regular | EntryType::Continuous) {
            return Err(ArchiveError::Irregular {
                name: name.to_owned(),
            });
        }

        let size = entry.size();
        self.charge(name, size)?;
        if !(self.is_wanted)(&path) {
            return Ok(());
        }
        self.budget.bytes(size.saturating_add(path.len() as u64))?;
        let mut file = ChartFile::new(path, &content(entry, size)?);
        let header_time = entry.header().mtime().ok().and_then(second);
        file.modified = extension.modified.or(header_time);
        self.files.push(file);
        Ok(())
    }

    fn charge(&mut self, name: &str, size: u64) -> Result<(), ArchiveError> {
        self.budget.nodes(1)?;
        let left = self.left.checked_sub(size).filter(|left| *left > 0);
        self.left = left.ok_or(ArchiveError::TooLarge {
            limit: self.archive_max,
        })?;
        if size > self.file_max {
            return Err(ArchiveError::FileTooLarge {
                name: name.to_owned(),
                limit: self.file_max,
            });
        }
        Ok(())
    }
}

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Longest name or list of attributes that an entry may have, as in Go.
const SPECIAL_MAX: u64 = 1 << 20;
/// Bytes decompressed for one step.
const BYTES_PER_STEP: u64 = 64;

/// A reader whose work is charged.
struct Charged<'b, R> {
    stream: R,
    budget: &'b Budget,
}

impl<R: Read> Read for Charged<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        let steps = count as u64 / BYTES_PER_STEP + 1;
        self.budget.steps(steps).map_err(io::Error::other)?;
        Ok(count)
    }
}

/// What entries before an entry say about it.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    modified: Option<Timestamp>,
}

impl Extension {
    fn read_pax(&mut self, records: &[u8]) {
        for record in tar::PaxExtensions::new(records).flatten() {
            match (record.key(), record.value()) {
                (Ok("path"), _) => self.name = Some(record.value_bytes().to_owned()),
                (Ok("mtime"), Ok(value)) => self.modified = fraction(value),
                _ => {}
            }
        }
    }
}

fn special(entry: &mut impl Read) -> Result<Vec<u8>, ArchiveError> {
    lode_stdx::read::all(entry, SPECIAL_MAX).map_err(|error| match error {
        lode_stdx::read::Error::Io(error) => failed(error),
        error => ArchiveError::Read(io::Error::other(error)),
    })
}

fn content(entry: &mut impl Read, size: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(FILE_MAX)).unwrap_or_default());
    entry
        .take(FILE_MAX)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if (bytes.len() as u64) < size {
        return Err(ArchiveError::Read(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(bytes)
}

fn failed(error: io::Error) -> ArchiveError {
    let mut source = error
        .get_ref()
        .map(|source| source as &(dyn std::error::Error + 'static));
    while let Some(cause) = source {
        if let Some(exceeded) = cause.downcast_ref::<Exceeded>() {
            return ArchiveError::Exceeded(*exceeded);
        }
        source = cause.source();
    }
    ArchiveError::Read(error)
}

fn second(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

/// Parses seconds with a fraction.
fn fraction(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanos = format!("{fraction:0<9}");
    Timestamp::new(seconds.parse().ok()?, nanos.get(..9)?.parse().ok()?).ok()
}

/// Returns the path of an entry below the chart's folder.
fn path_of(name: &str) -> Result<String, ArchiveError> {
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (folder, rest) = name.split_once(delimiter).unwrap_or((name, ""));
    let rest = rest.replace(delimiter, "/");
    if rest.starts_with('/') {
        return Err(ArchiveError::Absolute);
    }

    let path = lode_tree::cleaned(&rest);
    if path.is_empty() {
        return Err(ArchiveError::Outside(name.to_owned()));
    }
    if path.starts_with("..") {
        return Err(ArchiveError::Parent);
    }
    if has_drive(&path) {
        return Err(ArchiveError::Drive);
    }
    if folder == "Chart.yaml" {
        return Err(ArchiveError::ChartYamlFolder);
    }
    Ok(path)
}

fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use lode_stdx::budget::Limits;
    use tar::{Builder, Header};

    use super::*;

    fn header(kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mtime(60);
        header.set_mode(0o644);
        header
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Packs entries whose names need not be valid.
    fn packed(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (kind, name, data) in entries {
            let mut header = header(*kind, data.len() as u64);
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *data).unwrap();
        }
        gzip(&builder.into_inner().unwrap())
    }

    fn unpack_all(archive: &[u8]) -> Result<Vec<ChartFile>, ArchiveError> {
        unpack(archive, &Budget::unlimited())
    }

    fn refused(name: &str) -> String {
        let archive = packed(&[(EntryType::Regular, name, b"x")]);
        unpack_all(&archive).unwrap_err().to_string()
    }

    #[test]
    fn files_lose_the_charts_folder() {
        let archive = packed(&[
            (EntryType::XGlobalHeader, "pax_global_header", b""),
            (EntryType::Directory, "web/", b""),
            (EntryType::Regular, "web/Chart.yaml", "\u{feff}a".as_bytes()),
            (EntryType::Regular, "web\\templates\\a.yaml", b"b"),
            (EntryType::Regular, "web/./x/../b", b"c"),
        ]);
        let files = unpack_all(&archive).unwrap();
        let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
        assert_eq!(names, ["Chart.yaml", "templates/a.yaml", "b"]);
        assert_eq!(&*files[0].data, b"a");
        assert_eq!(files[0].modified.unwrap().as_second(), 60);
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        for (name, want) in [
            ("web//etc/passwd", "chart illegally contains absolute paths"),
            ("web/../../a", "chart illegally references parent directory"),
            ("web/..a", "chart illegally references parent directory"),
            ("web/c:/a", "chart contains illegally named files"),
            (
                "Chart.yaml",
                "chart illegally contains content outside the base directory: \"Chart.yaml\"",
            ),
            ("Chart.yaml/a", "chart yaml not in base directory"),
        ] {
            assert_eq!(refused(name), want);
        }
    }

    #[test]
    fn links_and_devices_are_refused() {
        for kind in [
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Char,
            EntryType::GNUSparse,
        ] {
            let archive = packed(&[(kind, "web/a", b"")]);
            let error = unpack_all(&archive).unwrap_err();
            assert!(
                matches!(error, ArchiveError::Irregular { .. }),
                "{kind:?}: {error}"
            );
        }
    }

    #[test]
    fn long_names_and_attributes_are_read() {
        let long = format!("web/{}", "a/".repeat(100) + "b");
        let mut builder = Builder::new(Vec::new());
        let mut file = header(EntryType::Regular, 1);
        builder.append_data(&mut file, &long, &b"x"[..]).unwrap();
        let pax = b"22 path=web/renamed.x\n27 mtime=1700000000.123456\n".as_slice();
        let mut attributes = header(EntryType::XHeader, pax.len() as u64);
        attributes.set_path("pax").unwrap();
        attributes.set_cksum();
        builder.append(&attributes, pax).unwrap();
        builder
            .append_data(&mut file, "web/short", &b"y"[..])
            .unwrap();

        let files = unpack_all(&gzip(&builder.into_inner().unwrap())).unwrap();
        assert_eq!(&*files[0].name, &long[4..]);
        assert_eq!(&*files[1].name, "renamed.x");
        let modified = files[1].modified.unwrap().to_string();
        assert_eq!(modified, "2023-11-14T22:13:20.123456Z");
    }

    #[test]
    fn sizes_have_helms_bounds() {
        let unpack = |archive: &[u8]| {
            unpack_bounded(archive, &|_| true, [1000, 20_000], &Budget::unlimited())
        };
        let large = [0; 1001];
        let archive = packed(&[(EntryType::Regular, "web/a", &large)]);
        let error = unpack(&archive).unwrap_err().to_string();
        assert_eq!(
            error,
            "decompressed chart file \"web/a\" is larger than the maximum file size 1000"
        );

        let file = (EntryType::Regular, "web/a", &large[1..]);
        let error = unpack(&packed(&[file; 20])).unwrap_err().to_string();
        assert_eq!(
            error,
            "decompressed chart is larger than the maximum size 20000"
        );
        assert_eq!(unpack(&packed(&[file; 19])).unwrap().len(), 19);
    }

    #[test]
    fn what_is_skipped_costs_as_well() {
        // A folder may have content, which takes time to skip.
        let zeros = vec![0; 100_000];
        let archive = packed(&[(EntryType::Directory, "web/", zeros.as_slice()); 3]);
        let budget = Budget::new(Limits {
            steps: 4_000,
            ..Limits::UNLIMITED
        });
        let error = unpack(&archive, &budget).unwrap_err().to_string();
        assert_eq!(error, "unpacking needs more than 4000 steps, the limit");
    }

    #[test]
    fn damage_is_an_error() {
        assert!(matches!(
            unpack_all(b"apiVersion: v2"),
            Err(ArchiveError::NotGzip)
        ));
        assert!(matches!(unpack_all(&gzip(&[])), Err(ArchiveError::Empty)));
        let mut archive = packed(&[(EntryType::Regular, "web/a", b"xyz")]);
        archive.truncate(archive.len() / 2);
        assert!(matches!(unpack_all(&archive), Err(ArchiveError::Read(_))));
        let noise = gzip(&[7; 2048]);
        assert!(matches!(unpack_all(&noise), Err(ArchiveError::Read(_))));
    }
}
