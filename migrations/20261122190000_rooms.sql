-- Rooms as their organisers want them, and who has filled in their forms.

-- links, sites, form: objects as text, as `src/room/` writes it. promoted: stands on the front page; indexed: search engines may show it (public rooms).
-- playback_*: templates of the room's own, in place of its origin's. cover_hash, logo_hash: names of pictures.
ALTER TABLE rooms ADD COLUMN language TEXT;
ALTER TABLE rooms ADD COLUMN accent TEXT NOT NULL DEFAULT 'blue';
ALTER TABLE rooms ADD COLUMN cover_hash TEXT;
ALTER TABLE rooms ADD COLUMN logo_hash TEXT;
ALTER TABLE rooms ADD COLUMN logo_link TEXT;
ALTER TABLE rooms ADD COLUMN links TEXT NOT NULL DEFAULT '[]';
ALTER TABLE rooms ADD COLUMN promoted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN indexed BIGINT NOT NULL DEFAULT 1;
ALTER TABLE rooms ADD COLUMN playback_webrtc TEXT;
ALTER TABLE rooms ADD COLUMN playback_llhls TEXT;
ALTER TABLE rooms ADD COLUMN matomo_site BIGINT;
ALTER TABLE rooms ADD COLUMN starts_ms BIGINT;
ALTER TABLE rooms ADD COLUMN sites TEXT NOT NULL DEFAULT '["*"]';
ALTER TABLE rooms ADD COLUMN form TEXT NOT NULL DEFAULT '{}';

-- Pictures of rooms, in the database so that every node has them. data: base64 of the file as it is served; hash: its name there.
CREATE TABLE room_pictures (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    slot TEXT NOT NULL,
    hash TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (room_id, slot)
);
CREATE INDEX room_pictures_hash ON room_pictures (hash);

-- One a browser. same_as: the first registration of the room with the same e-mail address or phone number, which is then the same person;
-- neither sees or changes the other's.
CREATE TABLE registrations (
    id TEXT PRIMARY KEY,
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    viewer_id TEXT NOT NULL,
    same_as TEXT,
    name TEXT NOT NULL,
    email TEXT,
    phone TEXT,
    answers TEXT NOT NULL,
    consent TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX registrations_viewer ON registrations (room_id, viewer_id);
CREATE INDEX registrations_email ON registrations (room_id, email);
CREATE INDEX registrations_phone ON registrations (room_id, phone);
CREATE INDEX registrations_room ON registrations (room_id, id);
CREATE INDEX registrations_same ON registrations (same_as);
CREATE INDEX registrations_changed ON registrations (changed_ms);
