-- Two more facts of a conversation: the agreement was withdrawn, and the person came of age.
ALTER TABLE thread ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE thread ADD COLUMN of_age INTEGER NOT NULL DEFAULT 0;
