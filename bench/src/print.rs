//! All output goes through here.

/// Prints a line.
#[expect(clippy::print_stdout, reason = "figures are what this program is for")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints a figure with its name and unit.
pub(crate) fn figure(what: &str, value: f64, unit: &str) {
    line(&format!("  {what:<44} {value:>10.2} {unit}"));
}
