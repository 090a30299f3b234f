-- The adapter's journal. It names messages, times, codes and digests. It holds no block of
-- a message that came in; of one that goes out it holds the envelope, in which everything
-- that identifies or harms is sealed. Times are Unix milliseconds.

CREATE TABLE delivery (
  id          TEXT PRIMARY KEY,
  issuer      TEXT NOT NULL,
  jti         TEXT NOT NULL,
  audience    TEXT NOT NULL,
  pair_from   TEXT NOT NULL,
  pair_to     TEXT NOT NULL,
  origin      TEXT NOT NULL,
  n           INTEGER NOT NULL,
  sd_hash     TEXT NOT NULL,
  expires     INTEGER NOT NULL,
  taken_at    INTEGER NOT NULL,
  state       TEXT NOT NULL,          -- taken, delivered, failed
  code        TEXT NOT NULL DEFAULT '',
  finished_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX delivery_message ON delivery (issuer, jti);
CREATE INDEX delivery_state ON delivery (state, taken_at);

-- Attempt = message x destination x n. A row is written before the attempt and says
-- ambiguous until the outcome is known, so that a crash leaves the truth behind.
CREATE TABLE attempt (
  delivery    TEXT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
  destination TEXT NOT NULL,
  n           INTEGER NOT NULL,
  mark        TEXT NOT NULL,          -- not-sent, ambiguous, answered
  done        INTEGER NOT NULL DEFAULT 0,
  code        TEXT NOT NULL DEFAULT '',
  began_at    INTEGER NOT NULL,
  ended_at    INTEGER NOT NULL DEFAULT 0,
  next_at     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (delivery, destination, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence (
  digest   TEXT PRIMARY KEY,          -- of the JWS: what the acknowledgement names
  delivery TEXT NOT NULL,
  event    TEXT NOT NULL,
  role     TEXT NOT NULL DEFAULT '',
  jws      TEXT NOT NULL,
  made_at  INTEGER NOT NULL,
  state    TEXT NOT NULL,             -- untold, recorded, refused
  sends    INTEGER NOT NULL DEFAULT 0,
  next_at  INTEGER NOT NULL,
  ack      TEXT NOT NULL DEFAULT '',
  UNIQUE (delivery, event, role)
) STRICT;
CREATE INDEX evidence_untold ON evidence (next_at) WHERE state = 'untold';

-- The numbers of each directed pair that were seen, as the highest and what is missing
-- below it.
CREATE TABLE pair (
  pair_from TEXT NOT NULL,
  pair_to   TEXT NOT NULL,
  origin    TEXT NOT NULL,
  highest   INTEGER NOT NULL,
  PRIMARY KEY (pair_from, pair_to, origin)
) STRICT, WITHOUT ROWID;
CREATE TABLE gap (
  pair_from  TEXT NOT NULL,
  pair_to    TEXT NOT NULL,
  origin     TEXT NOT NULL,
  n          INTEGER NOT NULL,
  noticed_at INTEGER NOT NULL,
  PRIMARY KEY (pair_from, pair_to, origin, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE alarm (
  id       INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  ref      TEXT NOT NULL,
  code     TEXT NOT NULL DEFAULT '',
  count    INTEGER NOT NULL DEFAULT 1,
  UNIQUE (kind, ref)
) STRICT;

CREATE TABLE thread (
  id       TEXT PRIMARY KEY,
  opener   TEXT NOT NULL,
  other    TEXT NOT NULL,
  accepted INTEGER NOT NULL,
  declined INTEGER NOT NULL,
  closed   INTEGER NOT NULL,
  last     TEXT NOT NULL
) STRICT;

CREATE TABLE outbox (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  issuer     TEXT NOT NULL,
  jti        TEXT NOT NULL,
  audience   TEXT NOT NULL,
  thread     TEXT NOT NULL,
  lane       TEXT NOT NULL,
  digest     TEXT NOT NULL,
  envelope   BLOB,                    -- gone once nothing can ask for it again
  expires    INTEGER NOT NULL,
  stored_at  INTEGER NOT NULL,
  state      TEXT NOT NULL,           -- stored, received, refused
  sends      INTEGER NOT NULL DEFAULT 0,
  next_at    INTEGER NOT NULL,
  receipt    TEXT NOT NULL DEFAULT '',
  problem    TEXT NOT NULL DEFAULT '',
  repeat_key TEXT,                    -- what the national system calls the request
  UNIQUE (issuer, jti),
  UNIQUE (repeat_key)
) STRICT;
CREATE INDEX outbox_due ON outbox (state, next_at);
CREATE INDEX outbox_thread ON outbox (thread, state, seq);
