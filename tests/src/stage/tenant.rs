//! Commands that change the target behind the engine's back.

use anyhow::bail;
use entrain_model::{HandedOver, Kind, Relation};

use crate::memory::{Memory, Next};
use crate::scenario::Command;

/// Does what the command says.
pub(super) fn change(memory: &Memory, command: &Command) -> anyhow::Result<()> {
    match command.word(1, "a noun")? {
        "member" => refer(memory, command, Relation::Member),
        "owner" => refer(memory, command, Relation::Owner),
        "manager" => refer(memory, command, Relation::Manager),
        "drop" => drop_reference(memory, command),
        "privileged" => {
            memory.mark(kind(command, 2)?, command.word(3, "a record")?, |marks| marks.privileged = true);
            Ok(())
        }
        "administrator" => {
            memory.mark(Kind::User, command.word(2, "a record")?, |marks| marks.administrator = true);
            Ok(())
        }
        "guest" => {
            memory.mark(Kind::User, command.word(2, "a record")?, |marks| marks.guest = true);
            Ok(())
        }
        "roles" => {
            memory.conceal_roles(command.words.get(2).map(String::as_str));
            Ok(())
        }
        "credentials" => {
            let handing = match command.word(2, "`arrive`, `wait` or `vanish`")? {
                "arrive" => HandedOver::Delivered,
                "wait" => HandedOver::NotYet("the user is not visible yet".to_owned()),
                "vanish" => HandedOver::Lost("the receiver did not answer".to_owned()),
                other => bail!("`{other}` is none of `arrive`, `wait`, `vanish`"),
            };
            memory.hand_over(Some(handing));
            Ok(())
        }
        "grants" => {
            memory.grant_privileged();
            Ok(())
        }
        "mastered" => {
            memory.mark(kind(command, 2)?, command.word(3, "a record")?, |marks| marks.mastered_elsewhere = true);
            Ok(())
        }
        "next" => {
            let next = command.words.iter().skip(2).map(|word| fault(word)).collect::<anyhow::Result<Vec<_>>>()?;
            memory.next(next);
            Ok(())
        }
        _ => record(memory, command),
    }
}

fn record(memory: &Memory, command: &Command) -> anyhow::Result<()> {
    let (kind, id) = (kind(command, 1)?, command.word(3, "a record")?);
    match command.word(2, "`add`, `set`, `remove` or `purge`")? {
        "add" => memory.seed(kind, id, command.attributes()),
        "set" => memory.edit(kind, id, &command.attributes()),
        "remove" => memory.delete(kind, id),
        "purge" => memory.purge(kind, id),
        other => bail!("`{other}` is none of `add`, `set`, `remove`, `purge`"),
    }
    Ok(())
}

fn refer(memory: &Memory, command: &Command, relation: Relation) -> anyhow::Result<()> {
    memory.refer(relation, command.word(2, "a record")?, kind(command, 3)?, command.word(4, "a record")?);
    Ok(())
}

fn drop_reference(memory: &Memory, command: &Command) -> anyhow::Result<()> {
    let relation = match command.word(2, "a relation")? {
        "member" => Relation::Member,
        "owner" => Relation::Owner,
        "manager" => Relation::Manager,
        other => bail!("`{other}` is no relation"),
    };
    memory.unrefer(relation, command.word(3, "a record")?, kind(command, 4)?, command.word(5, "a record")?);
    Ok(())
}

fn kind(command: &Command, place: usize) -> anyhow::Result<Kind> {
    Ok(command.word(place, "a kind")?.parse()?)
}

fn fault(word: &str) -> anyhow::Result<Next> {
    Ok(match word {
        "works" => Next::Works,
        "lost_after" => Next::LostAfter,
        "lost_before" => Next::LostBefore,
        "throttled" => Next::Throttled(None),
        "unreachable" => Next::Unreachable,
        "unauthorized" => Next::Unauthorized,
        other => bail!("`{other}` is no fault"),
    })
}
