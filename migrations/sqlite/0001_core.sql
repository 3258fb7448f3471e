-- Schema of version 1 for SQLite. `postgres/0001_core.sql` is the same for PostgreSQL: change both.
--
-- Times are integer milliseconds since 1970, JSON is text, booleans are 0 and 1. Links, effects and audit have no foreign
-- key to the source. Logins have no unique constraint: two users must be able to swap them.
-- Triggers use only what the sqlite3 3.40 command-line program has, where foreign keys are off; hence triggers, not
-- foreign keys, delete memberships. The only unique constraint of a source table is its key, so the row that
-- `INSERT OR REPLACE` displaces (without its delete trigger) always has the same id: it counts as an update.

-- The source ---------------------------------------------------------------------------------------------------------

create table users (
  id text not null primary key default (lower(hex(randomblob(16)))) check (id <> ''),
  user_name text not null,
  external_id text,
  display_name text,
  given_name text,
  family_name text,
  mail text,
  active integer not null default 1 check (active in (0, 1)),
  service_account integer not null default 0 check (service_account in (0, 1)),
  manager_id text,
  target_object_id text,
  document text not null default '{}' check (json_valid(document) and json_type(document) = 'object'),
  created_at integer not null default (cast(round((julianday('now') - 2440587.5) * 86400000.0) as integer)),
  updated_at integer not null default (cast(round((julianday('now') - 2440587.5) * 86400000.0) as integer))
) strict, without rowid;
create index users_login on users (lower(user_name));
create index users_manager on users (manager_id) where manager_id is not null;

create table groups (
  id text not null primary key default (lower(hex(randomblob(16)))) check (id <> ''),
  display_name text not null,
  description text,
  external_id text,
  target_object_id text,
  document text not null default '{}' check (json_valid(document) and json_type(document) = 'object'),
  created_at integer not null default (cast(round((julianday('now') - 2440587.5) * 86400000.0) as integer)),
  updated_at integer not null default (cast(round((julianday('now') - 2440587.5) * 86400000.0) as integer))
) strict, without rowid;

create table memberships (
  group_id text not null,
  role text not null default 'member' check (role in ('member', 'owner')),
  member_kind text not null default 'user' check (member_kind in ('user', 'group')),
  member_id text not null,
  primary key (group_id, role, member_kind, member_id)
) strict, without rowid;
create index memberships_member on memberships (member_kind, member_id, role, group_id);

-- One row for each object there ever was; `version` counts its changes, those of its memberships included.
create table source_versions (
  kind text not null,
  id text not null,
  version integer not null,
  present integer not null,
  primary key (kind, id)
) strict, without rowid;

create table change_events (
  seq integer primary key autoincrement,
  at integer not null,
  kind text not null,
  id text not null,
  op text not null,
  body text
) strict;

-- Targets, queue, leases ---------------------------------------------------------------------------------------------

create table targets (
  name text not null primary key,
  mode text not null,
  config_digest text not null,
  mapping_version text not null,
  halt text,
  epoch integer not null default 1,
  next_due_at integer,
  last_full_at integer,
  generation integer not null default 0,
  guard_mark integer not null default 0,
  created_at integer not null
) strict, without rowid;

create table queue (
  target text not null,
  kind text not null,
  id text not null,
  version integer not null,
  first_at integer not null,
  changed_at integer not null,
  not_before integer not null,
  attempts integer not null,
  error text,
  primary key (target, kind, id)
) strict, without rowid;
create index queue_due on queue (target, first_at, kind, id);

create table leases (
  target text not null,
  kind text not null,
  id text not null,
  holder text not null,
  until integer not null,
  primary key (target, kind, id)
) strict, without rowid;

-- Mappings -----------------------------------------------------------------------------------------------------------

-- Every version of a target's scripts that was drafted or in force. `scripts` is name, kind and text of each, in order; `accepted` is
-- the difference that whoever published it had seen, and `settled_at` when a run over everything had carried it out.
create table mapping_versions (
  target text not null,
  version integer not null,
  digest text not null,
  scripts text not null,
  origin text not null,
  state text not null,
  author text not null,
  at integer not null,
  published_by text,
  published_at integer,
  accepted text,
  settled_at integer,
  primary key (target, version)
) strict, without rowid;
create unique index mapping_versions_published on mapping_versions (target) where state = 'published';

-- Desired state ------------------------------------------------------------------------------------------------------

-- `ruling` says under which rules a row was made, `looks_up` which other user's record was read for it, in which version: a
-- row whose source version, ruling and look-up are as they were need not be made again.
create table desired (
  target text not null,
  kind text not null,
  id text not null,
  source_version integer not null,
  state text not null,
  why text,
  body text not null,
  ruling text not null,
  looks_up text,
  looks_up_version integer not null,
  primary key (target, kind, id)
) strict, without rowid;
-- References ask for the state of each member; the bodies would have to be read for it.
create index desired_state on desired (target, kind, id, state);

-- The target attributes that a ruling has ever named.
create table desired_names (
  target text not null,
  kind text not null,
  ruling text not null,
  attribute text not null,
  primary key (target, kind, ruling, attribute)
) strict, without rowid;

create table desired_keys (
  target text not null,
  kind text not null,
  id text not null,
  rank integer not null,
  attribute text not null,
  value text not null,
  evidence text not null,
  primary key (target, kind, id, rank, attribute, value)
) strict, without rowid;
create index desired_keys_value on desired_keys (target, kind, attribute, value, rank);

create table desired_unique (
  target text not null,
  kind text not null,
  id text not null,
  attribute text not null,
  value text not null,
  primary key (target, kind, id, attribute, value)
) strict, without rowid;
create index desired_unique_value on desired_unique (target, kind, attribute, value);

-- Mirror -------------------------------------------------------------------------------------------------------------

create table mirror (
  target text not null,
  kind text not null,
  id text not null,
  condition text not null,
  generation integer not null,
  attributes text not null,
  anchor text,
  mastered integer not null,
  unwritable text,
  protection text not null,
  primary key (target, kind, id)
) strict, without rowid;
create index mirror_seen on mirror (target, kind, condition, generation);

create table mirror_keys (
  target text not null,
  kind text not null,
  attribute text not null,
  value text not null,
  id text not null,
  primary key (target, kind, attribute, value, id)
) strict, without rowid;
create index mirror_keys_record on mirror_keys (target, kind, id);

create table mirror_refs (
  target text not null,
  id text not null,
  relation text not null,
  to_id text not null,
  kind text not null,
  to_kind text,
  generation integer not null,
  primary key (target, id, relation, to_id)
) strict, without rowid;
-- For those who look for a record's name at the other end, and say `to_id <> ''`. Whoever knows both ends reads the primary key,
-- where the references of one group are neighbours; here they are all over the index.
create index mirror_refs_to on mirror_refs (target, to_id) where to_id <> '';

-- What is indexed of each kind, and where its next incremental read begins.
create table mirror_kinds (
  target text not null,
  kind text not null,
  anchor text not null,
  keys text not null,
  cursor text,
  attributes text,
  full_at integer,
  primary key (target, kind)
) strict, without rowid;

-- Who is protected by what they hold, as read by themselves; what a record shows of itself stands in the mirror.
create table privileged (
  target text not null,
  id text not null,
  why text not null,
  administrator integer not null,
  primary key (target, id)
) strict, without rowid;

-- When that was last read completely, and why it could not be read the last time.
create table protection_reads (
  target text not null primary key,
  at integer,
  unread text
) strict, without rowid;

-- Ids and logins that the configuration protects, folded.
create table protected_list (
  target text not null,
  entry text not null,
  primary key (target, entry)
) strict, without rowid;

-- Protected records that a person approved by name.
create table protection_approvals (
  target text not null,
  id text not null,
  reason text not null,
  approved_by text not null,
  at integer not null,
  primary key (target, id)
) strict, without rowid;

-- Links, holds -------------------------------------------------------------------------------------------------------

create table links (
  target text not null,
  kind text not null,
  id text not null,
  target_id text not null,
  version integer not null,
  run text not null,
  anchored integer not null,
  evidence text not null,
  sent text not null,
  stored text not null,
  linked_at integer not null,
  primary key (target, kind, id)
) strict, without rowid;
create unique index links_record on links (target, target_id);

create table holds (
  target text not null,
  kind text not null,
  id text not null,
  code text not null,
  about text not null,
  body text not null,
  since integer not null,
  run text not null,
  primary key (target, kind, id, code, about)
) strict, without rowid;

create table parked (
  target text not null,
  kind text not null,
  id text not null,
  reason text not null,
  since integer not null,
  primary key (target, kind, id)
) strict, without rowid;

-- Runs, plans, effects, audit ----------------------------------------------------------------------------------------

create table runs (
  id text not null primary key,
  target text not null,
  scope text not null,
  reason text not null,
  kind text not null,
  state text not null,
  holder text not null,
  mapping_version text not null,
  started_at integer not null,
  finished_at integer,
  report text,
  digest text,
  approved_by text,
  approved_at integer
) strict, without rowid;
create index runs_target on runs (target, id);
create index runs_held on runs (target, id) where state = 'held';

create table plan_lines (
  run text not null,
  seq integer not null,
  phase integer not null,
  rank integer not null,
  kind text not null,
  id text not null,
  action text not null,
  body text not null,
  state text not null,
  detail text,
  request_id text,
  primary key (run, seq)
) strict, without rowid;
create index plan_lines_next on plan_lines (run, state, phase, rank, seq);

create table plan_claims (
  run text not null,
  seq integer not null,
  claim text not null,
  attribute text not null,
  value text not null,
  primary key (run, seq, claim, attribute, value)
) strict, without rowid;
create index plan_claims_value on plan_claims (run, claim, attribute, value);

-- What the guard counts the lines of a plan as. `fingerprint` says what exactly a person approves.
create table plan_counted (
  run text not null,
  seq integer not null,
  operation text not null,
  about text not null,
  kind text not null,
  id text not null,
  fingerprint text not null,
  approved integer not null,
  primary key (run, seq, operation, about)
) strict, without rowid;
create index plan_counted_object on plan_counted (kind, id, operation, about, run);

-- What the guard let through within the last 24 hours without anybody's approval.
create table guarded (
  target text not null,
  operation text not null,
  kind text not null,
  id text not null,
  about text not null,
  at integer not null,
  run text not null,
  primary key (target, operation, kind, id, about)
) strict, without rowid;
create index guarded_at on guarded (target, at);

-- Plans that were reviewed outside of the database: what is to be done, line by line, as a digest.
create table reviewed (
  plan text not null,
  kind text not null,
  id text not null,
  digest text not null,
  primary key (plan, kind, id, digest)
) strict, without rowid;

-- The links that a plan will make: its references are compared as if they stood already. They go with
-- the end of the run.
create table plan_links (
  run text not null,
  kind text not null,
  id text not null,
  target_id text not null,
  primary key (run, kind, id)
) strict, without rowid;

create table effects (
  run text not null,
  seq integer not null,
  target text not null,
  kind text not null,
  id text not null,
  action text not null,
  body text not null,
  sent text not null,
  holder text not null,
  state text not null,
  detail text,
  request_id text,
  started_at integer not null,
  ended_at integer,
  primary key (run, seq)
) strict, without rowid;
create index effects_open on effects (target, kind, id) where state in ('started', 'unknown');
create index effects_object on effects (run, kind, id);
create index effects_ended on effects (target, kind, id, ended_at);

-- One chain: `hash` covers the row before, and of this row every column but `fields`, of which it covers a salted digest of
-- each value. A value can thus be taken away, and the chain still fits.
create table audit (
  seq integer not null primary key,
  at integer not null,
  target text,
  run text,
  line integer,
  kind text,
  id text,
  record text,
  action text not null,
  outcome text not null,
  author text not null,
  mapping_version text,
  request_id text,
  fields text not null,
  hash text not null
) strict;
create index audit_object on audit (kind, id, seq) where id is not null;
create index audit_run on audit (run, seq) where run is not null;
create index audit_at on audit (at);

-- Its end, its beginning (what was pruned ends there), and how far values were taken away by age.
create table audit_chain (
  one integer not null primary key check (one = 1),
  seq integer not null,
  hash text not null,
  pruned_seq integer not null,
  pruned_hash text not null,
  redacted_seq integer not null
) strict, without rowid;
insert into audit_chain (one, seq, hash, pruned_seq, pruned_hash, redacted_seq) values (1, 0, '', 0, '', 0);

-- Alarms -------------------------------------------------------------------------------------------------------------

create table alarms (
  id text not null primary key,
  target text not null,
  kind text not null,
  about text not null,
  level integer not null,
  message text not null,
  body text not null,
  raised_at integer not null,
  cleared_at integer
) strict, without rowid;
create unique index alarms_open on alarms (target, kind, about) where cleared_at is null;

-- What is to be told of alarms. `spread` says that every webhook has its deliveries of it.
create table alarm_events (
  id text not null primary key,
  body text not null,
  at integer not null,
  spread integer not null
) strict, without rowid;
create index alarm_events_new on alarm_events (id) where spread = 0;

create table deliveries (
  event text not null,
  webhook text not null,
  attempts integer not null,
  next_at integer not null,
  until integer not null,
  state text not null,
  detail text,
  primary key (event, webhook)
) strict, without rowid;
create index deliveries_due on deliveries (webhook, next_at) where state = 'waiting';

-- Change events, whoever writes --------------------------------------------------------------------------------------

-- An insert here says: this object was touched. `op` is the event to log, null for none.
create view touch (kind, id, op, body) as select null, null, null, null where 0;

create trigger touch_inserted instead of insert on touch begin
  insert into change_events (at, kind, id, op, body)
    select cast(round((julianday('now') - 2440587.5) * 86400000.0) as integer), new.kind, new.id, new.op, new.body
    where new.op is not null;
  insert into source_versions (kind, id, version, present)
    values (new.kind, new.id, 1, new.op is not null and new.op in ('created', 'updated'))
    on conflict (kind, id) do update set version = source_versions.version + 1,
      present = case when new.op in ('created', 'updated') then 1 when new.op = 'deleted' then 0 else source_versions.present end;
  insert into queue (target, kind, id, version, first_at, changed_at, not_before, attempts)
    select name, new.kind, new.id, 1,
      cast(round((julianday('now') - 2440587.5) * 86400000.0) as integer),
      cast(round((julianday('now') - 2440587.5) * 86400000.0) as integer), 0, 0
    from targets where true
    on conflict (target, kind, id) do update set version = queue.version + 1, changed_at = excluded.changed_at,
      not_before = 0, attempts = 0, error = null;
end;

create trigger users_inserted after insert on users begin
  insert into touch (kind, id, op) values ('user', new.id, case
    when exists (select 1 from source_versions where kind = 'user' and id = new.id and present = 1) then 'updated' else 'created' end);
end;

create trigger users_updated after update on users when old.id = new.id and (
  old.user_name is not new.user_name or old.external_id is not new.external_id or old.display_name is not new.display_name
  or old.given_name is not new.given_name or old.family_name is not new.family_name or old.mail is not new.mail
  or old.active is not new.active or old.service_account is not new.service_account or old.manager_id is not new.manager_id
  or old.target_object_id is not new.target_object_id or old.document is not new.document) begin
  insert into touch (kind, id, op) values ('user', new.id, 'updated');
end;

create trigger users_deleted after delete on users begin
  delete from memberships where member_kind = 'user' and member_id = old.id;
  insert into touch (kind, id, op, body) values ('user', old.id, 'deleted', json_object('id', old.id,
    'user_name', old.user_name, 'external_id', old.external_id, 'display_name', old.display_name,
    'given_name', old.given_name, 'family_name', old.family_name, 'mail', old.mail, 'active', old.active,
    'service_account', old.service_account, 'manager_id', old.manager_id, 'target_object_id', old.target_object_id,
    'document', json(old.document), 'created_at', old.created_at, 'updated_at', old.updated_at));
end;

-- Another id is another object.
create trigger users_renumbered after update on users when old.id <> new.id begin
  delete from memberships where member_kind = 'user' and member_id = old.id;
  insert into touch (kind, id, op, body) values ('user', old.id, 'deleted', json_object('id', old.id,
    'user_name', old.user_name, 'external_id', old.external_id, 'display_name', old.display_name,
    'given_name', old.given_name, 'family_name', old.family_name, 'mail', old.mail, 'active', old.active,
    'service_account', old.service_account, 'manager_id', old.manager_id, 'target_object_id', old.target_object_id,
    'document', json(old.document), 'created_at', old.created_at, 'updated_at', old.updated_at));
  insert into touch (kind, id, op) values ('user', new.id, 'created');
end;

create trigger groups_inserted after insert on groups begin
  insert into touch (kind, id, op) values ('group', new.id, case
    when exists (select 1 from source_versions where kind = 'group' and id = new.id and present = 1) then 'updated' else 'created' end);
end;

create trigger groups_updated after update on groups when old.id = new.id and (
  old.display_name is not new.display_name or old.description is not new.description or old.external_id is not new.external_id
  or old.target_object_id is not new.target_object_id or old.document is not new.document) begin
  insert into touch (kind, id, op) values ('group', new.id, 'updated');
end;

create trigger groups_deleted after delete on groups begin
  delete from memberships where group_id = old.id;
  delete from memberships where member_kind = 'group' and member_id = old.id;
  insert into touch (kind, id, op, body) values ('group', old.id, 'deleted', json_object('id', old.id,
    'display_name', old.display_name, 'description', old.description, 'external_id', old.external_id,
    'target_object_id', old.target_object_id, 'document', json(old.document),
    'created_at', old.created_at, 'updated_at', old.updated_at));
end;

create trigger groups_renumbered after update on groups when old.id <> new.id begin
  delete from memberships where group_id = old.id;
  delete from memberships where member_kind = 'group' and member_id = old.id;
  insert into touch (kind, id, op, body) values ('group', old.id, 'deleted', json_object('id', old.id,
    'display_name', old.display_name, 'description', old.description, 'external_id', old.external_id,
    'target_object_id', old.target_object_id, 'document', json(old.document),
    'created_at', old.created_at, 'updated_at', old.updated_at));
  insert into touch (kind, id, op) values ('group', new.id, 'created');
end;

-- A membership touches the group, and the member too: its scope may change.
create trigger memberships_inserted after insert on memberships begin
  insert into touch (kind, id, op, body) values ('group', new.group_id, 'member_added', json_object('group_id', new.group_id,
    'member_kind', new.member_kind, 'member_id', new.member_id, 'role', new.role));
  insert into touch (kind, id) values (new.member_kind, new.member_id);
end;

create trigger memberships_deleted after delete on memberships begin
  insert into touch (kind, id, op, body) values ('group', old.group_id, 'member_removed', json_object('group_id', old.group_id,
    'member_kind', old.member_kind, 'member_id', old.member_id, 'role', old.role));
  insert into touch (kind, id) values (old.member_kind, old.member_id);
end;

create trigger memberships_updated after update on memberships when old.group_id <> new.group_id or old.role <> new.role
  or old.member_kind <> new.member_kind or old.member_id <> new.member_id begin
  insert into touch (kind, id, op, body) values ('group', old.group_id, 'member_removed', json_object('group_id', old.group_id,
    'member_kind', old.member_kind, 'member_id', old.member_id, 'role', old.role));
  insert into touch (kind, id) values (old.member_kind, old.member_id);
  insert into touch (kind, id, op, body) values ('group', new.group_id, 'member_added', json_object('group_id', new.group_id,
    'member_kind', new.member_kind, 'member_id', new.member_id, 'role', new.role));
  insert into touch (kind, id) values (new.member_kind, new.member_id);
end;
