#![allow(clippy::unwrap_used, clippy::panic, clippy::todo)]

use candle_core::{Device, Tensor, Var};

use super::*;

/// What one test's body is told.
fn told(body: impl FnOnce(&mut Case) -> Outcome + 'static) -> TestResult {
    let mut suite = Suite::default();
    suite.case("it", 1, body);
    let mut results = Vec::new();
    suite
        .run(|result| {
            results.push(result);
            Ok::<(), ()>(())
        })
        .unwrap();
    results.pop().unwrap()
}

fn diagnosed(body: impl FnOnce(&mut Case) -> Outcome + 'static) -> (Kind, String) {
    let result = told(body);
    assert!(!result.passed && result.earned == 0, "{result:?}");
    let diagnosis = result.diagnosis.unwrap();
    (diagnosis.kind, diagnosis.text)
}

fn compared(got: Vec<Vec<f64>>, want: Vec<Vec<f64>>) -> (Kind, String) {
    diagnosed(move |case| {
        case.close("it", got, want, 1e-6).scale("alpha/r", 4.0);
        Ok(())
    })
}

fn rows(rows: &[&[f64]]) -> Vec<Vec<f64>> {
    rows.iter().map(|row| row.to_vec()).collect()
}

fn want() -> Vec<Vec<f64>> {
    rows(&[&[1.0, -2.0], &[3.0, 5.0]])
}

fn mapped(change: impl Fn(f64) -> f64) -> Vec<Vec<f64>> {
    want().iter().map(|row| row.iter().map(|value| change(*value)).collect()).collect()
}

#[test]
fn what_is_right_passes() {
    let result = told(|case| {
        case.close("it", mapped(|value| value + 1e-8), want(), 1e-6).mistake("halved", mapped(|value| value / 2.0));
        case.exact("count", 7usize, 7u64);
        case.same("name", "a", "a");
        Ok(())
    });
    assert!(result.passed && result.earned == 1, "{result:?}");
}

#[test]
fn general_mistakes_are_recognised() {
    let kind = |got| compared(got, want()).0;
    assert_eq!(kind(rows(&[&[1.0, 3.0], &[-2.0, 5.0]])), Kind::Transposed);
    assert_eq!(kind(rows(&[&[3.0, 5.0], &[1.0, -2.0]])), Kind::Permuted);
    assert_eq!(kind(mapped(|value| -value)), Kind::Sign);
    assert_eq!(kind(mapped(f64::abs)), Kind::Sign);
    assert_eq!(kind(mapped(|value| value + 1.0)), Kind::Offset);
    assert_eq!(kind(mapped(|_| 0.0)), Kind::Zero);
    assert_eq!(kind(mapped(|value| if value == 5.0 { f64::NAN } else { value })), Kind::NotFinite);
    assert_eq!(kind(mapped(|value| if value == 5.0 { 4.0 } else { value })), Kind::Partly);
    assert_eq!(kind(mapped(|value| value * value + 0.3)), Kind::Other);
    assert_eq!(compared(rows(&[&[1.0, 2.0, 3.0]]), rows(&[&[1.0], &[2.0], &[4.0]])).0, Kind::Transposed);
    let (kind, text) = compared(rows(&[&[1.0, -2.0, 3.0, 5.0]]), want());
    assert_eq!(kind, Kind::Shape);
    assert!(text.contains("got [1, 4], wanted [2, 2]") && text.contains("numbers are right"), "{text}");
}

#[test]
fn scales_are_named() {
    let scale = |factor: f64| {
        let (kind, text) = compared(mapped(|value| value * factor), want());
        assert_eq!(kind, Kind::Scale, "{text}");
        text
    };
    assert!(scale(0.25).contains("alpha/r is missing"));
    assert!(scale(4.0).contains("alpha/r is applied twice"));
    assert!(scale(0.0625).contains("alpha/r is upside down"));
    assert!(scale(3.0).contains("3 times"));
    assert!(scale(0.125).contains("1/8 times"));
}

#[test]
fn counts_off_by_one_are_told_so() {
    let count = |got: usize, want: usize| {
        diagnosed(move |case| {
            case.exact("count", got, want).mistake("only A is counted", 40);
            Ok(())
        })
    };
    assert_eq!(count(81, 80).0, Kind::OffByOne);
    assert_eq!(count(160, 80).0, Kind::Scale);
    assert_eq!(count(40, 80), (Kind::Named, "only A is counted".to_owned()));
    assert_eq!(count(53, 80).0, Kind::Other);
}

#[test]
fn a_detached_gradient_is_told_so() {
    let (kind, text) = diagnosed(|case| {
        let weight = Var::from_tensor(&Tensor::new(&[1f32, 2.0], &Device::Cpu)?)?;
        let gradients = weight.detach().sqr()?.sum_all()?.backward()?;
        case.gradient("dL/dw", gradients.get(&weight), [2.0, 4.0], 1e-6);
        Ok(())
    });
    assert_eq!(kind, Kind::Detached);
    assert!(text.contains("detached"), "{text}");
}

#[test]
fn errors_of_candle_are_explained() {
    let product = |left: (usize, usize), right: (usize, usize)| {
        diagnosed(move |case| {
            let left = Tensor::zeros(left, candle_core::DType::F32, &Device::Cpu)?;
            let right = Tensor::zeros(right, candle_core::DType::F32, &Device::Cpu)?;
            case.close("product", left.matmul(&right)?, 0.0, 1e-6);
            Ok(())
        })
    };
    let (kind, text) = product((2, 3), (5, 3));
    assert!(kind == Kind::Transposed && text.contains("right factor is transposed"), "{text}");
    let (kind, text) = product((3, 2), (3, 5));
    assert!(kind == Kind::Transposed && text.contains("left factor is transposed"), "{text}");
    assert_eq!(product((2, 3), (4, 5)).0, Kind::Shape);
}

#[test]
fn panics_and_holes_are_results() {
    quiet_panics();
    let (kind, text) = diagnosed(|_| todo!());
    assert!(kind == Kind::Todo && text.contains("classroom/tests.rs"), "{text}");
    let (kind, text) = diagnosed(|_| {
        let empty: Vec<u8> = Vec::new();
        assert_eq!(empty[std::hint::black_box(3)], 0);
        Ok(())
    });
    assert!(kind == Kind::Panicked && text.contains("index out of bounds"), "{text}");
}

#[test]
fn faults_of_an_exercise_fail_its_solution() {
    let empty = told(|_| Ok(()));
    assert!(!empty.passed && empty.message.contains("compares nothing"));
    let twin = told(|case| {
        case.exact("count", 4, 4).mistake("the same", 4);
        Ok(())
    });
    assert!(!twin.passed && twin.message.contains("cannot be told from the right answer"));
}
