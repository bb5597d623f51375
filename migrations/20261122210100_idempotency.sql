-- Answers to requests that came with a key, so that the second one is given the first one's answer. Answers are sealed.
CREATE TABLE idempotency_keys (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    begun_ms BIGINT NOT NULL,
    answer_sealed TEXT
);
CREATE UNIQUE INDEX idempotency_keys_name ON idempotency_keys (user_id, name);
CREATE INDEX idempotency_keys_begun ON idempotency_keys (begun_ms);
