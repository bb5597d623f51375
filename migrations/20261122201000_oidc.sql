-- Logins at somebody else's, by OpenID Connect.

-- A login that is under way: begun here, in the browser whose cookie's hash this is; it ends once, with the state that was given along.
CREATE TABLE oidc_logins (
    state_hash TEXT PRIMARY KEY,
    browser_hash TEXT NOT NULL,
    secrets_sealed TEXT NOT NULL,
    next TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX oidc_logins_created ON oidc_logins (created_ms);

-- Who somebody is elsewhere. A name alone is nobody: names are given away again.
CREATE TABLE oidc_identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX oidc_identities_user ON oidc_identities (user_id);
