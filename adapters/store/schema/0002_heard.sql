-- Signed statements about what this country sent, and how far each party's feed was read.

CREATE TABLE heard (
  digest TEXT PRIMARY KEY,            -- of the JWS
  issuer TEXT NOT NULL,
  jti    TEXT NOT NULL,
  event  TEXT NOT NULL,
  jws    TEXT NOT NULL
) STRICT;
CREATE INDEX heard_message ON heard (issuer, jti);

CREATE TABLE feed (
  party  TEXT PRIMARY KEY,
  cursor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
