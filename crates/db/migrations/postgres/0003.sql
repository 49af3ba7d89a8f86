-- A claim says which disk is to stand on the host and which image's base it lies on: the lease of the base is taken by the statement that takes
-- the claim. All three are NULL where there is no such disk.
ALTER TABLE claims ADD COLUMN disk TEXT COLLATE "C";
ALTER TABLE claims ADD COLUMN image TEXT COLLATE "C";
ALTER TABLE claims ADD COLUMN base_format TEXT COLLATE "C";
-- The root disk of a server has the server's id.
UPDATE claims SET disk = server,
    image = (SELECT image FROM servers WHERE id = claims.server),
    base_format = (SELECT lower(body::json #>> '{plan,steps,1,CreateOverlay,base_format}') FROM servers WHERE id = claims.server)
WHERE EXISTS (SELECT 1 FROM servers WHERE id = claims.server AND image IS NOT NULL);

-- Disks whose servers have let go of them, and that may still stand on a host: their leases stand until the host has answered an order of this
-- generation.
CREATE TABLE left_disks (
    host TEXT COLLATE "C" NOT NULL, disk TEXT COLLATE "C" NOT NULL, server TEXT COLLATE "C" NOT NULL, image TEXT COLLATE "C" NOT NULL,
    base_format TEXT COLLATE "C",
    generation BIGINT NOT NULL, since BIGINT NOT NULL,
    PRIMARY KEY (host, disk)
);

CREATE TABLE base_pins (
    image TEXT COLLATE "C" NOT NULL, holder TEXT COLLATE "C" NOT NULL, pinned_until BIGINT NOT NULL,
    PRIMARY KEY (image, holder)
);
