-- Resources of the types that a site adds. `postgres/0011_resources.sql` is the same for PostgreSQL: change both.
create table resources (
  id text not null primary key,
  type text not null,
  external_id text,
  -- Their attributes as JSON, in the spelling of their schemas.
  document text not null,
  version integer not null,
  created_at integer not null,
  updated_at integer not null
) strict, without rowid;
create index resources_type on resources (type, id);
create index resources_external on resources (type, external_id) where external_id is not null;
create index resources_modified on resources (type, updated_at);

-- The values of theirs that no other resource of the type may have.
create table resource_keys (
  type text not null,
  attribute text not null,
  value text not null,
  id text not null,
  primary key (type, attribute, value)
) strict, without rowid;
create index resource_keys_id on resource_keys (id);
