-- The administrative interface. `sqlite/0007_api.sql` is the same for SQLite: change both.

-- Requests that may be sent again: what was asked under a key, and what was answered.
create table idempotency (
  caller text collate "C" not null,
  key text collate "C" not null,
  -- A digest of method, path and body.
  request text collate "C" not null,
  -- null as long as the request is under way.
  status bigint,
  content_type text collate "C",
  body text collate "C",
  at bigint not null,
  primary key (caller, key)
);
create index idempotency_at on idempotency (at);

-- What became of one object.
create index change_events_object on change_events (kind, id, seq);
