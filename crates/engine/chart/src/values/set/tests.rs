//! Lines and what they set, as Helm's own tables have it.

use lode_stdx::budget::Limits;
use serde_json::json;

use super::*;

fn set(form: SetFlag<'_>, line: &str, before: &Value) -> Result<Value, SetError> {
    let mut values = before.as_object().cloned().unwrap();
    parse(line, form, &mut values, &Budget::unlimited())?;
    Ok(Value::Object(values))
}

fn check(form: SetFlag<'_>, cases: &[(&str, Value)]) {
    for (line, want) in cases {
        assert_eq!(set(form, line, &json!({})).as_ref(), Ok(want), "{line}");
    }
}

#[test]
fn values_have_types() {
    check(
        SetFlag::Typed,
        &[
            ("a=1,b=-5,c=+7", json!({"a": 1, "b": -5, "c": 7})),
            (
                "a=0,b=00009,c=0x10,d=1e3,e=1.5",
                json!({"a": 0, "b": "00009", "c": "0x10", "d": "1e3", "e": "1.5"}),
            ),
            (
                "a=TRUE,b=false,c=Null",
                json!({"a": true, "b": false, "c": null}),
            ),
            ("a=,b=x y , c=z", json!({"a": "", "b": "x y ", " c": "z"})),
            (
                "a=99999999999999999999",
                json!({"a": "99999999999999999999"}),
            ),
            ("", json!({})),
            ("a=1,", json!({"a": 1})),
        ],
    );
    check(
        SetFlag::Text,
        &[("a=1,b=true", json!({"a": "1", "b": "true"}))],
    );
}

#[test]
fn keys_nest() {
    check(
        SetFlag::Typed,
        &[
            (
                "a.b.c=1,a.b.d=2,a.e=3",
                json!({"a": {"b": {"c": 1, "d": 2}, "e": 3}}),
            ),
            (
                "a\\.b=1,c\\,d=2,e\\=f=3,g\\[h=4",
                json!({"a.b": 1, "c,d": 2, "e=f": 3, "g[h": 4}),
            ),
            ("=1,a=2", json!({"a": 2})),
            (".a=1", json!({})),
        ],
    );
}

#[test]
fn lists_have_items() {
    check(
        SetFlag::Typed,
        &[
            ("a={1,x,true},b=2", json!({"a": [1, "x", true], "b": 2})),
            ("a={},b={x}", json!({"a": [""], "b": ["x"]})),
            ("a={x\\,y,z\\}}", json!({"a": ["x,y", "z}"]})),
            ("a[0]=1,a[2]=3", json!({"a": [1, null, 3]})),
            (
                "a[0].b=1,a[0].c=2,a[1].b=3",
                json!({"a": [{"b": 1, "c": 2}, {"b": 3}]}),
            ),
            ("a[0][1]=1,a[0][0]=2", json!({"a": [[2, 1]]})),
            ("a[1].b={x,y}", json!({"a": [null, {"b": ["x", "y"]}]})),
        ],
    );
}

#[test]
fn lines_that_end_early_are_no_errors() {
    check(
        SetFlag::Typed,
        &[
            ("a[", json!({})),
            ("a[0]", json!({"a": []})),
            ("a[0].b=", json!({"a": []})),
            ("a[0]=", json!({"a": [""]})),
        ],
    );
}

#[test]
fn what_is_there_is_kept_or_replaced() {
    let before = json!({"a": {"b": 1, "c": 2}, "l": [1, {"x": 1}], "n": null});
    for (line, want) in [
        (
            "a.b=3",
            json!({"a": {"b": 3, "c": 2}, "l": [1, {"x": 1}], "n": null}),
        ),
        ("a=3", json!({"a": 3, "l": [1, {"x": 1}], "n": null})),
        (
            "l[1].y=2,l[0]=null",
            json!({"a": {"b": 1, "c": 2}, "l": [null, {"x": 1, "y": 2}], "n": null}),
        ),
        (
            "l[0].z=1",
            json!({"a": {"b": 1, "c": 2}, "l": [{"z": 1}, {"x": 1}], "n": null}),
        ),
    ] {
        assert_eq!(set(SetFlag::Typed, line, &before), Ok(want), "{line}");
    }
    for (line, want) in [
        (
            "a[0]=1",
            "unable to parse key: \"a\" is a table, not a list",
        ),
        ("l.x=1", "unable to parse key: \"l\" is a list, not a table"),
        ("n.x=1", "unable to parse key: \"n\" is null, not a table"),
        (
            "l[1][0]=1",
            "unable to parse key: \"1\" is a table, not a list",
        ),
    ] {
        assert_eq!(
            set(SetFlag::Typed, line, &before).unwrap_err().to_string(),
            want
        );
    }
}

#[test]
fn malformed_lines_are_named() {
    for (line, want) in [
        ("a", "key \"a\" has no value"),
        ("a,b=1", "key \"a\" has no value (cannot end with ,)"),
        ("a.b.=", "key map \"b\" has no value"),
        ("a.=1", "key map \"a\" has no value"),
        ("a={1", "list must terminate with '}'"),
        (
            "a[x]=1",
            "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        ("a[-1]=1", "negative -1 index not allowed"),
        (
            "a[65537]=1",
            "index of 65537 is greater than maximum supported index of 65536",
        ),
        ("a[0]b=1", "unexpected data at end of array index: \"b\""),
    ] {
        let error = set(SetFlag::Typed, line, &json!({})).map_err(|error| error.to_string());
        if line == "a.b.=" {
            // The end of the line comes first.
            assert_eq!(error, Ok(json!({})));
        } else {
            assert_eq!(error, Err(want.to_owned()), "{line}");
        }
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let deepest = "a.".repeat(NAME_LEVEL_MAX) + "b=1";
    assert!(set(SetFlag::Typed, &deepest, &json!({})).is_ok());
    let deeper = "a.".repeat(NAME_LEVEL_MAX + 1) + "b=1";
    assert_eq!(
        set(SetFlag::Typed, &deeper, &json!({})),
        Err(SetError::TooDeep)
    );
    let indices = format!("a{}=1", "[0]".repeat(100_000));
    assert_eq!(
        set(SetFlag::Typed, &indices, &json!({})),
        Err(SetError::TooManyIndices)
    );

    let many = (0..100)
        .map(|key| format!("k{key}[65536]=1"))
        .collect::<Vec<_>>()
        .join(",");
    let budget = Budget::new(Limits {
        nodes: 1_000_000,
        ..Limits::UNLIMITED
    });
    let error = typed(&many, &mut Map::new(), &budget).unwrap_err();
    assert!(matches!(error, SetError::Exceeded(_)), "{error}");
}

#[test]
fn json_values_have_structure() {
    check(
        SetFlag::Json,
        &[
            (
                "a={\"b\": [1, \"x\"]}, c=null,d=",
                json!({"a": {"b": [1.0, "x"]}, " c": null, "d": null}),
            ),
            (
                "a.b[1]=[{\"x\":true}]",
                json!({"a": {"b": [null, [{"x": true}]]}}),
            ),
            ("a= 1.5 ,b=\"y\"", json!({"a": 1.5, "b": "y"})),
        ],
    );
    assert_eq!(
        set(SetFlag::Json, "a=x", &json!({})),
        Err(SetError::Json("a".to_owned()))
    );
}

#[test]
fn literal_values_go_to_the_end_of_the_line() {
    check(
        SetFlag::Literal,
        &[
            ("a=b,c={x},\\d=1", json!({"a": "b,c={x},\\d=1"})),
            ("a.b[0].c=\\", json!({"a": {"b": [{"c": "\\"}]}})),
            ("a,b=1", json!({"a,b": "1"})),
            ("a=", json!({"a": ""})),
        ],
    );
}

#[test]
fn files_are_read_by_the_caller() {
    let read = |name: &str| match name {
        "one.txt" => Ok("1\n".to_owned()),
        other => Err(format!("open {other}: no such file")),
    };
    check(
        SetFlag::File(&read),
        &[("a=one.txt,b={one.txt}", json!({"a": "1\n", "b": ["1\n"]}))],
    );
    let error = set(SetFlag::File(&read), "a=two.txt", &json!({})).unwrap_err();
    assert_eq!(error.to_string(), "open two.txt: no such file");
}
