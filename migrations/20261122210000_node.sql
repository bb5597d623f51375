-- The processes that share the database. process: new with every start; place: proves that the process before this one in the same folder
-- is dead; beat_ms: the database's time when it was last heard of.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    process TEXT NOT NULL,
    place TEXT,
    url TEXT,
    version TEXT NOT NULL,
    cores DOUBLE PRECISION NOT NULL,
    used_cores DOUBLE PRECISION NOT NULL,
    free_memory_mb DOUBLE PRECISION NOT NULL,
    broadcasts BIGINT NOT NULL,
    draining BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    beat_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX nodes_name ON nodes (name);

-- Who has a broadcast: a process, as long as it renews. lease_beat grows with every renewal; lease_until_ms is the database's time.
ALTER TABLE broadcasts ADD COLUMN owner TEXT;
ALTER TABLE broadcasts ADD COLUMN lease_beat BIGINT NOT NULL DEFAULT 0;
ALTER TABLE broadcasts ADD COLUMN lease_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE broadcasts ADD COLUMN lease_until_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX broadcasts_owner ON broadcasts (owner);
