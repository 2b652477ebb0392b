//! The tree of a crate's modules: what each defines, imports, re-exports and mentions. Modules of tests are left out.

use std::collections::BTreeMap;

use syn::visit::Visit;
use syn::{Attribute, File, Ident, Item};

use super::paths::{self, Import, Mentions, plain};

/// The modules of one library or binary; the first is its root.
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
}

/// A module: a file, or a block inside one.
pub(super) struct Module {
    /// The file in which its text stands.
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    pub(super) bindings: BTreeMap<String, Vec<Binding>>,
    /// `use path::*`, each without the star.
    pub(super) globs: Vec<Import>,
    pub(super) mentions: Mentions,
}

/// What a name means in a module.
pub(super) enum Binding {
    Module(usize),
    /// Defined in the module.
    Item,
    /// Defined by `macro_rules!`: modules below know it without a path.
    Macro,
    Import(Import),
}

/// A file that cannot be read as Rust, and why.
type Problem = (String, String);

impl Tree {
    pub(super) fn read(root: &str, texts: &BTreeMap<&str, &str>) -> Result<Self, Problem> {
        let mut tree = Self { modules: Vec::new() };
        let parsed = parse(root, texts)?;
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        tree.add(root, folder, None, &parsed.items, texts)?;
        Ok(tree)
    }

    /// Adds a module and those below it; files of its children are in the folder.
    fn add(
        &mut self,
        file: &str,
        folder: &str,
        parent: Option<usize>,
        items: &[Item],
        texts: &BTreeMap<&str, &str>,
    ) -> Result<usize, Problem> {
        let id = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            bindings: BTreeMap::new(),
            globs: Vec::new(),
            mentions: Mentions::default(),
        });
        for item in items.iter().filter(|item| !paths::is_of_tests(paths::attributes(item))) {
            if let Item::Mod(module) = item {
                let name = plain(&module.ident);
                let below = format!("{folder}/{name}");
                let child = if let Some((_, items)) = &module.content {
                    self.add(file, &below, Some(id), items, texts)?
                } else {
                    let Some((path, below)) = file_of(&module.attrs, file, folder, &name, texts) else {
                        continue;
                    };
                    let parsed = parse(&path, texts)?;
                    self.add(&path, &below, Some(id), &parsed.items, texts)?
                };
                self.bind(id, name, Binding::Module(child));
                continue;
            }
            if let Some(ident) = defined(item) {
                let binding = if matches!(item, Item::Macro(_)) { Binding::Macro } else { Binding::Item };
                self.bind(id, plain(ident), binding);
            }
            self.modules[id].mentions.visit_item(item);
        }
        for import in std::mem::take(&mut self.modules[id].mentions.imports) {
            match import.name.clone() {
                Some(name) => self.bind(id, name, Binding::Import(import)),
                None => self.modules[id].globs.push(import),
            }
        }
        Ok(id)
    }

    fn bind(&mut self, module: usize, name: String, binding: Binding) {
        self.modules[module].bindings.entry(name).or_default().push(binding);
    }
}

fn parse(path: &str, texts: &BTreeMap<&str, &str>) -> Result<File, Problem> {
    let text = texts.get(path).copied().unwrap_or_default();
    syn::parse_file(text).map_err(|error| (path.to_owned(), error.to_string()))
}

/// The file of `mod name;` and the folder of its own children. One that is not there is generated or does not compile.
fn file_of(
    attributes: &[Attribute],
    file: &str,
    folder: &str,
    name: &str,
    texts: &BTreeMap<&str, &str>,
) -> Option<(String, String)> {
    let is_there = |path: &String| texts.contains_key(path.as_str());
    if let Some(path) = attributes.iter().find_map(paths::path_attribute) {
        let beside = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = format!("{beside}/{path}");
        let below = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        return Some((path, below)).filter(|(path, _)| is_there(path));
    }
    let below = format!("{folder}/{name}");
    [format!("{below}.rs"), format!("{below}/mod.rs")].into_iter().find(is_there).map(|path| (path, below))
}

/// The name that an item defines in its module.
fn defined(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        Item::Macro(item) => item.ident.as_ref(),
        _ => None,
    }
}
