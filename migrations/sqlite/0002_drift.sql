-- Schema of version 2 for SQLite. `postgres/0002_drift.sql` is the same for PostgreSQL: change both.

-- References between linked records that a read showed to have come (1) or gone (0) although it was not us: what puts them
-- right is drift, until the source wants them so or somebody puts them back.
create table reference_moves (
  target text not null,
  id text not null,
  relation text not null,
  to_id text not null,
  present integer not null,
  generation integer not null,
  primary key (target, id, relation, to_id)
) strict, without rowid;

-- What of a plan's lines puts right what somebody did in the target: an attribute, or a relation and the object at its other
-- end. `repaired_at` says that the line was done.
create table drift (
  run text not null,
  seq integer not null,
  attribute text not null,
  target text not null,
  kind text not null,
  id text not null,
  other text not null,
  repaired_at integer,
  primary key (run, seq, attribute)
) strict, without rowid;
create index drift_repaired on drift (target, repaired_at) where repaired_at is not null;
