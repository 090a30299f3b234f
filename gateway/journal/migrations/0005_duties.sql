-- Who owes an answer to whom, and by when (gateway.Exchange): a row for each message that
-- wants one, changed in the transaction of whatever changes it, and erased at retention.
-- Coded facts and times only; of what was asked not even the codes, but the terms that they
-- have.
CREATE TABLE duties (
	message     INTEGER PRIMARY KEY REFERENCES messages (seq),
	debtor      TEXT NOT NULL,
	creditor    TEXT NOT NULL,
	lane        TEXT NOT NULL,
	closed_by   TEXT NOT NULL,              -- the type that answers it
	terms       TEXT NOT NULL,              -- "5wd 10wd"
	asked       INTEGER NOT NULL DEFAULT 0, -- the date that the sender asked for
	stage       TEXT NOT NULL DEFAULT '',
	read        INTEGER NOT NULL DEFAULT 0,
	answer      TEXT NOT NULL DEFAULT '',   -- jti of the answer that stands
	outcome     TEXT NOT NULL DEFAULT '',   -- of that answer
	begins      INTEGER NOT NULL DEFAULT 0,
	due         INTEGER NOT NULL DEFAULT 0,
	soon        INTEGER NOT NULL DEFAULT 0,
	escalate    INTEGER NOT NULL DEFAULT 0,
	wish        INTEGER NOT NULL DEFAULT 0,
	earlier     TEXT NOT NULL DEFAULT '',   -- the dates that stood before, the oldest first
	missed      INTEGER NOT NULL DEFAULT 0,
	taken       INTEGER NOT NULL DEFAULT 0,
	ended       INTEGER NOT NULL DEFAULT 0,
	-- The date for which each step was signed last. Dates only move later, so that a step
	-- for a later one is not signed yet.
	signed_soon      INTEGER NOT NULL DEFAULT 0,
	signed_overdue   INTEGER NOT NULL DEFAULT 0,
	signed_escalated INTEGER NOT NULL DEFAULT 0,
	next_at     INTEGER NOT NULL DEFAULT 0  -- when the next step comes that is not signed
);
CREATE INDEX duties_next ON duties (next_at, message) WHERE next_at > 0;
CREATE INDEX duties_debtor ON duties (debtor, due) WHERE ended = 0;
CREATE INDEX duties_creditor ON duties (creditor, due) WHERE ended = 0;
