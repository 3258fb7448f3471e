-- People who sign in with an account of the company's own identity provider. `postgres/0011_people.sql` is the same for
-- PostgreSQL: change both.

-- Who has ever signed in. A person keeps the name of the first time: under it their acts stand in the audit, and by it approvals
-- are counted, so that whoever is renamed does not become a second person.
create table people (
  issuer text not null,
  subject text not null,
  name text not null,
  -- Folded: no two people have one name.
  folded text not null unique,
  first_at integer not null,
  primary key (issuer, subject)
) strict, without rowid;

-- Their sessions. The secret of the cookie is stored as its digest.
create table sessions (
  id text not null primary key,
  digest text not null,
  issuer text not null,
  subject text not null,
  role text not null,
  -- A digest of the rules by which the role was given: under other rules it is not valid.
  rules text not null,
  created_at integer not null,
  expires_at integer not null,
  -- To within a minute.
  used_at integer not null,
  -- When it ended before its time: by whom or what.
  ended_at integer,
  ended_by text
) strict, without rowid;
create index sessions_person on sessions (issuer, subject);

-- Sign-ins that came to their end: none is taken twice.
create table spent_sign_ins (
  state text not null primary key,
  at integer not null
) strict, without rowid;
create index spent_sign_ins_at on spent_sign_ins (at);
