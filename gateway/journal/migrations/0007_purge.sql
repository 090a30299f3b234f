-- What was destroyed at the end of its retention, and when.
CREATE TABLE purges (
	n        INTEGER PRIMARY KEY, -- from 1; the log's entries name it
	at       INTEGER NOT NULL,
	messages INTEGER NOT NULL     -- how many
);

-- The ids that purged messages had, as digests: none is received again, and none can be
-- read here by whoever does not have it already.
CREATE TABLE spent (
	id    BLOB PRIMARY KEY, -- SHA-256 of "iss jti"
	purge INTEGER NOT NULL REFERENCES purges (n)
) WITHOUT ROWID;

-- The entries whose openings were destroyed, so that an auditor is told since when.
CREATE TABLE purged_entries (
	entry INTEGER PRIMARY KEY REFERENCES log_outbox (seq),
	purge INTEGER NOT NULL REFERENCES purges (n)
);

-- What must be kept beyond its retention, and why.
CREATE TABLE holds (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	message   INTEGER NOT NULL REFERENCES messages (seq),
	reason    TEXT NOT NULL,
	placed_at INTEGER NOT NULL,
	UNIQUE (message, reason)
);

CREATE INDEX messages_age ON messages (type, received_at);
