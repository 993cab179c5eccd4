//! Cells of horizontal pod autoscalers, of both versions.

use lode_object::json::{at, list, text};
use serde_json::Value;

use super::cell::{Cells, NONE, scalar};

pub(super) const CELLS: Cells = &[
    ("hpa_reference", |hpa, _| {
        format!(
            "{}/{}",
            text(hpa, "/spec/scaleTargetRef/kind"),
            text(hpa, "/spec/scaleTargetRef/name")
        )
        .into()
    }),
    ("hpa_targets", |hpa, _| targets(hpa).into()),
];

fn targets(hpa: &Value) -> String {
    let (wanted, found) = (
        list(hpa, "/spec/metrics"),
        list(hpa, "/status/currentMetrics"),
    );
    let mut all: Vec<String> = wanted
        .iter()
        .enumerate()
        .map(|(place, metric)| target(metric, found.get(place).unwrap_or(&Value::Null)))
        .collect();
    all.extend(processor(hpa));
    let count = all.len();
    all.truncate(SHOWN_MAX);
    match count.checked_sub(SHOWN_MAX) {
        _ if count == 0 => NONE.to_owned(),
        Some(more @ 1..) => format!("{} + {more} more...", all.join(", ")),
        _ => all.join(", "),
    }
}

/// The first version supports CPU utilisation only.
fn processor(hpa: &Value) -> Option<String> {
    let wanted = at(hpa, "/spec/targetCPUUtilizationPercentage").as_i64()?;
    let found = percent(at(hpa, "/status/currentCPUUtilizationPercentage"));
    Some(format!("cpu: {}/{wanted}%", found.unwrap_or_else(unknown)))
}

fn target(metric: &Value, found: &Value) -> String {
    let (field, named) = match text(metric, "/type") {
        "External" => ("external", false),
        "Pods" => ("pods", false),
        "Object" => ("object", false),
        "Resource" => ("resource", true),
        "ContainerResource" => ("containerResource", true),
        _ => return "<unknown type>".to_owned(),
    };
    let (wanted, found) = (at(&metric[field], "/target"), at(&found[field], "/current"));
    let average = scalar(&wanted["averageValue"]);
    let current = |key: &str| scalar(&found[key]).unwrap_or_else(unknown);
    let shown = match (average, named) {
        (Some(average), false) if field != "pods" => {
            format!("{}/{average} (avg)", current("averageValue"))
        }
        (Some(average), _) => format!("{}/{average}", current("averageValue")),
        (None, false) => format!(
            "{}/{}",
            current("value"),
            scalar(&wanted["value"]).unwrap_or_else(|| "0".to_owned())
        ),
        (None, true) => {
            let wanted =
                percent(&wanted["averageUtilization"]).unwrap_or_else(|| "<auto>".to_owned());
            format!(
                "{}/{wanted}",
                percent(&found["averageUtilization"]).unwrap_or_else(unknown)
            )
        }
    };

    if named {
        format!("{}: {shown}", text(&metric[field], "/name"))
    } else {
        shown
    }
}

fn percent(value: &Value) -> Option<String> {
    value.as_i64().map(|value| format!("{value}%"))
}

fn unknown() -> String {
    "<unknown>".to_owned()
}

/// Most metrics shown.
const SHOWN_MAX: usize = 2;
