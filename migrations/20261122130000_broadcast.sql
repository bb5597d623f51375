-- desired: 1 while the broadcast should be on the air; the supervisor makes it so, after a restart too.
CREATE TABLE broadcasts (
    id TEXT PRIMARY KEY,
    server_id TEXT REFERENCES servers (id) ON DELETE SET NULL,
    meeting_id TEXT NOT NULL,
    meeting_name TEXT NOT NULL,
    source TEXT NOT NULL,
    profile TEXT NOT NULL,
    overrides TEXT NOT NULL,
    room_key TEXT,
    bot_name TEXT NOT NULL,
    bot_role TEXT NOT NULL,
    layout TEXT NOT NULL,
    announce BIGINT NOT NULL,
    voice_filter BIGINT NOT NULL,
    again BIGINT NOT NULL,
    desired BIGINT NOT NULL,
    phase TEXT NOT NULL,
    step TEXT,
    paused BIGINT NOT NULL,
    reason TEXT,
    node TEXT NOT NULL,
    started_by TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT
);
-- One live broadcast a room, and one bot a meeting unless asked otherwise.
CREATE UNIQUE INDEX broadcasts_room ON broadcasts (room_key) WHERE ended_ms IS NULL;
CREATE UNIQUE INDEX broadcasts_meeting ON broadcasts (server_id, meeting_id) WHERE ended_ms IS NULL AND again = 0;
CREATE INDEX broadcasts_open ON broadcasts (ended_ms, id);

-- fingerprint: a hash of address and key, so that the same target is never fed twice.
CREATE TABLE targets (
    id TEXT PRIMARY KEY,
    broadcast_id TEXT NOT NULL REFERENCES broadcasts (id) ON DELETE CASCADE,
    origin_id TEXT,
    label TEXT NOT NULL,
    protocol TEXT NOT NULL,
    address_sealed TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    added_ms BIGINT NOT NULL,
    removed_ms BIGINT
);
CREATE UNIQUE INDEX targets_fingerprint ON targets (fingerprint) WHERE removed_ms IS NULL;
CREATE INDEX targets_broadcast ON targets (broadcast_id, id);

CREATE TABLE broadcast_events (
    id TEXT PRIMARY KEY,
    broadcast_id TEXT NOT NULL REFERENCES broadcasts (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    target_id TEXT
);
CREATE INDEX broadcast_events_broadcast ON broadcast_events (broadcast_id, id);
