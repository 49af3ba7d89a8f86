-- Entries of the backends' image-volume caches. `backend` is `host@backend#pool`.
CREATE TABLE image_cache_entries (
    volume TEXT NOT NULL PRIMARY KEY, generation BIGINT NOT NULL, backend TEXT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX image_cache_entries_of_backend ON image_cache_entries (backend);
