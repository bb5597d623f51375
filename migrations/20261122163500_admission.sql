-- Who may watch, and addresses that an origin can check by itself.

-- signing_secret_sealed: the SecretKey of the origin's SignedPolicy.
ALTER TABLE origins ADD COLUMN signing_secret_sealed TEXT;

-- password_version: grows with every new password, and ends what was granted for an older one.
ALTER TABLE rooms ADD COLUMN password_version BIGINT NOT NULL DEFAULT 0;

-- Who gave the password of a room, and until when that is remembered.
CREATE TABLE room_grants (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    viewer_id TEXT NOT NULL,
    password_version BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, viewer_id)
);
CREATE INDEX room_grants_until ON room_grants (until_ms);
