-- Records of which a look at them alone showed something else than was known. `sqlite/0010_doubts.sql` is the same for
-- SQLite: change both.
create table mirror_doubts (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  -- When the look was taken.
  since bigint not null,
  primary key (target, kind, id)
);
