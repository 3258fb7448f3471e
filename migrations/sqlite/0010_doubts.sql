-- Records of which a look at them alone showed something else than was known. `postgres/0010_doubts.sql` is the same for
-- PostgreSQL: change both.
create table mirror_doubts (
  target text not null,
  kind text not null,
  id text not null,
  -- When the look was taken.
  since integer not null,
  primary key (target, kind, id)
) strict, without rowid;
