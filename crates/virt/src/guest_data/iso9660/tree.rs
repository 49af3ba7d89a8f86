//! The folders and files of an image, and the two ways in which they are named.

use super::record::Extent;
use super::wrong;
use std::collections::HashMap;
use std::io;

/// Deepest folder that the format allows.
const DEPTH: usize = 8;

/// What the image holds. The first folder is the root.
pub(super) struct Tree {
    pub(super) folders: Vec<Folder>,
    /// Names of the files, in the order in which they were given.
    pub(super) files: Vec<String>,
}

/// A folder: its name, and what is in it by index.
#[derive(Default)]
pub(super) struct Folder {
    pub(super) name: String,
    pub(super) parent: usize,
    pub(super) folders: Vec<usize>,
    pub(super) files: Vec<usize>,
    depth: usize,
}

impl Tree {
    pub(super) fn new(files: &[(String, Vec<u8>)]) -> io::Result<Self> {
        let mut tree = Self {
            folders: vec![Folder { depth: 1, ..Folder::default() }],
            files: Vec::with_capacity(files.len()),
        };
        let mut by_path = HashMap::from([(String::new(), 0)]);
        for (index, (path, _)) in files.iter().enumerate() {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let folder = tree.folder(folder, &mut by_path)?;
            tree.folders[folder].files.push(index);
            tree.files.push(name.to_owned());
        }
        Ok(tree)
    }

    fn folder(&mut self, path: &str, by_path: &mut HashMap<String, usize>) -> io::Result<usize> {
        if let Some(known) = by_path.get(path) {
            return Ok(*known);
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.folder(parent, by_path)?;
        let (index, depth) = (self.folders.len(), self.folders[parent].depth + 1);
        if depth > DEPTH {
            return Err(wrong(format!("the folder {path} is more than {DEPTH} deep")));
        }
        self.folders.push(Folder { name: name.to_owned(), parent, depth, ..Folder::default() });
        self.folders[parent].folders.push(index);
        by_path.insert(path.to_owned(), index);
        Ok(index)
    }
}

/// The tree under one kind of names.
pub(super) struct View {
    pub(super) is_joliet: bool,
    /// Each folder's name, as written.
    pub(super) folder_names: Vec<Vec<u8>>,
    /// Each file's name, as written.
    pub(super) file_names: Vec<Vec<u8>>,
    /// Folders, level by level, each level sorted by parent and name: a folder's place here is its number.
    pub(super) order: Vec<usize>,
    /// Where each folder stands.
    pub(super) folders: Vec<Extent>,
    /// The sector of the path table.
    pub(super) table_at: u32,
}

impl View {
    /// Upper case letters, digits and underlines; the true names stand beside them as Rock Ridge.
    pub(super) fn plain(tree: &Tree) -> io::Result<Self> {
        Self::new(tree, false, |name, is_file| {
            let mangled = name.to_ascii_uppercase();
            let (stem, extension) = match mangled.rsplit_once('.').filter(|_| is_file) {
                Some((stem, extension)) => (stem, extension),
                None => (mangled.as_str(), ""),
            };
            let clean = |text: &str| -> String {
                let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
                text.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
            };
            let written = match is_file {
                true => format!("{}.{};1", clean(stem), clean(extension)),
                false => clean(stem),
            };
            (written.len() <= 33 && !name.is_empty() && name.is_ascii())
                .then(|| written.into_bytes())
        })
    }

    /// The true names in UCS-2.
    pub(super) fn joliet(tree: &Tree) -> io::Result<Self> {
        Self::new(tree, true, |name, is_file| {
            let version = if is_file { ";1" } else { "" };
            let fits = !name.is_empty() && name.encode_utf16().count() <= 64;
            let forbidden = |c: char| c < ' ' || "*/:;?\\".contains(c);
            (fits && !name.contains(forbidden)).then(|| {
                let units = name.encode_utf16().chain(version.encode_utf16());
                units.flat_map(u16::to_be_bytes).collect()
            })
        })
    }

    fn new(
        tree: &Tree,
        is_joliet: bool,
        written: impl Fn(&str, bool) -> Option<Vec<u8>>,
    ) -> io::Result<Self> {
        let written = |name: &String, is_file| {
            written(name, is_file)
                .ok_or_else(|| wrong(format!("the name '{name}' cannot be on a config drive")))
        };
        // The root's name is one zero byte.
        let mut folder_names = vec![vec![0]];
        for folder in tree.folders.iter().skip(1) {
            folder_names.push(written(&folder.name, false)?);
        }
        let file_names = tree.files.iter().map(|name| written(name, true));
        let mut view = Self {
            is_joliet,
            folder_names,
            file_names: file_names.collect::<io::Result<_>>()?,
            order: Vec::new(),
            folders: vec![Extent::default(); tree.folders.len()],
            table_at: 0,
        };
        view.check_unique(tree)?;
        view.order = view.numbered(tree);
        Ok(view)
    }

    fn check_unique(&self, tree: &Tree) -> io::Result<()> {
        for folder in &tree.folders {
            let mut names: Vec<_> = self.names_in(folder).collect();
            names.sort_unstable();
            let before = names.len();
            names.dedup();
            if names.len() != before {
                return Err(wrong(format!("two names in '{}' are too alike", folder.name)));
            }
        }
        Ok(())
    }

    fn names_in<'a>(&'a self, folder: &'a Folder) -> impl Iterator<Item = &'a [u8]> {
        let folders = folder.folders.iter().map(|index| self.folder_names[*index].as_slice());
        folders.chain(folder.files.iter().map(|index| self.file_names[*index].as_slice()))
    }

    fn numbered(&self, tree: &Tree) -> Vec<usize> {
        let mut order = vec![0];
        let mut next = 0;
        while let Some(folder) = order.get(next).copied() {
            let mut inner = tree.folders[folder].folders.clone();
            inner.sort_by_key(|index| &self.folder_names[*index]);
            order.extend(inner);
            next += 1;
        }
        order
    }
}
