//! Ingresses and network policies.

use core::net::IpAddr;

use super::{
    At, Errors,
    container::{port_number, port_or_name},
    meta, names,
};

pub(super) fn ingress(ingress: &At<'_, '_>, errors: &mut Errors) {
    let spec = ingress.child("spec");
    let (rules, otherwise) = (spec.child("rules"), spec.child("defaultBackend"));
    if rules.is_empty() && otherwise.is_null() {
        errors.push(crate::FieldError::invalid(
            spec.to_string(),
            rules.value,
            "either `defaultBackend` or `rules` must be specified",
        ));
    }

    if !otherwise.is_null() {
        backend(&otherwise, errors);
    }

    for rule in rules.items() {
        host(&rule.child("host"), errors);
        let http = rule.child("http");
        if http.is_null() {
            continue;
        }
        let paths = http.child("paths");
        paths.need(errors);
        paths.items().for_each(|path| ingress_path(&path, errors));
    }

    for tls in spec.child("tls").items() {
        tls.child("hosts")
            .items()
            .for_each(|name| host(&name, errors));
        let secret = tls.child("secretName");
        if !secret.is_empty() {
            secret.spelt(names::subdomain, errors);
        }
    }

    let class = spec.child("ingressClassName");
    if !class.is_null() {
        class.spelt(names::subdomain, errors);
    }
}

fn host(host: &At<'_, '_>, errors: &mut Errors) {
    if host.is_empty() {
        return;
    }
    if host.text().parse::<core::net::IpAddr>().is_ok() {
        errors.push(host.invalid("must be a DNS name, not an IP address"));
    }
    if host.text().contains('*') {
        host.spelt(names::wildcard, errors);
    } else {
        host.spelt(names::subdomain, errors);
    }
}

fn ingress_path(entry: &At<'_, '_>, errors: &mut Errors) {
    let (sort, path) = (entry.child("pathType"), entry.child("path"));
    let text = path.text();
    match sort.text() {
        "" => {
            errors.push(sort.required("pathType must be specified"));
            return;
        }
        "Exact" | "Prefix" => {
            absolute(&path, errors);
            let wrong = ["//", "/./", "/../", "%2f", "%2F"]
                .iter()
                .filter(|part| text.contains(**part));
            errors.extend(wrong.map(|part| path.invalid(&format!("must not contain '{part}'"))));
            let wrong = ["/..", "/."].iter().filter(|end| text.ends_with(**end));
            errors.extend(wrong.map(|end| path.invalid(&format!("cannot end with '{end}'"))));
        }
        "ImplementationSpecific" if text.is_empty() => {}
        "ImplementationSpecific" => absolute(&path, errors),
        _ => errors.push(sort.unsupported(&["Exact", "ImplementationSpecific", "Prefix"])),
    }

    backend(&entry.child("backend"), errors);
}

fn absolute(path: &At<'_, '_>, errors: &mut Errors) {
    if !path.text().starts_with('/') {
        errors.push(path.invalid_as(&path.text().into(), "must be an absolute path"));
    }
}

fn backend(backend: &At<'_, '_>, errors: &mut Errors) {
    let (resource, service) = (backend.child("resource"), backend.child("service"));
    match (resource.is_null(), service.is_null()) {
        (true, true) => {
            errors.push(backend.invalid_as(&"".into(), "resource or service backend is required"));
        }
        (false, false) => errors
            .push(backend.invalid_as(&"".into(), "cannot set both resource and service backends")),
        (false, true) => {
            resource
                .child("kind")
                .need_spelt(names::path_segment, errors);
            resource
                .child("name")
                .need_spelt(names::path_segment, errors);
        }
        (true, false) => {
            service.child("name").need_spelt(names::label, errors);
            let port = service.child("port");
            let (name, number) = (port.child("name"), port.child("number"));
            match (name.is_empty(), number.number().unwrap_or_default() == 0) {
                (true, true) => errors.push(backend.required("port name or number is required")),
                (false, false) => {
                    errors.push(
                        backend.invalid_as(&"".into(), "cannot set both port name & port number"),
                    );
                }
                (false, true) => name.spelt(names::port, errors),
                (true, false) => port_number(&number, errors),
            }
        }
    }
}

pub(super) fn ingress_class(class: &At<'_, '_>, errors: &mut Errors) {
    let spec = class.child("spec");
    let controller = spec.child("controller");
    if controller.is_empty() {
        errors.push(controller.required(""));
    } else if !controller
        .text()
        .split_once('/')
        .is_some_and(|(host, path)| !host.is_empty() && !path.is_empty())
    {
        errors.push(controller.invalid("must be a domain-prefixed path (such as \"acme.io/foo\")"));
    }
}

/// The controller of a class is immutable.
pub(super) fn ingress_class_change(live: &At<'_, '_>, new: &At<'_, '_>, errors: &mut Errors) {
    let (live, new) = (live.child("spec"), new.child("spec"));
    let controller = new.child("controller");
    if live.child("controller").text() != controller.text() {
        errors.push(controller.invalid_as(&controller.text().into(), "field is immutable"));
    }
}

pub(super) fn policy(policy: &At<'_, '_>, errors: &mut Errors) {
    let spec = policy.child("spec");
    meta::selector(&spec.child("podSelector"), errors);
    for (way, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.child(way).items() {
            rule.child("ports")
                .items()
                .for_each(|port| policy_port(&port, errors));
            rule.child(peers).items().for_each(|of| peer(&of, errors));
        }
    }
    let sorts = spec.child("policyTypes");
    if sorts.items().count() > 2 {
        errors.push(sorts.invalid("may not specify more than two policyTypes"));
        return;
    }
    sorts
        .items()
        .for_each(|sort| sort.one_of(&["Ingress", "Egress"], errors));
}

fn policy_port(port: &At<'_, '_>, errors: &mut Errors) {
    let protocol = port.child("protocol");
    if !protocol.is_null() {
        protocol.one_of(&["TCP", "UDP", "SCTP"], errors);
    }

    let (first, last) = (port.child("port"), port.child("endPort"));
    if !first.is_null() {
        port_or_name(&first, errors);
    }

    let Some(end) = last.number() else { return };
    match first.number() {
        Some(number) => {
            if end < number {
                errors
                    .push(last.invalid_as(first.value, "must be greater than or equal to `port`"));
            }
            port_number(&last, errors);
        }
        None if first.is_null() => {
            errors.push(last.invalid("may not be specified when `port` is not specified"));
        }
        None => errors.push(last.invalid("may not be specified when `port` is non-numeric")),
    }
}

/// Validates an address range and its exceptions.
fn blocks(block: &At<'_, '_>, errors: &mut Errors) {
    const RANGE: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    let cidr = block.child("cidr");
    if cidr.is_empty() {
        errors.push(cidr.required(""));
        return;
    }
    let Some(all) = range(cidr.text()) else {
        errors.push(cidr.invalid(RANGE));
        return;
    };
    for except in block.child("except").items() {
        match range(except.text()) {
            None => errors.push(except.invalid(RANGE)),
            Some(part) if is_within(part, all) => {}
            Some(_) => errors.push(except.invalid("must be a strict subset of `cidr`")),
        }
    }
}

/// Parses `10.0.0.0/8`: the address as bits from the left, the prefix length, the address length.
fn range(text: &str) -> Option<(u128, u32, u32)> {
    let (address, length) = text.split_once('/')?;
    let (bits, width) = match address.parse().ok()? {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let length = length.parse().ok().filter(|length| *length <= width)?;
    Some((bits, length, width))
}

fn is_within(part: (u128, u32, u32), all: (u128, u32, u32)) -> bool {
    let mask = u128::MAX.checked_shl(128 - all.1).unwrap_or_default();
    part.2 == all.2 && part.1 > all.1 && part.0 & mask == all.0 & mask
}

fn peer(peer: &At<'_, '_>, errors: &mut Errors) {
    let mut found = 0;
    for selector in ["podSelector", "namespaceSelector"] {
        let selector = peer.child(selector);
        found += usize::from(!selector.is_null());
        meta::selector(&selector, errors);
    }
    let block = peer.child("ipBlock");
    if !block.is_null() {
        blocks(&block, errors);
        if found > 0 {
            errors.push(peer.forbidden("may not specify both ipBlock and another peer"));
        }
    } else if found == 0 {
        errors.push(peer.required("must specify a peer"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_range_of_addresses_holds_what_is_left_out_of_it() {
        for (block, wrong) in [
            (
                json!({"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}),
                &[][..],
            ),
            (json!({"cidr": "0.0.0.0/0", "except": ["10.1.0.0/16"]}), &[]),
            (
                json!({"cidr": "2001:db8::/32", "except": ["2001:db8:1::/48"]}),
                &[],
            ),
            (json!({"cidr": "nowhere"}), &["cidr"]),
            (json!({"cidr": "10.0.0.0/33"}), &["cidr"]),
            (
                json!({"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16", "10.0.0.0/8", "x"]}),
                &["except[0]", "except[1]", "except[2]"],
            ),
        ] {
            let mut errors = Vec::new();
            blocks(&At::root(&block), &mut errors);
            assert_eq!(
                errors.iter().map(|error| &*error.field).collect::<Vec<_>>(),
                wrong,
                "{block}"
            );
        }
    }
}
