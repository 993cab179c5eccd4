//! [`Download`]: bytes from the network, in a file without a name.
//!
//! What comes may be large, so it is never in memory as a whole. Writing may block, so it happens on a thread for that,
//! a piece at a time.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};

use lode_api::reasons;
use lode_runtime::Failure;
use lode_store::Store;

use crate::step::{self, broken};

/// Bytes that are written at once.
const PIECE: usize = 1 << 20;

/// Bytes from the network, in a file without a name.
pub(crate) struct Download {
    file: Option<File>,
    /// What is not written yet.
    rest: Vec<u8>,
}

impl Download {
    /// Creates the file.
    pub(crate) fn begin(store: &Store) -> Result<Self, Failure> {
        let file = store.temporary().map_err(|error| failed(&error))?;
        Ok(Self {
            file: Some(file),
            rest: Vec::new(),
        })
    }

    /// Adds bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.rest.extend_from_slice(bytes);
        if self.rest.len() < PIECE {
            return Ok(());
        }
        self.flush().await
    }

    /// Returns the file, to be read from its beginning.
    pub(crate) async fn end(mut self) -> Result<File, Failure> {
        self.flush().await?;
        let mut file = self.file.take().ok_or_else(lost)?;
        file.rewind().map_err(|error| failed(&error))?;
        Ok(file)
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        let mut file = self.file.take().ok_or_else(lost)?;
        let rest = std::mem::take(&mut self.rest);
        let written = tokio::task::spawn_blocking(move || {
            file.write_all(&rest)?;
            Ok::<_, io::Error>(file)
        });
        let written = written
            .await
            .map_err(broken(step::store, reasons::COPY_FAILURE))?;
        self.file = Some(written.map_err(|error| failed(&error))?);
        Ok(())
    }
}

/// A file that was lost by a write that ended early.
fn lost() -> Failure {
    broken(step::store, reasons::COPY_FAILURE)(())
}

fn failed(error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ": make room below --storage-path, or give it a larger volume"
        }
        _ => "",
    };
    let text = format!("failed to keep what was downloaded: {error}{hint}");
    step::store(reasons::COPY_FAILURE, text)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[tokio::test]
    async fn all_bytes_come_back_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut download = Download::begin(&store).unwrap();
        let bytes: Vec<u8> = (0..PIECE * 2).map(|n| n.to_le_bytes()[1]).collect();
        for piece in bytes.chunks(100_000) {
            download.write(piece).await.unwrap();
        }
        let mut read = Vec::new();
        let mut file = download.end().await.unwrap();
        file.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }
}
