//! From the words of a filter to its tree: `or` binds less than `and`, `and` less than `not`.

use super::expression::{Expression, Function, Literal, Operator, Path};
use super::lex::{Token, invalid, tokens};
use crate::failure::Failure;

/// How deep the terms of a filter may lie in each other.
const MOST_DEPTH: usize = 64;

/// Reads a filter.
///
/// # Errors
/// 400 `Invalid filter clause` for anything that is not one.
pub(crate) fn filter(text: &str) -> Result<Expression, Failure> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, variables: Vec::new(), depth: 0 };
    let expression = parser.any_of()?;
    if parser.at < parser.tokens.len() {
        return Err(invalid("Syntax error: the expression goes on after its end."));
    }
    Ok(expression)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    variables: Vec<String>,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, Failure> {
        let token = self.peek().cloned().ok_or_else(|| invalid("Syntax error: the expression ends too early."))?;
        self.at += 1;
        Ok(token)
    }

    fn takes_mark(&mut self, mark: char) -> bool {
        let there = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, mark: char) -> Result<(), Failure> {
        if self.takes_mark(mark) { Ok(()) } else { Err(invalid(&format!("Syntax error: '{mark}' expected."))) }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(there);
        there
    }

    fn any_of(&mut self) -> Result<Expression, Failure> {
        let mut parts = vec![self.all_of()?];
        while self.takes_word("or") {
            parts.push(self.all_of()?);
        }
        Ok(one_or(parts, Expression::Or))
    }

    fn all_of(&mut self) -> Result<Expression, Failure> {
        let mut parts = vec![self.term()?];
        while self.takes_word("and") {
            parts.push(self.term()?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn term(&mut self) -> Result<Expression, Failure> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(invalid("The recursion limit has been exceeded."));
        }
        let term = self.one_term();
        self.depth -= 1;
        term
    }

    fn one_term(&mut self) -> Result<Expression, Failure> {
        if self.takes_word("not") {
            return Ok(Expression::Not(Box::new(self.term()?)));
        }
        if self.takes_mark('(') {
            let inner = self.any_of()?;
            self.expect(')')?;
            return Ok(inner);
        }
        let word = self.word()?;
        if self.takes_mark('(') { self.call(&word) } else { self.clause(word) }
    }

    fn call(&mut self, name: &str) -> Result<Expression, Failure> {
        let function = match name.to_ascii_lowercase().as_str() {
            "startswith" => Function::StartsWith,
            "endswith" => Function::EndsWith,
            "contains" => Function::Contains,
            _ => return Err(invalid(&format!("An unknown function with name '{name}' was found."))),
        };
        let first = self.word()?;
        let path = self.path(first)?;
        self.expect(',')?;
        let Literal::Text(text) = self.literal()? else { return Err(invalid("A text is expected.")) };
        self.expect(')')?;
        Ok(Expression::Text(function, path, text))
    }

    fn clause(&mut self, first: String) -> Result<Expression, Failure> {
        let path = self.path(first)?;
        if path.last().is_some_and(|last| last.eq_ignore_ascii_case("any")) && self.takes_mark('(') {
            return self.lambda(path);
        }
        let operator = self.word()?.to_ascii_lowercase();
        if operator == "in" {
            return Ok(Expression::In(path, self.literals()?));
        }
        Ok(Expression::Compare(path, comparison(&operator)?, self.literal()?))
    }

    fn lambda(&mut self, mut path: Path) -> Result<Expression, Failure> {
        path.pop();
        if self.takes_mark(')') {
            return Ok(Expression::Any(path, None));
        }
        let variable = self.word()?;
        self.expect(':')?;
        self.variables.push(variable);
        let body = self.any_of()?;
        self.variables.pop();
        self.expect(')')?;
        Ok(Expression::Any(path, Some(Box::new(body))))
    }

    /// A path whose first word has been read; a lambda's variable stands for the element and is left out.
    fn path(&mut self, first: String) -> Result<Path, Failure> {
        let mut path = if self.variables.contains(&first) { Vec::new() } else { vec![first] };
        while self.takes_mark('/') {
            path.push(self.word()?);
        }
        Ok(path)
    }

    fn word(&mut self) -> Result<String, Failure> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            Token::Text(text) => Err(invalid(&format!("Syntax error at '{text}'."))),
            Token::Mark(mark) => Err(invalid(&format!("Syntax error at '{mark}'."))),
        }
    }

    fn literals(&mut self) -> Result<Vec<Literal>, Failure> {
        self.expect('(')?;
        let mut literals = vec![self.literal()?];
        while self.takes_mark(',') {
            literals.push(self.literal()?);
        }
        self.expect(')')?;
        Ok(literals)
    }

    fn literal(&mut self) -> Result<Literal, Failure> {
        match self.next()? {
            Token::Text(text) => Ok(Literal::Text(text)),
            Token::Mark(mark) => Err(invalid(&format!("Syntax error at '{mark}'."))),
            Token::Word(word) => bare(word),
        }
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

fn comparison(word: &str) -> Result<Operator, Failure> {
    Ok(match word {
        "eq" => Operator::Equal,
        "ne" => Operator::NotEqual,
        "gt" => Operator::Greater,
        "ge" => Operator::GreaterOrEqual,
        "lt" => Operator::Less,
        "le" => Operator::LessOrEqual,
        _ => return Err(invalid(&format!("Syntax error: '{word}' is not an operator."))),
    })
}

fn bare(word: String) -> Result<Literal, Failure> {
    Ok(match word.as_str() {
        "null" => Literal::Null,
        "true" => Literal::Flag(true),
        "false" => Literal::Flag(false),
        text => match text.parse() {
            Ok(number) => Literal::Number(number),
            Err(_) if text.starts_with(|letter: char| letter.is_ascii_hexdigit()) && text.contains('-') => Literal::Text(word),
            Err(_) => return Err(invalid(&format!("Could not find a property named '{text}'."))),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_and_quotes() {
        let read = filter("a eq 'o''brien' or b eq true and not (c ne null)").unwrap();
        let Expression::Or(parts) = read else { panic!("{read:?}") };
        assert_eq!(parts[0], Expression::Compare(vec!["a".into()], Operator::Equal, Literal::Text("o'brien".into())));
        assert!(matches!(&parts[1], Expression::And(both) if matches!(both[1], Expression::Not(_))));
    }

    #[test]
    fn lambdas_and_functions() {
        let read = filter("proxyAddresses/any(p:p eq 'SMTP:a@b') and startsWith(displayName,'x')").unwrap();
        let Expression::And(parts) = read else { panic!("{read:?}") };
        assert!(matches!(&parts[0], Expression::Any(path, Some(body))
            if path == &["proxyAddresses"] && matches!(&**body, Expression::Compare(element, ..) if element.is_empty())));
        assert!(filter("employeeHireDate ge 2026-01-01T00:00:00Z").is_ok());
    }

    #[test]
    fn rubbish_is_refused() {
        for text in ["", "a", "a eq", "a eq 'x", "a eq 'x' b", "a eq b", "(a eq 'x'", "a zz 'x'", "f(a,'x')", "a in ('x'"] {
            assert_eq!(filter(text).unwrap_err().status, 400, "{text}");
        }
        for (open, close) in [("(", ")"), ("not ", ""), ("a/any(x:", ")")] {
            let nested = |depth: usize| format!("{}a eq 'x'{}", open.repeat(depth), close.repeat(depth));
            assert!(filter(&nested(50)).is_ok(), "{open}");
            assert_eq!(filter(&nested(200_000)).unwrap_err().status, 400, "{open}");
        }
    }
}
