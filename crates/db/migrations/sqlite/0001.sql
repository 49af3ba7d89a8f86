-- First schema. Columns are what is queried, ordered by or unique; `body` is the whole noun as JSON.
-- Points in time are microseconds since 1970; truth values are 0 and 1.

CREATE TABLE domains (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE projects (
    id TEXT PRIMARY KEY, domain TEXT NOT NULL, name TEXT NOT NULL, parent TEXT, body TEXT NOT NULL,
    UNIQUE (domain, name)
);

CREATE TABLE users (
    id TEXT PRIMARY KEY, domain TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (domain, name)
);

-- `domain` is empty for a global role.
CREATE TABLE roles (
    id TEXT PRIMARY KEY, domain TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (domain, name)
);

CREATE TABLE role_implications (
    prior TEXT NOT NULL, implied TEXT NOT NULL,
    PRIMARY KEY (prior, implied)
) WITHOUT ROWID;

-- `target_kind`: 0 project, 1 domain, 2 system (then `target` is empty).
CREATE TABLE assignments (
    user_id TEXT NOT NULL, role TEXT NOT NULL, target_kind BIGINT NOT NULL, target TEXT NOT NULL,
    PRIMARY KEY (user_id, role, target_kind, target)
) WITHOUT ROWID;
CREATE INDEX assignments_by_target ON assignments (target_kind, target);

CREATE TABLE revocations (
    subject TEXT PRIMARY KEY, issued_before BIGINT NOT NULL, forget_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE images (
    id TEXT PRIMARY KEY, generation BIGINT NOT NULL, owner TEXT NOT NULL, name TEXT, status TEXT NOT NULL,
    visibility TEXT NOT NULL, hidden BIGINT NOT NULL, size BIGINT, created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX images_by_age ON images (created_at DESC, id);
CREATE INDEX images_by_owner ON images (owner, created_at DESC, id);

-- `number` is never given twice, also after the last row is gone.
CREATE TABLE servers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, generation BIGINT NOT NULL,
    project TEXT NOT NULL, user_id TEXT NOT NULL, image TEXT, flavor TEXT NOT NULL, name TEXT NOT NULL, host TEXT,
    state TEXT NOT NULL, deleted BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
-- Each listing says `deleted = 0` or `deleted = 1` in its text, so that the engines see that these apply.
CREATE INDEX servers_by_age ON servers (created_at DESC, id) WHERE deleted = 0;
CREATE INDEX servers_by_project ON servers (project, created_at DESC, id) WHERE deleted = 0;
CREATE INDEX servers_by_host ON servers (host, created_at DESC, id) WHERE deleted = 0;
CREATE INDEX servers_by_state ON servers (state, created_at DESC, id) WHERE deleted = 0;
CREATE INDEX servers_deleted ON servers (created_at DESC, id) WHERE deleted = 1;

CREATE TABLE flavors (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL);

CREATE TABLE keypairs (
    user_id TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (user_id, name)
);

-- `heard_at` stands here alone: a heartbeat does not rewrite the body.
CREATE TABLE hosts (
    name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, generation BIGINT NOT NULL, heard_at BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE claims (
    server TEXT PRIMARY KEY, host TEXT NOT NULL, vcpus BIGINT NOT NULL, memory_mib BIGINT NOT NULL,
    disk_gib BIGINT NOT NULL, servers BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX claims_by_host ON claims (host, server);

CREATE TABLE actions (
    server TEXT NOT NULL, request TEXT NOT NULL, started_at BIGINT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (server, request)
);

CREATE TABLE networks (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, name TEXT NOT NULL, shared BIGINT NOT NULL,
    external BIGINT NOT NULL, body TEXT NOT NULL
);

CREATE TABLE subnets (
    id TEXT PRIMARY KEY, network TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX subnets_by_network ON subnets (network, name, id);

CREATE TABLE ports (
    id TEXT PRIMARY KEY, generation BIGINT NOT NULL, network TEXT NOT NULL, project TEXT NOT NULL, mac TEXT NOT NULL,
    device_id TEXT NOT NULL, device_owner TEXT NOT NULL, created_at BIGINT NOT NULL, body TEXT NOT NULL,
    UNIQUE (network, mac)
);
CREATE INDEX ports_by_project ON ports (project, created_at, id);
CREATE INDEX ports_by_device ON ports (device_id) WHERE device_id <> '';

-- An address and its two neighbours as hex digits of fixed width, so that text order is address order. `run_end`
-- is 1 where the next address is free: the lowest free address is found by one step in the index, however many
-- are taken. The triggers keep it true.
CREATE TABLE addresses (
    subnet TEXT NOT NULL, address TEXT NOT NULL, prior TEXT NOT NULL, next TEXT NOT NULL, port TEXT NOT NULL,
    run_end BIGINT NOT NULL,
    PRIMARY KEY (subnet, address)
) WITHOUT ROWID;
CREATE INDEX addresses_by_port ON addresses (port);
CREATE INDEX addresses_run_end ON addresses (subnet, run_end, address, next);
CREATE TRIGGER addresses_joined AFTER INSERT ON addresses BEGIN
    UPDATE addresses SET run_end = 0 WHERE subnet = NEW.subnet AND address = NEW.prior;
END;
CREATE TRIGGER addresses_parted AFTER DELETE ON addresses BEGIN
    UPDATE addresses SET run_end = 1 WHERE subnet = OLD.subnet AND address = OLD.prior;
END;

CREATE TABLE tasks (
    id TEXT PRIMARY KEY, generation BIGINT NOT NULL, work TEXT NOT NULL UNIQUE, due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX tasks_by_due ON tasks (due_at, created_at, id);

-- `place` is never given twice: a reader that remembers the last place it saw misses nothing.
CREATE TABLE outbox (place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
