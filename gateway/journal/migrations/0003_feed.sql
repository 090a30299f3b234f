-- A statement's place among those about what its sender sent, from 1: the cursor of the
-- sender's feed. seq counts everybody's statements, and would tell each sender how much the
-- whole region exchanges.
ALTER TABLE evidence ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
UPDATE evidence SET place = p.place
FROM (SELECT seq, row_number() OVER (PARTITION BY iss ORDER BY seq) AS place FROM evidence) p
WHERE p.seq = evidence.seq;
DROP INDEX evidence_feed;
CREATE UNIQUE INDEX evidence_feed ON evidence (iss, place);

-- The last place that was given in each feed. None is given twice, also when everything
-- before it has been purged.
CREATE TABLE feeds (
	iss   TEXT PRIMARY KEY,
	place INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO feeds SELECT iss, max(place) FROM evidence GROUP BY iss;
