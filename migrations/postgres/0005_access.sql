-- Who may enter. A credential is stored as the digest of its secret, which is random and long: nobody can try values.

create table access_tokens (
  id text collate "C" not null primary key,
  -- key: of the administrative interface. scim: of a client that keeps the source.
  kind text collate "C" not null,
  name text collate "C" not null,
  role text collate "C" not null,
  -- The names of the targets that it may act on, as a JSON list; null for all.
  targets text collate "C",
  -- How a client speaks.
  profile text collate "C",
  digest text collate "C" not null,
  created_at bigint not null,
  created_by text collate "C" not null,
  expires_at bigint,
  revoked_at bigint,
  -- To within a few minutes.
  used_at bigint
);
create index access_tokens_name on access_tokens (kind, name);

-- Secrets, sealed. A data key seals them and stands here sealed by the master key, which does not.
create table data_keys (
  id text collate "C" not null primary key,
  nonce text collate "C" not null,
  sealed text collate "C" not null,
  created_at bigint not null
);

create table secrets (
  name text collate "C" not null primary key,
  key_id text collate "C" not null,
  nonce text collate "C" not null,
  sealed text collate "C" not null,
  changed_at bigint not null,
  changed_by text collate "C" not null
);
create index secrets_key on secrets (key_id);

-- The first of two approvals of a held run, by its folded name. What was approved is told by the digest of the plan and the choice.
create table first_approvals (
  run text collate "C" not null,
  approver text collate "C" not null,
  digest text collate "C" not null,
  choice text collate "C" not null,
  at bigint not null,
  primary key (run, approver)
);
