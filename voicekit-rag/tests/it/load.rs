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
        &[("file name/Beach", "open: yes\ntags: a, b\nNear."), ("file name", "bare")],
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
        &[("file name", "One\nline."), ("file name", "Two.")],
    );
}

#[test]
fn what_cannot_be_read_says_why() {
    let limits = Limits::default().with_file(100).with_text(40);
    let long = "word ".repeat(15);
    for (format, bytes, problem) in [
        (Format::Text, &b"caf\xe9"[..], "not UTF-8 at byte 3"),
        (Format::Markdown, &[b'a'; 101], "101 bytes; 100 are allowed"),
        (Format::Html, long.as_bytes(), "more than 40 bytes of text"),
        (Format::Json, b"{\"a\": ", "not JSON"),
        (
            Format::Json,
            b"[{\"id\":7,\"text\":\"a\"},{\"id\":7,\"text\":\"b\"}]",
            "two items with the id \"7\"",
        ),
        (Format::JsonLines, b"{}\n{", "not JSON in line 2"),
        #[cfg(feature = "pdf")]
        (Format::Pdf, b"%PDF-1.7 nothing more", "not a PDF"),
        #[cfg(not(feature = "pdf"))]
        (Format::Pdf, b"%PDF-1.7 nothing more", "feature `pdf`"),
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

#[cfg(feature = "pdf")]
mod pdf {
    use super::*;
    use std::fmt::Write;

    /// A PDF with a page for each of these drawings, which are put in as they are.
    fn pdf(drawings: &[Vec<u8>], filter: &str) -> Vec<u8> {
        let mut bytes = b"%PDF-1.4\n".to_vec();
        let mut offsets = Vec::new();
        let mut object = |bytes: &mut Vec<u8>, content: &[u8]| {
            offsets.push(bytes.len());
            bytes.extend(format!("{} 0 obj\n", offsets.len()).as_bytes());
            bytes.extend(content);
            bytes.extend(b"\nendobj\n");
        };
        object(&mut bytes, b"<< /Type /Catalog /Pages 2 0 R >>");
        let kids: String = (0..drawings.len()).fold(String::new(), |mut text, page| {
            write!(text, "{} 0 R ", 4 + page * 2).unwrap();
            text
        });
        let pages = format!("<< /Type /Pages /Count {} /Kids [{kids}] >>", drawings.len());
        object(&mut bytes, pages.as_bytes());
        object(&mut bytes, b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
        for (page, drawing) in drawings.iter().enumerate() {
            let content = format!(
                "<< /Type /Page /Parent 2 0 R /Contents {} 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
                5 + page * 2
            );
            object(&mut bytes, content.as_bytes());
            let mut stream =
                format!("<< /Length {} {filter} >>\nstream\n", drawing.len()).into_bytes();
            stream.extend(drawing);
            stream.extend(b"\nendstream");
            object(&mut bytes, &stream);
        }
        let start = bytes.len();
        let mut end = format!("xref\n0 {}\n0000000000 65535 f \n", offsets.len() + 1);
        for offset in &offsets {
            writeln!(end, "{offset:010} 00000 n ").unwrap();
        }
        writeln!(end, "trailer << /Size {} /Root 1 0 R >>", offsets.len() + 1).unwrap();
        writeln!(end, "startxref\n{start}\n%%EOF").unwrap();
        bytes.extend(end.as_bytes());
        bytes
    }

    fn page(text: &str) -> Vec<u8> {
        format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET").into_bytes()
    }

    #[test]
    fn two_hundred_pages_are_two_hundred_blocks() {
        let pages: Vec<Vec<u8>> = (1..=200).map(|n| page(&format!("Room number {n}."))).collect();
        let loaded = load(Format::Pdf, "rooms", &pdf(&pages, ""), &Limits::default()).unwrap();
        let blocks = loaded.blocks;
        assert_eq!(blocks.len(), 200);
        assert_eq!(blocks[199].headings, ["rooms", "Page 200"]);
        assert_eq!(blocks[199].text, "Room number 200.");
    }

    #[test]
    fn a_pdf_broken_anywhere_does_not_panic() {
        let whole = pdf(&[page("Dogs are welcome."), page("Cats too.")], "");
        for length in (0..whole.len()).step_by(11) {
            let _ = load(Format::Pdf, "", &whole[..length], &Limits::default());
            let mut bytes = whole.clone();
            bytes[length] ^= 0x15;
            let _ = load(Format::Pdf, "", &bytes, &Limits::default());
        }
    }

    #[test]
    fn a_page_that_unpacks_to_too_much_is_refused() {
        // Each pair of bytes stands for 128: 25.6 MB.
        let bomb: Vec<u8> = [129, b' '].repeat(200_000);
        let filter = "/Filter /RunLengthDecode";
        let failure = load(Format::Pdf, "", &pdf(&[bomb], filter), &Limits::default());
        assert!(failure.is_err());
    }
}
