-- Links for new passwords, second factors, and what a session is recognised by.

-- The link holds a token that is kept as its hash, and opens once.
CREATE TABLE password_resets (
    token_hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX password_resets_user ON password_resets (user_id);

-- confirmed_ms: since when a code is asked for; before, the device has not shown one yet. used_step: the newest time step of which a code
-- was taken, so that none is taken twice.
CREATE TABLE second_factors (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret_sealed TEXT NOT NULL,
    confirmed_ms BIGINT,
    used_step BIGINT NOT NULL
);

-- Codes for whoever has lost the device; each works once and is kept as its hash.
CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash TEXT NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

-- Where a session began, so that people know theirs.
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN agent TEXT;

CREATE INDEX activity_user ON activity (user_id, id);
CREATE INDEX activity_action ON activity (action, id);
CREATE INDEX activity_subject ON activity (subject, id);
CREATE INDEX activity_at ON activity (at_ms);
CREATE INDEX broadcasts_started ON broadcasts (started_ms);
