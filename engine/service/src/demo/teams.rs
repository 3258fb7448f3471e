//! The groups of a generated organisation: everybody, departments within it, teams within those, and projects across.

use entrain_model::{Kind, ObjectRef};
use entrain_store::{GroupRow, Membership, Role};

use super::names::DEPARTMENTS;
use super::organisation::Person;
use super::random::Random;

/// Groups for each 250 accounts.
const GROUPS: usize = 40;
/// One group in so many, beyond the departments, is a project.
const PROJECTS: usize = 4;

/// Generates groups and memberships: `g000000` is everybody, then the departments, then teams and projects.
pub(super) fn generate(people: &[Person], random: &mut Random) -> (Vec<GroupRow>, Vec<Membership>) {
    let count = (people.len() * GROUPS / 250).max(DEPARTMENTS.len() + 5);
    let mut teams = Teams { people, random, groups: Vec::new(), memberships: Vec::new() };
    teams.add("Everybody", "All departments");
    for (department, _) in DEPARTMENTS {
        let group = teams.add(department, "A department");
        teams.nest(0, group);
    }
    for n in 0..count - 1 - DEPARTMENTS.len() {
        if n % PROJECTS == PROJECTS - 1 { teams.project(n) } else { teams.team(n) }
    }
    teams.staff();
    (teams.groups, teams.memberships)
}

struct Teams<'a> {
    people: &'a [Person],
    random: &'a mut Random,
    groups: Vec<GroupRow>,
    memberships: Vec<Membership>,
}

impl Teams<'_> {
    fn add(&mut self, name: &str, description: &str) -> usize {
        let n = self.groups.len();
        let mut group = GroupRow::new(format!("g{n:06}"), name);
        group.description = Some(description.to_owned());
        self.groups.push(group);
        self.own(n);
        n
    }

    /// A team belongs to a department.
    fn team(&mut self, n: usize) {
        let department = n % DEPARTMENTS.len();
        let name = format!("{}'s team {}", DEPARTMENTS[department].0, 1 + n / DEPARTMENTS.len());
        let team = self.add(&name, "A team within its department");
        self.nest(1 + department, team);
    }

    /// A project has members from everywhere.
    fn project(&mut self, n: usize) {
        let project = self.add(&format!("Projekt Löwenzahn {}", 1 + n / PROJECTS), "A project across departments");
        for _ in 0..3 + self.random.below(9) {
            let member = self.random.below(self.people.len());
            self.join(project, self.people[member].object(), Role::Member);
        }
    }

    /// Everybody is in a team of their department, or in the department itself where it has none.
    fn staff(&mut self) {
        let of_department = |department: usize, groups: &[GroupRow]| -> Vec<usize> {
            let prefix = format!("{}'s team", DEPARTMENTS[department].0);
            (0..groups.len()).filter(|n| groups[*n].display_name.starts_with(&prefix)).collect()
        };
        let teams: Vec<Vec<usize>> = (0..DEPARTMENTS.len()).map(|n| of_department(n, &self.groups)).collect();
        for person in self.people {
            let Some(department) = person.department else { continue };
            let group = match &teams[department][..] {
                [] => 1 + department,
                teams => *self.random.one_of(teams),
            };
            self.join(group, person.object(), Role::Member);
        }
    }

    /// A person who is not a service account owns the group.
    fn own(&mut self, group: usize) {
        let mut owner = self.random.below(self.people.len());
        while self.people[owner].department.is_none() {
            owner = (owner + 1) % self.people.len();
        }
        self.join(group, self.people[owner].object(), Role::Owner);
    }

    fn nest(&mut self, group: usize, inner: usize) {
        let member = ObjectRef { kind: Kind::Group, id: self.groups[inner].id.clone() };
        self.join(group, member, Role::Member);
    }

    fn join(&mut self, group: usize, member: ObjectRef, role: Role) {
        let membership = Membership { group: self.groups[group].id.clone(), member, role };
        // Only projects draw somebody twice, and theirs are the last rows.
        if !self.memberships.iter().rev().take(12).any(|other| *other == membership) {
            self.memberships.push(membership);
        }
    }
}
