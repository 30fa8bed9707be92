//! Tables of data, as opposed to tables that lay out a page.

use super::inline::flat;
use super::tree::{Id, Tree};
use super::visible::Visible;

/// The most columns or rows that a cell spans.
const WIDEST: usize = 100;
/// The most cells that spans may make of a table.
const MOST: usize = 500_000;

/// The longest cell of a table of one row, in bytes.
const LONGEST: usize = 200;

/// A table whose rows are sentences.
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A cell where it stands in the grid.
#[derive(Clone)]
struct Cell {
    text: String,
    is_name: bool,
    /// Rows below that it reaches into.
    below: usize,
    /// Whether it began in a column to the left.
    continues: bool,
}

struct Row {
    cells: Vec<Option<Cell>>,
    in_head: bool,
}

impl Row {
    fn is_names(&self) -> bool {
        self.cells.iter().flatten().all(|cell| cell.is_name || cell.text.is_empty())
            && self.cells.iter().flatten().any(|cell| cell.is_name)
    }
}

impl Table {
    /// The table at `id`; `None` if it lays out what is in it.
    pub(super) fn of(tree: &Tree, visible: &Visible<'_>, id: Id) -> Option<Self> {
        if matches!(tree.attribute(id, "role"), Some("presentation" | "none")) {
            return None;
        }
        let parts = ["table", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "pre", "details"];
        if tree.below(id).any(|id| parts.contains(&tree.name(id))) {
            return None;
        }
        let mut grid = grid(tree, visible, id);
        let width = grid.iter().map(|row| row.cells.len()).max().unwrap_or_default();
        let mut cells = grid.iter().flat_map(|row| row.cells.iter().flatten());
        // One row may be two words side by side, or what lays out a page.
        let is_layout = grid.len() == 1
            && !cells.clone().any(|cell| cell.is_name)
            && (width > 2 || cells.any(|cell| cell.text.len() > LONGEST));
        if width < 2 || is_layout {
            return None;
        }
        let heads = grid.iter().take_while(|row| row.in_head).count();
        let named = grid.iter().take_while(|row| row.is_names()).count();
        let heads = if heads > 0 { heads.max(named) } else { named };
        // A table of nothing but names is its content.
        let heads = if heads >= grid.len() { 0 } else { heads };
        let rows = grid.split_off(heads);
        Some(Self::named(tree, visible, id, columns(&grid, width), rows))
    }

    fn named(
        tree: &Tree,
        visible: &Visible<'_>,
        id: Id,
        columns: Vec<String>,
        rows: Vec<Row>,
    ) -> Self {
        let caption = tree.children(id).find(|child| tree.name(*child) == "caption");
        let caption = caption.map_or_else(String::new, |id| flat(tree, visible, id));
        let rows = rows.into_iter().map(|row| texts(row, &columns)).collect();
        Self { caption, columns, rows }
    }
}

/// The rows of a table, with cells repeated where they span others.
fn grid(tree: &Tree, visible: &Visible<'_>, id: Id) -> Vec<Row> {
    let mut grid: Vec<Row> = Vec::new();
    let mut made = 0;
    for tr in tree.below(id).filter(|id| tree.name(*id) == "tr" && visible.shows(*id)) {
        let in_head = tree.parent(tr).is_some_and(|above| tree.name(above) == "thead");
        let above = grid.last().map_or(&[][..], |row| &row.cells[..]);
        let mut cells: Vec<Option<Cell>> = above
            .iter()
            .map(|cell| {
                let cell = cell.as_ref().filter(|cell| cell.below > 0)?;
                Some(Cell { below: cell.below - 1, ..cell.clone() })
            })
            .collect();
        let mut place = 0;
        for td in tree.children(tr).filter(|id| matches!(tree.name(*id), "td" | "th")) {
            if !visible.shows(td) {
                continue;
            }
            while cells.get(place).is_some_and(Option::is_some) {
                place += 1;
            }
            let span = |name| {
                let span = tree.attribute(td, name).and_then(|span| span.trim().parse().ok());
                span.unwrap_or(1_usize).clamp(1, WIDEST)
            };
            let cell = Cell {
                text: flat(tree, visible, td),
                is_name: tree.name(td) == "th" || is_bold(tree, td),
                below: span("rowspan") - 1,
                continues: false,
            };
            for nth in 0..span("colspan") {
                if cells.len() <= place {
                    cells.resize(place + 1, None);
                }
                cells[place] = Some(Cell { continues: nth > 0, ..cell.clone() });
                place += 1;
            }
        }
        while cells.last().is_some_and(Option::is_none) {
            cells.pop();
        }
        made += cells.len();
        if made > MOST {
            break;
        }
        if cells.iter().flatten().any(|cell| !cell.text.is_empty()) {
            grid.push(Row { cells, in_head });
        }
    }
    grid
}

/// Whether all of a cell is bold.
fn is_bold(tree: &Tree, id: Id) -> bool {
    let all = tree.text(id);
    let all = all.trim();
    let bold = tree.below(id).find(|id| matches!(tree.name(*id), "b" | "strong"));
    !all.is_empty() && bold.is_some_and(|bold| tree.text(bold).trim() == all)
}

/// The names of the columns, of which the rows of `head` have parts.
fn columns(head: &[Row], width: usize) -> Vec<String> {
    let name = |place: usize| {
        let mut parts: Vec<&str> = Vec::new();
        for row in head {
            // A row that spans the whole table is its title.
            let is_title =
                head.len() > 1 && row.cells.iter().flatten().filter(|c| !c.continues).count() == 1;
            let part = row.cells.get(place).and_then(Option::as_ref).filter(|_| !is_title);
            let part = part.map_or("", |cell| cell.text.as_str());
            if !part.is_empty() && !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts.join(" ")
    };
    if head.is_empty() { Vec::new() } else { (0..width).map(name).collect() }
}

/// The cells of a row, each under a column; what spans columns without different names stands once.
fn texts(row: Row, columns: &[String]) -> Vec<String> {
    let single = row.cells.iter().flatten().filter(|cell| !cell.continues).count() == 1;
    let leads = row.cells.first().and_then(Option::as_ref).is_some_and(|cell| cell.is_name);
    let mut texts: Vec<String> = Vec::new();
    for (place, cell) in row.cells.into_iter().enumerate() {
        let name = columns.get(place).map_or("", String::as_str);
        let before = place.checked_sub(1).and_then(|before| columns.get(before));
        let repeats = |cell: &Cell| {
            cell.continues && (single || name.is_empty() || before.is_some_and(|one| one == name))
        };
        texts.push(cell.filter(|cell| !repeats(cell)).map_or_else(String::new, |cell| cell.text));
    }
    if columns.iter().all(String::is_empty) {
        return vec![pair(texts, leads)];
    }
    if single {
        // Beyond the columns, it has no name.
        let text = texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        let mut unnamed = vec![String::new(); columns.len()];
        unnamed.push(text);
        return unnamed;
    }
    texts
}

/// `Monday: 9 to 5` of a row without names of columns.
fn pair(texts: Vec<String>, leads: bool) -> String {
    let mut texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    if texts.len() < 2 || !(leads || texts.len() == 2) {
        let ended = |text: &String| {
            if text.ends_with(['.', '!', '?']) { text.clone() } else { format!("{text}.") }
        };
        return texts.iter().map(ended).collect::<Vec<_>>().join(" ");
    }
    let first = texts.remove(0);
    let between = if first.ends_with([':', '?', '!', '.']) { " " } else { ": " };
    format!("{first}{between}{}", texts.join(", "))
}
