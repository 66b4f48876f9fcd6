//! The layering of `ARCHITECTURE.md`: every `crate::room` that a file names must be in its room's row, and there is no cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Edges = BTreeMap<String, BTreeSet<String>>;

/// The table under *Rooms*: room → rooms that it may use.
fn allowed() -> Edges {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut edges = Edges::new();
    for row in text.lines().skip_while(|line| !line.starts_with("| `src/` |")).skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let rooms: Vec<String> = cells[0]
            .split(',')
            .map(|room| room.trim().trim_matches('`').trim_end_matches('/').trim_end_matches(".rs").to_owned())
            .collect();
        let used: BTreeSet<String> = match cells[2] {
            "–" => BTreeSet::new(),
            "all" => BTreeSet::from(["*".to_owned()]),
            "all above" => edges.keys().cloned().collect(),
            list => list.split(',').map(|room| room.trim().to_owned()).collect(),
        };
        for room in rooms {
            edges.insert(room, used.clone());
        }
    }
    edges
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every `crate::room` in the code of each room, and where; comments and documentation links do not count.
fn used(rooms: &Edges) -> BTreeMap<(String, String), String> {
    let mut edges = BTreeMap::new();
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    for file in files {
        let relative = file.strip_prefix(root().join("src")).unwrap();
        let room = relative.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        if room == "lib" {
            continue;
        }
        assert!(rooms.contains_key(&room), "src/{room} is not in the table of ARCHITECTURE.md");
        let text = fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if rooms.contains_key(&name) && name != room {
                    edges.insert((room.clone(), name), format!("{}: {}", relative.display(), line.trim()));
                }
            }
        }
    }
    edges
}

#[test]
fn every_edge_is_in_the_table() {
    let allowed = allowed();
    assert!(allowed.len() > 15, "the table was not read: {allowed:?}");
    let wrong: Vec<String> = used(&allowed)
        .into_iter()
        .filter(|((from, to), _)| !allowed[from].contains("*") && !allowed[from].contains(to))
        .map(|((from, to), place)| format!("{from} may not use {to}: {place}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_is_no_cycle() {
    let allowed = allowed();
    let mut edges = Edges::new();
    for ((from, to), _) in used(&allowed) {
        edges.entry(from).or_default().insert(to);
    }
    fn visit(room: &str, edges: &Edges, path: &mut Vec<String>, done: &mut BTreeSet<String>) {
        assert!(!path.iter().any(|other| other == room), "cycle: {} → {room}", path.join(" → "));
        if done.contains(room) {
            return;
        }
        path.push(room.to_owned());
        for next in edges.get(room).into_iter().flatten() {
            visit(next, edges, path, done);
        }
        path.pop();
        done.insert(room.to_owned());
    }
    let mut done = BTreeSet::new();
    for room in edges.keys() {
        visit(room, &edges, &mut Vec::new(), &mut done);
    }
}
