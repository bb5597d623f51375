-- Addresses that are told of changes. events: words with a space between them.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    secret_sealed TEXT NOT NULL,
    events TEXT NOT NULL,
    active BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);

-- What is to be told, and the log of what was. state: waiting, delivered, given_up. due_ms: not before this; also until when it is one
-- node's to deliver.
CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    due_ms BIGINT NOT NULL,
    tried_ms BIGINT,
    status BIGINT,
    detail TEXT
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (state, due_ms);
CREATE INDEX webhook_deliveries_webhook ON webhook_deliveries (webhook_id, id);
