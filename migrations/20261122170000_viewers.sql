-- People who watch, by the id in their cookie: what they are called in the rooms, once they have said so.
CREATE TABLE viewers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    phone TEXT,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX viewers_changed ON viewers (changed_ms);
