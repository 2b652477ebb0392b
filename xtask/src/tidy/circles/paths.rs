//! What the code of a module mentions: imports, paths, and methods called on `self`.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, Ident, ImplItem, Item, ItemImpl, ItemUse, Meta, Pat, Path, Token, UseTree, Visibility,
};

/// A leaf of a `use`.
pub(super) struct Import {
    /// The name that it binds; `None` for a glob.
    pub(super) name: Option<String>,
    pub(super) path: Vec<String>,
    /// Whether it is visible outside of the module, so that it only hands the item on.
    pub(super) is_reexport: bool,
}

/// Associated items of an `impl` that belongs to no trait.
pub(super) struct OwnImpl {
    pub(super) of: Vec<String>,
    pub(super) names: BTreeSet<String>,
}

#[derive(Default)]
pub(super) struct Mentions {
    pub(super) imports: Vec<Import>,
    /// Paths in code and in the tokens of macros, by segment.
    pub(super) paths: BTreeSet<Vec<String>>,
    pub(super) impls: Vec<OwnImpl>,
    /// A type and a name that its own code uses as `self.name()` or `Self::name`.
    pub(super) own_uses: BTreeSet<(Vec<String>, String)>,
    /// The type of the `impl` that is read.
    current: Option<Vec<String>>,
    /// Names of variables in the item that is read: they may hide a function of the same name.
    variables: BTreeSet<String>,
}

impl Mentions {
    fn mention(&mut self, path: Vec<String>) {
        match path.as_slice() {
            [] => {}
            [only] if only == "self" || self.variables.contains(only) => {}
            [first, rest @ ..] if first == "Self" => {
                if let (Some(of), Some(name)) = (&self.current, rest.first()) {
                    self.own_uses.insert((of.clone(), name.clone()));
                }
            }
            _ => drop(self.paths.insert(path)),
        }
    }

    fn import(&mut self, prefix: &[String], tree: &UseTree, is_reexport: bool) {
        let with = |ident: &Ident| [prefix, &[plain(ident)]].concat();
        let (name, path) = match tree {
            UseTree::Path(tree) => return self.import(&with(&tree.ident), &tree.tree, is_reexport),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(prefix, tree, is_reexport));
            }
            UseTree::Name(tree) if tree.ident == "self" => (prefix.last().cloned(), prefix.to_vec()),
            UseTree::Rename(tree) if tree.ident == "self" => (Some(plain(&tree.rename)), prefix.to_vec()),
            UseTree::Name(tree) => (Some(plain(&tree.ident)), with(&tree.ident)),
            UseTree::Rename(tree) => (Some(plain(&tree.rename)), with(&tree.ident)),
            UseTree::Glob(_) => (None, prefix.to_vec()),
        };
        self.imports.push(Import { name, path, is_reexport });
    }

    /// Tokens that may be arguments of a call are read as such; of others, the paths with `::`.
    fn tokens(&mut self, tokens: TokenStream) {
        let arguments = Punctuated::<Expr, Token![,]>::parse_terminated;
        match syn::parse::Parser::parse2(arguments, tokens.clone()) {
            Ok(arguments) => arguments.iter().for_each(|argument| self.visit_expr(argument)),
            Err(_) => self.scan(tokens),
        }
    }

    fn scan(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end_scanned(&mut path);
                    }
                    path.push(plain(&ident));
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                other => {
                    self.end_scanned(&mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.scan(group.stream());
                    }
                }
            }
        }
        self.end_scanned(&mut path);
    }

    /// A single name in tokens may be anything.
    fn end_scanned(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.mention(path);
        }
    }
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_of_tests(attributes(item)) {
            return;
        }
        if let Item::Fn(function) = item {
            let mut variables = Variables::default();
            variables.visit_item_fn(function);
            self.variables = variables.0;
        }
        visit::visit_item(self, item);
        self.variables.clear();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_reexport = !matches!(item.vis, Visibility::Inherited);
        if item.leading_colon.is_none() {
            self.import(&[], &item.tree, is_reexport);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let of = match item.self_ty.as_ref() {
            syn::Type::Path(path) if path.qself.is_none() => Some(segments(&path.path)),
            _ => None,
        };
        if let (Some(of), None) = (&of, &item.trait_) {
            let names = item.items.iter().filter_map(name_of).collect();
            self.impls.push(OwnImpl { of: of.clone(), names });
        }
        let outer = std::mem::replace(&mut self.current, of);
        visit::visit_item_impl(self, item);
        self.current = outer;
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if !is_of_tests(attributes) {
            let mut variables = Variables::default();
            variables.visit_impl_item(item);
            self.variables = variables.0;
            visit::visit_impl_item(self, item);
            self.variables.clear();
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            self.mention(segments(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let on_self = matches!(call.receiver.as_ref(), Expr::Path(path) if path.path.is_ident("self"));
        if let (true, Some(of)) = (on_self, &self.current) {
            self.own_uses.insert((of.clone(), plain(&call.method)));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.mention(segments(&called.path));
        self.tokens(called.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
        }
    }

    /// `pub(in path)` and `pub(super)` use nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// Variables, by the rule that they begin in lower case.
#[derive(Default)]
struct Variables(BTreeSet<String>);

impl<'ast> Visit<'ast> for Variables {
    fn visit_pat(&mut self, pattern: &'ast Pat) {
        if let Pat::Ident(variable) = pattern {
            let name = plain(&variable.ident);
            if name.starts_with(|c: char| c.is_lowercase() || c == '_') {
                self.0.insert(name);
            }
        }
        visit::visit_pat(self, pattern);
    }
}

fn segments(path: &Path) -> Vec<String> {
    path.segments.iter().map(|segment| plain(&segment.ident)).collect()
}

fn name_of(item: &ImplItem) -> Option<String> {
    match item {
        ImplItem::Const(item) => Some(plain(&item.ident)),
        ImplItem::Fn(item) => Some(plain(&item.sig.ident)),
        ImplItem::Type(item) => Some(plain(&item.ident)),
        _ => None,
    }
}

/// Without the `r#` of raw identifiers.
pub(super) fn plain(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an item is compiled for tests alone: `#[cfg(test)]`, `#[cfg(all(test, …))]` or `#[test]`.
pub(super) fn is_of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => needs_test(list.tokens.clone()),
        _ => false,
    })
}

fn needs_test(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(only)] => only == "test",
        [TokenTree::Ident(all), TokenTree::Group(group)]
            if all == "all" && group.delimiter() == Delimiter::Parenthesis =>
        {
            let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
            tokens
                .split(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ','))
                .any(|part| needs_test(part.iter().cloned().collect()))
        }
        _ => false,
    }
}

/// The value of `#[path = "…"]`.
pub(super) fn path_attribute(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    }
}
