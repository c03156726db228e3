#![allow(clippy::unwrap_used, clippy::todo)]

use std::time::Duration;

use candle_core::{Device, Tensor};
use ndarray::array;

use super::*;
use crate::demos;

#[test]
fn everything_a_reader_or_a_bank_wrote_is_escaped() {
    let answer = "B starts at zero <script>alert(1)</script> & \"A\" is random";
    let output = ask("g06", answer).output();
    assert!(!output.html.contains("<script>"), "{}", output.html);
    assert!(output.html.contains("&lt;script&gt;"), "{}", output.html);
    assert!(output.text.contains("B starts at zero"), "{}", output.text);
    assert_eq!(output.facts.questions, ["g06"]);
}

#[test]
fn a_question_without_an_answer_is_only_asked() {
    let asked = ask("g06", "  ").unwrap();
    assert!(asked.verdict().is_none());
    assert!(!asked.output().html.contains("of 100"));
    assert!(ask("nothing", "x").output().facts.errors[0].contains("no question is called `nothing`"));
}

#[test]
fn an_error_is_readable_and_a_fault_for_the_runner() {
    let two = Tensor::zeros((2, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
    let output = two.matmul(&two).output();
    assert!(output.facts.errors[0].contains("[2, 3]"), "{:?}", output.facts);
    assert!(!output.html.contains("0: "), "{}", output.html);
}

#[test]
fn a_large_tensor_shows_its_corners() {
    let large = Tensor::arange(0f32, 400.0, &Device::Cpu).unwrap().reshape((20, 20)).unwrap();
    let output = large.output();
    assert_eq!(output.html.matches("<tr>").count(), 8);
    assert!(output.text.starts_with("Tensor f32 [20, 20]\n0 1 2 3 … 17 18 19\n"), "{}", output.text);
    assert!(output.text.ends_with("397 398 399"), "{}", output.text);
}

#[test]
fn an_array_is_tinted_by_sign_and_size() {
    let output = array![[1.0, -1.0], [0.0, 0.5]].output();
    assert!(output.html.contains("rgba(0,114,178,0.55)\">1<"), "{}", output.html);
    assert!(output.html.contains("rgba(213,94,0,0.55)\">-1<"), "{}", output.html);
}

#[test]
fn a_report_has_its_tables_its_figure_and_a_sentence() {
    let report = demos::run("svd", &demos::Args::new()).unwrap();
    let output = report.output();
    assert_eq!(output.html.matches("<table>").count(), report.tables.len());
    assert!(output.html.contains("data:image/svg+xml;base64,"));
    assert!(!output.facts.figures[0].see.is_empty());
}

#[test]
fn a_heat_map_of_a_large_matrix_is_drawn_and_small() {
    let wave = Tensor::arange(0f32, 300.0 * 200.0, &Device::Cpu).unwrap().sin().unwrap().reshape((300, 200)).unwrap();
    let output = heat_map(&wave, "sin", "row", "column").see("Stripes.").output();
    assert!(output.html.contains("data:image/png;base64,") && output.html.len() < 100_000, "{}", output.html.len());
    let empty = Tensor::zeros((0, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
    assert_eq!(heat_map(&empty, "", "", "").output().facts.errors.len(), 1);
}

#[test]
fn a_todo_is_a_failed_check_and_says_so() {
    let checked = exercise("merge", |case| {
        let written: fn() -> f64 = || todo!();
        case.close("it", written(), 1.0, 1e-6);
        Ok(())
    });
    let output = checked.output();
    assert!(!output.facts.checks[0].passed);
    assert!(output.facts.checks[0].message.contains("todo!()"), "{:?}", output.facts);
}

#[test]
fn several_things_stand_below_each_other_with_all_their_facts() {
    let output = (number("a", 1.0), "words <b>", number("b", f64::NAN)).output();
    assert_eq!(output.facts.numbers.len(), 2);
    assert_eq!(output.facts.numbers[1].value, None);
    assert!(output.html.contains("<pre>words &lt;b&gt;</pre>"), "{}", output.html);
    assert_eq!(output.text, "a: 1\nwords <b>\nb: NaN");
}

#[test]
fn content_cannot_end_its_own_block() {
    let blocks = Output::text("EVCXR_END_CONTENT\nmore").blocks();
    assert_eq!(blocks.matches("EVCXR_END_CONTENT").count(), 1);
}

#[test]
fn progress_says_how_much_is_left() {
    assert_eq!(
        progress::line("training", 5, 20, Duration::from_secs(2)),
        "▕█████░░░░░░░░░░░░░░░▏ training: 5 of 20, 6 s left"
    );
}
