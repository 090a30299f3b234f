-- The logs, one for each origin, in the order in which they began. No two have one name.
CREATE TABLE logs (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	origin TEXT NOT NULL UNIQUE,
	size   INTEGER NOT NULL
);

-- The hashes of each log's tree, as golang.org/x/mod/sumdb/tlog orders them. Tiles are made
-- of them when they are asked for.
CREATE TABLE log_hashes (
	log  INTEGER NOT NULL REFERENCES logs (id),
	idx  INTEGER NOT NULL,
	hash BLOB NOT NULL,
	PRIMARY KEY (log, idx)
) WITHOUT ROWID;

-- The last witnessed checkpoint of each day, by days since 1970: the newest of all is the
-- one that proofs are given in, and each day's is public.
CREATE TABLE log_checkpoints (
	log  INTEGER NOT NULL REFERENCES logs (id),
	day  INTEGER NOT NULL,
	size INTEGER NOT NULL,
	note TEXT NOT NULL,
	PRIMARY KEY (log, day)
) WITHOUT ROWID;

-- The place that an entry got, once and for ever, and its bytes there. All three are NULL
-- while it waits.
ALTER TABLE log_outbox ADD COLUMN log INTEGER REFERENCES logs (id);
ALTER TABLE log_outbox ADD COLUMN idx INTEGER;
ALTER TABLE log_outbox ADD COLUMN leaf BLOB;
CREATE UNIQUE INDEX log_places ON log_outbox (log, idx) WHERE idx IS NOT NULL;
CREATE INDEX log_waiting ON log_outbox (seq) WHERE idx IS NULL;
CREATE INDEX log_deeds ON log_outbox (event, seq) WHERE pair_from IS NULL AND event <> 'SubmissionRejection';

-- An entry about no message has an opening without one. SQLite cannot drop NOT NULL.
CREATE TABLE openings_2 (
	entry          INTEGER PRIMARY KEY REFERENCES log_outbox (seq),
	message        INTEGER REFERENCES messages (seq),
	nonce          BLOB NOT NULL,
	opening        BLOB NOT NULL, -- JSON, exactly the bytes committed to
	withheld_nonce BLOB
);
INSERT INTO openings_2 SELECT entry, message, nonce, opening, withheld_nonce FROM openings;
DROP TABLE openings;
ALTER TABLE openings_2 RENAME TO openings;
CREATE INDEX openings_message ON openings (message, entry);
