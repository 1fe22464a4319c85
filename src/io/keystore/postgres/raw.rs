//! The tables' rows without the keys to them, for a migration.

use super::fetch::TREE;
use super::forget::LEADER;
use super::link::{Connecting, Link, Session};
use super::table::{execute, get, pair, query};
use super::{lock_number, notes, schema, table};
use crate::io::keystore::migrate::{Held, Hold, MIGRATING, Pair, RawStore, RequestRow};
use crate::io::keystore::{Note, Noted, Space, StoreError};
use crate::keys::rows::{Table, Tally, Write};
use crate::keys::{Damaged, DeploymentId};

/// Notes that are read at once.
const NOTES: usize = 10_000;

/// A database's rows.
pub(in crate::io::keystore) struct RawDatabase {
    link: Link,
    lock: i32,
}

impl RawDatabase {
    /// Connects, and makes the tables where `made` says so.
    pub fn open(connecting: &Connecting, made: bool) -> Result<Self, StoreError> {
        let link = Link::new(connecting)?;
        if !made && !schema::present(&link)? {
            return Err(StoreError::Empty(link.server().to_owned()));
        }
        schema::ensure(&link)?;
        let lock = lock_number(&link)?;
        Ok(Self { link, lock })
    }
}

impl Hold for Session<'_> {}

impl RawStore for RawDatabase {
    fn name(&self) -> &str {
        self.link.server()
    }

    fn hold(&self) -> Result<Held<'_>, StoreError> {
        let session = self.link.session()?;
        let others = session.run(async |client| {
            let sql =
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user
                       AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()";
            client.query_one(sql, &[]).await?.try_get::<_, i64>(0)
        })?;
        if others > 0 {
            return Err(StoreError::InUse(self.link.server().to_owned()));
        }
        for class in [LEADER, TREE] {
            let key = self.lock;
            session.run(async |client| execute(client, "SELECT pg_advisory_lock($1, $2)", &[&class, &key]).await)?;
        }
        Ok(Box::new(session))
    }
    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let session = self.link.session()?;
        let value = if key == Tally::KEY {
            let sql = "SELECT epoch, next_id, (SELECT coalesce(sum(subjects), 0)::bigint FROM lethe_counted) FROM lethe_state";
            let row = session.run(async |client| client.query_opt(sql, &[]).await)?;
            let number = |column| {
                let row = row.as_ref().ok_or(Damaged(Table::Meta))?;
                super::state::unsigned(row, column).map_err(|_| Damaged(Table::Meta))
            };
            match &row {
                Some(_) => Tally { epoch: number(0)?, next_id: number(1)?, subjects: number(2)? }.write().value,
                None => None,
            }
        } else {
            get(&session, Table::Meta, &[key])?.into_iter().next().map(|(_, value)| value)
        };
        session.done();
        Ok(value)
    }

    fn rows(&self, table: Table, after: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        let (name, _) = table::named(table);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let session = self.link.session()?;
        let rows = session.run(async |client| {
            let sql = format!("SELECT key, value FROM {name} WHERE key > $1 ORDER BY key LIMIT $2");
            query(client, &sql, &[&after, &limit]).await?.iter().map(pair).collect::<Result<Vec<_>, _>>()
        })?;
        session.done();
        Ok(rows)
    }

    fn last(&self, table: Table) -> Result<Option<Vec<u8>>, StoreError> {
        let (name, _) = table::named(table);
        let session = self.link.session()?;
        let last = session.run(async |client| {
            let row = client.query_opt(&format!("SELECT key FROM {name} ORDER BY key DESC LIMIT 1"), &[]).await?;
            row.map(|row| row.try_get(0)).transpose()
        })?;
        session.done();
        Ok(last)
    }

    fn requests(&self) -> Result<Vec<RequestRow>, StoreError> {
        let session = self.link.session()?;
        let rows = session.run(async |client| {
            let rows = query(client, "SELECT name, progress, settled FROM lethe_requests ORDER BY name", &[]).await?;
            let read = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
            rows.iter().map(read).collect::<Result<Vec<_>, tokio_postgres::Error>>()
        })?;
        session.done();
        Ok(rows)
    }

    fn put(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let session = self.link.session()?;
        session.run(async |client| {
            client.batch_execute("BEGIN").await?;
            table::write(client, &writes, 1).await?;
            client.batch_execute("COMMIT").await
        })?;
        session.done();
        Ok(())
    }

    fn notes(&self, space: Space, after: Option<&[u8]>) -> Result<Vec<Noted>, StoreError> {
        let session = self.link.session()?;
        let found = session.run(async |client| notes::list(client, space, (&[], after), NOTES).await)?;
        session.done();
        Ok(found)
    }

    fn put_notes(&self, notes: &[Note]) -> Result<(), StoreError> {
        let session = self.link.session()?;
        session.run(async |client| notes::put(client, notes).await)?;
        session.done();
        Ok(())
    }

    fn put_requests(&self, requests: &[RequestRow]) -> Result<(), StoreError> {
        let session = self.link.session()?;
        for (name, progress, settled) in requests {
            session.run(async |client| execute(client, super::REMEMBER, &[name, progress, settled]).await)?;
        }
        session.done();
        Ok(())
    }

    fn finish(&self, deployment: DeploymentId, tally: Tally, writes: Vec<Write>) -> Result<(), StoreError> {
        let session = self.link.session()?;
        let deployment = deployment.0.as_slice();
        let (epoch, next_id, subjects) =
            (tally.epoch.cast_signed(), tally.next_id.cast_signed(), tally.subjects.cast_signed());
        session.run(async |client| {
            client.batch_execute("BEGIN").await?;
            table::write(client, &writes, 1).await?;
            execute(client, "DELETE FROM lethe_meta WHERE key = $1", &[&MIGRATING]).await?;
            let sql = "INSERT INTO lethe_state (deployment, version, epoch, next_id) VALUES ($1, 1, $2, $3)";
            execute(client, sql, &[&deployment, &epoch, &next_id]).await?;
            let sql = "UPDATE lethe_counted SET subjects = CASE slot WHEN 0 THEN $1::bigint ELSE 0 END";
            execute(client, sql, &[&subjects]).await?;
            client.batch_execute("COMMIT").await?;
            client.batch_execute("ANALYZE").await
        })?;
        session.done();
        Ok(())
    }
}
