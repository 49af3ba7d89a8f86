//! A server as a row. Its number stands in its column alone, where the engine gives it.

use crate::rows::{body, column, number, parse};
use crate::value::{Value, int, maybe_text, text};
use hatchery_model::compute::{Server, ServerState};
use hatchery_ports::store::StoreError;
use sqlx::any::AnyRow;

pub(super) const NOUN: &str = "server";

/// Values of the columns, in the order of the statements that write.
pub(super) fn values(server: &Server) -> Result<Vec<Value>, StoreError> {
    let deleted = matches!(server.state, ServerState::Deleted { .. });
    Ok(vec![
        text(server.id),
        int(server.generation.0),
        text(&server.project),
        text(&server.user),
        maybe_text(server.image),
        text(&server.flavor.id),
        text(&server.name),
        maybe_text(server.host.as_ref()),
        text(server.state.name()),
        int(deleted),
        int(server.created_at.0),
        int(server.updated_at.0),
        body(NOUN, server)?,
    ])
}

/// From the columns with its number and its body.
pub(crate) fn from_row(
    row: &AnyRow,
    number_at: usize,
    body_at: usize,
) -> Result<Server, StoreError> {
    let server: Server = parse(NOUN, &column::<String>(NOUN, row, body_at)?)?;
    Ok(Server { number: number(NOUN, row, number_at)?, ..server })
}
