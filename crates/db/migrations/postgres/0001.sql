-- First schema. Columns are what is queried, ordered by or unique; `body` is the whole noun as JSON.
-- Text is compared by bytes, as SQLite does. Points in time are microseconds since 1970; truth values are 0 and 1.

CREATE TABLE domains (id TEXT COLLATE "C" PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE, body TEXT COLLATE "C" NOT NULL);

CREATE TABLE projects (
    id TEXT COLLATE "C" PRIMARY KEY, domain TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, parent TEXT COLLATE "C", body TEXT COLLATE "C" NOT NULL,
    UNIQUE (domain, name)
);

CREATE TABLE users (
    id TEXT COLLATE "C" PRIMARY KEY, domain TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C" NOT NULL,
    UNIQUE (domain, name)
);

-- `domain` is empty for a global role.
CREATE TABLE roles (
    id TEXT COLLATE "C" PRIMARY KEY, domain TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C" NOT NULL,
    UNIQUE (domain, name)
);

CREATE TABLE role_implications (
    prior TEXT COLLATE "C" NOT NULL, implied TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (prior, implied)
);

-- `target_kind`: 0 project, 1 domain, 2 system (then `target` is empty).
CREATE TABLE assignments (
    user_id TEXT COLLATE "C" NOT NULL, role TEXT COLLATE "C" NOT NULL, target_kind BIGINT NOT NULL, target TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, role, target_kind, target)
);
CREATE INDEX assignments_by_target ON assignments (target_kind, target);

CREATE TABLE revocations (
    subject TEXT COLLATE "C" PRIMARY KEY, issued_before BIGINT NOT NULL, forget_at BIGINT NOT NULL
);

CREATE TABLE images (
    id TEXT COLLATE "C" PRIMARY KEY, generation BIGINT NOT NULL, owner TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C", status TEXT COLLATE "C" NOT NULL,
    visibility TEXT COLLATE "C" NOT NULL, hidden BIGINT NOT NULL, size BIGINT, created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL, body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX images_by_age ON images (created_at DESC, id);
CREATE INDEX images_by_owner ON images (owner, created_at DESC, id);

-- `number` is never given twice, also after the last row is gone.
CREATE TABLE servers (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT COLLATE "C" NOT NULL UNIQUE, generation BIGINT NOT NULL,
    project TEXT COLLATE "C" NOT NULL, user_id TEXT COLLATE "C" NOT NULL, image TEXT COLLATE "C", flavor TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, host TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL, deleted BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
-- Each listing says `deleted = 0` or `deleted = 1` in its text, so that the engines see that these apply.
CREATE INDEX servers_by_age ON servers (created_at DESC, id) WHERE deleted = 0;
CREATE INDEX servers_by_project ON servers (project, created_at DESC, id) WHERE deleted = 0;
CREATE INDEX servers_by_host ON servers (host, created_at DESC, id) WHERE deleted = 0;
CREATE INDEX servers_by_state ON servers (state, created_at DESC, id) WHERE deleted = 0;
CREATE INDEX servers_deleted ON servers (created_at DESC, id) WHERE deleted = 1;

CREATE TABLE flavors (id TEXT COLLATE "C" PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE, body TEXT COLLATE "C" NOT NULL);

CREATE TABLE keypairs (
    user_id TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, name)
);

-- `heard_at` stands here alone: a heartbeat does not rewrite the body.
CREATE TABLE hosts (
    name TEXT COLLATE "C" PRIMARY KEY, id TEXT COLLATE "C" NOT NULL UNIQUE, generation BIGINT NOT NULL, heard_at BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);

CREATE TABLE claims (
    server TEXT COLLATE "C" PRIMARY KEY, host TEXT COLLATE "C" NOT NULL, vcpus BIGINT NOT NULL, memory_mib BIGINT NOT NULL,
    disk_gib BIGINT NOT NULL, servers BIGINT NOT NULL
);
CREATE INDEX claims_by_host ON claims (host, server);

CREATE TABLE actions (
    server TEXT COLLATE "C" NOT NULL, request TEXT COLLATE "C" NOT NULL, started_at BIGINT NOT NULL, body TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (server, request)
);

CREATE TABLE networks (
    id TEXT COLLATE "C" PRIMARY KEY, project TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, shared BIGINT NOT NULL,
    external BIGINT NOT NULL, body TEXT COLLATE "C" NOT NULL
);

CREATE TABLE subnets (
    id TEXT COLLATE "C" PRIMARY KEY, network TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX subnets_by_network ON subnets (network, name, id);

CREATE TABLE ports (
    id TEXT COLLATE "C" PRIMARY KEY, generation BIGINT NOT NULL, network TEXT COLLATE "C" NOT NULL, project TEXT COLLATE "C" NOT NULL, mac TEXT COLLATE "C" NOT NULL,
    device_id TEXT COLLATE "C" NOT NULL, device_owner TEXT COLLATE "C" NOT NULL, created_at BIGINT NOT NULL, body TEXT COLLATE "C" NOT NULL,
    UNIQUE (network, mac)
);
CREATE INDEX ports_by_project ON ports (project, created_at, id);
CREATE INDEX ports_by_device ON ports (device_id) WHERE device_id <> '';

-- An address and its two neighbours as hex digits of fixed width, so that text order is address order. `run_end`
-- is 1 where the next address is free: the lowest free address is found by one step in the index, however many
-- are taken. The triggers keep it true.
CREATE TABLE addresses (
    subnet TEXT COLLATE "C" NOT NULL, address TEXT COLLATE "C" NOT NULL, prior TEXT COLLATE "C" NOT NULL, next TEXT COLLATE "C" NOT NULL, port TEXT COLLATE "C" NOT NULL,
    run_end BIGINT NOT NULL,
    PRIMARY KEY (subnet, address)
);
CREATE INDEX addresses_by_port ON addresses (port);
CREATE INDEX addresses_run_end ON addresses (subnet, run_end, address, next);
CREATE FUNCTION addresses_joined() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE addresses SET run_end = 0 WHERE subnet = NEW.subnet AND address = NEW.prior;
    RETURN NULL;
END $$;
CREATE FUNCTION addresses_parted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE addresses SET run_end = 1 WHERE subnet = OLD.subnet AND address = OLD.prior;
    RETURN NULL;
END $$;
CREATE TRIGGER addresses_joined AFTER INSERT ON addresses FOR EACH ROW EXECUTE FUNCTION addresses_joined();
CREATE TRIGGER addresses_parted AFTER DELETE ON addresses FOR EACH ROW EXECUTE FUNCTION addresses_parted();

CREATE TABLE tasks (
    id TEXT COLLATE "C" PRIMARY KEY, generation BIGINT NOT NULL, work TEXT COLLATE "C" NOT NULL UNIQUE, due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL, body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX tasks_by_due ON tasks (due_at, created_at, id);

-- `place` is never given twice: a reader that remembers the last place it saw misses nothing.
CREATE TABLE outbox (place BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT COLLATE "C" NOT NULL UNIQUE, body TEXT COLLATE "C" NOT NULL);

CREATE TABLE settings (name TEXT COLLATE "C" PRIMARY KEY, value TEXT COLLATE "C" NOT NULL);
