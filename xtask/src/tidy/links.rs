//! Gate: Markdown links to files of the checkout resolve.
//!
//! Links to the web are not checked, nor is anything in code.

use std::path::Path;

pub(super) fn check(root: &Path, path: &Path, text: &str) -> Vec<String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    let mut in_code = false;

    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line).into_iter().filter(|target| is_local(target)) {
            let file = target.split(['#', '?']).next().unwrap_or_default();
            let home = if file.starts_with('/') {
                root
            } else {
                &root.join(folder)
            };
            if !home.join(file.trim_start_matches('/')).exists() {
                findings.push(format!(
                    "{}:{}: the link to {target} leads nowhere",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    findings
}

/// Returns the link targets in a line: `[text](target)` and `[name]: target`.
fn targets(line: &str) -> Vec<String> {
    let line = without_code(line);
    let mut targets: Vec<String> = Vec::new();
    for after in line.split("](").skip(1) {
        let target = after.split([')', ' ']).next().unwrap_or_default();
        targets.push(target.trim_matches(['<', '>']).to_owned());
    }
    if let Some((name, target)) = line.split_once("]: ")
        && name.starts_with('[')
    {
        targets.extend(target.split_whitespace().next().map(str::to_owned));
    }
    targets
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

fn is_local(target: &str) -> bool {
    let outside = target.contains("://") || target.starts_with("mailto:");
    !target.is_empty() && !target.starts_with('#') && !outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_link_is_found_with_its_line() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("docs")).unwrap();
        std::fs::write(root.path().join("docs/here.md"), "").unwrap();
        let text = "[a](here.md#part) and [b](gone.md)\n[c](../docs/here.md) [d](/docs/here.md)\n\n[e]: lost.md\n";
        let findings = check(root.path(), Path::new("docs/page.md"), text);
        let wanted = [
            "docs/page.md:1: the link to gone.md leads nowhere",
            "docs/page.md:4: the link to lost.md leads nowhere",
        ];
        assert_eq!(findings, wanted);
    }

    #[test]
    fn the_web_anchors_and_code_are_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let text = "[a](https://example.com/x) [b](#part) `[c](gone.md)`\n```\n[d](gone.md)\n```\n";
        assert_eq!(
            check(root.path(), Path::new("page.md"), text),
            Vec::<String>::new()
        );
    }
}
