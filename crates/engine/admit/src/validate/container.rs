//! Containers: names, images, ports, variables, mounts, resources and probes.

use std::collections::HashSet;

use serde_json::Value;

use super::backsteps::no_backsteps;
use super::{At, Errors, names, quantity, volume::Volumes};

/// Validates the containers of a pod.
pub(super) fn containers(list: &At<'_, '_>, volumes: &Volumes<'_>, errors: &mut Errors) {
    if list.is_empty() {
        errors.push(list.required(""));
        return;
    }
    let mut seen = HashSet::new();
    for container in list.items() {
        common(&container, volumes, errors);
        let name = container.child("name");
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        lifecycle(&container, errors);
        probes(&container, errors);
    }
    host_ports(list, errors);
}

/// Validates the init containers.
pub(super) fn init_containers(
    list: &At<'_, '_>,
    others: &At<'_, '_>,
    volumes: &Volumes<'_>,
    errors: &mut Errors,
) {
    let mut seen: HashSet<&str> = others
        .items()
        .map(|container| container.child("name").text())
        .collect();
    for container in list.items() {
        common(&container, volumes, errors);
        let name = container.child("name");
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        if container.child("restartPolicy").text() == "Always" {
            lifecycle(&container, errors);
            probes(&container, errors);
        } else {
            for field in [
                "lifecycle",
                "livenessProbe",
                "readinessProbe",
                "startupProbe",
            ] {
                let field = container.child(field);
                if !field.is_null() {
                    errors.push(field.forbidden(
                        "may not be set for init containers without restartPolicy=Always",
                    ));
                }
            }
        }
    }
}

fn common(container: &At<'_, '_>, volumes: &Volumes<'_>, errors: &mut Errors) {
    container.child("name").need_spelt(names::label, errors);
    container.child("image").need(errors);
    container
        .child("terminationMessagePolicy")
        .need_one_of(&["File", "FallbackToLogsOnError"], errors);
    ports(&container.child("ports"), errors);
    variables(&container.child("env"), errors);
    sources_of_variables(&container.child("envFrom"), errors);
    mounts(container, volumes, errors);
    container
        .child("imagePullPolicy")
        .need_one_of(&["Always", "IfNotPresent", "Never"], errors);
    resources(&container.child("resources"), errors);
}

fn ports(ports: &At<'_, '_>, errors: &mut Errors) {
    let mut seen = HashSet::new();
    for port in ports.items() {
        let name = port.child("name");
        if !name.is_empty() {
            let wrong = names::port(name.text());
            if wrong.is_empty() && !seen.insert(name.value) {
                errors.push(name.duplicate());
            }
            errors.extend(wrong.iter().map(|message| name.invalid(message)));
        }
        let number = port.child("containerPort");
        if is_zero(&number) {
            errors.push(number.required(""));
        } else {
            port_number(&number, errors);
        }
        let host = port.child("hostPort");
        if !is_zero(&host) {
            port_number(&host, errors);
        }
        port.child("protocol").need_one_of(&PROTOCOLS, errors);
    }
}

/// Validates the number of a port.
pub(super) fn port_number(port: &At<'_, '_>, errors: &mut Errors) {
    if !port
        .number()
        .is_some_and(|number| (1..=65535).contains(&number))
    {
        let shown = Value::from(port.number().unwrap_or_default());
        errors.push(port.invalid_as(&shown, "must be between 1 and 65535, inclusive"));
    }
}

/// Validates a port given by number or name.
pub(super) fn port_or_name(port: &At<'_, '_>, errors: &mut Errors) {
    if port.value.is_string() {
        port.spelt(names::port, errors);
    } else {
        port_number(port, errors);
    }
}

fn is_zero(number: &At<'_, '_>) -> bool {
    number.number().unwrap_or_default() == 0
}

fn host_ports(list: &At<'_, '_>, errors: &mut Errors) {
    let mut seen = HashSet::new();
    for container in list.items() {
        for port in container.child("ports").items() {
            let host = port.child("hostPort");
            if is_zero(&host) {
                continue;
            }
            let shown = format!(
                "{}/{}/{}",
                port.child("protocol").text(),
                port.child("hostIP").text(),
                host.value
            );
            if seen.contains(&shown) {
                errors.push(crate::FieldError::duplicate(
                    host.to_string(),
                    &shown.as_str().into(),
                ));
            }
            seen.insert(shown);
        }
    }
}

fn variables(variables: &At<'_, '_>, errors: &mut Errors) {
    for variable in variables.items() {
        variable.child("name").need_spelt(names::variable, errors);
        let from = variable.child("valueFrom");
        if from.is_null() {
            continue;
        }
        let given = SOURCES
            .iter()
            .filter(|source| !from.child(source).is_null())
            .count();
        field_reference(&from.child("fieldRef"), errors);
        for source in ["configMapKeyRef", "secretKeyRef"] {
            let source = from.child(source);
            if !source.is_null() {
                errors.extend(names::subdomain(source.child("name").text()).iter().map(
                    |message| {
                        source
                            .child("name")
                            .invalid_as(&source.child("name").text().into(), message)
                    },
                ));
                source.child("key").need_spelt(names::data_key, errors);
            }
        }
        let wrong = match given {
            0 => {
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            }
            _ if !variable.child("value").is_empty() => {
                "may not be specified when `value` is not empty"
            }
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        errors.push(from.invalid_as(&"".into(), wrong));
    }
}

fn field_reference(reference: &At<'_, '_>, errors: &mut Errors) {
    let path = reference.child("fieldPath");
    if reference.is_null() {
        return;
    }
    if path.is_empty() {
        errors.push(path.required(""));
        return;
    }
    let subscript = path.text().split_once("['").map(|(path, _)| path);
    if !FIELDS.contains(&path.text()) && !subscript.is_some_and(|path| SUBSCRIPTED.contains(&path))
    {
        errors.push(path.unsupported(&FIELDS));
    }
}

fn sources_of_variables(sources: &At<'_, '_>, errors: &mut Errors) {
    for source in sources.items() {
        let prefix = source.child("prefix");
        if !prefix.is_empty() {
            prefix.spelt(names::variable, errors);
        }
        let of = |field: &'static str| !source.child(field).is_null();
        match (of("configMapRef"), of("secretRef")) {
            (false, false) => {
                errors.push(sources.invalid_as(
                    &"".into(),
                    "must specify one of: `configMapRef` or `secretRef`",
                ));
            }
            (true, true) => {
                errors.push(sources.invalid_as(
                    &"".into(),
                    "may not have more than one field specified at a time",
                ));
            }
            (config, _) => {
                let reference = source.child(if config { "configMapRef" } else { "secretRef" });
                reference.child("name").need_spelt(names::subdomain, errors);
            }
        }
    }
}

fn mounts(container: &At<'_, '_>, volumes: &Volumes<'_>, errors: &mut Errors) {
    let mut places = HashSet::new();
    for mount in container.child("volumeMounts").items() {
        let (name, path) = (mount.child("name"), mount.child("mountPath"));
        name.need(errors);
        if !volumes.contains(name.text()) {
            errors.push(name.not_found());
        }
        path.need(errors);
        if places.contains(path.text()) {
            errors.push(path.invalid("must be unique"));
        }
        places.insert(path.text());
        let (below, expression) = (mount.child("subPath"), mount.child("subPathExpr"));
        if !below.is_empty() && !expression.is_empty() {
            errors.push(expression.invalid("subPathExpr and subPath are mutually exclusive"));
        }
        for path in [below, expression] {
            if path.text().starts_with('/') {
                errors.push(path.invalid("must be a relative path"));
            }
            no_backsteps(&path, errors);
        }
    }
}

fn resources(resources: &At<'_, '_>, errors: &mut Errors) {
    let (limits, requests) = (resources.child("limits"), resources.child("requests"));
    for amounts in [&limits, &requests] {
        for (name, _) in amounts.entries() {
            let amount = amounts.key(name);
            if !name.contains('/') && !is_standard(name) {
                errors.push(
                    amount.invalid_as(&name.into(), "must be a standard resource for containers"),
                );
            }
            quantity::not_negative(&amount, errors);
        }
    }

    for (name, value) in requests.entries() {
        let over = limits
            .value
            .get(name)
            .filter(|limit| quantity::is_more(value, limit));
        if let Some(limit) = over {
            let limit = limit
                .as_str()
                .map_or_else(|| limit.to_string(), str::to_owned);
            errors.push(requests.invalid_as(
                value,
                &format!("must be less than or equal to {name} limit of {limit}"),
            ));
        }
    }
}

fn is_standard(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-")
}

fn lifecycle(container: &At<'_, '_>, errors: &mut Errors) {
    let lifecycle = container.child("lifecycle");
    for hook in ["postStart", "preStop"] {
        let hook = lifecycle.child(hook);
        if !hook.is_null() {
            handler(&hook, errors);
        }
    }
}

fn probes(container: &At<'_, '_>, errors: &mut Errors) {
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = container.child(name);
        if probe.is_null() {
            continue;
        }
        handler(&probe, errors);
        for field in [
            "initialDelaySeconds",
            "timeoutSeconds",
            "periodSeconds",
            "successThreshold",
            "failureThreshold",
        ] {
            probe.child(field).at_least(0, errors);
        }
        let grace = probe.child("terminationGracePeriodSeconds");
        if grace.number().is_some_and(|seconds| seconds <= 0) {
            errors.push(grace.invalid("must be greater than 0"));
        }
        let threshold = probe.child("successThreshold");
        if name != "readinessProbe" && threshold.number() != Some(1) {
            errors.push(threshold.invalid("must be 1"));
        }
    }
}

/// Validates a handler; it has exactly one action.
fn handler(of: &At<'_, '_>, errors: &mut Errors) {
    let mut found = 0;
    for sort in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let action = of.child(sort);
        if action.is_null() {
            continue;
        }
        found += 1;
        if found > 1 {
            errors.push(action.forbidden("may not specify more than 1 handler type"));
            continue;
        }
        match sort {
            "exec" if action.child("command").is_empty() => {
                errors.push(action.child("command").required(""));
            }
            "httpGet" => {
                action.child("path").need(errors);
                port_or_name(&action.child("port"), errors);
                action.child("scheme").one_of(&["HTTP", "HTTPS"], errors);
            }
            "tcpSocket" => port_or_name(&action.child("port"), errors),
            "grpc" => port_number(&action.child("port"), errors),
            _ => {}
        }
    }

    if found == 0 {
        errors.push(of.required("must specify a handler type"));
    }
}

/// The protocols of a port.
pub(super) const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const SOURCES: [&str; 5] = [
    "fieldRef",
    "resourceFieldRef",
    "configMapKeyRef",
    "secretKeyRef",
    "fileKeyRef",
];
const SUBSCRIPTED: [&str; 2] = ["metadata.annotations", "metadata.labels"];
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
