//! Every verb a person types.
//!
//! A verb is a module: [`serve`] runs the operator, [`install`] puts it into a cluster, [`get`] shows what it looks
//! after, [`reconcile`] and [`suspend`] tell it what to do, [`diff`] says what it would change,
//! [`building`] what a folder stands for; [`apiserver`] serves a Kubernetes API without a cluster, and [`demo`] shows all of
//! it at work. [`main()`] reads the
//! command line and prints what went wrong. Data goes to stdout, talk to stderr; both leave through [`output`].
//!
//! Limitations: a Kustomization is compared with a local checkout only, for the operator's artifacts can in general not
//! be reached from outside the cluster; the verbs know the kinds the operator knows so far.

mod apiserver;
mod building;
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
mod output;
mod reconcile;
mod report;
mod run;
mod serve;
mod session;
mod suspend;
mod table;
#[cfg(test)]
mod toy;
mod unserved;
mod values;
mod words;

pub use run::main;
