-- People who sign in with an account of the company's own identity provider. `sqlite/0011_people.sql` is the same for
-- SQLite: change both.

-- Who has ever signed in. A person keeps the name of the first time: under it their acts stand in the audit, and by it approvals
-- are counted, so that whoever is renamed does not become a second person.
create table people (
  issuer text collate "C" not null,
  subject text collate "C" not null,
  name text collate "C" not null,
  -- Folded: no two people have one name.
  folded text collate "C" not null unique,
  first_at bigint not null,
  primary key (issuer, subject)
);

-- Their sessions. The secret of the cookie is stored as its digest.
create table sessions (
  id text collate "C" not null primary key,
  digest text collate "C" not null,
  issuer text collate "C" not null,
  subject text collate "C" not null,
  role text collate "C" not null,
  -- A digest of the rules by which the role was given: under other rules it is not valid.
  rules text collate "C" not null,
  created_at bigint not null,
  expires_at bigint not null,
  -- To within a minute.
  used_at bigint not null,
  -- When it ended before its time: by whom or what.
  ended_at bigint,
  ended_by text collate "C"
);
create index sessions_person on sessions (issuer, subject);

-- Sign-ins that came to their end: none is taken twice.
create table spent_sign_ins (
  state text collate "C" not null primary key,
  at bigint not null
);
create index spent_sign_ins_at on spent_sign_ins (at);
