-- Offers of volumes to other projects.
CREATE TABLE volume_transfers (
    id TEXT NOT NULL PRIMARY KEY, project TEXT NOT NULL, volume TEXT NOT NULL, name TEXT, created_at BIGINT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX volume_transfers_of_project ON volume_transfers (project, created_at DESC, id);
CREATE INDEX volume_transfers_of_volume ON volume_transfers (volume);

-- Quality-of-service specs of volume types; each type's body names its own.
CREATE TABLE qos_specs (
    id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL
) WITHOUT ROWID;

-- Groups of volumes: volumes and snapshots say which they are part of.
CREATE TABLE group_types (
    id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE volume_groups (
    id TEXT NOT NULL PRIMARY KEY, generation BIGINT NOT NULL, project TEXT NOT NULL, name TEXT, group_type TEXT NOT NULL,
    created_at BIGINT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX volume_groups_of_project ON volume_groups (project, created_at DESC, id);
CREATE TABLE group_snapshots (
    id TEXT NOT NULL PRIMARY KEY, generation BIGINT NOT NULL, project TEXT NOT NULL, name TEXT, group_type TEXT NOT NULL,
    volume_group TEXT NOT NULL, created_at BIGINT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX group_snapshots_of_project ON group_snapshots (project, created_at DESC, id);
CREATE INDEX group_snapshots_of_group ON group_snapshots (volume_group);
ALTER TABLE volumes ADD COLUMN volume_group TEXT;
CREATE INDEX volumes_of_group ON volumes (volume_group) WHERE volume_group IS NOT NULL;
ALTER TABLE snapshots ADD COLUMN group_snapshot TEXT;
CREATE INDEX snapshots_of_group_snapshot ON snapshots (group_snapshot) WHERE group_snapshot IS NOT NULL;
