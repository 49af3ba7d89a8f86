-- Backups of volumes. `sent_at` is when the order was last sent that a row waits for; NULL where it waits for none.
CREATE TABLE backups (
    id TEXT COLLATE "C" PRIMARY KEY, generation BIGINT NOT NULL, project TEXT COLLATE "C" NOT NULL, volume TEXT COLLATE "C" NOT NULL, parent TEXT COLLATE "C", name TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL, size_gib BIGINT NOT NULL, sent_at BIGINT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX backups_of_project ON backups (project, created_at DESC, id);
CREATE INDEX backups_of_volume ON backups (volume);
CREATE INDEX backups_of_parent ON backups (parent) WHERE parent IS NOT NULL;
CREATE INDEX backups_unanswered ON backups (sent_at) WHERE sent_at IS NOT NULL;
