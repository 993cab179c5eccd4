//! Small edits, each with the complete resulting text.

use lode_yaml::Node;
use lode_yaml::edit::{Edit, Error, Step};

use Step::{Index, Key, Match};

/// Checks the result of an edit.
fn check(text: &str, edit: impl FnOnce(&mut Edit) -> Result<(), Error>, want: &str) {
    let mut edited = Edit::new(text).unwrap();
    assert_eq!(edit(&mut edited), Ok(()), "{text:?}");
    assert_eq!(edited.text(), want, "{text:?}");
}

#[test]
fn a_scalar_keeps_its_quotes_where_the_new_text_allows_it() {
    for (old, new, want) in [
        ("app:1.0", "app:1.1", "app:1.1"),
        ("'1.0'", "1.1", "'1.1'"),
        ("\"1.0\"", "1.1", "\"1.1\""),
        ("\"a\\tb\"", "c\"d", "\"c\\\"d\""),
        ("v1", "1.10", "'1.10'"),
        ("v1", "yes", "'yes'"),
        ("v1", "0x1F", "'0x1F'"),
        ("v1", "", "''"),
        ("v1", "a: b", "'a: b'"),
        ("v1", "two\nlines", "\"two\\nlines\""),
        ("'x'", "it's", "'it''s'"),
        ("'x'", "a\tb", "\"a\\tb\""),
        ("3", "5", "5"),
        ("3", "many", "many"),
        ("true", "false", "false"),
        ("!!str 1", "2", "!!str '2'"),
        ("&used 1", "2", "&used 2"),
        ("", "x", " x"),
        ("one\n  two", "three", "three"),
        ("'one\n\n  two'", "three", "'three'"),
        ("|\n  one\n  two\n", "three\nfour\n", "|\n  three\n  four\n"),
        (
            "|- # why\n    one",
            "three\n\nfour",
            "|- # why\n    three\n\n    four",
        ),
        (">\n  one\n  two\n", "three\n", "|\n  three\n"),
        ("|\n  one\n", " lead\n", "\" lead\\n\"\n"),
    ] {
        let (text, want) = (
            format!("a: 1\nk: {old}\nz: 1\n"),
            format!("a: 1\nk: {want}\nz: 1\n"),
        );
        let (text, want) = (
            text.replace("\n\nz", "\nz").replace("k: \n", "k:\n"),
            want.replace("\n\nz", "\nz").replace(":  x", ": x"),
        );
        check(&text, |edit| edit.set(0, &[Key("k")], new), &want);
    }
}

#[test]
fn comments_and_alignment_stay() {
    let image = [
        Key("spec"),
        Key("containers"),
        Match {
            key: "name",
            value: "app",
        },
        Key("image"),
    ];
    check(
        "# top\nspec:\n  containers:\n    - name:  app\n      image:   ghcr.io/a/b:1.0   # {\"$imagepolicy\": \"x:y\"}\n    # next\n    - name: b\n",
        |edit| edit.set(0, &image, "ghcr.io/a/b:1.1"),
        "# top\nspec:\n  containers:\n    - name:  app\n      image:   ghcr.io/a/b:1.1   # {\"$imagepolicy\": \"x:y\"}\n    # next\n    - name: b\n",
    );
    check(
        "a:\r\n  b: 1 # c\r\n",
        |edit| edit.set(0, &[Key("a"), Key("b")], "2"),
        "a:\r\n  b: 2 # c\r\n",
    );
    check(
        "a: {b: [x,y ], c: d}\n",
        |edit| edit.set(0, &[Key("a"), Key("b"), Index(1)], "p,q"),
        "a: {b: [x,'p,q' ], c: d}\n",
    );
    check(
        "a: 1\n---\na: 1\n",
        |edit| edit.set(1, &[Key("a")], "2"),
        "a: 1\n---\na: 2\n",
    );
    check(
        "é: ü # ö\n",
        |edit| edit.set(0, &[Key("é")], "ä"),
        "é: ä # ö\n",
    );
}

#[test]
fn keys_and_items_are_added_in_the_way_of_those_around() {
    let pair = |key: &str, value: &str| {
        let mut node = Node::mapping();
        node.insert(key, Node::string(value));
        node
    };
    check(
        "a:\n    b: 1\n\nc: 2\n",
        |edit| edit.insert(0, &[Key("a"), Key("new")], "v"),
        "a:\n    b: 1\n    new: v\n\nc: 2\n",
    );
    check(
        "a:\n  b: 1",
        |edit| edit.insert(0, &[Key("c")], "yes"),
        "a:\n  b: 1\nc: 'yes'",
    );
    check(
        "a:\r\n  b: 1\r\n",
        |edit| edit.insert(0, &[Key("a"), Key("c")], "d"),
        "a:\r\n  b: 1\r\n  c: d\r\n",
    );
    check(
        "a: {}\nb: 1\n",
        |edit| edit.insert(0, &[Key("a"), Key("c")], "d"),
        "a:\n  c: d\nb: 1\n",
    );
    check(
        "a: # none\nb: 1\n",
        |edit| edit.insert(0, &[Key("b2")], "d"),
        "a: # none\nb: 1\nb2: d\n",
    );
    check(
        "a:\nb: 1\n",
        |edit| edit.insert(0, &[Key("a"), Key("c")], "d"),
        "a:\n  c: d\nb: 1\n",
    );
    check(
        "a: {b: 1}\n",
        |edit| edit.insert(0, &[Key("a"), Key("c")], "d"),
        "a: {b: 1, c: d}\n",
    );
    check(
        "a: { b: 1 }\n",
        |edit| edit.insert(0, &[Key("a"), Key("c")], &pair("x", "1")),
        "a: { b: 1, c: {x: \"1\"} }\n",
    );
    check(
        "- a: 1\n  b: 2\n- c\n",
        |edit| edit.insert(0, &[Index(0), Key("d")], "e"),
        "- a: 1\n  b: 2\n  d: e\n- c\n",
    );
    check(
        "l:\n- a\nm: 1\n",
        |edit| edit.insert(0, &[Key("l"), Index(1)], "b"),
        "l:\n- a\n- b\nm: 1\n",
    );
    check(
        "l:\n  -   a\nm: 1\n",
        |edit| edit.insert(0, &[Key("l"), Index(1)], "b"),
        "l:\n  -   a\n  -   b\nm: 1\n",
    );
    check(
        "l: [a, b]\n",
        |edit| edit.insert(0, &[Key("l"), Index(2)], "c"),
        "l: [a, b, c]\n",
    );
    check(
        "l:\n- a: 1\n",
        |edit| edit.insert(0, &[Key("l"), Index(1)], &pair("b", "x\ny\n")),
        "l:\n- a: 1\n- b: |\n    x\n    y\n",
    );
    check(
        "a: 1\n",
        |edit| edit.insert(0, &[Key("m")], &pair("b", "c")),
        "a: 1\nm:\n  b: c\n",
    );
    let list = Node::sequence(vec![Node::string("x"), pair("k", "v")]);
    check(
        "l:\n  - a\n",
        |edit| edit.insert(0, &[Key("m")], &list),
        "l:\n  - a\nm:\n  - x\n  - k: v\n",
    );
    check(
        "l:\n- a\n",
        |edit| edit.insert(0, &[Key("m")], &list),
        "l:\n- a\nm:\n- x\n- k: v\n",
    );
}

#[test]
fn entries_are_taken_out_with_the_comments_above_them() {
    check(
        "a: 1\n# about b\n# more\nb:\n  c: 2 # c\n  # in b\nd: 3\n",
        |edit| edit.remove(0, &[Key("b")]),
        "a: 1\n  # in b\nd: 3\n",
    );
    check(
        "a: 1\n\n# about d\n\nd: 3\n",
        |edit| edit.remove(0, &[Key("d")]),
        "a: 1\n\n# about d\n\n",
    );
    check(
        "- a: 1\n  b: 2\n",
        |edit| edit.remove(0, &[Index(0), Key("a")]),
        "- b: 2\n",
    );
    check(
        "a:\n  b: 1\nc: 2\n",
        |edit| edit.remove(0, &[Key("a"), Key("b")]),
        "a: {}\nc: 2\n",
    );
    check(
        "l:\n- a\n- b\n",
        |edit| edit.remove(0, &[Key("l"), Index(0)]),
        "l:\n- b\n",
    );
    check(
        "l:\n- a\nm: 1\n",
        |edit| edit.remove(0, &[Key("l"), Index(0)]),
        "l: []\nm: 1\n",
    );
    check(
        "a: {b: 1, c: 2}\n",
        |edit| edit.remove(0, &[Key("a"), Key("b")]),
        "a: {c: 2}\n",
    );
    check(
        "a: {b: 1, c: 2}\n",
        |edit| edit.remove(0, &[Key("a"), Key("c")]),
        "a: {b: 1}\n",
    );
    check(
        "a:\n  t: |\n    # no comment\n  b: 1\nc: 1\n",
        |edit| edit.remove(0, &[Key("a"), Key("t")]),
        "a:\n  b: 1\nc: 1\n",
    );
    check(
        "l: [a, b, c]\n",
        |edit| edit.remove(0, &[Key("l"), Index(1)]),
        "l: [a, c]\n",
    );
}

#[test]
fn a_collection_is_replaced_whole() {
    check(
        "a:\n  b: 1\n  c: 2\nd: 3\n",
        |edit| edit.set(0, &[Key("a")], "x"),
        "a: x\nd: 3\n",
    );
    check(
        "a:\n- 1\n- 2\nd: 3\n",
        |edit| edit.set(0, &[Key("a")], &Node::mapping()),
        "a: {}\nd: 3\n",
    );
    check("a: [1]\n", |edit| edit.set(0, &[Key("a")], "x"), "a: x\n");
    check(
        "a: x\n",
        |edit| edit.set(0, &[Key("a")], &Node::sequence(vec![Node::plain("1")])),
        "a:\n- 1\n",
    );
}

#[test]
fn what_an_anchor_shares_is_refused_by_line() {
    let text = "base: &b\n  x: 1\nuse: *b\nmerged:\n  <<: *b\n  y: 2\n";
    let edit = Edit::new(text).unwrap();
    for path in [
        [Key("use"), Key("x")],
        [Key("base"), Key("x")],
        [Key("merged"), Key("x")],
    ] {
        assert_eq!(
            edit.clone().set(0, &path, "2"),
            Err(Error::Shared { line: 2 }),
            "{path:?}"
        );
    }
    assert!(matches!(
        edit.clone().remove(0, &[Key("use")]),
        Err(Error::Shared { .. })
    ));
    check(
        text,
        |edit| edit.set(0, &[Key("merged"), Key("y")], "3"),
        &text.replace("y: 2", "y: 3"),
    );
}

#[test]
fn a_path_that_leads_nowhere_is_refused() {
    let edit = Edit::new("a:\n  b: 1\nl: [1]\n").unwrap();
    let nowhere = |line, step| Err(Error::NoPlace { line, step });
    assert_eq!(
        edit.clone().set(0, &[Key("a"), Key("c")], "x"),
        nowhere(2, 2)
    );
    assert_eq!(
        edit.clone().set(0, &[Key("l"), Index(1)], "x"),
        nowhere(3, 2)
    );
    assert_eq!(
        edit.clone().set(0, &[Key("a"), Key("b"), Key("c")], "x"),
        nowhere(2, 3)
    );
    assert_eq!(
        edit.clone().insert(0, &[Key("l"), Index(2)], "x"),
        nowhere(3, 2)
    );
    assert_eq!(
        edit.clone().insert(0, &[Key("a"), Key("b")], "x"),
        Err(Error::Exists { line: 2 })
    );
    assert_eq!(edit.clone().set(1, &[], "x"), Err(Error::NoDocument(1)));
    assert!(Edit::new("a: [").is_err());
}

#[test]
fn a_block_text_may_end_the_text_in_a_wide_character() {
    let mut edit = Edit::new("a: >+\n b\n \u{e9}").unwrap();
    edit.set(0, &[Step::Key("a")], "c").unwrap();
    assert_eq!(
        Edit::new(edit.text()).unwrap().documents()[0]
            .get("a")
            .and_then(|node| node.text()),
        Some("c")
    );
}
