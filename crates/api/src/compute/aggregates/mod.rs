//! Aggregates, and the bases on their hosts.

pub mod actions;
pub mod images;
pub mod routes;
mod view;
mod wire;

use hatchery_control::Error;

/// The number in a path. Nova takes any whole number and finds none below 1.
fn number_of(text: &str) -> Result<u64, Error> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    match text.parse::<i128>() {
        Ok(_) => Err(Error::not_found("Aggregate", text)),
        Err(_) => Err(Error::Invalid("Invalid input received: id must be an integer".into())),
    }
}
