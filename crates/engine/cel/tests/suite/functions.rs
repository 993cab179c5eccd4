//! Functions and macros of this crate: their results, and invalid arguments.

use lode_cel::{EvalError, Expr, Limits};
use serde_json::{Value, json};

fn eval(text: &str) -> Result<Value, EvalError> {
    let (list, map) = (json!([3, 1, 2]), json!({"a": 1, "b": 2}));
    let compiled = Expr::compile(text, Limits::default());
    compiled
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .eval(&[("l", &list), ("m", &map)])
}

fn all_true(texts: &[&str]) {
    for text in texts {
        assert_eq!(eval(text), Ok(json!(true)), "{text}");
    }
}

fn all_refused(texts: &[&str]) {
    for text in texts {
        assert!(eval(text).is_err(), "{text}: {:?}", eval(text));
    }
}

#[test]
fn loops_have_one_variable_or_two() {
    all_true(&[
        "l.map(x, x * 2) == [6, 2, 4] && l.filter(x, x > 1) == [3, 2] && l.map(x, x > 1, x + 1) == [4, 3]",
        "l.all(i, x, i + x > 0) && !l.all(i, x, i == x) && l.exists(i, x, i == 2 && x == 2)",
        "l.existsOne(i, x, x == i + 3) && l.exists_one(i, x, x == 1) && l.existsOne(x, x == 1)",
        "l.transformList(i, x, i * x) == [0, 1, 4] && l.transformList(i, x, i > 0, x) == [1, 2]",
        "m.transformMap(k, v, v + 1) == {'a': 2, 'b': 3} && m.transformMap(k, v, v > 1, v) == {'b': 2}",
        "m.transformMapEntry(k, v, {v: k}) == {1: 'a', 2: 'b'} && m.all(k, v, k != '' && v > 0)",
        "m.map(k, k).sortBy(k, k) == ['a', 'b'] && l.map(x, l.map(y, x * y))[0] == [9, 3, 6]",
    ]);
    all_refused(&[
        "l.map(x, x.y)",
        "l.filter(x, x)",
        "'a'.map(x, x)",
        "m.transformMapEntry(k, v, {'same': v})",
        "m.transformMapEntry(k, v, v)",
    ]);
}

#[test]
fn an_error_in_a_loop_counts_only_where_nothing_else_decides() {
    all_true(&[
        "[0, 1].exists(i, x, 1 / x == 1)",
        "![0, 2].all(i, x, 1 / x == 1)",
    ]);
    all_refused(&[
        "[0, 2].exists(i, x, 1 / x == 1)",
        "[0, 1].all(i, x, 1 / x == 1)",
        "[0].existsOne(i, x, 1 / x == 1)",
    ]);
}

#[test]
fn lists_are_sorted_by_what_is_told() {
    all_true(&[
        "l.sortBy(x, -x) == [3, 2, 1] && [].sortBy(x, x) == []",
        "[{'n': 'b'}, {'n': 'a'}].sortBy(e, e.n)[0].n == 'a'",
        "lists.range(3) == [0, 1, 2] && lists.range(0) == []",
    ]);
    all_refused(&[
        "[1, 'a'].sortBy(x, x)",
        "m.sortBy(x, x)",
        "lists.range(1001)",
    ]);
}

#[test]
fn what_may_be_missing_goes_on_being_so() {
    all_true(&[
        "m.?a.optMap(x, x + 1).value() == 2 && !m.?z.optMap(x, x + 1).hasValue()",
        "optional.of(m).optFlatMap(x, x.?a).value() == 1",
        "l[?0].value() == 3 && !l[?9].hasValue() && m[?'a'].orValue(0) == 1",
        "{'x': [1]}.?x[0].value() == 1 && !{'x': [1]}.?x[5].hasValue()",
        "has({'x': {'y': 1}}.?x.y) && !has({}.?x.y)",
        "cel.bind(x, 2, x * x) == 4 && cel.bind(x, 1, cel.bind(y, x + 1, x + y)) == 3",
    ]);
    all_refused(&["l.optMap(x, x)", "1.optMap(x, x)"]);
}

#[test]
fn types_are_values() {
    all_true(&[
        "type(1) == int && type(1u) == uint && type(1.0) == double && type('') == string && type(b'') == bytes",
        "type([]) == list && type({}) == map && type(null) == null_type && type(true) == bool",
        "type(type(1)) == type && type(1) != type('')",
        "type(timestamp(0)) == google.protobuf.Timestamp && type(duration('1s')) == google.protobuf.Duration",
        "type(optional.none()) == optional_type && type(ip('10.0.0.1')) == net.IP",
        "type(quantity('1')) == kubernetes.Quantity",
    ]);
}

#[test]
fn times_are_seen_from_places() {
    all_true(&[
        "timestamp('2026-01-02T23:30:00Z').getHours() == 23 && timestamp('2026-01-02T23:30:00Z').getHours('+01:00') == 0",
        "timestamp('2026-01-02T23:30:00Z').getDate('01:00') == 3 && timestamp('2026-01-01T00:00:00Z').getDate('-00:30') == 31",
        "timestamp('2026-03-01T00:00:00Z').getMonth('UTC') == 2 && timestamp('2026-01-04T00:00:00Z').getDayOfWeek() == 0",
        "timestamp('2026-02-01T00:00:00Z').getDayOfYear() == 31 && timestamp('2026-02-01T00:00:00Z').getDayOfMonth() == 0",
        "timestamp('2026-02-01T01:02:03.456Z').getMilliseconds() == 456 && timestamp('2026-02-01T01:02:03Z').getSeconds() == 3",
        "duration('1h30m').getMinutes() == 90 && duration('90s').getHours() == 0 && duration('1500ms').getMilliseconds() == 500",
        "timestamp(0).getFullYear() == 1970 && timestamp(timestamp(5)) == timestamp(5) && duration(duration('1s')) == duration('1s')",
        "string(timestamp('2026-01-02T03:04:05.120Z')) == '2026-01-02T03:04:05.12Z' && string(duration('1h1.5s')) == '3601.5s'",
        "string(timestamp('2026-01-02T03:04:05+01:00')) == '2026-01-02T03:04:05+01:00' && int(timestamp(7)) == 7",
    ]);
    all_refused(&[
        "timestamp(0).getHours('Europe/Vienna')",
        "timestamp(0).getHours('99:00')",
        "timestamp(0).getHours(1)",
        "timestamp('1000-00-00T00:00:00Z')",
        "timestamp(-62135596801)",
        "timestamp(253402300800)",
        "duration('soon')",
        "duration(1)",
        "'x'.getHours()",
        "duration('1s').getFullYear()",
    ]);
}

#[test]
fn numbers_are_converted_within_their_range() {
    all_true(&[
        "int(1.9) == 1 && int(-1.9) == -1 && int('7') == 7 && int(7u) == 7",
        "math.bitNot(0u) == 18446744073709551615u && math.bitNot(1) == -2",
        "math.bitAnd(6, 3) == 2 && math.bitOr(6u, 1u) == 7u && math.bitXor(1, 3) == 2",
        "math.bitShiftLeft(1, 3) == 8 && math.bitShiftRight(-1024, 3) == 2305843009213693824",
        "math.bitShiftLeft(1, 64) == 0 && math.bitShiftRight(8u, 200) == 0u",
        "string(true) == 'true' && string(-4.5e-3) == '-0.0045' && string(b'a') == 'a'",
    ]);
    all_refused(&[
        "int(9223372036854775808.0)",
        "int(1e99)",
        "int(18446744073709551615u)",
        "int('x')",
        "int([])",
        "math.bitShiftLeft(1, -1)",
        "math.bitOr(1, 1u)",
        "string(b'\\xff')",
        "string([])",
    ]);
}

#[test]
fn texts_are_matched_and_made() {
    all_true(&[
        r"'a1'.matches(r'^[a-z]\d$') && !'١'.matches(r'^\d$') && 'x{y'.matches('x{y')",
        "'a12b3'.find('[0-9]+') == '12' && 'abc'.find('[0-9]') == ''",
        "'a12b3'.findAll('[0-9]+') == ['12', '3'] && 'a12b3'.findAll('[0-9]+', 1) == ['12']",
        "'%d of %s, %.2f'.format([1, 'x', 2.5]) == '1 of x, 2.50'",
        "format.named('dns1123Label').hasValue() && !format.named('none').hasValue()",
        "format.named('dns1123Label').value().validate('A').hasValue() && !format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
    ]);
    all_refused(&[
        "'a'.matches('(')",
        "'a'.find(')')",
        "'a'.findAll('[')",
        "'%d'.format([])",
        "'%.999999f'.format([1.0])",
    ]);
}

#[test]
fn what_is_not_bound_is_named() {
    let undeclared = |text: &str| {
        let expr = Expr::compile(text, Limits::default()).unwrap();
        expr.undeclared(&["self"]).map(str::to_owned)
    };
    for (text, name) in [
        ("self.a == b", Some("b")),
        ("self.all(x, x == y)", Some("y")),
        (
            "authorizer.path('/').check('get').allowed()",
            Some("authorizer"),
        ),
        (
            "self.all(k, v, k == v) && self.map(x, x + 1).sortBy(e, e)[0] == 1",
            None,
        ),
        (
            "cel.bind(x, self, x).?y.optMap(z, z).hasValue() && type(self) == int",
            None,
        ),
        (
            "math.abs(1) == 1 && sets.contains([1], [1]) && optional.none() == optional.none()",
            None,
        ),
    ] {
        assert_eq!(undeclared(text).as_deref(), name, "{text}");
    }
}
