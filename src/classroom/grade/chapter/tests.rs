#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

fn cell(id: &str, tags: &[&str], source: &str) -> Cell {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    Cell { id: id.into(), tags, exercise: None, source: format!("{source}\n") }
}

fn chapter() -> Chapter {
    let cells = vec![
        cell(
            "uses",
            &[],
            "use candle_core::IndexOp;\nuse plotters::prelude::*;\nlet half = 2;\nlet wide = 2 * half;\nlet slow = train();\nlet x = slow;",
        ),
        cell(
            "types",
            &[],
            "struct Layer { pub w: f32 }\nimpl Layer { fn new() -> Self { Layer { w: 1.0 } } }\nfn unused() {}",
        ),
        cell("own", &[], "struct Own { w: f32 }\nimpl Own { fn w(&self) -> f32 { self.w } }"),
        cell("helper", &[], "fn reference(x: f32) -> f32 { twice(x) }\nfn twice(x: f32) -> f32 { 2.0 * x }"),
        cell("double", &["exercise"], "fn double(layer: &Layer) -> f32 {\n    todo!()\n}"),
        cell(
            "check-double",
            &["check"],
            "exercise(\"2 w\", |case| {\n    let x = 1.0;\n    case.exact(\"w\", double(&Layer::new()) as usize, wide);\n    reference(Own { w: x }.w());\n    Ok(())\n})",
        ),
        cell("after", &[], "fn later() {}"),
    ];
    Chapter { name: "07_layers".into(), tasks: tasks("07_layers", &cells), cells }
}

#[test]
fn an_exercise_has_its_check_and_what_it_needs() {
    let chapter = chapter();
    let [task] = &chapter.tasks[..] else { panic!() };
    assert_eq!(
        (task.exercise.id.as_str(), task.exercise.title.as_str()),
        ("n07_layers_double", "Chapter 07_layers: 2 w")
    );
    let template = chapter.template(task);
    assert!(template.starts_with("pub fn double(layer: &Layer) -> f32 {\n    todo!()\n}"), "{template}");
    for wanted in ["pub use candle_core::IndexOp;", "pub struct Layer", "impl Layer"] {
        assert!(template.contains(wanted), "{wanted}: {template}");
    }
    let tests = chapter.tests(task);
    for wanted in ["use super::answer::Layer;", "use super::answer::double;", "pub fn reference", "pub fn twice"] {
        assert!(tests.contains(wanted), "{wanted}: {tests}");
    }
    for text in [&template, &tests] {
        assert!(["unused", "slow", "plotters", "later"].iter().all(|word| !text.contains(word)), "{text}");
    }
    assert!(!tests.contains("struct Layer"), "the check's Layer is the library's: {tests}");
}

#[test]
fn a_student_may_add_and_replace_helpers_but_no_types() {
    let chapter = chapter();
    let mut cells = chapter.cells.clone();
    cells[4].source = "struct Layer;\nfn twice(x: f32) -> f32 { 0.0 }\nlet tried = 1;\nfn double(l: &Layer) -> f32 { mine(twice(l.w)) }\n".into();
    cells.push(cell("new", &[], "fn mine(x: f32) -> f32 { x }\nmine(1.0)"));
    let task = &chapter.tasks[0];
    let file = chapter.file(task, &cells).unwrap();
    assert_eq!(file.matches("struct Layer").count(), 2, "two of one name do not compile: {file}");
    assert_eq!((file.matches("fn twice").count(), file.matches("fn mine").count()), (1, 1), "{file}");
    assert!(!file.contains("tried") && file.lines().nth(3).unwrap().contains("fn double"), "{file}");
    cells.remove(4);
    assert_eq!(chapter.file(task, &cells), None);
}

#[test]
fn a_notebook_is_told_by_its_name_or_its_cells() {
    let chapters = [chapter(), Chapter { name: "08_other".into(), cells: vec![cell("x", &[], "")], tasks: Vec::new() }];
    let named = |name: &str, cells: &[Cell]| of(&chapters, name, cells).map(|chapter| chapter.name.clone());
    assert_eq!(named("ann_07_layers.ipynb", &[]).as_deref(), Some("07_layers"));
    assert_eq!(named("homework.ipynb", &chapters[0].cells).as_deref(), Some("07_layers"));
    assert_eq!(named("homework.ipynb", &chapters[0].cells[..2]), None);
}
