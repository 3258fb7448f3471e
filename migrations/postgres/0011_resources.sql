-- Resources of the types that a site adds. `sqlite/0011_resources.sql` is the same for SQLite: change both.
create table resources (
  id text collate "C" not null primary key,
  type text collate "C" not null,
  external_id text collate "C",
  -- Their attributes as JSON, in the spelling of their schemas.
  document text collate "C" not null,
  version bigint not null,
  created_at bigint not null,
  updated_at bigint not null
);
create index resources_type on resources (type, id);
create index resources_external on resources (type, external_id) where external_id is not null;
create index resources_modified on resources (type, updated_at);

-- The values of theirs that no other resource of the type may have.
create table resource_keys (
  type text collate "C" not null,
  attribute text collate "C" not null,
  value text collate "C" not null,
  id text collate "C" not null,
  primary key (type, attribute, value)
);
create index resource_keys_id on resource_keys (id);
