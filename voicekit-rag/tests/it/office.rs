//! Reading documents of office programs.

use std::io::{Cursor, Write};

use voicekit_core::error::ErrorKind;
use voicekit_rag::load::{Format, Limits, Loaded, load};
use zip::write::{SimpleFileOptions, ZipWriter};

/// A package of these parts.
fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn read(parts: &[(&str, &str)]) -> Loaded {
    load(Format::Office, "guide", &package(parts), &Limits::default()).unwrap()
}

/// Each block as its headings and text.
fn check(loaded: &Loaded, expected: &[(&str, &str)]) {
    let got: Vec<(String, &str)> =
        loaded.blocks.iter().map(|block| (block.headings.join("/"), block.text.as_str())).collect();
    let got: Vec<(&str, &str)> = got.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    assert_eq!(got, expected);
}

fn paragraph(style: &str, text: &str) -> String {
    format!(r#"<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"#)
}

fn cell(properties: &str, text: &str) -> String {
    format!("<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>")
}

fn docx(body: &str) -> Loaded {
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>"
    );
    let styles = r#"<w:styles><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
        <w:style w:styleId="H2"><w:name w:val="Heading 2"/></w:style>
        <w:style w:styleId="Own"><w:name w:val="My own"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style></w:styles>"#;
    read(&[("word/document.xml", &document), ("word/styles.xml", styles)])
}

#[test]
fn word_documents_are_blocks_under_headings() {
    let body = [
        paragraph("berschrift1", "Seaglass Hotel"),
        paragraph("Normal", "Breakfast &amp; dinner, 7&#8211;10."),
        paragraph("H2", "Pets"),
        r#"<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/></w:numPr></w:pPr><w:r><w:t>Dogs are </w:t></w:r><w:r><w:t>welcome.</w:t></w:r></w:p>"#.to_owned(),
        r#"<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>Cats</w:t><w:tab/><w:t>too.</w:t></w:r></w:p>"#.to_owned(),
        paragraph("Own", "Fees"),
        "<w:p><w:r><w:t>Free.</w:t><w:br/><w:t>Really.</w:t></w:r></w:p>".to_owned(),
    ];
    check(
        &docx(&body.concat()),
        &[
            ("Seaglass Hotel", "Breakfast & dinner, 7–10."),
            ("Seaglass Hotel/Pets", "Dogs are welcome.\nCats too."),
            ("Seaglass Hotel/Pets/Fees", "Free.\nReally."),
        ],
    );
}

#[test]
fn tables_of_word_name_their_columns_and_merged_cells_count_in_every_row() {
    let row = |cells: &[String]| format!("<w:tr>{}</w:tr>", cells.concat());
    let body = [
        "<w:tbl>".to_owned(),
        row(&[cell("", "Room"), cell("", "Season"), cell("", "Price")]),
        row(&[
            cell(r#"<w:vMerge w:val="restart"/>"#, "Single"),
            cell("", "Summer"),
            cell("", "79"),
        ]),
        row(&[cell("<w:vMerge/>", ""), cell("", "Winter"), cell("", "59")]),
        row(&[cell(r#"<w:gridSpan w:val="2"/>"#, "Dog"), cell("", "10")]),
        "</w:tbl>".to_owned(),
    ];
    check(
        &docx(&body.concat()),
        &[(
            "guide",
            "Room: Single. Season: Summer. Price: 79.\nRoom: Single. Season: Winter. Price: 59.\nRoom: Dog. Price: 10.",
        )],
    );
}

#[test]
fn what_word_does_not_show_is_not_text() {
    let body = "<w:p><w:r><w:t>Open at 7.</w:t></w:r>\
        <w:del><w:r><w:delText>Open at 8.</w:delText></w:r></w:del>\
        <w:r><w:rPr><w:vanish/></w:rPr><w:t>Hidden.</w:t></w:r>\
        <w:r><w:instrText>PAGEREF x</w:instrText></w:r>\
        <w:moveFrom><w:r><w:t>Moved.</w:t></w:r></w:moveFrom></w:p>\
        <w:p><w:r><mc:AlternateContent xmlns:mc=\"mc\"><mc:Choice><w:txbxContent><w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent></mc:Choice>\
        <mc:Fallback><w:txbxContent><w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent></mc:Fallback></mc:AlternateContent>\
        <w:t>Around.</w:t></w:r></w:p>";
    check(&docx(body), &[("guide", "Open at 7."), ("guide", "In a box."), ("guide", "Around.")]);
}

#[test]
fn notes_headers_and_footers_of_word_are_read_once() {
    let part = |text: &str| format!("<w:x><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:x>");
    let parts = [
        ("word/document.xml", part("Body.")),
        ("word/footnotes.xml", part("A note.")),
        ("word/header1.xml", part("Call 555 0142.")),
        ("word/header2.xml", part("Call 555 0142.")),
        ("word/footer1.xml", part("12 Shore Road.")),
    ];
    let parts: Vec<(&str, &str)> =
        parts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    check(
        &read(&parts),
        &[
            ("guide", "Body."),
            ("guide", "A note."),
            ("guide", "Call 555 0142."),
            ("guide", "12 Shore Road."),
        ],
    );
}

const RELATIONS: &str = r#"<Relationships><Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/>
    <Relationship Id="rId2" Type="x/worksheet" Target="/xl/worksheets/sheet2.xml"/></Relationships>"#;

fn xlsx(sheet: &str) -> Loaded {
    read(&[
        (
            "xl/workbook.xml",
            r#"<workbook xmlns:r="r"><sheets><sheet name="Prices" sheetId="1" r:id="rId1"/>
               <sheet name="Secret" sheetId="2" state="hidden" r:id="rId2"/></sheets></workbook>"#,
        ),
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        (
            "xl/sharedStrings.xml",
            "<sst><si><t>Room</t></si><si><r><t>Pri</t></r><r><t>ce</t></r><rPh><t>x</t></rPh></si><si><t>Single</t></si></sst>",
        ),
        (
            "xl/styles.xml",
            r##"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="#,##0.00\ [$€-407]"/>
                <numFmt numFmtId="165" formatCode="&quot;$&quot;#,##0"/><numFmt numFmtId="166" formatCode="dd/mm/yyyy hh:mm"/></numFmts>
                <cellStyleXfs><xf numFmtId="0"/></cellStyleXfs>
                <cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="14"/><xf numFmtId="9"/><xf numFmtId="20"/><xf numFmtId="166"/></cellXfs></styleSheet>"##,
        ),
        ("xl/worksheets/sheet1.xml", &format!("<worksheet>{sheet}</worksheet>")),
        (
            "xl/worksheets/sheet2.xml",
            "<worksheet><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>",
        ),
    ])
}

#[test]
fn each_row_of_a_sheet_is_a_block_with_its_columns() {
    let loaded = xlsx(
        r#"<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="D1" t="inlineStr"><is><t>From</t></is></c></row>
        <row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2" s="1"><f>70+9</f><v>1079</v></c><c r="D2" s="3"><v>46357</v></c></row>
        <row r="3" hidden="1"><c r="A3"><v>5</v></c></row>
        <row r="4"><c r="A4" t="str"><v>Double</v></c><c r="B4" s="2"><v>118</v></c><c r="D4" t="e"><v>#REF!</v></c></row></sheetData>"#,
    );
    check(
        &loaded,
        &[
            ("guide/Prices/Single", "Room: Single. Price: 1,079.00 €. From: 2026-12-01."),
            ("guide/Prices/Double", "Room: Double. Price: $118."),
        ],
    );
    assert!(loaded.blocks.iter().all(|block| block.whole));
    assert_eq!(loaded.losses[0].to_string(), "1 sheet (sheet Secret): hidden");
}

#[test]
fn numbers_of_a_sheet_are_as_they_are_shown() {
    for (style, value, expected) in [
        (0, "0.1", "0.1"),
        (0, "12.50", "12.5"),
        (0, "-3", "-3"),
        (0, "0.30000000000000004", "0.3"),
        (1, "-1234.5", "-1,234.50 €"),
        (2, "1234567", "$1,234,567"),
        (3, "1", "1900-01-01"),
        (3, "59", "1900-02-28"),
        (3, "61", "1900-03-01"),
        (4, "0.19", "19%"),
        (5, "0.75", "18:00"),
        (6, "46357.75", "2026-12-01 18:00"),
    ] {
        let sheet =
            format!(r#"<sheetData><row><c s="{style}"><v>{value}</v></c></row></sheetData>"#);
        check(&xlsx(&sheet), &[("guide/Prices", &format!("{expected}."))]);
    }
}

#[test]
fn merged_cells_titles_and_several_tables_of_a_sheet_keep_their_sense() {
    let text = |place: &str, text: &str| {
        format!(r#"<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>"#)
    };
    let sheet = [
        "<sheetData>".to_owned(),
        format!(r#"<row r="1">{}</row>"#, text("A1", "Valid in 2026")),
        format!(r#"<row r="2">{}{}</row>"#, text("A2", "Room"), text("B2", "Season")),
        format!(r#"<row r="3">{}{}</row>"#, text("A3", "Single"), text("B3", "Summer")),
        format!(r#"<row r="4"><c r="A4"/>{}</row>"#, text("B4", "Winter")),
        format!(r#"<row r="7">{}{}</row>"#, text("A7", "Meal"), text("B7", "Hour")),
        format!(r#"<row r="8">{}<c r="B8"><v>7</v></c></row>"#, text("A8", "Breakfast")),
        r#"</sheetData><mergeCells><mergeCell ref="A3:A4"/></mergeCells>"#.to_owned(),
    ];
    check(
        &xlsx(&sheet.concat()),
        &[
            ("guide/Prices", "Valid in 2026."),
            ("guide/Prices/Single", "Room: Single. Season: Summer."),
            ("guide/Prices/Single", "Room: Single. Season: Winter."),
            ("guide/Prices/Breakfast", "Meal: Breakfast. Hour: 7."),
        ],
    );
}

#[test]
fn a_cell_at_the_end_of_the_sheet_does_not_take_all_memory() {
    let sheet = r#"<sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c><c r="A1048576"><v>2</v></c></row></sheetData>"#;
    check(&xlsx(sheet), &[("guide/Prices", "2.")]);
}

#[test]
fn slides_have_titles_texts_tables_and_notes() {
    let shape = |kind: &str, text: &str| {
        format!(
            r#"<p:sp><p:nvPr><p:ph type="{kind}"/></p:nvPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"#
        )
    };
    let slide = |inner: &str| format!("<p:sld xmlns:p=\"p\" xmlns:a=\"a\">{inner}</p:sld>");
    let cell = |text: &str| {
        format!("<a:tc><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>")
    };
    let table = format!(
        "<p:graphicFrame><a:tbl><a:tr>{}{}</a:tr><a:tr>{}{}</a:tr></a:tbl></p:graphicFrame>",
        cell("Room"),
        cell("Price"),
        cell("Single"),
        cell("79")
    );
    let first = slide(
        &(shape("title", "Our rooms")
            + &shape("body", "All with a view.")
            + &shape("sldNum", "1")
            + &table),
    );
    let loaded = read(&[
        (
            "ppt/presentation.xml",
            r#"<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="rId2"/><p:sldId id="257" r:id="rId1"/><p:sldId id="258" r:id="rId3"/></p:sldIdLst></p:presentation>"#,
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            r#"<Relationships><Relationship Id="rId1" Type="x/slide" Target="slides/slide1.xml"/><Relationship Id="rId2" Type="x/slide" Target="slides/slide2.xml"/><Relationship Id="rId3" Type="x/slide" Target="slides/slide3.xml"/></Relationships>"#,
        ),
        ("ppt/slides/slide1.xml", &slide(&shape("body", "Second slide."))),
        ("ppt/slides/slide2.xml", &first),
        (
            "ppt/slides/slide3.xml",
            r#"<p:sld show="0" xmlns:p="p" xmlns:a="a"><p:sp><a:p><a:t>No.</a:t></a:p></p:sp></p:sld>"#,
        ),
        (
            "ppt/slides/_rels/slide2.xml.rels",
            r#"<Relationships><Relationship Id="rId9" Type="x/notesSlide" Target="../notesSlides/notesSlide1.xml"/></Relationships>"#,
        ),
        (
            "ppt/notesSlides/notesSlide1.xml",
            &format!(
                "<p:notes xmlns:p=\"p\" xmlns:a=\"a\">{}</p:notes>",
                shape("body", "Mention the balcony.")
            ),
        ),
    ]);
    check(
        &loaded,
        &[
            ("guide/Our rooms", "All with a view."),
            ("guide/Our rooms", "Room: Single. Price: 79."),
            ("guide/Our rooms", "Mention the balcony."),
            ("guide/Slide 2", "Second slide."),
        ],
    );
    assert_eq!(loaded.losses[0].to_string(), "1 slide (slide 3): hidden");
}

#[test]
fn open_documents_are_read() {
    let content = |inner: &str| {
        format!(
            "<office:document-content xmlns:office=\"o\" xmlns:text=\"t\" xmlns:table=\"b\" xmlns:draw=\"d\"><office:body>{inner}</office:body></office:document-content>"
        )
    };
    let text = content(
        "<office:text><text:tracked-changes><text:p>Deleted.</text:p></text:tracked-changes><text:h text:outline-level=\"1\">Pets</text:h>\
         <text:p>Dogs<text:s text:c=\"2\"/>are <text:span>welcome</text:span>.<office:annotation><text:p>Sure?</text:p></office:annotation></text:p>\
         <text:list><text:list-item><text:p>one</text:p></text:list-item><text:list-item><text:p>two</text:p></text:list-item></text:list></office:text>",
    );
    check(&read(&[("content.xml", &text)]), &[("Pets", "Dogs are welcome."), ("Pets", "one\ntwo")]);
    let cell = |text: &str| format!("<table:table-cell><text:p>{text}</text:p></table:table-cell>");
    let sheet = content(&format!(
        "<office:spreadsheet><table:table table:name=\"Prices\"><table:table-row>{}{}</table:table-row><table:table-row>{}{}\
         <table:table-cell table:number-columns-repeated=\"16382\"/></table:table-row>\
         <table:table-row table:number-rows-repeated=\"1048574\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row></table:table></office:spreadsheet>",
        cell("Room"),
        cell("Price"),
        cell("Single"),
        cell("79,00 €")
    ));
    check(
        &read(&[("content.xml", &sheet)]),
        &[("guide/Prices/Single", "Room: Single. Price: 79,00 €.")],
    );
    let slides = content(
        "<office:presentation><draw:page><draw:frame><text:p>Welcome.</text:p></draw:frame></draw:page></office:presentation>",
    );
    check(&read(&[("content.xml", &slides)]), &[("guide/Slide 1", "Welcome.")]);
}

#[test]
fn what_cannot_be_read_says_why_and_what_to_do() {
    let encrypted: Vec<u8> = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        .iter()
        .copied()
        .chain("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>";
    for (bytes, problem, kind) in [
        (b"PK\x03\x04 broken".to_vec(), "broken", ErrorKind::Rejected),
        (b"not an archive".to_vec(), "not an office document", ErrorKind::Rejected),
        (encrypted, "password", ErrorKind::Rejected),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "save it as .docx", ErrorKind::Unsupported),
        (package(&[("a.txt", "x")]), "not a document", ErrorKind::Rejected),
        (package(&[("xl/workbook.bin", "x")]), "save it as .xlsx", ErrorKind::Unsupported),
        (package(&[("word/document.xml", "<w:p><w:t")]), "broken XML", ErrorKind::Rejected),
        (
            package(&[("META-INF/manifest.xml", manifest), ("content.xml", "<a/>")]),
            "password",
            ErrorKind::Rejected,
        ),
        (
            package(&[("word/document.xml", &" ".repeat(130 << 20))]),
            "unpacks to too much",
            ErrorKind::Rejected,
        ),
    ] {
        let failure = load(Format::Office, "", &bytes, &Limits::default()).unwrap_err();
        assert!(failure.message().contains(problem), "{failure}");
        assert_eq!(failure.kind(), kind);
    }
}

#[test]
fn entities_that_a_document_defines_are_not_expanded() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]><w:p><w:r><w:t>One&c;two</w:t></w:r></w:p>";
    check(&read(&[("word/document.xml", bomb)]), &[("guide", "Onetwo")]);
}

#[test]
fn a_package_broken_anywhere_does_not_panic() {
    let document = paragraph("Normal", "Breakfast is served at seven.");
    let whole = package(&[("word/document.xml", &document), ("word/styles.xml", "<w:styles/>")]);
    for at in 0..whole.len() {
        let _ = load(Format::Office, "", &whole[..at], &Limits::default());
        let mut bytes = whole.clone();
        bytes[at] ^= 0x15;
        let _ = load(Format::Office, "", &bytes, &Limits::default());
    }
}
