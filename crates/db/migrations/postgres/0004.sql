-- How each image's base is on each host. `heard_at` is the host's own time of the newest news taken; NULL before the first.
CREATE TABLE host_bases (
    image TEXT COLLATE "C" NOT NULL, host TEXT COLLATE "C" NOT NULL, state TEXT COLLATE "C" NOT NULL, detail TEXT COLLATE "C",
    since BIGINT NOT NULL, heard_at BIGINT,
    PRIMARY KEY (image, host)
);

-- `number` is never given twice, also after the last row is gone.
CREATE TABLE aggregates (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, uuid TEXT COLLATE "C" NOT NULL UNIQUE, generation BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL UNIQUE, body TEXT COLLATE "C" NOT NULL
);
