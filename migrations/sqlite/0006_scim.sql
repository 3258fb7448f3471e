-- What SCIM clients look for. `postgres/0006_scim.sql` is the same for PostgreSQL: change both.
create index users_external on users (external_id) where external_id is not null;
create index users_name on users (lower(display_name)) where display_name is not null;
create index users_modified on users (updated_at);
create index groups_external on groups (external_id) where external_id is not null;
create index groups_name on groups (lower(display_name));
create index groups_modified on groups (updated_at);
