-- Who may enter. A credential is stored as the digest of its secret, which is random and long: nobody can try values.

create table access_tokens (
  id text not null primary key,
  -- key: of the administrative interface. scim: of a client that keeps the source.
  kind text not null,
  name text not null,
  role text not null,
  -- The names of the targets that it may act on, as a JSON list; null for all.
  targets text,
  -- How a client speaks.
  profile text,
  digest text not null,
  created_at integer not null,
  created_by text not null,
  expires_at integer,
  revoked_at integer,
  -- To within a few minutes.
  used_at integer
) strict, without rowid;
create index access_tokens_name on access_tokens (kind, name);
