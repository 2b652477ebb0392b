//! Small crates of a few files each, and the circles in them.

use super::*;

/// A crate from its files, each after a line `=== path`; paths are relative to `c/src`.
fn files(text: &str) -> Vec<File> {
    let parts = text.split("=== ").skip(1).map(|part| part.split_once('\n').expect("a path and a text"));
    parts
        .map(|(path, text)| File { path: format!("c/src/{}", path.trim()), text: Some(text.to_owned()) })
        .collect()
}

/// Expects these arrows, one a line, in all circles together; none for a crate without a circle.
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = check_crate(text, &[])
        .iter()
        .flat_map(|finding| finding.problem.lines())
        .map(str::to_owned)
        .collect();
    let arrows: Vec<String> = found
        .into_iter()
        .filter(|line| !line.starts_with("circle of "))
        .map(|line| line.trim().replace("c/src/", ""))
        .collect();
    assert_eq!(arrows, expected, "{text}");
}

fn check_crate(text: &str, exceptions: &[Exception]) -> Vec<Finding> {
    super::check(&files(text), exceptions)
}

#[test]
fn a_finding_names_the_files_and_what_they_use() {
    let found = check_crate(
        "=== lib.rs\nmod a; mod b; mod c;\n=== a.rs\nuse crate::b::{B, c};\npub struct A;\n\
         === b.rs\npub struct B; pub fn c() { crate::c::d() }\n=== c.rs\npub fn d() { let _ = crate::a::A; }\n",
        &[],
    );
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "c/src/a.rs: circle of 3 files\n  c/src/a.rs -> c/src/b.rs: B, c\n  c/src/b.rs -> c/src/c.rs: d\n  \
          c/src/c.rs -> c/src/a.rs: A"
        ]
    );
}

#[test]
fn arrows_one_way_are_no_circle() {
    check(
        "=== lib.rs\nmod a; mod b;\npub use a::A;\n=== a.rs\nuse crate::b::B;\npub struct A(B);\n=== b.rs\npub struct B;\n",
        &[],
    );
    check("=== main.rs\nmod a;\nfn main() { a::run() }\n=== a.rs\npub fn run() {}\n", &[]);
    check("=== lib.rs\nmod a;\nfn f() { self::g() }\nfn g() {}\n=== a.rs\nmod b;\nfn f() { b::g() }\n", &[]);
}

#[test]
fn a_child_and_its_parent() {
    let expected = ["a.rs -> a/b.rs: run", "a/b.rs -> a.rs: Limits"];
    for used in
        ["use super::Limits;", "fn f(_: super::Limits) {}", "use crate::a::*;\nfn f() -> Limits { todo() }"]
    {
        let child = format!("=== a/b.rs\n{used}\npub fn run() {{}}\n");
        check(
            &format!(
                "=== lib.rs\nmod a;\n=== a.rs\nmod b;\npub struct Limits;\nfn f() {{ b::run() }}\n{child}"
            ),
            &expected,
        );
    }
    // A parent that only declares and hands on uses nothing.
    check(
        "=== lib.rs\nmod a;\n=== a.rs\nmod b;\npub(crate) use b::run;\npub struct Limits;\n\
         === a/b.rs\nuse super::Limits;\npub fn run(_: Limits) {}\n",
        &[],
    );
}

#[test]
fn re_exports_lead_to_the_file_that_defines() {
    let parent = "=== lib.rs\nmod a;\n=== a/mod.rs\nmod b; mod c;\npub use b::B;\npub use c::*;\n";
    check(
        &format!(
            "{parent}=== a/b.rs\nuse super::C;\npub struct B;\n=== a/c.rs\nuse super::{{B as Other}};\npub struct C;\n"
        ),
        &["a/b.rs -> a/c.rs: C", "a/c.rs -> a/b.rs: B"],
    );
    check(&format!("{parent}=== a/b.rs\nuse super::C;\npub struct B;\n=== a/c.rs\npub struct C;\n"), &[]);
    // Used by the parent itself, a re-exported item is used.
    check(
        "=== lib.rs\nmod a;\npub use a::A;\npub struct L(A);\n=== a.rs\nuse crate::L;\npub struct A;\n",
        &["a.rs -> lib.rs: L", "lib.rs -> a.rs: A"],
    );
}

#[test]
fn paths_of_every_kind() {
    let cases = [
        "use crate::{b::{self}};\nfn f() { b::g() }",
        "use crate::b as other;\nfn f() { other::g() }",
        "use super::b::{g as h};",
        "fn f() { super::b::g() }",
        "fn f() { use crate::b::g; g() }",
        "fn f() { println!(\"{}\", crate::b::g()) }",
        "fn f() { select! { x = wait => crate::b::g(x) } }",
        "fn f() { crate::b::g::<u8>().h() }",
        "#[arg(value_parser = crate::b::g)]\nstruct S;",
        "mod inner { use super::super::b::g; }",
        "mod inner { fn f() { crate::b::g() } }",
        "macro_rules! m { () => { $crate::b::g() } }",
        "use crate::b::*;\nfn f() { g() }",
        "impl crate::b::g for u8 {}",
        "fn f(x: &dyn crate::b::g) {}",
    ];
    for case in cases {
        check(
            &format!(
                "=== lib.rs\nmod a; mod b;\n=== a.rs\n{case}\npub struct A;\n=== b.rs\nuse crate::a::A;\npub fn g() {{}}\n"
            ),
            &["a.rs -> b.rs: g", "b.rs -> a.rs: A"],
        );
    }
}

#[test]
fn what_is_no_use() {
    let cases = [
        "#[cfg(test)]\nmod tests { use crate::b::g; }",
        "#[cfg(test)]\nmod tests;",
        "#[cfg(all(test, unix))]\nuse crate::b::g;",
        "#[test]\nfn t() { crate::b::g() }",
        "struct S;\nimpl S { #[cfg(test)] fn f() { crate::b::g() } }",
        "// crate::b::g\nconst S: &str = \"crate::b::g\";",
        "use crate::b;",
        "use crate::b::*;\nfn f() { let g = 1; h(g) }",
        "use b::g;\nmod b { pub fn g() {} }",
        "use ::b::g;",
        "pub(in crate::b) fn f() {}",
    ];
    for case in cases {
        check(
            &format!(
                "=== lib.rs\nmod a; mod b;\n=== a.rs\n{case}\npub struct A;\n=== a/tests.rs\nuse crate::b::g;\n\
                 === b.rs\nuse crate::a::A;\npub fn g() {{}}\n"
            ),
            &[],
        );
    }
}

#[test]
fn names_of_other_crates() {
    check(
        "=== lib.rs\nmod a; mod b;\nuse serde::serde;\npub use other::A;\n=== a.rs\nuse crate::b::B;\nuse toml::toml;\n\
         === b.rs\nuse super::A;\nuse a::A as C;\npub struct B;\n",
        &[],
    );
}

#[test]
fn methods_in_another_file_than_their_type() {
    let text = "=== lib.rs\nmod a; mod b;\n=== a.rs\npub struct A;\nimpl A { fn run(&self) { CALL } fn own(&self) {} }\n\
                === b.rs\nuse crate::a::A;\nimpl A { pub fn help(&self) {} }\n";
    let expected = ["a.rs -> b.rs: A::help", "b.rs -> a.rs: A"];
    check(&text.replace("CALL", "self.help()"), &expected);
    check(&text.replace("CALL", "Self::help(self)"), &expected);
    check(&text.replace("CALL", "A::help(self)"), &expected);
    check(&text.replace("CALL", "self.own()"), &[]);
}

#[test]
fn macros_of_modules_above_and_items_that_macros_make() {
    check(
        "=== lib.rs\nmacro_rules! m { () => {} }\nmod a;\nfn f() { a::g() }\n=== a.rs\nm!();\npub fn g() {}\n",
        &["a.rs -> lib.rs: m", "lib.rs -> a.rs: g"],
    );
    check(
        "=== lib.rs\nmod a; mod b;\n=== a.rs\nmake!(Field);\nuse crate::b::B;\n=== b.rs\nuse crate::a::Field;\npub struct B;\n",
        &["a.rs -> b.rs: B", "b.rs -> a.rs: Field"],
    );
}

#[test]
fn exceptions_are_needed_or_findings() {
    let text = "=== lib.rs\nmod a; mod b;\n=== a.rs\nuse crate::b::B;\npub struct A;\n=== b.rs\nuse crate::a::A;\npub struct B;\n";
    let exception = |from, to| Exception { from, to, reason: "tested" };
    assert_eq!(check_crate(text, &[exception("c/src/a.rs", "c/src/b.rs")]), []);
    let unused = check_crate(text, &[exception("c/src/a.rs", "c/src/lib.rs")]);
    assert_eq!(unused.len(), 2);
    assert_eq!(
        unused[1].to_string(),
        "c/src/a.rs: does not use c/src/lib.rs, so it needs no exception (\"tested\")"
    );
}

#[test]
fn what_is_not_rust_is_named() {
    let found = check_crate("=== lib.rs\nmod a;\n=== a.rs\nfn (\n", &[]);
    assert!(found[0].to_string().starts_with("c/src/a.rs: is not Rust: "), "{found:?}");
}
