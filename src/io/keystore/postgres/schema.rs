//! The tables, and how they came to be: one list of steps, of which a database has taken the first so many.
//!
//! Every table of the tree is key and value, both bytes as [`crate::keys::rows`] writes them: nothing is in clear, and a row
//! means the same in every store. Beside the value of mids, pages and buckets stands the change that wrote it, so that a
//! process reads only what is new to it.

use super::link::{Link, Session};
use crate::io::keystore::StoreError;

/// What leads from one version to the next. A step that was released is never altered.
const STEPS: [&str; 2] = [
    "
    CREATE TABLE lethe_state (
        single     boolean PRIMARY KEY DEFAULT true CHECK (single),
        deployment bytea   NOT NULL,
        version    bigint  NOT NULL,  -- changes of the tree; each takes the tree lock alone
        epoch      bigint  NOT NULL,
        next_id    bigint  NOT NULL
    );
    -- How many subjects there are, summed over slots, so that nobody waits for anybody to count.
    CREATE TABLE lethe_counted (slot integer PRIMARY KEY, subjects bigint NOT NULL) WITH (fillfactor = 20);
    INSERT INTO lethe_counted SELECT slot, 0 FROM generate_series(0, 63) AS slot;
    CREATE TABLE lethe_meta (key bytea PRIMARY KEY, value bytea NOT NULL);
    CREATE TABLE lethe_mids (key bytea PRIMARY KEY, value bytea NOT NULL, version bigint NOT NULL);
    CREATE TABLE lethe_pages (key bytea PRIMARY KEY, value bytea NOT NULL, version bigint NOT NULL);
    CREATE TABLE lethe_buckets (key bytea PRIMARY KEY, value bytea NOT NULL, version bigint NOT NULL);
    CREATE INDEX ON lethe_mids (version);
    CREATE INDEX ON lethe_pages (version);
    CREATE INDEX ON lethe_buckets (version);
    -- Room on each block for rows that are re-sealed: they stay where they are, and the index does not grow.
    CREATE TABLE lethe_subjects (key bytea PRIMARY KEY, value bytea NOT NULL) WITH (fillfactor = 75);
    CREATE TABLE lethe_fences (key bytea PRIMARY KEY, value bytea NOT NULL);
    CREATE TABLE lethe_epochs (key bytea PRIMARY KEY, value bytea NOT NULL);
    CREATE TABLE lethe_requests (name text PRIMARY KEY, progress bytea NOT NULL, settled boolean NOT NULL);
    CREATE INDEX ON lethe_requests (name) WHERE NOT settled;
",
    "
    CREATE TABLE lethe_notes (space text NOT NULL, key bytea NOT NULL, value bytea NOT NULL, PRIMARY KEY (space, key));
",
];

/// Over how many rows the count of subjects is spread.
pub(super) const SLOTS: u32 = 64;

/// Held while tables are made: two processes may start at once.
const MAKING: i64 = 0x6c65_7468_6500;

/// Makes the tables, or takes the steps that are missing. A user who may not create anything can start once they are there.
pub(super) fn ensure(link: &Link) -> Result<(), StoreError> {
    let session = link.session()?;
    let known = i32::try_from(STEPS.len()).unwrap_or(i32::MAX);
    if version(&session)? != Some(known) {
        // The session's lock, and the transaction after it: only a transaction that begins later sees what others have made.
        session.run(async |client| client.execute("SELECT pg_advisory_lock($1)", &[&MAKING]).await)?;
        session.run(async |client| client.batch_execute("BEGIN").await)?;
        let found = version(&session)?.unwrap_or(0);
        if found > known {
            return Err(StoreError::Newer { server: link.server().to_owned(), found, known });
        }
        let taken = usize::try_from(found).unwrap_or(0);
        session.run(async |client| {
            if taken == 0 {
                let table = "CREATE TABLE lethe_schema (single boolean PRIMARY KEY DEFAULT true CHECK (single), version integer NOT NULL);
                    INSERT INTO lethe_schema (version) VALUES (0)";
                client.batch_execute(table).await?;
            }
            for step in STEPS.iter().skip(taken) {
                client.batch_execute(step).await?;
            }
            client.execute("UPDATE lethe_schema SET version = $1", &[&known]).await?;
            client.batch_execute("COMMIT").await?;
            client.execute("SELECT pg_advisory_unlock($1)", &[&MAKING]).await
        })?;
    }
    session.done();
    Ok(())
}

/// Whether there are any tables.
pub(super) fn present(link: &Link) -> Result<bool, StoreError> {
    let session = link.session()?;
    let present = version(&session)?.is_some();
    session.done();
    Ok(present)
}

fn version(session: &Session<'_>) -> Result<Option<i32>, StoreError> {
    session.run(async |client| {
        let there = client.query_one("SELECT to_regclass('lethe_schema') IS NOT NULL", &[]).await?;
        if !there.try_get::<_, bool>(0)? {
            return Ok(None);
        }
        client.query_one("SELECT version FROM lethe_schema", &[]).await?.try_get(0).map(Some)
    })
}
