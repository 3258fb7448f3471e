-- Programs that tell us of changes, and those that we tell. `postgres/0012_hooks.sql` is the same for PostgreSQL: change both.
create table hooks (
  -- sender: tells us. receiver: is told.
  side text not null,
  name text not null,
  -- Where a receiver listens.
  url text,
  -- The types of events that a receiver wants, as a JSON list; empty for all.
  events text not null,
  -- The names of sealed secrets: the one in use, and the one before it, which is good for a while.
  secret text not null,
  previous text,
  previous_until integer,
  created_at integer not null,
  created_by text not null,
  primary key (side, name)
) strict, without rowid;

-- Messages of senders that were taken, so that a second one of the same id changes nothing.
create table hook_messages (
  sender text not null,
  id text not null,
  at integer not null,
  primary key (sender, id)
) strict, without rowid;
create index hook_messages_at on hook_messages (at);

-- What receivers are to be told. `spread` says that each has its deliveries of it; until then the same is not noted twice.
create table hook_events (
  id text not null primary key,
  at integer not null,
  type text not null,
  target text not null,
  kind text not null,
  object text not null,
  code text not null,
  spread integer not null
) strict, without rowid;
create unique index hook_events_new on hook_events (type, target, object, code) where spread = 0;
create index hook_events_at on hook_events (at);

create trigger hook_events_written after insert on change_events when exists (select 1 from hooks where side = 'receiver') begin
  insert into hook_events (id, at, type, target, kind, object, code, spread)
    values (lower(hex(randomblob(16))), new.at,
      new.kind || case new.op when 'created' then '.created' when 'deleted' then '.removed' else '.changed' end,
      '', new.kind, new.id, '', 0)
    on conflict (type, target, object, code) where spread = 0 do nothing;
end;
