//! Reading PDF.

use voicekit_core::error::Result;
use voicekit_rag::load::{Format, Limits, Loaded, load};

/// A file of numbered objects.
#[derive(Default)]
struct Pdf(Vec<Vec<u8>>);

impl Pdf {
    fn add(&mut self, content: impl Into<Vec<u8>>) -> usize {
        self.0.push(content.into());
        self.0.len()
    }

    fn stream(&mut self, entries: &str, data: impl AsRef<[u8]>) -> usize {
        let data = data.as_ref();
        let mut content = format!("<< {entries} /Length {} >>\nstream\n", data.len()).into_bytes();
        content.extend(data);
        content.extend(b"\nendstream");
        self.add(content)
    }

    fn finish(&self, trailer: &str) -> Vec<u8> {
        let mut bytes = b"%PDF-1.5\n".to_vec();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", self.0.len() + 1);
        for (content, number) in self.0.iter().zip(1..) {
            table.push_str(&format!("{:010} 00000 n \n", bytes.len()));
            bytes.extend(format!("{number} 0 obj\n").as_bytes());
            bytes.extend(content);
            bytes.extend(b"\nendobj\n");
        }
        let start = bytes.len();
        let end = format!("trailer << /Size {} {trailer} >>", self.0.len() + 1);
        bytes.extend(format!("{table}{end}\nstartxref\n{start}\n%%EOF\n").as_bytes());
        bytes
    }
}

/// A file with a page for each drawing. Resources: Helvetica as `F1`, Courier as `F2`, and what
/// `more` adds; a page has `entries` besides.
fn pages(drawings: &[&[u8]], more: &str, entries: &str, objects: impl FnOnce(&mut Pdf)) -> Vec<u8> {
    let mut pdf = Pdf::default();
    let kids: Vec<String> =
        (0..drawings.len()).map(|page| format!("{} 0 R", 20 + page * 2)).collect();
    pdf.add("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.add(format!("<< /Type /Pages /Count {} /Kids [{}] >>", kids.len(), kids.join(" ")));
    pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>");
    pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>");
    objects(&mut pdf);
    while pdf.0.len() < 19 {
        pdf.add("null");
    }
    for drawing in drawings {
        let page = pdf.0.len() + 1;
        pdf.add(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {} 0 R {entries} \
             /Resources << /Font << /F1 3 0 R /F2 4 0 R >> {more} >> >>",
            page + 1
        ));
        pdf.stream("", drawing);
    }
    pdf.finish("/Root 1 0 R")
}

fn page(drawing: &str) -> Vec<u8> {
    pages(&[drawing.as_bytes()], "", "", |_| {})
}

fn read(bytes: &[u8]) -> Result<Loaded> {
    load(Format::Pdf, "menu", bytes, &Limits::default())
}

fn text(bytes: &[u8]) -> String {
    let texts: Vec<String> =
        read(bytes).unwrap().blocks.into_iter().map(|block| block.text).collect();
    texts.join("\n")
}

/// The first page has text, the second is an image.
pub(crate) fn text_and_scan() -> Vec<u8> {
    let image = |pdf: &mut Pdf| {
        let entries = "/Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 1 \
                       /ColorSpace /DeviceGray";
        assert_eq!(pdf.stream(entries, [0; 8]), 5);
    };
    let drawings: [&[u8]; 2] = [
        b"BT /F1 12 Tf 20 700 Td (Breakfast is served at seven.) Tj ET",
        b"q 600 0 0 800 0 0 cm /X1 Do Q",
    ];
    pages(&drawings, "/XObject << /X1 5 0 R >>", "", image)
}

#[test]
fn gaps_between_words_are_seen_however_they_are_made() {
    let words = ["Breakfast", "is", "served", "at", "seven."];
    let spread =
        |gap: &str| format!("BT /F1 12 Tf 20 700 Td [({})] TJ ET", words.join(&format!("){gap}(")));
    for drawing in [
        spread("-250"),
        spread("-250.5"),
        spread("-200"),
        // Moved with Td, Tm, TD and T*.
        "BT /F1 12 Tf 20 700 Td (Breakfast) Tj 60 0 Td (is) Tj 14 0 Td (served) Tj 45 0 Td (at) Tj 16 0 Td (seven.) Tj ET".to_owned(),
        "BT /F1 12 Tf 1 0 0 1 20 700 Tm (Breakfast is) Tj 1 0 0 1 20 686 Tm (served at seven.) Tj ET".to_owned(),
        "BT /F1 12 Tf 14 TL 20 700 Td (Breakfast is) Tj T* (served at seven.) Tj ET".to_owned(),
        "BT /F1 12 Tf 14 TL 20 700 Td (Breakfast is served) Tj (at seven.) ' ET".to_owned(),
        // Word by word in text objects of their own, and out of order.
        "BT /F1 12 Tf 20 700 Td (Breakfast) Tj ET BT /F1 12 Tf 80 700 Td (is served) Tj ET BT /F1 12 Tf 140 700 Td (at seven.) Tj ET".to_owned(),
        "BT /F1 12 Tf 140 700 Td (at seven.) Tj ET BT /F1 12 Tf 20 700 Td (Breakfast) Tj ET BT /F1 12 Tf 80 700 Td (is served) Tj ET".to_owned(),
        // Scaled by the matrix, the page and horizontally.
        "BT /F1 1 Tf 12 0 0 12 20 700 Tm [(Breakfast)-250(is)-250(served at seven.)] TJ ET".to_owned(),
        "q 0.1 0 0 0.1 0 0 cm BT /F1 120 Tf 200 7000 Td [(Breakfast)-250(is)-250(served at seven.)] TJ ET Q".to_owned(),
        "BT /F1 12 Tf 80 Tz 20 700 Td [(Breakfast)-300(is)-300(served at seven.)] TJ ET".to_owned(),
        // Invisible, as the text of scans is.
        "BT 3 Tr /F1 12 Tf 20 700 Td (Breakfast is served at seven.) Tj ET".to_owned(),
        // Spaces by word spacing only.
        "BT /F1 12 Tf 4 Tw 20 700 Td (Breakfast is served at seven.) Tj ET".to_owned(),
        // Kerned within words.
        "BT /F1 12 Tf 20 700 Td [(Br)20(eak)-40(fa)35(st is ser)-25(v)15(ed at sev)-30(en.)] TJ ET".to_owned(),
    ] {
        assert_eq!(text(&page(&drawing)), "Breakfast is served at seven.", "{drawing}");
    }
}

#[test]
fn letters_that_are_placed_one_by_one_are_words() {
    let letters = |word: &str, start: i32, step: i32| -> String {
        let one = |(letter, x): (char, i32)| format!("BT /F1 12 Tf {x} 700 Td ({letter}) Tj ET ");
        word.chars().zip((start..).step_by(usize::try_from(step).unwrap())).map(one).collect()
    };
    assert_eq!(text(&page(&letters("Breakfast", 20, 7))), "Breakfast");
    // By their widths: four 3s of 6.67 each, then a gap.
    let spaced = "BT /F1 12 Tf 3 Tc 20 700 Td (Breakfast) Tj 120 0 Td (seven) Tj ET";
    assert_eq!(text(&page(spaced)).replace(',', ""), "Breakfast seven");
    let bold: String =
        ["20", "20.3"].map(|x| format!("BT /F1 12 Tf {x} 700 Td (Full bill) Tj ET ")).concat();
    assert_eq!(text(&page(&bold)), "Full bill");
}

#[test]
fn forms_within_forms_are_followed() {
    let forms = |pdf: &mut Pdf| {
        let entries = "/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >> \
                       /XObject << /X2 6 0 R >> >>";
        pdf.stream(entries, "BT /F1 12 Tf 20 680 Td (Breakfast is served) Tj ET /X2 Do");
        pdf.stream(entries, "BT /F1 12 Tf 20 666 Td (at seven.) Tj ET");
    };
    let drawing = b"BT /F1 12 Tf 20 700 Td (Page one of two.) Tj ET /X1 Do";
    let bytes = pages(&[drawing], "/XObject << /X1 5 0 R >>", "", forms);
    assert_eq!(text(&bytes), "Page one of two.\nBreakfast is served at seven.");
}

#[test]
fn forms_that_draw_themselves_over_and_over_come_to_an_end() {
    let forms = |pdf: &mut Pdf| {
        for next in 6..=14 {
            let entries = format!(
                "/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /XObject << /X {next} 0 R >> >>"
            );
            pdf.stream(&entries, "/X Do ".repeat(40));
        }
    };
    let drawings: [&[u8]; 2] = [b"/X1 Do", b"BT /F1 12 Tf 20 700 Td (Breakfast is served.) Tj ET"];
    let bytes = pages(&drawings, "/XObject << /X1 5 0 R >>", "", forms);
    let loaded = read(&bytes).unwrap();
    assert_eq!(loaded.blocks[0].text, "Breakfast is served.");
    assert_eq!(loaded.losses[0].to_string(), "1 page (page 1): too complex, or broken");
}

#[test]
fn scanned_pages_are_named() {
    let loaded = read(&text_and_scan()).unwrap();
    assert_eq!(loaded.blocks.len(), 1);
    assert_eq!(loaded.losses.len(), 1);
    assert_eq!((&*loaded.losses[0].what, loaded.losses[0].count), ("page", 1));
    assert!(loaded.losses[0].why.contains("scanned"), "{:?}", loaded.losses);
}

/// A page whose font `F3` is composite, with `entries` of its own, a character collection of Adobe with
/// the `ordering`, and a descriptor with `more`.
fn composite(drawing: &str, entries: &str, ordering: &str, more: &str, file: &[u8]) -> Vec<u8> {
    let font = |pdf: &mut Pdf| {
        pdf.add(format!(
            "<< /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+Secret /Encoding /Identity-H \
             /DescendantFonts [6 0 R] {entries} >>"
        ));
        pdf.add(format!(
            "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /ABCDEF+Secret /DW 500 /CIDSystemInfo \
             << /Registry (Adobe) /Ordering ({ordering}) /Supplement 0 >> /FontDescriptor 7 0 R >>",
        ));
        pdf.add(format!("<< /Type /FontDescriptor /FontName /ABCDEF+Secret /Flags 4 {more} >>"));
        pdf.stream("", file);
    };
    let mut bytes = pages(&[drawing.as_bytes()], "", "", font);
    // The third font goes into the resources.
    let at = bytes.windows(10).position(|window| window == b"/F2 4 0 R ").unwrap();
    bytes.splice(at..at + 10, b"/F3 5 0 R ".to_vec());
    bytes
}

#[test]
fn a_font_that_does_not_name_its_characters_is_a_loss_and_not_garbage() {
    let few = "BT /F1 12 Tf 20 700 Td (Breakfast is served.) Tj ET";
    let many = "BT /F1 12 Tf 14 TL 20 700 Td (Breakfast is served.) Tj ".to_owned()
        + &"(From seven to ten, every day.) ' ".repeat(10)
        + "ET";
    for text in [few, &many] {
        let drawing = format!("{text} BT /F3 12 Tf 20 400 Td <0003000400050006> Tj ET");
        let loaded = read(&composite(&drawing, "", "Identity", "", b"")).unwrap();
        assert!(loaded.blocks[0].text.starts_with("Breakfast is served."), "{loaded:?}");
        assert!(loaded.blocks[0].text.ends_with(['.']), "{loaded:?}");
        let loss = &loaded.losses[0];
        assert_eq!((&*loss.what, loss.places[0].as_str()), ("font", "page 1"));
    }
}

#[test]
fn characters_of_composite_fonts_are_known_from_the_collection_or_the_codes() {
    // Character 843 of Japanese is a letter, and 34 and following are Latin.
    let japanese = "BT /F3 12 Tf 20 700 Td <034b00220023> Tj ET";
    let map = "/CIDInit /ProcSet findresource begin 1 begincodespacerange <0000> <ffff> \
               endcodespacerange 1 beginbfchar <0001> <0020> endbfchar";
    let bytes = composite(japanese, "/ToUnicode 8 0 R", "Japan1", "", map.as_bytes());
    assert_eq!(text(&bytes), "\u{3042}AB");
    let unicode = "BT /F3 12 Tf 20 700 Td <00540065006100e9> Tj ET";
    let bytes = composite(unicode, "/ToUnicode /Identity-H", "Identity", "", b"");
    assert_eq!(text(&bytes), "Tea\u{e9}");
}

#[test]
fn characters_are_known_from_the_table_of_an_embedded_font() {
    let drawing = "BT /F3 12 Tf 20 700 Td <000100020003> Tj ET";
    let bytes = composite(drawing, "", "Identity", "/FontFile2 8 0 R", &truetype("Tea"));
    assert_eq!(text(&bytes), "Tea");
}

/// A font with an empty glyph for each of the characters, from glyph 1 on.
fn truetype(characters: &str) -> Vec<u8> {
    let words =
        |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    let glyphs = u16::try_from(characters.len() + 1).unwrap();
    let mut head = vec![0; 54];
    head[0..4].copy_from_slice(&[0, 1, 0, 0]);
    head[12..16].copy_from_slice(&0x5f0f_3cf5_u32.to_be_bytes());
    head[18..20].copy_from_slice(&1000_u16.to_be_bytes());
    let mut hhea = vec![0; 36];
    hhea[0..4].copy_from_slice(&[0, 1, 0, 0]);
    hhea[34..36].copy_from_slice(&1_u16.to_be_bytes());
    let mut maxp = words(&[1, 0, glyphs]);
    maxp.resize(32, 0);
    // Groups of one character each, in a table of format 12.
    let mut groups: Vec<[u32; 3]> =
        characters.chars().map(u32::from).zip(1..).map(|(c, glyph)| [c, c, glyph]).collect();
    groups.sort_unstable();
    let count = u32::try_from(groups.len()).unwrap();
    let mut cmap = words(&[0, 1, 3, 10, 0, 12, 12, 0]);
    for value in [16 + 12 * count, 0, count].into_iter().chain(groups.into_iter().flatten()) {
        cmap.extend(value.to_be_bytes());
    }
    let mut metrics = words(&[500, 0]);
    metrics.resize(4 + 2 * characters.len(), 0);
    let tables: [(&[u8; 4], Vec<u8>); 7] = [
        (b"cmap", cmap),
        (b"glyf", vec![0; 4]),
        (b"head", head),
        (b"hhea", hhea),
        (b"hmtx", metrics),
        (b"loca", vec![0; 2 * (characters.len() + 2)]),
        (b"maxp", maxp),
    ];
    let mut font = vec![0, 1, 0, 0];
    font.extend(words(&[7, 64, 2, 48]));
    let mut data = Vec::new();
    for (tag, table) in tables {
        let start = 12 + 7 * 16 + data.len();
        font.extend(tag);
        for value in [0, start, table.len()] {
            font.extend(u32::try_from(value).unwrap().to_be_bytes());
        }
        data.extend(table);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    font.extend(data);
    font
}

#[test]
fn values_of_form_fields_are_text() {
    let fields = |pdf: &mut Pdf| {
        pdf.add("<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Ada Lovelace) /Rect [100 695 300 710] >>");
        pdf.add("<< /Type /Annot /Subtype /Widget /Parent 7 0 R /Rect [100 675 300 690] >>");
        pdf.add("<< /FT /Ch /T (room) /V (Double room) /Kids [6 0 R] >>");
        pdf.add("<< /Type /Annot /Subtype /Widget /FT /Tx /Ff 8192 /V (hunter2) /Rect [100 655 300 670] >>");
    };
    let drawing = b"BT /F1 12 Tf 20 700 Td (Name:) Tj 0 -20 Td (Room:) Tj ET";
    let bytes = pages(&[drawing], "", "/Annots [5 0 R 6 0 R 8 0 R]", fields);
    let text = text(&bytes);
    assert!(
        text.contains("Name:") && text.contains("Ada Lovelace") && text.contains("Double room"),
        "{text}"
    );
    assert!(!text.contains("hunter2"));
}

#[test]
fn values_of_form_fields_are_text_if_their_appearance_shows_none() {
    let fields = |pdf: &mut Pdf| {
        let widget = "/Type /Annot /Subtype /Widget /AP << /N 8 0 R >>";
        pdf.add(format!("<< {widget} /FT /Tx /V (Ada Lovelace) /Rect [100 695 300 710] >>"));
        let options = "/Opt [(Single room) [(d) (Double room)]]";
        pdf.add(format!("<< {widget} /FT /Ch {options} /V () /Rect [100 675 300 690] >>"));
        pdf.add(format!("<< {widget} /FT /Ch /Ff 131072 /Opt [(Visa)] /Rect [100 655 300 670] >>"));
        pdf.stream("/Type /XObject /Subtype /Form /BBox [0 0 200 15]", "/Tx BMC EMC");
    };
    let drawing = b"BT /F1 12 Tf 20 700 Td (Name:) Tj 0 -20 Td (Rooms:) Tj ET";
    let text = text(&pages(&[drawing], "", "/Annots [5 0 R 6 0 R 7 0 R]", fields));
    assert!(text.contains("Ada Lovelace") && text.contains("Single room, Double room"), "{text}");
    assert!(!text.contains("Visa"), "{text}");
}

#[test]
fn texts_written_on_a_page_without_an_appearance_are_read() {
    let note = |pdf: &mut Pdf| {
        let text = "/Type /Annot /Subtype /FreeText /Contents (Closed in August)";
        pdf.add(format!("<< {text} /Rect [20 660 300 680] >>"));
        pdf.add(
            "<< /Type /Annot /Subtype /FreeText /F 2 /Contents (Draft) /Rect [20 600 300 620] >>",
        );
    };
    let drawing = b"BT /F1 12 Tf 20 700 Td (Breakfast is served.) Tj ET";
    let bytes = pages(&[drawing], "", "/Annots [5 0 R 6 0 R]", note);
    assert_eq!(text(&bytes), "Breakfast is served.\nClosed in August");
}

#[test]
fn boxes_without_an_area_do_not_hide_the_page() {
    let drawing = b"BT /F1 12 Tf 20 700 Td (Breakfast is served.) Tj ET";
    let bytes = |entries: &str| pages(&[drawing], "", entries, |_| {});
    let mut without = bytes("");
    let at = without.windows(13).position(|window| window == b"[0 0 600 800]").unwrap();
    without[at..at + 13].copy_from_slice(b"[0 0   0   0]");
    for bytes in [bytes("/CropBox [0 0 0 0]"), bytes("/CropBox [700 900 800 1000]"), without] {
        assert_eq!(text(&bytes), "Breakfast is served.");
    }
}

#[test]
fn text_that_is_drawn_in_two_incomplete_layers_is_whole() {
    // The first layer lacks the point, whose place the second one fills.
    let drawing = "BT /F1 12 Tf 20 700 Td (Tax 1) Tj ET \
                   BT /F1 12 Tf 53.35 700 Td (9 percent) Tj ET \
                   BT /F1 12 Tf 20 700 Td (Tax 1.9 percent) Tj ET";
    assert_eq!(text(&page(drawing)), "Tax 1.9 percent");
}

#[test]
fn dots_before_page_numbers_do_not_join_the_words_before_them() {
    let dots = "(.) -300 ".repeat(30);
    let drawing = format!("BT /F1 12 Tf 20 700 Td [(Getting) -200 (here) -300 {dots} (12)] TJ ET");
    let text = text(&page(&drawing));
    assert!(text.starts_with("Getting here"), "{text}");
}

#[test]
fn columns_are_read_one_after_the_other_and_tables_row_by_row() {
    let column = |x: i32, word: &str| -> String {
        (0..6)
            .map(|line| {
                let y = 700 - line * 14;
                format!("BT /F1 10 Tf {x} {y} Td (the {word} column has line {line} of six) Tj ET ")
            })
            .collect()
    };
    let drawing = column(40, "left") + &column(320, "right");
    let read = text(&page(&drawing));
    let (left, right) = (
        read.find("left column has line 5").unwrap(),
        read.find("right column has line 0").unwrap(),
    );
    assert!(left < right, "{read}");
    let rows: String = [("Room", "Price"), ("Single", "79"), ("Double", "118"), ("Suite", "240")]
        .iter()
        .zip(0..)
        .map(|((room, price), line)| {
            let y = 700 - line * 14;
            format!("BT /F1 10 Tf 40 {y} Td ({room}) Tj 200 0 Td ({price}) Tj ET ")
        })
        .collect();
    assert_eq!(text(&page(&rows)), "Room, Price\nSingle, 79\nDouble, 118\nSuite, 240");
}

#[test]
fn words_that_are_divided_at_the_end_of_a_line_are_whole() {
    let drawing = "BT /F1 12 Tf 14 TL 20 700 Td (Our break-) Tj T* (fast is ser-) Tj T* (ved at seven, check-in) Tj ET";
    assert!(
        text(&page(drawing)).starts_with("Our breakfast is served at"),
        "{}",
        text(&page(drawing))
    );
}

#[test]
fn rotated_pages_and_texts_are_read() {
    for (matrix, entries) in [
        ("0 1 -1 0 300 100", "/Rotate 90"),
        ("0 -1 1 0 300 700", "/Rotate 270"),
        ("-1 0 0 -1 500 400", "/Rotate 180"),
        ("0.866 0.5 -0.5 0.866 100 100", ""),
        ("1 0 0.3 1 100 100", ""),
    ] {
        let drawing =
            format!("BT /F1 12 Tf {matrix} Tm (Breakfast is) Tj 0 -14 Td (served at seven.) Tj ET");
        let bytes = pages(&[drawing.as_bytes()], "", entries, |_| {});
        assert_eq!(text(&bytes), "Breakfast is served at seven.", "{matrix}");
    }
}

#[test]
fn replacement_texts_count_instead_of_glyphs() {
    let drawing = "/Span << /ActualText (Breakfast) >> BDC BT /F1 12 Tf 20 700 Td (Br3akf4st) Tj ET EMC \
                   BT /F1 12 Tf 76 700 Td (at seven.) Tj ET";
    assert_eq!(text(&page(drawing)), "Breakfast at seven.");
}

#[test]
fn a_file_whose_table_of_objects_is_broken_is_read_all_the_same() {
    let whole = page("BT /F1 12 Tf 20 700 Td (Breakfast is served.) Tj ET");
    let table = whole.windows(5).position(|window| window == b"xref\n").unwrap();
    let cut = &whole[..table];
    let mut moved = b"junk before the header\n".to_vec();
    moved.extend(&whole);
    let mut wrong = whole.clone();
    wrong[table + 30..table + 40].copy_from_slice(b"0000000001");
    for bytes in [cut, &moved, &wrong] {
        assert_eq!(text(bytes), "Breakfast is served.");
    }
}

#[test]
fn a_file_whose_pages_cannot_be_found_is_broken_and_not_empty() {
    let mut pdf = Pdf::default();
    pdf.add("<< /Type /Catalog /Pages 2 0 R >>");
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    pdf.add("<< /Type /Pages /Count 1 /Kids [3 0 R] >>");
    pdf.add(format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /X {deep} >>"));
    let failure = read(&pdf.finish("/Root 1 0 R")).unwrap_err();
    assert!(failure.message().contains("broken"), "{failure}");
}

#[test]
fn two_hundred_pages_are_two_hundred_blocks() {
    let drawings: Vec<Vec<u8>> = (1..=200)
        .map(|n| format!("BT /F1 12 Tf 72 720 Td (Room number {n}.) Tj ET").into_bytes())
        .collect();
    let drawings: Vec<&[u8]> = drawings.iter().map(Vec::as_slice).collect();
    let blocks = read(&pages(&drawings, "", "", |_| {})).unwrap().blocks;
    assert_eq!(blocks.len(), 200);
    assert_eq!(blocks[199].headings, ["menu", "Page 200"]);
    assert_eq!(blocks[199].text, "Room number 200.");
}

#[test]
fn a_pdf_broken_anywhere_does_not_panic() {
    let whole = text_and_scan();
    for length in (0..whole.len()).step_by(11) {
        let _ = read(&whole[..length]);
        let mut bytes = whole.clone();
        bytes[length] ^= 0x15;
        let _ = read(&bytes);
    }
}

#[test]
fn a_file_that_unpacks_to_far_more_than_it_is_is_refused() {
    use std::io::Write;
    let deflated = |data: &[u8]| {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(data).unwrap();
        packed.finish().unwrap()
    };
    let once = deflated(&vec![b' '; 140 << 20]);
    let twice = deflated(&once);
    for (data, filter) in [(&once, "/FlateDecode"), (&twice, "[/FlateDecode /FlateDecode]")] {
        let bomb = |pdf: &mut Pdf| {
            pdf.stream(&format!("/Filter {filter}"), data);
        };
        let failure = read(&pages(&[b""], "", "", bomb)).unwrap_err();
        assert!(failure.message().contains("unpacks to too much"), "{failure}");
    }
}
