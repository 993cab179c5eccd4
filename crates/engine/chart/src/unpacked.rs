//! [`unpacked()`]: the files of a packed chart, as if they had been unpacked into a folder.

use lode_stdx::Digest;
use lode_stdx::budget::Budget;
use lode_tree::{Blob, Entry, PathError, RepoPath, Tree};

use crate::archive;
use crate::load;
use crate::metadata::Metadata;

/// Why a chart is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive is refused.
    #[error("{0}")]
    Archive(#[from] archive::ArchiveError),
    /// Chart.yaml is.
    #[error("{0}")]
    Chart(#[from] load::LoadError),
    /// No folder can have the name of the chart or of a file.
    #[error("{0}")]
    Path(#[from] PathError),
}

/// Returns the files of a packed chart, in a folder with the chart's name.
///
/// # Errors
/// The archive or Chart.yaml is refused, no folder can have the name, or the budget is exceeded.
pub fn unpacked(bytes: &[u8], budget: &Budget) -> Result<Tree, UnpackError> {
    let name = Metadata::from_archive(bytes, budget)?.name;
    let folder = RepoPath::parse(&name)?;
    let mut tree = Tree::default();
    for file in archive::unpack(bytes, budget)? {
        let blob = Blob {
            id: *Digest::of(&file.data).as_bytes(),
            bytes: file.data,
        };
        tree.insert(
            folder.join(&file.name)?,
            Entry::File {
                blob,
                executable: false,
            },
        );
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chart, ChartFile};

    #[test]
    fn a_packed_chart_is_a_folder_with_its_name() {
        let budget = Budget::unlimited();
        let files = vec![
            ChartFile::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.0.0\n"),
            ChartFile::new("values.yaml", b"a: 1\n"),
            ChartFile::new("templates/a.yaml", b"kind: A\n"),
        ];
        let chart = Chart::from_files(files, &budget).unwrap();
        let mut packed = Vec::new();
        chart.pack(&mut packed).unwrap();
        let tree = unpacked(&packed, &budget).unwrap();
        let again = Chart::from_folder(&tree, &RepoPath::parse("web").unwrap(), &budget).unwrap();
        assert_eq!(again.metadata().version, "1.0.0");
        assert_eq!(again.templates().len(), 1);
        assert!(unpacked(b"nonsense", &budget).is_err());
    }
}
