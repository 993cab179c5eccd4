//! Constants as arguments, which must have the types of their parameters.

use super::code::{CallStep, CodeStep, Constant, Literal};
use super::compiler::Compiler;
use crate::parse::{NodeId, NodeKind, Number, Span};
use crate::value::{GoType, Integer, IntegerKind};

/// What an argument is for.
#[derive(Clone, Copy)]
pub(super) enum ArgumentTarget<'t> {
    /// A parameter of this type.
    Known(&'t GoType),
    /// A parameter of a method that is known when it is called.
    Method { name: u32, index: u16 },
}

impl Compiler<'_> {
    /// Checks the value that is `below` others, unless every value fits.
    pub(super) fn check(&mut self, of: &GoType, below: u16) {
        if matches!(of, GoType::Any | GoType::Reflect) {
            return;
        }
        let types = &mut self.unit.types;
        let known = types.iter().position(|known| known == of);
        let of = known.unwrap_or_else(|| {
            types.push(of.clone());
            types.len() - 1
        });
        let of = of as u32;
        self.emit(CodeStep::Call(CallStep::Check { of, below }));
    }

    pub(super) fn literal(&mut self, id: NodeId, kind: &NodeKind, target: ArgumentTarget<'_>) {
        let shown = |span: &Span| String::from_utf8_lossy(span.of(self.text)).into();
        let literal = match kind {
            NodeKind::Bool(value) => Literal::Bool(*value),
            NodeKind::Number { text, number } => Literal::Number {
                number: (**number).clone(),
                text: shown(text),
            },
            NodeKind::String { quoted, text } => Literal::Text {
                text: text.clone(),
                quoted: shown(quoted),
            },
            _ => Literal::Nil,
        };
        self.at(id);
        match target {
            ArgumentTarget::Known(of) => match literal.constant(of) {
                Ok(constant) => self.constant(constant),
                Err(message) => self.fail(message),
            },
            ArgumentTarget::Method { name, index } => {
                let literals = &mut self.unit.literals;
                literals.push(literal);
                let literal = literals.len() as u32 - 1;
                self.emit(CodeStep::Call(CallStep::MethodLiteral {
                    name,
                    index,
                    literal,
                }));
            }
        }
    }

    /// A number whose type nothing else decides.
    pub(super) fn ideal(&mut self, id: NodeId, text: Span, number: &Number) {
        self.at(id);
        let text = String::from_utf8_lossy(text.of(self.text));
        match ideal(number, &text) {
            Ok(constant) => self.constant(constant),
            Err(message) => self.fail(message),
        }
    }
}

impl Literal {
    /// Returns the constant as an argument of a type.
    ///
    /// # Errors
    /// Go's text, if it does not fit.
    pub(crate) fn constant(&self, of: &GoType) -> Result<Constant, String> {
        if let Self::Nil = self {
            if of.can_be_nil() {
                return Ok(Constant::Nil(of.clone()));
            }
            return Err(format!("cannot assign nil to {of}"));
        }
        match of {
            GoType::Any | GoType::Reflect => self.ideal(),
            GoType::Bool => match self {
                Self::Bool(value) => Ok(Constant::Bool(*value)),
                _ => Err(self.unexpected("bool")),
            },
            GoType::String => match self {
                Self::Text { text, .. } => Ok(Constant::Text(text.into())),
                _ => Err(self.unexpected("string")),
            },
            GoType::Float64 => Ok(Constant::Float(self.float()?)),
            GoType::Float32 => Ok(Constant::Float32(self.float()? as f32)),
            GoType::Integer(kind) => self.integer(*kind).map(Constant::Integer),
            other => Err(format!(
                "can't handle {} for arg of type {other}",
                self.text()
            )),
        }
    }

    fn ideal(&self) -> Result<Constant, String> {
        Ok(match self {
            Self::Nil => Constant::Nil(GoType::Any),
            Self::Bool(value) => Constant::Bool(*value),
            Self::Number { number, text } => ideal(number, text)?,
            Self::Text { text, .. } => Constant::Text(text.into()),
        })
    }

    fn float(&self) -> Result<f64, String> {
        match self {
            Self::Number { number, .. } => number.float.ok_or_else(|| self.unexpected("float")),
            _ => Err(self.unexpected("float")),
        }
    }

    fn integer(&self, kind: IntegerKind) -> Result<Integer, String> {
        let number = match self {
            Self::Number { number, .. } if kind.is_signed() => number.int,
            Self::Number { number, .. } => number.uint.map(|number| number as i64),
            _ => None,
        };
        let what = if kind.is_signed() {
            "integer"
        } else {
            "unsigned integer"
        };
        let bits = number.ok_or_else(|| self.unexpected(what))?;
        Ok(Integer {
            kind,
            bits: kind.wrap(bits),
        })
    }

    fn unexpected(&self, wanted: &str) -> String {
        format!("expected {wanted}; found {}", self.text())
    }

    fn text(&self) -> &str {
        match self {
            Self::Nil => "nil",
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Number { text, .. } => text,
            Self::Text { quoted, .. } => quoted,
        }
    }
}

/// The type of a number follows from how it is written.
fn ideal(number: &Number, text: &str) -> Result<Constant, String> {
    let is_character = text.starts_with('\'');
    let is_hexadecimal = text.len() > 2
        && (text.starts_with("0x") || text.starts_with("0X"))
        && !text.contains(['p', 'P']);
    if number.complex.is_some() {
        return Err(format!("{text}: complex numbers are not supported"));
    }
    match (number.float, number.int) {
        (Some(float), _)
            if !is_hexadecimal && !is_character && text.contains(['.', 'e', 'E', 'p', 'P']) =>
        {
            Ok(Constant::Float(float))
        }
        (_, Some(bits)) => Ok(Constant::Integer(Integer {
            kind: IntegerKind::Int,
            bits,
        })),
        _ => Err(format!("{text} overflows int")),
    }
}
