-- The configuration of the targets. `postgres/0012_settings.sql` is the same for PostgreSQL: change both.
create table target_settings (
  name text not null primary key,
  -- The keys of a [[target]] block as one JSON object, without the name. Secrets stand in it by their place alone.
  body text not null,
  -- The number of the change that made it so.
  revision integer not null,
  changed_at integer not null,
  changed_by text not null
) strict, without rowid;

-- Counts the changes of all targets; 0 as long as there was none, and a file decides.
create table settings_changes (
  one integer not null primary key check (one = 1),
  revision integer not null
) strict;
insert into settings_changes (one, revision) values (1, 0);
