//! The static side of an expression: which facts it names and whether its types fit. CEL itself would find a
//! misspelt fact or `"1" == 1` only at run time, as an error or, worse, as a false.

use cel::Program;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr as Ast, IdedExpr, LiteralValue, SelectExpr, operators};

use super::lexical::display_name;
use super::scope::{Path, Scope};
use crate::facts::schema::FactType;

/// A mistake at a byte offset of the expression.
#[derive(Debug, PartialEq)]
pub(super) struct Mistake {
    pub offset: usize,
    pub message: String,
}

/// Deeper trees could overflow the stack of CEL's evaluator, which recurses (measured, debug build: 60 levels overflow
/// 2 MiB). A chain of `&&` or `||` is balanced by the parser, so that its length hardly counts.
const MAX_DEPTH: usize = 32;

/// The facts that a program names, in order of appearance.
///
/// # Errors
/// Every use of a fact or function that checks may not make.
pub(super) fn check(program: &Program, scope: Scope) -> Result<Vec<Path>, Vec<Mistake>> {
    let mut checker = Checker { program, scope, paths: Vec::new(), mistakes: Vec::new(), bound: Vec::new(), depth: 0 };
    let root = program.expression();
    let typed = checker.value(root);
    if !typed.fits(&Ty::Bool) {
        checker.mistake(root, format!("the expression is {}, expected a boolean", typed.name()));
    }
    if checker.mistakes.is_empty() { Ok(checker.paths) } else { Err(checker.mistakes) }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ty {
    Bool,
    Int,
    Str,
    Null,
    Ver,
    Ip,
    Cidr,
    List(Box<Ty>),
    /// Elements of an empty list, and anything behind a mistake that has been reported.
    Any,
}

impl Ty {
    fn name(&self) -> String {
        match self {
            Ty::Bool => "a boolean".into(),
            Ty::Int => "an integer".into(),
            Ty::Str => "a string".into(),
            Ty::Null => "null".into(),
            Ty::Ver => "a version".into(),
            Ty::Ip => "an IP address".into(),
            Ty::Cidr => "a CIDR range".into(),
            Ty::List(_) => "a list".into(),
            Ty::Any => "anything".into(),
        }
    }

    fn fits(&self, other: &Ty) -> bool {
        match (self, other) {
            (Ty::Any, _) | (_, Ty::Any) => true,
            (Ty::List(a), Ty::List(b)) => a.fits(b),
            (a, b) => a == b,
        }
    }

    /// The more telling of two types that fit.
    fn join(self, other: Ty) -> Ty {
        match (self, other) {
            (Ty::Any, t) | (t, Ty::Any) => t,
            (Ty::List(a), Ty::List(b)) => Ty::List(Box::new(a.join(*b))),
            (t, _) => t,
        }
    }
}

/// Macros (`all`, `exists`, `filter`, `map`) in macros: the square of the longest list bounds the time of an evaluation.
const DEEPEST_MACROS: usize = 2;

#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub ty: Ty,
    pub nullable: bool,
}

impl From<Ty> for Typed {
    fn from(ty: Ty) -> Self {
        Typed { ty, nullable: false }
    }
}

impl Typed {
    pub(super) fn fits(&self, ty: &Ty) -> bool {
        self.ty.fits(ty)
    }
    pub(super) fn name(&self) -> String {
        self.ty.name()
    }
}

pub(super) struct Checker<'a> {
    program: &'a Program,
    scope: Scope,
    paths: Vec<Path>,
    pub(super) mistakes: Vec<Mistake>,
    /// Variables of the macros around the node.
    bound: Vec<(String, Ty)>,
    depth: usize,
}

impl Checker<'_> {
    pub(super) fn mistake(&mut self, at: &IdedExpr, message: impl Into<String>) {
        let offset = self.start(at);
        self.mistakes.push(Mistake { offset, message: message.into() });
    }

    /// A mistake at the operator or function name itself.
    pub(super) fn operator_mistake(&mut self, at: &IdedExpr, message: impl Into<String>) {
        let offset = self.offset(at);
        self.mistakes.push(Mistake { offset, message: message.into() });
    }

    /// A mistake at the name of a function: CEL gives the place of its parenthesis.
    pub(super) fn function_mistake(&mut self, at: &IdedExpr, name: &str, message: impl Into<String>) {
        let offset = self.offset(at).saturating_sub(name.len());
        self.mistakes.push(Mistake { offset, message: message.into() });
    }

    fn offset(&self, node: &IdedExpr) -> usize {
        self.program.source_info().offset_for(node.id).map_or(0, |(start, _)| start as usize)
    }

    /// Where the text of a node begins: CEL gives the place of the dot, operator or parenthesis.
    fn start(&self, mut node: &IdedExpr) -> usize {
        let mut first = self.offset(node);
        loop {
            node = match &node.expr {
                Ast::Select(s) => &s.operand,
                Ast::Comprehension(c) => &c.iter_range,
                Ast::Call(CallExpr { target: Some(t), .. }) => t,
                Ast::Call(c) if c.func_name.starts_with('_') || c.func_name == operators::IN => match c.args.first() {
                    Some(arg) => arg,
                    None => return first,
                },
                Ast::Call(c) if c.func_name.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                    // The place given is that of the parenthesis.
                    return first.min(self.offset(node)).saturating_sub(c.func_name.len());
                }
                _ => return first.min(self.offset(node)),
            };
            first = first.min(self.offset(node));
        }
    }

    /// The type of a node that may not be null.
    pub(super) fn value(&mut self, node: &IdedExpr) -> Typed {
        let typed = self.typed(node);
        if typed.nullable {
            self.mistake(
                node,
                format!("{} may be null, so it may only be compared with == and !=", describe_node(node)),
            );
            return typed.ty.into();
        }
        typed
    }

    pub(super) fn expect(&mut self, node: &IdedExpr, ty: Ty, by: &str) {
        let found = self.value(node);
        if !found.fits(&ty) {
            self.mistake(node, format!("{by} takes {}, found {}", ty.name(), found.name()));
        }
    }

    fn typed(&mut self, node: &IdedExpr) -> Typed {
        if self.depth >= MAX_DEPTH {
            // Once is enough.
            if !self.mistakes.iter().any(|m| m.message.contains("nested")) {
                self.operator_mistake(node, format!("the expression is nested more than {MAX_DEPTH} deep"));
            }
            return Ty::Any.into();
        }
        self.depth += 1;
        let typed = self.typed_inner(node);
        self.depth -= 1;
        typed
    }

    fn typed_inner(&mut self, node: &IdedExpr) -> Typed {
        match &node.expr {
            Ast::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Ty::Bool.into(),
                LiteralValue::Int(_) => Ty::Int.into(),
                LiteralValue::String(_) => Ty::Str.into(),
                LiteralValue::Null => Ty::Null.into(),
                LiteralValue::UInt(_) | LiteralValue::Double(_) | LiteralValue::Bytes(_) => {
                    self.mistake(node, "facts have no such values: use an integer or a string");
                    Ty::Any.into()
                }
            },
            Ast::Ident(name) => self.ident(node, name),
            Ast::Select(select) => self.select(node, select),
            Ast::List(list) => self.list(&list.elements),
            Ast::Call(call) => self.call(node, call),
            Ast::Comprehension(comprehension) => self.comprehension(node, comprehension),
            Ast::Map(_) | Ast::Struct(_) | Ast::Unspecified => {
                self.mistake(node, "maps and messages may not be built here");
                Ty::Any.into()
            }
        }
    }

    fn ident(&mut self, node: &IdedExpr, name: &str) -> Typed {
        if let Some((_, ty)) = self.bound.iter().rev().find(|(n, _)| n == name) {
            return ty.clone().into();
        }
        let name = display_name(name);
        let message = match self.scope.kind(name) {
            Some(_) => format!("\"{name}\" as a whole may not be used: name one of its facts, as in {name}.x"),
            None => self.scope.unknown_root(name),
        };
        self.mistake(node, message);
        Ty::Any.into()
    }

    fn select(&mut self, node: &IdedExpr, select: &SelectExpr) -> Typed {
        if select.test {
            self.mistake(node, "has() may not be used: every fact exists, known or not; compare with null instead");
            return Ty::Any.into();
        }
        let Ast::Ident(root) = &select.operand.expr else {
            let inside = self.typed(&select.operand);
            if inside.ty != Ty::Any {
                self.mistake(node, format!("{} has no field \"{}\"", describe_node(&select.operand), select.field));
            }
            return Ty::Any.into();
        };
        if self.bound.iter().any(|(n, _)| n == root) {
            self.mistake(node, format!("\"{root}\" is an element of a list, it has no field \"{}\"", select.field));
            return Ty::Any.into();
        }
        match self.scope.fact(root, &select.field) {
            Ok(path) => {
                if !self.paths.contains(&path) {
                    self.paths.push(path);
                }
                let ty = match path.field.ty {
                    FactType::Bool => Ty::Bool,
                    FactType::Int => Ty::Int,
                    FactType::String => Ty::Str,
                    FactType::StringList => Ty::List(Box::new(Ty::Str)),
                };
                Typed { ty, nullable: path.field.nullable }
            }
            Err(message) => {
                self.mistake(node, message);
                Ty::Any.into()
            }
        }
    }

    fn list(&mut self, elements: &[IdedExpr]) -> Typed {
        let mut of = Ty::Any;
        for element in elements {
            let typed = self.value(element);
            if !typed.fits(&of) {
                self.mistake(element, format!("a list of one type is expected, found {} in it", typed.name()));
            } else {
                of = of.join(typed.ty);
            }
        }
        Ty::List(Box::new(of)).into()
    }

    fn call(&mut self, node: &IdedExpr, call: &CallExpr) -> Typed {
        match (call.func_name.as_str(), &call.target, call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, None, args) => {
                let by = if call.func_name == operators::LOGICAL_AND { "&&" } else { "||" };
                args.iter().for_each(|a| self.expect(a, Ty::Bool, by));
                Ty::Bool.into()
            }
            (operators::NOT_STRICTLY_FALSE, None, args) => {
                args.iter().for_each(|a| self.expect(a, Ty::Bool, "a condition"));
                Ty::Bool.into()
            }
            (operators::LOGICAL_NOT, None, [a]) => {
                self.expect(a, Ty::Bool, "!");
                Ty::Bool.into()
            }
            (operators::CONDITIONAL, None, [condition, a, b]) => {
                self.expect(condition, Ty::Bool, "?:");
                let (left, right) = (self.value(a), self.value(b));
                if !left.fits(&right.ty) {
                    let message = format!("?: gives {} or {}", left.name(), right.name());
                    self.operator_mistake(node, message);
                }
                left.ty.join(right.ty).into()
            }
            (operators::EQUALS | operators::NOT_EQUALS, None, [a, b]) => {
                self.equality(node, a, b);
                Ty::Bool.into()
            }
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                None,
                [a, b],
            ) => {
                let (left, right) = (self.value(a), self.value(b));
                let ordered = |t: &Ty| matches!(t, Ty::Int | Ty::Ver | Ty::Any);
                if !left.fits(&right.ty) || !ordered(&left.ty) || !ordered(&right.ty) {
                    let more = if left.ty == Ty::Str { " (versions are compared as ver(x) < ver(y))" } else { "" };
                    let message = format!("{} and {} have no order{more}", left.name(), right.name());
                    self.operator_mistake(node, message);
                }
                Ty::Bool.into()
            }
            (operators::ADD, None, [a, b]) => {
                let (left, right) = (self.value(a), self.value(b));
                let adds = |t: &Ty| matches!(t, Ty::Int | Ty::Str | Ty::List(_) | Ty::Any);
                if !left.fits(&right.ty) || !adds(&left.ty) || !adds(&right.ty) {
                    self.operator_mistake(node, format!("{} and {} do not add", left.name(), right.name()));
                    return Ty::Any.into();
                }
                left.ty.join(right.ty).into()
            }
            (
                operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO | operators::NEGATE,
                None,
                args,
            ) => {
                args.iter().for_each(|a| self.expect(a, Ty::Int, "arithmetic"));
                Ty::Int.into()
            }
            (operators::IN, None, [element, list]) => {
                let (element, list_ty) = (self.value(element), self.member_list(list));
                if !element.fits(&list_ty) {
                    let message = format!("{} in a list of another type is never found", element.name());
                    self.operator_mistake(node, message);
                }
                Ty::Bool.into()
            }
            (operators::INDEX, None, [of, index]) => {
                let message = match (&of.expr, &index.expr) {
                    (Ast::Ident(root), Ast::Literal(LiteralValue::String(s))) if self.scope.kind(root).is_some() => {
                        let root = display_name(root);
                        format!("write {root}.{} instead of {root}[\"{}\"]", s.inner(), s.inner())
                    }
                    _ => "an index may not be used: facts are named in full, elements by exists() and all()".into(),
                };
                self.mistake(of, message);
                Ty::Any.into()
            }
            (name, target, args) => self.function(node, name, target.as_deref(), args),
        }
    }

    /// The element type of what stands right of `in`.
    fn member_list(&mut self, node: &IdedExpr) -> Ty {
        // `"x" in cluster` asks for the key of a map.
        if let Ast::Ident(root) = &node.expr
            && self.scope.kind(root).is_some()
        {
            self.mistake(node, "`in` takes a list: every fact exists, known or not");
            return Ty::Any;
        }
        match self.value(node) {
            Typed { ty: Ty::List(of), .. } => *of,
            Typed { ty: Ty::Any, .. } => Ty::Any,
            other => {
                self.mistake(node, format!("`in` takes a list, found {}", other.name()));
                Ty::Any
            }
        }
    }

    fn equality(&mut self, node: &IdedExpr, a: &IdedExpr, b: &IdedExpr) {
        let (left, right) = (self.typed(a), self.typed(b));
        for (one, other, at) in [(&left, &right, b), (&right, &left, a)] {
            if one.ty == Ty::Null && !other.nullable && !matches!(other.ty, Ty::Null | Ty::Any) {
                self.operator_mistake(node, format!("{} is never null", describe_node(at)));
                return;
            }
        }
        let null = left.ty == Ty::Null || right.ty == Ty::Null;
        if !null && !left.fits(&right.ty) {
            let message = format!("{} and {} are never equal", left.name(), right.name());
            self.operator_mistake(node, message);
        }
    }

    fn comprehension(&mut self, node: &IdedExpr, c: &ComprehensionExpr) -> Typed {
        let range = self.value(&c.iter_range);
        let element = match range.ty {
            Ty::List(of) => *of,
            Ty::Any => Ty::Any,
            other => {
                self.mistake(node, format!("exists(), all(), filter() and map() take a list, found {}", other.name()));
                Ty::Any
            }
        };
        if self.scope.kind(&c.iter_var).is_some() || self.bound.iter().any(|(n, _)| *n == c.iter_var) {
            let name = display_name(&c.iter_var);
            self.operator_mistake(node, format!("\"{name}\" is taken: give the variable another name"));
        }
        // Each macro binds two variables.
        if self.bound.len() / 2 >= DEEPEST_MACROS {
            let message = format!("macros are nested more than {DEEPEST_MACROS} deep: their time multiplies");
            self.operator_mistake(node, message);
        }
        let initial = self.typed(&c.accu_init).ty;
        self.bound.push((c.iter_var.clone(), element));
        self.bound.push((c.accu_var.clone(), initial.clone()));
        let step = self.typed(&c.loop_step);
        if step.nullable {
            self.mistake(node, "an element that may be null may not be used here");
        }
        self.bound.pop();
        self.bound.pop();
        self.bound.push((c.accu_var.clone(), initial.join(step.ty)));
        let result = self.typed(&c.result);
        self.bound.pop();
        result
    }
}

/// A short node as the check file has it, for messages.
fn describe_node(node: &IdedExpr) -> String {
    match &node.expr {
        Ast::Ident(name) => format!("\"{}\"", display_name(name)),
        Ast::Select(SelectExpr { operand, field, .. }) => match &operand.expr {
            Ast::Ident(root) => format!("\"{}.{field}\"", display_name(root)),
            _ => format!("the value before .{field}"),
        },
        _ => "the value".into(),
    }
}

/// The text of a run-time error, for messages.
pub(super) fn error_text(error: &cel::ExecutionError) -> String {
    match error {
        cel::ExecutionError::FunctionError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}
