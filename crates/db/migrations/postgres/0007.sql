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
