//! `docs/adding-a-kind.md` shows an origin that is played here.

const PAGE: &str = include_str!("../../../../../docs/adding-a-kind.md");

#[test]
fn the_origin_of_the_page_is_the_one_that_is_played() {
    let origin = include_str!("drawer/origin.rs");
    let shown = origin
        .split_once("\nimpl Origin for DrawerOrigin {")
        .unwrap()
        .1;
    let shown = shown.split_once("\n}\n").unwrap().0;
    let shown = format!("```rust\nimpl Origin for DrawerOrigin {{{shown}\n}}\n```\n");
    assert!(
        PAGE.contains(&shown),
        "the page shows another one than:\n{shown}"
    );
}

#[test]
fn the_page_names_every_function_of_an_origin() {
    let origin = include_str!("../../src/origin.rs");
    let names = origin.match_indices("\n    fn ").map(|(at, found)| {
        let name = &origin[at + found.len()..];
        name.split(['(', '<']).next().unwrap()
    });
    let names: Vec<_> = names.collect();
    assert!(
        names.contains(&"plan") && names.contains(&"bring"),
        "{names:?}"
    );
    for name in names {
        assert!(PAGE.contains(&format!("| `{name}` |")), "no row for {name}");
    }
}
