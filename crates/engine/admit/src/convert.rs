//! Conversion of an object to another version of its kind.
//!
//! Objects are stored in one version. All versions of a custom resource look the same (strategy
//! `None`); of the built-in kinds two differ between versions: events and horizontal pod
//! autoscalers.

use lode_object::GroupVersionKind;
use serde_json::{Map, Value, json};

/// Returns the `apiVersion` in which objects of a built-in kind are stored.
#[must_use]
pub fn stored_version(gvk: &GroupVersionKind) -> String {
    match (&*gvk.group, &*gvk.kind) {
        ("events.k8s.io", "Event") => "v1".to_owned(),
        ("autoscaling", "HorizontalPodAutoscaler") => "autoscaling/v2".to_owned(),
        _ => gvk.api_version(),
    }
}

/// Converts an object to another `apiVersion` of its kind.
pub fn to(version: &str, object: &mut Value) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let before = fields.insert("apiVersion".to_owned(), version.into());
    let before = before.as_ref().and_then(Value::as_str).unwrap_or_default();
    let renames: &[(&str, &str)] = match (before, version) {
        ("v1", EVENTS) => &EVENT_FIELDS,
        (EVENTS, "v1") => &EVENT_FIELDS.map(|(core, events)| (events, core)),
        ("autoscaling/v2", "autoscaling/v1") => return down(fields),
        ("autoscaling/v1", "autoscaling/v2") => return up(fields),
        _ => return,
    };
    let moved: Vec<_> = renames
        .iter()
        .filter_map(|(from, to)| Some((*to, fields.remove(*from)?)))
        .collect();
    fields.extend(moved.into_iter().map(|(to, value)| (to.to_owned(), value)));
}

/// Converts an autoscaler to version 1: one metric has a field there, the others are in an
/// annotation.
fn down(object: &mut Map<String, Value>) {
    let mut annotations = Vec::new();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        let mut metrics = list(spec.remove("metrics"));
        if let Some(at) = metrics.iter().position(is_cpu_utilization) {
            let metric = metrics.remove(at);
            if let Some(percent) = metric.pointer("/resource/target/averageUtilization") {
                spec.insert(CPU_TARGET.to_owned(), percent.clone());
            }
        }
        annotations.extend((!metrics.is_empty()).then_some((METRICS, Value::Array(metrics))));
        annotations.extend(spec.remove("behavior").map(|behavior| (BEHAVIOR, behavior)));
    }

    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        let mut metrics = list(status.remove("currentMetrics"));
        if let Some(at) = metrics
            .iter()
            .position(|metric| metric.pointer("/resource/name") == Some(&json!("cpu")))
        {
            let metric = metrics.remove(at);
            if let Some(percent) = metric.pointer("/resource/current/averageUtilization") {
                status.insert(CPU_CURRENT.to_owned(), percent.clone());
            }
        }
        annotations
            .extend((!metrics.is_empty()).then_some((CURRENT_METRICS, Value::Array(metrics))));
        annotations.extend(
            status
                .remove("conditions")
                .map(|conditions| (CONDITIONS, conditions)),
        );
    }

    if annotations.is_empty() {
        return;
    }

    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    let Some(metadata) = metadata.as_object_mut() else {
        return;
    };
    let Some(kept) = metadata
        .entry("annotations")
        .or_insert_with(|| json!({}))
        .as_object_mut()
    else {
        return;
    };

    kept.extend(
        annotations
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_string().into())),
    );
}

/// Converts an autoscaler of version 1 to version 2.
fn up(object: &mut Map<String, Value>) {
    let annotations = object
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("annotations"));
    let mut annotations = annotations.and_then(Value::as_object_mut);
    let mut taken = |key: &str| {
        let text = annotations.as_mut()?.remove(key)?;
        serde_json::from_str::<Value>(text.as_str()?).ok()
    };
    let (metrics, behavior) = (taken(METRICS), taken(BEHAVIOR));
    let (current, conditions) = (taken(CURRENT_METRICS), taken(CONDITIONS));
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        let mut metrics = list(metrics);
        if let Some(percent) = spec.remove(CPU_TARGET) {
            metrics.push(json!({"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}));
        }
        if !metrics.is_empty() {
            spec.insert("metrics".to_owned(), Value::Array(metrics));
        }
        spec.extend(behavior.map(|behavior| ("behavior".to_owned(), behavior)));
    }

    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        let mut metrics = list(current);
        if let Some(percent) = status.remove(CPU_CURRENT) {
            metrics.push(json!({"type": "Resource", "resource": {
                "name": "cpu", "current": {"averageUtilization": percent}}}));
        }
        if !metrics.is_empty() {
            status.insert("currentMetrics".to_owned(), Value::Array(metrics));
        }
        status.extend(conditions.map(|conditions| ("conditions".to_owned(), conditions)));
    }

    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && metadata
            .get("annotations")
            .and_then(Value::as_object)
            .is_some_and(Map::is_empty)
    {
        metadata.remove("annotations");
    }
}

fn is_cpu_utilization(metric: &Value) -> bool {
    metric.pointer("/resource/name") == Some(&json!("cpu"))
        && metric
            .pointer("/resource/target/averageUtilization")
            .is_some_and(Value::is_number)
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

const EVENTS: &str = "events.k8s.io/v1";
/// Fields of an event, in the core group and in its own.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];
const CPU_TARGET: &str = "targetCPUUtilizationPercentage";
const CPU_CURRENT: &str = "currentCPUUtilizationPercentage";
const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_in_both_groups() {
        let core = json!({"apiVersion": "v1", "kind": "Event", "message": "m", "reason": "R",
            "involvedObject": {"name": "web"}, "reportingComponent": "lode"});
        let mut event = core.clone();
        to("events.k8s.io/v1", &mut event);
        assert_eq!(
            event,
            json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "note": "m", "reason": "R",
                "regarding": {"name": "web"}, "reportingController": "lode"})
        );
        to("v1", &mut event);
        assert_eq!(event, core);
    }

    #[test]
    fn an_autoscaler_keeps_all_metrics_in_version_1() {
        let cpu = json!({"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}});
        let memory = json!({"type": "Resource", "resource": {"name": "memory"}});
        let second = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"}, "spec": {"maxReplicas": 3, "metrics": [memory, cpu]}});
        let mut object = second.clone();
        to("autoscaling/v1", &mut object);
        assert_eq!(
            object["spec"],
            json!({"maxReplicas": 3, "targetCPUUtilizationPercentage": 70})
        );
        to("autoscaling/v2", &mut object);
        assert_eq!(object, second);
    }

    #[test]
    fn objects_are_stored_in_one_version() {
        let stored = |group, kind| stored_version(&GroupVersionKind::new(group, kind));
        assert_eq!(stored("events.k8s.io/v1", "Event"), "v1");
        assert_eq!(
            stored("autoscaling/v1", "HorizontalPodAutoscaler"),
            "autoscaling/v2"
        );
        assert_eq!(stored("apps/v1", "Deployment"), "apps/v1");
    }
}
