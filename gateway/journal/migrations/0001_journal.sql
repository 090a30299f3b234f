-- Times are whole seconds since 1970, 0 where there is none. Digests are 32 bytes. What is
-- read on from a remembered position never uses a number twice (AUTOINCREMENT), also when
-- everything before it has been purged.

-- What each id was answered, for ever. Of the message itself only what its origin signed:
-- the head, and digests of units; never a unit.
CREATE TABLE messages (
	seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of receipt
	iss         TEXT NOT NULL,
	jti         TEXT NOT NULL,
	digest      BLOB NOT NULL,       -- of the envelope as received
	aud         TEXT NOT NULL,
	thread      TEXT NOT NULL,
	received_at INTEGER NOT NULL,
	expires     INTEGER NOT NULL,
	refusal     TEXT,                -- the problem, as JSON; what follows is NULL then
	protected   TEXT,
	payload     TEXT,
	signature   TEXT,
	released    TEXT,                -- digests of the units that left, in the order in which kb_jwt names them
	kb_jwt      TEXT,
	sd_hash     TEXT,
	pair_from   TEXT,
	pair_to     TEXT,
	origin      TEXT,
	n           INTEGER,
	sender      TEXT,                -- what was withheld: a JWE for the sender
	auditor     TEXT,                -- the same for its auditor
	UNIQUE (iss, jti),
	UNIQUE (pair_from, pair_to, origin, n)
);

-- What is to be delivered. It waits, is placed (generation > 0), and ends with a final
-- event; its position is forgotten when its entry has been removed from the stream.
CREATE TABLE deliveries (
	id         TEXT PRIMARY KEY,
	message    INTEGER NOT NULL UNIQUE REFERENCES messages (seq),
	country    TEXT NOT NULL,
	urgent     INTEGER NOT NULL,
	order_key  TEXT NOT NULL,
	expires    INTEGER NOT NULL,
	trace      TEXT NOT NULL,              -- W3C traceparent of the request
	final      TEXT NOT NULL DEFAULT '',   -- the first final event
	ended_at   INTEGER NOT NULL DEFAULT 0, -- when it was recorded
	generation INTEGER NOT NULL DEFAULT 0,
	sequence   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX deliveries_waiting ON deliveries (country, urgent, message) WHERE final = '' AND generation = 0;
CREATE INDEX deliveries_ordered ON deliveries (order_key, message) WHERE final = '' AND urgent = 0;
CREATE INDEX deliveries_placed ON deliveries (country, urgent, generation, sequence) WHERE final = '' AND generation > 0;
CREATE INDEX deliveries_finished ON deliveries (country) WHERE final <> '' AND generation > 0;
CREATE INDEX deliveries_expiring ON deliveries (expires) WHERE final = '';

-- What a delivery carries, until it is forgotten. It lies apart because a delivery's row
-- changes several times, and SQLite writes a changed row whole.
CREATE TABLE wrapped (
	message INTEGER PRIMARY KEY REFERENCES messages (seq),
	jwe     TEXT NOT NULL -- for the recipient
);

-- The last position of each destination's streams, and how much is unfinished there.
CREATE TABLE streams (
	country    TEXT NOT NULL,
	urgent     INTEGER NOT NULL,
	generation INTEGER NOT NULL DEFAULT 1,
	sequence   INTEGER NOT NULL DEFAULT 0,
	unfinished INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (country, urgent)
) WITHOUT ROWID;

-- Every signed statement about a message, the gateway's own and the recipient's.
CREATE TABLE evidence (
	seq      INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of recording
	message  INTEGER NOT NULL REFERENCES messages (seq),
	iss      TEXT NOT NULL,        -- who sent the message, and reads this feed
	delivery TEXT NOT NULL,        -- empty on the gateway's answer to a submission
	signer   TEXT NOT NULL,
	jti      TEXT NOT NULL,
	event    TEXT NOT NULL,
	at       INTEGER NOT NULL,
	code     TEXT NOT NULL,
	digest   BLOB NOT NULL UNIQUE, -- of jws
	jws      TEXT NOT NULL
);
CREATE INDEX evidence_feed ON evidence (iss, seq);
CREATE INDEX evidence_message ON evidence (message, seq);
CREATE INDEX evidence_statement ON evidence (signer, jti);

-- The last number given in each directed pair of countries. A number is given in the
-- transaction that records its message, and returned with it: there are no gaps.
CREATE TABLE pairs (
	pair_from TEXT NOT NULL,
	pair_to   TEXT NOT NULL,
	origin    TEXT NOT NULL,
	n         INTEGER NOT NULL,
	PRIMARY KEY (pair_from, pair_to, origin)
) WITHOUT ROWID;

-- All that is remembered of a conversation (gateway.ThreadFacts).
CREATE TABLE threads (
	thread   TEXT PRIMARY KEY,
	opener   TEXT NOT NULL,
	other    TEXT NOT NULL,
	accepted INTEGER NOT NULL,
	declined INTEGER NOT NULL,
	closed   INTEGER NOT NULL,
	last     TEXT NOT NULL
) WITHOUT ROWID;

-- What the log is to hold: one row for every event, written with it. A rejection has
-- neither pair nor number. withheld is NULL where nothing was decided.
CREATE TABLE log_outbox (
	seq        INTEGER PRIMARY KEY AUTOINCREMENT,
	event      TEXT NOT NULL,
	pair_from  TEXT,
	pair_to    TEXT,
	origin     TEXT,
	n          INTEGER,
	commitment BLOB NOT NULL, -- HMAC-SHA-256 of the opening under its nonce
	withheld   BLOB           -- HMAC-SHA-256 of the concealed decisions under theirs
);

-- What opens the commitments, until retention ends.
CREATE TABLE openings (
	entry          INTEGER PRIMARY KEY REFERENCES log_outbox (seq),
	message        INTEGER NOT NULL REFERENCES messages (seq),
	nonce          BLOB NOT NULL,
	opening        BLOB NOT NULL, -- JSON, exactly the bytes committed to
	withheld_nonce BLOB
);

-- Who may do what only one may do at a time, and until when.
CREATE TABLE leases (
	name   TEXT PRIMARY KEY,
	holder TEXT NOT NULL,
	fence  INTEGER NOT NULL, -- rises with every change of holder
	until  INTEGER NOT NULL  -- milliseconds since 1970
) WITHOUT ROWID;
