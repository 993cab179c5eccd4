//! Corrects in the tree what the library reads differently from the language's definition.
//!
//! In the library, numbers of different types are never equal (`1 == 1.0` is false, also for `in`),
//! a field of a value that is not a map is `false`, and an absent optional field (`a.?b`) is an
//! error. Such nodes are replaced by others, or by calls of our [`functions`](crate::functions);
//! macros become [`loops`], names of types [`types`].

use kube_cel::cel::common::{
    ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators},
    types::CelString,
};

use crate::{
    functions::{DIFFERENT, EQUAL, MEMBER, NEGATIVE, OPTIONAL_ENTRY, OPTIONAL_FIELD},
    loops, types,
};

/// Replaces the nodes, deepest first.
pub(crate) fn rewrite(expr: &mut IdedExpr) {
    types::rewrite(expr);
    match &mut expr.expr {
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|target| rewrite(target));
            call.args.iter_mut().for_each(rewrite);
            if let Some((_, ours)) = OURS.iter().find(|(theirs, _)| *theirs == call.func_name) {
                (*ours).clone_into(&mut call.func_name);
            }
        }
        Expr::Select(select) => rewrite(&mut select.operand),
        Expr::List(list) => list.elements.iter_mut().for_each(rewrite),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    rewrite(&mut entry.key);
                    rewrite(&mut entry.value);
                }
            }
        }
        Expr::Comprehension(of) => {
            let of = &mut **of;
            [
                &mut of.iter_range,
                &mut of.accu_init,
                &mut of.loop_cond,
                &mut of.loop_step,
                &mut of.result,
            ]
            .into_iter()
            .for_each(rewrite);
        }
        Expr::Struct(_) | Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }

    chain(expr);
    loops::rewrite(expr);
}

/// A field or entry of an optional is optional too: `a.?b.c`, `a.?b[0]`; `has` tests whether there
/// is one.
fn chain(expr: &mut IdedExpr) {
    let id = expr.id;
    let call = |func_name: &str, args| {
        Expr::Call(CallExpr {
            func_name: func_name.to_owned(),
            target: None,
            args,
        })
    };
    match &mut expr.expr {
        Expr::Select(select) if is_optional(&select.operand) => {
            let operand = std::mem::take(&mut *select.operand);
            let field = Expr::Literal(LiteralValue::String(CelString::from(select.field.as_str())));
            let found = call(OPTIONAL_FIELD, vec![operand, IdedExpr { id, expr: field }]);
            expr.expr = if select.test {
                let target = Some(Box::new(IdedExpr { id, expr: found }));
                Expr::Call(CallExpr {
                    func_name: "hasValue".to_owned(),
                    target,
                    args: Vec::new(),
                })
            } else {
                found
            };
        }
        // The library returns false for a field of a value without fields.
        Expr::Select(select) if !select.test => {
            let operand = std::mem::take(&mut *select.operand);
            let field = Expr::Literal(LiteralValue::String(CelString::from(select.field.as_str())));
            expr.expr = call(
                operators::INDEX,
                vec![operand, IdedExpr { id, expr: field }],
            );
        }
        Expr::Call(index)
            if index.func_name == operators::INDEX
                && index.args.first().is_some_and(is_optional) =>
        {
            OPTIONAL_ENTRY.clone_into(&mut index.func_name);
        }
        _ => {}
    }
}

/// Returns whether the result is optional, by its form.
fn is_optional(expr: &IdedExpr) -> bool {
    let Expr::Call(call) = &expr.expr else {
        return false;
    };
    let made = [OPTIONAL_FIELD, OPTIONAL_ENTRY].contains(&call.func_name.as_str());
    let target = call.target.as_deref().map(|target| &target.expr);
    made || matches!(target, Some(Expr::Ident(space)) if space == "optional")
}

const OURS: [(&str, &str); 6] = [
    (operators::EQUALS, EQUAL),
    (operators::NOT_EQUALS, DIFFERENT),
    (operators::NEGATE, NEGATIVE),
    (operators::IN, MEMBER),
    (operators::OPT_SELECT, OPTIONAL_FIELD),
    (operators::OPT_INDEX, OPTIONAL_ENTRY),
];
