-- A viewer's way: origins with their edges, what a target is called there, who may publish and play.

ALTER TABLE origins ADD COLUMN vhost TEXT NOT NULL DEFAULT 'default';

-- The servers behind an origin that viewers are on; their viewers are summed.
CREATE TABLE origin_edges (
    id TEXT PRIMARY KEY,
    origin_id TEXT NOT NULL REFERENCES origins (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    api_url TEXT NOT NULL,
    api_token_sealed TEXT
);
CREATE UNIQUE INDEX origin_edges_name ON origin_edges (origin_id, name);

-- epoch: grows whenever a process takes the broadcast up; a token of an older epoch publishes nothing.
ALTER TABLE broadcasts ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;

-- app, stream_name: where an origin serves it; whip_resource_sealed: what to DELETE before posting again after a crash.
ALTER TABLE targets ADD COLUMN app TEXT;
ALTER TABLE targets ADD COLUMN stream_name TEXT;
ALTER TABLE targets ADD COLUMN whip_resource_sealed TEXT;

-- A publish token opens one connection: who used it, so that a second asking by the same client is answered the same.
CREATE TABLE publish_uses (
    nonce TEXT PRIMARY KEY,
    target_id TEXT NOT NULL,
    client TEXT NOT NULL,
    used_ms BIGINT NOT NULL
);
CREATE INDEX publish_uses_used ON publish_uses (used_ms);

-- visibility: public, unlisted, password. origin_id: where the room plays from when a broadcast has several.
ALTER TABLE rooms ADD COLUMN visibility TEXT NOT NULL DEFAULT 'public';
ALTER TABLE rooms ADD COLUMN password_hash TEXT;
ALTER TABLE rooms ADD COLUMN origin_id TEXT;
