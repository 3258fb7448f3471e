//! A made-up organisation as a file of JSON lines.

use std::fmt::Write as _;

use serde_json::json;

pub(crate) fn user_id(n: u64) -> String {
    format!("u{n:07}")
}

pub(crate) fn group_id(n: u64) -> String {
    format!("g{n:06}")
}

/// Users without managers, a twentieth as many groups, five memberships for each user.
pub(crate) fn organisation(users: u64) -> String {
    let groups = (users / 20).max(1);
    let mut text = String::new();
    for n in 0..users {
        let (given, surname) = (format!("Given{n}"), format!("Surname{}", n % 997));
        let _ = writeln!(
            text,
            "{}",
            json!({ "type": "user", "id": user_id(n), "userName": format!("user{n}@contoso.example"), "givenName": given,
                "surname": surname, "displayName": format!("{given} {surname}"), "employeeId": format!("{}", 100_000 + n),
                "country": "CH", "jobTitle": format!("Title {}", n % 37), "hireDate": "2020-01-15" })
        );
    }
    for n in 0..groups {
        let _ = writeln!(text, "{}", json!({ "type": "group", "id": group_id(n), "displayName": format!("Group {n}") }));
    }
    for (group, size) in sizes(groups, users).into_iter().enumerate() {
        for n in 0..size {
            let user = (group as u64 * 7919 + n) % users;
            let _ = writeln!(
                text,
                "{}",
                json!({ "type": "membership", "group": group_id(group as u64), "user": user_id(user), "role": "member" })
            );
        }
    }
    text
}

/// How many members each group has: a few large ones, many small ones, as in life; 1,000 at most.
pub(crate) fn sizes(groups: u64, users: u64) -> Vec<u64> {
    let (total, most) = (users * 5, users.min(1000));
    let mut sizes: Vec<u64> = (0..groups).map(|n| (total / (4 * (n / 5 + 1))).clamp(1, most)).collect();
    let mut sum: u64 = sizes.iter().sum();
    let mut n = 0;
    let count = sizes.len();
    while sum != total {
        let size = &mut sizes[n % count];
        if sum < total && *size < most {
            let more = (total - sum).min((most - *size).min(1 + (total - sum) / groups));
            *size += more;
            sum += more;
        } else if sum > total && *size > 1 {
            let less = (sum - total).min((*size - 1).min(1 + (sum - total) / groups));
            *size -= less;
            sum -= less;
        }
        n += 1;
    }
    sizes
}
