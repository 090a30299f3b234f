-- One row: the log in which the gateway goes on. Another than was known means that the
-- gateway lost something, or that a year began; its feeds are read from their beginning.
CREATE TABLE origin (
  id   INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL
) STRICT;
