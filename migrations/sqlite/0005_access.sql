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

-- Secrets, sealed. A data key seals them and stands here sealed by the master key, which does not.
create table data_keys (
  id text not null primary key,
  nonce text not null,
  sealed text not null,
  created_at integer not null
) strict, without rowid;

create table secrets (
  name text not null primary key,
  key_id text not null,
  nonce text not null,
  sealed text not null,
  changed_at integer not null,
  changed_by text not null
) strict, without rowid;
create index secrets_key on secrets (key_id);

-- The first of two approvals of a held run, by its folded name. What was approved is told by the digest of the plan and the choice.
create table first_approvals (
  run text not null,
  approver text not null,
  digest text not null,
  choice text not null,
  at integer not null,
  primary key (run, approver)
) strict, without rowid;
