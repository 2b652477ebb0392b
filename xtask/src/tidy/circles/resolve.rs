//! Follows each name that a module mentions to the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use super::graph::Graph;
use super::module_tree::{Binding, Module, Tree};
use super::paths::Import;

/// What a path leads to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(usize),
    /// An item by the module that defines it and its name there.
    Item(usize, String),
    /// Something of another crate.
    Elsewhere,
}

/// Own `impl`s that stand in another file than their type: from the type and the name to that file.
type SplitImpls = BTreeMap<(Target, String), String>;

/// Names of imports that are being followed, by module; one that leads back to itself is another crate's name.
type Followed = BTreeSet<(usize, String)>;

/// The uses between the files of a tree.
pub(super) fn arrows(tree: &Tree) -> Graph {
    let split = split_impls(tree);
    let mut graph = Graph::default();
    for (id, module) in tree.modules.iter().enumerate() {
        // Which items a glob brings in, the paths say.
        let imports = imports(module).filter(|import| !import.is_reexport).map(|import| import.path.clone());
        let own =
            module.mentions.own_uses.iter().map(|(of, name)| [of.as_slice(), slice::from_ref(name)].concat());
        for path in imports.chain(own).chain(module.mentions.paths.iter().cloned()) {
            let Some((target, rest)) = resolve(tree, id, &path, &mut Followed::new()) else { continue };
            let Target::Item(definer, name) = &target else { continue };
            graph.add(&module.file, &tree.modules[*definer].file, name);
            let associated = path.get(path.len() - rest).cloned().unwrap_or_default();
            if let Some(file) = split.get(&(target.clone(), associated.clone())) {
                graph.add(&module.file, file, &format!("{name}::{associated}"));
            }
        }
    }
    graph
}

fn imports(module: &Module) -> impl Iterator<Item = &Import> {
    let named = module.bindings.values().flatten().filter_map(|binding| match binding {
        Binding::Import(import) => Some(import),
        _ => None,
    });
    named.chain(&module.globs)
}

fn split_impls(tree: &Tree) -> SplitImpls {
    let mut split = SplitImpls::new();
    for (id, module) in tree.modules.iter().enumerate() {
        for own in &module.mentions.impls {
            let resolved = resolve(tree, id, &own.of, &mut Followed::new());
            if let Some((Target::Item(definer, name), _)) = resolved
                && tree.modules[definer].file != module.file
            {
                let of = Target::Item(definer, name);
                split.extend(own.names.iter().map(|name| ((of.clone(), name.clone()), module.file.clone())));
            }
        }
    }
    split
}

/// What a path leads to, seen from a module, and how many of its segments stand behind the item. `None` for a name that
/// is bound nowhere: a variable, a type parameter, the prelude, another crate.
fn resolve(tree: &Tree, from: usize, path: &[String], followed: &mut Followed) -> Option<(Target, usize)> {
    let mut target = Target::Module(from);
    for (place, name) in path.iter().enumerate() {
        let rest = path.len() - place;
        let Target::Module(module) = target else { return Some((target, rest)) };
        target = match name.as_str() {
            "self" if place == 0 => target,
            "crate" if place == 0 => Target::Module(0),
            "super" => Target::Module(tree.modules[module].parent?),
            _ => match lookup(tree, module, name, rest > 1, followed) {
                Some(target) => target,
                None if place == 0 => inherited_macro(tree, module, name)?,
                // A macro has made it there.
                // A macro has made it there.
                None => Target::Item(module, name.clone()),
            },
        };
    }
    Some((target, 0))
}

/// What a name means in a module; where it means a module and an item, the one that is wanted.
fn lookup(
    tree: &Tree,
    module: usize,
    name: &str,
    wants_module: bool,
    followed: &mut Followed,
) -> Option<Target> {
    let bindings = tree.modules[module].bindings.get(name).map_or(&[][..], Vec::as_slice);
    let is_module = |binding: &&Binding| matches!(binding, Binding::Module(_));
    let binding = bindings.iter().find(|binding| is_module(binding) == wants_module).or(bindings.first());
    match binding {
        Some(Binding::Module(child)) => return Some(Target::Module(*child)),
        Some(Binding::Item | Binding::Macro) => return Some(Target::Item(module, name.to_owned())),
        Some(Binding::Import(_)) | None => {}
    }
    let key = (module, name.to_owned());
    if !followed.insert(key.clone()) {
        return binding.map(|_| Target::Elsewhere);
    }
    let found = if let Some(Binding::Import(import)) = binding {
        let resolved = resolve(tree, module, &import.path, followed);
        Some(resolved.map_or(Target::Elsewhere, |(target, _)| target))
    } else {
        tree.modules[module].globs.iter().find_map(|glob| {
            match resolve(tree, module, &glob.path, followed)? {
                (Target::Module(other), _) => lookup(tree, other, name, wants_module, followed),
                _ => None,
            }
        })
    };
    followed.remove(&key);
    found
}

/// A macro of a module above, which is in scope without a path.
fn inherited_macro(tree: &Tree, module: usize, name: &str) -> Option<Target> {
    let above = tree.modules[module].parent?;
    let bindings = tree.modules[above].bindings.get(name).into_iter().flatten();
    if bindings.into_iter().any(|binding| matches!(binding, Binding::Macro)) {
        return Some(Target::Item(above, name.to_owned()));
    }
    inherited_macro(tree, above, name)
}
