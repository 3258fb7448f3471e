-- Since when a target is filled: the mode in which a full run has carried out all that it lets be done. Null before that.
alter table targets add column loaded_in text;
-- The domains in which logins may end, as last read: a JSON array. Null before that.
alter table targets add column verified_domains text;
update targets set loaded_in = mode where last_full_at is not null and mode <> 'observe';
