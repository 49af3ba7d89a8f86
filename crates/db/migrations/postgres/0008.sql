-- Entries of the backends' image-volume caches. `backend` is `host@backend#pool`.
CREATE TABLE image_cache_entries (
    volume TEXT COLLATE "C" PRIMARY KEY, generation BIGINT NOT NULL, backend TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX image_cache_entries_of_backend ON image_cache_entries (backend);
