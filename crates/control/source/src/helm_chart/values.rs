//! Merges values files into one, which becomes the values of the packed chart.
//!
//! Pure. Failures are texts in the words of Flux.

use lode_chart::{Chart, values};
use lode_stdx::budget::Budget;
use lode_tree::{RepoPath, Tree, cleaned};
use serde_json::{Map, Value};

use super::validate::HelmChartPlan;

/// The chart's own values.
const OWN: &str = "values.yaml";

/// Several values files as one.
pub(crate) struct MergedValues {
    /// Empty if they set nothing.
    pub(crate) text: String,
    /// The files that were there.
    pub(crate) files: Vec<String>,
}

/// Merges files that are in the chart itself.
pub(crate) fn of_chart(
    plan: &HelmChartPlan,
    chart: &Chart,
    budget: &Budget,
) -> Result<MergedValues, String> {
    merged(plan, |path| {
        let name = cleaned(path);
        if name == OWN {
            return Ok(Some(chart.values().cloned().unwrap_or_default()));
        }
        let file = chart.files().iter().find(|file| *file.name == *name);
        let Some(file) = file else {
            return missing(plan, || format!("no values file found at path '{path}'"));
        };
        table(path, &file.data, budget).map(Some)
    })
}

/// Merges files by their paths in the source.
pub(crate) fn of_source(
    plan: &HelmChartPlan,
    tree: &Tree,
    budget: &Budget,
) -> Result<MergedValues, String> {
    merged(plan, |path| {
        let place = within(path);
        let blob = place.as_ref().and_then(|place| tree.read(place).ok());
        let Some(blob) = blob else {
            let place = place.unwrap_or_default();
            return missing(plan, || {
                format!("no values file found at path '/{place}' (reference '{path}')")
            });
        };
        table(path, &blob.bytes, budget).map(Some)
    })
}

/// Returns a chart with other values, and whether they are others.
pub(crate) fn set(
    chart: Chart,
    values: &MergedValues,
    budget: &Budget,
) -> Result<(Chart, bool), String> {
    let Some(text) = chart.values_text() else {
        return Err(format!("failed to locate values file: {OWN}"));
    };
    if text == values.text.as_bytes() {
        return Ok((chart, false));
    }
    let chart = chart.with_values(values.text.as_bytes(), budget);
    Ok((chart.map_err(|error| error.to_string())?, true))
}

fn merged(
    plan: &HelmChartPlan,
    read: impl Fn(&str) -> Result<Option<Map<String, Value>>, String>,
) -> Result<MergedValues, String> {
    let (mut all, mut files) = (Map::new(), Vec::new());
    for path in &plan.values_files {
        if let Some(table) = read(path)? {
            values::merge(&mut all, table);
            files.push(path.clone());
        }
    }
    let text = if all.is_empty() {
        String::new()
    } else {
        lode_yaml::to_string(&Value::Object(all))
    };
    Ok(MergedValues { text, files })
}

/// A missing file is skipped if the specification says so.
fn missing<T>(plan: &HelmChartPlan, text: impl FnOnce() -> String) -> Result<Option<T>, String> {
    if plan.ignores_missing {
        Ok(None)
    } else {
        Err(text())
    }
}

fn table(path: &str, text: &[u8], budget: &Budget) -> Result<Map<String, Value>, String> {
    let read = values::read(text, budget);
    read.map_err(|error| format!("unmarshaling values from '{path}' failed: {error}"))
}

/// Returns a path within a source: one that leads out ends at the root.
pub(crate) fn within(path: &str) -> Option<RepoPath> {
    let path = cleaned(path);
    let inside = path.split('/').filter(|part| *part != "..");
    RepoPath::parse(&inside.collect::<Vec<_>>().join("/")).ok()
}

#[cfg(test)]
mod tests {
    use lode_api::helm_chart::SourceKind;
    use lode_chart::ChartFile;
    use lode_object::NamespacedName;

    use super::*;

    fn plan(files: &[&str], ignores_missing: bool) -> HelmChartPlan {
        HelmChartPlan {
            kind: SourceKind::Git,
            source: NamespacedName::new("ns", "a"),
            chart: "web".to_owned(),
            version: "*".to_owned(),
            values_files: files.iter().map(|file| (*file).to_owned()).collect(),
            merges_values: true,
            ignores_missing,
            follows_revisions: false,
            generation: 1,
        }
    }

    fn chart() -> Chart {
        let files = [
            ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
            ("values.yaml", "a: 1\nb:\n  c: 1\n"),
            ("values-a.yaml", "b:\n  d: 2.5\n"),
            ("bad.yaml", "[]"),
        ];
        let files = files.map(|(name, text)| ChartFile::new(name, text.as_bytes()));
        Chart::from_files(files.to_vec(), &Budget::unlimited()).unwrap()
    }

    #[test]
    fn later_files_override_earlier_ones() {
        let budget = Budget::unlimited();
        let plan = plan(&["values.yaml", "./values-a.yaml"], false);
        let merged = of_chart(&plan, &chart(), &budget).unwrap();
        assert_eq!(merged.text, "a: 1\nb:\n  c: 1\n  d: 2.5\n");
        assert_eq!(merged.files, ["values.yaml", "./values-a.yaml"]);
        let (changed, are_others) = set(chart(), &merged, &budget).unwrap();
        assert!(are_others);
        assert_eq!(changed.values_text(), Some(merged.text.as_bytes()));
    }

    #[test]
    fn values_that_are_the_charts_own_change_nothing() {
        let budget = Budget::unlimited();
        let merged = of_chart(&plan(&["values.yaml"], false), &chart(), &budget).unwrap();
        assert!(!set(chart(), &merged, &budget).unwrap().1);
    }

    #[test]
    fn a_missing_file_is_an_error_unless_it_may_be_missing() {
        let budget = Budget::unlimited();
        let text = of_chart(&plan(&["x.yaml"], false), &chart(), &budget).err();
        assert_eq!(text.unwrap(), "no values file found at path 'x.yaml'");
        let skipped = of_chart(&plan(&["x.yaml", "values-a.yaml"], true), &chart(), &budget);
        assert_eq!(skipped.unwrap().files, ["values-a.yaml"]);

        let tree = Tree::from_iter([("web/a.yaml", "x: 1\n")]);
        let text = of_source(&plan(&["web/x.yaml"], false), &tree, &budget).err();
        let expected = "no values file found at path '/web/x.yaml' (reference 'web/x.yaml')";
        assert_eq!(text.unwrap(), expected);
        let out = of_source(&plan(&["../../web/a.yaml"], false), &tree, &budget).unwrap();
        assert_eq!(out.text, "x: 1\n", "the root is the end of the way out");
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let text = of_chart(&plan(&["bad.yaml"], false), &chart(), &Budget::unlimited()).err();
        let text = text.unwrap();
        assert!(
            text.starts_with("unmarshaling values from 'bad.yaml' failed: "),
            "{text}"
        );
    }
}
