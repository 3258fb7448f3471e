-- Leavers in steps, and first credentials. `sqlite/0003_lifecycle.sql` is the same for SQLite: change both.

-- When each linked object left, for what is done days later. `event` is the change event that recorded its deletion, 0 if it
-- only went out of scope.
create table leavers (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  left_at bigint not null,
  event bigint not null,
  sessions_ended_at bigint,
  primary key (target, kind, id)
);

create index change_events_deleted on change_events (kind, id, seq) where op = 'deleted';

-- Records that an operator retains, whatever becomes of their objects.
create table retained (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  reason text collate "C" not null,
  since bigint not null,
  primary key (target, kind, id)
);

-- First credentials that are on their way (`open`), have reached nobody (`lost`) or are to be made (`due`). Never the credential.
create table first_credentials (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  state text collate "C" not null,
  detail text collate "C",
  since bigint not null,
  primary key (target, kind, id)
);
