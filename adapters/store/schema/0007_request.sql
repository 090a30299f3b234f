-- What was asked under an Idempotency-Key, as a digest under the journal's own key: another
-- request under the same key is a mistake, and must not be answered as if it had been done.
CREATE TABLE request (
  repeat_key TEXT PRIMARY KEY,
  digest     BLOB NOT NULL,
  made_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
