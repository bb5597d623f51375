-- Accounts in full: groups and what they hold, roles, permissions for single rooms.

CREATE TABLE account_groups (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_groups_name ON account_groups (lower(name));

-- kind: user, server, origin, room, node (by name), broadcast, activity. What no group holds is for everybody with the permission. No
-- reference to the groups: the past that a removed group held must not fall to everybody.
CREATE TABLE group_holds (
    kind TEXT NOT NULL,
    thing_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    PRIMARY KEY (kind, thing_id, group_id)
);
CREATE INDEX group_holds_group ON group_holds (group_id, kind, thing_id);
CREATE INDEX group_holds_thing ON group_holds (thing_id);

CREATE TABLE roles (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX roles_name ON roles (lower(name));

CREATE TABLE role_permissions (
    role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, permission)
);

CREATE TABLE user_roles (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id TEXT NOT NULL REFERENCES roles (id),
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX user_roles_role ON user_roles (role_id);

-- What somebody may do in one room only.
CREATE TABLE user_rooms (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (user_id, room_id, permission)
);
CREATE INDEX user_rooms_room ON user_rooms (room_id);

-- disabled_ms: since when somebody may no longer log in.
ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN disabled_ms BIGINT;

-- Who started a broadcast sees it whatever their groups; the name alone may pass to somebody else.
ALTER TABLE broadcasts ADD COLUMN started_by_id TEXT;
