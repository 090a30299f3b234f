-- Who is told that a message is waiting, and what came of it. A row names ids, roles and
-- times; a notice itself is one sentence that is the same for every message, and is not
-- kept.

CREATE TABLE notice (
  ref         TEXT PRIMARY KEY,       -- what an office says on the telephone
  side        TEXT NOT NULL,          -- in: the message came here. out: it went from here, and nobody there has taken it on
  delivery    TEXT NOT NULL DEFAULT '',
  issuer      TEXT NOT NULL,
  jti         TEXT NOT NULL,
  party       TEXT NOT NULL,          -- of this country: whom the message waits for
  readers     TEXT NOT NULL DEFAULT '', -- other roles here that got a part of it
  other       TEXT NOT NULL,          -- the party at the other end
  thread      TEXT NOT NULL DEFAULT '',
  lane        TEXT NOT NULL,
  rings       INTEGER NOT NULL,       -- people are told again until one takes it on
  purpose     TEXT NOT NULL DEFAULT '',
  test        INTEGER NOT NULL DEFAULT 0,
  received_at INTEGER NOT NULL,       -- by the gateway: minutes of the urgent lane count from it
  made_at     INTEGER NOT NULL,
  due_at      INTEGER NOT NULL DEFAULT 0, -- until when an answer is owed, when people were last told
  expires     INTEGER NOT NULL,
  next_at     INTEGER NOT NULL,       -- when the next step is due; 0: none is
  ended       TEXT NOT NULL DEFAULT '', -- answered, redirected, recalled, superseded, taken-on, expired
  ended_at    INTEGER NOT NULL DEFAULT 0,
  ack         TEXT NOT NULL DEFAULT '', -- the type that closes it by being taken on
  ack_state   TEXT NOT NULL DEFAULT '', -- sent, refused
  UNIQUE (side, issuer, jti, delivery)
) STRICT;
CREATE INDEX notice_next ON notice (next_at) WHERE ended = '' AND next_at > 0;
CREATE INDEX notice_message ON notice (issuer, jti);
CREATE INDEX notice_delivery ON notice (delivery);

-- One step for one role: "waiting", "minute-10", "due-soon", "overdue", "escalated".
CREATE TABLE ring (
  id       INTEGER PRIMARY KEY,
  ref      TEXT NOT NULL REFERENCES notice (ref) ON DELETE CASCADE,
  step     TEXT NOT NULL,
  party    TEXT NOT NULL,
  due_at   INTEGER NOT NULL,
  state    TEXT NOT NULL,             -- pending, told, failed, passed
  rounds   INTEGER NOT NULL DEFAULT 0,
  next_at  INTEGER NOT NULL,
  ended_at INTEGER NOT NULL DEFAULT 0,
  UNIQUE (ref, step, party)
) STRICT;
CREATE INDEX ring_pending ON ring (next_at) WHERE state = 'pending';

-- Call = ring x channel x n. A row is written before the channel is tried and says
-- ambiguous until it has answered, so that a crash leaves the truth behind.
CREATE TABLE call (
  ring     INTEGER NOT NULL REFERENCES ring (id) ON DELETE CASCADE,
  n        INTEGER NOT NULL,
  channel  TEXT NOT NULL,             -- mail, webhook, command: never an address
  mark     TEXT NOT NULL,             -- not-sent, ambiguous, answered
  done     INTEGER NOT NULL DEFAULT 0,
  began_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (ring, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX heard_event ON heard (event);
