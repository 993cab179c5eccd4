//! What the library reads differently from the language's definition, put right in the tree.
//!
//! Equality and `in` of the library know no numbers of different types (`1 == 1.0` is false), and an optional field
//! (`a.?b`) that is absent is an error. Such nodes become calls of [`functions`](crate::functions) of ours. Left as it
//! is: a field of something that is no map is `false` instead of an error.

use kube_cel::cel::common::{
    ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators},
    types::CelString,
};

use crate::functions::{DIFFERENT, EQUAL, MEMBER, NEGATIVE, OPTIONAL_FIELD};

/// Replaces the nodes, deepest first.
pub(crate) fn rewrite(expr: &mut IdedExpr) {
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
            [&mut of.iter_range, &mut of.accu_init, &mut of.loop_cond, &mut of.loop_step, &mut of.result]
                .into_iter()
                .for_each(rewrite);
        }
        Expr::Struct(_) | Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
    chain(expr);
}

/// A field of an optional is optional too: `a.?b.c`.
fn chain(expr: &mut IdedExpr) {
    let Expr::Select(select) = &mut expr.expr else { return };
    if select.test || !matches!(&select.operand.expr, Expr::Call(call) if call.func_name == OPTIONAL_FIELD) {
        return;
    }
    let operand = std::mem::take(&mut *select.operand);
    let field = Expr::Literal(LiteralValue::String(CelString::from(select.field.as_str())));
    let args = vec![operand, IdedExpr { id: expr.id, expr: field }];
    expr.expr = Expr::Call(CallExpr { func_name: OPTIONAL_FIELD.to_owned(), target: None, args });
}

const OURS: [(&str, &str); 5] = [
    (operators::EQUALS, EQUAL),
    (operators::NOT_EQUALS, DIFFERENT),
    (operators::NEGATE, NEGATIVE),
    (operators::IN, MEMBER),
    (operators::OPT_SELECT, OPTIONAL_FIELD),
];
