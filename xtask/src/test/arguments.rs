//! What was asked for on the command line of `cargo xtask test`.

use crate::step::Outcome;

/// Tests that are run only when they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suite {
    /// Every reader of workbooks.
    Readers,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// As they were named; none for the whole workspace.
    pub(super) packages: Vec<String>,
    /// A part of the names of the tests to run.
    pub(super) name: Option<String>,
    /// How often each test is run; once and with a full report without it.
    pub(super) repeat: Option<u32>,
    /// A suite that is not a part of the daily run.
    pub(super) suite: Option<Suite>,
    /// What follows `--`: arguments for `cargo test`, which then runs the tests itself.
    pub(super) for_cargo: Option<Vec<String>>,
}

impl Wanted {
    pub(super) fn parse(arguments: &[&str]) -> Outcome<Self> {
        let mut wanted = Self::default();
        let mut rest = arguments;
        while let [argument, after @ ..] = rest {
            rest = after;
            let mut value = || {
                let (value, after) =
                    rest.split_first().ok_or_else(|| format!("test: {argument} needs a value"))?;
                rest = after;
                Ok::<_, String>(*value)
            };
            match *argument {
                "-p" | "--package" => wanted.packages.push(value()?.to_owned()),
                "--suite" => wanted.suite = Some(suite(value()?)?),
                "--repeat" => wanted.repeat = Some(count(value()?)?),
                "--" => {
                    wanted.for_cargo = Some(rest.iter().map(ToString::to_string).collect());
                    rest = &[];
                }
                option if option.starts_with('-') => return Err(format!("test: {option} is not understood")),
                name if wanted.name.is_none() => wanted.name = Some(name.to_owned()),
                name => return Err(format!("test: one name at most, and {name} is another")),
            }
        }
        if wanted.suite.is_some()
            && (!wanted.packages.is_empty() || wanted.repeat.is_some() || wanted.for_cargo.is_some())
        {
            return Err("test: --suite takes no more than a part of the name of a test".to_owned());
        }
        match (wanted.repeat, &wanted.name, &wanted.for_cargo) {
            (Some(_), None, _) => Err("test: --repeat needs a part of the name of a test".to_owned()),
            (Some(_), _, Some(_)) => {
                Err("test: --repeat runs the tests itself and passes nothing on".to_owned())
            }
            _ => Ok(wanted),
        }
    }
}

fn suite(text: &str) -> Outcome<Suite> {
    match text {
        "readers" => Ok(Suite::Readers),
        _ => Err(format!("test: there is no suite {text}: there is readers")),
    }
}

fn count(text: &str) -> Outcome<u32> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| format!("test: --repeat {text} is no count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(
        packages: &[&str],
        name: Option<&str>,
        repeat: Option<u32>,
        for_cargo: Option<&[&str]>,
    ) -> Wanted {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Wanted {
            packages: owned(packages),
            name: name.map(str::to_owned),
            repeat,
            suite: None,
            for_cargo: for_cargo.map(owned),
        }
    }

    #[test]
    fn arguments() {
        let parse = |line: &str| Wanted::parse(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(parse(""), Ok(wanted(&[], None, None, None)));
        assert_eq!(parse("-p store"), Ok(wanted(&["store"], None, None, None)));
        assert_eq!(
            parse("-p store pages --package cli"),
            Ok(wanted(&["store", "cli"], Some("pages"), None, None))
        );
        assert_eq!(parse("--repeat 200 pages"), Ok(wanted(&[], Some("pages"), Some(200), None)));
        assert_eq!(parse("-- a -- -x"), Ok(wanted(&[], None, None, Some(&["a", "--", "-x"]))));
        let suite = Wanted { suite: Some(Suite::Readers), ..wanted(&[], Some("excel"), None, None) };
        assert_eq!(parse("--suite readers excel"), Ok(suite));
        for wrong in
            ["--suite", "--suite writers", "--suite readers -p store", "--suite readers --repeat 2 a"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        for wrong in
            ["-p", "--repeat 2", "--repeat 0 a", "--repeat two a", "a b", "--all", "--repeat 2 a -- b"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
