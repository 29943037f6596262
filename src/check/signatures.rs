//! The functions that an expression may call, with the types of their arguments.

use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr as Ast, IdedExpr, LiteralValue, operators};
use cel::{Context, Value};

use super::functions::ENV;
use super::typing::{Checker, Ty, Typed, error_text};
use crate::document::hint;

impl Checker<'_> {
    /// The type of a call of a function, with its arguments checked.
    pub(super) fn function(
        &mut self,
        node: &IdedExpr,
        name: &str,
        target: Option<&IdedExpr>,
        args: &[IdedExpr],
    ) -> Typed {
        let list = || Ty::List(Box::new(Ty::Any));
        let (takes, gives): (Vec<Ty>, Ty) = match (name, target.is_some()) {
            ("ver", false) => (vec![Ty::Str], Ty::Ver),
            ("ip", false) => (vec![Ty::Str], Ty::Ip),
            ("cidr", false) => (vec![Ty::Str], Ty::Cidr),
            ("startsWith" | "endsWith" | "matches", true) => (vec![Ty::Str, Ty::Str], Ty::Bool),
            ("size", _) => return self.size(node, target.into_iter().chain(args).collect()),
            ("contains", true) => return self.contains(node, target.into_iter().chain(args).collect()),
            ("string", false) => (vec![Ty::Int], Ty::Str),
            ("int", false) => (vec![Ty::Str], Ty::Int),
            (operators::EXISTS | operators::ALL | operators::MAP | operators::FILTER, true) => {
                // With the right arguments these would have been a macro.
                (vec![list(), Ty::Any, Ty::Any], Ty::Any)
            }
            _ => {
                const NAMES: [&str; 14] = [
                    "ver",
                    "ip",
                    "cidr",
                    "size",
                    "string",
                    "int",
                    "startsWith",
                    "endsWith",
                    "contains",
                    "matches",
                    "exists",
                    "all",
                    "filter",
                    "map",
                ];
                self.function_mistake(node, name, format!("unknown function \"{name}\"{}", hint(name, NAMES)));
                return Ty::Any.into();
            }
        };
        let given: Vec<&IdedExpr> = target.into_iter().chain(args).collect();
        if given.len() != takes.len() {
            let receiver = usize::from(target.is_some());
            let message = format!("{name}() takes {} argument(s)", takes.len() - receiver);
            self.function_mistake(node, name, message);
            return gives.into();
        }
        let before = self.mistakes.len();
        for (arg, ty) in given.iter().zip(takes) {
            self.expect(arg, ty, &format!("{name}()"));
        }
        if before == self.mistakes.len() {
            self.constant(node, name, &given);
        }
        gives.into()
    }

    /// A mistake in a literal argument of `ver`, `ip`, `cidr` or `matches` is found now, not in every run.
    fn constant(&mut self, node: &IdedExpr, name: &str, given: &[&IdedExpr]) {
        let Some(IdedExpr { expr: Ast::Literal(LiteralValue::String(literal)), .. }) = given.last() else { return };
        let context = Context::with_env(Arc::clone(&ENV));
        let error = match name {
            "ver" | "ip" | "cidr" => Value::resolve_val(node, &context).err().map(|e| error_text(&e)),
            "matches" => {
                let empty = IdedExpr { id: 0, expr: Ast::Literal(LiteralValue::String("".into())) };
                let pattern = IdedExpr { id: 0, expr: Ast::Literal(LiteralValue::String(literal.clone())) };
                let call = CallExpr { func_name: "matches".into(), target: Some(Box::new(empty)), args: vec![pattern] };
                let probe = IdedExpr { id: 0, expr: Ast::Call(call) };
                Value::resolve_val(&probe, &context).err().map(|e| error_text(&e))
            }
            _ => None,
        };
        if let Some(message) = error {
            self.function_mistake(node, name, message);
        }
    }

    fn size(&mut self, node: &IdedExpr, given: Vec<&IdedExpr>) -> Typed {
        match given.as_slice() {
            [of] => {
                let typed = self.value(of);
                if !matches!(typed.ty, Ty::Str | Ty::List(_) | Ty::Any) {
                    self.mistake(of, format!("{} has no size", typed.name()));
                }
            }
            _ => self.function_mistake(node, "size", "size() takes one list or string"),
        }
        Ty::Int.into()
    }

    fn contains(&mut self, node: &IdedExpr, given: Vec<&IdedExpr>) -> Typed {
        if let [of, what] = given.as_slice() {
            let (of, what) = (self.value(of), self.value(what));
            let fits = matches!(
                (&of.ty, &what.ty),
                (Ty::Any, _) | (_, Ty::Any) | (Ty::Str, Ty::Str) | (Ty::Cidr, Ty::Ip | Ty::Cidr)
            );
            if !fits {
                let more = if matches!(of.ty, Ty::List(_)) { " (write x in list)" } else { "" };
                let message = format!("{} does not contain {}{more}", of.name(), what.name());
                self.operator_mistake(node, message);
            }
        } else {
            self.function_mistake(node, "contains", "contains() takes one argument");
        }
        Ty::Bool.into()
    }
}
