//! The verbs of the command line.
//!
//! Each verb is a module: [`serve`] runs the operator, [`install`] installs it into a cluster,
//! [`get`] lists the objects it manages, [`reconcile`] and [`suspend`] control them, [`diff`] shows
//! what a reconcile would change, [`building`] what a folder builds into, [`template`] what a chart
//! renders into; [`apiserver`] serves a
//! Kubernetes API without a cluster, and [`demo`] shows all of it in one process. [`main()`] parses
//! the command line and prints errors. Data goes to stdout, messages to stderr, both through
//! [`output`].
//!
//! Limitations: a Kustomization can be compared with a local checkout only, because the operator's
//! artifacts are usually not reachable from outside the cluster; the verbs know the kinds that the
//! operator serves so far.

mod apiserver;
mod building;
mod cache;
mod charts;
mod demo;
mod diff;
mod egress;
mod folder;
mod follow;
mod get;
mod install;
mod kinds;
mod leader_election;
mod limits;
mod listing;
mod output;
mod random;
mod reconcile;
mod report;
mod run;
mod serve;
mod session;
mod suspend;
mod table;
mod template;
#[cfg(test)]
mod toy;
mod unserved;
mod values;
mod words;

pub use run::main;
