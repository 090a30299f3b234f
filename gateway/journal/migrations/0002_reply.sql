-- The type of a message that was received: an answer is held against it. Empty on a refusal
-- and on what was recorded before this column, which any type may answer.
ALTER TABLE messages ADD COLUMN type TEXT NOT NULL DEFAULT '';
