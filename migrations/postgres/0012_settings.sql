-- The configuration of the targets. `sqlite/0012_settings.sql` is the same for SQLite: change both.
create table target_settings (
  name text collate "C" not null primary key,
  -- The keys of a [[target]] block as one JSON object, without the name. Secrets stand in it by their place alone.
  body text collate "C" not null,
  -- The number of the change that made it so.
  revision bigint not null,
  changed_at bigint not null,
  changed_by text collate "C" not null
);

-- Counts the changes of all targets; 0 as long as there was none, and a file decides.
create table settings_changes (
  one bigint not null primary key check (one = 1),
  revision bigint not null
);
insert into settings_changes (one, revision) values (1, 0);
