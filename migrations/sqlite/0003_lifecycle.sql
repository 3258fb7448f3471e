-- Leavers in steps, and first credentials. `postgres/0003_lifecycle.sql` is the same for PostgreSQL: change both.

-- When each linked object left, for what is done days later. `event` is the change event that recorded its deletion, 0 if it
-- only went out of scope.
create table leavers (
  target text not null,
  kind text not null,
  id text not null,
  left_at integer not null,
  event integer not null,
  sessions_ended_at integer,
  primary key (target, kind, id)
) strict, without rowid;

create index change_events_deleted on change_events (kind, id, seq) where op = 'deleted';

-- Records that an operator retains, whatever becomes of their objects.
create table retained (
  target text not null,
  kind text not null,
  id text not null,
  reason text not null,
  since integer not null,
  primary key (target, kind, id)
) strict, without rowid;

-- First credentials that are on their way (`open`), have reached nobody (`lost`) or are to be made (`due`). Never the credential.
create table first_credentials (
  target text not null,
  kind text not null,
  id text not null,
  state text not null,
  detail text,
  since integer not null,
  primary key (target, kind, id)
) strict, without rowid;
