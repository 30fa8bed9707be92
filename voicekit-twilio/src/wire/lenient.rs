//! Fields on which nothing depends: what cannot be read is as if it were missing.
//!
//! Nothing is copied or buffered on the way to the audio, so that these are visitors and not values.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What is made of a text or a number, or of anything else by its default.
trait Reading<'de>: Default {
    fn text(text: Cow<'de, str>) -> Self;

    fn whole(number: u64) -> Self;
}

impl<'de> Reading<'de> for Cow<'de, str> {
    fn text(text: Self) -> Self {
        text
    }

    fn whole(number: u64) -> Self {
        Cow::Owned(number.to_string())
    }
}

impl<'de> Reading<'de> for Option<u64> {
    fn text(text: Cow<'de, str>) -> Self {
        text.trim().parse().ok()
    }

    fn whole(number: u64) -> Self {
        Some(number)
    }
}

/// Reads text, also from a whole number; anything else as the empty text.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_any(Any(PhantomData))
}

/// Reads a whole number that is not negative, which may be quoted; anything else as `None`.
pub(super) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    from.deserialize_any(Any(PhantomData))
}

/// Reads text that is kept.
pub(super) fn owned<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    text(from).map(Cow::into_owned)
}

/// Reads the parameters of a stream: those whose value is a text or a whole number.
pub(super) fn parameters<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let value = <Option<serde_json::Value> as serde::Deserialize>::deserialize(from)?;
    let fields = value.as_ref().and_then(serde_json::Value::as_object);
    let texts = fields.into_iter().flatten().filter_map(|(name, value)| {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::Bool(flag) => flag.to_string(),
            serde_json::Value::Null
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => return None,
        };
        Some((name.clone(), text))
    });
    Ok(texts.collect())
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Reading<'de>> Visitor<'de> for Any<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok(T::whole(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        Ok(u64::try_from(number).map_or_else(|_| T::default(), T::whole))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        /// The largest whole number that a float holds exactly.
        const LARGEST: f64 = 9_007_199_254_740_992.0;
        let is_whole = number.fract() == 0.0 && (0.0..LARGEST).contains(&number);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        Ok(if is_whole { T::whole(number as u64) } else { T::default() })
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<T, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }
}
