-- Programs that tell us of changes, and those that we tell. `sqlite/0012_hooks.sql` is the same for SQLite: change both.
create table hooks (
  -- sender: tells us. receiver: is told.
  side text collate "C" not null,
  name text collate "C" not null,
  -- Where a receiver listens.
  url text collate "C",
  -- The types of events that a receiver wants, as a JSON list; empty for all.
  events text collate "C" not null,
  -- The names of sealed secrets: the one in use, and the one before it, which is good for a while.
  secret text collate "C" not null,
  previous text collate "C",
  previous_until bigint,
  created_at bigint not null,
  created_by text collate "C" not null,
  primary key (side, name)
);

-- Messages of senders that were taken, so that a second one of the same id changes nothing.
create table hook_messages (
  sender text collate "C" not null,
  id text collate "C" not null,
  at bigint not null,
  primary key (sender, id)
);
create index hook_messages_at on hook_messages (at);

-- What receivers are to be told. `spread` says that each has its deliveries of it; until then the same is not noted twice.
create table hook_events (
  id text collate "C" not null primary key,
  at bigint not null,
  type text collate "C" not null,
  target text collate "C" not null,
  kind text collate "C" not null,
  object text collate "C" not null,
  code text collate "C" not null,
  spread bigint not null
);
create unique index hook_events_new on hook_events (type, target, object, code) where spread = 0;
create index hook_events_at on hook_events (at);

create function hook_events_written() returns trigger language plpgsql as $$
begin
  if exists (select 1 from hooks where side = 'receiver') then
    insert into hook_events (id, at, type, target, kind, object, code, spread)
      values (gen_random_uuid()::text, new.at,
        new.kind || case new.op when 'created' then '.created' when 'deleted' then '.removed' else '.changed' end,
        '', new.kind, new.id, '', 0)
      on conflict (type, target, object, code) where spread = 0 do nothing;
  end if;
  return null;
end $$;
create trigger hook_events_written after insert on change_events for each row execute function hook_events_written();
