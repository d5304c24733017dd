//! Numbers as JSON means them: by their value, whatever way they are written, and exactly where that is
//! possible.

use std::cmp::Ordering;

use serde_json::Number;

use crate::check::Fit;

/// From here on not every whole number is one of floating point.
const EXACT: i128 = 1 << 53;
/// How near a quotient may be to a whole number without anybody being able to say whether it is one.
const DOUBT: f64 = 1e-6;

/// The number, when it is written as a whole one that can be held.
pub(super) fn whole(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

/// Whether it is a whole number, written as one or not.
pub(super) fn is_whole(number: &Number) -> bool {
    whole(number).is_some() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// Which is larger; none when that is too close to tell.
pub(super) fn order(one: &Number, other: &Number) -> Option<Ordering> {
    if let (Some(one), Some(other)) = (whole(one), whole(other)) {
        return Some(one.cmp(&other));
    }
    let is_exact = |number: &Number| whole(number).is_none_or(|whole| whole.abs() <= EXACT);
    let order = one.as_f64()?.partial_cmp(&other.as_f64()?)?;
    (order != Ordering::Equal || (is_exact(one) && is_exact(other))).then_some(order)
}

/// Whether it can be divided without a rest.
pub(super) fn is_multiple(number: &Number, of: &Number) -> Fit {
    if let (Some(number), Some(of)) = (whole(number), whole(of)) {
        return match of {
            0 => Fit::Unknown,
            of => Fit::of(number % of == 0),
        };
    }
    let (Some(number), Some(of)) = (number.as_f64(), of.as_f64()) else {
        return Fit::Unknown;
    };
    let quotient = number / of;
    if !quotient.is_finite() || quotient.abs() >= 1e9 {
        return Fit::Unknown;
    }
    let distance = (quotient - quotient.round()).abs();
    if distance > DOUBT {
        Fit::No
    } else if distance == 0.0 && number.fract() == 0.0 && of.fract() == 0.0 {
        Fit::Yes
    } else {
        Fit::Unknown
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn number(value: Value) -> Number {
        match value {
            Value::Number(number) => number,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn numbers_are_compared_by_value() {
        use Ordering::{Equal, Greater, Less};
        let big = 9_007_199_254_740_993_i64;
        let cases = [
            (json!(1), json!(1.0), Some(Equal)),
            (json!(-1), json!(u64::MAX), Some(Less)),
            (json!(i64::MAX), json!(i64::MAX - 1), Some(Greater)),
            (json!(0.1), json!(0.2), Some(Less)),
            (json!(big), json!(9_007_199_254_740_992.0), None),
            (json!(big), json!(1e300), Some(Less)),
        ];
        for (one, other, expected) in cases {
            assert_eq!(
                order(&number(one.clone()), &number(other.clone())),
                expected,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn whether_one_is_a_multiple_is_said_only_when_it_is_certain() {
        let cases = [
            (json!(6), json!(3), Fit::Yes),
            (json!(7), json!(3), Fit::No),
            (json!(6.0), json!(3), Fit::Yes),
            (json!(0.25), json!(0.1), Fit::No),
            (json!(0.3), json!(0.1), Fit::Unknown),
            (json!(1e300), json!(7), Fit::Unknown),
            (json!(7), json!(1e-320), Fit::Unknown),
            (json!(7), json!(0), Fit::Unknown),
            (json!(0), json!(0.5), Fit::Unknown),
        ];
        for (one, of, expected) in cases {
            let found = is_multiple(&number(one.clone()), &number(of.clone()));
            assert_eq!(found, expected, "{one} {of}");
        }
    }
}
