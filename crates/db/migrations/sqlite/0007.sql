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
