//! The cells that take more than a look at a path, by the names that the table of facts has for them.

use super::cell::Special;
use super::{events, network, node, others, pod, scaling, storage, workload};

/// Returns the function of a name.
pub(super) fn find(name: &str) -> Option<Special> {
    let all = [
        pod::CELLS,
        workload::CELLS,
        events::CELLS,
        network::CELLS,
        node::CELLS,
        others::CELLS,
        scaling::CELLS,
    ];
    let mut all = all.into_iter().chain([storage::CELLS]).flatten();
    all.find(|(own, _)| *own == name)
        .map(|(_, special)| *special)
}
