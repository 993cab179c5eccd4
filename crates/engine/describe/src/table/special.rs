//! Cells that need more than a path, by their name in the data file.

use super::cell::Special;
use super::{events, network, node, others, pod, scaling, storage, workload};

/// Returns the function with a name.
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
