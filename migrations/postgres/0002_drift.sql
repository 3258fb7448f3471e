-- Schema of version 2 for PostgreSQL. `sqlite/0002_drift.sql` is the same for SQLite: change both.

-- References between linked records that a read showed to have come (1) or gone (0) although it was not us: what puts them
-- right is drift, until the source wants them so or somebody puts them back.
create table reference_moves (
  target text collate "C" not null,
  id text collate "C" not null,
  relation text collate "C" not null,
  to_id text collate "C" not null,
  present bigint not null,
  generation bigint not null,
  primary key (target, id, relation, to_id)
);

-- What of a plan's lines puts right what somebody did in the target: an attribute, or a relation and the object at its other
-- end. `repaired_at` says that the line was done.
create table drift (
  run text collate "C" not null,
  seq bigint not null,
  attribute text collate "C" not null,
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  other text collate "C" not null,
  repaired_at bigint,
  primary key (run, seq, attribute)
);
create index drift_repaired on drift (target, repaired_at) where repaired_at is not null;
