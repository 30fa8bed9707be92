//! Reading messages whose optional fields may be anything.
//!
//! Services leave fields out, send `null`, quote numbers and change types between versions. A
//! field on which nothing depends must not end a call, so that each of these functions, used as
//! `#[serde(default, deserialize_with = "lenient::…")]`, never fails: what cannot be read is as if
//! it were missing. [`parse`] does the same for values that are not JSON at all, such as `NaN`.

mod parse;

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub use parse::{NotJson, parse};

/// The longest time that is believed. Times below it can be added up.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The largest whole number that a float holds exactly, and one that no service reaches.
const LARGEST_FLOAT: f64 = 9_007_199_254_740_992.0;

/// Reads text; a number is read as its digits, anything else as the empty text.
///
/// # Errors
///
/// Only if the input is not JSON.
pub fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    some_text(from).map(Option::unwrap_or_default)
}

/// Reads text; a number is read as its digits, anything else as `None`.
///
/// # Errors
///
/// Only if the input is not JSON.
pub fn some_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

/// Reads a flag: `true`, `"true"` and `1` are true, anything else is false.
///
/// # Errors
///
/// Only if the input is not JSON.
pub fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Value::deserialize(from).map(|value| flag_of(&value))
}

/// Reads a finite number, which may be quoted; anything else as `None`.
///
/// # Errors
///
/// Only if the input is not JSON.
pub fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Value::deserialize(from).map(|value| number_of(&value))
}

/// Reads a number from 0 to 1, such as a confidence; anything else as `None`.
///
/// # Errors
///
/// Only if the input is not JSON.
pub fn share<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f32>, D::Error> {
    let number = number(from)?.filter(|number| (0.0..=1.0).contains(number));
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1 only digits are lost")]
    Ok(number.map(|number| number as f32))
}

/// Reads a whole number that is not negative, which may be quoted or written as `3.0`; anything
/// else as `None`.
///
/// # Errors
///
/// Only if the input is not JSON.
pub fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Value::deserialize(from).map(|value| whole_of(&value))
}

/// Reads a time in seconds, which may be quoted; `None` if it is negative, longer than a year or
/// not a number.
///
/// # Errors
///
/// Only if the input is not JSON.
pub fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    Ok(number(from)?.and_then(time))
}

/// Reads a time in milliseconds, which may be quoted; `None` if it is negative, longer than a year
/// or not a number.
///
/// # Errors
///
/// Only if the input is not JSON.
pub fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    Ok(number(from)?.and_then(|millis| time(millis / 1_000.0)))
}

/// Reads a value of any type that has a default, which stands for what cannot be read.
///
/// # Errors
///
/// Only if the input is not JSON.
pub fn or_default<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Default + serde::de::DeserializeOwned,
    D: Deserializer<'de>,
{
    Value::deserialize(from).map(|value| T::deserialize(value).unwrap_or_default())
}

/// Reads a list. Items that cannot be read are left out, an object stands for a list of itself,
/// and anything else is an empty list.
///
/// # Errors
///
/// Only if the input is not JSON.
pub fn list<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: serde::de::DeserializeOwned,
    D: Deserializer<'de>,
{
    let items = match Value::deserialize(from)? {
        Value::Array(items) => items,
        object @ Value::Object(_) => vec![object],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    Ok(items.into_iter().filter_map(|item| T::deserialize(item).ok()).collect())
}

/// Returns a flag as [`flag`] reads it.
pub fn flag_of(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::String(text) => text.trim().eq_ignore_ascii_case("true"),
        Value::Number(number) => number.as_f64() == Some(1.0),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Returns a number as [`number`] reads it.
pub fn number_of(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|number| number.is_finite())
}

/// Returns a whole number as [`whole`] reads it.
pub fn whole_of(value: &Value) -> Option<u64> {
    let exact = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    if exact.is_some() {
        return exact;
    }
    let number = number_of(value)?;
    let is_whole = number.fract() == 0.0 && (0.0..LARGEST_FLOAT).contains(&number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was checked")]
    is_whole.then_some(number as u64)
}

/// Returns the fields of an object; none for anything else.
pub fn fields_of(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn time(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|time| *time < LONGEST)
}
