//! The whole crate against data: charts that Helm rendered, hostile input, and laws of every render.

#[cfg(test)]
mod charts;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod kit;
#[cfg(test)]
mod laws;
