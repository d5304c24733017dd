//! The calculator: arithmetic over decimal numbers with `+ - * / ^`, parentheses and a leading
//! minus. `^` binds to the right and more tightly than a leading minus, as on paper.

/// The longest expression, in bytes.
const LONGEST: usize = 1000;

/// How deeply parentheses, signs and powers may be nested.
const DEEPEST: usize = 64;

/// Why an expression has no value. Positions are counted in characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("the expression is longer than {LONGEST} characters")]
    TooLong,
    #[error("the expression is nested more than {DEEPEST} levels deep")]
    TooDeep,
    #[error("the expression ends where a number is expected")]
    Ends,
    #[error("{found:?} at position {at} is not expected here")]
    Unexpected { found: char, at: usize },
    #[error("the number {0:?} cannot be read")]
    Number(String),
    #[error("division by zero")]
    DivisionByZero,
    #[error("the result is not a real number that can be written")]
    NotReal,
}

/// The value of an expression, as text: whole numbers without a point, others with at most 12
/// significant digits.
pub(super) fn calculate(expression: &str) -> Result<String, Fault> {
    if expression.len() > LONGEST {
        return Err(Fault::TooLong);
    }
    let mut reader = Reader {
        rest: expression,
        read: 0,
        depth: 0,
    };
    let value = reader.sum()?;
    match reader.peek() {
        None => written(value),
        Some(found) => Err(Fault::Unexpected {
            found,
            at: reader.read + 1,
        }),
    }
}

/// Rounds away what binary fractions add, so that 0.1 + 0.2 is 0.3.
fn written(value: f64) -> Result<String, Fault> {
    if !value.is_finite() {
        return Err(Fault::NotReal);
    }
    let rounded: f64 = format!("{value:.11e}")
        .parse()
        .map_err(|_| Fault::NotReal)?;
    let whole = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
    // A negative zero is a zero.
    let shown = if whole { value } else { rounded } + 0.0;
    Ok(if shown != 0.0 && !(1e-6..1e16).contains(&shown.abs()) {
        format!("{shown:e}")
    } else {
        format!("{shown}")
    })
}

/// Reads an expression from left to right, computing as it goes.
struct Reader<'a> {
    rest: &'a str,
    /// How many characters were read.
    read: usize,
    depth: usize,
}

impl Reader<'_> {
    /// The next character that is not a space, without taking it.
    fn peek(&mut self) -> Option<char> {
        loop {
            let next = self.rest.chars().next()?;
            if !next.is_whitespace() {
                return Some(next);
            }
            self.take(next);
        }
    }

    fn take(&mut self, character: char) {
        self.rest = self.rest.get(character.len_utf8()..).unwrap_or_default();
        self.read += 1;
    }

    /// Takes the next character if it is one of these.
    fn take_any(&mut self, wanted: &[char]) -> Option<char> {
        let next = self.peek().filter(|next| wanted.contains(next))?;
        self.take(next);
        Some(next)
    }

    fn sum(&mut self) -> Result<f64, Fault> {
        let mut value = self.product()?;
        while let Some(operator) = self.take_any(&['+', '-']) {
            let right = self.product()?;
            value = if operator == '+' {
                value + right
            } else {
                value - right
            };
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<f64, Fault> {
        let mut value = self.signed()?;
        while let Some(operator) = self.take_any(&['*', '/', '×', '÷']) {
            let right = self.signed()?;
            if matches!(operator, '*' | '×') {
                value *= right;
            } else if right == 0.0 {
                return Err(Fault::DivisionByZero);
            } else {
                value /= right;
            }
        }
        Ok(value)
    }

    fn signed(&mut self) -> Result<f64, Fault> {
        match self.take_any(&['-', '+']) {
            Some('-') => Ok(-self.deeper(Self::signed)?),
            Some(_) => self.deeper(Self::signed),
            None => self.power(),
        }
    }

    fn power(&mut self) -> Result<f64, Fault> {
        let base = self.atom()?;
        if self.take_any(&['^']).is_none() {
            return Ok(base);
        }
        let exponent = self.deeper(Self::signed)?;
        if base == 0.0 && exponent < 0.0 {
            return Err(Fault::DivisionByZero);
        }
        Ok(base.powf(exponent))
    }

    fn atom(&mut self) -> Result<f64, Fault> {
        match self.peek().ok_or(Fault::Ends)? {
            '(' => {
                self.take('(');
                let value = self.deeper(Self::sum)?;
                match self.peek() {
                    Some(')') => {
                        self.take(')');
                        Ok(value)
                    }
                    Some(found) => Err(Fault::Unexpected {
                        found,
                        at: self.read + 1,
                    }),
                    None => Err(Fault::Ends),
                }
            }
            digit if digit.is_ascii_digit() || digit == '.' => self.number(),
            found => Err(Fault::Unexpected {
                found,
                at: self.read + 1,
            }),
        }
    }

    fn number(&mut self) -> Result<f64, Fault> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (digits, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        self.read += digits.len();
        digits.parse().map_err(|_| Fault::Number(digits.to_owned()))
    }

    fn deeper(&mut self, part: fn(&mut Self) -> Result<f64, Fault>) -> Result<f64, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Fault::TooDeep);
        }
        let value = part(self)?;
        self.depth -= 1;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_that_of_paper() {
        let table = [
            ("12*7", "84"),
            ("2 + 3 * 4", "14"),
            ("(2 + 3) * 4", "20"),
            ("2^3^2", "512"),
            ("-2^2", "-4"),
            ("(-2)^2", "4"),
            ("2^-1", "0.5"),
            ("10 - 4 - 3", "3"),
            ("100 / 8 / 2", "6.25"),
            ("0.1 + 0.2", "0.3"),
            ("1 / 3", "0.333333333333"),
            ("--5", "5"),
            ("3 × 4 ÷ 2", "6"),
            (".5 + 1.", "1.5"),
            ("0 * -1", "0"),
            ("2^53", "9007199254740992"),
            ("10^20", "1e20"),
            ("10^-7", "1e-7"),
            ("123456789 * 1000", "123456789000"),
        ];
        for (expression, expected) in table {
            assert_eq!(
                calculate(expression).as_deref(),
                Ok(expected),
                "{expression}"
            );
        }
    }

    #[test]
    fn what_has_no_value_is_told_with_its_place() {
        let table = [
            ("", Fault::Ends),
            ("1 +", Fault::Ends),
            ("(1", Fault::Ends),
            ("1 + x", Fault::Unexpected { found: 'x', at: 5 }),
            ("1 1", Fault::Unexpected { found: '1', at: 3 }),
            ("1)", Fault::Unexpected { found: ')', at: 2 }),
            ("*1", Fault::Unexpected { found: '*', at: 1 }),
            ("1.2.3", Fault::Number("1.2.3".to_owned())),
            ("1/0", Fault::DivisionByZero),
            ("1/(2-2)", Fault::DivisionByZero),
            ("0^-1", Fault::DivisionByZero),
            ("(-8)^0.5", Fault::NotReal),
            ("9^9^9^9", Fault::NotReal),
        ];
        for (expression, expected) in table {
            assert_eq!(calculate(expression), Err(expected), "{expression}");
        }
        assert_eq!(calculate(&"(".repeat(100)), Err(Fault::TooDeep));
        assert_eq!(calculate(&"-".repeat(1000)), Err(Fault::TooDeep));
        assert_eq!(calculate(&"1".repeat(1001)), Err(Fault::TooLong));
    }
}
