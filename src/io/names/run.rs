//! One ONNX graph, ready to run: token ids in, a row of scores for each token out.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{GraphProto, ValueInfoProto};
use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModelExt, TValue, TVec, Tensor, ToDim, TractError, TractResult,
    TypedModel, TypedRunnableModel, tvec,
};

use super::NamesProblem;

/// `TensorProto.DataType` of the ONNX specification.
const INT32: i32 = 6;
const INT64: i32 = 7;
/// What is told of a reader's complaint.
const COMPLAINT_CHARS: usize = 200;

/// What the model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Ids,
    Mask,
    Types,
}

/// A graph that gives `labels` scores for each token. Threads can share it.
pub(super) struct Graph {
    plan: TypedRunnableModel<TypedModel>,
    /// In the graph's order, with the form of its numbers.
    inputs: Vec<(Input, DatumType)>,
    labels: usize,
}

/// Why a run gave nothing. It knows no word of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The tokenizer.
    Tokenizer,
    /// The model.
    Model,
    /// It gave something else than a row of scores for each token: this shape.
    Shape(Vec<usize>),
    /// It gave what is no number.
    NotANumber,
}

/// The scores of a window: a row for each token.
pub(super) struct Rows {
    scores: Vec<f32>,
    labels: usize,
}

impl Rows {
    /// The scores of a token, by label.
    pub(super) fn row(&self, token: usize) -> Option<&[f32]> {
        self.scores.get(token * self.labels..(token + 1) * self.labels)
    }
}

impl Graph {
    /// Reads and prepares a graph; `file` is what it is called in errors.
    pub(super) fn read(file: &str, bytes: &[u8], labels: usize) -> Result<Self, NamesProblem> {
        // A file that is none may break what its reader takes for granted.
        catch_unwind(AssertUnwindSafe(|| Self::prepare(file, bytes, labels))).unwrap_or_else(|_| {
            Err(NamesProblem::Model { file: file.to_owned(), what: "it is no ONNX file, or a broken one".to_owned() })
        })
    }

    fn prepare(file: &str, bytes: &[u8], labels: usize) -> Result<Self, NamesProblem> {
        let wrong = |error: TractError| NamesProblem::Model { file: file.to_owned(), what: complaint(&error) };
        let onnx = tract_onnx::onnx();
        let mut proto = onnx.proto_model_for_read(&mut &*bytes).map_err(wrong)?;
        let Some(graph) = &mut proto.graph else {
            return Err(NamesProblem::Model { file: file.to_owned(), what: "it holds no graph".to_owned() });
        };
        let inputs = inputs(file, graph)?;
        choose_output(file, graph, labels)?;
        // What the exporter noted of shapes in between has names of its own for them; all of it follows from the inputs.
        graph.value_info.clear();
        let mut model = onnx.model_for_proto_model(&proto).map_err(wrong)?;
        let tokens = model.symbols.sym("tokens").to_dim();
        for (at, (_, form)) in inputs.iter().enumerate() {
            let fact = InferenceFact::dt_shape(*form, tvec!(1.to_dim(), tokens.clone()));
            model.set_input_fact(at, fact).map_err(wrong)?;
        }
        let plan = model.into_optimized().and_then(|model| model.into_runnable()).map_err(wrong)?;
        Ok(Self { plan, inputs, labels })
    }

    /// The scores of the tokens of one window.
    pub(super) fn run(&self, ids: &[u32]) -> Result<Rows, Failed> {
        let ran = catch_unwind(AssertUnwindSafe(|| self.scores(ids))).unwrap_or(Err(Failed::Model))?;
        let expected = [1, ids.len(), self.labels];
        if ran.0 != expected {
            return Err(Failed::Shape(ran.0));
        }
        if !ran.1.iter().all(|score| score.is_finite()) {
            return Err(Failed::NotANumber);
        }
        Ok(Rows { scores: ran.1, labels: self.labels })
    }

    /// The shape of the output, and its numbers.
    fn scores(&self, ids: &[u32]) -> Result<(Vec<usize>, Vec<f32>), Failed> {
        let given: TractResult<TVec<TValue>> =
            self.inputs.iter().map(|(input, form)| values(*input, *form, ids)).collect();
        let run = || -> TractResult<(Vec<usize>, Vec<f32>)> {
            let given = self.plan.run(given?)?;
            let Some(scores) = given.first() else { return Ok((Vec::new(), Vec::new())) };
            let scores = scores.cast_to::<f32>()?;
            Ok((scores.shape().to_vec(), scores.as_slice::<f32>()?.to_vec()))
        };
        // What it says may name token ids, which are words: it is not told.
        run().map_err(|_| Failed::Model)
    }
}

fn values(input: Input, form: DatumType, ids: &[u32]) -> TractResult<TValue> {
    let value = |id: &u32| match input {
        Input::Ids => i64::from(*id),
        Input::Mask => 1,
        Input::Types => 0,
    };
    let numbers: Vec<i64> = ids.iter().map(value).collect();
    let tensor = Tensor::from_shape(&[1, numbers.len()], &numbers)?;
    Ok(tensor.cast_to_dt(form)?.into_owned().into())
}

/// What the graph wants to be given.
fn inputs(file: &str, graph: &GraphProto) -> Result<Vec<(Input, DatumType)>, NamesProblem> {
    let given = |input: &&ValueInfoProto| !graph.initializer.iter().any(|constant| constant.name == input.name);
    let mut inputs = Vec::new();
    for input in graph.input.iter().filter(given) {
        let refused = || NamesProblem::Input { file: file.to_owned(), input: input.name.clone() };
        let form = match input.r#type.as_ref().and_then(|form| form.value.as_ref()) {
            Some(Value::TensorType(tensor)) if tensor.elem_type == INT64 => DatumType::I64,
            Some(Value::TensorType(tensor)) if tensor.elem_type == INT32 => DatumType::I32,
            _ => return Err(refused()),
        };
        let asked = match input.name.as_str() {
            "input_ids" => Input::Ids,
            "attention_mask" => Input::Mask,
            "token_type_ids" => Input::Types,
            _ => return Err(refused()),
        };
        inputs.push((asked, form));
    }
    if inputs.iter().any(|(input, _)| *input == Input::Ids) {
        Ok(inputs)
    } else {
        Err(NamesProblem::Model { file: file.to_owned(), what: "it has no input `input_ids`".to_owned() })
    }
}

/// Leaves `logits` of the graph's outputs, or the only one.
fn choose_output(file: &str, graph: &mut GraphProto, labels: usize) -> Result<(), NamesProblem> {
    let several = graph.output.len() > 1;
    graph.output.retain(|output| !several || output.name == "logits");
    if graph.output.len() == 1 {
        return Ok(());
    }
    let what = if several { "several outputs and none is called `logits`" } else { "nothing" };
    Err(NamesProblem::Output { file: file.to_owned(), what: what.to_owned(), labels })
}

/// What a reader of graphs says, on one line.
fn complaint(error: &TractError) -> String {
    let said = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(COMPLAINT_CHARS) {
        Some((end, _)) => format!("{} …", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
