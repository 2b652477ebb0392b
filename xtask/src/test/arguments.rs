//! What was asked for on the command line of `cargo xtask test`.

use crate::step::Outcome;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// As they were named; none for the whole workspace.
    pub(super) packages: Vec<String>,
    /// A suite, whose tests are run instead of the others.
    pub(super) suite: Option<String>,
    /// A part of the names of the tests to run.
    pub(super) name: Option<String>,
    /// How often each test is run; once and with a full report without it.
    pub(super) repeat: Option<u32>,
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
                "--suite" => wanted.suite = Some(value()?.to_owned()),
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
        let is_whole = wanted.packages.is_empty() && wanted.repeat.is_none() && wanted.for_cargo.is_none();
        if wanted.suite.is_some() && !is_whole {
            return Err("test: --suite takes a part of a name and nothing else".to_owned());
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
            suite: None,
            name: name.map(str::to_owned),
            repeat,
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
        let of_suite = |name| Wanted { suite: Some("gateways".into()), ..wanted(&[], name, None, None) };
        assert_eq!(parse("--suite gateways"), Ok(of_suite(None)));
        assert_eq!(parse("--suite gateways sdk"), Ok(of_suite(Some("sdk"))));
        for wrong in ["--suite", "--suite a -p store", "--suite a --repeat 2 b", "--suite a -- b"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        for wrong in
            ["-p", "--repeat 2", "--repeat 0 a", "--repeat two a", "a b", "--all", "--repeat 2 a -- b"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
