-- Two more facts of a conversation: the agreement was withdrawn, and the person came of age.
ALTER TABLE threads ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE threads ADD COLUMN of_age INTEGER NOT NULL DEFAULT 0;

-- What a second person signed about one message: approvals, and the reviews that follow.
-- An approval may lie here before its message comes.
CREATE TABLE approvals (
	digest      BLOB PRIMARY KEY,  -- of jws
	signer      TEXT NOT NULL,     -- the party, also of the message
	jti         TEXT NOT NULL,
	message     TEXT NOT NULL,     -- the jti of the message
	envelope    BLOB NOT NULL,     -- the digest of its bytes: for the sender alone
	reason      TEXT NOT NULL,
	rules       TEXT NOT NULL,     -- JSON, sorted
	finding     TEXT NOT NULL,     -- of a review; empty on an approval
	recorded_at INTEGER NOT NULL,
	jws         TEXT NOT NULL,
	answer      TEXT NOT NULL,     -- what the gateway signed
	UNIQUE (signer, jti)
) WITHOUT ROWID;
CREATE INDEX approvals_envelope ON approvals (envelope);
CREATE INDEX approvals_recorded ON approvals (recorded_at);

-- What messages set aside that were received.
CREATE TABLE overrides (
	message     INTEGER PRIMARY KEY REFERENCES messages (seq),
	reason      TEXT NOT NULL,
	rules       TEXT NOT NULL,              -- JSON, sorted
	approved_at INTEGER NOT NULL DEFAULT 0,
	lapsed_at   INTEGER NOT NULL DEFAULT 0, -- when it was recorded that no approval came in time
	reviewed_at INTEGER NOT NULL DEFAULT 0,
	finding     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX overrides_unapproved ON overrides (message) WHERE approved_at = 0 AND lapsed_at = 0;
