//! Brings the dependencies that a chart in a folder declares but does not hold.
//!
//! One with a `file://` address is a chart of the same source. Any other is looked up in its repository, with the
//! credentials of the first `HelmRepository` of the namespace that has the same URL, else anonymously.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use lode_api::{HelmRepository, SourceStatus as _};
use lode_chart::{Chart, Dependency};
use lode_fetch::{ChartShelf, TaggedCharts};
use lode_runtime::Failure;
use lode_stdx::budget::Budget;
use lode_stdx::semver::{Range, Version};
use lode_tree::{Child, RepoPath, Tree};

use super::failure::BuildStep;
use super::folder::{child, load};
use super::gather::{ChartWorld, OCI};
use super::remote::{PackMeans, unread};
use super::values::within;
use crate::helm_access::HelmAccess;
use crate::helm_repository::fetch;

/// Timeout of a repository that no object describes.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Most dependencies that are brought for one chart.
const ADDED_MAX: usize = 128;
/// What an address begins with that is a path in the same source.
const FILE: &str = "file://";

/// A dependency that is to be added to a chart.
pub(crate) struct AddedDependency {
    /// Alias or name.
    name: String,
    dependency: Dependency,
    /// The package; a chart of the same source has none.
    bytes: Option<Vec<u8>>,
}

/// Returns the dependencies that a chart declares and does not hold, by alias or name.
pub(crate) fn missing(chart: &Chart) -> BTreeMap<String, Dependency> {
    let locked = chart.lock();
    let declared = match locked {
        Some(lock) => lock.dependencies.as_deref().unwrap_or_default(),
        None => chart.metadata().declared(),
    };
    let held = chart.dependencies();
    // As many as are declared are all of them, whatever they are called.
    if held.len() == declared.len() {
        return BTreeMap::new();
    }
    let named = declared
        .iter()
        .map(|dependency| (called(dependency), dependency.clone()));
    named
        .filter(|(name, _)| !held.iter().any(|chart| chart.name() == name))
        .collect()
}

fn called(dependency: &Dependency) -> String {
    if dependency.alias.is_empty() {
        dependency.name.clone()
    } else {
        dependency.alias.clone()
    }
}

fn is_local(dependency: &Dependency) -> bool {
    dependency.repository.is_empty() || dependency.repository.starts_with(FILE)
}

/// Brings the packages of dependencies from their repositories.
pub(crate) async fn bring(
    missing: BTreeMap<String, Dependency>,
    world: &ChartWorld,
    means: &PackMeans<'_>,
) -> Result<Vec<AddedDependency>, Failure> {
    if missing.len() > ADDED_MAX {
        let text = format!("more than {ADDED_MAX} dependencies are missing");
        return Err(BuildStep::Dependencies.failed(text));
    }
    let mut shelves = HashMap::new();
    let mut added = Vec::new();
    for (name, dependency) in missing {
        let bytes = if is_local(&dependency) {
            None
        } else {
            let brought = package(&dependency, &mut shelves, world, means).await;
            Some(brought.map_err(|text| {
                let text = format!("failed to add remote dependency '{name}': {text}");
                BuildStep::Dependencies.failed(text)
            })?)
        };
        added.push(AddedDependency {
            name,
            dependency,
            bytes,
        });
    }
    Ok(added)
}

async fn package(
    dependency: &Dependency,
    shelves: &mut HashMap<String, ChartShelf>,
    world: &ChartWorld,
    means: &PackMeans<'_>,
) -> Result<Vec<u8>, String> {
    let Dependency {
        name,
        version,
        repository,
        ..
    } = dependency;
    let url = checked_url(repository)?;
    if !shelves.contains_key(&url) {
        let shelf = world.shelf_at(&url, means).await;
        let shelf = shelf
            .map_err(|text| format!("failed to get chart repository for URL '{url}': {text}"))?;
        shelves.insert(url.clone(), shelf);
    }
    let Some(shelf) = shelves.get(&url) else {
        return Err(format!("no chart repository for URL '{url}'"));
    };

    let found = shelf.find(name, version).await;
    let found = found.map_err(|error| {
        format!("failed to get chart '{name}' version '{version}' from '{repository}': {error}")
    })?;
    let version = &found.version;
    let bytes = shelf.bring(&found, means.chart_max).await;
    let bytes =
        bytes.map_err(|error| format!("chart download of version '{version}' failed: {error}"))?;
    let charged = means.budget.bytes(bytes.len() as u64);
    charged.map_err(|exceeded| exceeded.to_string())?;
    Ok(bytes)
}

/// Returns the address of a repository in the form that addresses are compared in.
fn checked_url(url: &str) -> Result<String, String> {
    if url.starts_with('@') {
        return Err(format!(
            "aliased repository dependency is not supported: {url}"
        ));
    }
    if [OCI, "https://", "http://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Ok(normalized(url));
    }
    Err(format!("invalid dependency repository URL: {url}"))
}

fn normalized(url: &str) -> String {
    let bare = url.trim_end_matches('/');
    if bare.starts_with(OCI) {
        bare.to_owned()
    } else {
        format!("{bare}/")
    }
}

impl ChartWorld {
    /// Returns the charts at the address of a dependency.
    async fn shelf_at(&self, url: &str, means: &PackMeans<'_>) -> Result<ChartShelf, String> {
        let told = |failure: Failure| failure.message;
        let described = self.described(url, means.namespace);
        let base = url.strip_prefix(OCI).map(str::to_owned);
        if let Some(base) = base {
            return match described {
                Some(repository) => self.tags(&repository).await.map_err(told),
                None => Ok(self.anonymous_tags(base)),
            };
        }

        let access = match &described {
            Some(repository) => {
                let timeout = repository.spec.timeout().unwrap_or(TIMEOUT);
                HelmAccess::gather(&self.client, repository, &self.egress, timeout).await?
            }
            None => HelmAccess::anonymous(&self.egress, TIMEOUT),
        };
        let charts = access.repository(url).map_err(|error| error.to_string())?;
        charts.check().map_err(|error| error.to_string())?;
        let stored = described
            .as_ref()
            .and_then(|repository| Some((repository, repository.status.artifact()?)));
        if let Some((repository, artifact)) = stored {
            let index = self.indexes.of(repository, artifact).await?;
            return Ok(ChartShelf::Index(Box::new(charts), index));
        }
        let fetched = fetch::index(&charts, &self.store, self.index_max).await;
        let fetched = fetched.map_err(told)?;
        let (index, _) = self.indexes.convert(means.namespace, fetched).await?;
        Ok(ChartShelf::Index(Box::new(charts), index.into()))
    }

    /// Returns the object that describes a repository, the first one by name.
    fn described(&self, url: &str, namespace: &str) -> Option<std::sync::Arc<HelmRepository>> {
        let all = self.repositories.all().into_iter();
        let fits = all.filter(|repository| {
            *repository.metadata.namespace == *namespace && normalized(&repository.spec.url) == url
        });
        fits.min_by(|one, other| one.metadata.name.cmp(&other.metadata.name))
    }

    fn anonymous_tags(&self, base: String) -> ChartShelf {
        let access = HelmAccess::anonymous(&self.egress, TIMEOUT);
        ChartShelf::Tags(Box::new(TaggedCharts {
            base,
            credentials: lode_oci::Credentials::None,
            outbound: access.outbound,
            scheme: lode_oci::Scheme::Https,
            timeout: access.timeout,
        }))
    }
}

impl AddedDependency {
    /// Loads the chart, given the source and the path of the chart that it is for.
    pub(crate) fn load(
        &self,
        tree: &Tree,
        path: &RepoPath,
        budget: &Budget,
    ) -> Result<Chart, String> {
        let (name, alias) = (&self.name, &self.dependency.alias);
        let loaded = match &self.bytes {
            Some(bytes) => {
                let loaded = Chart::from_archive(bytes, budget);
                loaded.map_err(|error| {
                    let why = unread(&error);
                    format!("failed to add remote dependency '{name}': failed to load downloaded archive: {why}")
                })?
            }
            None => local(&self.dependency, tree, path, budget)
                .map_err(|text| format!("failed to add local dependency '{name}': {text}"))?,
        };
        Ok(if alias.is_empty() {
            loaded
        } else {
            loaded.with_name(alias)
        })
    }
}

/// Loads a chart of the same source, if it has a version that fits.
fn local(
    dependency: &Dependency,
    tree: &Tree,
    path: &RepoPath,
    budget: &Budget,
) -> Result<Chart, String> {
    let Dependency {
        name,
        version,
        repository,
        ..
    } = dependency;
    let inside = match repository.strip_prefix(FILE) {
        Some(inside) => format!("{path}/{inside}"),
        None => format!("{path}/charts/{name}"),
    };
    let place = within(&inside).unwrap_or_default();
    let absent = || format!("no chart found at '/{place}' (reference '{repository}')");
    let is_folder = child(tree, &place).ok_or_else(absent)? == Child::Folder;
    let range = Range::parse(version).map_err(|_| {
        format!("invalid version/constraint format '{version}': improper constraint: {version:?}")
    })?;
    let chart = load(tree, &place, is_folder, budget).map_err(|error| {
        let why = unread(&error);
        format!("failed to load chart from '/{place}' (reference '{repository}'): {why}")
    })?;

    let found = Version::parse(&chart.metadata().version);
    let found = found.map_err(|error| error.to_string())?;
    if !range.matches(&found) {
        return Err(format!(
            "can't get a valid version for constraint '{version}'"
        ));
    }
    Ok(chart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(tree: &Tree, path: &str) -> Chart {
        let path = RepoPath::parse(path).unwrap();
        load(tree, &path, true, &Budget::unlimited()).unwrap()
    }

    fn tree() -> Tree {
        Tree::from_iter([
            (
                "web/Chart.yaml",
                "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- name: held\n- {name: lib, version: 1.x, repository: 'file://../lib', alias: base}\n- {name: db, version: 2.x, repository: 'https://charts.example'}\n",
            ),
            (
                "web/charts/held/Chart.yaml",
                "apiVersion: v2\nname: held\nversion: 1.0.0\n",
            ),
            (
                "lib/Chart.yaml",
                "apiVersion: v2\nname: lib\nversion: 1.2.0\n",
            ),
        ])
    }

    fn added(repository: &str, version: &str) -> Result<Chart, String> {
        let dependency = Dependency {
            name: "lib".to_owned(),
            version: version.to_owned(),
            repository: repository.to_owned(),
            ..Dependency::default()
        };
        let added = AddedDependency {
            name: "lib".to_owned(),
            dependency,
            bytes: None,
        };
        let path = RepoPath::parse("web").unwrap();
        added.load(&tree(), &path, &Budget::unlimited())
    }

    #[test]
    fn what_is_declared_and_not_held_is_missing() {
        let missing = missing(&chart(&tree(), "web"));
        let names: Vec<_> = missing.keys().map(String::as_str).collect();
        assert_eq!(names, ["base", "db"]);
        assert!(is_local(&missing["base"]) && !is_local(&missing["db"]));
    }

    #[test]
    fn a_lock_counts_before_what_is_declared() {
        let mut tree = tree();
        let lock = "dependencies:\n- {name: held}\n- {name: other, version: 3.0.0, repository: 'https://charts.example'}\n";
        let more = Tree::from_iter([("web/Chart.lock", lock)]);
        let root = RepoPath::root();
        tree.include(&more, &root, &root, &Budget::unlimited())
            .unwrap();
        let missing = missing(&chart(&tree, "web"));
        assert_eq!(missing["other"].version, "3.0.0");
    }

    #[test]
    fn a_chart_of_the_same_source_must_be_there_and_fit() {
        assert_eq!(added("file://../lib", "1.x").unwrap().name(), "lib");
        for (repository, version, expected) in [
            (
                "file://../nothere",
                "1.x",
                "no chart found at '/nothere' (reference 'file://../nothere')",
            ),
            (
                "",
                "1.x",
                "no chart found at '/web/charts/lib' (reference '')",
            ),
            (
                "file://../lib",
                ">=2",
                "can't get a valid version for constraint '>=2'",
            ),
            (
                "file://../lib",
                "a.b",
                "invalid version/constraint format 'a.b': improper constraint: \"a.b\"",
            ),
        ] {
            let text = added(repository, version).unwrap_err();
            assert_eq!(
                text,
                format!("failed to add local dependency 'lib': {expected}")
            );
        }
    }

    #[test]
    fn addresses_have_one_form() {
        assert_eq!(
            checked_url("https://x/charts//").as_deref(),
            Ok("https://x/charts/")
        );
        assert_eq!(
            checked_url("oci://x/charts/").as_deref(),
            Ok("oci://x/charts")
        );
        for (url, expected) in [
            (
                "@stable",
                "aliased repository dependency is not supported: @stable",
            ),
            ("ftp://x", "invalid dependency repository URL: ftp://x"),
        ] {
            assert_eq!(checked_url(url).unwrap_err(), expected);
        }
    }
}
