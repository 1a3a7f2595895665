//! Money as it is counted: whole millionths of a US dollar, so that sums are exact. On the wire, in documents and in configuration an amount
//! is a JSON number of dollars; it is read by its shortest decimal text, never by what a binary fraction makes of it.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Millionths of a dollar in a dollar.
const MICROS: i64 = 1_000_000;

/// An amount of US dollars, counted in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroDollars(i64);

/// Why a number is no amount.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is no amount of dollars; it is a number from 0 to {most}", most = MicroDollars::MOST)]
pub struct NotAnAmount(f64);

impl MicroDollars {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that can be named, a billion dollars: up to it a JSON number of dollars gives back the same amount.
    pub const MOST: Self = Self(1_000_000_000 * MICROS);

    /// So many millionths of a dollar.
    pub const fn new(millionths: i64) -> Self {
        Self(millionths)
    }

    /// How many millionths of a dollar.
    pub const fn count(self) -> i64 {
        self.0
    }

    /// A limit, in dollars: what is finer than a millionth is rounded down, so that no more is spent than was said.
    pub fn limit(dollars: f64) -> Result<Self, NotAnAmount> {
        read(dollars).map(|(whole, _)| whole)
    }

    /// A price, in dollars: what is finer than a millionth is rounded up, so that no less is counted than is owed.
    pub fn price(dollars: f64) -> Result<Self, NotAnAmount> {
        let (whole, is_exact) = read(dollars)?;
        Ok(if is_exact { whole } else { Self(whole.0 + 1) })
    }

    /// The number of dollars, as it goes out. Up to [`Self::MOST`], reading it gives the same amount.
    #[expect(clippy::cast_precision_loss, reason = "amounts up to `MOST` are exact, and the division is rounded to the nearest")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / MICROS as f64
    }

    /// So many times as much, or the most that can be counted.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self(self.0.saturating_mul(i64::from(factor)))
    }

    /// One of so many equal shares, rounded up.
    #[must_use]
    pub fn share_of(self, shares: u32) -> Self {
        let shares = i64::from(shares.max(1));
        Self(self.0.div_euclid(shares) + i64::from(self.0.rem_euclid(shares) > 0))
    }

    /// What is left of it after `spent`; never less than nothing.
    #[must_use]
    pub fn left_after(self, spent: Self) -> Self {
        Self(self.0.saturating_sub(spent.0).max(0))
    }
}

/// Whole millionths, and whether nothing finer was left out.
fn read(dollars: f64) -> Result<(MicroDollars, bool), NotAnAmount> {
    if !dollars.is_finite() || dollars < 0.0 {
        return Err(NotAnAmount(dollars));
    }
    // The shortest decimal that means this number, without an exponent.
    let text = dollars.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (kept, finer) = fraction.split_at_checked(6).unwrap_or((fraction, ""));
    let millionths = format!("{whole}{kept:0<6}").parse().map_err(|_| NotAnAmount(dollars))?;
    let amount = MicroDollars(millionths);
    if amount > MicroDollars::MOST { Err(NotAnAmount(dollars)) } else { Ok((amount, finer.is_empty())) }
}

impl Add for MicroDollars {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for MicroDollars {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl From<i64> for MicroDollars {
    fn from(millionths: i64) -> Self {
        Self(millionths)
    }
}

/// Dollars with four decimals, or with six where they are needed.
impl fmt::Display for MicroDollars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, count) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, millionths) = (count / MICROS.unsigned_abs(), count % MICROS.unsigned_abs());
        if millionths % 100 == 0 {
            write!(formatter, "{sign}{whole}.{:04}", millionths / 100)
        } else {
            write!(formatter, "{sign}{whole}.{millionths:06}")
        }
    }
}

/// A number of dollars.
impl Serialize for MicroDollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.dollars())
    }
}

/// A number of dollars. What is finer than a millionth is refused: a document that is read must not become another one.
impl<'de> Deserialize<'de> for MicroDollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(deserializer)?;
        match read(dollars).map_err(D::Error::custom)? {
            (amount, true) => Ok(amount),
            (_, false) => Err(D::Error::custom(format!("{dollars} dollars are no whole number of millionths"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn limit(dollars: f64) -> i64 {
        MicroDollars::limit(dollars).expect("an amount").count()
    }

    fn price(dollars: f64) -> i64 {
        MicroDollars::price(dollars).expect("an amount").count()
    }

    #[test]
    fn dollars_are_read_by_their_decimals_and_rounded_in_one_direction() {
        for (dollars, down, up) in [
            (0.0, 0, 0),
            (-0.0, 0, 0),
            (0.1, 100_000, 100_000),
            (0.3, 300_000, 300_000),
            (1.005, 1_005_000, 1_005_000),
            (0.000_001, 1, 1),
            (0.000_000_1, 0, 1),
            (5e-324, 0, 1),
            (1.234_567_89, 1_234_567, 1_234_568),
            (1e9, 1_000_000_000_000_000, 1_000_000_000_000_000),
        ] {
            assert_eq!((limit(dollars), price(dollars)), (down, up), "{dollars}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_in_words() {
        for dollars in [-0.1, -5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1_000_000_000.000_001, 1e10, 1e300, f64::MAX] {
            let refused = MicroDollars::limit(dollars).expect_err("it can't be meant");
            assert!(refused.to_string().contains("from 0 to 1000000000.0000"), "{refused}");
            assert!(MicroDollars::price(dollars).is_err(), "{dollars}");
        }
    }

    #[test]
    fn sums_are_exact() {
        let tenth = MicroDollars::limit(0.1).expect("an amount");
        assert_eq!(tenth + MicroDollars::limit(0.2).expect("an amount"), MicroDollars::limit(0.3).expect("an amount"));
        assert_eq!((0..1_000_000).map(|_| tenth).sum::<MicroDollars>(), MicroDollars::new(100_000_000_000));
        assert_eq!(MicroDollars::new(i64::MAX) + tenth, MicroDollars::new(i64::MAX), "it does not begin anew");
        assert_eq!(tenth.left_after(MicroDollars::MOST), MicroDollars::ZERO);
        assert_eq!(MicroDollars::new(7).share_of(2), MicroDollars::new(4), "a share is rounded up");
    }

    #[test]
    fn it_is_shown_with_as_many_decimals_as_it_needs() {
        for (count, shown) in [(0, "0.0000"), (4_500, "0.0045"), (4_501, "0.004501"), (12_345_678, "12.345678"), (-1, "-0.000001")] {
            assert_eq!(MicroDollars::new(count).to_string(), shown);
        }
    }

    #[test]
    fn a_document_with_a_finer_amount_is_refused_instead_of_changed() {
        assert_eq!(serde_json::from_value::<MicroDollars>(json!(20)).expect("whole dollars"), MicroDollars::new(20_000_000));
        assert!(serde_json::from_value::<MicroDollars>(json!(0.000_000_1)).is_err());
        assert!(serde_json::from_value::<MicroDollars>(json!(-1)).is_err());
    }

    proptest! {
        #[test]
        fn what_goes_out_comes_back(count in 0..=MicroDollars::MOST.count()) {
            let amount = MicroDollars::new(count);
            let text = serde_json::to_string(&amount).expect("a number");
            prop_assert_eq!(serde_json::from_str::<MicroDollars>(&text).expect("an amount"), amount, "{}", text);
        }

        #[test]
        fn a_limit_is_never_above_and_a_price_never_below_what_was_said(dollars in 0.0..1e9_f64) {
            let (down, up) = (MicroDollars::limit(dollars).expect("an amount"), MicroDollars::price(dollars).expect("an amount"));
            prop_assert!(down.dollars() <= dollars && up.dollars() >= dollars && up.count() - down.count() <= 1);
        }
    }
}
