-- How each image's base is on each host. `heard_at` is the host's own time of the newest news taken; NULL before the first.
CREATE TABLE host_bases (
    image TEXT NOT NULL, host TEXT NOT NULL, state TEXT NOT NULL, detail TEXT, since BIGINT NOT NULL, heard_at BIGINT,
    PRIMARY KEY (image, host)
) WITHOUT ROWID;

-- `number` is never given twice, also after the last row is gone.
CREATE TABLE aggregates (
    number INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, generation BIGINT NOT NULL, name TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
);
