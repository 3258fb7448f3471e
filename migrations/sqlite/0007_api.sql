-- The administrative interface. `postgres/0007_api.sql` is the same for PostgreSQL: change both.

-- Requests that may be sent again: what was asked under a key, and what was answered.
create table idempotency (
  caller text not null,
  key text not null,
  -- A digest of method, path and body.
  request text not null,
  -- null as long as the request is under way.
  status integer,
  content_type text,
  body text,
  at integer not null,
  primary key (caller, key)
) strict, without rowid;
create index idempotency_at on idempotency (at);

-- What became of one object.
create index change_events_object on change_events (kind, id, seq);
