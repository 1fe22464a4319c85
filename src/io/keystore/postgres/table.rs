//! Rows in and out of the tables: bytes, whatever they mean.

use std::collections::BTreeMap;
use std::collections::HashMap;

use deadpool_postgres::ClientWrapper;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::link::Session;
use crate::io::keystore::StoreError;
use crate::io::keystore::epoch::key_id;
use crate::keys::rows::{FenceRow, SubjectRow, Table, Tally, Write};
use crate::keys::{Damaged, KeyId, PageRows, Tree};

/// A row: key and value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// What a table is called, and whether its rows carry the change that wrote them.
pub(super) fn named(table: Table) -> (&'static str, bool) {
    match table {
        Table::Meta => ("lethe_meta", false),
        Table::Mids => ("lethe_mids", true),
        Table::Pages => ("lethe_pages", true),
        Table::Buckets => ("lethe_buckets", true),
        Table::Subjects => ("lethe_subjects", false),
        Table::Fences => ("lethe_fences", false),
        Table::Epochs => ("lethe_epochs", false),
    }
}

/// Runs a statement that is prepared once a connection.
pub(super) async fn query(
    client: &ClientWrapper,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, parameters).await
}

/// The same for one that gives no rows.
pub(super) async fn execute(
    client: &ClientWrapper,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<u64, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.execute(&statement, parameters).await
}

pub(super) fn pair(row: &Row) -> Result<Pair, Error> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Carries writes out, in the transaction that is open. The tally has a row of its own, and page counts are not kept.
pub(super) async fn write(client: &ClientWrapper, writes: &[Write], version: i64) -> Result<(), Error> {
    let mut tables: BTreeMap<Table, BTreeMap<&[u8], Option<&[u8]>>> = BTreeMap::new();
    for write in writes {
        if write.table != Table::Meta || (write.key != Tally::KEY && write.key != Tally::COUNTS_KEY) {
            tables.entry(write.table).or_default().insert(&write.key, write.value.as_deref());
        }
    }
    for (table, rows) in tables {
        let (name, versioned) = named(table);
        let (mut keys, mut values, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (key, value) in rows {
            match value {
                Some(value) => {
                    keys.push(key);
                    values.push(value);
                }
                None => gone.push(key),
            }
        }
        if !gone.is_empty() {
            execute(client, &format!("DELETE FROM {name} WHERE key = ANY($1)"), &[&gone]).await?;
        }
        if keys.is_empty() {
            continue;
        }
        if versioned {
            let sql = format!(
                "INSERT INTO {name} SELECT key, value, $3 FROM unnest($1::bytea[], $2::bytea[]) AS new (key, value)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version"
            );
            execute(client, &sql, &[&keys, &values, &version]).await?;
        } else if table == Table::Subjects {
            // Most stand there already, and are re-sealed: an update in place costs half of what an insert that conflicts does.
            let sql = "WITH new (key, value) AS (SELECT * FROM unnest($1::bytea[], $2::bytea[])),
                       there AS (UPDATE lethe_subjects AS held SET value = new.value FROM new WHERE held.key = new.key RETURNING held.key)
                       INSERT INTO lethe_subjects SELECT * FROM new WHERE NOT EXISTS (SELECT FROM there WHERE there.key = new.key)";
            execute(client, sql, &[&keys, &values]).await?;
        } else {
            let sql = format!(
                "INSERT INTO {name} SELECT * FROM unnest($1::bytea[], $2::bytea[])
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            );
            execute(client, &sql, &[&keys, &values]).await?;
        }
    }
    Ok(())
}

/// Rows of these keys, as many as there are.
pub(super) fn get(session: &Session<'_>, table: Table, keys: &[&[u8]]) -> Result<Vec<Pair>, StoreError> {
    let (name, _) = named(table);
    session.run(async |client| {
        let rows = query(client, &format!("SELECT key, value FROM {name} WHERE key = ANY($1)"), &[&keys]).await?;
        rows.iter().map(pair).collect()
    })
}

/// Fences of these subjects, as many as there are.
pub(super) fn fences(session: &Session<'_>, ids: &[KeyId]) -> Result<HashMap<KeyId, FenceRow>, StoreError> {
    let keys: Vec<&[u8]> = ids.iter().map(|id| id.0.as_slice()).collect();
    let rows = get(session, Table::Fences, &keys)?;
    let rows = rows.iter().map(|(key, value)| Ok((key_id(key, Table::Fences)?, FenceRow::decode(value)?)));
    Ok(rows.collect::<Result<_, Damaged>>()?)
}

/// Above every key of 16 bytes.
const BEYOND: [u8; 17] = [0xff; 17];

/// First keys of some pages, and where each ends.
pub(super) fn ranges<'t>(tree: &'t Tree, starts: &'t [KeyId]) -> (Vec<&'t [u8]>, Vec<Vec<u8>>) {
    let end = |start: &KeyId| tree.page_end(start).map_or(BEYOND.to_vec(), |end| end.0.to_vec());
    (starts.iter().map(|start| start.0.as_slice()).collect(), starts.iter().map(end).collect())
}

/// All rows of some pages, in order.
pub(super) fn page_rows(session: &Session<'_>, tree: &Tree, starts: &[KeyId]) -> Result<PageRows, StoreError> {
    let mut pages: PageRows = starts.iter().map(|start| (*start, Vec::new())).collect();
    if starts.is_empty() {
        return Ok(pages);
    }
    let (from, to) = ranges(tree, starts);
    let rows = session.run(async |client| {
        let sql = "SELECT page.start, held.key, held.value FROM unnest($1::bytea[], $2::bytea[]) AS page (start, stop)
                   JOIN lethe_subjects held ON held.key >= page.start AND held.key < page.stop ORDER BY held.key";
        query(client, sql, &[&from, &to]).await
    })?;
    for row in rows {
        let read = |column| row.try_get::<_, &[u8]>(column).map_err(|_| Damaged(Table::Subjects));
        let (start, id) = (key_id(read(0)?, Table::Subjects)?, key_id(read(1)?, Table::Subjects)?);
        pages.entry(start).or_default().push((id, SubjectRow::decode(read(2)?)?));
    }
    Ok(pages)
}
