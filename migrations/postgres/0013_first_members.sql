-- The members that a new group is made with. `sqlite/0013_first_members.sql` is the same for SQLite: change both.
-- 7: the phase in which members and owners are added.
create index plan_lines_of_group on plan_lines (run, kind, id, seq) where phase = 7 and state = 'planned';
