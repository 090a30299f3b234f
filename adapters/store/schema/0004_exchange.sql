-- What the conversation rules need of every message that this country sent or received:
-- coded facts of its head and times, until retention. Nothing of its content.

CREATE TABLE exchange (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  issuer       TEXT NOT NULL,
  jti          TEXT NOT NULL,
  audience     TEXT NOT NULL,
  thread       TEXT NOT NULL,
  type         TEXT NOT NULL,
  lane         TEXT NOT NULL,
  purpose      TEXT NOT NULL,
  basis        TEXT NOT NULL,
  agreement    TEXT NOT NULL,         -- state|reason|by|heard
  act          TEXT NOT NULL,         -- codes, separated by |
  outcome      TEXT NOT NULL,
  target       TEXT NOT NULL,
  in_reply_to  TEXT NOT NULL,
  supersedes   TEXT NOT NULL,
  answer_by    INTEGER NOT NULL,
  ack_by       INTEGER NOT NULL,
  own          INTEGER NOT NULL,      -- 1: this country sent it
  said         TEXT NOT NULL,         -- own: names of the parts that left with something in them
  roles        TEXT NOT NULL,         -- theirs: the roles here that were given something of it
  delivery     TEXT NOT NULL,         -- theirs: the delivery
  reason       TEXT NOT NULL,         -- of an applied.answer: the legal reason why something was kept
  received_at  INTEGER NOT NULL DEFAULT 0,  -- by the gateway
  delivered_at INTEGER NOT NULL DEFAULT 0,
  failed_at    INTEGER NOT NULL DEFAULT 0,
  keep_until   INTEGER NOT NULL,
  UNIQUE (issuer, jti)
) STRICT;
CREATE INDEX exchange_thread ON exchange (thread);
CREATE INDEX exchange_target ON exchange (target) WHERE target <> '';
CREATE INDEX exchange_reply ON exchange (in_reply_to) WHERE in_reply_to <> '';

-- Which role opened a message, or took it on: of ours as the other side testified, of
-- theirs as we did.
CREATE TABLE reading (
  issuer TEXT NOT NULL,
  jti    TEXT NOT NULL,
  event  TEXT NOT NULL,
  role   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (issuer, jti, event, role)
) STRICT, WITHOUT ROWID;

-- Which threads an office keeps under one reference of its own. What joins them is known
-- in the country only, and the reference itself, which may name somebody, not even here:
-- it is a digest under the key below.
CREATE TABLE dossier (
  digest TEXT NOT NULL,
  thread TEXT NOT NULL,
  party  TEXT NOT NULL,
  PRIMARY KEY (digest, thread, party)
) STRICT, WITHOUT ROWID;

-- One row: the key, and when this journal began to keep exchanges.
CREATE TABLE self (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  key   BLOB NOT NULL,
  began INTEGER NOT NULL
) STRICT;

-- A recall, correction or change of consent, for every past recipient one message: one
-- request of an office, and its parts.
CREATE TABLE change (
  id         TEXT PRIMARY KEY,
  repeat_key TEXT NOT NULL UNIQUE,
  made_at    INTEGER NOT NULL
) STRICT;
CREATE TABLE part (
  change   TEXT NOT NULL REFERENCES change (id) ON DELETE CASCADE,
  n        INTEGER NOT NULL,
  issuer   TEXT NOT NULL,
  jti      TEXT NOT NULL,             -- empty where the desk refused to make a message
  audience TEXT NOT NULL,
  thread   TEXT NOT NULL,
  type     TEXT NOT NULL,
  act      TEXT NOT NULL,
  target   TEXT NOT NULL,
  withheld TEXT NOT NULL,             -- the rule by which the corrected part stays here
  code     TEXT NOT NULL,             -- why the desk refused
  PRIMARY KEY (change, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX part_message ON part (issuer, jti);

-- An envelope that the gateway had received, and no longer knows: submitted again.
ALTER TABLE outbox ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
