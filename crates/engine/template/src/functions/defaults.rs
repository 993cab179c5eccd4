//! Empty values, choices among values, and types of values.
//!
//! Empty is what is false in `if`: zero, the empty text, list and map, false and nil.

use crate::function::TemplateFunction;
use crate::functions::args::{any, text};
use crate::functions::cost;
use crate::value::Value;

const JUDGE: &str = "func(...interface {}) bool";

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new(
        "default",
        "func(interface {}, ...interface {}) interface {}",
        |_, args| {
            let given = any(args, 1);
            let chosen = if given.is_true() { given } else { any(args, 0) };
            Ok(chosen.clone())
        },
    ),
    TemplateFunction::new("empty", "func(interface {}) bool", |_, args| {
        Ok((!any(args, 0).is_true()).into())
    }),
    TemplateFunction::new(
        "coalesce",
        "func(...interface {}) interface {}",
        |_, args| {
            let found = args.iter().find(|value| value.is_true());
            Ok(found.cloned().unwrap_or_default())
        },
    ),
    TemplateFunction::new("all", JUDGE, |_, args| {
        Ok(args.iter().all(Value::is_true).into())
    }),
    TemplateFunction::new("any", JUDGE, |_, args| {
        Ok(args.iter().any(Value::is_true).into())
    }),
    TemplateFunction::new(
        "ternary",
        "func(interface {}, interface {}, bool) interface {}",
        |_, args| {
            let at = usize::from(!any(args, 2).is_true());
            Ok(any(args, at).clone())
        },
    ),
    TemplateFunction::new("typeOf", "func(interface {}) string", |_, args| {
        Ok(Value::text(any(args, 0).type_name()))
    }),
    TemplateFunction::new("typeIs", "func(string, interface {}) bool", |_, args| {
        let name = any(args, 1).type_name();
        Ok((text(args, 0).as_bytes() == name.as_bytes()).into())
    }),
    TemplateFunction::new(
        "typeIsLike",
        "func(string, interface {}) bool",
        |_, args| {
            let name = any(args, 1).type_name();
            let target = text(args, 0).as_bytes();
            let is_like = target == name.as_bytes()
                || name
                    .strip_prefix('*')
                    .is_some_and(|name| name.as_bytes() == target);
            Ok(is_like.into())
        },
    ),
    TemplateFunction::new("kindOf", "func(interface {}) string", |_, args| {
        Ok(any(args, 0).kind().as_str().into())
    }),
    TemplateFunction::new("kindIs", "func(string, interface {}) bool", |_, args| {
        let kind = any(args, 1).kind().as_str();
        Ok((text(args, 0).as_bytes() == kind.as_bytes()).into())
    }),
    TemplateFunction::new(
        "deepEqual",
        "func(interface {}, interface {}) bool",
        |context, args| {
            cost::of(context, any(args, 0))?;
            Ok((any(args, 0) == any(args, 1)).into())
        },
    ),
];
