//! Values of statements: text and 64-bit integers, the only types that the schema has.

use sqlx::any::AnyArguments;
use sqlx::{Arguments, error::BoxDynError};

pub(crate) enum Value {
    Text(String),
    Int(i64),
    /// NULL where the column is text.
    NoText,
    /// NULL where the column is an integer.
    NoInt,
}

pub(crate) fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

pub(crate) fn maybe_text(value: Option<impl ToString>) -> Value {
    value.map_or(Value::NoText, text)
}

pub(crate) fn int(value: impl Into<i64>) -> Value {
    Value::Int(value.into())
}

/// An unsigned quantity; one beyond 2^63 is stored as the largest that fits.
pub(crate) fn quantity(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

pub(crate) fn maybe_quantity(value: Option<u64>) -> Value {
    value.map_or(Value::NoInt, quantity)
}

pub(crate) fn arguments(values: Vec<Value>) -> Result<AnyArguments, BoxDynError> {
    let mut arguments = AnyArguments::default();
    for value in values {
        match value {
            Value::Text(text) => arguments.add(text)?,
            Value::Int(int) => arguments.add(int)?,
            Value::NoText => arguments.add(None::<String>)?,
            Value::NoInt => arguments.add(None::<i64>)?,
        }
    }
    Ok(arguments)
}
