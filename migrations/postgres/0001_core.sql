-- Schema of version 1 for PostgreSQL. `sqlite/0001_core.sql` is the same for SQLite: change both.
--
-- Times are integer milliseconds since 1970, JSON is text, booleans are 0 and 1; views at the end show native types.
-- Links, effects and audit have no foreign key to the source. Logins have no unique constraint: two users must be able
-- to swap them. Text has the collation "C", so that it orders, and `lower` folds, as on SQLite: by bytes, ASCII only.

-- The source ---------------------------------------------------------------------------------------------------------

create table users (
  id text collate "C" not null primary key default gen_random_uuid()::text check (id <> ''),
  user_name text collate "C" not null,
  external_id text collate "C",
  display_name text collate "C",
  given_name text collate "C",
  family_name text collate "C",
  mail text collate "C",
  active bigint not null default 1 check (active in (0, 1)),
  service_account bigint not null default 0 check (service_account in (0, 1)),
  manager_id text collate "C",
  target_object_id text collate "C",
  document text collate "C" not null default '{}' check (jsonb_typeof(document::jsonb) = 'object'),
  created_at bigint not null default ((extract(epoch from clock_timestamp()) * 1000)::bigint),
  updated_at bigint not null default ((extract(epoch from clock_timestamp()) * 1000)::bigint)
);
create index users_login on users (lower(user_name));
create index users_manager on users (manager_id) where manager_id is not null;

create table groups (
  id text collate "C" not null primary key default gen_random_uuid()::text check (id <> ''),
  display_name text collate "C" not null,
  description text collate "C",
  external_id text collate "C",
  target_object_id text collate "C",
  document text collate "C" not null default '{}' check (jsonb_typeof(document::jsonb) = 'object'),
  created_at bigint not null default ((extract(epoch from clock_timestamp()) * 1000)::bigint),
  updated_at bigint not null default ((extract(epoch from clock_timestamp()) * 1000)::bigint)
);

create table memberships (
  group_id text collate "C" not null,
  role text collate "C" not null default 'member' check (role in ('member', 'owner')),
  member_kind text collate "C" not null default 'user' check (member_kind in ('user', 'group')),
  member_id text collate "C" not null,
  primary key (group_id, role, member_kind, member_id)
);
create index memberships_member on memberships (member_kind, member_id, role, group_id);

-- One row for each object there ever was; `version` counts its changes, those of its memberships included.
create table source_versions (
  kind text collate "C" not null,
  id text collate "C" not null,
  version bigint not null,
  present bigint not null,
  primary key (kind, id)
);

create table change_events (
  seq bigint generated always as identity primary key,
  at bigint not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  op text collate "C" not null,
  body text collate "C"
);

-- Targets, queue, leases ---------------------------------------------------------------------------------------------

create table targets (
  name text collate "C" not null primary key,
  mode text collate "C" not null,
  config_digest text collate "C" not null,
  mapping_version text collate "C" not null,
  halt text collate "C",
  epoch bigint not null default 1,
  next_due_at bigint,
  last_full_at bigint,
  generation bigint not null default 0,
  guard_mark bigint not null default 0,
  created_at bigint not null
);

create table queue (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  version bigint not null,
  first_at bigint not null,
  changed_at bigint not null,
  not_before bigint not null,
  attempts bigint not null,
  error text collate "C",
  primary key (target, kind, id)
);
create index queue_due on queue (target, first_at, kind, id);

create table leases (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  holder text collate "C" not null,
  until bigint not null,
  primary key (target, kind, id)
);

-- Mappings -----------------------------------------------------------------------------------------------------------

-- Every version of a target's scripts that was drafted or in force. `scripts` is name, kind and text of each, in order; `accepted` is
-- the difference that whoever published it had seen, and `settled_at` when a run over everything had carried it out.
create table mapping_versions (
  target text collate "C" not null,
  version bigint not null,
  digest text collate "C" not null,
  scripts text collate "C" not null,
  origin text collate "C" not null,
  state text collate "C" not null,
  author text collate "C" not null,
  at bigint not null,
  published_by text collate "C",
  published_at bigint,
  accepted text collate "C",
  settled_at bigint,
  primary key (target, version)
);
create unique index mapping_versions_published on mapping_versions (target) where state = 'published';

-- Desired state ------------------------------------------------------------------------------------------------------

-- `ruling` says under which rules a row was made, `looks_up` which other user's record was read for it, in which version: a
-- row whose source version, ruling and look-up are as they were need not be made again.
create table desired (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  source_version bigint not null,
  state text collate "C" not null,
  why text collate "C",
  body text collate "C" not null,
  ruling text collate "C" not null,
  looks_up text collate "C",
  looks_up_version bigint not null,
  primary key (target, kind, id)
);
-- References ask for the state of each member; the bodies would have to be read for it.
create index desired_state on desired (target, kind, id, state);

-- The target attributes that a ruling has ever named.
create table desired_names (
  target text collate "C" not null,
  kind text collate "C" not null,
  ruling text collate "C" not null,
  attribute text collate "C" not null,
  primary key (target, kind, ruling, attribute)
);

create table desired_keys (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  rank bigint not null,
  attribute text collate "C" not null,
  value text collate "C" not null,
  evidence text collate "C" not null,
  primary key (target, kind, id, rank, attribute, value)
);
create index desired_keys_value on desired_keys (target, kind, attribute, value, rank);

create table desired_unique (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  attribute text collate "C" not null,
  value text collate "C" not null,
  primary key (target, kind, id, attribute, value)
);
create index desired_unique_value on desired_unique (target, kind, attribute, value);

-- Mirror -------------------------------------------------------------------------------------------------------------

create table mirror (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  condition text collate "C" not null,
  generation bigint not null,
  attributes text collate "C" not null,
  anchor text collate "C",
  mastered bigint not null,
  unwritable text collate "C",
  protection text collate "C" not null,
  primary key (target, kind, id)
);
create index mirror_seen on mirror (target, kind, condition, generation);

create table mirror_keys (
  target text collate "C" not null,
  kind text collate "C" not null,
  attribute text collate "C" not null,
  value text collate "C" not null,
  id text collate "C" not null,
  primary key (target, kind, attribute, value, id)
);
create index mirror_keys_record on mirror_keys (target, kind, id);

create table mirror_refs (
  target text collate "C" not null,
  id text collate "C" not null,
  relation text collate "C" not null,
  to_id text collate "C" not null,
  kind text collate "C" not null,
  to_kind text collate "C",
  generation bigint not null,
  primary key (target, id, relation, to_id)
);
-- For those who look for a record's name at the other end, and say `to_id <> ''`. Whoever knows both ends reads the primary key,
-- where the references of one group are neighbours; here they are all over the index.
create index mirror_refs_to on mirror_refs (target, to_id) where to_id <> '';

-- What is indexed of each kind, and where its next incremental read begins.
create table mirror_kinds (
  target text collate "C" not null,
  kind text collate "C" not null,
  anchor text collate "C" not null,
  keys text collate "C" not null,
  cursor text collate "C",
  attributes text collate "C",
  full_at bigint,
  primary key (target, kind)
);

-- Who is protected by what they hold, as read by themselves; what a record shows of itself stands in the mirror.
create table privileged (
  target text collate "C" not null,
  id text collate "C" not null,
  why text collate "C" not null,
  administrator bigint not null,
  primary key (target, id)
);

-- When that was last read completely, and why it could not be read the last time.
create table protection_reads (
  target text collate "C" not null primary key,
  at bigint,
  unread text collate "C"
);

-- Ids and logins that the configuration protects, folded.
create table protected_list (
  target text collate "C" not null,
  entry text collate "C" not null,
  primary key (target, entry)
);

-- Protected records that a person approved by name.
create table protection_approvals (
  target text collate "C" not null,
  id text collate "C" not null,
  reason text collate "C" not null,
  approved_by text collate "C" not null,
  at bigint not null,
  primary key (target, id)
);

-- Links, holds -------------------------------------------------------------------------------------------------------

create table links (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  target_id text collate "C" not null,
  version bigint not null,
  run text collate "C" not null,
  anchored bigint not null,
  evidence text collate "C" not null,
  sent text collate "C" not null,
  stored text collate "C" not null,
  linked_at bigint not null,
  primary key (target, kind, id)
);
create unique index links_record on links (target, target_id);

create table holds (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  code text collate "C" not null,
  about text collate "C" not null,
  body text collate "C" not null,
  since bigint not null,
  run text collate "C" not null,
  primary key (target, kind, id, code, about)
);

create table parked (
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  reason text collate "C" not null,
  since bigint not null,
  primary key (target, kind, id)
);

-- Runs, plans, effects, audit ----------------------------------------------------------------------------------------

create table runs (
  id text collate "C" not null primary key,
  target text collate "C" not null,
  scope text collate "C" not null,
  reason text collate "C" not null,
  kind text collate "C" not null,
  state text collate "C" not null,
  holder text collate "C" not null,
  mapping_version text collate "C" not null,
  started_at bigint not null,
  finished_at bigint,
  report text collate "C",
  digest text collate "C",
  approved_by text collate "C",
  approved_at bigint
);
create index runs_target on runs (target, id);
create index runs_held on runs (target, id) where state = 'held';

create table plan_lines (
  run text collate "C" not null,
  seq bigint not null,
  phase bigint not null,
  rank bigint not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  action text collate "C" not null,
  body text collate "C" not null,
  state text collate "C" not null,
  detail text collate "C",
  request_id text collate "C",
  primary key (run, seq)
);
create index plan_lines_next on plan_lines (run, state, phase, rank, seq);

create table plan_claims (
  run text collate "C" not null,
  seq bigint not null,
  claim text collate "C" not null,
  attribute text collate "C" not null,
  value text collate "C" not null,
  primary key (run, seq, claim, attribute, value)
);
create index plan_claims_value on plan_claims (run, claim, attribute, value);

-- What the guard counts the lines of a plan as. `fingerprint` says what exactly a person approves.
create table plan_counted (
  run text collate "C" not null,
  seq bigint not null,
  operation text collate "C" not null,
  about text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  fingerprint text collate "C" not null,
  approved bigint not null,
  primary key (run, seq, operation, about)
);
create index plan_counted_object on plan_counted (kind, id, operation, about, run);

-- What the guard let through within the last 24 hours without anybody's approval.
create table guarded (
  target text collate "C" not null,
  operation text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  about text collate "C" not null,
  at bigint not null,
  run text collate "C" not null,
  primary key (target, operation, kind, id, about)
);
create index guarded_at on guarded (target, at);

-- Plans that were reviewed outside of the database: what is to be done, line by line, as a digest.
create table reviewed (
  plan text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  digest text collate "C" not null,
  primary key (plan, kind, id, digest)
);

-- The links that a plan will make: its references are compared as if they stood already. They go with
-- the end of the run.
create table plan_links (
  run text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  target_id text collate "C" not null,
  primary key (run, kind, id)
);

create table effects (
  run text collate "C" not null,
  seq bigint not null,
  target text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  action text collate "C" not null,
  body text collate "C" not null,
  sent text collate "C" not null,
  holder text collate "C" not null,
  state text collate "C" not null,
  detail text collate "C",
  request_id text collate "C",
  started_at bigint not null,
  ended_at bigint,
  primary key (run, seq)
);
create index effects_open on effects (target, kind, id) where state in ('started', 'unknown');
create index effects_object on effects (run, kind, id);
create index effects_ended on effects (target, kind, id, ended_at);

-- One chain: `hash` covers the row before, and of this row every column but `fields`, of which it covers a salted digest of
-- each value. A value can thus be taken away, and the chain still fits.
create table audit (
  seq bigint not null primary key,
  at bigint not null,
  target text collate "C",
  run text collate "C",
  line bigint,
  kind text collate "C",
  id text collate "C",
  record text collate "C",
  action text collate "C" not null,
  outcome text collate "C" not null,
  author text collate "C" not null,
  mapping_version text collate "C",
  request_id text collate "C",
  fields text collate "C" not null,
  hash text collate "C" not null
);
create index audit_object on audit (kind, id, seq) where id is not null;
create index audit_run on audit (run, seq) where run is not null;
create index audit_at on audit (at);

-- Its end, its beginning (what was pruned ends there), and how far values were taken away by age.
create table audit_chain (
  one bigint not null primary key check (one = 1),
  seq bigint not null,
  hash text collate "C" not null,
  pruned_seq bigint not null,
  pruned_hash text collate "C" not null,
  redacted_seq bigint not null
);
insert into audit_chain (one, seq, hash, pruned_seq, pruned_hash, redacted_seq) values (1, 0, '', 0, '', 0);

-- Alarms -------------------------------------------------------------------------------------------------------------

create table alarms (
  id text collate "C" not null primary key,
  target text collate "C" not null,
  kind text collate "C" not null,
  about text collate "C" not null,
  level bigint not null,
  message text collate "C" not null,
  body text collate "C" not null,
  raised_at bigint not null,
  cleared_at bigint
);
create unique index alarms_open on alarms (target, kind, about) where cleared_at is null;

-- What is to be told of alarms. `spread` says that every webhook has its deliveries of it.
create table alarm_events (
  id text collate "C" not null primary key,
  body text collate "C" not null,
  at bigint not null,
  spread bigint not null
);
create index alarm_events_new on alarm_events (id) where spread = 0;

create table deliveries (
  event text collate "C" not null,
  webhook text collate "C" not null,
  attempts bigint not null,
  next_at bigint not null,
  until bigint not null,
  state text collate "C" not null,
  detail text collate "C",
  primary key (event, webhook)
);
create index deliveries_due on deliveries (webhook, next_at) where state = 'waiting';

-- Change events, whoever writes --------------------------------------------------------------------------------------

-- Says that this object was touched. `touched_op` is the event to log, null for none.
create function touch(touched_kind text, touched_id text, touched_op text, touched_body text) returns void language plpgsql as $$
declare
  now_ms bigint := (extract(epoch from clock_timestamp()) * 1000)::bigint;
begin
  if touched_op is not null then
    insert into change_events (at, kind, id, op, body) values (now_ms, touched_kind, touched_id, touched_op, touched_body);
  end if;
  insert into source_versions as s (kind, id, version, present)
    values (touched_kind, touched_id, 1, case when touched_op in ('created', 'updated') then 1 else 0 end)
    on conflict (kind, id) do update set version = s.version + 1,
      present = case when touched_op in ('created', 'updated') then 1 when touched_op = 'deleted' then 0 else s.present end;
  insert into queue as q (target, kind, id, version, first_at, changed_at, not_before, attempts)
    select name, touched_kind, touched_id, 1, now_ms, now_ms, 0, 0 from targets order by name
    on conflict (target, kind, id) do update set version = q.version + 1, changed_at = excluded.changed_at,
      not_before = 0, attempts = 0, error = null;
end $$;

create function users_touched() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    perform touch('user', new.id, 'created', null);
  elsif tg_op = 'UPDATE' and old.id = new.id then
    perform touch('user', new.id, 'updated', null);
  else
    delete from memberships where member_kind = 'user' and member_id = old.id;
    perform touch('user', old.id, 'deleted', (to_jsonb(old) || jsonb_build_object('document', old.document::jsonb))::text);
    -- Another id is another object.
    if tg_op = 'UPDATE' then
      perform touch('user', new.id, 'created', null);
    end if;
  end if;
  return null;
end $$;

create trigger users_written after insert or delete on users for each row execute function users_touched();
create trigger users_updated after update on users for each row when (
  (old.id, old.user_name, old.external_id, old.display_name, old.given_name, old.family_name, old.mail, old.active,
    old.service_account, old.manager_id, old.target_object_id, old.document)
  is distinct from
  (new.id, new.user_name, new.external_id, new.display_name, new.given_name, new.family_name, new.mail, new.active,
    new.service_account, new.manager_id, new.target_object_id, new.document))
  execute function users_touched();

create function groups_touched() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    perform touch('group', new.id, 'created', null);
  elsif tg_op = 'UPDATE' and old.id = new.id then
    perform touch('group', new.id, 'updated', null);
  else
    delete from memberships where group_id = old.id;
    delete from memberships where member_kind = 'group' and member_id = old.id;
    perform touch('group', old.id, 'deleted', (to_jsonb(old) || jsonb_build_object('document', old.document::jsonb))::text);
    if tg_op = 'UPDATE' then
      perform touch('group', new.id, 'created', null);
    end if;
  end if;
  return null;
end $$;

create trigger groups_written after insert or delete on groups for each row execute function groups_touched();
create trigger groups_updated after update on groups for each row when (
  (old.id, old.display_name, old.description, old.external_id, old.target_object_id, old.document)
  is distinct from
  (new.id, new.display_name, new.description, new.external_id, new.target_object_id, new.document))
  execute function groups_touched();

-- A membership touches the group, and the member too: its scope may change.
create function memberships_touched() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    perform touch('group', old.group_id, 'member_removed', to_jsonb(old)::text);
    perform touch(old.member_kind, old.member_id, null, null);
  end if;
  if tg_op <> 'DELETE' then
    perform touch('group', new.group_id, 'member_added', to_jsonb(new)::text);
    perform touch(new.member_kind, new.member_id, null, null);
  end if;
  return null;
end $$;

create trigger memberships_written after insert or delete on memberships for each row execute function memberships_touched();
create trigger memberships_updated after update on memberships for each row when (old.* is distinct from new.*)
  execute function memberships_touched();

-- A truncation fires no row trigger: it would lose the events.
create function truncation_refused() returns trigger language plpgsql as $$
begin
  raise exception 'truncate % would lose its change events: use delete', tg_table_name;
end $$;

create trigger users_truncated before truncate on users for each statement execute function truncation_refused();
create trigger groups_truncated before truncate on groups for each statement execute function truncation_refused();
create trigger memberships_truncated before truncate on memberships for each statement execute function truncation_refused();

-- Wakes every replica when the queue has new rows. The payload is always the same, so that one transaction sends one.
create function queue_wakes() returns trigger language plpgsql as $$
begin
  perform pg_notify('entrain_queue', '');
  return null;
end $$;

create trigger queue_written after insert or update on queue for each statement execute function queue_wakes();

-- Reports, in native types -------------------------------------------------------------------------------------------

create view report_users as
  select id, user_name, external_id, display_name, given_name, family_name, mail, active = 1 as active,
    service_account = 1 as service_account, manager_id, target_object_id, document::jsonb as document,
    to_timestamp(created_at / 1000.0) as created_at, to_timestamp(updated_at / 1000.0) as updated_at
  from users;

create view report_links as
  select target, kind, id, target_id, version, anchored = 1 as anchored, evidence::jsonb as evidence,
    sent::jsonb as sent, stored::jsonb as stored, to_timestamp(linked_at / 1000.0) as linked_at
  from links;

create view report_runs as
  select id, target, scope, reason, kind, state, holder, to_timestamp(started_at / 1000.0) as started_at,
    to_timestamp(finished_at / 1000.0) as finished_at, report::jsonb as report, digest, approved_by,
    to_timestamp(approved_at / 1000.0) as approved_at
  from runs;
