//! The CEL environment: the standard library, with `ver`, `ip` and `cidr` added and optional syntax left out
//! (`a.?b` would turn an unknown fact into a value).

use std::any::Any;
use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use cel::common::traits::Comparer;
use cel::common::types::{CelBool, CelString, STRING_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError};
use ipnet::IpNet;

use crate::facts::version::Version;

/// Shared by every program and context.
pub(super) static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    // It can only fail where two functions have one name, which the tests would show; without them, expressions
    // that use one come out unknown.
    Arc::new(build().unwrap_or_else(|_| Env::stdlib()))
});

fn build() -> Result<Env, DeclarationError> {
    let mut env = Env::stdlib().with_optional_support(false);
    env.add_overload("ver", "ver_string", vec![STRING_TYPE], |args| {
        let text = text(&args)?;
        Ok(CowVal::owned(Version::parse(text).ok_or_else(|| not_a("ver", text, "version"))?))
    })?;
    env.add_overload("ip", "ip_string", vec![STRING_TYPE], |args| {
        let text = text(&args)?;
        Ok(CowVal::owned(Ip(text.parse().map_err(|_| not_a("ip", text, "IP address"))?)))
    })?;
    env.add_overload("cidr", "cidr_string", vec![STRING_TYPE], |args| {
        let text = text(&args)?;
        Ok(CowVal::owned(Cidr(text.parse().map_err(|_| not_a("cidr", text, "CIDR range"))?)))
    })?;
    env.add_member_overload("contains", "cidr_contains_ip", CIDR_TYPE, vec![IP_TYPE], |args| {
        let (range, address) = (receiver(&args)?, argument::<Ip>(&args)?);
        Ok(CowVal::owned(CelBool::from(range.0.contains(&address.0))))
    })?;
    env.add_member_overload("contains", "cidr_contains_cidr", CIDR_TYPE, vec![CIDR_TYPE], |args| {
        let (range, other) = (receiver(&args)?, argument::<Cidr>(&args)?);
        Ok(CowVal::owned(CelBool::from(range.0.contains(&other.0))))
    })?;
    Ok(env)
}

fn text<'a>(args: &'a [CowVal<'_, '_>]) -> Result<&'a str, ExecutionError> {
    let arg = args.first().and_then(|a| a.downcast_ref::<CelString>());
    arg.map(|s| s.inner()).ok_or(ExecutionError::MissingArgumentOrTarget)
}

fn receiver<'a>(args: &'a [CowVal<'_, '_>]) -> Result<&'a Cidr, ExecutionError> {
    args.first().and_then(|a| a.downcast_ref()).ok_or(ExecutionError::MissingArgumentOrTarget)
}

fn argument<'a, T: StaticVal>(args: &'a [CowVal<'_, '_>]) -> Result<&'a T, ExecutionError> {
    args.get(1).and_then(|a| a.downcast_ref()).ok_or(ExecutionError::MissingArgumentOrTarget)
}

fn not_a(function: &str, text: &str, what: &str) -> ExecutionError {
    ExecutionError::function_error(function, format!("\"{text}\" is no {what}"))
}

const VERSION_TYPE: Type = Type::new_unspecified_type("ver");
const IP_TYPE: Type = Type::new_unspecified_type("ip");
const CIDR_TYPE: Type = Type::new_unspecified_type("cidr");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ip(IpAddr);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cidr(IpNet);

macro_rules! value {
    ($name:ident, $ty:ident $(, $comparer:item)?) => {
        impl Val for $name {
            fn get_type(&self) -> &Type {
                <Self as Val>::cel_type()
            }
            fn cel_type() -> &'static Type {
                static TYPE: Type = $ty;
                &TYPE
            }
            fn equals(&self, other: &dyn Val) -> bool {
                other.downcast_ref::<$name>().is_some_and(|o| o == self)
            }
            fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
                Box::new(*self)
            }
            fn as_any(&self) -> Option<&dyn Any> {
                Some(self)
            }
            $($comparer)?
        }
        impl StaticVal for $name {}
    };
}

value!(
    Version,
    VERSION_TYPE,
    fn as_comparer(&self) -> Option<&dyn Comparer> {
        Some(self)
    }
);
value!(Ip, IP_TYPE);
value!(Cidr, CIDR_TYPE);

impl Comparer for Version {
    fn compare(&self, other: &dyn Val) -> Result<Ordering, ExecutionError> {
        let other = other.downcast_ref::<Version>();
        other.map(|o| self.cmp(o)).ok_or_else(|| ExecutionError::function_error("ver", "compared with no version"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cel::{Context, Value};

    fn eval(source: &str) -> Result<Value, String> {
        let program = ENV.compile(source).map_err(|e| e.to_string())?;
        program.execute(&Context::with_env(Arc::clone(&ENV))).map_err(|e| e.to_string())
    }

    #[test]
    fn versions_compare_by_number_with_missing_parts_as_zero() {
        for source in [
            "ver('1.35.6-gke.1250000') > ver('1.35.6-gke.999')",
            "ver('1.35.6') < ver('1.35.6-gke.1')",
            "ver('1.9') < ver('1.10')",
            "ver('v1.35') == ver('1.35.0-gke.0')",
            "ver('16') <= ver('16.0')",
            "ver('1.35.6-gke.1') != ver('1.35.6-gke.2')",
        ] {
            assert_eq!(eval(source), Ok(Value::Bool(true)), "{source}");
        }
    }

    #[test]
    fn what_is_no_version_address_or_range_is_an_error() {
        for source in [
            "ver('') == ver('1')",
            "ver('latest') > ver('1')",
            "ver('1.35.6-gke.') > ver('1')",
            "ver('1.+2') > ver('1')",
            "ver('1.2.3.4') > ver('1')",
            "ver('1..2') > ver('1')",
            "ver('99999999999999999999') > ver('1')",
            "ip('10.0.0') == ip('10.0.0.1')",
            "cidr('10.0.0.0/33') == cidr('10.0.0.0/8')",
        ] {
            assert!(eval(source).is_err(), "{source}");
        }
    }

    #[test]
    fn ranges_contain_addresses_and_smaller_ranges() {
        for (source, expected) in [
            ("cidr('10.0.0.0/8').contains(ip('10.1.2.3'))", true),
            ("cidr('10.0.0.0/8').contains(ip('11.1.2.3'))", false),
            ("cidr('10.0.0.0/8').contains(ip('::1'))", false),
            ("cidr('fd00::/8').contains(ip('fd12::1'))", true),
            ("cidr('10.0.0.0/8').contains(cidr('10.1.0.0/16'))", true),
            ("cidr('10.1.0.0/16').contains(cidr('10.0.0.0/8'))", false),
            ("['10.0.0.0/8', '0.0.0.0/0'].exists(c, cidr(c).contains(ip('8.8.8.8')))", true),
            ("'abc'.contains('b')", true),
        ] {
            assert_eq!(eval(source), Ok(Value::Bool(expected)), "{source}");
        }
    }
}
