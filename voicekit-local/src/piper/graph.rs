//! What a Piper voice's ONNX file must be told and asked before it is loaded.
//!
//! A VITS voice draws its noise inside the graph (`RandomNormalLike`), unseeded, so that the same
//! text would sound a little different each time. [`prepare`] gives those nodes a seed, which
//! makes the voice a function of its text. It also finds the two values at which the graph can be
//! cut: the length of every phoneme, and the latent frames that the decoder turns into sound.
//!
//! Only the few protobuf fields that are needed are read, by their numbers in `onnx.proto3`
//! (ONNX 1.17): `ModelProto.graph` = 7, `GraphProto.node` = 1, `NodeProto.{input, output,
//! op_type, attribute}` = 1, 2, 4, 5, `AttributeProto.{name, f, type}` = 1, 2, 20.

use std::collections::BTreeMap;

use thiserror::Error;

/// A voice's graph, ready to load.
#[derive(Debug)]
pub(super) struct Graph {
    /// The ONNX file, with seeds.
    pub(super) onnx: Vec<u8>,
    /// The value that holds each phoneme's length in frames.
    pub(super) durations: String,
    /// The value that holds the latent frames, `[1, channels, frames]`.
    pub(super) latent: String,
}

/// Why an ONNX file is not a Piper voice.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum GraphError {
    #[error("not an ONNX file: a field is cut off at byte {0}")]
    CutOff(usize),
    #[error("not an ONNX file: no graph in it")]
    NoGraph,
    #[error("no {0} in the graph")]
    Missing(&'static str),
}

/// Seeds the random nodes of `onnx` and finds where its graph can be cut.
pub(super) fn prepare(onnx: &[u8]) -> Result<Graph, GraphError> {
    let mut seeded = Vec::with_capacity(onnx.len() + 256);
    let mut found = None;
    for field in Fields::of(onnx) {
        let field = field?;
        if field.number != GRAPH || found.is_some() {
            seeded.extend_from_slice(field.whole);
            continue;
        }
        let (graph, nodes) = seed(field.content)?;
        put(&mut seeded, GRAPH, &graph);
        found = Some(nodes);
    }
    let nodes = found.ok_or(GraphError::NoGraph)?;
    Ok(Graph { onnx: seeded, durations: nodes.durations()?, latent: nodes.latent()? })
}

const GRAPH: u64 = 7;
const NODE: u64 = 1;
const NODE_INPUT: u64 = 1;
const NODE_OUTPUT: u64 = 2;
const NODE_OP: u64 = 4;
const NODE_ATTRIBUTE: u64 = 5;
const ATTRIBUTE_NAME: u64 = 1;

/// `AttributeProto { name: "seed", f: 1.0, type: FLOAT }`.
const SEED: &[u8] = b"\x0a\x04seed\x15\x00\x00\x80\x3f\xa0\x01\x01";

fn seed(graph: &[u8]) -> Result<(Vec<u8>, Nodes), GraphError> {
    let mut seeded = Vec::with_capacity(graph.len() + 128);
    let mut nodes = Nodes::default();
    for field in Fields::of(graph) {
        let field = field?;
        if field.number != NODE {
            seeded.extend_from_slice(field.whole);
            continue;
        }
        let node = Node::read(field.content)?;
        if node.op == "RandomNormalLike" && !node.seeded {
            let mut content = field.content.to_vec();
            put(&mut content, NODE_ATTRIBUTE, SEED);
            put(&mut seeded, NODE, &content);
        } else {
            seeded.extend_from_slice(field.whole);
        }
        nodes.add(node);
    }
    Ok((seeded, nodes))
}

#[derive(Default)]
struct Node {
    op: String,
    input: Option<String>,
    output: Option<String>,
    seeded: bool,
}

impl Node {
    /// Reads a node's type and its first input and output.
    fn read(bytes: &[u8]) -> Result<Self, GraphError> {
        let mut node = Self::default();
        for field in Fields::of(bytes) {
            let field = field?;
            let text = || String::from_utf8_lossy(field.content).into_owned();
            match field.number {
                NODE_INPUT if node.input.is_none() => node.input = Some(text()),
                NODE_OUTPUT if node.output.is_none() => node.output = Some(text()),
                NODE_OP => node.op = text(),
                NODE_ATTRIBUTE => node.seeded |= names_a_seed(field.content)?,
                _ => {}
            }
        }
        Ok(node)
    }
}

fn names_a_seed(attribute: &[u8]) -> Result<bool, GraphError> {
    for field in Fields::of(attribute) {
        let field = field?;
        if field.number == ATTRIBUTE_NAME {
            return Ok(field.content == b"seed");
        }
    }
    Ok(false)
}

/// What the walk over the graph remembers.
#[derive(Default)]
struct Nodes {
    /// Operator and first input of the node that makes a value.
    makers: BTreeMap<String, (String, String)>,
    rounded_up: Option<String>,
    first_upsampled: Option<String>,
}

impl Nodes {
    fn add(&mut self, node: Node) {
        let (Some(input), Some(output)) = (node.input, node.output) else { return };
        match node.op.as_str() {
            "Ceil" if self.rounded_up.is_none() => self.rounded_up = Some(output.clone()),
            "ConvTranspose" if self.first_upsampled.is_none() => {
                self.first_upsampled = Some(input.clone());
            }
            _ => {}
        }
        self.makers.insert(output, (node.op, input));
    }

    /// The one place where VITS rounds up is the length of the phonemes.
    fn durations(&self) -> Result<String, GraphError> {
        self.rounded_up.clone().ok_or(GraphError::Missing("duration predictor"))
    }

    /// The decoder begins with a convolution, then upsamples: its input is what that reads.
    fn latent(&self) -> Result<String, GraphError> {
        const MISSING: GraphError = GraphError::Missing("decoder");
        let mut value = self.first_upsampled.as_ref().ok_or(MISSING)?;
        // LeakyRelu, in voices of many speakers an Add, then the convolution.
        for _ in 0..4 {
            let (op, input) = self.makers.get(value).ok_or(MISSING)?;
            if op == "Conv" {
                return Ok(input.clone());
            }
            value = input;
        }
        Err(MISSING)
    }
}

/// One protobuf field.
struct Field<'a> {
    number: u64,
    /// The payload of a length-delimited field, otherwise empty.
    content: &'a [u8],
    /// The field with its tag.
    whole: &'a [u8],
}

struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let start = self.at;
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => {
                self.varint()?;
                &[][..]
            }
            1 => self.skip(8)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.skip(length)?
            }
            5 => self.skip(4)?,
            _ => return None,
        };
        Some(Field { number: tag >> 3, content, whole: &self.bytes[start..self.at] })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn skip(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, GraphError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let start = self.at;
        let field = self.field().ok_or(GraphError::CutOff(start));
        if field.is_err() {
            self.at = self.bytes.len();
        }
        Some(field)
    }
}

/// Appends a length-delimited field.
fn put(out: &mut Vec<u8>, number: u64, content: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op: &str, input: &str, output: &str) -> Vec<u8> {
        let mut node = Vec::new();
        put(&mut node, NODE_INPUT, input.as_bytes());
        put(&mut node, NODE_OUTPUT, output.as_bytes());
        put(&mut node, NODE_OP, op.as_bytes());
        node
    }

    fn model(nodes: &[Vec<u8>]) -> Vec<u8> {
        let mut graph = Vec::new();
        for node in nodes {
            put(&mut graph, NODE, node);
        }
        let mut model = vec![0x08, 0x07];
        put(&mut model, GRAPH, &graph);
        model
    }

    fn voice() -> Vec<Vec<u8>> {
        vec![
            node("RandomNormalLike", "shape", "noise"),
            node("Ceil", "noise", "lengths"),
            node("Conv", "frames", "wide"),
            node("LeakyRelu", "wide", "bent"),
            node("ConvTranspose", "bent", "sound"),
        ]
    }

    #[test]
    fn the_random_nodes_get_a_seed_and_nothing_else_changes() {
        let before = model(&voice());
        let graph = prepare(&before).unwrap();
        assert_eq!(graph.onnx.len(), before.len() + SEED.len() + 2);
        assert_eq!(prepare(&graph.onnx).unwrap().onnx, graph.onnx, "a seeded voice stays as it is");
    }

    #[test]
    fn the_cuts_are_found_by_structure() {
        let graph = prepare(&model(&voice())).unwrap();
        assert_eq!((graph.durations.as_str(), graph.latent.as_str()), ("lengths", "frames"));
    }

    #[test]
    fn other_files_are_refused_with_the_reason() {
        let mut headless = voice();
        headless.remove(2);
        assert_eq!(prepare(&model(&headless)).unwrap_err(), GraphError::Missing("decoder"));
        assert_eq!(prepare(b"").unwrap_err(), GraphError::NoGraph);
        assert_eq!(prepare(b"RIFF....WAVE").unwrap_err(), GraphError::CutOff(0));
    }

    #[test]
    fn a_file_cut_anywhere_never_panics() {
        let whole = model(&voice());
        for end in 0..whole.len() {
            let _ = prepare(&whole[..end]);
        }
    }
}
