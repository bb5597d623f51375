-- Saved Starts, what starts them by itself, and what ends a broadcast by itself.

-- rules: when it ends by itself. preset_id: what it was started from. cause: what started it by itself; one broadcast a cause.
ALTER TABLE broadcasts ADD COLUMN rules TEXT NOT NULL DEFAULT '{}';
ALTER TABLE broadcasts ADD COLUMN preset_id TEXT;
ALTER TABLE broadcasts ADD COLUMN cause TEXT;
CREATE UNIQUE INDEX broadcasts_cause ON broadcasts (cause) WHERE cause IS NOT NULL;

-- request: a Start without its targets. auto_start: whenever its meeting runs. slate: an image, base64.
CREATE TABLE presets (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    request TEXT NOT NULL,
    server_id TEXT REFERENCES servers (id),
    meeting_id TEXT,
    room_key TEXT,
    auto_start BIGINT NOT NULL,
    slate TEXT,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX presets_name ON presets (lower(name));
CREATE INDEX presets_auto ON presets (server_id) WHERE auto_start = 1;

-- request_sealed: the target as it was asked for, with its secrets.
CREATE TABLE preset_targets (
    id TEXT PRIMARY KEY,
    preset_id TEXT NOT NULL REFERENCES presets (id) ON DELETE CASCADE,
    origin_id TEXT REFERENCES origins (id),
    stream_name TEXT,
    label TEXT NOT NULL,
    protocol TEXT NOT NULL,
    request_sealed TEXT NOT NULL
);
CREATE INDEX preset_targets_preset ON preset_targets (preset_id, id);

-- plan: time zone, times, repeats.
CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    preset_id TEXT NOT NULL REFERENCES presets (id),
    plan TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX schedules_name ON schedules (lower(name));

-- What is done by itself is claimed first: of several processes one does it. owner_id: the schedule or the preset.
CREATE TABLE claims (
    cause TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    taken_until_ms BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    done BIGINT NOT NULL,
    broadcast_id TEXT,
    outcome TEXT,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX claims_owner ON claims (owner_id, due_ms);
CREATE INDEX claims_changed ON claims (changed_ms);
