//! Reading files.

use voicekit_core::error::ErrorKind;
use voicekit_rag::load::{Block, Format, Limits, load};

fn read(format: Format, text: &str) -> Vec<Block> {
    load(format, "file name", text.as_bytes(), &Limits::default()).unwrap().blocks
}

/// Each block as its headings and text.
fn check(format: Format, text: &str, expected: &[(&str, &str)]) {
    let blocks = read(format, text);
    let got: Vec<(String, String)> =
        blocks.into_iter().map(|block| (block.headings.join("/"), block.text)).collect();
    let expected: Vec<(String, String)> =
        expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert_eq!(got, expected);
}

#[test]
fn markdown_is_blocks_under_headings() {
    check(
        Format::Markdown,
        "---\nsecret: yes\n---\n# Hotel\n\nFirst *word*,\nand `code`.\n\n## Prices\n\n| Room | Price |\n|--|--|\n| Single | 79 |\n| Double | 118 |\n\n### Taxes\n\n1. one\n2. two [link](http://a.b)\n\n## Dogs\n\nYes.\n",
        &[
            ("Hotel", "First word, and code."),
            ("Hotel/Prices", "Room: Single. Price: 79.\nRoom: Double. Price: 118."),
            ("Hotel/Prices/Taxes", "one\ntwo link"),
            ("Hotel/Dogs", "Yes."),
        ],
    );
    check(Format::Markdown, "## Dogs\n\nYes.", &[("file name/Dogs", "Yes.")]);
}

#[test]
fn html_is_read_without_what_is_around_it() {
    check(
        Format::Html,
        "<title>Page &amp; more</title><style>p{}</style><nav><ul><li>Home</nav>\
         <script>if (a < b) document.write('<p>no</p>')</script>\
         <h2>Dogs</h2><p>Up to <b>20</b>&nbsp;kilos,<br>in\nclassic rooms.<p>Not in the spa\
         <table><tr><th>Room<th>Price<tr><td>Single<td>79</table>\
         <ul><li>one<li>two</ul><footer>late</footer>",
        &[
            ("Page & more/Dogs", "Up to 20 kilos,\nin classic rooms."),
            ("Page & more/Dogs", "Not in the spa"),
            ("Page & more/Dogs", "Room: Single. Price: 79."),
            ("Page & more/Dogs", "one\ntwo"),
        ],
    );
    check(
        Format::Html,
        "<h1>Top</h1><table><tr><th>Room</th><th>Price</th></tr><tr><td>Single</td><td>79</td></tr></table>",
        &[("Top", "Room: Single. Price: 79.")],
    );
}

#[test]
fn each_row_of_a_table_is_a_block() {
    let expected = &[("file name/Tea", "Name: Tea. Price: 3,50. Note: hot!")];
    check(Format::Table, "Name;Price;Note\nTea;3,50;hot!\n", expected);
    check(Format::Table, "\u{feff}Name\tPrice\tNote\nTea\t3,50\thot!\n", expected);
    check(Format::Table, "Name,Price,Note\n\"Tea\",\"3,50\",hot!\n", expected);
    assert!(read(Format::Table, "a,b\n1,2\n").iter().all(|block| block.whole));
}

#[test]
fn each_item_of_json_is_a_block() {
    check(
        Format::Json,
        r#"[{"id": 1, "title": "Beach", "text": "Near.", "open": true, "tags": ["a", "b"]}, "bare"]"#,
        &[("file name/Beach", "Near.\nopen: yes\ntags: a, b"), ("file name", "bare")],
    );
    check(
        Format::JsonLines,
        "{\"question\": \"Dogs?\", \"answer\": \"Yes.\"}\n\n{\"answer\": \"No.\"}\n",
        &[("file name/Dogs?", "Yes."), ("file name", "No.")],
    );
}

#[test]
fn plain_text_is_paragraphs() {
    check(
        Format::Text,
        "One\nline.\n\n\nTwo.",
        &[("file name", "One line."), ("file name", "Two.")],
    );
}

#[test]
fn what_cannot_be_read_says_why() {
    let limits = Limits::default().with_file(100).with_text(40);
    let long = "word ".repeat(15);
    for (format, bytes, problem) in [
        (Format::Text, &b"caf\xe9\0\0\0"[..], "binary data"),
        (Format::Markdown, &[b'a'; 101], "101 bytes; 100 are allowed"),
        (Format::Html, long.as_bytes(), "more than 40 bytes of text"),
        (Format::Json, b"{\"a\": ", "not JSON"),
        (Format::JsonLines, b"{}\n{", "1 item (line 2): is not JSON"),
        #[cfg(feature = "pdf")]
        (Format::Pdf, b"%PDF-1.7 nothing more", "not a PDF"),
        #[cfg(not(feature = "pdf"))]
        (Format::Pdf, b"%PDF-1.7 nothing more", "feature `pdf`"),
        (Format::LegacyOffice, b"\xd0\xcf\x11\xe0", "save it as .docx"),
    ] {
        let failure = load(format, "", bytes, &limits).unwrap_err();
        assert!(failure.message().contains(problem), "{failure}");
        assert!(matches!(failure.kind(), ErrorKind::Rejected | ErrorKind::Unsupported));
    }
}

#[test]
fn a_document_without_text_is_empty_and_not_broken() {
    for (format, text) in [
        (Format::Text, ""),
        (Format::Text, " \n\n "),
        (Format::Markdown, "---\nlayout: home\n---\n"),
        (Format::Html, "<!doctype html><html><body></body></html>"),
    ] {
        let loaded = load(format, "", text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!((loaded.blocks.len(), loaded.losses.len()), (0, 0), "{text:?}");
    }
}

#[test]
fn no_nesting_is_too_deep() {
    let html = "<div>".repeat(100_000) + "deep";
    assert_eq!(read(Format::Html, &html)[0].text, "deep");
    let json = "[".repeat(100_000);
    let failure = load(Format::Json, "", json.as_bytes(), &Limits::default()).unwrap_err();
    assert!(failure.message().contains("not JSON"));
    let quotes = "> ".repeat(20_000) + "deep";
    read(Format::Markdown, &quotes);
}
