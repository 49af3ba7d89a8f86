-- What is claimed of a host stands in columns of its own, and the claims themselves keep it: a claim and its host's sum cannot differ, and
-- one statement takes a claim. Each changes the host's generation, so that a decision made on an older row is seen to be one.
ALTER TABLE hosts ADD COLUMN claimed_vcpus BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hosts ADD COLUMN claimed_memory_mib BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hosts ADD COLUMN claimed_disk_gib BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hosts ADD COLUMN claimed_servers BIGINT NOT NULL DEFAULT 0;
UPDATE hosts SET
    claimed_vcpus = (SELECT COALESCE(SUM(vcpus), 0) FROM claims WHERE host = hosts.name),
    claimed_memory_mib = (SELECT COALESCE(SUM(memory_mib), 0) FROM claims WHERE host = hosts.name),
    claimed_disk_gib = (SELECT COALESCE(SUM(disk_gib), 0) FROM claims WHERE host = hosts.name),
    claimed_servers = (SELECT COALESCE(SUM(servers), 0) FROM claims WHERE host = hosts.name);
CREATE TRIGGER claims_taken AFTER INSERT ON claims BEGIN
    UPDATE hosts SET generation = generation + 1,
        claimed_vcpus = claimed_vcpus + NEW.vcpus,
        claimed_memory_mib = claimed_memory_mib + NEW.memory_mib,
        claimed_disk_gib = claimed_disk_gib + NEW.disk_gib,
        claimed_servers = claimed_servers + NEW.servers
    WHERE name = NEW.host;
END;
CREATE TRIGGER claims_given_back AFTER DELETE ON claims BEGIN
    UPDATE hosts SET generation = generation + 1,
        claimed_vcpus = claimed_vcpus - OLD.vcpus,
        claimed_memory_mib = claimed_memory_mib - OLD.memory_mib,
        claimed_disk_gib = claimed_disk_gib - OLD.disk_gib,
        claimed_servers = claimed_servers - OLD.servers
    WHERE name = OLD.host;
END;

-- The few ports that serve a network are found without a look at the others.
CREATE INDEX ports_that_serve ON ports (network) WHERE device_owner = 'network:dhcp';
