-- What every create of a volume asks: what its project has, and what is being made, made larger or brought elsewhere. Answered without the rows.
CREATE INDEX volumes_sizes_of_project ON volumes (project, size_gib);
CREATE INDEX volumes_of_status ON volumes (status, project, created_at DESC, id);
CREATE INDEX snapshots_sizes_of_project ON snapshots (project, size_gib);
