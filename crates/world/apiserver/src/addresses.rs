//! [`Addresses`]: cluster addresses and node ports of Services, each assigned once.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use lode_admit::FieldError;
use lode_object::json::{list, text};
use lode_stdx::Lock;
use serde_json::{Value, json};

use crate::fields::as_map;

/// Which addresses and ports are taken.
#[derive(Debug)]
pub(crate) struct Addresses(Lock<Taken>);

#[derive(Debug)]
struct Taken {
    addresses: HashSet<Ipv4Addr>,
    next_address: u32,
    ports: HashSet<u64>,
    next_port: u64,
}

impl Default for Addresses {
    fn default() -> Self {
        Self(Lock::new(Taken {
            addresses: HashSet::new(),
            next_address: FIRST,
            ports: HashSet::new(),
            next_port: PORTS.0,
        }))
    }
}

impl Addresses {
    /// Assigns a Service the address and ports it requests, or free ones; a Service that exists as
    /// `live` keeps what it has.
    ///
    /// # Errors
    /// A requested one is taken, or none is free.
    pub(crate) fn give(
        &self,
        live: Option<&Value>,
        service: &mut Value,
        dry_run: bool,
    ) -> Result<(), FieldError> {
        let kind = text(service, "/spec/type").to_owned();
        let spec = as_map(as_map(service).entry("spec").or_insert(Value::Null));
        if kind == "ExternalName" {
            return Ok(());
        }

        let mut taken = self.0.lock();
        let asked = spec
            .get("clusterIP")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let before = live
            .map(|live| text(live, "/spec/clusterIP"))
            .unwrap_or_default();
        let address = match (asked.as_str(), before) {
            ("", "") => Some(
                taken
                    .next_address()
                    .map_err(|why| FieldError::invalid("spec.clusterIPs", &json!([""]), why))?,
            ),
            ("", before) => Some(before.to_owned()),
            ("None", _) => None,
            (asked, before) if asked == before => None,
            (asked, _) => {
                taken.take(asked, dry_run)?;
                None
            }
        };

        if let Some(address) = address {
            if !dry_run && let Ok(IpAddr::V4(address)) = address.parse() {
                taken.addresses.insert(address);
            }
            spec.insert("clusterIP".to_owned(), address.into());
        }

        let address = spec.get("clusterIP").cloned().unwrap_or_default();
        spec.entry("clusterIPs").or_insert_with(|| json!([address]));
        spec.entry("ipFamilies").or_insert_with(|| json!(["IPv4"]));
        spec.entry("ipFamilyPolicy")
            .or_insert_with(|| "SingleStack".into());
        if kind == "NodePort"
            || kind == "LoadBalancer"
                && spec.get("allocateLoadBalancerNodePorts") != Some(&json!(false))
        {
            taken.give_ports(spec.get_mut("ports"), live, dry_run)?;
        }
        Ok(())
    }

    /// Records that a Service exists, or is gone.
    pub(crate) fn note(&self, service: &Value, gone: bool) {
        let mut taken = self.0.lock();
        if let Ok(address) = text(service, "/spec/clusterIP").parse() {
            if gone {
                taken.addresses.remove(&address)
            } else {
                taken.addresses.insert(address)
            };
        }
        for port in ports(service) {
            if gone {
                taken.ports.remove(&port)
            } else {
                taken.ports.insert(port)
            };
        }
    }
}

impl Taken {
    fn next_address(&mut self) -> Result<String, &'static str> {
        for _ in 0..SIZE {
            let address = Ipv4Addr::from(self.next_address);
            self.next_address = if self.next_address + 1 < FIRST + SIZE {
                self.next_address + 1
            } else {
                FIRST
            };
            if !self.addresses.contains(&address) {
                return Ok(address.to_string());
            }
        }
        Err("failed to allocate a serviceIP: range is full")
    }

    fn take(&mut self, asked: &str, dry_run: bool) -> Result<(), FieldError> {
        let Ok(address) = asked.parse::<Ipv4Addr>() else {
            return Ok(());
        };
        let refused = |why: &str| FieldError::invalid("spec.clusterIPs", &json!([asked]), why);
        if !(FIRST - 1..FIRST + SIZE).contains(&u32::from(address)) {
            let why = "failed to allocate IP {asked}: the provided network does not match the current range";
            return Err(refused(&why.replace("{asked}", asked)));
        }
        if self.addresses.contains(&address) {
            return Err(refused(&format!(
                "failed to allocate IP {asked}: provided IP is already allocated"
            )));
        }
        if !dry_run {
            self.addresses.insert(address);
        }
        Ok(())
    }

    fn give_ports(
        &mut self,
        list: Option<&mut Value>,
        live: Option<&Value>,
        dry_run: bool,
    ) -> Result<(), FieldError> {
        let before: Vec<u64> = live.into_iter().flat_map(ports).collect();
        let list = list
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .enumerate();

        for (at, port) in list {
            let asked = port
                .get("nodePort")
                .and_then(Value::as_u64)
                .filter(|port| *port != 0);
            let given = match asked {
                Some(asked) if before.contains(&asked) => asked,
                Some(asked) if self.ports.contains(&asked) => {
                    let field = format!("spec.ports[{at}].nodePort");
                    return Err(FieldError::invalid(
                        field,
                        &asked.into(),
                        "provided port is already allocated",
                    ));
                }
                Some(asked) => asked,
                None => before
                    .get(at)
                    .copied()
                    .map_or_else(|| self.next_port(), Ok)?,
            };
            if !dry_run {
                self.ports.insert(given);
            }
            as_map(port).insert("nodePort".to_owned(), given.into());
        }
        Ok(())
    }

    fn next_port(&mut self) -> Result<u64, FieldError> {
        for _ in PORTS.0..=PORTS.1 {
            let port = self.next_port;
            self.next_port = if port < PORTS.1 { port + 1 } else { PORTS.0 };
            if !self.ports.contains(&port) {
                return Ok(port);
            }
        }
        let why = "failed to allocate a nodePort: range is full";
        Err(FieldError::invalid("spec.ports", &Value::Null, why))
    }
}

fn ports(service: &Value) -> impl Iterator<Item = u64> {
    let ports = list(service, "/spec/ports").iter();
    ports
        .filter_map(|port| port.get("nodePort")?.as_u64())
        .filter(|port| *port != 0)
}

/// The second address of 10.96.0.0/12; the first is the API's own.
const FIRST: u32 = u32::from_be_bytes([10, 96, 0, 2]);
const SIZE: u32 = (1 << 20) - 3;
/// The first and the last node port.
const PORTS: (u64, u64) = (30_000, 32_767);

#[cfg(test)]
mod tests {
    use super::*;

    fn service(spec: &Value) -> Value {
        json!({"kind": "Service", "spec": spec})
    }

    #[test]
    fn a_service_gets_an_address_and_keeps_it() {
        let addresses = Addresses::default();
        let mut first = service(&json!({"type": "ClusterIP"}));
        addresses.give(None, &mut first, false).unwrap();
        assert_eq!(first["spec"]["clusterIP"], "10.96.0.2");
        assert_eq!(first["spec"]["clusterIPs"], json!(["10.96.0.2"]));
        let mut again = service(&json!({"type": "ClusterIP"}));
        addresses.give(Some(&first), &mut again, false).unwrap();
        assert_eq!(again["spec"]["clusterIP"], "10.96.0.2");
        let mut second = service(&json!({"type": "ClusterIP"}));
        addresses.give(None, &mut second, false).unwrap();
        assert_eq!(second["spec"]["clusterIP"], "10.96.0.3");
    }

    #[test]
    fn what_is_taken_is_refused_until_it_is_free() {
        let addresses = Addresses::default();
        let mut first = service(
            &json!({"type": "NodePort", "clusterIP": "10.96.0.9", "ports": [{"port": 80}]}),
        );
        addresses.give(None, &mut first, false).unwrap();
        assert_eq!(first["spec"]["ports"][0]["nodePort"], 30_000);
        let mut second = service(&json!({"type": "ClusterIP", "clusterIP": "10.96.0.9"}));
        let error = addresses.give(None, &mut second, false).unwrap_err();
        assert!(
            error.message.ends_with("provided IP is already allocated"),
            "{error}"
        );
        addresses.note(&first, true);
        addresses.give(None, &mut second, false).unwrap();
        let mut outside = service(&json!({"type": "ClusterIP", "clusterIP": "192.0.2.1"}));
        assert!(addresses.give(None, &mut outside, false).is_err());
    }

    #[test]
    fn headless_and_external_services_get_none() {
        let addresses = Addresses::default();
        let mut headless = service(&json!({"type": "ClusterIP", "clusterIP": "None"}));
        addresses.give(None, &mut headless, false).unwrap();
        assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));
        let mut external = service(&json!({"type": "ExternalName"}));
        addresses.give(None, &mut external, false).unwrap();
        assert_eq!(external["spec"], json!({"type": "ExternalName"}));
    }
}
