//! Listings: conditions put together, and pages cut by marker.

use crate::value::Value;
use hatchery_model::page::{Direction, Page};
use sqlx::AssertSqlSafe;
use std::fmt::Write;

/// A `SELECT` in the making. Every text that becomes part of it is a constant of this crate.
pub(crate) struct Select {
    sql: String,
    conditions: usize,
    values: Vec<Value>,
}

/// How a table is sorted and where its marker is found.
pub(crate) struct Sorting {
    pub(crate) table: &'static str,
    /// Sort keys of the API, each with its column or expression (which is never NULL).
    pub(crate) keys: &'static [(&'static str, &'static str)],
    /// What is sorted by when nothing is asked for.
    pub(crate) default: (&'static str, Direction),
    /// The column that a marker names, unique among the rows that `scope` leaves.
    pub(crate) id: &'static str,
    /// Which rows the marker is looked up in, `$1` being the first value of the listing; or nothing.
    pub(crate) scope: &'static str,
}

impl Select {
    /// From `SELECT … FROM …` on.
    pub(crate) fn new(head: &str) -> Self {
        Self { sql: head.to_owned(), conditions: 0, values: Vec::new() }
    }

    /// Adds a condition; each `?` in it is one of the values.
    pub(crate) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.conditions == 0 { " WHERE (" } else { " AND (" });
        self.conditions += 1;
        let mut values = values.into_iter();
        for c in condition.chars() {
            match c {
                '?' => {
                    if let Some(value) = values.next() {
                        self.push_value(value);
                    }
                }
                other => self.sql.push(other),
            }
        }
        self.sql.push(')');
    }

    /// Adds the condition if there is a value for it.
    pub(crate) fn and_maybe(&mut self, condition: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.and(condition, [value]);
        }
    }

    /// Adds: the column is one of the values; of none, nothing fits.
    pub(crate) fn and_one_of(&mut self, column: &str, values: Vec<Value>) {
        if values.is_empty() {
            self.and("1 = 0", []);
        } else {
            let marks = vec!["?"; values.len()].join(", ");
            self.and(&format!("{column} IN ({marks})"), values);
        }
    }

    fn push_value(&mut self, value: Value) -> usize {
        self.values.push(value);
        let place = self.values.len();
        // Writing to a String cannot fail.
        let _ = write!(self.sql, "${place}");
        place
    }

    /// Sorts, and leaves the rows of one page. Equal rows are ordered by id, so that the pages of a listing that does
    /// not change hold each row once. After a marker that is not there comes nothing.
    pub(crate) fn page(&mut self, sorting: &Sorting, page: &Page) {
        let mut order: Vec<(&str, Direction)> = page
            .sort
            .iter()
            .filter_map(|(name, direction)| {
                let key = sorting.keys.iter().find(|(key, _)| key == name)?;
                Some((key.1, *direction))
            })
            .collect();
        if order.is_empty() {
            order.push(sorting.default);
        }
        if order.iter().all(|(expression, _)| *expression != sorting.id) {
            order.push((sorting.id, Direction::Ascending));
        }
        if let Some(marker) = &page.marker {
            self.values.push(Value::Text(marker.clone()));
            let condition = after_marker(sorting, &order, self.values.len());
            self.and(&condition, []);
        }
        self.sql.push_str(" ORDER BY ");
        for (place, (expression, direction)) in order.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let direction = match direction {
                Direction::Ascending => "ASC",
                Direction::Descending => "DESC",
            };
            let _ = write!(self.sql, "{comma}{expression} {direction}");
        }
        if let Some(limit) = page.limit {
            self.sql.push_str(" LIMIT ");
            self.push_value(Value::Int(limit.into()));
        }
    }

    /// Adds a fixed end: an order, a limit.
    pub(crate) fn end(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    pub(crate) fn finish(self) -> (AssertSqlSafe<String>, Vec<Value>) {
        (AssertSqlSafe(self.sql), self.values)
    }
}

/// The condition of the rows that come after the marker, which is value number `place`.
fn after_marker(sorting: &Sorting, order: &[(&str, Direction)], place: usize) -> String {
    let Sorting { table, id, scope, .. } = sorting;
    let of_marker = |expression: &str| {
        format!("(SELECT {expression} FROM {table} WHERE {scope}{id} = ${place})")
    };
    let mut alternatives = Vec::with_capacity(order.len());
    let mut equal = String::new();
    for (expression, direction) in order {
        let beyond = match direction {
            Direction::Ascending => ">",
            Direction::Descending => "<",
        };
        let marker = of_marker(expression);
        alternatives.push(format!("({equal}{expression} {beyond} {marker})"));
        let _ = write!(equal, "{expression} = {marker} AND ");
    }
    let alternatives = alternatives.join(" OR ");
    match order.first() {
        // Says no more than the alternatives, in a form that an index can start from.
        Some((expression, direction)) => {
            let not_before = match direction {
                Direction::Ascending => ">=",
                Direction::Descending => "<=",
            };
            format!("{expression} {not_before} {} AND ({alternatives})", of_marker(expression))
        }
        None => alternatives,
    }
}
