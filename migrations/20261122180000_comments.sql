-- What is written in rooms, who was there, and how many.

-- The thread of a room and its rules. shares: the room whose thread is shown instead. seq counts the changes of the thread; what was changed
-- at or before floor_seq may have been cleared away, so nobody can take up from before it.
CREATE TABLE threads (
    room_id TEXT PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    shares TEXT REFERENCES rooms (id) ON DELETE SET NULL,
    seq BIGINT NOT NULL,
    floor_seq BIGINT NOT NULL,
    rules TEXT NOT NULL
);

-- seq: the change that brought it; shown_seq: the one that showed it to everybody; changed_seq: the last one. state: shown, held, rejected,
-- quiet (of somebody who is banned and was not told), gone (deleted; the text goes with it). reactions: what comment_reactions counts.
CREATE TABLE comments (
    id TEXT PRIMARY KEY,
    thread_id TEXT NOT NULL REFERENCES threads (room_id) ON DELETE CASCADE,
    room_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    shown_seq BIGINT,
    changed_seq BIGINT NOT NULL,
    state TEXT NOT NULL,
    viewer_id TEXT NOT NULL,
    handle TEXT NOT NULL,
    ref TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    reply_to TEXT,
    pinned BIGINT NOT NULL,
    host BIGINT NOT NULL,
    reactions TEXT NOT NULL,
    address TEXT
);
CREATE UNIQUE INDEX comments_ref ON comments (thread_id, viewer_id, ref);
CREATE INDEX comments_thread ON comments (thread_id, id);
CREATE INDEX comments_changed ON comments (thread_id, changed_seq);
CREATE INDEX comments_waiting ON comments (thread_id, id) WHERE state = 'held';
CREATE INDEX comments_pinned ON comments (thread_id, id) WHERE pinned = 1;

CREATE TABLE comment_reactions (
    comment_id TEXT NOT NULL REFERENCES comments (id) ON DELETE CASCADE,
    viewer_id TEXT NOT NULL,
    emoji TEXT NOT NULL,
    PRIMARY KEY (comment_id, viewer_id, emoji)
);

-- Who may not write: a viewer, or everybody in a range of addresses. until_ms: null for good. quiet: they were not told.
CREATE TABLE room_bans (
    id TEXT PRIMARY KEY,
    thread_id TEXT NOT NULL REFERENCES threads (room_id) ON DELETE CASCADE,
    viewer_id TEXT,
    handle TEXT,
    name TEXT NOT NULL,
    address_range TEXT,
    quiet BIGINT NOT NULL,
    until_ms BIGINT,
    reason TEXT NOT NULL,
    by_user TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX room_bans_thread ON room_bans (thread_id, id);
CREATE INDEX room_bans_until ON room_bans (until_ms);

-- When viewers were in a room. run_id names the process that counted them; seen_ms is its last word, and the end where it said no more.
-- Written many at a time, so without a reference to rooms: one that is removed meanwhile must not hold up the others. The sweep follows.
CREATE TABLE viewer_sessions (
    id TEXT PRIMARY KEY,
    room_id TEXT NOT NULL,
    viewer_id TEXT NOT NULL,
    handle TEXT NOT NULL,
    run_id TEXT NOT NULL,
    began_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    address TEXT
);
CREATE INDEX viewer_sessions_room ON viewer_sessions (room_id, viewer_id, began_ms);
CREATE INDEX viewer_sessions_open ON viewer_sessions (run_id) WHERE ended_ms IS NULL;

-- How many were in a room, by the minute and by the process that counted: the most at a time, and who came and went.
CREATE TABLE room_presence (
    room_id TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    run_id TEXT NOT NULL,
    viewers BIGINT NOT NULL,
    peak BIGINT NOT NULL,
    joined BIGINT NOT NULL,
    parted BIGINT NOT NULL,
    PRIMARY KEY (room_id, at_ms, run_id)
);
CREATE INDEX room_presence_at ON room_presence (at_ms);
