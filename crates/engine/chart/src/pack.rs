//! Packs charts as Helm does, also with another version, other values or more subcharts.
//!
//! Equal charts give equal bytes: a file that does not say when it was changed has the time zero.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use lode_stdx::budget::Budget;
use tar::{Builder, Header};

use crate::chart::Chart;
use crate::values;

/// Why a chart cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A name that would lead to another folder.
    #[error("{0:?} is not a valid chart name")]
    Name(String),
    /// The schema is no JSON.
    #[error("invalid JSON in values.schema.json")]
    Schema,
    /// It cannot be written.
    #[error("write the chart: {0}")]
    Write(#[from] io::Error),
}

impl Chart {
    /// Returns the text of values.yaml, if there is one.
    #[must_use]
    pub fn values_text(&self) -> Option<&[u8]> {
        self.values_text.as_deref()
    }

    /// Sets the version that templates and records see.
    #[must_use]
    pub fn with_version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.metadata.version);
        self
    }

    /// Sets the name, for a subchart that has an alias.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.metadata.name);
        self
    }

    /// Sets the text of values.yaml.
    ///
    /// # Errors
    /// It is no table, or the budget is exceeded.
    pub fn with_values(
        mut self,
        text: &[u8],
        budget: &Budget,
    ) -> Result<Self, values::ValuesReadError> {
        self.values = Some(values::read(text, budget)?);
        self.values_text = Some(text.into());
        Ok(self)
    }

    /// Adds a subchart.
    #[must_use]
    pub fn with_dependency(mut self, chart: Self) -> Self {
        self.dependencies.push(chart);
        self
    }

    /// Packs the chart with its subcharts.
    ///
    /// # Errors
    /// A name or schema is not valid, or the chart cannot be written.
    pub fn pack(&self, output: impl Write) -> Result<(), PackError> {
        let gzip = GzBuilder::new()
            .comment("Helm")
            .mtime(0)
            .operating_system(OPERATING_SYSTEM)
            .write(output, LEVEL);
        let mut packing = Packing {
            tar: Builder::new(gzip),
        };
        packing.chart(self, "")?;
        packing.tar.into_inner()?.finish()?.flush()?;
        Ok(())
    }
}

/// Compression level. The digest is of the compressed bytes, so this must not change lightly.
const LEVEL: Compression = Compression::new(6);
/// "Unknown", so that the bytes do not depend on the operating system.
const OPERATING_SYSTEM: u8 = 255;
const MODE: u32 = 0o644;

struct Packing<W: Write> {
    tar: Builder<W>,
}

impl<W: Write> Packing<W> {
    /// The depth is that of the chart, which was bounded when it was loaded.
    fn chart(&mut self, chart: &Chart, prefix: &str) -> Result<(), PackError> {
        let name = &chart.metadata.name;
        if name.is_empty() || name.contains(['/', '\\']) || matches!(name.as_str(), "." | "..") {
            return Err(PackError::Name(name.clone()));
        }
        let base = format!("{prefix}{name}/");

        self.head(chart, &base)?;
        for file in chart.templates.iter().chain(&chart.files) {
            self.file(&base, &file.name, &file.data, file.modified)?;
        }
        let inside = format!("{base}charts/");
        for subchart in &chart.dependencies {
            self.chart(subchart, &inside)?;
        }
        Ok(())
    }

    /// Writes the files with a meaning of their own.
    fn head(&mut self, chart: &Chart, base: &str) -> Result<(), PackError> {
        let mut metadata = chart.metadata.clone();
        let is_v2 = metadata.api_version == "v2";
        if metadata.api_version == "v1" {
            // Those of this form are in requirements.yaml.
            metadata.dependencies = None;
        }
        let text = yaml(&metadata)?;
        self.file(base, "Chart.yaml", text.as_bytes(), chart.modified)?;
        if let Some(lock) = chart.lock.as_ref().filter(|_| is_v2) {
            let text = yaml(lock)?;
            self.file(base, "Chart.lock", text.as_bytes(), lock.generated)?;
        }
        if let Some(text) = &chart.values_text {
            self.file(base, "values.yaml", text, None)?;
        }
        if let Some(schema) = &chart.schema {
            let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(schema).is_ok();
            if !is_json {
                return Err(PackError::Schema);
            }
            self.file(base, "values.schema.json", schema, chart.schema_modified)?;
        }
        Ok(())
    }

    fn file(
        &mut self,
        base: &str,
        name: &str,
        data: &[u8],
        modified: Option<Timestamp>,
    ) -> io::Result<()> {
        let seconds = modified.map_or(0, Timestamp::as_second);
        let mut header = Header::new_gnu();
        header.set_mode(MODE);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(u64::try_from(seconds).unwrap_or_default());
        header.set_size(data.len() as u64);
        self.tar
            .append_data(&mut header, format!("{base}{name}"), data)
    }
}

/// Writes a value as YAML with sorted keys.
fn yaml<T: serde::Serialize>(value: &T) -> io::Result<String> {
    let value = serde_json::to_value(value).map_err(io::Error::other)?;
    Ok(lode_yaml::to_string(&value))
}

#[cfg(test)]
mod tests {
    use lode_tree::{RepoPath, Tree};

    use super::*;
    use crate::file::ChartFile;
    use crate::load::LoadError;
    use crate::metadata::Metadata;

    fn chart(files: &[(&str, &str)]) -> Chart {
        let files = files.iter();
        let files = files.map(|(name, text)| ChartFile::new(*name, text.as_bytes()));
        Chart::from_files(files.collect(), &Budget::unlimited()).unwrap()
    }

    fn packed(chart: &Chart) -> Vec<u8> {
        let mut bytes = Vec::new();
        chart.pack(&mut bytes).unwrap();
        bytes
    }

    fn again(chart: &Chart) -> Chart {
        Chart::from_archive(&packed(chart), &Budget::unlimited()).unwrap()
    }

    const CHART_YAML: &str = "name: web\napiVersion: v2\nversion: 1.0.0\ndescription: a b\ndependencies:\n- name: lib\n  version: 1.x\n";

    fn web() -> Chart {
        chart(&[
            ("Chart.yaml", CHART_YAML),
            ("values.yaml", "# comment\na: 1\n"),
            ("values.schema.json", "{}"),
            ("templates/a.yaml", "x"),
            ("crds/b.yaml", "y"),
            (
                "charts/lib/Chart.yaml",
                "apiVersion: v2\nname: lib\nversion: 1.2.3\n",
            ),
        ])
    }

    #[test]
    fn what_is_packed_loads_again() {
        let (before, after) = (web(), again(&web()));
        assert_eq!(before.metadata(), after.metadata());
        assert_eq!(after.values_text(), Some(&b"# comment\na: 1\n"[..]));
        assert_eq!(after.values(), before.values());
        assert_eq!(&*after.templates()[0].name, "templates/a.yaml");
        assert_eq!(&*after.files()[0].data, b"y");
        assert_eq!(after.dependencies()[0].name(), "lib");
        assert_eq!(packed(&before), packed(&after));
    }

    #[test]
    fn what_it_is_called_is_read_without_loading_it() {
        let budget = Budget::unlimited();
        let read = Metadata::from_archive(&packed(&web()), &budget).unwrap();
        assert_eq!(&read, web().metadata());
        let tree = Tree::from_iter([
            ("web/Chart.yaml", "name: web\nversion: 1.0.0\n"),
            ("web/requirements.yaml", "dependencies:\n- name: lib\n"),
            ("web/values.yaml", "["),
        ]);
        let at = |path| RepoPath::parse(path).unwrap();
        let read = Metadata::from_folder(&tree, &at("web"), &budget).unwrap();
        assert_eq!((&*read.name, read.declared().len()), ("web", 1));
        let missing = Metadata::from_folder(&tree, &at("nothere"), &budget);
        assert!(matches!(missing, Err(LoadError::NoChartYaml)));
        let text = Metadata::from_archive(b"text", &budget).unwrap_err();
        assert!(text.to_string().ends_with("gzip: invalid header"), "{text}");
    }

    #[test]
    fn a_package_may_have_another_version_values_and_subcharts() {
        let budget = Budget::unlimited();
        let more = chart(&[("Chart.yaml", "apiVersion: v2\nname: db\nversion: 0.1.0\n")]);
        let changed = web()
            .with_version("1.0.0+4d11580cae93")
            .with_values(b"b: 2\n", &budget)
            .unwrap()
            .with_dependency(more.with_name("store"));
        let after = again(&changed);
        assert_eq!(after.metadata().version, "1.0.0+4d11580cae93");
        assert_eq!(after.values_text(), Some(&b"b: 2\n"[..]));
        let names: Vec<_> = after.dependencies().iter().map(Chart::name).collect();
        assert_eq!(names, ["lib", "store"]);
        assert!(web().with_values(b"[]", &budget).is_err());
    }

    #[test]
    fn dependencies_of_the_first_form_stay_in_their_own_file() {
        let old = chart(&[
            ("Chart.yaml", "name: web\nversion: 1.0.0\n"),
            (
                "requirements.yaml",
                "dependencies:\n- name: lib\n  version: 1.x\n",
            ),
        ]);
        let after = again(&old);
        assert_eq!(after.metadata().declared().len(), 1);
        assert_eq!(packed(&old), packed(&after));
    }

    #[test]
    fn what_no_folder_can_be_called_is_refused() {
        for name in ["..", "a/b", "a\\b", ""] {
            let error = web().with_name(name).pack(io::sink()).unwrap_err();
            assert!(matches!(error, PackError::Name(_)), "{name}");
        }
        let bad = chart(&[("Chart.yaml", CHART_YAML), ("values.schema.json", "{")]);
        assert!(matches!(bad.pack(io::sink()), Err(PackError::Schema)));
    }
}
