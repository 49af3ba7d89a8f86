-- Offers of volumes to other projects.
CREATE TABLE volume_transfers (
    id TEXT COLLATE "C" PRIMARY KEY, project TEXT COLLATE "C" NOT NULL, volume TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C", created_at BIGINT NOT NULL, body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX volume_transfers_of_project ON volume_transfers (project, created_at DESC, id);
CREATE INDEX volume_transfers_of_volume ON volume_transfers (volume);

-- Quality-of-service specs of volume types; each type's body names its own.
CREATE TABLE qos_specs (
    id TEXT COLLATE "C" PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE, body TEXT COLLATE "C" NOT NULL
);

-- Groups of volumes: volumes and snapshots say which they are part of.
CREATE TABLE group_types (
    id TEXT COLLATE "C" PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE, body TEXT COLLATE "C" NOT NULL
);
CREATE TABLE volume_groups (
    id TEXT COLLATE "C" PRIMARY KEY, generation BIGINT NOT NULL, project TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C", group_type TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL, body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX volume_groups_of_project ON volume_groups (project, created_at DESC, id);
CREATE TABLE group_snapshots (
    id TEXT COLLATE "C" PRIMARY KEY, generation BIGINT NOT NULL, project TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C", group_type TEXT COLLATE "C" NOT NULL,
    volume_group TEXT COLLATE "C" NOT NULL, created_at BIGINT NOT NULL, body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX group_snapshots_of_project ON group_snapshots (project, created_at DESC, id);
CREATE INDEX group_snapshots_of_group ON group_snapshots (volume_group);
ALTER TABLE volumes ADD COLUMN volume_group TEXT COLLATE "C";
CREATE INDEX volumes_of_group ON volumes (volume_group) WHERE volume_group IS NOT NULL;
ALTER TABLE snapshots ADD COLUMN group_snapshot TEXT COLLATE "C";
CREATE INDEX snapshots_of_group_snapshot ON snapshots (group_snapshot) WHERE group_snapshot IS NOT NULL;
