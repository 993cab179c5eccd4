//! The whole crate against data: own cases and recordings of Flux.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod costs;
#[cfg(test)]
mod flux;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod support;
