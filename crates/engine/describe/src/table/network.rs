//! Cells of services, endpoints and ingresses.

use std::collections::BTreeSet;

use lode_object::json::{at, list, text};
use serde_json::Value;

use super::cell::{Cells, NONE, number, or_none, scalar};

pub(super) const CELLS: Cells = &[
    ("service_cluster_ip", |service, _| {
        list(service, "/spec/clusterIPs")
            .first()
            .cloned()
            .unwrap_or_else(|| NONE.into())
    }),
    ("service_external_ip", |service, _| {
        external_ip(service).into()
    }),
    ("service_ports", |service, _| {
        or_none(service_ports(service)).into()
    }),
    ("endpoints", |endpoints, _| subsets(endpoints).into()),
    ("slice_ports", |slice, _| {
        let port = |port: &Value| match (scalar(&port["port"]), port["name"].as_str()) {
            (Some(number), _) => number,
            (None, name) => name.unwrap_or("*").to_owned(),
        };
        some(list(slice, "/ports").iter().map(port).collect(), "<unset>").into()
    }),
    ("slice_endpoints", |slice, _| {
        let addresses = list(slice, "/endpoints")
            .iter()
            .flat_map(|endpoint| list(endpoint, "/addresses"));
        some(addresses.filter_map(scalar).collect(), "<unset>").into()
    }),
    ("balancer", |object, _| balancer(object).into()),
    ("ingress_hosts", |ingress, _| hosts(ingress).into()),
    ("ingress_ports", |ingress, _| {
        if list(ingress, "/spec/tls").is_empty() {
            "80"
        } else {
            "80, 443"
        }
        .into()
    }),
    ("ingress_class_name", |class, _| {
        let is_default = class["metadata"]["annotations"]["ingressclass.kubernetes.io/is-default-class"]
            == "true";
        named_default(class, is_default).into()
    }),
    ("ingress_class_parameters", |class, _| {
        parameters(class).into()
    }),
    ("address_parent", |address, _| parent(address).into()),
];

/// Returns the name of an object, marked if it is the default of its kind.
pub(super) fn named_default(object: &Value, is_default: bool) -> String {
    let name = text(object, "/metadata/name");
    if is_default {
        format!("{name} (default)")
    } else {
        name.to_owned()
    }
}

fn external_ip(service: &Value) -> String {
    let external: Vec<String> = list(service, "/spec/externalIPs")
        .iter()
        .filter_map(scalar)
        .collect();
    match text(service, "/spec/type") {
        "ClusterIP" | "NodePort" => or_none(external.join(",")),
        "LoadBalancer" => {
            let balanced = Some(balancer(service)).filter(|balanced| !balanced.is_empty());
            let all: Vec<String> = balanced.into_iter().chain(external).collect();
            if all.is_empty() {
                "<pending>".to_owned()
            } else {
                all.join(",")
            }
        }
        "ExternalName" => text(service, "/spec/externalName").to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

/// Returns the addresses of a load balancer, each once.
fn balancer(object: &Value) -> String {
    let addresses = list(object, "/status/loadBalancer/ingress").iter();
    let addresses =
        addresses.filter_map(|entry| scalar(&entry["ip"]).or_else(|| scalar(&entry["hostname"])));
    addresses
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join(",")
}

fn service_ports(service: &Value) -> String {
    let port = |port: &Value| {
        let (port_number, protocol) = (number(port, "/port"), text(port, "/protocol"));
        match number(port, "/nodePort") {
            ..=0 => format!("{port_number}/{protocol}"),
            node_port => format!("{port_number}:{node_port}/{protocol}"),
        }
    };
    list(service, "/spec/ports")
        .iter()
        .map(port)
        .collect::<Vec<_>>()
        .join(",")
}

fn subsets(endpoints: &Value) -> String {
    let subsets = list(endpoints, "/subsets");
    let mut all = Vec::new();
    for subset in subsets {
        let ips = || {
            list(subset, "/addresses")
                .iter()
                .map(|address| text(address, "/ip"))
        };
        let ports = list(subset, "/ports");
        if ports.is_empty() {
            all.extend(ips().map(str::to_owned));
        }
        for port in ports {
            let number = number(port, "/port");
            all.extend(ips().map(|ip| {
                if ip.contains(':') {
                    format!("[{ip}]:{number}")
                } else {
                    format!("{ip}:{number}")
                }
            }));
        }
    }

    some(all, if subsets.is_empty() { NONE } else { "" })
}

/// Returns the first few items, and how many more there are.
fn some(mut all: Vec<String>, empty: &str) -> String {
    let count = all.len();
    all.truncate(SHOWN_MAX);
    match count.checked_sub(SHOWN_MAX) {
        Some(more @ 1..) => format!("{} + {more} more...", all.join(",")),
        _ if all.iter().all(String::is_empty) => empty.to_owned(),
        _ => all.join(","),
    }
}

/// Rules without a host count as more, but are not among those shown.
fn hosts(ingress: &Value) -> String {
    let rules = list(ingress, "/spec/rules");
    let mut shown: Vec<&str> = Vec::new();
    let mut more = false;
    for rule in rules {
        more |= shown.len() == SHOWN_MAX;
        if !more && !text(rule, "/host").is_empty() {
            shown.push(text(rule, "/host"));
        }
    }
    match (&*shown, more) {
        ([], _) => "*".to_owned(),
        (shown, true) => format!("{} + {} more...", shown.join(","), rules.len() - SHOWN_MAX),
        (shown, false) => shown.join(","),
    }
}

fn parameters(class: &Value) -> String {
    let parameters = at(class, "/spec/parameters");
    if parameters.is_null() {
        return NONE.to_owned();
    }
    let (kind, name) = (text(parameters, "/kind"), text(parameters, "/name"));
    match parameters["apiGroup"].as_str() {
        Some(group) => format!("{kind}.{group}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

fn parent(address: &Value) -> String {
    let parent = at(address, "/spec/parentRef");
    if parent.is_null() {
        return NONE.to_owned();
    }
    let mut resource = text(parent, "/resource").to_lowercase();
    if !text(parent, "/group").is_empty() {
        resource = format!("{resource}.{}", text(parent, "/group").to_lowercase());
    }
    match (text(parent, "/namespace"), text(parent, "/name")) {
        ("", name) => format!("{resource}/{name}"),
        (namespace, name) => format!("{resource}/{namespace}/{name}"),
    }
}

/// Most items shown.
const SHOWN_MAX: usize = 3;
