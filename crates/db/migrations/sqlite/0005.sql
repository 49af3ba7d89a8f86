-- Volumes. `sent_at` is when the order was last sent that a row waits for; NULL where it waits for none.
CREATE TABLE volumes (
    id TEXT NOT NULL PRIMARY KEY, generation BIGINT NOT NULL, project TEXT NOT NULL, name TEXT, status TEXT NOT NULL,
    volume_type TEXT NOT NULL, bootable BIGINT NOT NULL, host TEXT, size_gib BIGINT NOT NULL, sent_at BIGINT,
    created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX volumes_of_project ON volumes (project, created_at DESC, id);
CREATE INDEX volumes_unanswered ON volumes (sent_at) WHERE sent_at IS NOT NULL;

CREATE TABLE snapshots (
    id TEXT NOT NULL PRIMARY KEY, generation BIGINT NOT NULL, project TEXT NOT NULL, volume TEXT NOT NULL, name TEXT,
    status TEXT NOT NULL, size_gib BIGINT NOT NULL, sent_at BIGINT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX snapshots_of_project ON snapshots (project, created_at DESC, id);
CREATE INDEX snapshots_of_volume ON snapshots (volume);
CREATE INDEX snapshots_unanswered ON snapshots (sent_at) WHERE sent_at IS NOT NULL;

CREATE TABLE volume_attachments (
    id TEXT NOT NULL PRIMARY KEY, generation BIGINT NOT NULL, project TEXT NOT NULL, volume TEXT NOT NULL, server TEXT,
    created_at BIGINT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX attachments_of_volume ON volume_attachments (volume);
CREATE INDEX attachments_of_server ON volume_attachments (server) WHERE server IS NOT NULL;

CREATE TABLE volume_types (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE volume_messages (
    id TEXT NOT NULL PRIMARY KEY, project TEXT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX volume_messages_of_project ON volume_messages (project, created_at DESC);
