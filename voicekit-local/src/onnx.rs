//! Changes to a model's graph before it is loaded.
//!
//! An ONNX file is a protocol buffer: a model (field 7: its graph) of nodes (field 1), each with
//! the names of its inputs (1) and outputs (2) and its operator (4). Source: onnx, `onnx.proto`.

use std::collections::BTreeMap;
use std::str;

const GRAPH: u64 = 7;
const NODE: u64 = 1;
const INPUT: u64 = 1;
const OUTPUT: u64 = 2;
const OPERATOR: u64 = 4;

/// `model` without the rounding of what passes between its layers: where a value is quantised and
/// at once restored, the value itself is used. What is left over of it is never computed. `None`
/// if the file is not well formed.
///
/// Models are rounded so that processors can multiply whole numbers. Where they are multiplied as
/// floating point all the same, rounding costs a third of the time and some accuracy.
pub(crate) fn without_rounding(model: &[u8]) -> Option<Vec<u8>> {
    let mut rounded = BTreeMap::new();
    let mut restored = BTreeMap::new();
    for graph in contents(model, GRAPH)? {
        for node in contents(graph, NODE)? {
            let operator = *contents(node, OPERATOR)?.first()?;
            let (inputs, outputs) = (contents(node, INPUT)?, contents(node, OUTPUT)?);
            let (Some(input), Some(output)) = (inputs.first(), outputs.first()) else { continue };
            match str::from_utf8(operator).ok()? {
                "QuantizeLinear" => rounded.insert(*output, *input),
                "DequantizeLinear" => restored.insert(*output, *input),
                _ => None,
            };
        }
    }
    let original = |name: &[u8]| restored.get(name).and_then(|name| rounded.get(name)).copied();
    rewrite(model, GRAPH, &|graph| {
        rewrite(graph, NODE, &|node| {
            rewrite(node, INPUT, &|name| Some(original(name).unwrap_or(name).to_vec()))
        })
    })
}

/// One field of a message: its number, its content if it has a length, and all its bytes.
struct Field<'a> {
    number: u64,
    content: Option<&'a [u8]>,
    bytes: &'a [u8],
}

/// The contents of all fields `number`.
fn contents(message: &[u8], number: u64) -> Option<Vec<&[u8]>> {
    let fields = fields(message)?.into_iter().filter(|field| field.number == number);
    fields.map(|field| field.content).collect()
}

/// `message` with the content of each field `number` replaced.
fn rewrite(
    message: &[u8],
    number: u64,
    change: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let mut written = Vec::with_capacity(message.len());
    for field in fields(message)? {
        match field.content.filter(|_| field.number == number) {
            Some(content) => {
                let content = change(content)?;
                write_varint((number << 3) | 2, &mut written);
                write_varint(content.len() as u64, &mut written);
                written.extend(content);
            }
            None => written.extend_from_slice(field.bytes),
        }
    }
    Some(written)
}

fn fields(mut message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let (tag, mut rest) = varint(message)?;
        let mut content = None;
        match tag & 7 {
            0 => rest = varint(rest)?.1,
            1 => rest = rest.get(8..)?,
            2 => {
                let (length, after) = varint(rest)?;
                let (inner, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
                (content, rest) = (Some(inner), after);
            }
            5 => rest = rest.get(4..)?,
            _ => return None,
        }
        let bytes = &message[..message.len() - rest.len()];
        fields.push(Field { number: tag >> 3, content, bytes });
        message = rest;
    }
    Some(fields)
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(index).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

fn write_varint(mut value: u64, written: &mut Vec<u8>) {
    while value >= 0x80 {
        written.push(low_bits(value) | 0x80);
        value >>= 7;
    }
    written.push(low_bits(value));
}

const fn low_bits(value: u64) -> u8 {
    (value & 0x7f) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u64, content: &[u8]) -> Vec<u8> {
        let mut written = Vec::new();
        write_varint((number << 3) | 2, &mut written);
        write_varint(content.len() as u64, &mut written);
        written.extend(content);
        written
    }

    fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
        let inputs: Vec<u8> =
            inputs.iter().flat_map(|name| field(INPUT, name.as_bytes())).collect();
        let rest = [field(OUTPUT, output.as_bytes()), field(OPERATOR, operator.as_bytes())];
        field(NODE, &[inputs, rest.concat()].concat())
    }

    fn model(last_input: &str) -> Vec<u8> {
        let nodes = [
            node("QuantizeLinear", &["a", "scale", "zero"], "a whole"),
            node("DequantizeLinear", &["a whole", "scale", "zero"], "a again"),
            node("DequantizeLinear", &["weights", "scale", "zero"], "weights again"),
            node("MatMul", &[last_input, "weights again"], &"long name ".repeat(30)),
        ];
        let version = [8, 9];
        [version.as_slice(), &field(GRAPH, &nodes.concat()), &field(8, b"x")].concat()
    }

    #[test]
    fn what_is_rounded_and_restored_is_used_as_it_is() {
        assert_eq!(without_rounding(&model("a again")).unwrap(), model("a"));
        assert_eq!(without_rounding(&model("b")).unwrap(), model("b"));
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused() {
        let whole = model("a again");
        for length in [1, 3, 5, 20, whole.len() - 1] {
            assert_eq!(without_rounding(&whole[..length]), None, "{length} bytes");
        }
    }
}
