//! Notes in a table of their own: read and written without the tree lock, since nothing in the tree depends on them.

use std::collections::BTreeMap;

use deadpool_postgres::ClientWrapper;
use tokio_postgres::Error;

use super::table::{execute, query};
use crate::io::keystore::{Note, Noted, Space};

/// Carries changes out, durable as a whole; of two for one note the later one counts.
pub(super) async fn put(client: &ClientWrapper, notes: &[Note]) -> Result<(), Error> {
    let mut last: BTreeMap<(&str, &[u8]), Option<&[u8]>> = BTreeMap::new();
    for note in notes {
        last.insert((note.space.as_str(), &note.key), note.value.as_deref());
    }
    let gone: (Vec<&str>, Vec<&[u8]>) =
        last.iter().filter(|(_, value)| value.is_none()).map(|(place, _)| *place).unzip();
    let (mut spaces, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for ((space, key), value) in last {
        if let Some(value) = value {
            spaces.push(space);
            keys.push(key);
            values.push(value);
        }
    }
    let sql = "WITH gone AS (DELETE FROM lethe_notes AS held USING unnest($1::text[], $2::bytea[]) AS old (space, key)
                             WHERE held.space = old.space AND held.key = old.key)
               INSERT INTO lethe_notes SELECT * FROM unnest($3::text[], $4::bytea[], $5::bytea[])
               ON CONFLICT (space, key) DO UPDATE SET value = excluded.value";
    execute(client, sql, &[&gone.0, &gone.1, &spaces, &keys, &values]).await?;
    Ok(())
}

/// One note.
pub(super) async fn get(client: &ClientWrapper, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT value FROM lethe_notes WHERE space = $1 AND key = $2";
    let rows = query(client, sql, &[&space.as_str(), &key]).await?;
    rows.first().map(|row| row.try_get(0)).transpose()
}

/// Notes whose keys begin with `prefix`, in order, behind `after`.
pub(super) async fn list(
    client: &ClientWrapper,
    space: Space,
    (prefix, after): (&[u8], Option<&[u8]>),
    limit: usize,
) -> Result<Vec<Noted>, Error> {
    let (end, limit) = (end_of(prefix), i64::try_from(limit).unwrap_or(i64::MAX));
    let sql = "SELECT key, value FROM lethe_notes
               WHERE space = $1 AND key >= $2 AND ($3::bytea IS NULL OR key < $3) AND ($4::bytea IS NULL OR key > $4)
               ORDER BY key LIMIT $5";
    let rows = query(client, sql, &[&space.as_str(), &prefix, &end, &after, &limit]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// The first key behind all that begin with a prefix; `None` where there is none.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix.get(..=kept)?.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_the_next_one_begins() {
        assert_eq!(end_of(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(end_of(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!((end_of(b""), end_of(b"\xff")), (None, None));
    }
}
