//! Tokens taken back.

use crate::rows::{body, column, parse};
use crate::unit_of_work::Transaction;
use crate::value::int;
use async_trait::async_trait;
use hatchery_model::identity::Revocation;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{Revocations, StoreError};

const NOUN: &str = "revocation";
const LIST: &str = "SELECT subject, issued_before, forget_at FROM revocations \
    WHERE forget_at > $1 ORDER BY issued_before, subject";
/// One row a subject: the later moment revokes all that the earlier one does.
const INSERT: &str = "INSERT INTO revocations (subject, issued_before, forget_at) VALUES ($1, $2, $3) \
    ON CONFLICT (subject) DO UPDATE SET \
    issued_before = CASE WHEN excluded.issued_before > revocations.issued_before \
        THEN excluded.issued_before ELSE revocations.issued_before END, \
    forget_at = CASE WHEN excluded.forget_at > revocations.forget_at \
        THEN excluded.forget_at ELSE revocations.forget_at END";
const DELETE_FORGETTABLE: &str = "DELETE FROM revocations WHERE forget_at <= $1";

#[async_trait]
impl Revocations for Transaction {
    async fn list(&mut self, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        let rows = self.rows("read", NOUN, LIST, vec![int(now.0)]).await?;
        rows.iter()
            .map(|row| {
                Ok(Revocation {
                    subject: parse(NOUN, &column::<String>(NOUN, row, 0)?)?,
                    issued_before: Timestamp(column(NOUN, row, 1)?),
                    forget_at: Timestamp(column(NOUN, row, 2)?),
                })
            })
            .collect()
    }

    async fn insert(&mut self, revocation: &Revocation) -> Result<(), StoreError> {
        let values = vec![
            body(NOUN, &revocation.subject)?,
            int(revocation.issued_before.0),
            int(revocation.forget_at.0),
        ];
        self.change("write", NOUN, INSERT, values).await?;
        Ok(())
    }

    async fn delete_forgettable(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        self.change("remove", NOUN, DELETE_FORGETTABLE, vec![int(now.0)]).await
    }
}
