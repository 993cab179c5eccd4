//! Services: ports, addresses, and the fields of each type.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    At, Errors,
    container::{PROTOCOLS, port_number, port_or_name},
    meta, names,
};

pub(super) fn service(service: &At<'_, '_>, errors: &mut Errors) {
    let spec = service.child("spec");
    let (sort, ports) = (spec.child("type"), spec.child("ports"));
    let headless = is_headless(&spec);
    if ports.is_empty() && !headless && sort.text() != EXTERNAL {
        errors.push(ports.required(""));
    }
    by_type(&spec, headless, errors);
    named(&ports, errors);
    meta::labels(&spec.child("selector"), errors);
    spec.child("sessionAffinity")
        .need_one_of(&["ClientIP", "None"], errors);
    affinity(&spec, errors);
    if sort.text() != EXTERNAL {
        addresses(&spec, errors);
    }
    sort.need_one_of(&["ClusterIP", EXTERNAL, "LoadBalancer", "NodePort"], errors);
    told_apart(&ports, sort.text(), errors);
    traffic(&spec, errors);
}

fn is_headless(spec: &At<'_, '_>) -> bool {
    spec.child("clusterIP").text() == "None"
}

fn by_type(spec: &At<'_, '_>, headless: bool, errors: &mut Errors) {
    match spec.child("type").text() {
        sort @ ("LoadBalancer" | "NodePort") if headless => {
            let ips = spec.child("clusterIPs");
            let first = ips.items().next();
            errors.extend(first.map(|first| {
                first.invalid(&format!("may not be set to 'None' for {sort} services"))
            }));
        }
        EXTERNAL => {
            for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                let field = spec.child(field);
                if !field.is_empty() {
                    errors.push(field.forbidden("may not be set for ExternalName services"));
                }
            }
            let name = spec.child("externalName");
            match name.text().strip_suffix('.').unwrap_or(name.text()) {
                "" => errors.push(name.required("")),
                host => errors.extend(
                    names::subdomain(host)
                        .iter()
                        .map(|wrong| name.invalid_as(&host.into(), wrong)),
                ),
            }
        }
        _ => {}
    }

    for (field, of) in [
        ("allocateLoadBalancerNodePorts", "LoadBalancer"),
        ("loadBalancerClass", "LoadBalancer"),
    ] {
        let field = spec.child(field);
        if !field.is_null() && spec.child("type").text() != of {
            errors.push(field.forbidden(&format!("may only be used when `type` is '{of}'")));
        }
    }
}

fn named(ports: &At<'_, '_>, errors: &mut Errors) {
    let several = ports.items().count() > 1;
    let mut seen = HashSet::new();

    for port in ports.items() {
        let name = port.child("name");
        if name.is_empty() {
            if several {
                errors.push(name.required(""));
            }
        } else {
            name.spelt(names::label, errors);
            if !seen.insert(name.value) {
                errors.push(name.duplicate());
            }
        }
        port_number(&port.child("port"), errors);
        port.child("protocol").need_one_of(&PROTOCOLS, errors);
        port_or_name(&port.child("targetPort"), errors);
        let protocol = port.child("appProtocol");
        if !protocol.is_null() {
            protocol.spelt(names::qualified, errors);
        }
    }
}

fn affinity(spec: &At<'_, '_>, errors: &mut Errors) {
    let config = spec.child("sessionAffinityConfig");
    let client = config.child("clientIP");
    match spec.child("sessionAffinity").text() {
        "ClientIP" => {
            let seconds = client.child("timeoutSeconds");
            if !seconds
                .number()
                .is_some_and(|seconds| (1..=86400).contains(&seconds))
            {
                errors.push(seconds.invalid("must be greater than 0 and less than 86400"));
            }
        }
        "None" if !config.is_null() => {
            errors.push(config.forbidden("must not be set when session affinity is None"));
        }
        _ => {}
    }
}

fn addresses(spec: &At<'_, '_>, errors: &mut Errors) {
    let (ip, ips) = (spec.child("clusterIP"), spec.child("clusterIPs"));
    match ips.items().next() {
        None if !ip.is_empty() => errors.push(ips.required("")),
        Some(_) if ip.is_empty() => {
            errors.push(ips.invalid("must be empty when `clusterIP` is not specified"));
        }
        Some(first) if first.value != ip.value => {
            errors.push(ips.invalid("first value must match `clusterIP`"));
        }
        _ => {}
    }

    for (at, address) in ips.items().enumerate() {
        if at == 0 && address.text() == "None" {
            if ips.items().count() > 1 {
                errors.push(ips.invalid("'None' must be the first and only value"));
            }
        } else if address.text().parse::<core::net::IpAddr>().is_err() {
            errors.push(
                address.invalid("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
            );
        }
    }

    if ips.items().count() > 2 {
        errors.push(ips.invalid("may only hold up to 2 values"));
    }

    for family in spec.child("ipFamilies").items() {
        family.one_of(&["IPv4", "IPv6"], errors);
    }

    let policy = spec.child("ipFamilyPolicy");
    if !policy.is_null() {
        policy.one_of(
            &["PreferDualStack", "RequireDualStack", "SingleStack"],
            errors,
        );
    }
}

/// Ports are identified by protocol and number, on the service and on nodes.
fn told_apart(ports: &At<'_, '_>, sort: &str, errors: &mut Errors) {
    let is_there = |port: &Value| port.as_i64().is_some_and(|number| number != 0);
    let (mut numbers, mut on_nodes) = (HashSet::new(), HashSet::new());
    let mut again = Vec::new();
    // A port is shown as a struct in which only these two are set.
    let (empty, zero) = (Value::from(""), Value::from(0));
    for port in ports.items() {
        let (protocol, number, node) = (
            port.child("protocol"),
            port.child("port"),
            port.child("nodePort"),
        );
        if is_there(node.value) && sort == "ClusterIP" {
            errors.push(node.forbidden("may not be used when `type` is 'ClusterIP'"));
        }
        if is_there(node.value) && !on_nodes.insert((protocol.value, node.value)) {
            errors.push(node.duplicate());
        }
        if !numbers.insert((protocol.value, number.value)) {
            let fields = [
                ("Name", &empty),
                ("Protocol", protocol.value),
                ("AppProtocol", &Value::Null),
                ("Port", number.value),
                ("TargetPort", &zero),
                ("NodePort", &zero),
            ];
            again.push(port.duplicate_struct(&fields));
        }
    }
    errors.extend(again);
}

fn traffic(spec: &At<'_, '_>, errors: &mut Errors) {
    let (outer, inner) = (
        spec.child("externalTrafficPolicy"),
        spec.child("internalTrafficPolicy"),
    );
    let sort = spec.child("type");
    let outside = matches!(sort.text(), "NodePort" | "LoadBalancer")
        || (sort.text() == "ClusterIP" && !spec.child("externalIPs").is_empty());
    if outside {
        outer.need_one_of(&["Cluster", "Local"], errors);
    } else if !outer.is_empty() {
        errors.push(outer.invalid("may only be set for externally-accessible services"));
    }
    if ["ClusterIP", "LoadBalancer", "NodePort"].contains(&sort.text()) || !inner.is_null() {
        inner.need_one_of(&["Cluster", "Local"], errors);
    }
}

/// Validates the status of a service: its load balancer.
pub(super) fn status(service: &At<'_, '_>, errors: &mut Errors) {
    let (spec, status) = (service.child("spec"), service.child("status"));
    let balancer = status.child("loadBalancer");
    let ingress = balancer.child("ingress");
    if spec.child("type").text() != "LoadBalancer" && !ingress.is_empty() {
        errors.push(ingress.forbidden("may only be used when `spec.type` is 'LoadBalancer'"));
        return;
    }
    for point in ingress.items() {
        let (ip, host) = (point.child("ip"), point.child("hostname"));
        if !ip.is_empty() && ip.text().parse::<core::net::IpAddr>().is_err() {
            errors
                .push(ip.invalid("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
        }
        if host.text().parse::<core::net::IpAddr>().is_ok() {
            errors.push(host.invalid("must be a DNS name, not an IP address"));
        } else if !host.is_empty() {
            host.spelt(names::subdomain, errors);
        }
    }
}

/// Validates a change of a service: an assigned address is immutable.
pub(super) fn change(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let (live, new) = (live.child("spec"), new.child("spec"));
    let external = |spec: &At<'_, '_>| spec.child("type").text() == EXTERNAL;
    if external(&live) || external(&new) || (is_headless(&live) && is_headless(&new)) {
        return;
    }

    let (before, now) = (live.child("clusterIPs"), new.child("clusterIPs"));
    let count = now.items().count();
    let place = |at: usize| format!("spec.clusterIPs[{at}]");
    if count == 0 && !before.is_empty() {
        errors.push(crate::FieldError::invalid(
            place(0),
            now.value,
            "primary clusterIP can not be unset",
        ));
    }

    let compared = if before.items().count() == count {
        count
    } else {
        1
    };
    for (at, (before, after)) in before.items().zip(now.items()).take(compared).enumerate() {
        if before.value != after.value {
            errors.push(crate::FieldError::invalid(
                place(at),
                now.value,
                "may not change once set",
            ));
        }
    }
}

const EXTERNAL: &str = "ExternalName";
